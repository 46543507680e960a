"""Progressive swaps under load, with short minutes: good and bad releases, and rollbacks.

After each swap, both slots of production have healthy tasks, and no operation is in progress.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tools.bench.swaps.courses import Case, Course, figures
from tools.bench.swaps.load import Load, load
from tools.bench.swaps.production import Production
from tools.bench.swaps.records import LIVE, Request
from tools.bench.swaps.scenarios import watched
from tools.bench.swaps.shares import Poll
from tools.laptop.client import UnexpectedError, until

MINUTE = 3.0  # seconds of the machine
CLIENTS = 10  # on each port
AROUND = 100  # requests on each port before and after a swap, and before a rollback
SLOW = 2  # requests in a minute, for a release without a verdict
PAUSE = 0.05  # seconds between two polls of the listeners

_CANARY = {"strategy": {"type": "canary", "percent": 10, "stepMinutes": 6}}
_LINEAR = {"strategy": {"type": "linear", "percent": 25, "stepMinutes": 6}}
_JUDGE = {"judge": {"errorRatePercent": 1, "minRequests": 20}}
_LONG = {"strategy": {"type": "canary", "percent": 10, "stepMinutes": 600}}
_APPROVED = {
    "strategy": {"type": "canary", "percent": 10, "stepMinutes": 1},
    "approval": {"before": "full"},
}
# They swap forth and back between two good releases.
GOOD = (
    Case("canary 10 → 100", _CANARY | _JUDGE, (0, 10, 100), "GOOD"),
    Case("linear 25 → 50 → 75 → 100", _LINEAR | _JUDGE, (0, 25, 50, 75, 100), "GOOD"),
)
ROLLBACKS = tuple(
    Case(name, policy, (0, weight, 0), phase=phase, call=call)
    for name, policy, weight, phase in (
        ("10 percent", _LONG, 10, "SHIFTED"),
        ("waiting for approval", _APPROVED, 10, "AWAITING_APPROVAL"),
        ("100 percent", {"bakeMinutes": 600}, 100, "BAKING"),
    )
    for call in ("swap back", "abort")
)
# The customers of the test listener would have most of the requests to the new release.
BAD = tuple(
    Case(f"fails {each} %", _CANARY | _JUDGE, (0, 10, 0), "BAD", errors=each, ports=(LIVE,))
    for each in (5, 10)
)
SAME_RATE = Case("both releases fail 3 %", _CANARY | _JUDGE, (0, 10, 100), "GOOD", errors=3)
FEW_REQUESTS = Case(
    f"at {SLOW} requests a minute",
    _CANARY | {"judge": {}},
    (0, 10, 100),
    "TOO_FEW_REQUESTS",
    ports=(),
)


def measure(production: Production, report: Callable[[str], None]) -> list[dict[str, Any]]:
    """Run all swaps; return the figures of each one. The live release must be good."""
    found = []

    def swapped(case: Case) -> None:
        report(f"{case.name} ...")
        found.append(run(production, case))
        report(_line(found[-1]))

    for case in (*GOOD, *ROLLBACKS):
        swapped(case)
    for case in BAD:
        production.release(f"errors={case.errors}")
        swapped(case)
    production.release()
    swapped(FEW_REQUESTS)
    for _ in range(2):
        production.release(f"errors={SAME_RATE.errors}")
        production.swap(production.idle)
    swapped(SAME_RATE)
    return found


def run(production: Production, case: Case) -> dict[str, Any]:
    """Swap to the release of the idle slot under load; return the figures of `courses.figures`."""
    client, version, idle = production.client, production.idle, production.roles()[1]
    around = AROUND if case.ports else 1
    with (
        _customers(production, case) as customers,
        watched(_poll(production.weights(idle))) as polls,
    ):
        customers.wait(around)
        called = time.monotonic()
        operation = production.request_swap(version, **case.policy).operation
        rolled_back = None
        if case.phase:
            _wait_for_phase(production, operation["url"], case.phase)
            customers.wait(around)
            rolled_back = time.monotonic()
            _roll_back(production, operation["url"], case.call)
        operation = client.wait_for_end(client.call("GET", operation["url"]))
        customers.wait(around)
    if operation["status"] == "SUCCEEDED":
        production.exchange_roles()
    found = [poll for _, poll in polls]
    clock, offset = client.cloud.clock, time.time() - time.monotonic()
    course = Course(
        case, version, customers.requests, found, operation, called, rolled_back,
        lambda moment: clock.at(moment + offset),
    )  # fmt: skip
    return figures(course)


def _line(swap: Mapping[str, Any]) -> str:
    """Return the line of output for a swap."""
    requests = swap["requests"] + swap["testRequests"]
    failed = swap["failed"] + swap["testFailed"]
    reasons = "".join(f": {each}" for each in swap["reasons"])
    return f"  {failed} of {requests} requests failed; {swap['status']}{reasons}"


def _customers(production: Production, case: Case) -> Any:
    if not case.ports:
        return _slow_customer(production)
    return load(production.client, production.url, CLIENTS, ports=case.ports)


@contextmanager
def _slow_customer(production: Production) -> Iterator[Load]:
    """Send `SLOW` requests a minute to the production listener during a `with` block."""
    customers, stop = Load((LIVE,)), threading.Event()

    def send() -> None:
        while not stop.wait(MINUTE / SLOW):
            begun = time.monotonic()
            response = production.client.fetch(f"{production.url}/")
            version = response.body["version"]
            customers.requests.append(
                Request(LIVE, begun, time.monotonic(), response.status, version, True)
            )

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield customers
    finally:
        stop.set()
        thread.join()


def _poll(read: Callable[[], Mapping[int, int]]) -> Callable[[], Poll]:
    """Return a function that reads the weights of both listeners after a pause."""

    def poll() -> Poll:
        time.sleep(PAUSE)
        begun = time.monotonic()
        return Poll(begun, weights=read(), ended=time.monotonic())

    return poll


def _wait_for_phase(production: Production, url: str, phase: str) -> None:
    def reached() -> bool:
        return production.client.call("GET", url).operation.get("phase") == phase

    if not until(reached):
        raise UnexpectedError(f"the swap does not reach the phase {phase}")


def _roll_back(production: Production, url: str, call: str) -> None:
    """Roll back by one call; its response arrives when the operation has ended."""
    if call == "abort":
        response = production.client.call("DELETE", url, Prefer="wait=25")
    else:
        response = production.request_swap(production.live)
    if response.status not in (200, 202, 424):
        raise UnexpectedError(response.body)
