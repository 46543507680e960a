"""One command at work: calls the service, and says what came of it, to people or to programs."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import typer

from devops_cli import config
from devops_cli.show import texts
from devops_cli.world import World, say

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from devops_cli.answers import Answer
    from devops_cli.client import Api

_CONNECTION = "Connection"


@dataclass(frozen=True)
class Common:
    """The options of every command that calls the service."""

    as_json: Annotated[
        bool, typer.Option("--json", help="Print the service's answer as it came, for programs.")
    ] = False
    api: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Address of the service, stage included. Or set DEVOPS_API.",
            rich_help_panel=_CONNECTION,
        ),
    ] = ""
    profile: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Profile of `devops config`. Or set DEVOPS_PROFILE.",
            rich_help_panel=_CONNECTION,
        ),
    ] = ""
    region: Annotated[
        str,
        typer.Option(
            metavar="REGION",
            help="AWS region to sign for, where the address does not tell it.",
            rich_help_panel=_CONNECTION,
        ),
    ] = ""


@dataclass(frozen=True)
class Session:
    """A command, its world, and the options that all commands have."""

    world: World
    common: Common

    @cached_property
    def api(self) -> Api:
        """The service.

        Raises:
            CliError: its address is not known, or there are credentials that cannot be used.

        """
        from devops_cli import client, signing  # slow to import, and --help calls nothing

        world, common = self.world, self.common
        profile = config.resolve(
            world.environment, api=common.api, profile=common.profile, region=common.region
        )
        auth = signing.auth(profile, world.session(profile), world.environment)
        return client.connect(profile, auth, world.transport, world.clock, self.notice)

    @property
    def progress(self) -> Console:
        """Where progress is shown: stdout is the answer's alone with --json."""
        return self.world.err if self.common.as_json else self.world.out

    def command(self, *words: str) -> str:
        """Return a command line as a person can type it, with the connection of this one."""
        common = self.common
        given = {"--api": common.api, "--profile": common.profile, "--region": common.region}
        options = [part for name, value in given.items() if value for part in (name, value)]
        return shlex.join(["devops", *words, *options])

    def finish(self, answer: Answer, *shown: RenderableType) -> None:
        """Say what came of it: the bytes of the answer with --json, else what there is to show."""
        if self.common.as_json:
            print_answer(answer)
            return
        for each in shown:
            say(self.world.out, each)

    def notice(self, text: str) -> None:
        """Tell a person something by the way."""
        say(self.world.err, texts.text(text, "dim"))


def print_answer(answer: Answer) -> None:
    """Print the bytes of an answer as they came, ended by a line feed."""
    content = answer.content
    typer.echo(content if content.endswith(b"\n") else content + b"\n", nl=False)
