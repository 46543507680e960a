"""All faults at all calls of all stories, and the checks of each case."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from tests.lab.fakes import Call
from tests.lab.faults import CRASHES, Kind
from tests.lab.memory.stories import STORIES, Story
from tests.lab.memory.wire_faults import Fault, applies
from tests.lab.memory.world import TRIGGERS, World
from tests.lab.plan import Plan
from tests.lab.promises import Broken
from tests.lab.report import Case, Outcome

# Calls by kind: if they fail permanently, an operation is given up without knowing its result, and
# without a rollback.
_BLIND = {
    "deploy": ("containers.services", "containers.update"),
    "deploy-blue": ("containers.services", "containers.update"),
    "swap": ("load_balancer.forwards_to",),
}
# More attempts than a case has faults.
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Course:
    """A story without a fault: its calls and its final state."""

    calls: tuple[Call, ...]
    end: Mapping[str, Any]


def cases(stories: Collection[str] = (), *, pairs: bool = True) -> Iterator[Case]:
    """Return the cases of these stories, by default of all; pairs of crashes are the last ones."""
    for name in stories or STORIES:
        calls = _calls(name)
        singles = ((kind, call) for call in calls for kind in Kind if _applies(kind, call, name))
        yield from (Case(name, kind, call.number) for kind, call in singles)
        if pairs and STORIES[name].pairs:
            firsts = (Case(name, kind, call.number) for call in calls for kind in CRASHES)
            yield from (pair for first in firsts for pair in _pairs(first))


def _applies(kind: Kind, call: Call, story: str) -> bool:
    # A CreateStack that takes effect after the undo would create another stack. This cannot occur:
    # a signed request is valid for five minutes (IAM User Guide, "Signature Version 4"), and the
    # undo takes longer.
    fails = STORIES[story].ends.startswith("FAILED")
    too_late = fails and kind is Kind.LATE_OPERATION and call.name == "stacks.create"
    return applies(kind, call) and not too_late


def run(case: Case) -> Outcome:
    """Run one case."""
    hit: list[Call] = []
    violations: tuple[str, ...] = ()
    try:
        _hold(case, hit)
    except (Broken, AssertionError) as error:
        violations = (str(error),)
    except Exception as error:  # noqa: BLE001 - any error after a fault is a violation
        violations = (f"raised {error!r}",)
    return Outcome(case, violations, " and ".join(call.name for call in hit))


def _calls(name: str) -> Sequence[Call]:
    """Return the calls of a story; of a story that is broken without a fault, one call."""
    try:
        return undisturbed(name).calls
    except (Broken, AssertionError):
        return (Call(0, "tables", "claim", ()),)


@cache
def undisturbed(name: str) -> Course:
    """Return the course of a story without a fault."""
    story, world = STORIES[name], World.opened(_prepared(name))
    _run_story(story, world)
    course = Course(tuple(world.cloud.wire.journal), world.end())
    _hold_ends(story, world)
    assert world.versions() == story.runs, f"inventory has {world.versions()}"
    world.hold()
    assert world.drift() == 0, "the drift check finds drift without a change"
    return course


def _hold_ends(story: Story, world: World) -> None:
    """Check the status and the reasons of the operations."""
    ends, _, why = story.ends.partition(": ")
    for operation in world.cloud.tables.operations.values():
        assert operation.status == ends, f"{operation.kind} is {operation.status}, not {ends}"
        assert why in "; ".join(operation.reasons), f"{operation.reasons} do not contain {why}"


def _pairs(first: Case) -> Iterator[Case]:
    world, _ = _opened(first, [])
    _run_story(STORIES[first.story], world)
    for again in range(len(world.cloud.wire.journal) - first.call - 1):
        for then in CRASHES:
            yield replace(first, then=then, again=again)


@cache
def _prepared(name: str) -> bytes:
    return World.prepared(STORIES[name].prepare)


def _opened(case: Case, hit: list[Call]) -> tuple[World, Fault]:
    story, world = STORIES[case.story], World.opened(_prepared(case.story))
    meanwhile: Mapping[Kind, Callable[[], object]] = {
        Kind.SECOND_WORKER: partial(story.triggers[0], world),
        Kind.SECOND_CALLER: partial(world.interrupt, story.request or story.following),
    }
    return world, Fault(world.cloud, Plan(case.faults, hit), meanwhile)


def _run_story(story: Story, world: World) -> None:
    """Send the request and fire the triggers until all operations have ended."""
    for _ in range(_ATTEMPTS if story.at_once else 1):
        reply = world.ask(story.request) if story.request else None
        if reply and reply.status < 500:
            break
    world.recover(story.triggers, story.at_least)


def _hold(case: Case, hit: list[Call]) -> None:
    story, expected = STORIES[case.story], undisturbed(case.story)
    world, fault = _opened(case, hit)
    _run_story(story, world)
    assert len(hit) == len(case.faults), "the story has no such call"
    if case.kind.lasts:
        # If the tables fail, the end cannot be recorded either.
        still_open = world.cloud.tables.in_progress()
        assert hit[0].port == "tables" or not still_open, f"7: open while {hit[0].name} fails"
        world.cloud.wire.heal()
        world.rest()
    if case.kind is Kind.LATE_OPERATION:
        world.ask(story.following)
    if case.kind in (Kind.LATE_OPERATION, Kind.SECOND_CALLER):
        world.recover(TRIGGERS)
    fault.land()
    world.recover(story.triggers, story.at_least)
    if case.kind.lasts or case.kind is Kind.LATE_OPERATION:
        _hold_true(case, world, hit[0])
    elif case.kind is not Kind.SECOND_CALLER:
        _hold_repeated(story, world)
    if not _other_end(case):
        _hold_same(world, expected)
        if _same_reasons(case, hit):
            _hold_ends(story, world)
    tidy = _tidy(case, hit)
    world.hold(tidy=tidy)
    if not tidy:
        world.delete()
        world.hold()


def _same_reasons(case: Case, hit: Sequence[Call]) -> bool:
    """Return whether the operations must have the same reasons as without the fault."""
    # An operation ends without the stop reasons of tasks if they cannot be read.
    asked = any(call.name == "containers.stopped" for call in hit)
    return not asked and case.kind is not Kind.SECOND_CALLER


def _tidy(case: Case, hit: Sequence[Call]) -> bool:
    """Return whether no task definition may remain before the application is deleted.

    An operation ends although a task definition was registered twice or late, or could not be
    deregistered.
    """
    surplus = (Kind.RESENT, Kind.LATE_OPERATION)
    left = {"containers.registered", "containers.deregister"} & {call.name for call in hit}
    return not (left or case.kind.lasts or case.kind in surplus)


def _hold_true(case: Case, world: World, hit: Call) -> None:
    """Check that the inventory is true; after a blind end, the drift check corrects it first."""
    before, operations = world.inventory(), world.cloud.tables.operations.values()
    blind = case.kind.lasts and any(hit.name in _BLIND.get(each.kind, ()) for each in operations)
    world.drift()
    changed = world.inventory() != before
    assert not changed or blind or case.kind is Kind.LATE_OPERATION, "6: inventory was not true"


def _other_end(case: Case) -> bool:
    """Return whether the final state may differ from that without the fault."""
    mixed = case.kind is Kind.SECOND_CALLER and STORIES[case.story].request is None
    return mixed or case.kind.lasts or case.kind is Kind.LATE_OPERATION


def _hold_repeated(story: Story, world: World) -> None:
    """Check that a caller without a response can repeat the request with the same key."""
    accepted = {identifier for _, identifier in world.cloud.tables.operations}
    reply = world.ask(story.request) if story.request else None
    over = story.at_once and reply and reply.status == 409  # it has ended already
    same = over or not reply or not accepted or reply.id in accepted
    assert same, "the same request is another operation"
    world.recover(story.triggers)


def _hold_same(world: World, expected: Course) -> None:
    """Check that the fault has not changed the final state."""
    end = world.end()
    changed = [
        f"{name} is {end.get(name)}, not {expected.end.get(name)}"
        for name in {**expected.end, **end}
        if end.get(name) != expected.end.get(name)
    ]
    assert not changed, f"the fault changed the outcome: {'; '.join(changed)}"
    assert world.drift() == 0, "6: the drift check has found something"
