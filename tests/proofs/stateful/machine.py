"""The state machine: its rules run in random order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.lab import events
from tests.lab.client import SCHEDULE
from tests.lab.faults import Kind as Fault
from tests.proofs.stateful.asks import Ask, members
from tests.proofs.stateful.hands import CHANGES
from tests.proofs.stateful.life import ACCOUNTS, NAMES, Life
from tests.proofs.stateful.recovery import recover

_TESTS = ("dev", "qa", "stage")
_names = st.sampled_from(NAMES)
_some = st.lists(st.sampled_from(_TESTS), min_size=1, max_size=3, unique=True).map(
    lambda chosen: tuple(name for name in _TESTS if name in chosen)
)
_versions = st.sampled_from(("1.0", "2.0", "3.0", "4.0", "crash", "hang"))
_keys = st.sampled_from((None, None, "k1", "k2", "k3", "k4"))
_services = st.sampled_from((None, {"desiredCount": 2}, {"environment": {"LEVEL": "info"}}))
_pick = st.integers(0, 11)
# Maximum difference between two clocks, in seconds (tests/functional/test_clocks.py).
_SKEW = 5
_SECONDS = (1, 5, 30, 63, 66, 120, 300, 900, 1900, 3700, 10800)
_waits = st.sampled_from((False, False, False, True))


class Service(RuleBasedStateMachine):
    """The service, its callers, AWS, and people with the console."""

    life: Life

    @initialize(account=st.sampled_from(sorted(ACCOUNTS)))
    def begin(self, account: str) -> None:
        self.life = Life(account)

    # --- callers ---

    @rule(name=_names, chosen=_some, service=_services, key=_keys, wait=_waits)
    def create(self, name: str, chosen: Any, service: Any, key: str | None, wait: bool) -> None:
        self.life.ask(Ask("create", name, members(service=service), chosen, key, wait))

    @rule(name=_names, chosen=_some, version=_versions, key=_keys, wait=_waits)
    def deploy(self, name: str, chosen: Any, version: str, key: str | None, wait: bool) -> None:
        self.life.ask(Ask("deploy", name, members(version=version), chosen, key, wait))

    @rule(name=_names, source=st.sampled_from((None, None, *_TESTS)), key=_keys, wait=_waits)
    def promote(self, name: str, source: str | None, key: str | None, wait: bool) -> None:
        ask = Ask("deploy-blue", name, members(environment=source), (), key, wait)
        self.life.ask(ask)

    @rule(name=_names, version=st.sampled_from((None, None, None, "1.0", "2.0")), key=_keys)
    def swap(self, name: str, version: str | None, key: str | None) -> None:
        self.life.ask(Ask("swap", name, members(version=version), (), key))

    @rule(name=_names, key=_keys, wait=_waits)
    def delete(self, name: str, key: str | None, wait: bool) -> None:
        self.life.ask(Ask("delete", name, (), (), key, wait))

    @precondition(lambda self: self.life.asked)
    @rule(back=_pick)
    def ask_again(self, back: int) -> None:
        """Repeat an earlier request with its key, if it had one."""
        self.life.ask(self.life.asked[-1 - back % len(self.life.asked)])

    @precondition(lambda self: self.life.operations)
    @rule(back=_pick, wait=_waits)
    def read(self, back: int, wait: bool) -> None:
        self.life.read(back, wait=wait)

    @precondition(lambda self: self.life.operations)
    @rule(back=_pick)
    def abort(self, back: int) -> None:
        self.life.abort(back)

    # --- triggers: late, twice, out of order, or missing ---

    @rule()
    def schedule(self) -> None:
        self.life.wake(SCHEDULE)

    @rule(name=st.sampled_from((*NAMES, "Nobody")), what=st.integers(0, 2))
    def event(self, name: str, what: int) -> None:
        event = (
            events.stack_status(name, "CREATE_COMPLETE"),
            events.deployment_state(name, "dev", "SERVICE_DEPLOYMENT_COMPLETED"),
            events.task_stopped(name, "prod-1"),
        )[what]
        self.life.events.append(event)
        self.life.wake(event)

    @precondition(lambda self: self.life.events)
    @rule(back=_pick)
    def old_event(self, back: int) -> None:
        self.life.wake(self.life.events[-1 - back % len(self.life.events)])

    @rule(minutes=st.sampled_from((0, 5)))
    def drift_check(self, minutes: int) -> None:
        self.life.pass_(60 * minutes)
        self.life.drift_check()

    # --- faults ---

    @rule(kind=st.sampled_from([each for each in Fault if each != "ERROR_500_WITH_EFFECT"]),
          ahead=_pick, skew=st.sampled_from((0, _SKEW, -_SKEW)))  # fmt: skip
    def fault(self, kind: Fault, ahead: int, skew: int) -> None:
        """Plan a fault for a later call; the clock of the other worker can differ."""
        self.life.other_skew = timedelta(seconds=skew)
        self.life.faults.put(kind, ahead)

    @rule(port=st.sampled_from(("tables", "containers", "load_balancer", "stacks", "images")))
    def throttle(self, port: str) -> None:
        self.life.faults.throttle(port)

    @rule()
    def heal(self) -> None:
        self.life.heal()

    # --- AWS and people ---

    @rule(automatic=st.booleans(), pace=st.sampled_from((0, 1, 3, None)), lag=st.integers(0, 2))
    def pace(self, automatic: bool, pace: int | None, lag: int) -> None:
        """Set the speed of AWS by the number of observations; False and None stop it."""
        self.life.cloud.containers.automatic = automatic
        self.life.cloud.stacks.pace, self.life.cloud.stacks.lag = pace, lag

    @rule(create=st.booleans(), delete=st.booleans())
    def stacks_fail(self, create: bool, delete: bool) -> None:
        stacks = self.life.cloud.stacks
        stacks.create_failures = ("DevService: it was not stable",) if create else ()
        stacks.delete_failures = ("Repository: it is not empty",) if delete else ()

    @rule(name=_names)
    def aws_moves_on(self, name: str) -> None:
        self.life.move_on(name)

    @rule(name=_names, change=st.sampled_from(sorted(CHANGES)), pick=_pick)
    def by_hand(self, name: str, change: str, pick: int) -> None:
        self.life.by_hand(name, change, pick)

    # --- time ---

    @rule(seconds=st.sampled_from(_SECONDS))
    def time_passes(self, seconds: int) -> None:
        self.life.pass_(seconds)

    @rule(hours=st.sampled_from((-1, 0, 1)))
    def clock_jumps(self, hours: int) -> None:
        """Set the clocks of the workers, but not that of AWS."""
        self.life.set_clock(timedelta(hours=hours))

    # --- checks ---

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "life"):
            self.life.hold()

    def teardown(self) -> None:
        if hasattr(self, "life"):
            recover(self.life)
