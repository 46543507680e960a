"""Manual changes of an application, as with the AWS console."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from devops_core.naming import SLOTS
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.task_service import FakeService

# Changes an application; the number selects one of several resources. Returns whether a resource
# has changed.
Change = Callable[[FakeCloud, str, int], bool]


def listeners_exchanged(cloud: FakeCloud, application: str, _: int) -> bool:
    """Exchange the targets of the two listeners."""
    production, test = _listeners(cloud, application)
    listeners = cloud.load_balancer.listeners
    if production in listeners:
        listeners[production], listeners[test] = listeners[test], listeners[production]
    return production in listeners


def listener_moved(cloud: FakeCloud, application: str, pick: int) -> bool:
    """Forward one of the listeners to a slot."""
    listener = _listeners(cloud, application)[pick % 2]
    return _forward(cloud, application, listener, SLOTS[pick // 2 % 2])


def listener_weighted(cloud: FakeCloud, application: str, _: int) -> bool:
    """Forward production to both slots."""
    return _forward(cloud, application, _listeners(cloud, application)[0], *SLOTS)


def listener_split(cloud: FakeCloud, application: str, pick: int) -> bool:
    """Forward production to both slots with different weights."""
    listener = _listeners(cloud, application)[0]
    if not _forward(cloud, application, listener, *SLOTS):
        return False
    weights = (10 * (pick % 9 + 1), 10 * (9 - pick % 9))
    groups = cloud.load_balancer.listeners[listener]
    cloud.load_balancer.split[listener] = dict(zip(groups, weights, strict=True))
    return True


def listener_misdirected(cloud: FakeCloud, application: str, _: int) -> bool:
    """Forward production to the service of a test environment."""
    return _forward(cloud, application, _listeners(cloud, application)[0], "dev")


def service_deployed(cloud: FakeCloud, application: str, pick: int) -> bool:
    """Deploy a foreign task definition in a service."""
    service = _service(cloud, application, pick)
    if service:
        running = cloud.containers.task_definitions[service.primary.task_definition].request
        container = {**running["containerDefinitions"][0], "image": f"example.org/other:{pick}"}
        definition = {**running, "containerDefinitions": [container], "tags": []}
        service.deploy(cloud.containers.add(definition), cloud.clock.right())
    return bool(service)


def service_scaled(cloud: FakeCloud, application: str, pick: int) -> bool:
    """Scale a service, possibly to 0."""
    service = _service(cloud, application, pick)
    if service:
        service.desired = pick % 4
        service.running = min(service.running, service.desired)
    return bool(service)


def service_deleted(cloud: FakeCloud, application: str, pick: int) -> bool:
    """Delete a service."""
    service = _service(cloud, application, pick)
    if service:
        service.active, service.desired, service.running = False, 0, 0
    return bool(service)


def stack_deleted(cloud: FakeCloud, application: str, pick: int) -> bool:
    """Begin the deletion of the stack."""
    stack = cloud.stacks.named(application)
    if stack and stack.status != "DELETE_IN_PROGRESS":
        stack.status, stack.token, stack.left = "DELETE_IN_PROGRESS", "by hand", pick % 3
    return bool(stack)


def row_removed(cloud: FakeCloud, application: str, pick: int) -> bool:
    """Remove a free row of the inventory, but not the last one.

    A claimed row remains, because the promises need the claim of each acting operation. Its
    operation can remove it later, so another row remains too.
    """
    rows = cloud.tables.inventory_of(application).rows
    free = [environment for environment, row in rows.items() if not row.claim]
    removed = len(free) > 1
    if removed:
        del cloud.tables.rows[application, free[pick % len(free)]]
    return removed


CHANGES: Mapping[str, Change] = {
    change.__name__: change
    for change in (
        listeners_exchanged,
        listener_moved,
        listener_weighted,
        listener_split,
        listener_misdirected,
        service_deployed,
        service_scaled,
        service_deleted,
        stack_deleted,
        row_removed,
    )
}


def restore_production(cloud: FakeCloud, application: str) -> None:
    """Forward production to one slot, because the drift check does not correct other targets."""
    if cloud.live(application) is None:
        _forward(cloud, application, _listeners(cloud, application)[0], SLOTS[0])


def _listeners(cloud: FakeCloud, application: str) -> tuple[str, str]:
    listener = cloud.stacks.estate.listener
    return listener(application, "production"), listener(application, "test")


def _forward(cloud: FakeCloud, application: str, listener: str, *services: str) -> bool:
    listeners = cloud.load_balancer.listeners
    if listener not in listeners:
        return False
    group = cloud.stacks.estate.target_group
    listeners[listener] = [group(application, service) for service in services]
    return True


def _service(cloud: FakeCloud, application: str, pick: int) -> FakeService | None:
    active = [
        service
        for (cluster, _), service in cloud.containers.services_.items()
        if cluster == application and service.active
    ]
    return active[pick % len(active)] if active else None
