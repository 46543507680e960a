"""Every call of every story with every fault, and what must be true of each case."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from tests.crash.adapters.account import Account
from tests.crash.adapters.accounts import State, create, delete
from tests.crash.adapters.faults import Fault, applies
from tests.crash.adapters.stories import STORIES, Story
from tests.crash.adapters.wire import Call
from tests.crash.adapters.world import World, schedule
from tests.crash.kinds import CRASHES, Kind
from tests.crash.plan import Plan
from tests.crash.report import Case, Outcome, spread
from tests.functional.client import Reply
from tests.functional.fakes.invariants import Broken

# A case takes a hundred times as long as over the fakes, where every pair is told: of each story
# so many of its first crashes, and so many pairs of those.
_FIRSTS, _PAIRS = 6, 24


# Looking for left-overs, and removing them: no operation waits for being allowed to.
_LEFT_OVERS = {"DeregisterTaskDefinition", "ListTaskDefinitions"}
# More than there are faults in a case.
_ATTEMPTS = 3


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
        _tell(story, world)
        world.watcher.hold_at_end()
        return Course(tuple(self.account.wire.journal), world.end())


_stand = cache(Stand)


def stand() -> Stand:
    """Return the one stand; a new one when somebody has reset moto meanwhile."""
    if not _stand().account.intact:
        _stand.cache_clear()
    return _stand()


def cases(stories: Collection[str] = (), *, pairs: bool = True) -> Iterator[Case]:
    """Return all single faults of these stories, or of all, and after them some pairs of each."""
    for name in stories or STORIES:
        calls = _calls(name)
        for call in calls:
            yield from (Case(name, kind, call.number) for kind in Kind if applies(kind, call))
        if pairs:
            firsts = [Case(name, kind, call.number) for call in calls for kind in CRASHES]
            told = [pair for first in spread(firsts, _FIRSTS) for pair in _pairs(first)]
            yield from spread(told, _PAIRS)


def _pairs(first: Case) -> Iterator[Case]:
    trial = Trial(first, [])
    trial.tell()
    for again in range(trial.made - first.call - 1):
        for then in CRASHES:
            yield replace(first, then=then, again=again)


def _calls(name: str) -> Sequence[Call]:
    """Return the calls of a story; where it goes wrong by itself, the one that will show it."""
    try:
        return stand().undisturbed(name).calls
    except (Broken, AssertionError):
        return (Call(0, "dynamodb", "BatchGetItem", {}),)


def run(case: Case) -> Outcome:
    """Run one case."""
    hit: list[Call] = []
    violations: tuple[str, ...] = ()
    try:
        Trial(case, hit).run()
    except (Broken, AssertionError) as broken:
        violations = (str(broken),)
    except Exception as error:  # noqa: BLE001 - whatever a fault brings out is the product's
        violations = (f"raised {error!r}",)
    return Outcome(case, violations, " and ".join(call.name for call in hit))


class Trial:
    """One case at work; calls that were hit are added to `hit`."""

    def __init__(self, case: Case, hit: list[Call]) -> None:
        self._case = case
        self._kind = case.kind
        self._story = STORIES[case.story]
        self._expected = stand().undisturbed(case.story).end
        self._world = stand().opened(self._story.state)
        self._hit = hit
        meanwhile: Mapping[Kind, Callable[[], object]] = {
            Kind.SECOND_WORKER: partial(self._story.triggers[0], self._world),
            Kind.SECOND_CALLER: self._second_caller,
        }
        self._fault = Fault(self._world.account, Plan(case.faults, hit), meanwhile)

    @property
    def made(self) -> int:
        """How many calls were made so far."""
        return len(self._world.account.wire.journal)

    def tell(self) -> Reply | None:
        """Tell the story and let everything recover."""
        return _tell(self._story, self._world)

    def run(self) -> None:
        """Tell the story, and hold what must be true in the end."""
        world, story, kind = self._world, self._story, self._kind
        reply = self.tell()
        assert len(self._hit) == len(self._case.faults), "there is no such call"
        if kind.lasts:
            self._heal(self._hit[0])
        if kind is Kind.LATE_OPERATION:
            world.ask(replace(story.following, key=None))
            world.recover((schedule,))
        self._fault.land()
        world.recover(story.triggers, story.at_least)
        if self._other_end():
            world.drift()
        else:
            self._hold_same(reply)
        tidy = self._tidy()
        world.watcher.hold_at_end(tidy=tidy)
        if not tidy:
            _delete(world)
            world.watcher.hold_at_end()

    def _heal(self, hit: Call) -> None:
        # Where it is the tables that fail, the end cannot be written down either.
        ended = hit.service == "dynamodb" or not self._world.records().open
        assert ended, f"7: open as long as {hit.name} fails"
        self._fault.heal()
        # What goes on in AWS by itself comes to its end.
        self._world.account.completion.endless.clear()

    def _other_end(self) -> bool:
        """Whether it may come to another end than without the fault."""
        mixed = self._kind is Kind.SECOND_CALLER and self._story.request is None
        return mixed or self._kind.lasts or self._kind is Kind.LATE_OPERATION

    def _tidy(self) -> bool:
        """Whether nothing may be left before the application is deleted.

        A task definition that was registered twice, or too late, or could not be deregistered, is
        no reason to keep an operation from its end.
        """
        surplus = (Kind.RESENT, Kind.LATE_OPERATION)
        names = {call.operation for call in self._hit}
        # A delete describes task definitions for nothing else.
        also = {"DescribeTaskDefinition"} if self._case.operation == "delete" else set()
        left = (_LEFT_OVERS | also) & names
        return not (left or self._kind.lasts or self._kind in surplus)

    def _hold_same(self, reply: Reply | None) -> None:
        """Hold that a fault changes nothing for a caller who calls again without an answer."""
        if self._story.request and (reply is None or reply.status >= 500):
            accepted = set(self._world.records().operations)
            again = self._world.ask(self._story.request)
            assert again
            over = self._story.at_once and again.status == 409  # nothing is left to be aborted
            same = over or not accepted or again.id in accepted
            assert same, "the same key, another operation"
            self._world.recover(self._story.triggers)
        end, expected = self._world.end(), self._expected
        changed = [
            f"{name} is {end.get(name)}, not {expected.get(name)}"
            for name in {**expected, **end}
            if end.get(name) != expected.get(name)
        ]
        assert not changed, f"the fault changed the outcome: {'; '.join(changed)}"

    def _second_caller(self) -> None:
        other = self._story.request or self._story.following
        self._world.ask(replace(other, key=None))


def _tell(story: Story, world: World) -> Reply | None:
    """Make the request and let the triggers fire until nothing is open."""
    reply = None
    for _ in range(_ATTEMPTS if story.at_once else 1):
        reply = world.ask(story.request) if story.request else None
        if reply and reply.status < 500:
            break
    world.recover(story.triggers, story.at_least)
    return reply


def _delete(world: World) -> None:
    """Delete the application; when it is gone already, one that was made again."""
    if not world.records().rows:
        world.ask(replace(create(), key=None))
        world.recover(STORIES["create"].triggers)
    world.ask(replace(delete(), key=None))
    world.recover(STORIES["delete"].triggers)
