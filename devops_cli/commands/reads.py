"""The commands that only read: status, ls, events."""

from __future__ import annotations

from typing import Annotated

import typer

from devops_cli import durations, paging, rules
from devops_cli.exits import Exit
from devops_cli.failures import CliError, UsageError
from devops_cli.follow import operation_path
from devops_cli.options import Name, OperationId, OptionalName, command
from devops_cli.paging import Page
from devops_cli.runtime import print_on
from devops_cli.session import Session
from devops_cli.show import changes, records, stacks

_ONE_ENVIRONMENT = typer.Option(
    metavar="ENV",
    autocompletion=lambda: rules.values("environment"),
    parser=rules.choice("environment", ". prod-green is live, prod-blue is idle"),
    help="Only this environment: qa, prod-green.",
)
_EVENTS = 50  # events without --limit; the default page size of the service


@command
def status(name: Name, session: Session, operation_id: OperationId = None) -> Exit:
    """Show the environments of an application with their state in ECS, or one operation.

    The exit code is 0 also for an operation that has failed; use `devops wait` to get its result.
    """
    if operation_id:
        response = session.api.get(operation_path(name, operation_id))
        session.print_result(response, *records.operation(response.required_operation))
        return Exit.SUCCEEDED
    response = session.api.get(f"/stacks/{name}", {"live": "true"})
    now, stack = session.runtime.clock.now(), response.required("stack", "applicationName")
    session.print_result(response, *stacks.details(stack, now))
    if not session.common.as_json:
        for identifier in stacks.held(stack):
            _print_operation(session, name, identifier)
        _print_pending(session, name)
    return Exit.SUCCEEDED


def _print_operation(session: Session, name: str, identifier: str) -> None:
    """Print an operation in progress with the next commands, if the caller can read it."""
    try:
        found = session.api.get(operation_path(name, identifier), attempts=1).required_operation
    except CliError:
        return
    for line in records.continuing(found, session.command):
        print_on(session.runtime.out, line)


def _print_pending(session: Session, name: str) -> None:
    """Print the changes of the specification that environments lack, if the caller can read it."""
    try:
        found = session.api.get(f"/stacks/{name}/spec", attempts=1).body
    except CliError:
        return
    for line in changes.pending(found, session.command):
        print_on(session.runtime.out, line)


@command
def ls(
    page: Page,
    session: Session,
    team: Annotated[
        str | None,
        typer.Option(metavar="TEAM", parser=rules.text("team"), help="Only this team."),
    ] = None,
    env: Annotated[str | None, _ONE_ENVIRONMENT] = None,
    version: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION",
            parser=rules.text("version"),
            help="Only environments with this version.",
        ),
    ] = None,
    state: Annotated[
        str | None, typer.Option("--status", metavar="STATUS", help="Only this status: ACTIVE.")
    ] = None,
    long: Annotated[
        bool, typer.Option("--long", "-l", help="One row for each environment, with its state.")
    ] = False,
) -> Exit:
    """List all applications with the versions of their environments.

    The default is one row for each application. --env, --version and --status select environments,
    so the list then has one row for each of them, as with --long.
    """
    query = {
        "team": team,
        "environment": env,
        "version": version,
        "status": state and state.upper(),
    }
    found = paging.read(session, "/stacks", "stacks", query, page)
    if long or env or version or state:
        session.print_result(found.last, stacks.table(found.entries, session.runtime.clock.now()))
    else:
        session.print_result(found.last, stacks.matrix(found.entries, session.runtime.out.width))
        if any(map(stacks.is_busy, found.entries)):
            session.notice(f"{stacks.BUSY} an operation is in progress")
    found.report_more(session)
    return Exit.SUCCEEDED


@command
def events(
    page: Page,
    session: Session,
    name: OptionalName = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Start: an age (2h) or a time (2026-01-31T12:00:00Z)."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="End, exclusive; as --since. UTC without a zone."),
    ] = None,
    operation: Annotated[
        str | None,
        typer.Option(
            metavar="OPERATION_ID",
            parser=rules.text("operation", str.upper),
            help="Only this operation.",
        ),
    ] = None,
) -> Exit:
    """Show the event log of an application, or of all applications, newest first."""
    now = session.runtime.clock.now()
    try:
        query = {
            "since": since and durations.parse_time(since, now),
            "until": until and durations.parse_time(until, now),
            "operation": operation,
        }
    except ValueError as error:
        raise UsageError(str(error)) from error
    path = f"/stacks/{name}/events" if name else "/events"
    found = paging.read(session, path, "events", query, page, _EVENTS)
    session.print_result(found.last, records.events(found.entries, name or ""))
    found.report_more(session)
    return Exit.SUCCEEDED
