"""Properties of a swap in any order of events, times, crashes and stale observations."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devops_core import kinds
from devops_core.adapters.dynamodb.items import operation_item, operation_of
from devops_core.details import details_type
from devops_core.details.swap import SwapDetails
from devops_core.engine import events, steps
from devops_core.errors import AlreadyEndedError, ConflictError
from devops_core.kinds import judge
from devops_core.model.decisions import Act, Done, Fail, State, Wait
from devops_core.model.inventory import Inventory
from devops_core.model.listeners import Listener
from devops_core.model.observed import Observed
from devops_core.model.operation import LEASE, Operation
from devops_core.model.steps import ScaleService, Step, Switch, WarmedPage, WarmUp
from devops_core.model.swap_policy import (
    ALL,
    CANARY,
    FULL,
    LINEAR,
    SHIFT,
    Approval,
    Judge,
    SwapPolicy,
)
from devops_core.model.traffic import MINUTE, Minute, Monitored
from tests.lab.builders import START, decide, slot
from tests.lab.swaps import seen, swap

RULES = kinds.load("swap")
# The number of decisions of a run: scaling, warm-up, shifts, and the end.
_MOST_DECISIONS = 12
_ELB_LAG = timedelta(seconds=59)
# The time from the start of a worker to its last call; Lambda ends it after 60 seconds.
_LATEST_CALL = timedelta(seconds=59)


class Production:
    """The listeners of production and a swap on record; `run` is that of a worker.

    `weight` is the true weight of the new release. `history` has all its values. The tests look at
    each `sample`th record.
    """

    def __init__(self, operation: Operation, sample: int = 1) -> None:
        self.operation, self.sample, self.saves = operation, sample, 0
        self.now = START
        self.weight, self.test, self.tasks = 0, "prod-2", 1
        self.history = [0]
        self.changed_at = START - timedelta(hours=1)
        self.alarms = {"errors": "OK"}
        self.errors = 0
        self.requests = 100
        self.readable = self.healthy = True
        self.stale = self.crashes = self.slow = False
        self.end: Done | Fail | None = None

    def observed(self) -> Observed:
        """Return what a worker sees; shortly after a change it can be the state before."""
        details: SwapDetails = self.operation.details
        lags = self.stale and self.now < self.changed_at + _ELB_LAG and len(self.history) > 1
        weight = self.history[-2] if lags else self.weight
        monitored = None
        if details.policy.checks and details.check_due(self.now):
            monitored = self.monitored(details)
        both = {"prod-1": slot("prod-1", 2), "prod-2": slot("prod-2", self.tasks)}
        healthy = {"prod-1": 2, "prod-2": self.tasks if self.healthy else 0}
        return seen(weight, self.test, services=both, healthy=healthy, monitored=monitored)

    def monitored(self, details: SwapDetails) -> Monitored:
        if not self.readable:
            return Monitored(self.now, problem="AWS throttles DescribeAlarms " * 99)
        if details.policy.judge is None or details.shifted_at is None:
            return Monitored(self.now, self.alarms)
        start, end = judge.span(
            self.now,
            details.switched_at or details.shifted_at,
            details.counted_until or details.shifted_at,
            wants_baseline=details.wants_baseline,
        )
        times = [start + number * MINUTE for number in range((end - start) // MINUTE)]
        new = tuple(Minute(time, self.requests, self.errors) for time in times)
        live = tuple(Minute(time, 900, 1) for time in times)
        return Monitored(self.now, self.alarms, {"prod-2": new, "prod-1": live})

    def run(self) -> None:
        """Decide and act until a wait or the end, as `engine.reconcile` does."""
        if self.end or self.operation.leased(self.now):
            return
        state = State(self.operation, Inventory({}), self.observed())
        leased = False
        for _ in range(_MOST_DECISIONS):
            decision = decide(state.operation, state.observed, self.now)
            if self.saves % self.sample == 0:
                assert decide(decision.operation, state.observed, self.now) == decision
            state = state._replace(operation=decision.operation)
            if not isinstance(decision, Act):
                break
            assert decision.steps
            if not leased:
                self.save(replace(decision.operation, lease_until=self.now + LEASE))
                leased = True
            results = [self.execute(step, decision.operation) for step in decision.steps]
            if self.crashes:
                return
            state, errors = steps.applied(state, decision.steps, results, self.now)
            assert errors == []
        else:
            raise AssertionError(f"no end of the run: {decision}")
        released = replace(decision.operation, lease_until=None)
        if isinstance(decision, Wait):
            self.save(replace(released, rests_until=decision.rests_until))
        else:
            self.end = decision
            self.save(released)

    def execute(self, step: Step, operation: Operation) -> Any:
        """Change AWS as a step asks, and return the result of the call."""
        match step:
            case Switch(Listener.TEST, slot_name):
                self.test = slot_name
            case Switch(Listener.PRODUCTION, slot_name, weight):
                share = weight if slot_name == "prod-2" else ALL - weight
                details: SwapDetails = operation.details
                if details.returning:
                    assert share == 0
                else:
                    assert share > self.weight or share == details.next_weight
                    assert details.weight < share <= ALL
                    assert share in details.policy.weights
                    assert not details.needs_approval
                if self.slow and self.crashes:
                    self.now += _LATEST_CALL
                self.weight, self.changed_at = share, self.now
                self.history.append(share)
            case ScaleService(service, count):
                self.tasks = count
                return slot(service, count)
            case WarmUp(path):
                assert not operation.details.weight
                return WarmedPage(path, 200, 1)
            case _:
                return None
        return self.now

    def save(self, operation: Operation) -> None:
        """Save a record; its size and its events stay small, and it can be read again."""
        own = RULES.events(self.operation, operation)
        self.operation, _ = events.with_changes(self.operation, operation, self.now, own)
        self.saves += 1
        if self.saves % self.sample == 0:
            item = operation_item(self.operation, "write")
            assert len(json.dumps(item)) < 32 * 1024
            assert operation_of(item, details_type) == self.operation

    def call(self, change: Callable[[Operation], Operation]) -> None:
        """Change the record as a call of a person does."""
        if not self.end:
            try:
                self.save(replace(change(self.operation), rests_until=None))
            except (ConflictError, AlreadyEndedError):
                return

    def act(self, event: str, seconds: int) -> None:
        """Execute an event, then let time pass and a worker run."""
        advance = {
            name: lambda present, name=name: RULES.advance[name].apply(present, "bob", self.now)
            for name in RULES.advance
        }
        match event:
            case "abort":
                self.call(lambda present: replace(present, aborted_by="ann"))
            case "continue" | "finish":
                self.call(advance[event])
            case "alarm":
                self.alarms = {"errors": "ALARM"}
            case "errors":
                self.errors = 50
            case "quiet":
                self.requests = 2
            case "unreadable":
                self.readable = not self.readable
            case "unhealthy":
                self.healthy = not self.healthy
            case "stale" | "slow" | "crashes":
                setattr(self, event, not getattr(self, event))
        self.now += timedelta(seconds=seconds)
        self.run()

    def recover(self) -> None:
        """Remove all faults, and let the schedule run until the end."""
        self.readable = self.healthy = True
        self.stale = self.crashes = self.slow = False
        for _ in range(2000):
            if self.end:
                return
            self.act("", 60)
        raise AssertionError(f"the swap does not end: {self.operation}")


POLICIES = st.builds(
    SwapPolicy,
    strategy=st.sampled_from([CANARY, LINEAR]),
    percent=st.sampled_from([1, 10, 30, 50, 99]),
    step_minutes=st.sampled_from([1, 6]),
    bake_minutes=st.sampled_from([0, 1, 10]),
    alarms=st.sampled_from([(), ("errors",)]),
    judge=st.sampled_from([None, Judge()]),
    approval=st.sampled_from([None, Approval(SHIFT, 5), Approval(FULL, 30)]),
) | st.builds(
    SwapPolicy,
    bake_minutes=st.sampled_from([0, 6]),
    alarms=st.sampled_from([(), ("errors",)]),
    judge=st.sampled_from([None, Judge()]),
    approval=st.sampled_from([None, Approval(FULL, 5)]),
)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["", "", "", "abort", "continue", "finish", "alarm", "errors", "quiet", "unreadable",
             "unhealthy", "stale", "crashes", "slow"],
        ),
        st.sampled_from([0, 1, 29, 31, 54, 55, 59, 60, 61, 300, 360, 900]),
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(policy=POLICIES, story=EVENTS)
def test_a_swap_ends_with_all_customers_on_one_release(
    policy: SwapPolicy, story: list[tuple[str, int]]
) -> None:
    started = replace(swap(policy, warmup=("/",)), requested_at=START)
    run = Production(started)
    for event, seconds in story:
        run.act(event, seconds)
    run.recover()
    succeeded = isinstance(run.end, Done)
    assert (run.weight, run.test) == ((ALL, "prod-1") if succeeded else (0, "prod-2"))
    grown = run.history[: run.history.index(max(run.history)) + 1]
    assert grown == sorted(grown)
    # After the first return, customers only return.
    later = run.history[len(grown) :]
    assert set(later) <= ({max(run.history)} if succeeded else {max(run.history), 0})
    if "abort" not in dict(story) and succeeded:
        assert run.operation.details.returning == ()


LONG_NAMES = tuple(f"{number}" * 255 for number in range(10))


@pytest.mark.parametrize("readable", [True, False])
def test_a_record_does_not_grow_with_the_number_of_checks(*, readable: bool) -> None:
    """The longest swap: ten alarms with the longest names, and an approval after a week."""
    policy = SwapPolicy(
        strategy=LINEAR,
        percent=1,
        step_minutes=6,
        bake_minutes=1440,
        alarms=LONG_NAMES,
        judge=Judge(),
        approval=Approval(FULL, 7 * 24 * 60),
    )
    run = Production(swap(policy, ignored=LONG_NAMES, warmup=("/",)), sample=97)
    run.alarms = dict.fromkeys(LONG_NAMES, "INSUFFICIENT_DATA")
    run.requests = 2
    for number in range(10_000):
        run.readable = readable or number % 5 == 0
        run.act("", 60)
    assert run.operation.details.phase == "AWAITING_APPROVAL"
    assert len(run.operation.details.verdicts) == 10
    assert run.operation.events < 999
    run.readable = True
    run.act("continue", 60)
    run.recover()
    assert isinstance(run.end, Done)
