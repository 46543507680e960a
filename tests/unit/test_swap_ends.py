"""The end of a swap: its rows, its events, and the rights of the calls that end its waits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devops_core.kinds.kind import RowChanges
from devops_core.kinds.swap import KIND, events, rows_after
from devops_core.model.decisions import State
from devops_core.model.inventory import Inventory
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.model.swap_policy import Approval
from tests.lab.builders import NOW
from tests.lab.slots import BLUE, GREEN, IDLE, LIVE, inventory, row
from tests.lab.swaps import BEFORE_SHIFT, CANARY_10, seen, shifted, swap


def ended(operation: Operation, observed: Observed, found: Inventory | None = None) -> RowChanges:
    found = found or inventory()
    held = [found.rows[BLUE], found.rows[GREEN]]
    changes = [
        rows_after(State(operation, found, observed), held, NOW, keep_rows=keep_rows)
        for keep_rows in (False, True)
    ]
    assert changes[0] == changes[1]
    return changes[0]


FULL = shifted(CANARY_10, 100)


@pytest.mark.parametrize(
    ("operation", "observed"),
    [
        (FULL, seen(100)),
        # The listener was switched, and its worker crashed.
        (swap(CANARY_10), seen(100)),
        # AWS blocks the operation, and it does not observe the listener.
        (FULL, Observed()),
    ],
)
def test_the_rows_follow_the_production_listener(operation: Operation, observed: Observed) -> None:
    live = replace(
        IDLE,
        was_live=True,
        live_definition=None,
        unverified=None,
        deployers=(),
    )
    before = replace(LIVE, live_definition=LIVE.task_definition)
    facts: dict[str, Any] = {
        "operation": operation.id, "updated_at": NOW, "updated_by": operation.caller,
    }  # fmt: skip
    assert ended(operation, observed) == RowChanges(
        [row(BLUE, before, **facts), row(GREEN, live, **facts)]
    )


def test_the_release_that_a_swap_back_replaces_is_no_release_to_swap_back_to() -> None:
    """It was perhaps a bad one, so the next swap to it follows the policy."""
    back_to = replace(IDLE, live_definition=IDLE.task_definition)
    changes = ended(FULL, seen(100), inventory(idle=back_to))
    assert [each.service and each.service.live_definition for each in changes.kept] == [None, None]


@pytest.mark.parametrize(
    ("operation", "observed"),
    [(swap(CANARY_10), seen()), (shifted(CANARY_10), seen(10)), (FULL, seen(0)),
     (shifted(CANARY_10), Observed())],
)  # fmt: skip
def test_the_rows_remain_without_a_switch(operation: Operation, observed: Observed) -> None:
    assert ended(operation, observed) == RowChanges([row(BLUE, IDLE), row(GREEN, LIVE)])


def test_a_row_without_its_service_loses_the_other_one() -> None:
    """A person removed the members of a slot."""
    changes = ended(FULL, seen(100), inventory(idle=None))
    assert [each.service and each.service.name for each in changes.kept] == [LIVE.name, None]


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (swap(CANARY_10), swap(CANARY_10), []),
        (swap(CANARY_10), shifted(CANARY_10),
         [{"outcome": "SHIFTED", "part": FULL.progress[0],
           "reason": "the new release receives 10 percent of the requests"}]),
        (shifted(CANARY_10), FULL,
         [{"outcome": "SWITCHED", "part": FULL.progress[0], "reason": None}]),
        (swap(BEFORE_SHIFT), swap(BEFORE_SHIFT, awaiting_at=NOW),
         [{"outcome": "AWAITING_APPROVAL", "part": FULL.progress[0]}]),
        (swap(BEFORE_SHIFT, awaiting_at=NOW),
         shifted(BEFORE_SHIFT, awaiting_at=NOW, approved_by="ann"),
         [{"outcome": "APPROVED", "caller": "ann"},
          {"outcome": "SHIFTED", "part": FULL.progress[0],
           "reason": "the new release receives 10 percent of the requests"}]),
        (shifted(BEFORE_SHIFT, awaiting_at=NOW, approved_by="ann"),
         shifted(BEFORE_SHIFT, awaiting_at=NOW, approved_by="ann", finished_by="bob"),
         [{"outcome": "FINISHING", "caller": "bob"}]),
        (shifted(CANARY_10, finished_by="bob"),
         shifted(CANARY_10, finished_by="bob", returning=("bad", "worse")),
         [{"outcome": "RETURNING", "reason": "bad; worse"}]),
        (shifted(CANARY_10, returning=("bad",)),
         shifted(CANARY_10, 0, returning=("bad",), returned_at=NOW),
         [{"outcome": "RETURNED", "part": FULL.progress[0]}]),
        (shifted(CANARY_10, 0, returning=("bad",), returned_at=NOW),
         shifted(CANARY_10, 0, returning=("bad",), returned_at=NOW), []),
    ],
)  # fmt: skip
def test_each_change_has_its_event(
    before: Operation, after: Operation, found: list[dict[str, Any]]
) -> None:
    assert events(before, after) == found


# --- rights ---


def test_the_deployers_and_the_starter_of_an_approval_must_not_continue() -> None:
    caller = "arn:aws:sts::123456789012:assumed-role/ci/build-1"
    starter = "arn:aws:iam::123456789012:role/ci"
    for action in ("continue", "finish"):
        rules = KIND.advance[action]
        approved, plain = (
            replace(swap(CANARY_10._replace(approval=each)), caller=caller)
            for each in (Approval("full"), None)
        )
        assert rules.deployers(approved, inventory()) == ("ann", starter)
        assert rules.deployers(plain, inventory()) == ("ann",)
        # A person removed the row of the slot.
        assert rules.deployers(approved, Inventory({})) == (starter,)


def test_a_call_has_an_effect_only_once() -> None:
    swaps = {
        "continue": swap(BEFORE_SHIFT, approved_by="ann"),
        "finish": swap(BEFORE_SHIFT, finished_by="ann"),
    }
    for action, rules in KIND.advance.items():
        assert {name: rules.applied(each) for name, each in swaps.items()} == {
            name: name == action for name in swaps
        }
