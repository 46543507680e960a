"""Every call of every story with every fault, and what must be true of each case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from tests.crash.adapters.account import Account
from tests.crash.adapters.faults import Fault, applies
from tests.crash.adapters.stories import STORIES, State, Story
from tests.crash.adapters.wire import Call
from tests.crash.adapters.world import Request, World, schedule
from tests.crash.kinds import Kind
from tests.crash.report import Case, Outcome
from tests.functional.client import Reply
from tests.functional.fakes.invariants import Broken


@dataclass(frozen=True, slots=True)
class Course:
    """How a story goes by itself: its calls, and what it leads to."""

    calls: tuple[Call, ...]
    end: Mapping[str, Any]


class Stand:
    """An account, and the states of it that stories begin with."""

    def __init__(self) -> None:
        self.account = Account()
        self._saved = cache(self._prepared)
        self.undisturbed = cache(self._undisturbed)

    def opened(self, state: State) -> World:
        """Return the world that a story begins in."""
        self.account.restore(self._saved(state))
        return World(self.account)

    def _prepared(self, state: State) -> bytes:
        if state.before:
            world = self.opened(state.before)
        else:
            self.account.install(state.environments)
            world = World(self.account)
        state.prepare(world)
        world.forget()
        return self.account.save()

    def _undisturbed(self, name: str) -> Course:
        story = STORIES[name]
        world = self.opened(story.state)
        _play(world, story)
        world.watcher.hold_at_end()
        return Course(tuple(self.account.wire.journal), world.end())


_stand = cache(Stand)


def stand() -> Stand:
    """Return the one stand; a new one when somebody has reset moto meanwhile."""
    if not _stand().account.intact:
        _stand.cache_clear()
    return _stand()


def cases() -> Iterator[Case]:
    """Return all cases."""
    for story in STORIES.values():
        for call in stand().undisturbed(story.name).calls:
            for kind in Kind:
                if applies(kind, call) and (story.request or kind is not Kind.SECOND_CALLER):
                    yield Case(story.name, kind, call.number)


def run(case: Case) -> Outcome:
    """Run one case."""
    trial = Trial(case)
    try:
        trial.run()
    except (Broken, AssertionError) as broken:
        return Outcome(case, (str(broken),))
    except Exception as error:  # noqa: BLE001 - no fault may bring out an error that is none
        return Outcome(case, (f"raised {error!r}",))
    return Outcome(case)


class Trial:
    """One case at work."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._story = STORIES[case.story]
        self._expected = stand().undisturbed(case.story).end
        self._world = stand().opened(self._story.state)
        wire = self._world.account.wire
        self._fault = Fault(wire, case.kind, case.call, self._meanwhile)

    def run(self) -> None:
        """Play the story, let everything recover, and hold what must be true then."""
        world, kind, fault = self._world, self._case.kind, self._fault
        reply = _play(world, self._story)
        if fault.hit is None:
            raise ValueError(f"{self._case.arguments()}: there is no such call")
        if kind.lasts:
            self._heal(fault.hit)
        elif kind is Kind.LATE_OPERATION:
            world.ask(replace(self._story.following, key=None))
            world.recover(self._story.triggers)
        fault.land()
        world.recover(self._story.triggers)
        if not kind.lasts and kind is not Kind.LATE_OPERATION:
            if self._story.request and (reply is None or reply.status >= 500):
                self._repeat(self._story.request)
            _hold_same(world.end(), self._expected)
        world.watcher.hold_at_end()

    def _heal(self, hit: Call) -> None:
        # What is out of order may be the tables: then nothing can be written down either.
        ended = hit.service == "dynamodb" or not self._world.records().open
        assert ended, f"7: it did not end while {hit.name} failed"
        self._fault.heal()
        self._world.recover(self._story.triggers)

    def _repeat(self, request: Request) -> None:
        """Make the request again with its Idempotency-Key, as a caller does who got no answer."""
        accepted = set(self._world.records().operations)
        reply = self._world.ask(request)
        assert reply
        assert not accepted or reply.id in accepted, "a repeated request is another operation"
        self._world.recover(self._story.triggers)

    def _meanwhile(self) -> None:
        request = self._story.request
        if self._case.kind is Kind.SECOND_WORKER:
            schedule(self._world)
        elif request:
            self._world.ask(replace(request, key=None))


def _play(world: World, story: Story) -> Reply | None:
    reply = world.ask(story.request) if story.request else None
    world.recover(story.triggers)
    return reply


def _hold_same(end: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    changed = [
        f"{name} is {end.get(name)}, not {expected.get(name)}"
        for name in dict.fromkeys((*expected, *end))
        if end.get(name) != expected.get(name)
    ]
    assert not changed, f"the fault changed the outcome: {'; '.join(changed)}"
