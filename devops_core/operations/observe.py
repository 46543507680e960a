"""Look at AWS, as far as an operation needs it; calls that do not need each other go together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from devops_core.decide.create import missing_outputs
from devops_core.errors import AccessDeniedError, AwsError, ConflictError
from devops_core.model import (
    Inventory,
    Kind,
    Observed,
    Operation,
    RunningService,
    Service,
    Stack,
    Status,
)
from devops_core.naming import SLOTS, family, output_key
from devops_core.ports import Cloud, Containers, LoadBalancer

_FAILED_STACK = ("ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")


def observe(cloud: Cloud, operation: Operation, inventory: Inventory) -> Observed:
    """Return what is to be seen of an operation in progress."""
    looks: Mapping[Kind, Callable[[Cloud, Operation, Inventory], Observed]] = {
        Kind.CREATE: _create,
        Kind.DEPLOY: _deploy,
        Kind.DEPLOY_BLUE: _deploy,
        Kind.SWAP: _swap,
        Kind.DELETE: _delete,
    }
    return looks[operation.kind](cloud, operation, inventory)


def production(cloud: Cloud, application: str, inventory: Inventory) -> Observed:
    """Return everything about production at once: listeners, services, healthy targets."""
    slots = _slots(inventory)
    listeners = _listeners(inventory)
    load_balancer, containers = cloud.load_balancer, cloud.containers
    forwards, services, *healthy = cloud.together(
        [
            partial(load_balancer.forwards_to, listeners),
            partial(containers.services, application, slots),
            *(partial(load_balancer.healthy, slot.target_group) for slot in slots.values()),
        ]
    )
    live, test = (_slot_of(slots, target_group) for target_group in forwards)
    return Observed(
        services=services,
        production=live,
        test=test,
        healthy=dict(zip(slots, healthy, strict=True)),
    )


def slots_behind(load_balancer: LoadBalancer, inventory: Inventory) -> Sequence[str | None]:
    """Return the slots that the production and the test listener forward to, None for neither."""
    slots = _slots(inventory)
    return [_slot_of(slots, each) for each in load_balancer.forwards_to(_listeners(inventory))]


def live_slot(cloud: Cloud, inventory: Inventory) -> str:
    """Return the slot that production forwards to now; ConflictError when it is neither."""
    slots = _slots(inventory)
    (target_group,) = cloud.load_balancer.forwards_to(_listeners(inventory)[:1])
    return known_slot(_slot_of(slots, target_group))


def known_slot(slot: str | None) -> str:
    """Return a slot that was found; ConflictError when the listener forwards elsewhere."""
    if slot is None:
        raise ConflictError(
            "the production listener does not forward to exactly one of the slots prod-1 and"
            " prod-2: somebody changed it by hand; point it at one of their target groups"
        )
    return slot


def undo_token(operation: Operation) -> str:
    """Return the client request token of the DeleteStack that undoes a create."""
    return f"{operation.id}-undo"


def _create(cloud: Cloud, operation: Operation, inventory: Inventory) -> Observed:
    del inventory
    stack = cloud.stacks.describe(operation.stack_id or operation.application)
    if stack is None and not operation.doomed:
        return Observed()
    if stack is None or stack.status == "DELETE_COMPLETE":
        return Observed(stack=stack, leftovers=_leftovers(cloud, operation))
    if stack.operation != operation.id:
        return Observed(stack=stack)
    if stack.status in _FAILED_STACK and not operation.doomed:
        return Observed(stack=stack, stack_failures=_why_not_created(cloud, operation, stack))
    if stack.status == "DELETE_FAILED":
        failures = cloud.stacks.failures(stack.id, undo_token(operation))
        return Observed(stack=stack, stack_failures=failures)
    if stack.status != "CREATE_COMPLETE" or operation.doomed:
        return Observed(stack=stack)
    return _created(cloud, operation, stack)


def _why_not_created(cloud: Cloud, operation: Operation, stack: Stack) -> tuple[str, ...]:
    """Return why a create fails; as long as the cluster is there, also why its tasks stopped."""
    if stack.status != "ROLLBACK_IN_PROGRESS":
        return cloud.stacks.failures(stack.id, operation.id)
    if operation.reasons:
        return ()
    failures = cloud.stacks.failures(stack.id, operation.id)
    failed = [
        part.service
        for part in operation.progress
        if any(failure.startswith(output_key(part.service, "Service ")) for failure in failures)
    ]
    stopped = cloud.together(
        [partial(_stopped, cloud.containers, operation.application, name, None) for name in failed]
    )
    return failures + tuple(
        f"{name}: {reason}"
        for name, reasons in zip(failed, stopped, strict=True)
        for reason in reasons
    )


def _created(cloud: Cloud, operation: Operation, stack: Stack) -> Observed:
    names = [part.service for part in operation.progress]
    if missing_outputs(stack, names):
        return Observed(stack=stack)
    containers = cloud.containers
    made = [stack.outputs[output_key(name, "TaskDefinitionArn")] for name in names]
    blueprints = cloud.together([partial(containers.blueprint, arn) for arn in made])
    services, found = _services(cloud, operation, configuring=True)
    # CloudFormation puts the stack's tags, and so the operation's, on what the stack has made.
    registered = {name: arn for name, arn in found.items() if arn not in made}
    return Observed(
        stack=stack,
        blueprints=dict(zip(names, blueprints, strict=True)),
        services=services,
        registered=registered,
    )


def _deploy(cloud: Cloud, operation: Operation, inventory: Inventory) -> Observed:
    del inventory
    services, registered = _services(cloud, operation)
    return Observed(services=services, registered=registered)


def _services(
    cloud: Cloud, operation: Operation, *, configuring: bool = False
) -> tuple[dict[str, RunningService], dict[str, str]]:
    """Return the services of an operation, and task definitions registered but not noted."""
    if configuring and not (operation.service and operation.service.needs_configuring):
        return {}, {}
    containers = cloud.containers
    lost = [part.service for part in operation.progress if part.wanted is None]
    finds = [
        partial(containers.find, family(operation.application, name), operation.id) for name in lost
    ]
    names = [part.service for part in operation.progress]
    services, *found = cloud.together(
        [partial(containers.services, operation.application, names), *finds]
    )
    registered = {name: arn for name, arn in zip(lost, found, strict=True) if arn}
    return _explained(cloud, operation, services, registered), registered


def _explained(
    cloud: Cloud,
    operation: Operation,
    services: Mapping[str, RunningService],
    registered: Mapping[str, str],
) -> dict[str, RunningService]:
    """Return the services, those whose rollout fails with the reasons of their stopped tasks."""
    failing = {
        part.service: wanted
        for part in operation.progress
        if part.status is Status.IN_PROGRESS and part.service in services
        if (wanted := part.wanted or registered.get(part.service))
        # ECS may have got an update that nobody lived to write down.
        if part.sent or services[part.service].has(wanted)
        if services[part.service].fails(wanted)
    }
    reasons = cloud.together(
        [
            partial(_stopped, cloud.containers, operation.application, name, task_definition)
            for name, task_definition in failing.items()
        ]
    )
    explained = {
        name: replace(services[name], stopped=stopped)
        for name, stopped in zip(failing, reasons, strict=True)
    }
    return {**services, **explained}


def _stopped(
    containers: Containers, application: str, service: str, task_definition: str | None
) -> tuple[str, ...]:
    """Return why tasks stopped; an operation does not wait for being allowed to ask that."""
    try:
        return containers.stopped(application, service, task_definition)
    except AwsError:
        return ()


def _swap(cloud: Cloud, operation: Operation, inventory: Inventory) -> Observed:
    live, test = slots_behind(cloud.load_balancer, inventory)
    if live == operation.live:
        # What is left to do needs the listeners alone, whatever else cannot be seen.
        return Observed(production=live, test=test)
    return production(cloud, operation.application, inventory)


def _delete(cloud: Cloud, operation: Operation, inventory: Inventory) -> Observed:
    stack = cloud.stacks.describe(operation.stack_id or operation.application)
    if stack and not operation.stack_id:
        # The answer to its creation was lost; nothing else of that name is touched.
        makers = {row.operation for row in inventory.rows.values()}
        stack = stack if stack.operation in makers else None
    if stack is None or stack.status == "DELETE_COMPLETE":
        return Observed(stack=stack, leftovers=_leftovers(cloud, operation))
    if stack.status != "DELETE_FAILED":
        return Observed(stack=stack)
    return Observed(stack=stack, stack_failures=cloud.stacks.failures(stack.id, operation.id))


def _leftovers(cloud: Cloud, operation: Operation) -> dict[str, tuple[str, ...]]:
    """Return the task definitions that operations have registered and nobody needs any more."""
    services = [part.service for part in operation.progress]
    families = [family(operation.application, name) for name in services]
    containers = cloud.containers
    try:
        found = cloud.together([partial(containers.registered, name) for name in families])
    except AwsError as error:
        # Left-overs are not worth an operation that waits for a permission, or for long.
        if isinstance(error, AccessDeniedError) or operation.overdue(cloud.clock.now()):
            return {}
        raise
    return dict(zip(services, found, strict=True))


def _listeners(inventory: Inventory) -> Sequence[str]:
    application = inventory.application
    if not application or not application.production_listener or not application.test_listener:
        raise ConflictError(
            "production is not complete: delete the application and create it again"
        )
    return [application.production_listener, application.test_listener]


def _slots(inventory: Inventory) -> dict[str, Service]:
    return {name: slot for name in SLOTS if (slot := inventory.production_slot(name))}


def _slot_of(slots: Mapping[str, Service], target_group: Any) -> str | None:
    return next((name for name, slot in slots.items() if slot.target_group == target_group), None)
