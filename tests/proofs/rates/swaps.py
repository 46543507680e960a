"""Swaps in steps that begin at the same moment, and the times of their checks."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

from devops_core.details.swap import SwapDetails
from devops_core.model.operation import Operation
from tests.lab.client import Client
from tests.lab.fakes import Call, FakeCloud
from tests.lab.memory.swap_accounts import Load
from tests.proofs.rates.simulation import Caller, Simulation

_ALARM = "errors"
_POLICY: dict[str, Any] = {
    "strategy": {"type": "canary", "percent": 10, "stepMinutes": 6},
    "bakeMinutes": 6,
    "alarms": [_ALARM],
    "judge": {"minRequests": 50},
}
# Seconds between two reads of a caller that lets the schedule continue its swap.
_RARE = 3600.0


class Checks:
    """The times of the checks with a result of each swap, from its first shift to its end."""

    def __init__(self, cloud: FakeCloud) -> None:
        self._times: dict[str, list[datetime]] = defaultdict(list)
        cloud.wire.after.append(self._note)

    @property
    def longest(self) -> timedelta:
        """The longest time between two checks of one swap."""
        return max(
            later - earlier for times in self._times.values() for earlier, later in pairwise(times)
        )

    @property
    def count(self) -> int:
        """The number of checks, with the first shifts and the ends."""
        return sum(map(len, self._times.values()))

    def _note(self, call: Call) -> None:
        if call.name == "tables.save":
            self._add(call.args[0])
        elif call.name == "tables.close":
            self._add(call.args[0].operation)

    def _add(self, operation: Operation) -> None:
        details, times = operation.details, self._times[operation.application]
        if not isinstance(details, SwapDetails) or details.shifted_at is None:
            return
        times = times or [details.shifted_at]
        checked = None if details.unreadable else details.checked_at
        for time in (checked, operation.ended_at):
            if time and time > times[-1]:
                times.append(time)
        self._times[operation.application] = times


def _promoted(cloud: FakeCloud, api: Client, *, names: list[str]) -> None:
    """Create applications with 1.0 in the idle slot of production, and with customers."""
    cloud.monitoring.states[_ALARM] = "OK"
    for name in names:
        api.create(name, environments={"nonProd": ["dev"]})
        cloud.push("1.0", application=name)
    api.settle()
    for name in names:
        api.deploy("1.0", "dev", application=name)
    api.settle()
    for name in names:
        api.promote(application=name)
        for slot in ("prod-1", "prod-2"):
            group = cloud.stacks.estate.target_group(name, slot)
            cloud.monitoring.metrics[group] = Load(1000, errors=2)
    api.settle()


def run(count: int, seed: int, *, pause: float | None = _RARE) -> tuple[Simulation, Checks]:
    """Start swaps with a judge and an alarm; the callers read them after each `pause`."""
    names = [f"app-{number}" for number in range(count)]
    simulation = Simulation(partial(_promoted, names=names), seed)
    checks = Checks(simulation.cloud)
    simulation.run(
        [
            Caller(
                name,
                "/stacks/swapProdBlueAndGreen",
                {"applicationName": name, **_POLICY},
                waits=False,
                pause=pause,
            )
            for name in names
        ]
    )
    return simulation, checks
