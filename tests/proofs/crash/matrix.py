"""All faults at all calls of all stories, and the checks of each case."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import groupby
from typing import Any

from devops_core.model.operation import Operation
from tests.lab.client import Reply
from tests.lab.faults import CRASHES, Kind, Plan
from tests.lab.processes import processes
from tests.lab.promises import Broken
from tests.lab.report import Case, Outcome, spread
from tests.lab.stories import Story
from tests.lab.swap_promises import in_steps
from tests.lab.world import TRIGGERS, World
from tests.proofs.crash.halves import HALVES

# More attempts than a case has faults.
_ATTEMPTS = 3
# Cases that a process takes at once: enough to make the transfer cheap, few enough to keep all
# processes busy until the end.
_CHUNK = 20


@dataclass(frozen=True, slots=True)
class Course:
    """A story without a fault: its calls and its final state."""

    calls: tuple[Any, ...]
    end: Mapping[str, Any]


def cases(half: str, stories: Collection[str] = (), *, pairs: bool = True) -> Iterator[Case]:
    """Return the cases of these stories, by default of all; pairs of crashes are the last ones."""
    for name in stories or HALVES[half].stories:
        calls = _calls(half, name)
        singles = ((kind, call) for call in calls for kind in Kind)
        yield from (
            Case(name, kind, call.number)
            for kind, call in singles
            if _applies(half, kind, call, name)
        )
        if pairs and HALVES[half].stories[name].pairs:
            yield from _pairs(half, name, calls)


def _applies(half: str, kind: Kind, call: Any, story: str) -> bool:
    # A CreateStack that takes effect after the undo would create another stack. This cannot occur:
    # a signed request is valid for five minutes (IAM User Guide, "Signature Version 4"), and the
    # undo takes longer.
    fails = HALVES[half].stories[story].ends.startswith("FAILED")
    creates = call.name == HALVES[half].create_stack
    too_late = fails and creates and kind is Kind.LATE_OPERATION
    # A swap makes the idle slot as large as the live one again, so this can only change the size of
    # the idle slot.
    only_size = HALVES[half].suspends(call) and kind is Kind.LATE_OPERATION
    # A shift that takes effect after the end of its swap would split production. The request of a
    # shift is valid for five minutes too, and the lease of its worker lasts longer than the call.
    splits = HALVES[half].stories[story].in_steps and call.name == HALVES[half].switch
    splits = splits and kind is Kind.LATE_OPERATION
    return HALVES[half].applies(kind, call) and not (too_late or only_size or splits)


def _pairs(half: str, name: str, calls: Sequence[Any]) -> Iterator[Case]:
    firsts = [Case(name, kind, call.number) for call in calls for kind in CRASHES]
    chosen = spread(firsts, HALVES[half].firsts or len(firsts))
    found = (pair for first in chosen for pair in _pairs_of(half, first))
    limit = HALVES[half].pairs
    yield from spread(list(found), limit) if limit else found


def _pairs_of(half: str, first: Case) -> Iterator[Case]:
    trial = Trial(half, first, [])
    trial.run_story()
    for again in range(trial.made - first.call - 1):
        for then in CRASHES:
            yield replace(first, then=then, again=again)


def _calls(half: str, name: str) -> Sequence[Any]:
    """Return the calls of a story; of a story that is broken without a fault, one call."""
    try:
        return undisturbed(half, name).calls
    except (Broken, AssertionError):
        return (HALVES[half].example,)


@cache
def undisturbed(half: str, name: str) -> Course:
    """Return the course of a story without a fault."""
    story = HALVES[half].stories[name]
    world = HALVES[half].begin(story)
    versions = {} if story.runs is None else world.versions() | dict(story.runs)
    revisions = {} if story.runs is None else world.revisions() | dict(story.revisions)
    _run_story(story, world)
    course = Course(tuple(HALVES[half].journal(world)), world.end())
    _hold_ends(story, world)
    assert story.ends == "REFUSED" or world.records().operations, "no operation has started"
    for gone in story.gone:
        versions.pop(gone)
        revisions[gone] = None
    assert world.versions() == versions, f"inventory has {world.versions()}, not {versions}"
    actual = {name: world.revisions().get(name) for name in revisions}
    assert actual == revisions, f"environments run the revisions {actual}, not {revisions}"
    world.hold()
    world.watcher.hold_checks()
    assert world.drift() == 0, "the drift check finds drift without a change"
    return course


def _hold_ends(story: Story, world: World) -> None:
    """Check the status and the reasons of the operations."""
    ends, _, why = story.ends.partition(": ")
    for operation in world.records().operations.values():
        assert operation.status == ends, f"{operation.kind} is {operation.status}, not {ends}"
        assert why in "; ".join(operation.reasons), f"{operation.reasons} do not contain {why}"


def _run_story(story: Story, world: World) -> Reply | None:
    """Send the request and fire the triggers until all operations have ended."""
    reply = None
    for _ in range(_ATTEMPTS if story.at_once else 1):
        reply = world.ask(story.request) if story.request else None
        if reply and reply.status < 500:
            break
    world.recover(story.triggers, story.at_least)
    return reply


def run(half: str, case: Case) -> Outcome:
    """Run one case."""
    hit: list[Any] = []
    violations: tuple[str, ...] = ()
    try:
        Trial(half, case, hit).run()
    except (Broken, AssertionError) as broken:
        violations = (str(broken),)
    except Exception as error:  # noqa: BLE001 - any error after a fault is a violation
        violations = (f"raised {error!r}",)
    return Outcome(case, violations, " and ".join(call.name for call in hit))


def run_all(half: str, chosen: Sequence[Case], *, stop: bool = False) -> Iterator[Outcome]:
    """Run cases on all cores and return their outcomes in the same order; print the progress.

    `stop` ends the run at the first violation.
    """
    started = time.monotonic()
    with processes() as pool:
        outcomes = pool.map(partial(run, half), chosen, chunksize=_CHUNK)
        for story, group in groupby(outcomes, key=lambda outcome: outcome.case.story):
            count = 0
            for outcome in group:
                count += 1
                yield outcome
                if stop and outcome.violations:
                    pool.shutdown(cancel_futures=True)
                    return
            seconds = time.monotonic() - started
            print(f"{half} {story}: {count} cases, {seconds:.0f} s", file=sys.stderr)


def _holds_customers(operation: Operation) -> bool:
    details = operation.details
    return operation.kind == "swap" and (in_steps(details) or bool(details.returning))


class Trial:
    """The run of one case; each call with a fault is added to `hit`."""

    def __init__(self, half: str, case: Case, hit: list[Any]) -> None:
        self._half = HALVES[half]
        self._case = case
        self._kind = case.kind
        self._story = self._half.stories[case.story]
        # The world comes last: in moto, a process has one account for all worlds.
        self._expected = undisturbed(half, case.story).end
        self._world = self._half.begin(self._story)
        self._hit = hit
        meanwhile: Mapping[Kind, Callable[[], object]] = {
            Kind.SECOND_WORKER: partial(self._story.triggers[0], self._world),
            Kind.SECOND_CALLER: self._second_caller,
        }
        self._fault = self._half.plant(self._world, Plan(case.faults, hit), meanwhile)

    @property
    def made(self) -> int:
        """The number of calls so far."""
        return len(self._half.journal(self._world))

    def run_story(self) -> Reply | None:
        """Run the story with its recovery."""
        return _run_story(self._story, self._world)

    def run(self) -> None:
        """Run the story and check its final state."""
        world, story, kind = self._world, self._story, self._kind
        self.run_story()
        assert len(self._hit) == len(self._case.faults), "the story has no such call"
        if kind.lasts:
            self._heal(self._hit[0].name)
        if kind is Kind.LATE_OPERATION:
            world.ask(story.following.by_another())
        if kind in (Kind.LATE_OPERATION, Kind.SECOND_CALLER):
            world.recover(TRIGGERS)
        self._fault.land()
        world.recover(story.triggers, story.at_least)
        if kind.lasts or kind is Kind.LATE_OPERATION:
            self._hold_true(self._hit[0].name)
        elif kind is not Kind.SECOND_CALLER:
            self._hold_repeated()
        if not self._other_end():
            self._hold_same()
            if self._same_reasons():
                _hold_ends(story, world)
        self._hold_promises()

    def _hold_promises(self) -> None:
        """Check the promises of the final state, also after a delete if something may remain."""
        world, tidy = self._world, self._tidy()
        world.hold(tidy=tidy)
        if not self._kind.lasts:
            # A worker that crashes, and another worker or caller, can make a further check each.
            world.watcher.hold_checks(1 + len(self._case.faults))
        if tidy:
            return
        world.delete()
        if self._story.moves:
            # A delete removes the task definitions of existing environments, so an application
            # with the others must exist once.
            world.delete()
        world.hold()

    def _heal(self, name: str) -> None:
        # If the tables fail, the end cannot be recorded either. A swap that has moved customers, or
        # can have done so, keeps its claim until it can return them.
        open_ones = [each for each in self._world.records().operations.values() if not each.ended]
        ended = name.startswith(f"{self._half.tables}.") or all(map(_holds_customers, open_ones))
        assert ended, f"each operation ends: open while {name} fails"
        self._world.heal()
        self._world.rest()

    def _second_caller(self) -> None:
        request = self._story.request or self._story.following
        reply = self._world.ask(request.by_another())
        assert reply
        assert reply.status in (200, 202, 409, 424), f"the other caller got {reply.status}"

    def _other_end(self) -> bool:
        """Return whether the final state may differ from that without the fault."""
        mixed = self._kind is Kind.SECOND_CALLER and self._story.request is None
        return mixed or self._kind.lasts or self._kind is Kind.LATE_OPERATION

    def _same_reasons(self) -> bool:
        """Return whether the operations must have the same reasons as without the fault."""
        # An operation ends without the stop reasons of tasks if they cannot be read.
        asked = any(call.name in self._half.stop_reasons for call in self._hit)
        return not asked and self._kind is not Kind.SECOND_CALLER

    def _tidy(self) -> bool:
        """Return whether no task definition may remain before the application is deleted.

        An operation ends although a task definition was registered twice or late, or could not be
        deregistered.
        """
        surplus = (Kind.RESENT, Kind.LATE_OPERATION)
        orphans = self._half.orphans.get(self._case.operation, self._half.orphans[""])
        left = any(call.name in orphans for call in self._hit)
        return not (left or self._kind.lasts or self._kind in surplus)

    def _hold_true(self, name: str) -> None:
        """Check that the inventory is true; after a blind end, the drift check corrects it."""
        world = self._world
        before, operations = world.inventory(), world.records().operations.values()
        gives_up = any(name in self._half.blind.get(each.kind, ()) for each in operations)
        world.drift()
        changed = world.inventory() != before
        permitted = (self._kind.lasts and gives_up) or self._kind is Kind.LATE_OPERATION
        permitted = permitted or self._story.by_hand
        assert not changed or permitted, "rows have the running release: the drift check found more"

    def _hold_repeated(self) -> None:
        """Check that a caller without a response can repeat the request with the same key."""
        accepted = set(self._world.records().operations)
        reply = self._world.ask(self._story.request) if self._story.request else None
        # It has ended already.
        over = self._story.at_once and reply and not reply.body.get("operation")
        over = over or (self._story.at_once and reply and reply.status == 409)
        same = over or not reply or not accepted or reply.id in accepted
        assert same, "the same request is another operation"
        self._world.recover(self._story.triggers)

    def _hold_same(self) -> None:
        """Check that the fault has not changed the final state."""
        end, expected = self._world.end(), self._expected
        changed = [
            f"{name} is {end.get(name)}, not {expected.get(name)}"
            for name in {**expected, **end}
            if end.get(name) != expected.get(name)
        ]
        assert not changed, f"the fault changed the outcome: {'; '.join(changed)}"
        assert self._world.drift() == 0, "the drift check has found something"
