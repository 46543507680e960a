"""The session of one command: the client of the service, and output for people or programs."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import typer

from devops_cli import config
from devops_cli.runtime import Runtime, print_on
from devops_cli.show import texts

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from devops_cli.client import Api
    from devops_cli.config import Profile
    from devops_cli.responses import Response
    from devops_cli.signing import CredentialSource

_CONNECTION = "Connection"


@dataclass(frozen=True)
class Common:
    """The options of every command that calls the service."""

    as_json: Annotated[
        bool, typer.Option("--json", help="Print the unchanged JSON response, for programs.")
    ] = False
    api: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Address of the service, with the stage. Or set DEVOPS_API.",
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
            help="AWS region of the signature, if the address does not contain it.",
            rich_help_panel=_CONNECTION,
        ),
    ] = ""


@dataclass(frozen=True)
class Session:
    """The runtime of a command and its common options."""

    runtime: Runtime
    common: Common

    @cached_property
    def connection(self) -> Profile:
        """The settings of the connection.

        Raises:
            UsageError: the address is not configured, or the profile does not exist.

        """
        common = self.common
        return config.resolve(
            self.runtime.environment, api=common.api, profile=common.profile, region=common.region
        )

    @cached_property
    def credentials(self) -> CredentialSource:
        """The source of the AWS credentials."""
        return self.runtime.credentials(self.connection)

    @cached_property
    def api(self) -> Api:
        """The client of the service.

        Raises:
            CliError: the address is not configured, or the credentials or certificates cannot be
                used.

        """
        from devops_cli import (
            certificates,
            client,
            signing,
        )  # slow to import, and --help does not need them

        runtime, profile = self.runtime, self.connection
        # Before the credentials: botocore reads the same variables.
        source = self.credentials
        trust = certificates.load(runtime.environment, source.ca_bundle)
        auth = signing.auth(profile, source, runtime.environment)
        return client.connect(
            profile, auth, runtime.transport, runtime.clock, self.notice, trust=trust
        )

    def close(self) -> None:
        """Close the connections to the service, if there are any."""
        if "api" in vars(self):
            self.api.close()

    @property
    def progress(self) -> Console:
        """The console for progress: stderr with --json, because stdout has only the response."""
        return self.runtime.err if self.common.as_json else self.runtime.out

    def command(self, *words: str) -> str:
        """Return a `devops` command line with the connection options of this command."""
        common = self.common
        given = {"--api": common.api, "--profile": common.profile, "--region": common.region}
        options = [part for name, value in given.items() if value for part in (name, value)]
        return shlex.join(["devops", *words, *options])

    def print_result(self, response: Response, *shown: RenderableType) -> None:
        """Print the unchanged response with --json, otherwise the elements of `shown`."""
        if self.common.as_json:
            print_response(response)
            return
        for each in shown:
            print_on(self.runtime.out, each)

    def print_outcome(self, response: Response, *shown: RenderableType) -> None:
        """Print the elements of `shown`, with --json on stderr, and then the response."""
        for each in shown:
            print_on(self.progress, each)
        if self.common.as_json:
            print_response(response)

    def notice(self, text: str) -> None:
        """Print a line on stderr."""
        print_on(self.runtime.err, texts.text(text, "dim"))


def print_response(response: Response) -> None:
    """Print the unchanged bytes of a response, with a line feed at the end.

    JSON can contain characters that control a terminal; a response with such characters is printed
    with escape sequences of JSON instead.
    """
    content = response.content
    if not texts.is_plain(content.decode("utf-8", "replace")):
        content = json.dumps(response.body).encode()
    typer.echo(content if content.endswith(b"\n") else content + b"\n", nl=False)
