"""The promises (docs/reliability.md), as far as they are visible on the fakes.

`watch` holds at every outgoing call what must be true there; `hold_always` may be asked at any
moment; `hold_after_recovery` when no operation is open any more. A broken promise is an
AssertionError that names it. The watchers raise `Broken`, which nothing in the service catches.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from devops_core.model.inventory import Row
from devops_core.model.operation import Event, Operation, Status
from devops_core.naming import OPERATION_TAG, SLOTS, Environment, Image
from tests.lab.fakes.cloud import FakeCloud
from tests.lab.fakes.wire import Call


class Broken(BaseException):
    """A promise was broken at an outgoing call. No handler of errors may hide it."""


class Watch:
    """What was seen on the wire."""

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        self._switches: dict[int, str] = {}
        # Applications whose production listener somebody has pointed elsewhere, or at both slots.
        self.excused: set[str] = set()
        # Applications whose listeners somebody has changed at all.
        self.moved: set[str] = set()
        # Operations that were in progress then: nobody can know any more whether they had switched.
        self.overruled: set[str] = set()

    @property
    def switches(self) -> list[str]:
        """The operations that moved the customers."""
        done = self._cloud.wire.done
        return [operation for number, operation in self._switches.items() if number in done]

    def forget(self) -> None:
        """Forget what was seen, as the journal does."""
        self._switches.clear()

    def __call__(self, call: Call) -> None:
        """Hold, before a call takes effect, what must be true there."""
        try:
            hold_always(self._cloud, self.excused)
            if call.changes_aws:
                self._hold_at_change(call)
        except AssertionError as error:
            raise Broken(f"at {call.name}: {error}") from error

    def _hold_at_change(self, call: Call) -> None:
        application = _application(self._cloud, call)
        operation = _acting(self._cloud, application, call)
        if call.name == "load_balancer.switch":
            self._hold_at_switch(call.number, application, operation, *call.args)
        # Where somebody has pointed production at the slot of a promote, it is no longer idle.
        told = call.name == "containers.update" and call.args[1] in SLOTS
        if told and application not in self.moved:
            _hold_at_slot(self._cloud, operation, *call.args)

    def _hold_at_switch(
        self, number: int, application: str, operation: Operation, listener: str, group: str
    ) -> None:
        estate = self._cloud.stacks.estate
        if listener != estate.listener(application, "production"):
            return
        containers = self._cloud.containers
        groups = {estate.target_group(application, slot): slot for slot in SLOTS}
        slot = groups[group]
        now = self._cloud.load_balancer.listeners[listener]
        ready, live = containers.service(application, slot), groups.get(now[0])
        assert ready.primary.state == "COMPLETED", f"2: {slot} is still rolling out"
        assert ready.running >= 1, f"2: {slot} runs nothing"
        assert ready.healthy >= 1, f"2: {slot} is not healthy"
        smaller = live and ready.running < containers.service(application, live).running
        assert not smaller, f"2: {slot} is smaller than {live}"
        if now != [group]:
            self._switches[number] = operation.id


def watch(cloud: FakeCloud) -> Watch:
    """Hold the promises at every outgoing call from now on."""
    watcher = Watch(cloud)
    cloud.wire.watchers.append(watcher)
    return watcher


def hold_always(cloud: FakeCloud, excused: Collection[str] = ()) -> None:
    """Promises 1, 7 and 8: true at every moment; not the first where somebody else broke it."""
    for application in {name for name, _ in cloud.tables.rows} - set(excused):
        listener = cloud.stacks.estate.listener(application, "production")
        groups = cloud.load_balancer.listeners.get(listener)
        if groups is not None:
            slots = [cloud.stacks.estate.target_group(application, slot) for slot in SLOTS]
            assert len(groups) == 1, "1: production forwards to one slot"
            assert groups[0] in slots, "1: production forwards to a slot"
    for (application, identifier), operation in cloud.tables.operations.items():
        hold_log(operation, cloud.tables.events_of(application, identifier))
    hold_refusals(each for key, each in cloud.tables.events.items()
                  if key[:2] not in cloud.tables.operations)  # fmt: skip
    for row in cloud.tables.rows.values():
        assert row.claim is None or not _holder(cloud, row).ended, "8: a claim outlives its end"


def hold_after_recovery(cloud: FakeCloud, watcher: Watch, *, tidy: bool = True) -> None:
    """Promises 6, 8, 9 and 10: true when nothing is open any more.

    Not `tidy` is for task definitions that only the delete of their application will find.
    """
    hold_always(cloud, watcher.excused)
    assert cloud.tables.in_progress() == [], "7: every operation ends"
    assert not [row for row in cloud.tables.rows.values() if row.claim], "8: no claim is left"
    for application in {name for name, _ in cloud.tables.rows}:
        _hold_production(cloud, application)
    for row in cloud.tables.rows.values():
        _hold_row(cloud, row)
    _hold_no_stack_left(cloud)
    if tidy:
        _hold_no_definition_left(cloud)
    for operation in cloud.tables.operations.values():
        failed = operation.status is Status.FAILED and not getattr(
            operation.details, "switched_at", None
        )
        moved = operation.id in watcher.switches and operation.id not in watcher.overruled
        assert not (failed and moved), "10: what failed before the switch left production alone"


def _application(cloud: FakeCloud, call: Call) -> str:
    """Return the application that a change in AWS is about."""
    first = call.args[0]
    if call.name in ("containers.register", "stacks.create"):
        name = first["family"].partition("-")[0] if call.method == "register" else None
        return str(name or first["StackName"])
    if call.name == "stacks.delete":
        return cloud.stacks.stacks[first].name
    if call.name == "containers.deregister":
        return cloud.containers.task_definitions[first].family.partition("-")[0]
    if call.name == "load_balancer.switch":
        return str(first.split("/app/")[1].partition("-prod")[0])
    return str(first)


def _acting(cloud: FakeCloud, application: str, call: Call) -> Operation:
    """Return the one operation that may change AWS now: in progress, claimed and leased.

    An update that a record says is under way keeps other workers off like a lease.
    """
    now = cloud.clock.now()
    acting = [
        operation
        for (name, _), operation in cloud.tables.operations.items()
        if name == application and not operation.ended
        if operation.leased(now) or _under_way(operation, call, now)
    ]
    holding = [
        operation
        for operation in acting
        if any(row.claim == operation.id for row in cloud.tables.rows.values())
    ]
    assert holding, f"3: {call.name} for {application} without a held claim and lease"
    mine = [operation for operation in holding if _concerns(cloud, operation, call)]
    assert mine, f"3: {call.name} {call.args} is no part of {holding[0].kind} {holding[0].id}"
    return mine[0]


def _under_way(operation: Operation, call: Call, now: datetime) -> bool:
    if call.name != "containers.update":
        return False
    parts = [part for part in operation.progress if part.service == call.args[1]]
    return any(part.update_in_flight(now) and part.target == call.args[2] for part in parts)


def _concerns(cloud: FakeCloud, operation: Operation, call: Call) -> bool:
    services = {part.service for part in operation.progress}
    if call.name == "load_balancer.switch":
        return operation.kind == "swap"
    if call.name == "containers.update":
        return call.args[1] in services
    if call.name == "containers.register":
        return call.args[0]["family"].partition("-")[2] in services
    if call.name == "containers.deregister":
        family = cloud.containers.task_definitions[call.args[0]].family
        return family.partition("-")[2] in services
    return True


def _hold_at_slot(
    cloud: FakeCloud,
    operation: Operation,
    application: str,
    slot: str,
    definition: str | None,
    desired: int | None,
) -> None:
    del desired
    if definition is None or operation.kind == "create":
        return
    estate = cloud.stacks.estate
    live = cloud.load_balancer.listeners[estate.listener(application, "production")]
    assert operation.kind == "deploy-blue", f"5: a {operation.kind} changes what {slot} runs"
    assert live != [estate.target_group(application, slot)], f"10: {slot} is live"


def hold_log(operation: Operation, events: list[Event]) -> None:
    keys = [event.key for event in events]
    ends = [event for event in events if event.key == "END"]
    assert keys[:1] == ["000"], "7: the log begins with the acceptance"
    assert len(ends) == int(operation.ended), "7: one terminal event per ended operation"
    assert (operation.ended_at is not None) is operation.ended, "7: an end has its time"
    numbered = keys[: len(keys) - len(ends)]
    assert numbered == [f"{number:03d}" for number in range(len(numbered))], (
        "7: no event is missing"
    )
    assert all(event.outcome == operation.status for event in ends), "7: the log says how it ended"


def hold_refusals(events: Iterable[Event]) -> None:
    """Hold what must be true of events that belong to no operation: they say who was refused."""
    for event in events:
        told = (event.key, event.outcome, bool(event.caller and event.reason))
        assert told == ("DENIED", "DENIED", True), f"7: {event} belongs to no operation"


def _holder(cloud: FakeCloud, row: Row) -> Operation:
    return cloud.tables.operations[row.application.name, row.claim or ""]


def _hold_production(cloud: FakeCloud, application: str) -> None:
    inventory = cloud.tables.inventory_of(application)
    green = inventory.service(Environment.PROD_GREEN)
    blue = inventory.service(Environment.PROD_BLUE)
    if green is None or blue is None:
        return
    estate, listeners = cloud.stacks.estate, cloud.load_balancer.listeners
    production = listeners.get(estate.listener(application, "production"))
    test = listeners.get(estate.listener(application, "test"))
    if production is not None:
        assert production == [green.target_group], "6: PROD-GREEN is what production forwards to"
        follows = test == [blue.target_group] or inventory.rows[Environment.PROD_BLUE].drift
        assert follows, "6: PROD-BLUE is what the test listener forwards to"


def _hold_row(cloud: FakeCloud, row: Row) -> None:
    service = row.service
    running = service and cloud.containers.services_.get((row.application.name, service.name))
    if not service or not running or not running.active:
        return
    definition = cloud.containers.task_definitions[running.primary.task_definition]
    assert definition.arn == service.task_definition, f"6: {row.environment} runs something else"
    assert definition.active, f"9: {row.environment} runs what was deregistered"
    image = Image.parse(service.image)
    wanted = Image(image.repository, image.tag, service.digest).pinned
    assert definition.image == wanted, f"6: {row.environment} runs another image than its row says"


def _hold_no_definition_left(cloud: FakeCloud) -> None:
    known = set(_known_definitions(cloud))
    for definition in cloud.containers.task_definitions.values():
        if definition.active and OPERATION_TAG in definition.tags:
            assert definition.arn in known, f"9: {definition.arn} is left and nobody knows it"


def _hold_no_stack_left(cloud: FakeCloud) -> None:
    stacks = {row.application.stack_id for row in cloud.tables.rows.values()}
    for stack in cloud.stacks.stacks.values():
        if stack.operation and stack.status != "DELETE_COMPLETE":
            assert stack.id in stacks, f"9: stack {stack.name} is left and nobody knows it"


def _known_definitions(cloud: FakeCloud) -> Iterator[str]:
    """Yield what rows know, and what belongs to the stack of a row that could not be deleted."""
    for row in cloud.tables.rows.values():
        if row.service:
            yield from (row.service.task_definition, row.service.registered or "")
    stacks = {row.application.name for row in cloud.tables.rows.values()}
    for definition in cloud.containers.task_definitions.values():
        if definition.tags.get("aws:cloudformation:stack-name") in stacks:
            yield definition.arn
