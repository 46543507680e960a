"""The part of the crash matrix that each change must pass; `make crash` runs all cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import pytest

from tests.lab.fakes import Call
from tests.lab.faults import Kind
from tests.lab.memory.memory_world import World
from tests.lab.report import Case, Outcome, markdown, spread
from tests.lab.stories import STORIES
from tests.lab.templates import ROOT
from tests.lab.world import APPLICATION
from tests.proofs.crash.halves import HALVES
from tests.proofs.crash.matrix import cases, run_all

# Stories with all pairs of crashes; together they have every kind of step.
_PAIRS = ("deploy-one", "swap", "swap-back", "delete-fails", "abort-swap-switched")
# Stories about an update of the stack, and the number of their cases: each makes about 60 calls, so
# all cases would take as long as those of all other stories.
_STACKS = tuple(story.name for story in STORIES if story.changes_stack and story.memory)
_OF_STACKS = 1000
# Stories about swaps in steps, and the number of their cases: each makes calls every minute.
_STEPS = tuple(story.name for story in STORIES if story.in_steps and story.memory)
_OF_STEPS = 400
# Number of cases through the adapters: each takes a third of a second.
_ADAPTERS = 150


def _broken(half: str, chosen: Iterable[Case]) -> list[str]:
    return [
        f"{violation}: python -m tests.proofs.crash {half} {outcome.case.arguments()}"
        for outcome in run_all(half, list(chosen))
        for violation in outcome.violations
    ]


def _selection(stories: Sequence[str], most: int) -> tuple[list[Case], list[Case]]:
    """Return all cases of stories, and the chosen ones: each fault of each story, and others."""
    every = list(cases("memory", stories, pairs=False))
    # The distance of evenly spread cases would omit some faults of a story.
    by_fault = defaultdict[tuple[str, Kind], list[Case]](list)
    for case in every:
        by_fault[case.story, case.kind].append(case)
    middle = [group[len(group) // 2] for group in by_fault.values()]
    known = {*middle}
    others = [case for case in every if case not in known]
    return every, [*middle, *spread(others, most - len(middle))]


def _statuses(name: str) -> Mapping[int, str]:
    """Return the status of the stack at each call of a story without a fault."""
    story = HALVES["memory"].stories[name]
    world, statuses = HALVES["memory"].begin(story), dict[int, str]()
    assert isinstance(world, World)
    stacks = world.cloud.stacks

    def look(call: Call) -> None:
        stack = stacks.named(APPLICATION)
        statuses[call.number] = stack.status if stack else ""

    world.cloud.wire.watchers.append(look)
    assert story.request
    world.ask(story.request)
    world.recover(story.triggers, story.at_least)
    return statuses


def test_the_chosen_cases_have_each_status_of_the_stack_in_each_story() -> None:
    every, chosen = _selection(_STACKS, _OF_STACKS)
    statuses = {name: _statuses(name) for name in _STACKS}
    reached = {(case.story, statuses[case.story][case.call]) for case in every}
    assert len(reached) > 2 * len(_STACKS)
    assert {(case.story, statuses[case.story][case.call]) for case in chosen} == reached


@pytest.mark.parametrize(("stories", "most"), [(_STACKS, _OF_STACKS), (_STEPS, _OF_STEPS)])
def test_the_chosen_cases_have_each_fault_in_each_story(stories: Sequence[str], most: int) -> None:
    every, chosen = _selection(stories, most)
    assert {(case.story, case.kind) for case in chosen} == {
        (case.story, case.kind) for case in every
    }


@pytest.mark.parametrize(
    ("stories", "most", "subject"),
    [(_STACKS, _OF_STACKS, "updates of stacks"), (_STEPS, _OF_STEPS, "swaps in steps")],
)
def test_the_number_of_the_chosen_cases_is_documented(
    stories: Sequence[str], most: int, subject: str
) -> None:
    every, chosen = _selection(stories, most)
    stated = f"{len(chosen):,} of the {len(every):,} cases about {subject}"
    assert stated in " ".join((ROOT / "tests" / "README.md").read_text().split())


def test_no_fault_at_any_call_breaks_a_promise() -> None:
    others = [name for name in HALVES["memory"].stories if name not in (*_STACKS, *_STEPS)]
    _, of_stacks = _selection(_STACKS, _OF_STACKS)
    _, of_steps = _selection(_STEPS, _OF_STEPS)
    chosen = (*cases("memory", others, pairs=False), *of_stacks, *of_steps)
    assert _broken("memory", chosen) == []


def test_no_crash_of_a_recovery_breaks_a_promise() -> None:
    assert _broken("memory", (case for case in cases("memory", _PAIRS) if case.then)) == []


def test_no_fault_on_the_wire_breaks_a_promise() -> None:
    assert _broken("adapters", spread(list(cases("adapters", pairs=False)), _ADAPTERS)) == []


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize(("half", "column"), [("memory", -2), ("adapters", -1)])
def test_the_page_has_the_numbers_of_the_matrix(half: str, column: int) -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()
    section = page.partition("### Faults at each call\n")[2].partition("\n### ")[0]
    stated = {row[0]: row[column] for row in map(_cells, section.splitlines()) if len(row) == 4}
    *faults, _ = markdown(map(Outcome, cases(half, pairs=False))).splitlines()[2:]
    counted = {row[0]: row[-1] for row in map(_cells, faults)}
    assert len(counted) > 10
    assert {name: stated[name] for name in counted} == counted
