"""Do the steps that a decision asks for, and say what they changed.

A step that AWS refuses for good becomes part of the operation (an environment that failed, a
create that must be undone). Any other trouble stops the worker; the next trigger looks again
before it repeats anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from devops_core import render
from devops_core.decide.decision import (
    CreateStack,
    DeleteStack,
    Listener,
    ReadTemplate,
    Register,
    Retire,
    Step,
    Switch,
    UpdateService,
    WarmUp,
)
from devops_core.errors import (
    AccessDeniedError,
    AwsError,
    DevOpsError,
    RefusedError,
    UnreachableError,
)
from devops_core.model import (
    Inventory,
    Kind,
    Observed,
    Operation,
    Progress,
    Stack,
    Status,
    Warmed,
)
from devops_core.naming import OPERATION_TAG, Environment, Image
from devops_core.operations import templates
from devops_core.operations.observe import undo_token
from devops_core.ports import Cloud


class State(NamedTuple):
    """An operation, its rows and what was last seen of it: what the steps work on."""

    operation: Operation
    inventory: Inventory
    observed: Observed


Effect = Callable[[State], State]


def perform(cloud: Cloud, state: State, steps: Sequence[Step]) -> tuple[State, list[AwsError]]:
    """Do steps at the same time; return what they led to and what trouble there was."""
    return after(state, steps, cloud.together(attempts(cloud, state, steps)))


def attempts(
    cloud: Cloud, state: State, steps: Sequence[Step]
) -> list[Callable[[], Effect | AwsError]]:
    """Return the calls that do steps, for `Cloud.together`; `after` takes what they return."""
    return [partial(_try, cloud, state, step) for step in steps]


def after(
    state: State, steps: Sequence[Step], outcomes: Sequence[Effect | AwsError]
) -> tuple[State, list[AwsError]]:
    """Return what steps led to and what trouble there was."""
    troubles = []
    for step, outcome in zip(steps, outcomes, strict=True):
        if not isinstance(outcome, AwsError):
            state = outcome(state)
            continue
        troubles.append(outcome)
        if isinstance(step, UpdateService) and not isinstance(outcome, UnreachableError):
            # It cannot land any more: the next worker need not wait for it.
            state = _noted(step.service, asked_at=None)(state)
    return state, troubles


def _try(cloud: Cloud, state: State, step: Step) -> Effect | AwsError:
    try:
        return _ACTIONS[type(step)](cloud, state, step)
    except RefusedError as error:
        return _refused(state, step, error) or error
    except AwsError as error:
        return _left(cloud, state, step, error) or error


def _left(cloud: Cloud, state: State, step: Step, error: AwsError) -> Effect | None:
    """Leave a left-over: it is not worth an operation that waits for a permission, or for long."""
    late = state.operation.overdue(cloud.clock.now())
    if isinstance(step, Retire) and (late or isinstance(error, AccessDeniedError)):
        return _retired(step)
    return None


def _refused(state: State, step: Step, error: RefusedError) -> Effect | None:
    if isinstance(step, ReadTemplate | CreateStack):
        return _undone(error)
    if isinstance(step, DeleteStack):
        return _stack_is(state.operation, "DELETE_FAILED", failures=(error.message,))
    if isinstance(step, Retire):
        return _retired(step)
    if isinstance(step, Register | UpdateService) and state.operation.kind is not Kind.SWAP:
        return _noted(step.service, status=Status.FAILED, reason=error.message)
    return None


def _read_template(cloud: Cloud, state: State, step: ReadTemplate) -> Effect:
    del state, step
    template, content = templates.newest(cloud)

    def effect(now: State) -> State:
        changed = replace(now.operation, template=template)
        return now._replace(operation=changed, observed=replace(now.observed, template=content))

    return effect


def _create_stack(cloud: Cloud, state: State, step: CreateStack) -> Effect:
    del step
    operation, application = state.operation, state.inventory.application
    if application is None or operation.template is None:
        raise RefusedError("the application's rows, or its template, are not on record")
    content = state.observed.template or templates.on_record(cloud, operation.template)
    stack_id = cloud.stacks.create(templates.rendered(cloud, operation, application, content))
    stack = Stack(id=stack_id, status="CREATE_IN_PROGRESS", operation=operation.id)

    # The decision that sees the stack notes its id.
    def effect(now: State) -> State:
        return now._replace(observed=replace(now.observed, stack=stack))

    return effect


def _undone(error: DevOpsError) -> Effect:
    def effect(now: State) -> State:
        changed = replace(now.operation, doomed=True, reasons=(error.message,))
        return now._replace(operation=changed)

    return effect


def _delete_stack(cloud: Cloud, state: State, step: DeleteStack) -> Effect:
    del step
    operation = state.operation
    if operation.stack_id is None:
        raise RefusedError("the id of the stack is not on record")
    token = undo_token(operation) if operation.kind is Kind.CREATE else operation.id
    cloud.stacks.delete(operation.stack_id, token)
    return _stack_is(operation, "DELETE_IN_PROGRESS")


def _stack_is(operation: Operation, status: str, failures: tuple[str, ...] = ()) -> Effect:
    stack = Stack(id=operation.stack_id or "", status=status, operation=operation.id)

    def effect(now: State) -> State:
        seen = replace(now.observed, looked=True, stack=stack, stack_failures=failures)
        return now._replace(observed=seen)

    return effect


def _register(cloud: Cloud, state: State, step: Register) -> Effect:
    operation, application = state.operation, state.inventory.application
    part = operation.part(step.service)
    tags = dict(application.tags if application else {}) | {OPERATION_TAG: operation.id}
    request = next_task_definition(state, part, tags)
    return _noted(step.service, wanted=cloud.containers.register(request))


def next_task_definition(state: State, part: Progress, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return what a service's next task definition is registered with.

    It follows from the record alone, so that whoever ends the operation can tell it again.
    """
    if state.operation.kind is Kind.CREATE:
        base = state.observed.blueprints[part.service]
        return render.task_definition(base, None, tags, state.operation.service)
    rows = state.inventory.rows.values()
    service = next(row.service for row in rows if row.service and row.service.name == part.service)
    image = replace(Image.parse(part.image), digest=part.digest) if part.image else None
    return render.task_definition(service.blueprint, image, tags)


