"""The commands that read the specification of an application: spec and diff."""

from __future__ import annotations

from typing import Annotated

import typer

from devops_cli import revisions, rules, specifications
from devops_cli.exits import Exit
from devops_cli.failures import UsageError
from devops_cli.options import FILE_OPTION, Name, OptionalName, command
from devops_cli.responses import Object, Response, get_object, get_objects, get_text, get_time
from devops_cli.runtime import print_on
from devops_cli.session import Session
from devops_cli.show import changes, texts


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
    response = revisions.read(session, name, revision)
    shown = _effective(response, name, effective) if effective else revisions.document_of(response)
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
            return revisions.limited(get_object(each, "settings"))
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
    file: Annotated[str | None, FILE_OPTION] = None,
) -> Exit:
    """Compare a file with the specification; without a file, show the pending changes.

    The exit code is 1 if there are differences.
    """
    if file is None and name is None:
        raise UsageError("diff needs the name of the application, or --file")
    if file is None:
        response = revisions.read(session, str(name))
        found = list(changes.pending(response.body, session.command))
    else:
        from devops_cli import documents  # as in _print_yaml

        document = documents.read(file)
        with revisions.explained("", document.places):
            response = revisions.read(session, documents.application_name(document, name))
        found = list(changes.lines(_differences(response, document.content)))
    session.print_result(response, *found)
    return Exit.FAILED if found else Exit.SUCCEEDED


def _differences(present: Response, content: Object) -> list[Object]:
    """Return the differences of a file; it can omit the settings that no update changes."""
    before = revisions.document_of(present)
    after = revisions.limited(specifications.completed(content, before))
    return list(specifications.differences(before, after))
