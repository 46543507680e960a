"""The life of an account: a sequence of requests, triggers, faults and changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache, partial
from typing import Any

from devops_core.errors import AwsError
from tests.lab.client import SCHEDULE, Client, Reply
from tests.lab.fakes import Crash, FakeCloud
from tests.lab.fakes.task_service import CRASH, HANG
from tests.lab.faults import Kind as Fault
from tests.lab.memory import accounts
from tests.lab.memory.world import World
from tests.lab.promises import Broken
from tests.proofs.stateful.asks import Ask
from tests.proofs.stateful.hands import CHANGES, live
from tests.proofs.stateful.model import Model
from tests.proofs.stateful.next_faults import Faults

NAMES = ("Shop", "Cart")
# After this time a late call has taken effect (tests/lab/memory/wire_faults.py), and a new stack is
# visible: this takes seconds, and the lease of a worker without a response to CreateStack 65.
_LATEST = 60
_DIED = (Crash, AwsError)


def _images(cloud: FakeCloud, api: Client) -> None:
    """Push the images of all applications."""
    accounts.empty(cloud, api)
    for version in ("1.0", "2.0", "3.0", "4.0"):
        cloud.push(version, application="Cart")
    cloud.push("crash", CRASH, "Cart")
    cloud.push("hang", HANG, "Cart")


def _both(cloud: FakeCloud, api: Client) -> None:
    """Create one application in use, and one whose first version has just become live."""
    accounts.shop(cloud, api)
    _images(cloud, api)
    api.finished(api.create("Cart"))
    api.finished(api.deploy("1.0", application="Cart"))
    api.finished(api.promote(application="Cart"))
    assert api.swap(application="Cart").status == 200


def _backwards(cloud: FakeCloud, api: Client) -> None:
    """Create both in an account that executes simultaneous calls in reverse order."""
    _both(cloud, api)
    cloud.backwards = True


ACCOUNTS: Mapping[str, Callable[[FakeCloud, Client], object]] = {
    "empty": _images, "both": _both, "backwards": _backwards,
}  # fmt: skip


@cache
def _prepared(account: str) -> bytes:
    return World.prepared(ACCOUNTS[account])


class Life:
    """An account from its beginning, with checks after each step."""

    def __init__(self, account: str) -> None:
        self.world = World.opened(_prepared(account))
        self.cloud, self.api, self.watcher = self.world.cloud, self.world.api, self.world.watcher
        self.model = Model(self.cloud, self.watcher)
        self.asked: list[Ask] = []
        self.events: list[Mapping[str, Any]] = []
        self.other_skew = timedelta()
        # Applications that lost a row: a delete finds the resources of that environment only after
        # the application was created again.
        self.torn: set[str] = set()
        others = {Fault.SECOND_WORKER: self._other_worker, Fault.SECOND_CALLER: self._other_caller}
        self.faults = Faults(self.cloud, others)

    @property
    def operations(self) -> list[tuple[str, str]]:
        """All operations, by application and id."""
        return list(self.cloud.tables.operations)

    # --- callers ---

    def ask(self, ask: Ask) -> None:
        """Send a request and check the promises of its response."""
        self.asked.append(ask)
        allowed, hits = self.model.allowed(ask), self._trouble()
        reply = self._sent(partial(ask.send, self.api))
        self.model.learn(ask)
        self.model.answered(ask, allowed, reply, calm=hits == self._trouble() == self._calm())

    def read(self, back: int, *, wait: bool) -> None:
        """Read the status of an operation."""
        application, operation = self.operations[-1 - back % len(self.operations)]
        headers = {"Prefer": "wait=25"} if wait else None
        hits = self._trouble()
        reply = self._sent(partial(self.api.status, operation, application, headers))
        calm = hits == self._trouble() == self._calm()
        assert reply or not calm, "a status read died"
        assert reply is None or reply.status in ((200,) if calm else (200, 502, 503)), reply

    def abort(self, back: int) -> None:
        """Abort an operation."""
        key = self.operations[-1 - back % len(self.operations)]
        before, hits = self.cloud.tables.operations[key], self._trouble()
        reply = self._sent(partial(self.api.abort, key[1], key[0]))
        calm = hits == self._trouble() == self._calm()
        over = before.ended and not before.aborted_by
        expected = (409,) if over or before.kind == "delete" else (200, 202)
        assert reply or not calm, "an abort died"
        statuses = expected if calm else (200, 202, 409, 502, 503)
        assert reply is None or reply.status in statuses, reply

    def _sent(self, send: Callable[[], Reply]) -> Reply | None:
        with broken():
            try:
                return send()
            except Crash:
                return None

    def _trouble(self) -> int:
        """Return a number that changes with each fault."""
        return len(self.faults.hit)

    def _calm(self) -> int:
        """Return the number of `_trouble` if no fault is active now, another number otherwise."""
        return -1 if self.faults.lasting or self.faults.late else self._trouble()

    # --- triggers ---

    def wake(self, event: Mapping[str, Any]) -> None:
        """Send an event to the service; the invocation can crash."""
        self._woken(partial(self.api.wake, event))

    def drift_check(self) -> None:
        """Fire the schedule of the drift check."""
        self._woken(self.api.drift_check)

    def _woken(self, wake: Callable[[], int]) -> None:
        hits = self._trouble()
        with broken():
            try:
                wake()
            except _DIED:
                calm = hits == self._trouble() == self._calm()
                assert not calm or self.model.by_hand, "an invocation died without a fault"
        self.model.learn(None)

    # --- other actors, during a call ---

    def _other_worker(self) -> None:
        clock = self.cloud.clock
        before, clock.skew = clock.skew, clock.skew + self.other_skew
        with suppress(*_DIED):
            self.api.wake(SCHEDULE)
        clock.skew = before

    def _other_caller(self) -> None:
        if not self.asked:
            return
        ask = self.asked[-1].by(None)
        self.model.learn(self.asked[-1])
        with suppress(Crash):
            reply = ask.send(self.api)
            assert reply.status in (200, 202, 409, 424, 502, 503), reply
        self.model.learn(ask)

    # --- AWS, people, time ---

    def heal(self) -> None:
        """Remove all faults of AWS."""
        self.faults.heal()

    def move_on(self, application: str) -> None:
        """Advance the stack and the rollouts of an application in AWS."""
        stack = self.cloud.stacks.named(application)
        if stack and stack.status.endswith("_IN_PROGRESS"):
            self.cloud.stacks.finish(application)
        for cluster, name in self.cloud.containers.services_:
            if cluster == application:
                self.cloud.containers.advance(cluster, name)

    def by_hand(self, application: str, change: str, pick: int) -> None:
        """Change an application by hand."""
        if CHANGES[change](self.cloud, application, pick):
            self.model.changed_by_hand(application)
            if change == "row_removed":
                self.torn.add(application)
            if change.startswith("listener"):
                self.watcher.moved.add(application)
                operations = self.cloud.tables.operations.items()
                self.watcher.overruled |= {
                    identifier
                    for (name, identifier), each in operations
                    if name == application and not each.ended
                }
            if live(self.cloud, application) is None:
                self.watcher.excused.add(application)

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        if seconds > _LATEST:
            self._land()
        self.cloud.clock.wait(seconds)

    def set_clock(self, skew: timedelta) -> None:
        """Set the clocks of all workers, after new stacks have become visible.

        tests/functional/test_clocks.py has the case of a create before that.
        """
        self._land()
        self.cloud.clock.skew = skew

    def _land(self) -> None:
        """Execute late calls and make new stacks visible."""
        self.faults.land()
        for stack in self.cloud.stacks.stacks.values():
            stack.unseen = 0

    # --- checks ---

    def hold(self) -> None:
        """Check the promises after a step."""
        self.model.learn(None)
        self.watcher.hold_always()
        self.model.hold()
        for message, facts in self.cloud.lines:
            ours = message in ("broken", "given up", "check failed", "reconcile failed")
            theirs = any(word in str(facts) for word in _AWS_ERRORS)
            assert theirs or not ours, f"{message}: {facts}"
        self.cloud.lines.clear()


# The names of AWS errors in the log.
_AWS_ERRORS = ("ThrottledError", "UnreachableError", "AccessDeniedError")


@contextmanager
def broken() -> Iterator[None]:
    """Convert `Broken` to an AssertionError, which Hypothesis can shrink."""
    try:
        yield
    except Broken as broken:
        raise AssertionError(str(broken)) from broken
