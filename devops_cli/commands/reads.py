"""The commands that only look: status, ls, events."""

from __future__ import annotations

from typing import Annotated

import typer

from devops_cli import durations, paging, rules
from devops_cli.exits import Exit
from devops_cli.failures import UsageError
from devops_cli.follow import path_of
from devops_cli.options import Name, OperationId, OptionalName, command
from devops_cli.paging import Page
from devops_cli.session import Session
from devops_cli.show import records, stacks

_EVENTS = 50  # shown without --limit: what the service gives at once


@command
def status(name: Name, session: Session, operation_id: OperationId = None) -> Exit:
    """Show what runs where in an application, as ECS tells it; or one operation.

    Showing an operation that has failed is no failure: `devops wait` has an exit code for it.
    """
    if operation_id:
        answer = session.api.get(path_of(name, operation_id))
        session.finish(answer, *records.operation(answer.required_operation))
        return Exit.SUCCEEDED
    answer = session.api.get(f"/stacks/{name}", {"live": "true"})
    now = session.world.clock.now()
    session.finish(answer, *stacks.one(answer.required("stack", "applicationName"), now))
    return Exit.SUCCEEDED


@command
def ls(
    page: Page,
    session: Session,
    team: Annotated[str | None, typer.Option(metavar="TEAM", help="Of this team.")] = None,
    env: Annotated[
        str | None,
        typer.Option(
            metavar="ENV",
            parser=rules.choice("environment"),
            help="This environment: qa, prod-green.",
        ),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION", parser=rules.text("version"), help="Where this version runs."
        ),
    ] = None,
    state: Annotated[
        str | None, typer.Option("--status", metavar="STATUS", help="In this status: ACTIVE.")
    ] = None,
) -> Exit:
    """List all applications with their environments: what runs where."""
    query = {
        "team": team,
        "environment": env,
        "version": version,
        "status": state and state.upper(),
    }
    found = paging.read(session, "/stacks", "stacks", query, page)
    session.finish(found.last, stacks.many(found.members, session.world.clock.now()))
    found.tell_of_more(session)
    return Exit.SUCCEEDED


@command
def events(
    page: Page,
    session: Session,
    name: OptionalName = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Not before: 2h ago, or 2026-01-31T12:00:00Z."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Before: as --since. Without a zone: UTC.")
    ] = None,
    operation: Annotated[
        str | None,
        typer.Option(
            metavar="OPERATION_ID",
            parser=rules.text("operation", str.upper),
            help="Of this operation.",
        ),
    ] = None,
) -> Exit:
    """Show who did what, and what came of it, newest first; of all applications without NAME."""
    now = session.world.clock.now()
    try:
        query = {
            "since": since and durations.moment(since, now),
            "until": until and durations.moment(until, now),
            "operation": operation,
        }
    except ValueError as error:
        raise UsageError(str(error)) from error
    path = f"/stacks/{name}/events" if name else "/events"
    found = paging.read(session, path, "events", query, page, _EVENTS)
    session.finish(found.last, records.events(found.members, name or ""))
    found.tell_of_more(session)
    return Exit.SUCCEEDED
