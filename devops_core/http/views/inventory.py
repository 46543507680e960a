"""Views of applications, inventory rows and events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from devops_core.errors import redact
from devops_core.model.inventory import RowStatus
from devops_core.model.listeners import role_problems
from devops_core.model.times import time_text
from devops_core.naming import DEPLOYABLE, PRODUCTION, Environment, repository_name, service_name

if TYPE_CHECKING:
    from devops_core.model.inventory import Application, Inventory, Row, Service
    from devops_core.model.observed import Observed, RunningService
    from devops_core.model.operation import Event
    from devops_core.requests.create import CreateRequest

    # Returns the URL of an operation by application and id.
    OperationUrl = Callable[[str, str], str]


def created_view(request: CreateRequest) -> dict[str, Any]:
    """Return the members of the response to a create, beside its operation."""
    return {
        "application": request.application,
        "ecrName": repository_name(request.application),
        "technicalTeam": request.tags["technicalTeam"],
        "email": request.specification.email,
        "environmentType": [
            {name.value: "YES" if name in request.specification.environments else "NO"}
            for name in DEPLOYABLE
        ],
    }


def application_view(
    inventory: Inventory, observed: Observed | None, operation_url: OperationUrl
) -> dict[str, Any]:
    """Return the view of one application, with its tags and its repository."""
    application = _application(inventory)
    further = {
        "tags": dict(application.tags),
        "repository": application.repository,
        "repositoryName": repository_name(application.name),
    }
    return stack_view(inventory, observed, operation_url) | _present(further)


def stack_view(
    inventory: Inventory, observed: Observed | None, operation_url: OperationUrl
) -> dict[str, Any]:
    """Return the view of an application in a list; `observed` adds its state in AWS."""
    application = _application(inventory)
    specification = inventory.record.specification if inventory.record else None
    rows = inventory.rows.values()
    members = {
        "applicationName": application.name,
        "technicalTeam": application.technical_team,
        "email": specification.email if specification else None,
        "description": (specification.description or None) if specification else None,
        "environments": [
            _row_view(row, observed, operation_url)
            | (_problems_view(row, inventory, observed) if observed else {})
            for row in rows
        ],
    }
    return _present(members)


def _application(inventory: Inventory) -> Application:
    """Return the application of an inventory with at least one row."""
    return next(iter(inventory.rows.values())).application


def _row_view(row: Row, observed: Observed | None, operation_url: OperationUrl) -> dict[str, Any]:
    name, claim = row.application.name, row.claim
    service = _existing_service(row, observed)
    production = row.service if row.environment in PRODUCTION else None
    members = {
        "environment": row.environment.value,
        "status": row.status.value,
        "version": service.version if service else None,
        "image": service.image if service else None,
        "digest": service.digest if service else None,
        "spec": service.spec if service else None,
        "slot": production.name if production else None,
        "live": _is_live(row, observed) if service else None,
        "weight": _weight(row, observed) if service else None,
        "url": row.url if service else None,
        "since": time_text(row.updated_at),
        "by": row.updated_by,
        "deployedAt": time_text(service.deployed_at) if service else None,
        "deployedBy": service.deployed_by if service else None,
        "operation": {"id": claim, "url": operation_url(name, claim)} if claim else None,
        "unverified": service.unverified if service else None,
        "drift": redact(row.drift) if row.drift else None,
    }
    return _present(members | (_service_view(row, observed) if observed else {}))


def _existing_service(row: Row, observed: Observed | None) -> Service | None:
    """Return the service of a row, None if it may not exist any more.

    A deletion that failed, or that was made outside of the service, can leave some of the services;
    only an observation shows them.
    """
    if observed is None or row.service is None:
        return row.service if row.status is RowStatus.ACTIVE else None
    running = observed.services.get(row.service.name)
    return row.service if running and running.active else None


def _is_live(row: Row, observed: Observed | None) -> bool | None:
    """Return whether a slot is live: by the observed listener, or else by the record."""
    if row.environment not in PRODUCTION or row.service is None:
        return None
    if observed is None:
        return row.environment is Environment.PROD_GREEN
    return row.service.name == observed.production if observed.production else None


def _weight(row: Row, observed: Observed | None) -> int | None:
    """Return the percentage of the customers' requests of a slot, while both receive some."""
    if row.service is None or observed is None or observed.production:
        return None
    return observed.shares.get(row.service.name)


def _problems_view(row: Row, inventory: Inventory, observed: Observed) -> dict[str, Any]:
    """Return the reasons against a promote or a swap in the listener of a production row."""
    slots = inventory.slots_by_target_group
    problems = role_problems(row.environment, observed.listeners, slots)
    return {"listenerProblems": list(problems)} if problems else {}


def _service_view(row: Row, observed: Observed) -> dict[str, Any]:
    """Return the tasks, the rollout and the messages of a row's ECS service, if it exists."""
    name = row.service.name if row.service else service_name(row.environment)
    service = observed.services.get(name)
    if service is None or not service.active:
        return {}
    tasks = {
        "desired": service.desired,
        "running": service.running,
        "pending": service.pending,
        "healthy": observed.healthy.get(name),
    }
    messages = [{"time": time_text(time), "message": text} for time, text in service.messages]
    return {"tasks": _present(tasks), "rollout": _rollout_view(service), "messages": messages}


def _rollout_view(service: RunningService) -> dict[str, Any] | None:
    primary = service.primary
    if primary is None:
        return None
    return _present({"state": primary.state, "reason": primary.reason or None})


def event_view(event: Event) -> dict[str, Any]:
    """Return the view of an audit event."""
    return _present(
        {
            "time": time_text(event.time),
            "applicationName": event.application,
            "operation": event.operation,
            "kind": event.kind,
            "outcome": event.outcome,
            "caller": event.caller,
            "environment": event.environment.value if event.environment else None,
            "version": event.version,
            "previousVersion": event.previous_version,
            "image": event.image,
            "digest": event.digest,
            "reason": event.reason,
            "count": event.count,
            "firstTime": time_text(event.first_time),
            "lastTime": time_text(event.last_time),
        }
    )


def _present(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that have a value."""
    return {name: value for name, value in members.items() if value is not None}
