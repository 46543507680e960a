"""The run of one race by one schedule, and its checks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from devops_core.model.operation import Status
from tests.lab.client import Client, Reply
from tests.lab.fakes import Call, FakeCloud
from tests.lab.memory.accounts import Prepare
from tests.lab.memory.world import World
from tests.lab.promises import Broken
from tests.lab.world import TRIGGERS
from tests.proofs.races import history
from tests.proofs.races.baton import Baton
from tests.proofs.races.history import History
from tests.proofs.races.schedule import Schedule, Turn
from tests.proofs.races.starts import prepared

# Calls the API or triggers the service.
Act = Callable[["Racer"], object]

# Log lines of errors. AWS has no faults here, so a race must not write any of them.
_TROUBLE = ("reconcile failed", "check failed", "broken", "failed", "given up", "interrupted")


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
    """The outcome of a race: a sentence for each violation.

    `turns` has the turns of the actors, `calls` the outgoing calls in order, each with its actor
    ("A tables.claim").
    """

    race: str
    schedule: Schedule
    turns: Sequence[Turn]
    calls: Sequence[str]
    violations: tuple[str, ...] = ()

    @property
    def arguments(self) -> str:
        """The command-line arguments that run only this schedule."""
        return f"--race {self.race} --schedule {self.schedule}"


class Racer(Client):
    """An actor: a caller whose requests are added to the history."""

    def __init__(self, cloud: FakeCloud, number: int, baton: Baton, record: History) -> None:
        super().__init__(cloud)
        self._number = number
        self._baton = baton
        self._history = record
        self.replies: list[Reply] = []

    def raw(self, event: Mapping[str, Any]) -> Reply:
        """Send an event unchanged."""
        began = self._history.now()
        reply = super().raw(event)
        self._history.answered(event, began, reply)
        self.replies.append(reply)
        return reply

    def _own(self, start: int) -> list[Call]:
        return self._baton.own(self._number, self.cloud.wire.journal[start:])


def run(race: Race, schedule: Schedule) -> Outcome:
    """Run a race by a schedule; an error of the product is a violation."""
    running = Running.of(race, schedule)
    violations: tuple[str, ...] = ()
    try:
        running.hold()
    except (Broken, AssertionError) as error:
        violations = (str(error),)
    except Exception as error:  # noqa: BLE001 - any error in a race is a violation
        violations = (f"raised {error!r}",)
    return Outcome(race.name, schedule, running.baton.turns, running.baton.calls, violations)


@dataclass(slots=True)
class Running:
    """A race in progress."""

    race: Race
    world: World
    baton: Baton
    history: History
    racers: list[Racer]

    @classmethod
    def of(cls, race: Race, schedule: Schedule) -> Running:
        """Return a race before its start."""
        world = World.opened(prepared(*race.steps))
        baton = Baton(world.cloud.wire, schedule)
        record = History(world.cloud, history.state(world.cloud), baton.now)
        world.cloud.wire.after.append(record.moved)
        racers = [Racer(world.cloud, number, baton, record) for number in range(len(race.actors))]
        return cls(race, world, baton, record, racers)

    def hold(self) -> None:
        """Run the race; check the promises during the race and after the end of all operations."""
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
        """Check that a caller refused with BUSY is accepted after the other operation has ended."""
        for number, racer in enumerate(self.racers):
            if any(reply.body.get("code") == "BUSY" for reply in racer.replies):
                answered = len(racer.replies)
                self._act(number)
                first = racer.replies[answered].body
                assert first.get("code") != "BUSY", (
                    f"refused, although no operation is open: {first}"
                )
                self.world.recover(TRIGGERS)

    def _hold_ends(self) -> None:
        """Check that no operation fails and no error is logged because of a race."""
        for operation in self.world.cloud.tables.operations.values():
            over = operation.kind == "repair" or operation.status in self.race.ends
            assert over, f"{operation.kind} has {operation.status}: {operation.reasons}"
        trouble = [(line, facts) for line, facts in self.world.cloud.lines if line in _TROUBLE]
        assert not trouble, f"logged {trouble}"

    def _hold_exchanges(self, before: Collection[tuple[str, str]]) -> None:
        """Check that each successful swap has moved the customers once."""
        moved = self.world.watcher.switches
        swaps = [
            operation
            for key, operation in self.world.cloud.tables.operations.items()
            if operation.kind == "swap" and key not in before
        ]
        for swap in swaps:
            once = int(swap.status is Status.SUCCEEDED)
            assert moved.count(swap.id) == once, f"swap {swap.id}: {moved.count(swap.id)} exchanges"
