"""One race: its run by a schedule, and its checks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from devops_core.details.swap import SwapDetails
from devops_core.model.operation import Status
from tests.lab.client import Client, Reply
from tests.lab.fakes import Call, FakeCloud
from tests.lab.memory.accounts import Prepare
from tests.lab.memory.memory_world import World
from tests.lab.promises import Broken
from tests.lab.world import TRIGGERS
from tests.proofs.races import history
from tests.proofs.races.history import History
from tests.proofs.races.scheduler import Schedule, Scheduler, Turn
from tests.proofs.races.starts import prepared

# Calls the API or triggers the service.
Act = Callable[["Actor"], object]

# Log lines of errors. AWS has no faults in a race; therefore a race must not log any of them.
_ERROR_LINES = ("reconcile failed", "check failed", "broken", "failed", "given up", "interrupted")


@dataclass(frozen=True, slots=True)
class Race:
    """Actors that run at the same time in an account, which `steps` have prepared.

    `accepted` has the allowed numbers of accepted operations, `ends` the allowed statuses of all
    operations, `refusals` the allowed error codes. With `drift`, the account was changed by hand.
    """

    name: str
    steps: tuple[Prepare, ...]
    actors: tuple[Act, ...]
    accepted: frozenset[int] = frozenset({1})
    ends: frozenset[str] = frozenset({"SUCCEEDED"})
    refusals: frozenset[str] = frozenset()
    drift: bool = False

    @property
    def pair(self) -> str:
        """The two actors: the first two words of the name."""
        return " + ".join(self.name.split("-")[:2])


@dataclass(frozen=True, slots=True)
class Outcome:
    """The violations of a race by one schedule, with the turns and the calls of its actors."""

    race: str
    schedule: Schedule
    turns: Sequence[Turn]
    calls: Sequence[str]
    violations: tuple[str, ...] = ()

    @property
    def arguments(self) -> str:
        """The command-line arguments that run only this schedule."""
        return f"--race {self.race} --schedule {self.schedule}"


class Actor(Client):
    """An actor: a caller whose requests and responses are added to the history."""

    def __init__(
        self, cloud: FakeCloud, number: int, scheduler: Scheduler, record: History
    ) -> None:
        super().__init__(cloud)
        self._number = number
        self._scheduler = scheduler
        self._history = record
        self.replies: list[Reply] = []

    def raw(self, event: Mapping[str, Any]) -> Reply:
        """Send an event unchanged."""
        began = self._history.now()
        reply = super().raw(event)
        self._history.add_response(event, began, reply)
        self.replies.append(reply)
        return reply

    def _own(self, start: int) -> list[Call]:
        return self._scheduler.calls_of(self._number, self.cloud.wire.journal[start:])


def run(race: Race, schedule: Schedule) -> Outcome:
    """Run a race by a schedule; an error of the product is a violation."""
    running = RunningRace(race, schedule)
    violations: tuple[str, ...] = ()
    try:
        running.run()
    except (Broken, AssertionError) as error:
        violations = (str(error),)
    except Exception as error:  # noqa: BLE001 - any error in a race is a violation
        violations = (f"raised {error!r}",)
    return Outcome(
        race.name, schedule, running.scheduler.turns, running.scheduler.calls, violations
    )


class RunningRace:
    """A race in progress."""

    def __init__(self, race: Race, schedule: Schedule) -> None:
        self.race = race
        self.world = World.opened(prepared(*race.steps))
        cloud = self.world.cloud
        self.scheduler = Scheduler(cloud.wire, schedule)
        self.history = History(cloud, history.initial_state(cloud), self.scheduler.next_time)
        cloud.wire.after.append(self.history.add_effect)
        numbers = range(len(race.actors))
        self.actors = [Actor(cloud, each, self.scheduler, self.history) for each in numbers]

    def run(self) -> None:
        """Run the race, and check the promises during it and after the end of all operations."""
        tables = self.world.cloud.tables
        before = set(tables.operations)
        self.scheduler.run([partial(self._act, number) for number in range(len(self.actors))])
        if self.scheduler.error:
            raise self.scheduler.error
        self._check_responses()
        self.world.recover(TRIGGERS)
        accepted = [each for key, each in tables.operations.items() if key not in before]
        count = sum(each.kind != "repair" for each in accepted)
        assert count in self.race.accepted, f"{count} operations were accepted"
        self._check_retries()
        self._restore_production()
        found = self.world.drift()
        assert self.race.drift or not found, f"6: the drift check has {found} findings"
        self._check_ends()
        self._check_switches(before)
        self.world.hold()
        self.history.add_final_records()
        self.history.check()

    def _restore_production(self) -> None:
        """Do the work of an admin after an end by force: return the customers by hand."""
        cloud = self.world.cloud
        group, listener = cloud.stacks.estate.target_group, cloud.stacks.estate.listener
        for (name, _), operation in cloud.tables.operations.items():
            if any("ended by force" in reason for reason in operation.reasons):
                slots = operation.details.idle, operation.details.live
                for role, slot in zip(("production", "test"), slots, strict=True):
                    cloud.load_balancer.listeners[listener(name, role)] = [group(name, slot)]

    def _act(self, number: int) -> None:
        self.race.actors[number](self.actors[number])

    def _check_responses(self) -> None:
        for reply in (reply for actor in self.actors for reply in actor.replies):
            if reply.status in (409, 412, 422):
                code, message = reply.body["code"], reply.body["errorMessage"]
                assert code in self.race.refusals, f"responded {code}: {message}"
            else:
                assert reply.status in (200, 202, 424), f"responded {reply.status}: {reply.body}"

    def _check_retries(self) -> None:
        """Check that a caller with a BUSY response succeeds after the other operation has ended."""
        for number, actor in enumerate(self.actors):
            if any(reply.body.get("code") == "BUSY" for reply in actor.replies):
                earlier = len(actor.replies)
                self._act(number)
                first = actor.replies[earlier].body
                assert first.get("code") != "BUSY", (
                    f"refused, although no operation is open: {first}"
                )
                self.world.recover(TRIGGERS)

    def _check_ends(self) -> None:
        """Check that no operation fails and no error is logged because of a race."""
        for operation in self.world.cloud.tables.operations.values():
            over = operation.kind == "repair" or operation.status in self.race.ends
            assert over, f"{operation.kind} has {operation.status}: {operation.reasons}"
        errors = [(line, facts) for line, facts in self.world.cloud.lines if line in _ERROR_LINES]
        assert not errors, f"logged {errors}"

    def _check_switches(self, before: Collection[tuple[str, str]]) -> None:
        """Check that each new swap has moved the customers once in each step of its policy.

        A swap that fails returns them. A call that ends the waits leaves steps out.
        """
        switches = self.world.watcher.switches
        swaps = [
            operation
            for key, operation in self.world.cloud.tables.operations.items()
            if operation.kind == "swap" and key not in before
        ]
        for swap in swaps:
            details: SwapDetails = swap.details
            steps, count = len(details.policy.weights), switches.count(swap.id)
            possible = range(1 if details.finished_by else steps, steps + 1)
            if swap.status is Status.FAILED:
                possible = range(2, steps + 2) if details.shifted_at else range(1)
            assert count in possible, f"swap {swap.id}: {count} switches"
