"""The commands for the configuration file: `devops config ...`."""

from __future__ import annotations

import sys
from dataclasses import fields
from typing import Annotated

import typer

from devops_cli import config
from devops_cli.exits import Exit
from devops_cli.failures import UsageError
from devops_cli.options import command
from devops_cli.runtime import Runtime, print_on
from devops_cli.show import texts

_PROFILE = typer.Option(metavar="NAME", help="The profile; or set DEVOPS_PROFILE.")
Chosen = Annotated[str, _PROFILE]
Key = Annotated[
    str,
    typer.Argument(
        metavar="KEY", help=", ".join(config.KEYS), autocompletion=lambda: list(config.KEYS)
    ),
]


@command
def show(runtime: Runtime, profile: Chosen = "") -> Exit:
    """Show the settings of a profile; an API key is not shown."""
    file = config.path(runtime.environment)
    name = _profile_name(runtime, profile)
    found = config.load(file).get(name)
    if found is None:
        raise UsageError(
            f"no profile {name!r} in {file}",
            "Create it: devops config set api URL" + (f" --profile {name}" if profile else ""),
        )
    print_on(runtime.out, texts.text(f"[{name}] in {file}", "bold"))
    for each in fields(found):
        value = getattr(found, each.name)
        if value:
            shown = "(set)" if each.name == "api_key" else value
            print_on(runtime.out, texts.text(f"{each.name} = {shown}"))
    return Exit.SUCCEEDED


@command
def profiles(runtime: Runtime) -> Exit:
    """List the profiles with their addresses."""
    found = config.load(config.path(runtime.environment))
    lines = [[name, each.api] for name, each in found.items()]
    table = texts.Rows(("PROFILE", "API"), lines)
    print_on(runtime.out, table if lines else texts.text("No profiles."))
    return Exit.SUCCEEDED


@command
def store(
    runtime: Runtime,
    key: Key,
    value: Annotated[
        str,
        typer.Argument(
            help="The value. Without it, the command asks; the shell history then lacks it.",
            show_default=False,
        ),
    ] = "",
    profile: Chosen = "",
) -> Exit:
    """Set api, region, aws_profile or api_key of a profile."""
    value = value or _prompt_value(runtime, key)
    if not value.strip():
        raise UsageError(f"{key} needs a value; `devops config unset {key}` removes the setting")
    config.store(config.path(runtime.environment), _profile_name(runtime, profile), key, value)
    return Exit.SUCCEEDED


@command
def unset(runtime: Runtime, key: Key, profile: Chosen = "") -> Exit:
    """Remove a setting from a profile; a profile without settings is removed."""
    config.store(config.path(runtime.environment), _profile_name(runtime, profile), key, None)
    return Exit.SUCCEEDED


def _profile_name(runtime: Runtime, profile: str) -> str:
    named = profile or config.variable(runtime.environment, "DEVOPS_PROFILE")
    return named or config.DEFAULT_PROFILE


def _prompt_value(runtime: Runtime, key: str) -> str:
    if runtime.interactive:
        return str(typer.prompt(key, hide_input=key == "api_key", err=True))
    return sys.stdin.readline().strip()
