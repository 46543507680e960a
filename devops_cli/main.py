"""The program `devops`: registers the commands with their help."""

from __future__ import annotations

from typing import Annotated

import typer

from devops_cli import __version__
from devops_cli.commands import (
    doctor,
    initial,
    profiles,
    reads,
    specifications,
    updates,
    waits,
    writes,
)
from devops_cli.exits import MEANINGS
from devops_cli.hints import CreateCommand, HintCommand, HintGroup

_KEEP_LINES = "\b\n"  # Click does not join the lines of a paragraph after this mark
_START = f"""{_KEEP_LINES}Begin with:
  devops config set api https://API.execute-api.REGION.amazonaws.com/dev
  devops ls"""
_EXITS = f"{_KEEP_LINES}Exit codes:\n" + "\n".join(
    f"{code.value:>5}  {meaning}" for code, meaning in MEANINGS.items()
)
_WRITE_PANEL = "Change applications"
_READ_PANEL = "Read and wait"

app = typer.Typer(
    name="devops",
    cls=HintGroup,
    help="Deploys applications to Amazon ECS Fargate and shows their state.",
    epilog=f"{_START}\n\n{_EXITS}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
config = typer.Typer(
    help="Manage profiles: addresses of the service and credentials.", no_args_is_help=True
)


def _version(requested: bool) -> None:
    if requested:
        typer.echo(f"devops {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Accept the options of the program itself."""


_COMMANDS = (
    (
        writes.create,
        _WRITE_PANEL,
        "create Shop --team payments --email team@example.com --env dev,qa",
    ),
    (updates.apply, _WRITE_PANEL, "apply -f app.yml"),
    (updates.set_, _WRITE_PANEL, "set Shop cpu=512 environment.LEVEL=info --env stage"),
    (updates.scale, _WRITE_PANEL, "scale Shop --env prod --min 2 --max 20 --cpu 60"),
    (updates.unset, _WRITE_PANEL, "unset Shop environment.LEVEL --env stage"),
    (writes.deploy, _WRITE_PANEL, "deploy Shop --env dev,qa --version 1.0.0"),
    (writes.restart, _WRITE_PANEL, "restart Shop --env dev,qa"),
    (writes.promote, _WRITE_PANEL, "promote Shop --from qa"),
    (writes.swap, _WRITE_PANEL, "swap Shop --version 1.0.0 --canary 10 --bake 30m"),
    (writes.upgrade, _WRITE_PANEL, "upgrade Shop --dry-run"),
    (writes.delete, _WRITE_PANEL, "delete Shop"),
    (waits.approve, _WRITE_PANEL, "approve Shop --until full"),
    (waits.finish, _WRITE_PANEL, "finish Shop"),
    (waits.abort, _WRITE_PANEL, "abort Shop"),
    (reads.status, _READ_PANEL, "status Shop"),
    (specifications.spec, _READ_PANEL, "spec Shop --effective prod"),
    (specifications.diff, _READ_PANEL, "diff Shop"),
    (reads.ls, _READ_PANEL, "ls --env prod-green --team payments"),
    (reads.events, _READ_PANEL, "events Shop --since 2h"),
    (waits.wait, _READ_PANEL, "wait Shop"),
    (doctor.doctor, "Set up", "doctor --json"),
    (initial.init, "Set up", "init Shop --cluster shop --service web"),
)
for _function, _panel, _example in _COMMANDS:
    app.command(
        _function.__name__.rstrip("_"),
        cls=CreateCommand if _function is writes.create else HintCommand,
        epilog=f"Example: devops {_example}",
        rich_help_panel=_panel,
    )(_function)

_SETTINGS = (
    ("show", profiles.show, "show --profile test"),
    ("list", profiles.profiles, "list"),
    ("set", profiles.store, "set aws_profile my-sso-profile --profile test"),
    ("unset", profiles.unset, "unset region"),
)
for _name, _function, _example in _SETTINGS:
    config.command(_name, cls=HintCommand, epilog=f"Example: devops config {_example}")(_function)
app.add_typer(config, name="config", rich_help_panel="Set up")

if __name__ == "__main__":
    app()
