"""What the life of an application consumes, operation by operation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.lab.client import SCHEDULE
from tests.lab.events import deployment_state
from tests.lab.fakes.capacity import Capacity
from tests.lab.reads import EVENTS, OPERATIONS, STACK
from tests.proofs.scale.copies import FRESH, ONE, THREE, World

MANY = 10_000
DRIFT = "drift check, one run"
PAGE = 50
LIST = f"list applications, a page of {PAGE}"
LIST_VERSION = "list where a version runs, one page"
IDLE = "the schedule, nothing open"
_COMPLETED = deployment_state(ONE, "dev", "SERVICE_DEPLOYMENT_COMPLETED")


class Life:
    """An installation with so many applications; `found` has what each operation consumed."""

    def __init__(self, applications: int) -> None:
        self.world = World()
        self.world.copy(applications)
        self.found: dict[str, Capacity] = {}
        self._alone()
        self._deploys()
        self._production()
        self._reads()
        self._note("delete", lambda: self.world.delete(FRESH))

    def _note(self, what: str, do: Callable[[], Any]) -> None:
        self.found[what] = self.world.measure(do)

    def _alone(self) -> None:
        world = self.world
        self._note("health", lambda: world.ask("GET", "/health"))
        self._note(IDLE, lambda: world.wake(SCHEDULE))
        self._note(DRIFT, lambda: world.wake({"detail-type": "Drift check"}))
        self._note("create", lambda: world.create(FRESH))
        world.cloud.clock.wait(60)
        self._note("the schedule, one operation open", lambda: world.wake(SCHEDULE))
        world.settle()

    def _deploys(self) -> None:
        world = self.world
        self._note("deploy, 1 environment", lambda: world.deploy("1.1", "dev"))
        world.cloud.clock.wait(60)
        self._note("status, in progress", lambda: world.status())
        self._note("wake by an event", lambda: world.wake(_COMPLETED))
        world.settle()
        self._note("status, ended", lambda: world.status())
        self._note("deploy, 3 environments", lambda: world.deploy("1.2", *THREE))
        world.settle()

    def _production(self) -> None:
        world = self.world
        self._note("promote", world.promote)
        world.settle()
        self._note("swap", world.swap)
        world.deploy("1.3", "dev")
        self._note("abort", lambda: world.abort())
        world.settle()

    def _reads(self) -> None:
        page = {"limit": str(PAGE)}
        for what, path, query in (
            (LIST, "/stacks", page),
            (LIST_VERSION, "/stacks", page | {"version": "1.2"}),
            ("read an application", STACK, None),
            ("list operations, a page of 4", OPERATIONS, {"limit": "4"}),
            ("list events, a page of 4", EVENTS, {"limit": "4"}),
            ("list events of all, a page of 4", "/events", {"limit": "4"}),
            ("list events of an operation", EVENTS, {"operation": self.world.last}),
            ("list events of an operation of any", "/events", {"operation": self.world.last}),
        ):
            named = {"applicationName": ONE} if "{" in path else {}
            self._note(what, partial(self.world.ask, "GET", path, query=query, **named))


def table(few: Life, many: Life) -> list[str]:
    """Return the lines of a table for docs/performance.md."""
    lines = [
        f"| operation | 1 application: read / write | {MANY:,}: read / write |",
        "| --- | ---: | ---: |",
    ]
    for what, alone in few.found.items():
        crowd = many.found[what]
        cells = (f"{each.read:g} / {each.write:g}" for each in (alone, crowd))
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return lines
