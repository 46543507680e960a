"""The commands about the configuration file: `devops config ...`."""

from __future__ import annotations

import sys
from dataclasses import fields
from typing import Annotated

import typer

from devops_cli import config
from devops_cli.exits import Exit
from devops_cli.failures import UsageError
from devops_cli.options import command
from devops_cli.show import texts
from devops_cli.world import World, say

_PROFILE = typer.Option(metavar="NAME", help="The profile; or set DEVOPS_PROFILE.")
Chosen = Annotated[str, _PROFILE]
Key = Annotated[
    str,
    typer.Argument(
        metavar="KEY", help=", ".join(config.KEYS), autocompletion=lambda: list(config.KEYS)
    ),
]


@command
def show(world: World, profile: Chosen = "") -> Exit:
    """Show the settings of a profile; an API key is not shown."""
    file = config.path(world.environment)
    name = _name(world, profile)
    found = config.load(file).get(name)
    if found is None:
        raise UsageError(
            f"there is no profile {name!r} in {file}",
            "Make it: devops config set api URL" + (f" --profile {name}" if profile else ""),
        )
    say(world.out, texts.text(f"[{name}] in {file}", "bold"))
    for each in fields(found):
        value = getattr(found, each.name)
        if value:
            shown = "(set)" if each.name == "api_key" else value
            say(world.out, texts.text(f"{each.name} = {shown}"))
    return Exit.SUCCEEDED


@command
def profiles(world: World) -> Exit:
    """List the profiles with their addresses."""
    found = config.load(config.path(world.environment))
    lines = [[name, each.api] for name, each in found.items()]
    table = texts.Rows(("PROFILE", "API"), lines)
    say(world.out, table if lines else texts.text("No profiles."))
    return Exit.SUCCEEDED


@command
def store(
    world: World,
    key: Key,
    value: Annotated[
        str,
        typer.Argument(
            help="Without it, it is asked for, and no history has it.", show_default=False
        ),
    ] = "",
    profile: Chosen = "",
) -> Exit:
    """Set api, region, aws_profile or api_key of a profile."""
    value = value or _asked(world, key)
    if not value.strip():
        raise UsageError(f"{key} needs a value; `devops config unset {key}` takes it away")
    config.store(config.path(world.environment), _name(world, profile), key, value)
    return Exit.SUCCEEDED


@command
def unset(world: World, key: Key, profile: Chosen = "") -> Exit:
    """Take a setting out of a profile; the profile goes with its last one."""
    config.store(config.path(world.environment), _name(world, profile), key, None)
    return Exit.SUCCEEDED


def _name(world: World, profile: str) -> str:
    return profile or world.environment.get("DEVOPS_PROFILE") or config.DEFAULT_PROFILE


def _asked(world: World, key: str) -> str:
    if world.asks:
        return str(typer.prompt(key, hide_input=key == "api_key", err=True))
    return sys.stdin.readline().strip()
