"""All faults at all calls of all stories, and the checks of each case."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from tests.lab.client import Reply
from tests.lab.faults import CRASHES, Kind
from tests.lab.moto.moto_stories import STORIES
from tests.lab.moto.moto_world import World, schedule
from tests.lab.moto.stand import run_story, stand
from tests.lab.moto.states import create, delete
from tests.lab.moto.transport import Call
from tests.lab.moto.transport_faults import Fault, applies
from tests.lab.plan import Plan
from tests.lab.promises import Broken
from tests.lab.report import Case, Outcome, spread

# Number of first crashes, and of their pairs, for each story. A case takes a hundred times as long
# as with the fakes, where all pairs are run.
_FIRSTS, _PAIRS = 6, 24
# The calls that find and remove orphans. Operations do not wait for permissions to make them.
_LEFT_OVERS = {"DeregisterTaskDefinition", "ListTaskDefinitions"}


def cases(stories: Collection[str] = (), *, pairs: bool = True) -> Iterator[Case]:
    """Return the single faults of these stories, by default of all, and some pairs."""
    for name in stories or STORIES:
        calls = _calls(name)
        for call in calls:
            yield from (Case(name, kind, call.number) for kind in Kind if applies(kind, call))
        if pairs:
            firsts = [Case(name, kind, call.number) for call in calls for kind in CRASHES]
            chosen = [pair for first in spread(firsts, _FIRSTS) for pair in _pairs(first)]
            yield from spread(chosen, _PAIRS)


def _pairs(first: Case) -> Iterator[Case]:
    trial = Trial(first, [])
    trial.run_story()
    for again in range(trial.made - first.call - 1):
        for then in CRASHES:
            yield replace(first, then=then, again=again)


def _calls(name: str) -> Sequence[Call]:
    """Return the calls of a story; of a story that is broken without a fault, one call."""
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
    except Exception as error:  # noqa: BLE001 - any error after a fault is a violation
        violations = (f"raised {error!r}",)
    return Outcome(case, violations, " and ".join(call.name for call in hit))


class Trial:
    """The run of one case; each call with a fault is added to `hit`."""

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
        """The number of calls so far."""
        return len(self._world.account.wire.journal)

    def run_story(self) -> Reply | None:
        """Run the story with its recovery."""
        return run_story(self._story, self._world)

    def run(self) -> None:
        """Run the story and check its final state."""
        world, story, kind = self._world, self._story, self._kind
        reply = self.run_story()
        assert len(self._hit) == len(self._case.faults), "the story has no such call"
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
        world.watcher.hold_at_rest(tidy=tidy)
        if not tidy:
            _delete(world)
            world.watcher.hold_at_rest()

    def _heal(self, hit: Call) -> None:
        # If the tables fail, the end cannot be recorded either.
        ended = hit.service == "dynamodb" or not self._world.records().open
        assert ended, f"7: open while {hit.name} fails"
        self._fault.heal()
        # Rollouts that hang are completed.
        self._world.account.completion.endless.clear()

    def _other_end(self) -> bool:
        """Return whether the final state may differ from that without the fault."""
        mixed = self._kind is Kind.SECOND_CALLER and self._story.request is None
        return mixed or self._kind.lasts or self._kind is Kind.LATE_OPERATION

    def _tidy(self) -> bool:
        """Return whether no task definition may remain before the application is deleted.

        An operation ends although a task definition was registered twice or late, or could not be
        deregistered.
        """
        surplus = (Kind.RESENT, Kind.LATE_OPERATION)
        names = {call.operation for call in self._hit}
        # A delete describes task definitions only to find orphans.
        also = {"DescribeTaskDefinition"} if self._case.operation == "delete" else set()
        left = (_LEFT_OVERS | also) & names
        return not (left or self._kind.lasts or self._kind in surplus)

    def _hold_same(self, reply: Reply | None) -> None:
        """Check that the final state is that without the fault, after a repeated request."""
        if self._story.request and (reply is None or reply.status >= 500):
            accepted = set(self._world.records().operations)
            again = self._world.ask(self._story.request)
            assert again
            over = self._story.at_once and again.status == 409  # it has ended already
            same = over or not accepted or again.id in accepted
            assert same, "the same key has another operation"
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


def _delete(world: World) -> None:
    """Delete the application; if it does not exist, create it first."""
    if not world.records().rows:
        world.ask(replace(create(), key=None))
        world.recover(STORIES["create"].triggers)
    world.ask(replace(delete(), key=None))
    world.recover(STORIES["delete"].triggers)
