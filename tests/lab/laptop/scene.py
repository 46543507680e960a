"""The applications of all cases, and the concurrent interruption of all cases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.lab.laptop.api import Api, Response, create_body
from tests.lab.laptop.estate import rows
from tests.lab.laptop.interruptions import CASES, KILL, RESENT, WIDE, Case
from tests.lab.laptop.proxy import Fault, FaultyProxy
from tests.lab.laptop.workers import kill_worker

T = TypeVar("T")
R = TypeVar("R")
AT_ONCE = 4  # two cores are not faster with more
_EVERYTHING = {"nonProd": ["dev", "qa", "stage"], "training": True, "da": True}


@dataclass(frozen=True)
class Broken:
    """One interrupted case."""

    case: Case
    fault: Fault
    answer: Response


@dataclass
class Scene:
    """A laptop cloud whose functions call AWS through a proxy, and its interrupted cases."""

    api: Api
    proxy: FaultyProxy
    broken: dict[Case, Broken] = field(default_factory=dict)
    visits: int = 0
    missed: list[str] = field(default_factory=list)

    def prepare(self) -> None:
        """Create and prepare the applications of all cases except creates."""
        kinds = {case.application: case.kind for case in CASES}  # the last is that of production
        wanted = [(name, kind) for name, kind in kinds.items() if kind != "create"]
        at_once(lambda each: prepare(self.api, *each), wanted)

    def strike(self, cases: Sequence[Case]) -> None:
        """Interrupt some cases, a few at the same time."""
        at_once(self._break, cases)

    def _break(self, case: Case) -> None:
        fault = case.fault()
        if case.way is KILL:
            fault.strike = self._kill
        self.proxy.faults.append(fault)
        method, path, body = case.request
        answer = self.api.call(method, path, body, **case.headers)
        self.broken[case] = Broken(case, fault, answer)

    def _kill(self, port: int) -> None:
        kill_worker(self.api.cloud.directory, self.proxy.server_port, port)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Request the page of each remaining production meanwhile; record the failures."""
        done, going = threading.Event(), {RESENT, *_applications("delete")}
        urls = {
            row["applicationName"]: row["url"]
            for row in rows(self.api)
            if row["environment"] == "PROD-GREEN" and row["applicationName"] not in going
        }
        thread = threading.Thread(target=self._watch, args=(urls, done))
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _watch(self, urls: dict[str, str], done: threading.Event) -> None:
        while not done.wait(1.0):
            for application, url in urls.items():
                self.visits += 1
                try:
                    page = self.api.fetch(url)
                except (OSError, ValueError) as error:  # no connection, or no page of a task
                    self.missed.append(f"{application}: {error!r}")
                    continue
                if (page.status, page.body.get("application")) != (200, application):
                    self.missed.append(f"{application}: {page.status} {page.body}")


def _applications(kind: str) -> set[str]:
    return {case.application for case in CASES if case.kind == kind}


def prepare(api: Api, name: str, kind: str) -> None:
    """Create an application and prepare it for an operation of a kind."""
    changes: dict[str, Any] = {"environments": _EVERYTHING} if name == WIDE else {}
    api.succeed(api.post("/stacks", create_body(name, **changes)))
    if kind == "delete":
        return
    for version in ("1.0", "2.0"):
        api.push(name, version)
    deploy = {"applicationName": name, "environment": ["dev"], "version": "1.0"}
    api.succeed(api.post("/stacks/deploy", deploy))
    if kind == "swap":
        api.succeed(api.post("/stacks/deploytoprodBlue", {"applicationName": name}))


def at_once(do: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """Call a function for each item, a few at the same time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(do, things))
