"""The program `devops`: its commands and their help."""

from __future__ import annotations

from typing import Annotated

import typer

from devops_cli import __version__
from devops_cli.commands import profiles, reads, waits, writes
from devops_cli.exits import MEANINGS

_AS_IT_IS = "\b\n"  # Click's sign for a paragraph whose lines are not to be joined
_START = f"""{_AS_IT_IS}Begin with:
  devops config set api https://API.execute-api.REGION.amazonaws.com/dev
  devops ls"""
_EXITS = f"{_AS_IT_IS}Exit codes:\n" + "\n".join(
    f"{code.value:>5}  {meaning}" for code, meaning in MEANINGS.items()
)
_RUN = "Change what runs"
_LOOK = "Look and wait"

app = typer.Typer(
    name="devops",
    help="Deploys applications to Amazon ECS Fargate, and shows what runs where.",
    epilog=f"{_START}\n\n{_EXITS}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
config = typer.Typer(
    help="Where the service is and as whom to call it: profiles in a file.", no_args_is_help=True
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"devops {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Take the options that are no command's."""


_COMMANDS = (
    (writes.create, _RUN, "create Shop --team payments --email team@example.com --env dev,qa"),
    (writes.deploy, _RUN, "deploy Shop --env dev,qa --version 1.0.0"),
    (writes.promote, _RUN, "promote Shop --from qa"),
    (writes.swap, _RUN, "swap Shop --version 1.0.0"),
    (writes.delete, _RUN, "delete Shop"),
    (waits.abort, _RUN, "abort Shop"),
    (reads.status, _LOOK, "status Shop"),
    (reads.ls, _LOOK, "ls --env prod-green --team payments"),
    (reads.events, _LOOK, "events Shop --since 2h"),
    (waits.wait, _LOOK, "wait Shop"),
)
for _function, _panel, _example in _COMMANDS:
    app.command(epilog=f"Example: devops {_example}", rich_help_panel=_panel)(_function)

_SETTINGS = (
    ("show", profiles.show, "show --profile test"),
    ("list", profiles.profiles, "list"),
    ("set", profiles.store, "set aws_profile my-sso-profile --profile test"),
    ("unset", profiles.unset, "unset region"),
)
for _name, _function, _example in _SETTINGS:
    config.command(_name, epilog=f"Example: devops config {_example}")(_function)
app.add_typer(config, name="config", rich_help_panel="Set up")

if __name__ == "__main__":
    app()
