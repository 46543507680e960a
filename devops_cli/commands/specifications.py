"""The commands for the specification of an application: apply, set, unset, spec, diff."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any

import typer

from devops_cli import queueing, rules, specifications, writing
from devops_cli.exits import Exit
from devops_cli.failures import ApiError, NotTheServiceError, UsageError
from devops_cli.options import (
    ENVIRONMENT_OPTION,
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
from devops_cli.responses import (
    Object,
    Response,
    get_object,
    get_objects,
    get_text,
    get_texts,
    get_time,
)
from devops_cli.runtime import print_on
from devops_cli.session import Session
from devops_cli.show import changes, plan, texts

_DEEPEST = 20  # levels of objects and lists; a specification has fewer
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask. Required without a terminal.")]
_FILE = "The specification in YAML or JSON; - is stdin."
_SETTING = "For example cpu or environment.LEVEL."


@command
def apply(
    file: Annotated[str, typer.Option("--file", "-f", metavar="FILE", help=_FILE)],
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
    application = _application(document, name)
    removed = environments(remove or [], ". Every application has production", "--remove")
    asks = not (yes or write.dry_run)
    words = ("-f", file, *([name] if name else []))
    if asks:
        _require_terminal(session, "apply", *words)

    def prepare() -> writing.Call:
        return _replacement(session, application, document.content, removed)

    with _explained(session.command("diff", *words), document.places):
        deletes = f" and delete {', '.join(removed)}" if removed else ""
        question = f"Apply this to {application}{deletes}?" if asks else ""
        return _change(session, prepare, write, queue, timeout, question)


def _application(document: Any, given: str | None) -> str:
    """Return the name of the application in a document, or else that of the command line.

    Raises:
        UsageError: there is no name, or they differ.

    """
    named = document.content.get("applicationName")
    if named is None and given is not None:
        return given
    if named is None:
        raise UsageError(f"{document.file} has no applicationName: add it, or add the name as NAME")
    place = document.places.get("applicationName", document.file)
    try:
        name = rules.text("name")(named if isinstance(named, str) else "")
    except typer.BadParameter as error:
        raise UsageError(f"{place}: applicationName: {error}") from error
    if given not in (None, name):
        raise UsageError(f"{place}: the file is for {name!r}, not for {given!r}")
    return name


def _replacement(session: Session, name: str, content: Object, removed: list[str]) -> writing.Call:
    """Return the call that replaces the specification, or creates the application."""
    try:
        present = _read(session, name)
    except ApiError as error:
        if not _is_missing(error):
            raise
        if removed:
            raise UsageError(f"{name} does not exist yet: repeat without --remove") from error
        return writing.Call("POST", "/stacks", {"applicationName": name, **content})
    query = {"remove": ",".join(removed)} if removed else {}
    return writing.Call("PUT", _path(name), content, query, expected=_tag(present))


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

    asks = _concerns_production([each for each, _ in parsed], chosen) and not yes
    if asks and not write.dry_run:
        _require_terminal(session, "set", name, *assignments, *_option(chosen))
    question = f"Change {name}, including production?" if asks else ""
    with _explained(session.command("spec", name)):
        return _change(session, _patch(session, name, changed), write, queue, timeout, question)


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
    if asks and not write.dry_run:
        _require_terminal(session, "unset", name, *settings, *_option(chosen))
    question = f"Change {name}, including production?" if asks else ""
    with _explained(session.command("spec", name)):
        return _change(session, _patch(session, name, changed), write, queue, timeout, question)


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
        present = _read(session, name)
        document = _document(present)
        patch = specifications.merge_patch(document, changed(document))
        return writing.Call("PATCH", _path(name), patch, expected=_tag(present))

    return prepare


class _Preview:
    """Sends the dry run of a change; each attempt reads the specification again."""

    def __init__(self, session: Session, prepare: Callable[[], writing.Call]) -> None:
        self._session = session
        self._prepare = prepare

    def send(self) -> Response:
        """Return the plan of the call."""
        self.call = self._prepare()
        return writing.dry_run(self._session, self.call)


def _change(
    session: Session,
    prepare: Callable[[], writing.Call],
    write: Write,
    queue: Queue,
    timeout: Timeout,
    question: str,
) -> Exit:
    """Show the plan of a change, ask the question if there is one, and send the change.

    Raises:
        UsageError: the answer is no.
        CliError: the change was refused, or the wait ended before the operation.

    """
    preview = _Preview(session, prepare)
    limit = None if write.dry_run else queue.limit
    response = preview.send() if limit is None else queueing.send(session, preview, limit)
    if write.dry_run:
        return writing.print_plan(session, response)
    found, call = get_object(response.body, "plan"), preview.call
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


def _require_terminal(session: Session, *words: str) -> None:
    """Raise UsageError if the command cannot ask a question."""
    if not session.runtime.interactive:
        raise UsageError(
            "without a terminal for the confirmation, --yes is required:"
            f" {session.command(*words, '--yes')}"
        )


@contextmanager
def _explained(look: str, places: Mapping[str, str] | None = None) -> Iterator[None]:
    """Add the places of fields, and remedies on the command line, to an error of the service.

    `look` is the command that shows the present specification.
    """
    try:
        yield
    except ApiError as error:
        error.places = places or {}
        faults = get_objects(error.response.body, "errors")
        for each in faults:
            error.hints = [*error.hints, *_removal_hint(each)]
        if error.response.status == 412:
            error.hints = [*error.hints, f"See the present specification: {look}"]
            error.hints = [*error.hints, "Then repeat the command."]
        raise


def _removal_hint(fault: Object) -> Iterator[str]:
    """Yield the option that a fault of the removals asks for, such as `must be qa,stage: …`."""
    found = re.match("must be ([a-z,]+)", get_text(fault, "message"))
    if get_text(fault, "field") != "remove" or not found:
        return
    if {*found[1].split(",")} <= {*rules.values("deployable")}:
        yield f"To delete these environments, repeat the command with --remove {found[1]}"
    elif found[1] == "absent":
        yield "Repeat the command without --remove"


@command
def spec(
    name: Name,
    session: Session,
    effective: Annotated[
        str | None,
        typer.Option(
            metavar="ENV",
            autocompletion=lambda: rules.values("configurable"),
            parser=rules.choice("configurable", ". prod has the settings of both slots"),
            help="Show the settings of this environment, with its overrides.",
        ),
    ] = None,
    revision: Annotated[
        int | None, typer.Option(metavar="REVISION", min=1, help="Show an earlier revision.")
    ] = None,
) -> Exit:
    """Show the specification of an application as YAML, which apply accepts.

    The revision and the pending changes are on stderr.
    """
    if effective and revision:
        raise UsageError("--effective shows the present revision: remove --revision")
    response = _read(session, name, revision)
    shown = _effective(response, name, effective) if effective else _document(response)
    if session.common.as_json:
        session.print_result(response)
        return Exit.SUCCEEDED
    _describe(session, response.body)
    _print_yaml(shown)
    return Exit.SUCCEEDED


def _effective(response: Response, name: str, environment: str) -> Object:
    wanted = "PROD-GREEN" if environment == "prod" else environment.upper()
    for each in get_objects(response.body, "environments"):
        if get_text(each, "environment") == wanted:
            return _limited(get_object(each, "settings"))
    raise UsageError(f"{name} has no environment {environment}")


def _describe(session: Session, body: Object) -> None:
    """Print the revision and, of the present one, the pending changes on stderr."""
    made = texts.timestamp(get_time(body, "time"))
    by = f", {made} by {texts.caller_name(get_text(body, 'caller'))}" if made else ""
    session.notice(
        f"{get_text(body, 'applicationName')}, revision {get_text(body, 'revision')}{by}"
    )
    for line in changes.pending(body, session.command):
        print_on(session.runtime.err, line)


def _print_yaml(document: Object) -> None:
    from devops_cli import documents  # PyYAML is slow to import; other commands do not need it

    typer.echo(documents.text(document).encode(), nl=False)


@command
def diff(
    session: Session,
    name: OptionalName = None,
    file: Annotated[str | None, typer.Option("--file", "-f", metavar="FILE", help=_FILE)] = None,
) -> Exit:
    """Compare a file with the specification; without a file, show the pending changes.

    The exit code is 1 if there are differences.
    """
    if file is None and name is None:
        raise UsageError("diff needs the name of the application, or --file")
    if file is None:
        response = _read(session, str(name))
        found = list(changes.pending(response.body, session.command))
    else:
        from devops_cli import documents  # as in apply

        document = documents.read(file)
        with _explained("", document.places):
            response = _read(session, _application(document, name))
        found = list(changes.lines(_differences(response, document.content)))
    session.print_result(response, *found)
    return Exit.FAILED if found else Exit.SUCCEEDED


def _differences(present: Response, content: Object) -> list[Object]:
    """Return the differences of a file; it can omit the settings that no update changes."""
    before = _document(present)
    after = _limited(specifications.completed(content, before))
    return list(specifications.differences(before, after))


def _is_missing(error: ApiError) -> bool:
    """Return whether the application does not exist."""
    return error.response.status == 404 and get_text(error.response.body, "code") == "NOT_FOUND"


def _path(name: str) -> str:
    return f"/stacks/{name}/spec"


def _read(session: Session, name: str, revision: int | None = None) -> Response:
    """Return the response with the specification.

    Raises:
        CliError: there is no such specification, or the caller cannot read it.

    """
    return session.api.get(_path(name), {"revision": revision})


def _document(response: Response) -> Object:
    """Return the document in a response.

    Raises:
        NotTheServiceError: the response has none.

    """
    return _limited(response.required("specification"))


def _tag(response: Response) -> str:
    """Return the ETag of the specification.

    Raises:
        NotTheServiceError: the response has none.

    """
    found = response.headers.get("etag", "")
    if not (found.isascii() and found.isprintable() and found):
        raise NotTheServiceError("the response has no valid ETag; it may not come from the service")
    return found


def _limited(document: Object) -> Object:
    """Return a document, unless it has more levels than Python could copy or compare.

    Raises:
        NotTheServiceError: it has.

    """
    level: list[Any] = [document]
    for _ in range(_DEEPEST):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
    if level:
        raise NotTheServiceError("the specification is nested too deeply")
    return document
