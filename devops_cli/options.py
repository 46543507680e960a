"""Arguments and options that several commands share, and the decorator that makes a command."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

from devops_cli import completion, durations, milestones, rules
from devops_cli.exits import Exit
from devops_cli.failures import CliError
from devops_cli.runtime import Runtime, print_on, system_runtime
from devops_cli.session import Common, Session, print_response
from devops_cli.show import errors

DEFAULT_QUEUE_TIMEOUT = timedelta(hours=1)
_KEY = re.compile(r"[!-~]{1,255}")


def _key(value: str) -> str:
    if not _KEY.fullmatch(value):
        raise typer.BadParameter("a key has 1 to 255 printable ASCII characters, no spaces")
    return value


def _duration(value: str | timedelta) -> timedelta:
    try:
        return value if isinstance(value, timedelta) else durations.parse_duration(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _milestone(value: str) -> str:
    if value not in milestones.MILESTONES:
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(milestones.MILESTONES)}")
    return value


def environments(values: list[str], production: str, option: str = "--env") -> list[str]:
    """Return the environments of an option that is repeatable and also accepts commas.

    `production` is the remedy if a value is production, `option` the name of the option.

    Raises:
        typer.BadParameter: a value is not an environment.

    """
    return _listed("deployable", values, production, option)


def configurable(values: list[str]) -> list[str]:
    """Return the environments of an option for settings, in which `prod` is both slots.

    Raises:
        typer.BadParameter: a value is not an environment.

    """
    return _listed("configurable", values, ". prod has the settings of both slots")


def _listed(rule: str, values: list[str], production: str, option: str = "--env") -> list[str]:
    parse = rules.choice(rule, production)
    try:
        return [parse(each) for value in values for each in value.split(",")]
    except typer.BadParameter as error:
        error.param_hint = f"'{option}'"
        raise


NewName = Annotated[
    str,
    typer.Argument(metavar="NAME", parser=rules.text("name"), help="The application's name."),
]
_NAME_ARGUMENT = typer.Argument(
    metavar="NAME",
    parser=rules.text("name"),
    help="The application's name.",
    autocompletion=completion.application_names,
)
FILE_OPTION = typer.Option(
    "--file", "-f", metavar="FILE", help="The specification in YAML or JSON; - is stdin."
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
    help="dev, qa, stage, training or da; several with commas or by repeating the option.",
    autocompletion=completion.environments,
)
Environments = Annotated[list[str], ENVIRONMENT_OPTION]
Configurable = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        metavar="ENV",
        help="Only for dev, qa, stage, training, da or prod; several with commas or by repeating"
        " the option. Default: all environments.",
        autocompletion=completion.configurable,
    ),
]


@dataclass(frozen=True)
class Timeout:
    """The time limit for waiting."""

    timeout: Annotated[
        timedelta | None,
        typer.Option(
            parser=_duration,
            metavar="DURATION",
            show_default=False,
            help="Stop waiting after this time (90s, 45m, 2h); the operation continues. "
            "Default: 60m; for a swap with steps or waits, until its end.",
        ),
    ] = None


@dataclass(frozen=True)
class Until:
    """The milestone of a swap that ends the wait."""

    until: Annotated[
        str,
        typer.Option(
            metavar="|".join(milestones.MILESTONES),
            parser=_milestone,
            autocompletion=lambda: milestones.MILESTONES,
            help="The end of the wait: a swap waits for its approval, or has it (approval); the"
            " first customers have the new release (switched, the time shiftedAt); all have it"
            " (full, the time switchedAt); or the operation has ended.",
        ),
    ] = milestones.END


@dataclass(frozen=True)
class Write:
    """The options of every command that changes something."""

    wait: Annotated[
        bool,
        typer.Option(
            "--wait/--no-wait", help="Wait for the end, or return when the request is accepted."
        ),
    ] = True
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show the plan. Nothing is changed."),
    ] = False
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            parser=_key,
            metavar="KEY",
            help="Until 24 hours after its deadline, the same key returns the same operation."
            " Default: a new key.",
        ),
    ] = None


@dataclass(frozen=True)
class Queue:
    """The options for a write that needs environments of another operation."""

    queue: Annotated[
        bool,
        typer.Option(
            "--queue",
            help="If another operation holds an environment, wait for its end and try again.",
        ),
    ] = False
    queue_timeout: Annotated[
        timedelta | None,
        typer.Option(
            parser=_duration,
            metavar="DURATION",
            show_default=False,
            help="The time limit of --queue, which this option includes. Default: 60m.",
        ),
    ] = None

    @property
    def limit(self) -> timedelta | None:
        """The time limit for waiting; None if the command does not wait."""
        if self.queue_timeout is not None:
            return self.queue_timeout
        return DEFAULT_QUEUE_TIMEOUT if self.queue else None


def command(function: Callable[..., Exit]) -> Callable[..., None]:
    """Convert a function that returns an exit code to a command for Typer.

    A parameter of the function whose type is a dataclass of options (`Write`) becomes one option
    for each field. A parameter of type `Session` becomes the options of `Common`. A parameter of
    type `Runtime` receives the runtime of the context. A `CliError` is printed and determines the
    exit code.
    """
    hints = get_type_hints(function, include_extras=True)
    asked = [each.replace(annotation=hints[each.name]) for each in _parameters(function)]
    sets = {each.name: found for each in asked if (found := _set_of(each.annotation))}

    @wraps(function)
    def run(context: typer.Context, **given: Any) -> None:
        _refuse_empty(context, given)
        runtime: Runtime = context.obj or system_runtime()
        session = _gather(given, sets, runtime)
        try:
            code = function(**given)
        except CliError as error:
            code = _print_error(error, session)
        finally:
            session.close()
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
        texts = value if isinstance(value, list) else [value]
        is_empty = any(isinstance(text, str) and not text.strip() for text in texts)
        if is_empty and source and source.name == "COMMANDLINE":
            raise typer.BadParameter("must not be empty", param_hint=f"'{each.opts[0]}'")


_KEYWORD = inspect.Parameter.KEYWORD_ONLY


def _parameters(function: Callable[..., Exit]) -> list[inspect.Parameter]:
    return [each.replace(kind=_KEYWORD) for each in inspect.signature(function).parameters.values()]


def _set_of(annotation: Any) -> type[Any] | None:
    """Return the dataclass of options for an annotation, `Runtime`, or None for other types."""
    if annotation is Session:
        return Common
    return annotation if isinstance(annotation, type) and is_dataclass(annotation) else None


def _shown(parameter: inspect.Parameter, options: type[Any] | None) -> Iterator[inspect.Parameter]:
    """Yield the parameters that replace one parameter in the signature for Typer."""
    if options is None:
        yield parameter
    elif options is not Runtime:
        hints = get_type_hints(options, include_extras=True)
        for each in fields(options):
            yield inspect.Parameter(
                each.name, _KEYWORD, default=each.default, annotation=hints[each.name]
            )


def _gather(given: dict[str, Any], sets: Mapping[str, type[Any]], runtime: Runtime) -> Session:
    """Replace the options in `given` by instances of their dataclasses; return the session."""
    session = Session(runtime, Common())
    for name, options in sets.items():
        if options is Runtime:
            given[name] = runtime
            continue
        made = options(**{each.name: given.pop(each.name) for each in fields(options)})
        given[name] = made
        if isinstance(made, Common):
            session = given[name] = Session(runtime, made)
    return session


def _print_error(error: CliError, session: Session) -> Exit:
    if session.common.as_json and error.response is not None:
        print_response(error.response)
    for line in errors.lines(error, session.command):
        print_on(session.runtime.err, line)
    return error.code
