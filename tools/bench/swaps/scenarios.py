"""What can go wrong around a swap, with customers on both listeners meanwhile.

Each scenario leaves production as it found it: one task in each slot, all of them healthy.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from tools.bench.swaps.levels import rounded
from tools.bench.swaps.load import Load, load
from tools.bench.swaps.production import Production, Slot
from tools.bench.swaps.records import LIVE, failed, latencies
from tools.laptop.client import Response, UnexpectedError, until

CONCURRENCY = 20
SETTLED = 50  # requests on each port before and after what happens


@dataclass(frozen=True)
class Outcome:
    """What came of a scenario: whether it went as it must, what happened, and customers' failures.

    Failures are those on the production listener.
    """

    name: str
    right: bool
    happened: str
    failed: int
    requests: int

    @property
    def passed(self) -> bool:
        """Whether it went as it must and no customer noticed."""
        return self.right and not self.failed


Scenario = Callable[[Production, Load], tuple[bool, str]]


def run(production: Production, scenario: Scenario) -> Outcome:
    """Let a scenario happen under load."""
    with load(production.client, production.url, CONCURRENCY) as customers:
        customers.wait(SETTLED)
        right, happened = scenario(production, customers)
        customers.wait(SETTLED)
    on_live = [each for each in customers.requests if each.port == LIVE]
    lost, name = len(failed(on_live)), scenario.__name__.replace("_", " ")
    for slot in production.roles():
        production.scale(slot, 1)
    return Outcome(name, right, happened, lost, len(on_live))


def a_task_of_blue_is_killed_before_the_swap(production: Production, _: Load) -> tuple[bool, str]:
    """Refused with what is missing, or clean because ECS was faster."""
    idle = production.roles()[1]
    production.kill_a_task(idle)
    response = production.ask_to_swap(production.idle)
    if response.status == 200:
        production.swapped()
        return True, "clean: ECS had replaced the task"
    right = (response.status, response.body["code"]) == (409, "NOT_READY")
    production.settle(idle)
    return right and bool(response.body["reasons"]), _refusal(response)


def a_task_of_blue_is_killed_during_the_swap(production: Production, _: Load) -> tuple[bool, str]:
    """Clean: the swap waits for the task that is missing."""
    live, idle = production.roles()
    production.scale(live, 2)
    with ThreadPoolExecutor(1) as pool:
        swapping = pool.submit(production.ask_to_swap, production.idle)
        until(lambda: production.look(idle).desired == 2, pause=0.01)
        switched = production.roles()[0] == idle
        production.kill_a_task(idle)
        operation = production.client.succeed(swapping.result())
    production.swapped()
    seconds = operation["took"]["untilSwitched"]
    return not switched, f"clean: switched after {seconds:.1f} s, when the task was replaced"


def blue_is_still_starting(production: Production, _: Load) -> tuple[bool, str]:
    """Refused with what is missing."""
    idle = production.roles()[1]
    production.start_again(idle)
    response = production.ask_to_swap(production.idle)
    production.settle(idle)
    right = (response.status, response.body.get("code")) == (409, "NOT_READY")
    return right and bool(response.body["reasons"]), _refusal(response)


def blue_is_being_promoted(production: Production, _: Load) -> tuple[bool, str]:
    """Refused with the operation that has production."""
    version = production.deploy()
    promoting = production.promote()
    response = production.ask_to_swap(version)
    production.client.succeed(promoting)
    production.idle = version
    right = (response.status, response.body.get("code")) == (409, "BUSY")
    return right and bool(response.body["operation"]), _refusal(response)


def promote_swap_and_swap_back_in_a_row(production: Production, _: Load) -> tuple[bool, str]:
    """Nobody waits in between, and all three succeed."""
    before, version = production.live, production.deploy()
    began = time.monotonic()
    production.client.succeed(production.promote())
    production.idle = version
    production.swap(production.idle)
    production.swap(production.idle)
    seconds = time.monotonic() - began
    return production.live == before, f"all three succeeded in {seconds:.1f} s"


def a_version_is_promoted_to_blue(production: Production, customers: Load) -> tuple[bool, str]:
    """Green does not notice: latency on the production listener before and meanwhile."""
    version = production.deploy()
    customers.wait(SETTLED)
    began = time.monotonic()
    production.client.succeed(production.promote())
    ended = time.monotonic()
    production.idle = version
    live = [each for each in customers.requests if each.port == LIVE]
    calm = rounded(latencies(each for each in live if each.begun < began))
    busy = rounded(latencies(each for each in live if began <= each.begun <= ended))
    served = {each.version for each in live if each.begun >= began}
    told = " and ".join(f"{it['median']} ms (p99 {it['p99']})" for it in (calm, busy))
    return served == {production.live}, f"median latency before and meanwhile: {told}"


def green_has_three_tasks_and_blue_one(production: Production, _: Load) -> tuple[bool, str]:
    """Blue has three when it is switched to, and the old side is left as it was."""
    live, idle = production.roles()
    production.scale(live, 3)
    before = production.look(live)
    with _watched(production, idle) as looks:
        operation = production.client.succeed(production.ask_to_swap(production.idle))
    production.swapped()
    switched = datetime.fromisoformat(operation["switchedAt"]).timestamp()
    at_the_switch = [look for moment, look in looks if moment <= switched][-1]
    after = production.look(live)
    right = min(at_the_switch.running, at_the_switch.healthy) >= 3 and after == before
    return right, (
        f"blue had {at_the_switch.running} tasks, {at_the_switch.healthy} healthy, at the switch;"
        f" the old side has {after.running} of {after.desired}"
    )


SCENARIOS: tuple[Scenario, ...] = (
    a_task_of_blue_is_killed_before_the_swap,
    a_task_of_blue_is_killed_during_the_swap,
    blue_is_still_starting,
    a_version_is_promoted_to_blue,
    blue_is_being_promoted,
    promote_swap_and_swap_back_in_a_row,
    green_has_three_tasks_and_blue_one,
)


def _refusal(response: Response) -> str:
    """Return what a refusal says, without what is another in each run."""
    told = f"{response.status} {response.body.get('code', '')}"
    return ": ".join([told, *filter(None, ["; ".join(response.body.get("reasons") or [])])])


@contextmanager
def _watched(production: Production, slot: str) -> Iterator[list[tuple[float, Slot]]]:
    """Look at a slot again and again; gives the looks with the time (Unix, s) they began."""
    looks: list[tuple[float, Slot]] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            began = time.time()
            looks.append((began, production.look(slot)))

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        if not until(lambda: bool(looks), pause=0.01):
            raise UnexpectedError(f"{slot} cannot be looked at")
        try:
            yield looks
        finally:
            stop.set()
            watching.result()
