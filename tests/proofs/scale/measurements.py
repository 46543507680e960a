"""The consumed capacity of each operation in the life of an application."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.lab.client import SCHEDULE
from tests.lab.events import deployment_state
from tests.lab.reads import EVENTS, OPERATIONS, STACK, STACKS, get
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
        self.api = self.installation.api
        self.consumed: dict[str, Capacity] = {}
        self._measure_create()
        self._measure_deploys()
        self._measure_production()
        self._measure_reads()
        self._measure("delete", lambda: self.api.delete(_NEW))

    def _measure(self, operation: str, execute: Callable[[], Any]) -> None:
        self.consumed[operation] = self.installation.measure(execute)

    def _measure_create(self) -> None:
        self._measure("health", self.api.health)
        self._measure(IDLE, lambda: self.api.wake(SCHEDULE))
        self._measure(DRIFT, self.api.drift_check)
        self._measure("create", lambda: self.installation.create(_NEW))
        self._measure("the schedule, one operation open", self.api.tick)
        self.api.settle()

    def _measure_deploys(self) -> None:
        deploy = partial(self.api.deploy, application=ORIGINAL)
        self._measure("deploy, 1 environment", lambda: deploy("1.1", "dev"))
        self.api.cloud.clock.wait(60)
        self._measure("status, in progress", lambda: self.api.status(self.api.last, ORIGINAL))
        self._measure("wake by an event", lambda: self.api.wake(_COMPLETED))
        self.api.settle()
        self._measure("status, ended", lambda: self.api.status(self.api.last, ORIGINAL))
        self._measure("deploy, 3 environments", lambda: deploy("1.2", *TEST_ENVIRONMENTS))
        self.api.settle()
        update = partial(self.api.patch, application=ORIGINAL)
        dev = {"overrides": {"dev": {"environment": {"LEVEL": "debug"}}}}
        self._measure("update, 1 environment", lambda: update(dev))
        self.api.settle()
        self._measure("read a specification", lambda: self.api.specification(ORIGINAL))

    def _measure_production(self) -> None:
        self._measure("promote", lambda: self.api.promote(application=ORIGINAL))
        self.api.settle()
        self._measure("swap", lambda: self.api.swap(application=ORIGINAL))
        self.api.deploy("1.3", "dev", application=ORIGINAL)
        self._measure("abort", lambda: self.api.abort(self.api.last, ORIGINAL))
        self.api.settle()

    def _measure_reads(self) -> None:
        page, operation = {"limit": str(PAGE)}, self.api.last
        for name, resource, query in (
            (LIST, STACKS, page),
            (LIST_VERSION, STACKS, page | {"version": "1.2"}),
            ("read an application", STACK, {}),
            ("list operations, a page of 4", OPERATIONS, {"limit": "4"}),
            ("list events, a page of 4", EVENTS, {"limit": "4"}),
            ("list events of all, a page of 4", "/events", {"limit": "4"}),
            ("list events of an operation", EVENTS, {"operation": operation}),
            ("list events of an operation of any", "/events", {"operation": operation}),
        ):
            application = ORIGINAL if "{" in resource else None
            self._measure(name, partial(get, self.api, resource, application, **query))


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
