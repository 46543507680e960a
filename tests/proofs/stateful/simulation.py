"""The simulation of an account: requests, triggers, faults, manual changes and time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, NamedTuple

from devops_core.details.swap import SwapDetails
from devops_core.errors import AwsError
from devops_core.model.operation import Operation
from devops_core.model.stack_change import ResourceChange
from tests.lab.client import SCHEDULE, Client, Reply
from tests.lab.fakes import Crash, FakeCloud
from tests.lab.fakes.task_service import CRASH, HANG
from tests.lab.faults import Kind as Fault
from tests.lab.memory import accounts
from tests.lab.memory.memory_world import World
from tests.lab.promises import Broken, given_up
from tests.lab.world import OPERATION
from tests.proofs.stateful.caller_requests import CallerRequest
from tests.proofs.stateful.manual_changes import CHANGES
from tests.proofs.stateful.model import Model
from tests.proofs.stateful.scheduled_faults import ScheduledFaults

NAMES = ("Shop", "Shop-dev-api")
# After this time a late call has taken effect (tests/lab/memory/wire_faults.py) and a new stack is
# visible. In AWS this takes seconds; the lease of a worker waits 65 s for it.
_DELAY_LIMIT = 60
_ACCEPTED, _REFUSED = (200, 202, 424), (409,)
# The exceptions that end an invocation.
_ENDS_INVOCATION = (Crash, AwsError)


def _images(cloud: FakeCloud, api: Client) -> None:
    """Push the images of all applications."""
    accounts.empty(cloud, api)
    for version in ("1.0", "2.0", "3.0", "4.0"):
        cloud.push(version, application=NAMES[1])
    cloud.push("crash", CRASH, NAMES[1])
    cloud.push("hang", HANG, NAMES[1])


def _both(cloud: FakeCloud, api: Client) -> None:
    """Create an application in use, and one after its first swap."""
    accounts.shop(cloud, api)
    _images(cloud, api)
    api.finished(api.create(NAMES[1]))
    api.finished(api.deploy("1.0", application=NAMES[1]))
    api.finished(api.promote(application=NAMES[1]))
    assert api.swap(application=NAMES[1]).status == 200


def _backwards(cloud: FakeCloud, api: Client) -> None:
    """Create both applications; simultaneous calls are executed in reverse order."""
    _both(cloud, api)
    cloud.backwards = True


ACCOUNTS: Mapping[str, Callable[[FakeCloud, Client], object]] = {
    "empty": _images, "both": _both, "backwards": _backwards,
}  # fmt: skip


class StackFault(NamedTuple):
    """Failures of updates of stacks, with the names of `FakeStacks`."""

    update_failures: tuple[str, ...] = ()
    rollback_failures: tuple[str, ...] = ()
    cleanup_failures: tuple[str, ...] = ()
    repaired: bool = False
    unexpected: tuple[ResourceChange, ...] = ()


_UNSTABLE, _IN_USE = ("daService: it was not stable",), ("daListener: it is in use",)
STACK_FAULTS = (
    StackFault(update_failures=_UNSTABLE),
    StackFault(update_failures=_UNSTABLE, rollback_failures=_IN_USE, repaired=True),
    StackFault(update_failures=_UNSTABLE, rollback_failures=_IN_USE),
    StackFault(cleanup_failures=("qaLoadBalancer: it is protected",)),
    StackFault(
        unexpected=(ResourceChange("Modify", "prod1Service", "AWS::ECS::Service", "False"),)
    ),
)


@cache
def _prepared(account: str) -> bytes:
    return World.prepared(ACCOUNTS[account])


class Simulation:
    """An account, the actions of all actors in it, and the checks after each action."""

    def __init__(self, account: str) -> None:
        self.world = World.opened(_prepared(account))
        self.cloud, self.api, self.watcher = self.world.cloud, self.world.api, self.world.watcher
        self.model = Model(self.cloud, self.watcher)
        self.requests: list[CallerRequest] = []
        self.events: list[Mapping[str, Any]] = []
        self.other_skew = timedelta()
        # Applications without some of their rows: a delete finds the resources of such an
        # environment only after another create.
        self.incomplete: set[str] = set()
        others = {Fault.SECOND_WORKER: self._other_worker, Fault.SECOND_CALLER: self._other_caller}
        self.faults = ScheduledFaults(self.cloud, others)

    @property
    def operations(self) -> list[tuple[str, str]]:
        """All operations, by application and id."""
        return list(self.cloud.tables.operations)

    @property
    def changes(self) -> list[Operation]:
        """The updates and upgrades of stacks."""
        operations = self.cloud.tables.operations.values()
        return [
            each for each in operations if each.kind in ("update", "upgrade") and each.details.stack
        ]

    @property
    def open_changes(self) -> list[tuple[str, str]]:
        """The open updates and upgrades of stacks, by application and id."""
        return [(each.application, each.id) for each in self.changes if not each.ended]

    def record_overtaken(self) -> None:
        """Record updates of stacks that were given up before CloudFormation made the change.

        The rows are then those from before the change, and resources can remain.
        """
        for each in self.changes:
            stack = self.cloud.stacks.named(each.application)
            parameters = stack.parameters if stack else {}
            if given_up(each) and each.details.stack.applied(parameters):
                self.faults.blind = self.faults.untidy = True

    # --- callers ---

    def send(self, request: CallerRequest) -> None:
        """Send a request and check its response."""
        self.requests.append(request)
        allowed, hits = self.model.allowed(request), len(self.faults.hit)
        reply = self._response(partial(request.send, self.api))
        self.model.add_new_operations(request)
        self.model.check_response(
            request, allowed, reply, undisturbed=self._undisturbed_since(hits)
        )

    def read_specification(self, application: str) -> None:
        """Read the specification of an application, which has the present revision."""
        hits, existed = len(self.faults.hit), application in self.cloud.tables.records
        reply = self._response(partial(self.api.specification, application))
        undisturbed = self._undisturbed_since(hits)
        assert reply or not undisturbed, "a read of a specification crashed"
        if reply is None or (reply.status in (502, 503) and not undisturbed):
            return
        # A second worker can end the delete just before the read.
        exists = application in self.cloud.tables.records
        assert reply.status in {200 if each else 404 for each in (existed, exists)}, reply
        if reply.status == 200:
            body, specifications = reply.body, self.model.specifications
            assert body["revision"] == specifications.current[application], body
            document = specifications.document(application)
            assert body["specification"].get("overrides") == document.get("overrides"), body

    def read(self, back: int, *, wait: bool) -> None:
        """Read the status of an operation."""
        application, operation = self.operations[-1 - back % len(self.operations)]
        headers = {"Prefer": "wait=25"} if wait else None
        hits = len(self.faults.hit)
        reply = self._response(partial(self.api.status, operation, application, headers))
        undisturbed = self._undisturbed_since(hits)
        assert reply or not undisturbed, "a status read crashed"
        assert reply is None or reply.status in ((200,) if undisturbed else (200, 502, 503)), reply

    def abort(self, back: int) -> None:
        """Abort an operation."""
        self.abort_operation(self.operations[-1 - back % len(self.operations)])

    def abort_operation(self, key: tuple[str, str]) -> None:
        """Abort an operation by its application and id."""
        before, hits = self.cloud.tables.operations[key], len(self.faults.hit)
        reply = self._response(partial(self.api.abort, key[1], key[0]))
        undisturbed = self._undisturbed_since(hits)
        over = before.ended and not before.aborted_by
        expected = (409,) if over or before.kind == "delete" else (200, 202)
        assert reply or not undisturbed, "an abort crashed"
        statuses = expected if undisturbed else (200, 202, 409, 502, 503)
        assert reply is None or reply.status in statuses, reply

    def advance(self, key: tuple[str, str], action: str) -> None:
        """Continue or finish an operation by its application and id."""
        before, hits = self.cloud.tables.operations[key], len(self.faults.hit)
        began = self.cloud.clock.now()
        reply = self._response(partial(self.api.advance, key[1], action, key[0]))
        undisturbed = self._undisturbed_since(hits)
        assert reply or not undisturbed, f"{action} crashed"
        expected = _ACCEPTED if _can_advance(before, action, began) else _REFUSED
        allowed = expected if undisturbed else {*_ACCEPTED, *_REFUSED, 502, 503}
        assert reply is None or reply.status in allowed, f"{action} got {reply}"

    def force(self, key: tuple[str, str]) -> None:
        """End an operation by force, and record that its application can differ from its rows."""
        query, named = {"force": "true"}, {"applicationName": key[0], "id": key[1]}
        send = partial(self.api.send, "DELETE", OPERATION, parameters=named, query=query)
        before, hits = self.cloud.tables.operations[key], len(self.faults.hit)
        reply = self._response(send)
        undisturbed = self._undisturbed_since(hits)
        assert reply or not undisturbed, "an end by force crashed"
        assert reply is None or reply.status in (200, 202, 409, 502, 503), reply
        after = self.cloud.tables.operations[key]
        if not before.ended and "ended by force" in "; ".join(after.reasons):
            self._record_manual_change(key[0], "listeners by force")

    def _response(self, send: Callable[[], Reply]) -> Reply | None:
        with violations_as_assertions():
            try:
                return send()
            except Crash:
                return None

    def _undisturbed_since(self, hits: int) -> bool:
        """Return whether no call has had a fault since then, and no fault is active now."""
        active = self.faults.lasting or self.faults.late
        return len(self.faults.hit) == hits and not active

    # --- triggers ---

    def wake(self, event: Mapping[str, Any]) -> None:
        """Send an event to the service; the invocation can crash."""
        self._invoke(partial(self.api.wake, event))

    def drift_check(self) -> None:
        """Fire the schedule of the drift check; the invocation can crash."""
        self._invoke(self.api.drift_check)

    def _invoke(self, function: Callable[[], int]) -> None:
        hits = len(self.faults.hit)
        with violations_as_assertions():
            try:
                function()
            except _ENDS_INVOCATION:
                expected = self.model.changed_manually or not self._undisturbed_since(hits)
                assert expected, "an invocation crashed without a fault"
        self.model.add_new_operations(None)

    # --- other actors, during a call ---

    def _other_worker(self) -> None:
        clock = self.cloud.clock
        before, clock.skew = clock.skew, clock.skew + self.other_skew
        with suppress(*_ENDS_INVOCATION):
            self.api.wake(SCHEDULE)
        clock.skew = before

    def _other_caller(self) -> None:
        if not self.requests:
            return
        request = self.requests[-1].without_key()
        self.model.add_new_operations(self.requests[-1])
        with suppress(Crash):
            reply = request.send(self.api)
            refused = (400, 409, 412) if request.kind == "update" else (409,)
            assert reply.status in (200, 202, 424, 502, 503, *refused), reply
        self.model.add_new_operations(request)

    # --- AWS, manual changes, time ---

    def heal(self) -> None:
        """Remove all faults."""
        self.faults.heal()

    def advance_aws(self, application: str) -> None:
        """Advance the stack and the rollouts of an application in AWS."""
        stack = self.cloud.stacks.named(application)
        if stack and stack.status.endswith("_IN_PROGRESS"):
            self.cloud.stacks.finish(application)
        for change_set in stack.change_sets.values() if stack else ():
            if change_set.status == "CREATE_IN_PROGRESS":
                change_set.complete()
        for cluster, name in self.cloud.containers.services_:
            if cluster == application:
                self.cloud.containers.advance(cluster, name)

    def follow_load(self, application: str, pick: int, tasks: int) -> None:
        """Scale a service of an application that has a scalable target."""
        active = self.cloud.containers.services_
        targets = [
            key
            for key in self.cloud.scaling.targets_
            if key[0] == application and key in active and active[key].active
        ]
        if targets:
            self.cloud.scaling.follow_load(*targets[pick % len(targets)], tasks)

    def set_stack_fault(self, fault: StackFault) -> None:
        """Let the following updates of stacks fail, or not."""
        for name, value in fault._asdict().items():
            setattr(self.cloud.stacks, name, value)

    def publish_template(self, *, forbidden: bool) -> None:
        """Upload a newer template; a forbidden one changes a listener."""
        accounts.publish_template(self.cloud, *([accounts.LISTENER] if forbidden else []))

    def change_manually(self, application: str, change: str, pick: int) -> None:
        """Change an application manually."""
        if CHANGES[change](self.cloud, application, pick):
            self._record_manual_change(application, change)

    def _record_manual_change(self, application: str, change: str) -> None:
        self.model.record_manual_change(application)
        if change == "row_removed":
            self.incomplete.add(application)
            self.watcher.incomplete.add(application)
        if change.startswith("listener"):
            self.watcher.moved.add(application)
            operations = self.cloud.tables.operations.items()
            self.watcher.overruled |= {
                identifier
                for (name, identifier), each in operations
                if name == application and (not each.ended or "force" in change)
            }
        if self.cloud.live(application) is None:
            self.watcher.excused.add(application)

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        if seconds > _DELAY_LIMIT:
            self._complete_delayed()
        self.cloud.clock.wait(seconds)

    def set_clock(self, skew: timedelta) -> None:
        """Set the clocks of all workers after new stacks have become visible.

        tests/functional/test_clocks.py has the case of a stack that is not visible yet.
        """
        self._complete_delayed()
        self.cloud.clock.skew = skew

    def _complete_delayed(self) -> None:
        """Execute late calls and make new stacks visible."""
        self.faults.complete_late_call()
        for stack in self.cloud.stacks.stacks.values():
            stack.unseen = 0

    # --- checks ---

    def check(self) -> None:
        """Check the promises after an action."""
        self.model.add_new_operations(None)
        self.watcher.hold_always()
        self.model.check()
        for message, members in self.cloud.lines:
            is_error = message in ("broken", "given up", "check failed", "reconcile failed")
            caused_by_aws = any(name in str(members) for name in _AWS_ERRORS)
            assert caused_by_aws or not is_error, f"{message}: {members}"
        self.cloud.lines.clear()


def _can_advance(operation: Operation, action: str, now: datetime) -> bool:
    """Return whether a call to continue or to finish must be accepted."""
    if operation.kind != "swap" or operation.ended or operation.aborted_by:
        return False
    details: SwapDetails = operation.details
    if details.returning or _is_expired(details, now):
        return False
    waits = details.approved_by or details.phase == "AWAITING_APPROVAL"
    return action == "finish" or bool(waits)


def _is_expired(details: SwapDetails, now: datetime) -> bool:
    """Return whether the next run returns all customers for lack of an approval."""
    approval, since = details.policy.approval, details.awaiting_at
    if approval is None or since is None or details.approved_by or details.finished_by:
        return False
    return now - since >= timedelta(minutes=approval.timeout_minutes)


# The names of AWS errors in the log.
_AWS_ERRORS = ("ThrottledError", "UnreachableError", "AccessDeniedError")


@contextmanager
def violations_as_assertions() -> Iterator[None]:
    """Convert `Broken` to an AssertionError, which Hypothesis can shrink."""
    try:
        yield
    except Broken as broken:
        raise AssertionError(str(broken)) from broken
