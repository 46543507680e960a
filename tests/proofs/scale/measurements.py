"""The consumed capacity of each operation in the life of an application."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.lab.client import SCHEDULE
from tests.lab.events import deployment_state
from tests.lab.reads import EVENTS, OPERATIONS, STACK
from tests.proofs.scale.capacity import Capacity
from tests.proofs.scale.installation import ORIGINAL, TEST_ENVIRONMENTS, Installation

MANY = 10_000
DRIFT = "drift check, one run"
PAGE = 50
LIST = f"list applications, a page of {PAGE}"
LIST_VERSION = "list where a version runs, one page"
IDLE = "the schedule, nothing open"
_NEW = "New00000"
_COMPLETED = deployment_state(ORIGINAL, "dev", "SERVICE_DEPLOYMENT_COMPLETED")


class Measurements:
    """An installation with a number of applications; `consumed` has the capacity by operation."""

    def __init__(self, applications: int) -> None:
        self.installation = Installation()
        self.installation.copy(applications)
        self.consumed: dict[str, Capacity] = {}
        self._measure_create()
        self._measure_deploys()
        self._measure_production()
        self._measure_reads()
        self._measure("delete", lambda: self.installation.delete(_NEW))

    def _measure(self, operation: str, execute: Callable[[], Any]) -> None:
        self.consumed[operation] = self.installation.measure(execute)

    def _measure_create(self) -> None:
        there = self.installation
        self._measure("health", lambda: there.call("GET", "/health"))
        self._measure(IDLE, lambda: there.wake(SCHEDULE))
        self._measure(DRIFT, lambda: there.wake({"detail-type": "Drift check"}))
        self._measure("create", lambda: there.create(_NEW))
        there.cloud.clock.wait(60)
        self._measure("the schedule, one operation open", lambda: there.wake(SCHEDULE))
        there.settle()

    def _measure_deploys(self) -> None:
        there = self.installation
        self._measure("deploy, 1 environment", lambda: there.deploy("1.1", "dev"))
        there.cloud.clock.wait(60)
        self._measure("status, in progress", there.status)
        self._measure("wake by an event", lambda: there.wake(_COMPLETED))
        there.settle()
        self._measure("status, ended", there.status)
        self._measure("deploy, 3 environments", lambda: there.deploy("1.2", *TEST_ENVIRONMENTS))
        there.settle()

    def _measure_production(self) -> None:
        there = self.installation
        self._measure("promote", there.promote)
        there.settle()
        self._measure("swap", there.swap)
        there.deploy("1.3", "dev")
        self._measure("abort", there.abort)
        there.settle()

    def _measure_reads(self) -> None:
        page, operation = {"limit": str(PAGE)}, self.installation.last
        for name, path, query in (
            (LIST, "/stacks", page),
            (LIST_VERSION, "/stacks", page | {"version": "1.2"}),
            ("read an application", STACK, None),
            ("list operations, a page of 4", OPERATIONS, {"limit": "4"}),
            ("list events, a page of 4", EVENTS, {"limit": "4"}),
            ("list events of all, a page of 4", "/events", {"limit": "4"}),
            ("list events of an operation", EVENTS, {"operation": operation}),
            ("list events of an operation of any", "/events", {"operation": operation}),
        ):
            parameters = {"applicationName": ORIGINAL} if "{" in path else {}
            self._measure(
                name, partial(self.installation.call, "GET", path, query=query, **parameters)
            )


def table(few: Measurements, many: Measurements) -> list[str]:
    """Return the lines of the table for docs/performance.md."""
    lines = [
        f"| operation | 1 application: read / write | {MANY:,}: read / write |",
        "| --- | ---: | ---: |",
    ]
    for operation, consumed in few.consumed.items():
        both = (consumed, many.consumed[operation])
        cells = (f"{each.read:g} / {each.write:g}" for each in both)
        lines.append(f"| {operation} | {' | '.join(cells)} |")
    return lines
