"""The releases that rollouts bring: their progress, their task definitions and their rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from devops_core import render
from devops_core.access import account_principal
from devops_core.kinds import scaling
from devops_core.kinds.kind import Abort, RowChanges
from devops_core.model.decisions import State
from devops_core.model.inventory import NOT_COMPLETED, Inventory, Row, Service
from devops_core.model.operation import Operation, Progress, Status
from devops_core.model.specification import (
    DEFAULT_ROLLOUT_MINUTES,
    EnvironmentSettings,
    Specification,
)
from devops_core.naming import Environment, Image

# The time limit of a rollout in an application with the default of `rolloutMinutes`.
LIMIT = timedelta(minutes=DEFAULT_ROLLOUT_MINUTES)


def deadline(
    draft: Operation,
    specification: Specification,
    environments: Iterable[Environment],
    rollouts: int = 1,
) -> datetime:
    """Return the deadline of an operation with a number of rollouts, one after the other."""
    minutes = max(specification.settings(each).rollout_minutes for each in environments)
    return draft.requested_at + timedelta(minutes=rollouts * minutes)


def target_progress(
    row: Row,
    service: Service,
    image: Image,
    version: str,
    deployers: Iterable[str],
    settings: EnvironmentSettings,
) -> Progress:
    """Return the initial progress of a rollout; `deployers` are callers.

    The same image, version and settings need no registration, unless the release is not verified.
    """
    same_image = image.digest is not None and image.digest == service.digest
    same_release = same_image and version == service.version and not service.unverified
    unchanged = same_release and settings.hash == service.spec_hash
    return Progress(
        environment=row.environment,
        service=service.name,
        url=row.url,
        image=image.uri,
        digest=image.digest,
        version=version,
        previous_version=service.version,
        previous=service.task_definition,
        obsolete=service.registered,
        target=service.task_definition if unchanged else None,
        deployers=tuple(dict.fromkeys(map(account_principal, deployers))),
        desired_count=settings.desired_count,
        start_seconds=settings.start_seconds,
        spec_hash=settings.hash,
        **scaling.planned(service, settings),
    )


def reconfigured(
    row: Row, service: Service, settings: EnvironmentSettings, *, same: bool = False
) -> Progress:
    """Return the initial progress of a rollout that changes only the settings of a release.

    With `same` the running task definition has these settings already, so it remains.
    """
    return replace(
        _unchanged_release(row, service),
        obsolete=service.registered,
        target=service.task_definition if same else None,
        deployers=service.deployers,
        desired_count=settings.desired_count,
        start_seconds=settings.start_seconds,
        spec_hash=settings.hash,
        **scaling.planned(service, settings),
    )


def resized(row: Row, service: Service, settings: EnvironmentSettings) -> Progress:
    """Return the initial progress of a change of the task count or of the scaling only."""
    return replace(
        _unchanged_release(row, service),
        target=service.task_definition,
        desired_count=settings.desired_count,
        **scaling.planned(service, settings),
    )


def _unchanged_release(row: Row, service: Service) -> Progress:
    """Return the initial progress of a change that keeps the image of a service."""
    return Progress(
        environment=row.environment,
        service=service.name,
        url=row.url,
        image=service.image,
        digest=service.digest,
        version=service.version,
        previous_version=service.version,
        previous=service.task_definition,
        keeps_image=True,
    )


def task_definition(state: State, part: Progress, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the registration input of a service's target: its blueprint with the new image.

    It depends on the record only, so every worker computes the same input. A digest that ECS
    reported after the rollout is not part of it.
    """
    rows = state.inventory.rows.values()
    service = next(row.service for row in rows if row.service and row.service.name == part.service)
    settings = _settings(state, part)
    return render.task_definition(
        service.blueprint, service.container, _target_image(part), tags, settings, service.owned
    )


def _target_image(part: Progress) -> Image | None:
    """Return the image of a task definition; None keeps that of the running one.

    The tag of a running image can have moved since its rollout, so its digest is used.
    """
    if part.image is None or (part.keeps_image and part.digest is None):
        return None
    digest = None if part.digest_reported else part.digest
    try:
        return Image.parse(part.image)._replace(digest=digest)
    except ValueError:
        # Another tool can deploy an image that a request cannot name.
        if part.keeps_image:
            return None
        raise


def _settings(state: State, part: Progress) -> EnvironmentSettings | None:
    """Return the settings that a rollout applies, None if it applies none."""
    if part.spec_hash is None:
        return None
    return state.inventory.specification.settings(part.environment)


def rows_after(state: State, held: Sequence[Row], now: datetime, *, keep_rows: bool) -> RowChanges:
    """Return the held rows after the end, with the release of each service that has its target."""
    del keep_rows
    parts = {part.service: part for part in state.operation.progress}
    return RowChanges([_row_after(state, row, parts, now) for row in held])


def _row_after(state: State, row: Row, parts: Mapping[str, Progress], now: datetime) -> Row:
    part = parts.get(row.service.name) if row.service else None
    if row.service is None or part is None:
        return row
    service = scaling.recorded(row.service, part)
    if part.sent and part.count_to_send is not None:
        # No return to a task definition changes the count.
        service = replace(service, desired_count=part.count_to_send)
    if part.status is Status.SUCCEEDED or part.unrestored:
        return row.updated(state.operation, now, service=_released(state, service, part, now))
    return row if service == row.service else row.updated(state.operation, now, service=service)


def _released(state: State, service: Service, part: Progress, now: datetime) -> Service:
    """Return a service that has the target of its rollout."""
    if part.target is None or part.image is None:
        raise ValueError(f"the rollout of {part.environment} has no task definition or no image")
    settings = _settings(state, part)
    if settings:
        service = replace(
            service,
            spec=state.operation.spec,
            spec_hash=settings.hash,
            owned=settings.owned,
        )
    if part.scaled and (part.desired_count is not None or part.scaling is not None):
        service = replace(service, desired_count=part.desired_count)
    if part.target == service.task_definition:
        return service
    service = replace(
        service,
        task_definition=part.target,
        registered=part.target,
        blueprint=render.blueprint(task_definition(state, part, {})),
        unverified=_unverified(part),
    )
    if part.keeps_image:
        return service
    return replace(
        service,
        image=part.image,
        digest=part.digest,
        version=part.version,
        deployed_at=now,
        deployed_by=state.operation.caller,
        deployers=part.deployers,
    )


def _unverified(part: Progress) -> str | None:
    """Return the reason why a release cannot be promoted, None if all its tasks ran."""
    if part.unrestored:
        return None if part.completed else NOT_COMPLETED
    # Only a service without tasks succeeds with a reason.
    return part.reason


def restored_services(operation: Operation, inventory: Inventory) -> tuple[Progress, ...]:
    """Return the release of each service after the abort of a rollout."""
    services = {row.service.name: row.service for row in inventory.rows.values() if row.service}
    return tuple(
        part
        if part.unrestored or part.completed
        else replace(
            part,
            image=services[part.service].image,
            digest=services[part.service].digest,
            version=services[part.service].version,
            previous_version=part.version,
        )
        for part in operation.progress
        if part.status is not Status.SUCCEEDED and part.service in services
    )


ABORT = Abort(
    planned="would return to the previous version",
    running="returning to the previous version",
    done="the previous version runs again",
    restored=restored_services,
)
