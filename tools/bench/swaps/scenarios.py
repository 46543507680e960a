"""Scenarios of failures and concurrent changes around a swap, under load on both listeners.

After each scenario production has its initial state again: one healthy task in each slot.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from tools.bench.swaps.levels import rounded
from tools.bench.swaps.load import Load, load
from tools.bench.swaps.production import Production
from tools.bench.swaps.records import LIVE, failed, latencies
from tools.laptop.client import Response, UnexpectedError, until

CONCURRENCY = 20
State = TypeVar("State")
BEFORE_AND_AFTER = 50  # requests on each port before and after a scenario


@dataclass(frozen=True)
class Outcome:
    """The outcome of a scenario.

    `as_expected` is whether the service behaved as expected, `result` describes its behaviour.
    `failed` and `requests` count the requests of customers on the production listener.
    """

    name: str
    as_expected: bool
    result: str
    failed: int
    requests: int

    @property
    def passed(self) -> bool:
        """Whether the service behaved as expected and no request of a customer failed."""
        return self.as_expected and not self.failed


Scenario = Callable[[Production, Load], tuple[bool, str]]


def run(production: Production, scenario: Scenario) -> Outcome:
    """Run a scenario under load."""
    with load(production.client, production.url, CONCURRENCY) as customers:
        customers.wait(BEFORE_AND_AFTER)
        as_expected, result = scenario(production, customers)
        customers.wait(BEFORE_AND_AFTER)
    on_live = [each for each in customers.requests if each.port == LIVE]
    failures, name = len(failed(on_live)), scenario.__name__.replace("_", " ")
    for slot in production.roles():
        production.scale(slot, 1)
    return Outcome(name, as_expected, result, failures, len(on_live))


def a_task_of_the_idle_slot_is_killed_before_the_swap(
    production: Production, _: Load
) -> tuple[bool, str]:
    """Expect a refusal with the reasons, or success if ECS has replaced the task."""
    idle = production.roles()[1]
    production.kill_task(idle)
    response = production.request_swap(production.idle)
    if response.status == 200:
        production.exchange_roles()
        return True, "succeeded: ECS had replaced the task"
    refused = (response.status, response.body["code"]) == (409, "NOT_READY")
    production.wait_until_steady(idle)
    return refused and bool(response.body["reasons"]), _refusal(response)


def a_task_of_the_idle_slot_is_killed_during_the_swap(
    production: Production, _: Load
) -> tuple[bool, str]:
    """Expect that the swap succeeds after it has waited for the missing task."""
    live, idle = production.roles()
    production.scale(live, 2)
    with ThreadPoolExecutor(1) as pool:
        swapping = pool.submit(production.request_swap, production.idle)
        until(lambda: production.state(idle).desired == 2, pause=0.01)
        switched = production.roles()[0] == idle
        production.kill_task(idle)
        operation = production.client.succeed(swapping.result())
    production.exchange_roles()
    seconds = operation["took"]["untilSwitched"]
    result = f"succeeded: switched after {seconds:.1f} s, when the task had been replaced"
    return not switched, result


def the_idle_slot_is_still_starting(production: Production, _: Load) -> tuple[bool, str]:
    """Expect a refusal with the reasons."""
    idle = production.roles()[1]
    production.restart(idle)
    response = production.request_swap(production.idle)
    production.wait_until_steady(idle)
    refused = (response.status, response.body.get("code")) == (409, "NOT_READY")
    return refused and bool(response.body["reasons"]), _refusal(response)


def a_promote_holds_the_idle_slot(production: Production, _: Load) -> tuple[bool, str]:
    """Expect a refusal that names the operation which holds production."""
    version = production.deploy()
    promoting = production.promote()
    response = production.request_swap(version)
    production.client.succeed(promoting)
    production.idle = version
    refused = (response.status, response.body.get("code")) == (409, "BUSY")
    return refused and bool(response.body["operation"]), _refusal(response)


def promote_swap_and_swap_back_without_a_wait(production: Production, _: Load) -> tuple[bool, str]:
    """Expect that all three succeed without a wait between them."""
    before, version = production.live, production.deploy()
    began = time.monotonic()
    production.client.succeed(production.promote())
    production.idle = version
    production.swap(production.idle)
    production.swap(production.idle)
    seconds = time.monotonic() - began
    return production.live == before, f"all three succeeded in {seconds:.1f} s"


def a_version_is_promoted_to_the_idle_slot(
    production: Production, customers: Load
) -> tuple[bool, str]:
    """Expect the same version on the live slot, and measure the latency of its listener."""
    version = production.deploy()
    customers.wait(BEFORE_AND_AFTER)
    began = time.monotonic()
    production.client.succeed(production.promote())
    ended = time.monotonic()
    production.idle = version
    live = [each for each in customers.requests if each.port == LIVE]
    baseline = rounded(latencies(each for each in live if each.begun < began))
    during = rounded(latencies(each for each in live if began <= each.begun <= ended))
    served = {each.version for each in live if each.begun >= began}
    figures = " and ".join(f"{it['median']} ms (p99 {it['p99']})" for it in (baseline, during))
    result = f"median latency before and during the promote: {figures}"
    return served == {production.live}, result


def the_live_slot_has_three_tasks_and_the_idle_slot_one(
    production: Production, _: Load
) -> tuple[bool, str]:
    """Expect three tasks of the idle slot at the switch, and no change of the previous slot."""
    live, idle = production.roles()
    production.scale(live, 3)
    before = production.state(live)
    with watched(lambda: production.state(idle)) as states:
        operation = production.client.succeed(production.request_swap(production.idle))
    production.exchange_roles()
    switched = datetime.fromisoformat(operation["switchedAt"]).timestamp()
    at_switch = [state for time_, state in states if time_ <= switched][-1]
    after = production.state(live)
    as_expected = min(at_switch.running, at_switch.healthy) >= 3 and after == before
    return as_expected, (
        f"at the switch the idle slot had {at_switch.running} tasks, {at_switch.healthy} healthy;"
        f" the previous slot has {after.running} of {after.desired}"
    )


SCENARIOS: tuple[Scenario, ...] = (
    a_task_of_the_idle_slot_is_killed_before_the_swap,
    a_task_of_the_idle_slot_is_killed_during_the_swap,
    the_idle_slot_is_still_starting,
    a_version_is_promoted_to_the_idle_slot,
    a_promote_holds_the_idle_slot,
    promote_swap_and_swap_back_without_a_wait,
    the_live_slot_has_three_tasks_and_the_idle_slot_one,
)


def _refusal(response: Response) -> str:
    """Return status, code and reasons of a refusal, without ids that change in each run."""
    status = f"{response.status} {response.body.get('code', '')}"
    return ": ".join([status, *filter(None, ["; ".join(response.body.get("reasons") or [])])])


@contextmanager
def watched(read: Callable[[], State]) -> Iterator[list[tuple[float, State]]]:
    """Poll during a `with` block; yield the states with the start of each poll (Unix, s)."""
    states: list[tuple[float, State]] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            began = time.time()
            states.append((began, read()))

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        if not until(lambda: bool(states), pause=0.01):
            raise UnexpectedError("the state cannot be read")
        try:
            yield states
        finally:
            stop.set()
            watching.result()
