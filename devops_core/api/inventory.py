"""The reads that change nothing: what runs where, operations, the log; and how they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from devops_core.api.answers import Answer
from devops_core.api.shown import shown, time
from devops_core.errors import redact
from devops_core.naming import Environment, repository_name, service_name
from devops_core.operations import browse
from devops_core.requests.reads import EVENTS, OPERATIONS, STACK, STACKS, token

if TYPE_CHECKING:
    from devops_core.api.request import Request
    from devops_core.model import Application, Event, Inventory, Observed, Page, Row, RunningService


def stacks(request: Request) -> Answer:
    """GET /stacks: every application with its environments."""
    page = browse.applications(request.cloud, STACKS.parse_query(request.query))
    return _list("stacks", (_stack(request, each, None) for each in page.items), page)


def stack(request: Request) -> Answer:
    """GET /stacks/{applicationName}: one application, with `live` as AWS has it now."""
    wanted = STACK.parse_query(request.query)
    name = request.parameters["applicationName"]
    inventory = browse.application(request.cloud, name)
    observed = None
    if wanted.live:
        # It loads what looks at AWS, which the other reads do without.
        from devops_core.operations.live import look

        observed = look(request.cloud, name, inventory)
    application = _application(inventory)
    further = {
        "tags": dict(application.tags),
        "repository": application.repository,
        "repositoryName": repository_name(name),
    }
    return Answer(200, {"stack": _stack(request, inventory, observed) | _given(further)})


def operations(request: Request) -> Answer:
    """GET /stacks/{applicationName}/operations: the newest first."""
    application = request.parameters["applicationName"]
    page = browse.operations(request.cloud, application, OPERATIONS.parse_query(request.query))
    items = (shown(each, request.operation_url(application, each.id)) for each in page.items)
    return _list("operations", items, page)


def events(request: Request) -> Answer:
    """GET /events and GET /stacks/{applicationName}/events: the newest first."""
    application = request.parameters.get("applicationName")
    page = browse.events(request.cloud, application, EVENTS.parse_query(request.query))
    return _list("events", map(_event, page.items), page)


READS: Mapping[str, Callable[[Request], Answer]] = {
    "/stacks": stacks,
    "/stacks/{applicationName}": stack,
    "/stacks/{applicationName}/operations": operations,
    "/stacks/{applicationName}/events": events,
    "/events": events,
}


def _list(name: str, items: Iterable[Mapping[str, Any]], page: Page[Any]) -> Answer:
    following = token(page.next)
    return Answer(200, {name: list(items)} | ({"nextToken": following} if following else {}))


def _application(inventory: Inventory) -> Application:
    """Return what the rows share, of which there is at least one."""
    return next(iter(inventory.rows.values())).application


def _stack(request: Request, inventory: Inventory, observed: Observed | None) -> dict[str, Any]:
    application = _application(inventory)
    members = {
        "applicationName": application.name,
        "technicalTeam": application.technical_team,
        "email": application.email,
        "description": application.description or None,
        "environments": [_row(request, row, observed) for row in inventory.rows.values()],
    }
    return _given(members)


def _row(request: Request, row: Row, observed: Observed | None) -> dict[str, Any]:
    name, service, claim = row.application.name, row.service, row.claim
    members = {
        "environment": row.environment.value,
        "status": row.status.value,
        "version": service.version if service else None,
        "image": service.image if service else None,
        "digest": service.digest if service else None,
        "slot": service.name if service and row.environment.is_production else None,
        "live": _is_live(row, observed),
        "url": row.url,
        "since": time(row.updated_at),
        "by": row.updated_by,
        "deployedAt": time(service.deployed_at) if service else None,
        "deployedBy": service.deployed_by if service else None,
        "operation": {"id": claim, "url": request.operation_url(name, claim)} if claim else None,
        "drift": redact(row.drift) if row.drift else None,
    }
    return _given(members | (_now(row, observed) if observed else {}))


def _is_live(row: Row, observed: Observed | None) -> bool | None:
    """Return whether customers get a slot: as recorded, or as the listener was seen to be."""
    if not row.environment.is_production or row.service is None:
        return None
    if observed is None:
        return row.environment is Environment.PROD_GREEN
    return row.service.name == observed.production if observed.production else None


def _now(row: Row, observed: Observed) -> dict[str, Any]:
    """Return how the service of a row is, as far as ECS knows it."""
    name = row.service.name if row.service else service_name(row.environment)
    service = observed.services.get(name)
    if service is None:
        return {}
    tasks = {
        "desired": service.desired,
        "running": service.running,
        "pending": service.pending,
        "healthy": observed.healthy.get(name),
    }
    messages = [{"time": time(when), "message": text} for when, text in service.messages]
    return {"tasks": _given(tasks), "rollout": _rollout(service), "messages": messages}


def _rollout(service: RunningService) -> dict[str, Any] | None:
    primary = service.primary
    return _given({"state": primary.state, "reason": primary.reason or None}) if primary else None


def _event(event: Event) -> dict[str, Any]:
    return _given(
        {
            "time": time(event.time),
            "applicationName": event.application,
            "operation": event.operation,
            "kind": event.kind.value,
            "outcome": event.outcome,
            "caller": event.caller,
            "environment": event.environment.value if event.environment else None,
            "version": event.version,
            "previousVersion": event.previous_version,
            "image": event.image,
            "digest": event.digest,
            "reason": event.reason,
        }
    )


def _given(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that have a value."""
    return {name: value for name, value in members.items() if value is not None}
