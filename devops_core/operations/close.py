"""The end of an operation: the inventory rows as they are from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from devops_core import render
from devops_core.model import (
    Application,
    Kind,
    Operation,
    Progress,
    Row,
    RowStatus,
    Service,
    Stack,
    Status,
)
from devops_core.naming import Environment, output_key
from devops_core.operations import audit
from devops_core.operations.act import State, next_task_definition
from devops_core.ports import Closing


def closing(before: Operation, state: State, now: datetime, *, keep_rows: bool) -> Closing:
    """Return the transaction that ends `state.operation`, which has its final status.

    `before` is the operation as it was last saved: what changed since then becomes events.
    """
    operation = replace(
        state.operation, ended_at=now, lease_until=None, waiting_for=None, revision=before.revision
    )
    operation, events = audit.news(before, operation, now)
    held = state.inventory.held_by(operation.id)
    # Another worker may have ended it, and no row is left.
    removes = _removes(operation, keep_rows=keep_rows)
    kept = [] if removes else _kept(state._replace(operation=operation), held, now)
    return Closing(
        operation=operation,
        event=audit.ended(operation, now),
        events=events,
        kept=[replace(row, claim=None) for row in kept],
        removed=held if removes else [],
    )


def _removes(operation: Operation, *, keep_rows: bool) -> bool:
    succeeded = operation.status is Status.SUCCEEDED
    if operation.kind is Kind.DELETE:
        return succeeded
    return operation.kind is Kind.CREATE and not succeeded and not keep_rows


def _kept(state: State, held: Iterable[Row], now: datetime) -> list[Row]:
    operation = state.operation
    succeeded = operation.status is Status.SUCCEEDED
    if operation.kind in (Kind.CREATE, Kind.DELETE) and not succeeded:
        return [_undeleted(row, operation, now) for row in held]
    rows: Mapping[Kind, Callable[[State, Iterable[Row], datetime], list[Row]]] = {
        Kind.CREATE: _created,
        Kind.DEPLOY: _deployed,
        Kind.DEPLOY_BLUE: _deployed_blue,
        Kind.SWAP: _swapped,
    }
    return rows[operation.kind](state, held, now)


def _undeleted(row: Row, operation: Operation, now: datetime) -> Row:
    application = replace(row.application, stack_id=row.application.stack_id or operation.stack_id)
    changed = replace(row, application=application, status=RowStatus.DELETE_FAILED)
    return _changed(changed, operation, now)


def _created(state: State, held: Iterable[Row], now: datetime) -> list[Row]:
    stack = state.observed.stack
    if stack is None:
        raise ValueError(f"create {state.operation.id} ends without a stack")
    parts = {part.environment: part for part in state.operation.progress}
    rows = []
    for row in held:
        part = parts[row.environment]
        created = replace(
            row,
            application=_complete(row.application, stack),
            status=RowStatus.ACTIVE,
            url=part.url,
            service=_service(state, part, stack),
        )
        rows.append(_changed(created, state.operation, now))
    return rows


def _complete(application: Application, stack: Stack) -> Application:
    return replace(
        application,
        stack_id=stack.id,
        repository=stack.outputs["RepositoryUri"],
        production_listener=stack.outputs["ProductionListenerArn"],
        test_listener=stack.outputs["TestListenerArn"],
    )


def _service(state: State, part: Progress, stack: Stack) -> Service:
    made = stack.outputs[output_key(part.service, "TaskDefinitionArn")]
    blueprint = state.observed.blueprints[part.service]
    registered = part.wanted if part.wanted != made else None
    if registered:
        blueprint = render.blueprint(next_task_definition(state, part, {}))
    return Service(
        name=part.service,
        arn=stack.outputs[output_key(part.service, "ServiceArn")],
        target_group=stack.outputs[output_key(part.service, "TargetGroupArn")],
        task_definition=part.wanted or made,
        blueprint=blueprint,
        image=blueprint["containerDefinitions"][0]["image"],
        registered=registered,
        was_live=part.environment is Environment.PROD_GREEN,
    )


def _deployed(state: State, held: Iterable[Row], now: datetime) -> list[Row]:
    parts = {part.environment: part for part in state.operation.progress}
    return [
        _changed(
            replace(row, service=_running(state, row.service, part, now)), state.operation, now
        )
        if (part := parts[row.environment]).status is Status.SUCCEEDED
        else row
        for row in held
    ]


def _deployed_blue(state: State, held: Iterable[Row], now: datetime) -> list[Row]:
    (part,) = state.operation.progress
    if part.status is not Status.SUCCEEDED:
        return list(held)
    service = _running(state, state.inventory.production_slot(part.service), part, now)
    return [
        _changed(replace(row, service=service), state.operation, now)
        if row.service and row.service.name == part.service
        else row
        for row in held
    ]


def _running(state: State, service: Service | None, part: Progress, now: datetime) -> Service:
    """Return a service as it is after a rollout that succeeded."""
    if service is None or part.wanted is None or part.image is None:
        raise ValueError(f"{part.environment} has succeeded without a service to run in")
    if part.wanted == service.task_definition:
        return service
    return replace(
        service,
        task_definition=part.wanted,
        registered=part.wanted,
        blueprint=render.blueprint(next_task_definition(state, part, {})),
        image=part.image,
        digest=part.digest,
        version=part.version,
        deployed_at=now,
        deployed_by=state.operation.caller,
    )


def _swapped(state: State, held: Iterable[Row], now: datetime) -> list[Row]:
    """Rows follow the production listener, whatever became of the rest of the swap."""
    operation = state.operation
    # Where the listener cannot be seen, what the operation has done to it is known.
    moved = operation.live if operation.switched_at else None
    if (state.observed.production or moved) != operation.live:
        return list(held)
    slots = {
        Environment.PROD_GREEN: state.inventory.production_slot(operation.live or ""),
        Environment.PROD_BLUE: state.inventory.production_slot(operation.idle or ""),
    }
    rows = []
    for row in held:
        service = slots[row.environment]
        if service and row.environment is Environment.PROD_GREEN:
            service = replace(service, was_live=True)
        rows.append(_changed(replace(row, service=service), operation, now))
    return rows


def _changed(row: Row, operation: Operation, now: datetime) -> Row:
    return replace(row, operation=operation.id, updated_at=now, updated_by=operation.caller)