def _update_service(cloud: Cloud, state: State, step: UpdateService) -> Effect:
    service = cloud.containers.update(
        state.operation.application, step.service, step.task_definition, step.desired_count
    )

    def effect(now: State) -> State:
        services = dict(now.observed.services) | {step.service: service}
        return now._replace(observed=replace(now.observed, services=services))

    return effect


def _retire(cloud: Cloud, state: State, step: Retire) -> Effect:
    del state
    cloud.containers.retire(step.task_definition)
    return _retired(step)


def _retired(step: Retire) -> Effect:
    def effect(now: State) -> State:
        left = {
            service: tuple(each for each in some if each != step.task_definition)
            for service, some in now.observed.leftovers.items()
        }
        now = now._replace(observed=replace(now.observed, leftovers=left))
        return _noted(step.service, retired=True)(now)

    return effect


def _warm_up(cloud: Cloud, state: State, step: WarmUp) -> Effect:
    base = state.inventory.rows[Environment.PROD_BLUE].url
    began, status, reason = cloud.clock.now(), None, None
    try:
        status = cloud.web.get(f"{base}{step.path}")
    except AwsError as error:
        reason = error.message
    took = (cloud.clock.now() - began) // timedelta(milliseconds=1)
    warmed = Warmed(path=step.path, status=status, milliseconds=took, reason=reason)

    def effect(now: State) -> State:
        changed = replace(now.operation, warmed=(*now.operation.warmed, warmed))
        return now._replace(operation=changed)

    return effect


def _switch(cloud: Cloud, state: State, step: Switch) -> Effect:
    application = state.inventory.application
    slot = state.inventory.production_slot(step.slot)
    if application is None or slot is None:
        raise RefusedError(f"production has no slot {step.slot}")
    to_production = step.listener is Listener.PRODUCTION
    listener = application.production_listener if to_production else application.test_listener
    if listener is None:
        raise RefusedError(f"production has no {step.listener} listener")
    cloud.load_balancer.switch(listener, slot.target_group)
    switched_at = cloud.clock.now()

    def effect(now: State) -> State:
        if not to_production:
            return now._replace(observed=replace(now.observed, test=step.slot))
        return now._replace(
            observed=replace(now.observed, production=step.slot),
            operation=replace(now.operation, switched_at=switched_at),
        )

    return effect


def _noted(service: str, **changes: Any) -> Effect:
    def effect(now: State) -> State:
        part = replace(now.operation.part(service), **changes)
        return now._replace(operation=now.operation.with_progress(part))

    return effect


_ACTIONS: Mapping[type[Any], Callable[[Cloud, State, Any], Effect]] = {
    ReadTemplate: _read_template,
    CreateStack: _create_stack,
    DeleteStack: _delete_stack,
    Register: _register,
    UpdateService: _update_service,
    Retire: _retire,
    WarmUp: _warm_up,
    Switch: _switch,
}
