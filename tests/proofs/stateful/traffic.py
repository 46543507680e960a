"""The requests of customers, which follow the weights of the production listener."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import NamedTuple

from devops_core.naming import SLOTS
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.monitoring import Metrics


class Load(NamedTuple):
    """The requests in a minute, and the percentage of errors of the release in each slot."""

    requests: int
    errors: tuple[int, int]

    def rate(self, slot: str) -> int:
        """Return the percentage of errors of a slot."""
        return self.errors[SLOTS.index(slot)]


class _Sample(NamedTuple):
    since: datetime
    load: Load
    weights: Mapping[str, int]


class Traffic:
    """The metrics of both slots of an application; `changed_at` is the last change of the load.

    The first load has no beginning.
    """

    def __init__(self, cloud: FakeCloud, application: str, load: Load) -> None:
        self._cloud = cloud
        estate = cloud.stacks.estate
        self._listener = estate.listener(application, "production")
        self._groups = {slot: estate.target_group(application, slot) for slot in SLOTS}
        self._samples: list[_Sample] = []
        self.load = load
        self.changed_at: datetime | None = None
        for slot, group in self._groups.items():
            cloud.monitoring.metrics[group] = partial(self._metrics, slot)
        self.sample()

    def change(self, load: Load) -> None:
        """Change the load from now on."""
        if load != self.load:
            self.load, self.changed_at = load, self._cloud.clock.right()
            self.sample()

    def sample(self) -> None:
        """Record the present weights, before time passes."""
        weights = self._cloud.load_balancer.weights(self._listener) or {}
        shares = {slot: weights.get(group, 0) for slot, group in self._groups.items()}
        self._samples.append(_Sample(self._cloud.clock.right(), self.load, shares))

    def _metrics(self, slot: str, start: datetime) -> Metrics:
        """Return the metrics of a minute: those of its beginning."""
        earlier = [sample for sample in self._samples if sample.since <= start]
        sample = earlier[-1] if earlier else self._samples[0]
        requests = sample.load.requests * sample.weights[slot] // 100
        return Metrics(requests, requests * sample.load.rate(slot) // 100)
