"""The commands that change the specification of an application: apply, set, scale and unset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, NamedTuple

import typer

from devops_cli import bodies, revisions, specifications, writing
from devops_cli.exits import Exit
from devops_cli.failures import ApiError, UsageError
from devops_cli.options import (
    ENVIRONMENT_OPTION,
    FILE_OPTION,
    Configurable,
    Name,
    OptionalName,
    Queue,
    Timeout,
    Write,
    command,
    configurable,
    environments,
)
from devops_cli.responses import Object, get_object, get_objects, get_text, get_texts
from devops_cli.runtime import print_on
from devops_cli.session import Session
from devops_cli.show import plan

_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask. Required without a terminal.")]
_SETTING = "For example cpu or environment.LEVEL."


class _Sending(NamedTuple):
    """The options for the sending of a change."""

    write: Write
    queue: Queue
    timeout: Timeout


@command
def apply(
    file: Annotated[str, FILE_OPTION],
    write: Write,
    queue: Queue,
    timeout: Timeout,
    session: Session,
    name: OptionalName = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENV",
            help="Environments that the file does not have any more, to be deleted.",
            autocompletion=ENVIRONMENT_OPTION.autocompletion,
        ),
    ] = None,
    yes: _Yes = False,
) -> Exit:
    """Create an application from a file, or replace its specification.

    The command shows the differences and asks. Production receives changed settings with the next
    promote and swap.
    """
    from devops_cli import documents  # PyYAML is slow to import; other commands do not need it

    document = documents.read(file)
    application = documents.application_name(document, name)
    removed = environments(remove or [], ". Every application has production", "--remove")
    asks = not (yes or write.dry_run)
    words = ("-f", file, *([name] if name else []))
    if asks:
        writing.require_terminal(session, "apply", *words)

    def prepare() -> writing.Call:
        return _replacement(session, application, document.content, removed)

    with revisions.explained(session.command("diff", *words), document.places):
        deletes = f" and delete {', '.join(removed)}" if removed else ""
        question = f"Apply this to {application}{deletes}?" if asks else ""
        return _change(session, prepare, _Sending(write, queue, timeout), question)


def _replacement(session: Session, name: str, content: Object, removed: list[str]) -> writing.Call:
    """Return the call that replaces the specification, or creates the application."""
    try:
        present = revisions.read(session, name)
    except ApiError as error:
        if not _is_missing(error):
            raise
        if removed:
            raise UsageError(f"{name} does not exist yet: repeat without --remove") from error
        return writing.Call("POST", "/stacks", {"applicationName": name, **content})
    query = {"remove": ",".join(removed)} if removed else {}
    return writing.Call(
        "PUT", revisions.path(name), content, query, expected=revisions.tag(present)
    )


@command
def set_(
    name: Name,
    assignments: Annotated[
        list[str],
        typer.Argument(metavar="SETTING=VALUE", help="For example cpu=512 environment.LEVEL=info."),
    ],
    write: Write,
    queue: Queue,
    timeout: Timeout,
    session: Session,
    env: Configurable = None,
    yes: _Yes = False,
) -> Exit:
    """Change settings of an application: of all environments, or of some.

    The command shows the differences, and asks if the change includes production. A list is JSON:
    command='["serve", "--fast"]'.
    """
    chosen = configurable(env or [])
    parsed = [specifications.parse_assignment(each, chosen) for each in assignments]

    def changed(document: Object) -> Object:
        for setting, value in parsed:
            document = specifications.with_setting(document, setting, value, chosen)
        return document

    settings = [each for each, _ in parsed]
    asks = _concerns_production(settings, chosen) and not yes
    words = ("set", name, *assignments, *_option(chosen))
    return _change_settings(session, words, changed, _Sending(write, queue, timeout), asks=asks)


@command
def scale(
    name: Name,
    write: Write,
    queue: Queue,
    timeout: Timeout,
    session: Session,
    minimum: Annotated[
        int | None, typer.Option("--min", metavar="N", help="Smallest number of tasks, 1 to 100.")
    ] = None,
    maximum: Annotated[
        int | None, typer.Option("--max", metavar="N", help="Largest number of tasks, 1 to 100.")
    ] = None,
    cpu: Annotated[
        int | None, typer.Option(metavar="PERCENT", help="Average CPU utilization to keep.")
    ] = None,
    memory: Annotated[
        int | None, typer.Option(metavar="PERCENT", help="Average memory utilization to keep.")
    ] = None,
    requests: Annotated[
        int | None,
        typer.Option(metavar="N", help="Average requests of each task in a minute to keep."),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(metavar="N", help="A fixed number of tasks, 1 to 100, without scaling."),
    ] = None,
    env: Configurable = None,
    yes: _Yes = False,
) -> Exit:
    """Scale the tasks of an application by load, or give it a fixed number of tasks.

    New scaling needs --min, --max and at least one of --cpu, --memory and --requests. Later, a
    missing --min or --max keeps its value; a given --cpu, --memory or --requests replaces all
    three. The command shows the differences, and asks if the change includes production.
    """
    given = {
        "--min": minimum, "--max": maximum, "--cpu": cpu, "--memory": memory,
        "--requests": requests, "--count": count,
    }  # fmt: skip
    named = {option: value for option, value in given.items() if value is not None}
    if not named or (count is not None and len(named) > 1):
        raise UsageError("give either --count, or options such as --min, --max and --cpu")
    chosen = configurable(env or [])
    limits = bodies.present(min=minimum, max=maximum)
    targets = bodies.present(cpuPercent=cpu, memoryPercent=memory, requestsPerTarget=requests)
    setting = specifications.Setting("desiredCount" if count is not None else "scaling")

    def changed(document: Object) -> Object:
        if count is not None:
            return specifications.with_setting(document, setting, count, chosen)
        return specifications.with_scaling(document, limits, targets, chosen)

    asks = _concerns_production([setting], chosen) and not yes
    options = [word for option, value in named.items() for word in (option, str(value))]
    words = ("scale", name, *options, *_option(chosen))
    return _change_settings(session, words, changed, _Sending(write, queue, timeout), asks=asks)


@command
def unset(
    name: Name,
    settings: Annotated[list[str], typer.Argument(metavar="SETTING", help=_SETTING)],
    write: Write,
    queue: Queue,
    timeout: Timeout,
    session: Session,
    env: Configurable = None,
    yes: _Yes = False,
) -> Exit:
    """Remove settings of an application: of all environments, or of some.

    With --env, an environment loses its own value and has the general one again. Without an own
    value, it does not receive the general variable or secret any more.
    """
    chosen = configurable(env or [])
    parsed = [specifications.parse_setting(each, chosen) for each in settings]

    def changed(document: Object) -> Object:
        for setting in parsed:
            before, document = document, specifications.without_setting(document, setting, chosen)
            if document == before:
                session.notice(f"{setting} is not set here, so nothing is removed")
        return document

    asks = _concerns_production(parsed, chosen) and not yes
    words = ("unset", name, *settings, *_option(chosen))
    return _change_settings(session, words, changed, _Sending(write, queue, timeout), asks=asks)


def _change_settings(
    session: Session,
    words: tuple[str, ...],
    changed: Callable[[Object], Object],
    sending: _Sending,
    *,
    asks: bool,
) -> Exit:
    """Change the document of an application; `words` are the command with the application's name.

    Raises:
        CliError: as `_change`.

    """
    name = words[1]
    if asks and not sending.write.dry_run:
        writing.require_terminal(session, *words)
    question = f"Change {name}, including production?" if asks else ""
    with revisions.explained(session.command("spec", name)):
        return _change(session, _patch(session, name, changed), sending, question)


def _option(environments: list[str]) -> tuple[str, ...]:
    return ("--env", ",".join(environments)) if environments else ()


def _concerns_production(settings: list[specifications.Setting], environments: list[str]) -> bool:
    """Return whether production receives changed settings; its tasks have no description."""
    described = all(each.detail for each in settings)
    return ("prod" in environments or not environments) and not described


def _patch(
    session: Session, name: str, changed: Callable[[Object], Object]
) -> Callable[[], writing.Call]:
    """Return a function that reads the specification and returns the call that changes it."""

    def prepare() -> writing.Call:
        present = revisions.read(session, name)
        document = revisions.document_of(present)
        patch = specifications.merge_patch(document, changed(document))
        return writing.Call("PATCH", revisions.path(name), patch, expected=revisions.tag(present))

    return prepare


def _change(
    session: Session,
    prepare: Callable[[], writing.Call],
    sending: _Sending,
    question: str,
) -> Exit:
    """Show the plan of a change, ask the question if there is one, and send the change.

    Raises:
        UsageError: the answer is no.
        CliError: the change was refused, or the wait ended before the operation.

    """
    write, queue, timeout = sending
    limit = None if write.dry_run else queue.limit
    response, call = writing.preview(session, prepare, limit)
    if write.dry_run:
        return writing.print_plan(session, response)
    found = get_object(response.body, "plan")
    if get_object(found, "stack") and write.wait:
        # Only the function of this call and the schedule, which runs each minute, change stacks.
        call = replace(call, wait=writing.LONGEST_WAIT)
    # Without these members, the service would start no operation.
    if get_objects(found, "changes") or get_texts(found, "claims") or get_object(found, "stack"):
        for line in plan.effects(found):
            print_on(session.progress, line)
        if question and not typer.confirm(question, err=True):
            raise UsageError("nothing was changed")
    return writing.run(session, call, write, timeout.timeout, queue=queue)


def _is_missing(error: ApiError) -> bool:
    """Return whether the application does not exist."""
    return error.response.status == 404 and get_text(error.response.body, "code") == "NOT_FOUND"
