"""Arguments and options that several commands share, and what makes a command of a function."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

from devops_cli import durations, rules
from devops_cli.exits import Exit
from devops_cli.failures import CliError
from devops_cli.session import Common, Session, print_answer
from devops_cli.show import errors
from devops_cli.world import World, real, say

_KEY = re.compile(r"[!-~]{1,255}")


def _key(value: str) -> str:
    if not _KEY.fullmatch(value):
        raise typer.BadParameter("a key has 1 to 255 printable ASCII characters, no spaces")
    return value


def _duration(value: str | timedelta) -> timedelta:
    try:
        return value if isinstance(value, timedelta) else durations.duration(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def environments(values: list[str]) -> list[str]:
    """Return the environments of a repeatable option that also takes several with commas.

    Raises:
        typer.BadParameter: one of them is none.

    """
    parse = rules.choice("deployable")
    try:
        return [parse(each) for value in values for each in value.split(",")]
    except typer.BadParameter as error:
        error.param_hint = "'--env'"
        raise


_NAME_ARGUMENT = typer.Argument(
    metavar="NAME", parser=rules.text("name"), help="The application's name."
)
Name = Annotated[str, _NAME_ARGUMENT]
OptionalName = Annotated[str | None, _NAME_ARGUMENT]
OperationId = Annotated[
    str | None,
    typer.Argument(
        metavar="OPERATION_ID",
        parser=rules.text("operation", str.upper),
        help="The id of an operation.",
    ),
]
ENVIRONMENT_OPTION = typer.Option(
    "--env",
    metavar="ENV",
    help="dev, qa, stage, training, da; several with commas, or give it again.",
    autocompletion=lambda: rules.values("deployable"),
)
Environments = Annotated[list[str], ENVIRONMENT_OPTION]


@dataclass(frozen=True)
class Timeout:
    """How long to wait for the end."""

    timeout: Annotated[
        timedelta,
        typer.Option(
            parser=_duration,
            metavar="DURATION",
            show_default=False,
            help="Stop waiting after this (90s, 45m, 2h); the operation goes on. Default: 60m.",
        ),
    ] = timedelta(hours=1)


@dataclass(frozen=True)
class Write:
    """The options of every command that changes something."""

    wait: Annotated[
        bool,
        typer.Option("--wait/--no-wait", help="Follow it to its end, or return when accepted."),
    ] = True
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be done. Nothing is changed."),
    ] = False
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            parser=_key,
            metavar="KEY",
            help="The same key again is the same operation, for 24 hours. Default: a new one.",
        ),
    ] = None


def command(function: Callable[..., Exit]) -> Callable[..., None]:
    """Make what Typer takes for a command of a function that returns its exit code.

    Where the function asks for a dataclass of options (`Write`), the command has each of them as
    an option; where it asks for a `Session`, those of `Common`; a `World` is that of the context.
    An error is told in words, and becomes the exit code.
    """
    hints = get_type_hints(function, include_extras=True)
    asked = [each.replace(annotation=hints[each.name]) for each in _parameters(function)]
    sets = {each.name: found for each in asked if (found := _set_of(each.annotation))}

    @wraps(function)
    def run(context: typer.Context, **given: Any) -> None:
        _refuse_empty(context, given)
        world: World = context.obj or real()
        common = _gather(given, sets, world)
        try:
            code = function(**given)
        except CliError as error:
            code = _told(error, Session(world, common))
        raise typer.Exit(code)

    shown = [parameter for each in asked for parameter in _shown(each, sets.get(each.name))]
    context = inspect.Parameter("context", _KEYWORD, annotation=typer.Context)
    ordered = [context, *shown]
    run.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined] # Typer reads it
    run.__annotations__ = {each.name: each.annotation for each in ordered}
    return run


def _refuse_empty(context: typer.Context, given: Mapping[str, Any]) -> None:
    """Refuse an empty argument or option: it is an unset variable of a script, not a missing one.

    Raises:
        typer.BadParameter: one of them is empty.

    """
    for each in context.command.params:
        value, source = given.get(str(each.name)), context.get_parameter_source(str(each.name))
        is_empty = value == "" or (isinstance(value, list) and "" in value)
        if is_empty and source and source.name == "COMMANDLINE":
            raise typer.BadParameter("must not be empty", param_hint=f"'{each.opts[0]}'")


_KEYWORD = inspect.Parameter.KEYWORD_ONLY


def _parameters(function: Callable[..., Exit]) -> list[inspect.Parameter]:
    return [each.replace(kind=_KEYWORD) for each in inspect.signature(function).parameters.values()]


def _set_of(annotation: Any) -> type[Any] | None:
    """Return the dataclass whose fields are options, or `World`, if that is what is asked for."""
    if annotation is Session:
        return Common
    return annotation if isinstance(annotation, type) and is_dataclass(annotation) else None


def _shown(parameter: inspect.Parameter, options: type[Any] | None) -> Iterator[inspect.Parameter]:
    """Yield the parameters that Typer is to see instead of one."""
    if options is None:
        yield parameter
    elif options is not World:
        hints = get_type_hints(options, include_extras=True)
        for each in fields(options):
            yield inspect.Parameter(
                each.name, _KEYWORD, default=each.default, annotation=hints[each.name]
            )


def _gather(given: dict[str, Any], sets: Mapping[str, type[Any]], world: World) -> Common:
    """Put dataclasses in place of the options that they are made of; return what all have."""
    common = Common()
    for name, options in sets.items():
        if options is World:
            given[name] = world
            continue
        made = options(**{each.name: given.pop(each.name) for each in fields(options)})
        given[name] = made
        if isinstance(made, Common):
            common, given[name] = made, Session(world, made)
    return common


def _told(error: CliError, session: Session) -> Exit:
    if session.common.as_json and error.answer is not None:
        print_answer(error.answer)
    for line in errors.lines(error, session.command):
        say(session.world.err, line)
    return error.code
