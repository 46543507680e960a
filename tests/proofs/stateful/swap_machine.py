"""The state machine of progressive swaps: time passes with the schedule, while customers come."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from devops_core.naming import Environment
from tests.lab.client import SCHEDULE
from tests.lab.events import DEPLOYMENT_COMPLETED
from tests.lab.fakes.monitoring import STATES, late_errors, late_requests
from tests.lab.faults import Kind as Fault
from tests.proofs.stateful.caller_requests import CallerRequest, members
from tests.proofs.stateful.machine import recover
from tests.proofs.stateful.simulation import NAMES, Simulation
from tests.proofs.stateful.swap_model import SwapModel
from tests.proofs.stateful.traffic import Load, Traffic

_NAME, _ALARM = NAMES[0], "errors"
_strategies = st.one_of(
    st.none(),
    st.just({"type": "allAtOnce"}),
    st.builds(
        lambda kind, percent, minutes: {"type": kind, "percent": percent, "stepMinutes": minutes},
        st.sampled_from(("canary", "linear")),
        st.sampled_from((20, 50)),
        st.sampled_from((6, 7)),
    ),
)
_bakes = st.sampled_from((None, 6, 8))
_judges = st.sampled_from(("off", None, {}, {"errorRatePercent": 5, "minRequests": 20}))
_alarms = st.sampled_from((None, [_ALARM], [_ALARM]))
_approvals = st.sampled_from(
    (None, None, {"before": "shift", "timeoutMinutes": 9}, {"before": "full", "timeoutMinutes": 9})
)
_policies = st.builds(
    lambda **given: dict(members(**given)),
    strategy=_strategies, bakeMinutes=_bakes, judge=_judges, alarms=_alarms, approval=_approvals,
)  # fmt: skip
_loads = st.builds(
    Load,
    st.sampled_from((1000, 1000, 200, 20)),
    st.tuples(*[st.sampled_from((0, 0, 10, 30))] * 2),
)
_MEMBERS = ("strategy", "bakeMinutes", "judge", "alarms", "approval")
_minutes = st.sampled_from((1, 3, 7, 7))
_pick = st.integers(0, 11)
_FAULTS = [each for each in Fault if each not in ("ERROR_500_WITH_EFFECT", "SECOND_CALLER")]
# The longest pause of the schedule after which no step of a swap is late.
_SHORT_PAUSE = 10


class Swaps(RuleBasedStateMachine):
    """A service with swaps of all policies, their callers, CloudWatch, and users of the console."""

    simulation: Simulation

    @initialize(account=st.sampled_from(("both", "backwards")), load=_loads, policy=_policies,
                minutes=_minutes)  # fmt: skip
    def begin(self, account: str, load: Load, policy: Any, minutes: int) -> None:
        """Begin with a swap, because random steps seldom follow a whole one."""
        self.simulation = Simulation(account)
        cloud = self.simulation.cloud
        cloud.monitoring.states[_ALARM] = "OK"
        self.traffic = Traffic(cloud, _NAME, load)
        self.swaps = SwapModel(cloud, self.traffic, _NAME)
        self.swap(policy, None, False)
        self.minutes_pass(minutes)

    # --- callers ---

    @rule(policy=_policies, version=st.sampled_from((None, None, "1.0", "2.0")),
          ignore=st.sampled_from((False, False, True)))  # fmt: skip
    def swap(self, policy: Any, version: str | None, ignore: bool) -> None:
        """Start a swap, or roll the present one back."""
        record = self.simulation.cloud.tables.records.get(_NAME)
        present = record.specification.production if record and not self._swaps_back() else {}
        self.swaps.policy = {**present, **policy}
        named = members(version=version, ignoreAlarms=ignore or None, **policy)
        hits = self._hits
        self.simulation.send(CallerRequest("swap", _NAME, named))
        self._record_faults(hits)
        self._record_returns()
        self.swaps.check()

    def _swaps_back(self) -> bool:
        """Return whether the idle slot still has the release that was live before."""
        cloud = self.simulation.cloud
        inventory, live = cloud.tables.inventory_of(_NAME), cloud.live(_NAME)
        idle = [each for name, each in inventory.slots.items() if name != live]
        if len(idle) != 1 or live is None:
            return False
        # Exchanged by hand: customers have left this release, unless that was a swap back itself.
        if idle[0] == inventory.service(Environment.PROD_GREEN):
            return not inventory.slots[live].has_live_release
        return idle[0].has_live_release

    @rule(policy=_policies)
    def update(self, policy: Any) -> None:
        """Change the policy of the specification; a swap in progress keeps its own one."""
        whole: dict[str, Any] = dict.fromkeys(_MEMBERS) | policy
        if whole["strategy"]:
            whole["strategy"] = {"percent": None, "stepMinutes": None} | whole["strategy"]
        patch = {"production": whole}
        self.simulation.send(CallerRequest("update", _NAME, members(patch=patch)))

    @precondition(lambda self: self._open)
    @rule(action=st.sampled_from(("continue", "continue", "finish")))
    def advance(self, action: str) -> None:
        """Approve the swap, or end its waits."""
        key = self._open[0]
        before = self.swaps.record_advance(key[1], action)
        self.simulation.advance(key, action)
        details = self.simulation.cloud.tables.operations[key].details
        if not (details.approved_by or details.finished_by):
            self.swaps.tracks[key[1]] = before

    @precondition(lambda self: self._open)
    @rule(sure=st.sampled_from((True, False, False)))
    def abort(self, sure: bool) -> None:
        """Abort the swap in some of these steps, so that most swaps end otherwise."""
        if sure:
            self.simulation.abort_operation(self._open[0])
            self._record_returns()

    @precondition(lambda self: self._open)
    @rule(denied=st.sampled_from((True, False, False, False, False, False)))
    def force(self, denied: bool) -> None:
        """End the swap by force, if it is blocked; else after an abort that AWS denies."""
        key = self._open[0]
        if denied:
            self.swaps.disturb()
            self.simulation.faults.deny("load_balancer")
            self.simulation.abort_operation(key)
            self._record_returns()
        self.simulation.force(key)
        if self.simulation.cloud.tables.operations[key].ended:
            self.swaps.disturb(weighted=True)

    @rule()
    def promote(self) -> None:
        self.simulation.send(CallerRequest("deploy-blue", _NAME))

    @precondition(lambda self: self.simulation.operations)
    @rule(back=_pick, wait=st.booleans())
    def read(self, back: int, wait: bool) -> None:
        self.simulation.read(back, wait=wait)

    # --- time ---

    @rule(minutes=_minutes)
    def minutes_pass(self, minutes: int) -> None:
        """Fire the schedule after each minute."""
        for _ in range(minutes):
            self._wait(60)
            self._wake(SCHEDULE)
            self.promises_hold()

    @rule(seconds=st.sampled_from((5, 30, 59, 300, 1200)))
    def time_passes(self, seconds: int) -> None:
        """Let time pass without the schedule."""
        if seconds > 60 * _SHORT_PAUSE:
            self.swaps.disturb()
        self._wait(seconds)

    @rule()
    def event(self) -> None:
        self._wake(DEPLOYMENT_COMPLETED)

    @rule()
    def drift_check(self) -> None:
        self.simulation.drift_check()

    # --- CloudWatch, AWS and users of the console ---

    @rule(load=_loads)
    def load(self, load: Load) -> None:
        """Change the requests and the errors of both releases."""
        self.traffic.change(load)

    @rule(state=st.sampled_from(STATES))
    def alarm(self, state: str) -> None:
        self.swaps.set_alarm(_ALARM, state)

    @rule(incomplete=st.sampled_from((late_requests, late_errors)))
    def newest_minutes(self, incomplete: Any) -> None:
        """Choose the parts of the newest metrics that are missing."""
        self.simulation.cloud.monitoring.incomplete = incomplete

    @rule(port=st.sampled_from(("monitoring", "monitoring", "load_balancer", "containers")),
          minutes=_minutes)  # fmt: skip
    def outage(self, port: str, minutes: int) -> None:
        """Throttle all calls of a port until `heal`, and let the schedule continue."""
        self.swaps.disturb()
        self.simulation.faults.throttle(port)
        self.minutes_pass(minutes)

    @rule(kind=st.sampled_from(_FAULTS), ahead=_pick)
    def fault(self, kind: Fault, ahead: int) -> None:
        self.swaps.disturb()
        self.simulation.faults.schedule(kind, ahead)

    @rule()
    def heal(self) -> None:
        self.simulation.heal()

    @rule(change=st.sampled_from(("listener_split", "listener_moved", "service_scaled")),
          pick=_pick)  # fmt: skip
    def change_manually(self, change: str, pick: int) -> None:
        self.swaps.disturb(weighted=change.startswith("listener"))
        self.simulation.change_manually(_NAME, change, pick)
        self.traffic.sample()

    # --- checks ---

    @property
    def _open(self) -> list[tuple[str, str]]:
        """The open swap, by application and id."""
        operations = self.simulation.cloud.tables.operations.values()
        return [
            (each.application, each.id)
            for each in operations
            if each.application == _NAME and each.kind == "swap" and not each.ended
        ]

    @property
    def _hits(self) -> int:
        return len(self.simulation.faults.hit)

    def _record_faults(self, hits: int) -> None:
        faults = self.simulation.faults
        if len(faults.hit) > hits or faults.lasting or faults.late:
            self.swaps.disturb()

    def _record_returns(self) -> None:
        """Record the swaps whose abort is on record."""
        for operation in self.simulation.cloud.tables.operations.values():
            if operation.aborted_by and operation.id in self.swaps.tracks:
                self.swaps.record_return(operation.id)

    def _wait(self, seconds: float) -> None:
        self.traffic.sample()
        self.simulation.pass_(seconds)

    def _wake(self, event: Any) -> None:
        hits = self._hits
        self.simulation.wake(event)
        self._record_faults(hits)

    @invariant()
    def promises_hold(self) -> None:
        if hasattr(self, "swaps"):
            self.simulation.check()
            self.swaps.check()

    def teardown(self) -> None:
        if hasattr(self, "swaps"):
            self.swaps.disturb()
            recover(self.simulation)
            self.swaps.check()
