"""The log lines and the metrics of a `FakeCloud`."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.lab import emf
from tests.lab.fakes import FakeCloud

STAGE = "dev"


def sums(cloud: FakeCloud) -> Counter[tuple[str, ...]]:
    """Return the sum of each metric, by its name and the values of its dimensions but the stage."""
    total: Counter[tuple[str, ...]] = Counter()
    for line in cloud.measured:
        for (name, stage, *dimensions), value in emf.points(line).items():
            assert stage == STAGE
            total[name, *dimensions] += value  # type: ignore[assignment] # durations are floats
    return total


def told(cloud: FakeCloud, message: str) -> list[dict[str, Any]]:
    return [facts for line, facts in cloud.lines if line == message]


def forget(cloud: FakeCloud) -> None:
    cloud.lines.clear()
    cloud.measured.clear()
