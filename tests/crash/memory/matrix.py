"""Every call of every story with every fault, and what must be true of each case."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.crash.kinds import CRASHES, Kind
from tests.crash.memory.faults import Fault, applies
from tests.crash.memory.stories import STORIES, Story
from tests.crash.memory.world import World
from tests.crash.report import Case, Outcome
from tests.functional.fakes import Call
from tests.functional.fakes.invariants import Broken


@dataclass(frozen=True, slots=True)
class Course:
    """How a story goes by itself: its calls, and what it leads to."""

    calls: tuple[Call, ...]
    end: Mapping[str, Any]


def cases(stories: Collection[str] = (), *, pairs: bool = True) -> Iterator[Case]:
    """Return all cases of these stories, or of all; those with two crashes come last in each."""
    for name in stories or STORIES:
        calls = undisturbed(name).calls
        yield from (
            Case(name, kind, call.number) for call in calls for kind in Kind if applies(kind, call)
        )
        if pairs and STORIES[name].pairs:
            firsts = (Case(name, kind, call.number) for call in calls for kind in CRASHES)
            yield from (pair for first in firsts for pair in _pairs(first))


def run(case: Case) -> Outcome:
    """Run one case."""
    world, fault = _opened(case)
    violations: tuple[str, ...] = ()
    try:
        _hold(case, world, fault)
    except (Broken, AssertionError) as error:
        violations = (str(error),)
    except Exception as error:  # noqa: BLE001 - whatever a fault brings out is the product's
        violations = (f"raised {error!r}",)
    return Outcome(case, violations, " and ".join(call.name for call in fault.hit))


@cache
def undisturbed(name: str) -> Course:
    """Return how a story goes without a fault."""
    world = World.opened(_prepared(name))
    _tell(STORIES[name], world)
    world.hold()
    return Course(tuple(world.cloud.wire.journal), world.end())


def _pairs(first: Case) -> Iterator[Case]:
    world, _ = _opened(first)
    _tell(STORIES[first.story], world)
    for again in range(len(world.cloud.wire.journal) - first.call - 1):
        for then in CRASHES:
            yield Case(first.story, first.kind, first.call, then, again)


@cache
def _prepared(name: str) -> bytes:
    return World.prepared(STORIES[name].prepare)


def _opened(case: Case) -> tuple[World, Fault]:
    world = World.opened(_prepared(case.story))
    faults = {case.call: case.kind}
    if case.then:
        faults[case.call + 1 + case.again] = case.then
    return world, Fault(world.cloud.wire, faults)


def _tell(story: Story, world: World) -> None:
    """Make the request and let the triggers fire until nothing is open."""
    if story.request:
        world.ask(story.request)
    world.recover(story.triggers)


def _hold(case: Case, world: World, fault: Fault) -> None:
    story = STORIES[case.story]
    _tell(story, world)
    assert len(fault.hit) == 1 + bool(case.then), "there is no such call"
    if case.kind.lasts:
        # Where it is the tables that fail, the end cannot be written down either.
        failing, still_open = fault.hit[0], world.cloud.tables.in_progress()
        assert failing.port == "tables" or not still_open, (
            f"7: open as long as {failing.name} fails"
        )
        world.cloud.wire.heal()
    if case.kind is Kind.LATE_OPERATION:
        world.ask(story.following)
        world.recover(story.triggers)
    fault.land()
    world.recover(story.triggers)
    if not case.kind.lasts and case.kind is not Kind.LATE_OPERATION:
        _hold_same(story, world)
    world.hold()


def _hold_same(story: Story, world: World) -> None:
    """Hold that one fault changes nothing for a caller who calls again without an answer."""
    accepted = {identifier for _, identifier in world.cloud.tables.operations}
    reply = world.ask(story.request) if story.request else None
    assert not reply or not accepted or reply.id in accepted, "the same key, another operation"
    world.recover(story.triggers)
    end, expected = world.end(), undisturbed(story.name).end
    changed = [
        f"{name} is {end.get(name)}, not {expected.get(name)}"
        for name in {**expected, **end}
        if end.get(name) != expected.get(name)
    ]
    assert not changed, f"the fault changed the outcome: {'; '.join(changed)}"
