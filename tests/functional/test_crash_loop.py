"""A crash loop outside of an operation stops a task every few seconds."""

from __future__ import annotations

from tests.lab.client import Client
from tests.lab.events import task_stopped
from tests.lab.fakes import FakeCloud


def test_stopped_tasks_start_no_drift_check(settled: FakeCloud, api: Client) -> None:
    start = len(settled.wire.journal)
    for _ in range(20):
        assert api.wake(task_stopped("Shop", "prod-1")) == 0
    assert set(settled.wire.names(start)) == {"tables.inventory"}
