"""Accounts with metrics and alarms, and with swaps in steps that are in progress."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from devops_core.errors import ThrottledError
from devops_core.model.operation import LEASE
from tests.lab.client import Client
from tests.lab.fakes import Crash, FakeCloud
from tests.lab.fakes.monitoring import Metrics
from tests.lab.memory import scaled_accounts
from tests.lab.memory.accounts import Prepare, shop
from tests.lab.promises import Watch

ALARM = "checkout-errors"
_CANARY: Mapping[str, Any] = {"type": "canary", "percent": 10}
# The policies of swaps. Each one has the shortest waits with which its story has all phases.
STEPS: Mapping[str, Any] = {"strategy": {**_CANARY, "stepMinutes": 2}, "bakeMinutes": 2}
LINEAR: Mapping[str, Any] = {"strategy": {"type": "linear", "percent": 40, "stepMinutes": 1}}
WATCHED: Mapping[str, Any] = {**STEPS, "alarms": [ALARM]}
JUDGED: Mapping[str, Any] = {
    "strategy": {**_CANARY, "stepMinutes": 6}, "judge": {"minRequests": 50}, "alarms": [ALARM],
}  # fmt: skip
BAKED: Mapping[str, Any] = {"bakeMinutes": 3, "alarms": [ALARM]}
APPROVED: Mapping[str, Any] = {
    "strategy": {**_CANARY, "stepMinutes": 1},
    "approval": {"before": "full", "timeoutMinutes": 4},
}
# A step from which only a call leads on.
_LONG: Mapping[str, Any] = {**WATCHED, "strategy": {**_CANARY, "stepMinutes": 30}}
# A little younger than the oldest description by ELB that the service expects.
_LAG = timedelta(seconds=59)
# Seconds from the start of a worker to its last call; Lambda ends it after 60 seconds.
_LATE = 59
# Runs of the schedule after which a swap has reached its first wait.
_TICKS = 10


@dataclass(frozen=True, slots=True)
class Load:
    """The same metrics in each minute."""

    requests: int
    errors: int = 0

    def __call__(self, start: datetime) -> Metrics:
        """Return the metrics of a minute."""
        del start
        return Metrics(self.requests, self.errors)


def monitored(prepare: Prepare = shop, *, errors: int = 5) -> Prepare:
    """Return an account with an alarm and with requests; `errors` are those of the next release."""

    def prepared(cloud: FakeCloud, api: Client) -> None:
        prepare(cloud, api)
        estate, metrics = cloud.stacks.estate, cloud.monitoring.metrics
        # A judge of incomplete minutes finds the new release worse than the live one.
        metrics[estate.target_group("Shop", "prod-1")] = Load(1000, errors)
        metrics[estate.target_group("Shop", "prod-2")] = Load(9000, 10)
        cloud.monitoring.states[ALARM] = "OK"

    return prepared


def alarming(cloud: FakeCloud, api: Client) -> None:
    """Let the alarm begin after the first shift of a swap that starts now."""
    monitored()(cloud, api)
    _alarm(cloud, minutes=2)


def begun(policy: Mapping[str, Any], phase: str, prepare: Prepare = shop) -> Prepare:
    """Return an account with a swap in a phase."""

    def prepared(cloud: FakeCloud, api: Client) -> None:
        monitored(prepare)(cloud, api)
        reply = api.send(
            "POST", "/stacks/swapProdBlueAndGreen", {"applicationName": "Shop", **policy}
        )
        for _ in range(_TICKS):
            if api.status(reply.id).operation["phase"] == phase:
                return
            api.tick()
        raise AssertionError(f"the swap has not reached {phase}")

    return prepared


def shifted(prepare: Prepare = shop) -> Prepare:
    """Return an account with a swap whose first step is long."""
    return begun(_LONG, "SHIFTED", prepare)


def shifted_with_alarm(cloud: FakeCloud, api: Client) -> None:
    """Let the alarm begin during the first step, before the next check."""
    shifted()(cloud, api)
    _alarm(cloud)


def split_by_hand(cloud: FakeCloud, api: Client) -> None:
    """Change the weights of production by hand during the first step."""
    begun(STEPS, "SHIFTED")(cloud, api)
    estate, balancer = cloud.stacks.estate, cloud.load_balancer
    production = estate.listener("Shop", "production")
    balancer.split[production] = {
        estate.target_group("Shop", slot): 50 for slot in ("prod-1", "prod-2")
    }
    balancer.listeners[production] = [*balancer.split[production]]
    for watcher in cloud.wire.watchers:
        if isinstance(watcher, Watch):
            watcher.excused.add("Shop")


def unseen_shift(cloud: FakeCloud, api: Client) -> None:
    """Lose the worker of a swap after its late shift, which ELB does not show yet; abort it."""
    shop(cloud, api)
    cloud.load_balancer.lag = _LAG
    cloud.wire.on("load_balancer.switch", lambda: cloud.clock.pass_(seconds=_LATE))
    cloud.wire.fail("load_balancer.switch", Crash(), times=1, lost=True)
    with suppress(Crash):
        api.swap()
    cloud.wire.heal()
    ((_, operation),) = cloud.tables.in_progress()
    api.abort(operation)
    cloud.clock.pass_(seconds=LEASE.total_seconds() - _LATE)


def throttled_swap_back(cloud: FakeCloud, api: Client) -> None:
    """Throttle the shift of a swap back; from then on ELB shows the state before both swaps."""
    shop(cloud, api)
    api.swap()
    cloud.wire.fail("load_balancer.switch", ThrottledError("slow down"))
    api.swap()
    cloud.wire.heal()
    cloud.load_balancer.lag = _LAG
    cloud.clock.pass_(seconds=2)


def scaled(phase: str) -> Prepare:
    """Return an account with scaling and a swap in a phase."""
    return begun(STEPS, phase, scaled_accounts.busy)


def _alarm(cloud: FakeCloud, **duration: float) -> None:
    cloud.monitoring.alarming[ALARM] = cloud.clock.right() + timedelta(**duration)
