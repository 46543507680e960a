"""Run one race by one schedule, and what must be true of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from devops_core.model.operation import Status
from tests.crash.memory.accounts import Prepare
from tests.crash.memory.world import TRIGGERS, World
from tests.functional.client import Client, Reply
from tests.functional.fakes import Call, FakeCloud
from tests.functional.fakes.invariants import Broken
from tests.races import history
from tests.races.accounts import prepared
from tests.races.baton import Baton
from tests.races.history import History
from tests.races.schedule import Schedule, Turn

# Makes one call of the API, or wakes the service.
Act = Callable[["Racer"], object]

# What is logged only when something went wrong that is not AWS's affair.
_TROUBLE = ("reconcile failed", "check failed", "broken", "failed", "given up", "interrupted")


@dataclass(frozen=True, slots=True)
class Race:
    """Actors that run at once over an account, which `steps` have prepared.

    `accepted` are the numbers of operations that may come of it; `ends` how those and the ones
    that were open may end; `refusals` the codes that who comes too late may be told; `drift` says
    that the account was changed by hand.
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
        """Who runs against whom: the first two words of the name."""
        return " + ".join(self.name.split("-")[:2])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a race: every violation is one sentence.

    `turns` are those that were taken, `calls` the outgoing calls in their order, each with the
    actor that made it ("A tables.claim").
    """

    race: str
    schedule: Schedule
    turns: Sequence[Turn]
    calls: Sequence[str]
    violations: tuple[str, ...] = ()

    @property
    def arguments(self) -> str:
        """The arguments that run exactly this."""
        return f"--race {self.race} --schedule {self.schedule}"


class Racer(Client):
    """An actor: a caller whose requests overlap with others', all noted in the history."""

    def __init__(self, cloud: FakeCloud, number: int, baton: Baton, told: History) -> None:
        super().__init__(cloud)
        self._number = number
        self._baton = baton
        self._history = told
        self.replies: list[Reply] = []

    def raw(self, event: Mapping[str, Any]) -> Reply:
        """Send an event as it is."""
        began = self._history.now()
        reply = super().raw(event)
        self._history.answered(event, began, reply)
        self.replies.append(reply)
        return reply

    def _own(self, start: int) -> list[Call]:
        return self._baton.own(self._number, self.cloud.wire.journal[start:])


def run(race: Race, schedule: Schedule) -> Outcome:
    """Run a race by a schedule; raises nothing that the product is to blame for."""
    running = Running.of(race, schedule)
    violations: tuple[str, ...] = ()
    try:
        running.hold()
    except (Broken, AssertionError) as error:
        violations = (str(error),)
    except Exception as error:  # noqa: BLE001 - whatever a race brings out is the product's
        violations = (f"raised {error!r}",)
    return Outcome(race.name, schedule, running.baton.turns, running.baton.calls, violations)


@dataclass(slots=True)
class Running:
    """A race that is run."""

    race: Race
    world: World
    baton: Baton
    history: History
    racers: list[Racer]

    @classmethod
    def of(cls, race: Race, schedule: Schedule) -> Running:
        """Return a race that can begin."""
        world = World.opened(prepared(*race.steps))
        baton = Baton(world.cloud.wire, schedule)
        told = History(world.cloud, history.state(world.cloud), baton.now)
        world.cloud.wire.after.append(told.moved)
        racers = [Racer(world.cloud, number, baton, told) for number in range(len(race.actors))]
        return cls(race, world, baton, told, racers)

    def hold(self) -> None:
        """Run it, and hold what must be true on the way, and when nothing is open any more."""
        tables = self.world.cloud.tables
        before = set(tables.operations)
        self.baton.run([partial(self._act, number) for number in range(len(self.racers))])
        if self.baton.error:
            raise self.baton.error
        self._hold_answers()
        self.world.recover(TRIGGERS)
        accepted = [each for key, each in tables.operations.items() if key not in before]
        count = sum(each.kind != "repair" for each in accepted)
        assert count in self.race.accepted, f"{count} operations were accepted"
        self._hold_free_again()
        found = self.world.drift()
        assert self.race.drift or not found, "6: the drift check has found something"
        self._hold_ends()
        self._hold_exchanges(before)
        self.world.hold()
        self.history.seen()
        self.history.hold()

    def _act(self, number: int) -> None:
        self.race.actors[number](self.racers[number])

    def _hold_answers(self) -> None:
        for reply in (reply for racer in self.racers for reply in racer.replies):
            if reply.status in (409, 422):
                code, why = reply.body["code"], reply.body["errorMessage"]
                assert code in self.race.refusals, f"answered {code}: {why}"
            else:
                assert reply.status in (200, 202, 424), f"answered {reply.status}: {reply.body}"

    def _hold_free_again(self) -> None:
        """Hold that whoever was refused is not when the holder has ended."""
        for number, racer in enumerate(self.racers):
            if any(reply.body.get("code") == "BUSY" for reply in racer.replies):
                answered = len(racer.replies)
                self._act(number)
                first = racer.replies[answered].body
                assert first.get("code") != "BUSY", f"nothing is open: {first}"
                self.world.recover(TRIGGERS)

    def _hold_ends(self) -> None:
        """Hold that nothing fails, and nothing stumbles, because of a race alone."""
        for operation in self.world.cloud.tables.operations.values():
            over = operation.kind == "repair" or operation.status in self.race.ends
            assert over, f"{operation.kind} has {operation.status}: {operation.reasons}"
        trouble = [(line, facts) for line, facts in self.world.cloud.lines if line in _TROUBLE]
        assert not trouble, f"logged {trouble}"

    def _hold_exchanges(self, before: Collection[tuple[str, str]]) -> None:
        """Hold that each swap has moved the customers once, and nothing else has."""
        moved = self.world.watcher.switches
        swaps = [
            operation
            for key, operation in self.world.cloud.tables.operations.items()
            if operation.kind == "swap" and key not in before
        ]
        for swap in swaps:
            once = int(swap.status is Status.SUCCEEDED)
            assert moved.count(swap.id) == once, f"swap {swap.id}: {moved.count(swap.id)} exchanges"
