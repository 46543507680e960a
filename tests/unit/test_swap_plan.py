"""The plan of a swap: the operation to claim, or the reason against it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from devops_core.details.swap import SwapDetails, policy_view
from devops_core.errors import (
    AmbiguousError,
    ConflictError,
    NotDeployableError,
    NotReadyError,
    UnreachableError,
)
from devops_core.kinds.swap import plan
from devops_core.model.decisions import Plan
from devops_core.model.inventory import Inventory, Service
from devops_core.model.observed import Observed
from devops_core.model.operation import Progress
from devops_core.model.specification import ApplicationRecord, RecordClaim, Specification
from devops_core.model.swap_policy import CANARY, SwapPolicy
from devops_core.model.traffic import Monitored
from devops_core.requests.swap import SwapRequest
from tests.lab.builders import NOW, START, operation, overdue, production, slot
from tests.lab.slots import (
    BLUE,
    DOCUMENT,
    GREEN,
    IDLE,
    LIVE,
    NEW,
    OLD,
    OTHER_SCALING,
    RECORD,
    SCALING,
    inventory,
    release,
    row,
)
from tests.lab.swaps import BAKED, CANARY_10, swap

READY = production("prod-1", "prod-2")
DRAFT = replace(operation("swap"), details=None, progress=())
ANY = SwapRequest("MyApp", None, None)


PARTS = (
    Progress(environment=GREEN, service="prod-2", url="https://PROD-GREEN",
             image="repository:1.1", digest=NEW, version="1.1", previous_version="1.0"),
    Progress(environment=BLUE, service="prod-1", url="https://PROD-BLUE",
             image="repository:1.0", digest=OLD, version="1.0", previous_version="1.1"),
)  # fmt: skip
DETAILS = SwapDetails(
    live="prod-2", idle="prod-1", policy=BAKED, spec=4, warmup=("/", "/a"), scaling=SCALING,
    idle_scaling=OTHER_SCALING, task_definition="td",
)  # fmt: skip
LATER = overdue("swap") + timedelta(minutes=10)
PLANNED = replace(DRAFT, progress=PARTS, details=DETAILS, version="1.1", deadline=LATER)
PLAN = Plan(
    PLANNED,
    READY,
    taken=(row(BLUE, IDLE), row(GREEN, LIVE)),
    production=("prod-1", "prod-2"),
    deployers=("ann",),
    record=RecordClaim(RECORD),
    policy=policy_view(BAKED),
)


def made(
    request: SwapRequest = ANY, found: Inventory | None = None, observed: Observed = READY
) -> Plan:
    return plan(request, found or inventory(), observed, DRAFT)


@pytest.mark.parametrize(
    "request_",
    [ANY, ANY._replace(version="1.1"), ANY._replace(digest=NEW), ANY._replace(spec=4),
     SwapRequest("MyApp", "1.1", NEW, 4)],
)  # fmt: skip
def test_a_plan_takes_both_rows_and_exchanges_their_releases(request_: SwapRequest) -> None:
    assert made(request_) == PLAN


def test_the_members_of_a_request_replace_those_of_the_specification() -> None:
    """A swap without waits needs no policy in its dry run."""
    at_once = made(ANY._replace(policy={"bakeMinutes": 0}))
    details = DETAILS._replace(policy=SwapPolicy())
    assert at_once == PLAN._replace(
        operation=replace(PLANNED, details=details, deadline=overdue("swap")), policy={}
    )
    steps = {"type": "canary", "percent": 5, "stepMinutes": 7}
    canary = SwapPolicy(CANARY, 5, 7, bake_minutes=10)
    assert made(ANY._replace(policy={"strategy": steps})) == PLAN._replace(
        operation=replace(
            PLANNED,
            details=DETAILS._replace(policy=canary),
            deadline=LATER + timedelta(minutes=7),
        ),
        policy=policy_view(canary),
    )


def test_an_application_without_a_specification_has_the_default_policy() -> None:
    """Its rows were written by another tool."""
    details = DETAILS._replace(policy=SwapPolicy(), warmup=())
    assert made(found=inventory(record=None)) == PLAN._replace(
        operation=replace(PLANNED, details=details, deadline=overdue("swap")),
        policy={},
        record=RecordClaim(None),
    )


# --- alarms ---

ALARMED = ANY._replace(policy={"bakeMinutes": 0, "alarms": ["a", "b", "c"]})
NO_ANSWER = "AWS throttles"


def with_alarms(problem: str | None = None, **states: str) -> Observed:
    return replace(READY, monitored=Monitored(NOW, states, problem=problem))


def test_a_plan_has_the_first_check_of_its_alarms() -> None:
    observed = with_alarms(a="OK", b="INSUFFICIENT_DATA", c="OK")
    policy = SwapPolicy(alarms=("a", "b", "c"))
    details = DETAILS._replace(
        policy=policy,
        checked_at=START,
        alarms={"a": "OK", "b": "INSUFFICIENT_DATA", "c": "OK"},
    )
    expected = replace(PLANNED, details=details, deadline=overdue("swap"))
    for ignores in (False, True):
        found = made(ALARMED._replace(ignore_alarms=ignores), observed=observed)
        assert found == PLAN._replace(
            operation=expected, observed=observed, policy=policy_view(policy)
        )


def test_alarms_against_a_swap_are_refused_or_ignored() -> None:
    observed = with_alarms(a="OK", b="ALARM")
    reasons = ("the alarm b is in the state ALARM", "the alarm c does not exist")
    with pytest.raises(NotReadyError) as refused:
        made(ALARMED, observed=observed)
    prevented = "alarms prevent the swap, unless ignoreAlarms is true"
    assert refused.value.message == f"{prevented}: {'; '.join(reasons)}"
    assert refused.value.details == {"reasons": [*reasons]}
    hold_ignored(observed, ("b", "c"), reasons)


def test_unreadable_alarms_are_refused_or_ignored() -> None:
    observed = with_alarms(NO_ANSWER)
    with pytest.raises(UnreachableError) as refused:
        made(ALARMED, observed=observed)
    assert refused.value.message == (
        f"the alarms could not be read: {NO_ANSWER}. With alarms: [] the swap starts without them"
    )
    unread = f"whose state could not be read: {NO_ANSWER}"
    hold_ignored(observed, ("a", "b", "c"), tuple(f"the alarm {name}, {unread}" for name in "abc"))


def hold_ignored(observed: Observed, ignored: tuple[str, ...], reasons: tuple[str, ...]) -> None:
    """Check the plan of a swap that ignores its alarms."""
    planned = made(ALARMED._replace(ignore_alarms=True), observed=observed).operation
    assert planned
    assert planned.details.ignored == ignored
    assert planned.warnings == tuple(f"ignored: {reason}" for reason in reasons)


# --- nothing to do ---


def test_a_request_for_the_previous_release_ends_the_swap_in_progress() -> None:
    holder = swap(CANARY_10)
    observed = Observed(holder=holder)
    assert made(observed=observed) == Plan(None, observed, aborts=holder)


@pytest.mark.parametrize(
    ("expected", "named"),
    [
        ({"version": "1.0"}, "1.0"),
        ({"digest": OLD}, OLD),
        ({"spec": 3}, "revision 3"),
        ({"version": "1.0", "digest": OLD, "spec": 3}, "1.0"),
    ],
)
def test_a_release_that_is_live_needs_no_swap(expected: dict[str, Any], named: str) -> None:
    message = f"{named} is already live; the swap changed nothing"
    assert made(ANY._replace(**expected)) == Plan(None, READY, message)


def test_a_release_that_runs_in_both_slots_is_live() -> None:
    """Also if the idle slot is not ready."""
    twin = replace(LIVE, name="prod-2")
    observed = replace(READY, healthy={})
    found = made(ANY._replace(version="1.0"), inventory(idle=twin), observed)
    assert found == Plan(None, observed, "1.0 is already live; the swap changed nothing")


# --- refusals ---

FIRST = release("prod-1", None, None, spec=3, was_live=True)


@pytest.mark.parametrize(
    ("live", "idle", "expected", "named", "reasons"),
    [
        (LIVE, replace(IDLE, version="1.0"), {"version": "1.0"}, "1.0",
         (f"the live slot runs 1.0 ({OLD}) with revision 3",
          f"the idle slot runs 1.0 ({NEW}) with revision 4")),
        # The same bytes with other settings.
        (LIVE, replace(LIVE, name="prod-2", spec_hash="y"), {"version": "1.0", "digest": OLD},
         f"1.0 ({OLD})",
         (f"the live slot runs 1.0 ({OLD}) with revision 3",
          f"the idle slot runs 1.0 ({OLD}) with revision 3")),
        # A release of another tool has no revision.
        (replace(LIVE, spec=None), replace(IDLE, digest=OLD), {"digest": OLD}, OLD,
         (f"the live slot runs 1.0 ({OLD})", f"the idle slot runs 1.1 ({OLD}) with revision 4")),
        (replace(LIVE, digest=None), replace(LIVE, name="prod-2", digest=None), {"version": "1.0"},
         "1.0",
         ("the live slot runs 1.0 (unknown digest) with revision 3",
          "the idle slot runs 1.0 (unknown digest) with revision 3")),
        (FIRST, replace(IDLE, spec=3), {"spec": 3}, "any release with revision 3",
         ("the live slot runs the first image (unknown digest) with revision 3",
          f"the idle slot runs 1.1 ({NEW}) with revision 3")),
    ],
)  # fmt: skip
def test_an_expectation_that_both_slots_match_is_ambiguous(
    live: Service, idle: Service, expected: dict[str, Any], named: str, reasons: tuple[str, ...]
) -> None:
    with pytest.raises(AmbiguousError) as refused:
        made(ANY._replace(**expected), inventory(live, idle))
    assert refused.value.message == (
        f"both slots run {named}; repeat the swap with the version, the digest and the spec that"
        f" must become live: {'; '.join(reasons)}"
    )
    assert refused.value.details == {"reasons": [*reasons]}


SAME = (
    "both revisions have the same settings of production, so it needs no promote. Repeat the swap"
)
PRESENT = ApplicationRecord(Specification(5, DOCUMENT), 5)


@pytest.mark.parametrize(
    ("found", "expected", "message"),
    [
        (inventory(), {"version": "2.0"}, "runs 1.1, not 2.0: promote 2.0 first"),
        (inventory(), {"digest": f"sha256:{'c' * 64}"},
         f"runs 1.1 ({NEW}), not sha256:{'c' * 64}: promote sha256:{'c' * 64} first"),
        (inventory(), {"spec": 9},
         "runs 1.1 with revision 4, not any release with revision 9:"
         " promote any release with revision 9 first"),
        # The newest revision has the settings of the idle slot.
        (inventory(record=PRESENT), {"spec": 5},
         f"runs 1.1 with revision 4, not any release with revision 5: {SAME} with spec 4"),
        (inventory(record=PRESENT), {"version": "1.1", "digest": NEW, "spec": 5},
         f"runs 1.1 ({NEW}) with revision 4, not 1.1 ({NEW}) with revision 5:"
         f" {SAME} with version 1.1, digest {NEW}, spec 4"),
        # The live slot has this revision too.
        (inventory(replace(LIVE, spec=4), record=PRESENT), {"spec": 5},
         "runs 1.1 with revision 4, not any release with revision 5:"
         f" {SAME} with version 1.1, digest {NEW}, spec 4"),
        (inventory(replace(LIVE, spec=4), replace(IDLE, digest=None), PRESENT), {"spec": 5},
         "runs 1.1 with revision 4, not any release with revision 5:"
         f" {SAME} with version 1.1, spec 4"),
        (inventory(replace(LIVE, spec=4, version="1.1"), replace(IDLE, digest=None), PRESENT),
         {"spec": 5},
         "runs 1.1 with revision 4, not any release with revision 5:"
         f" {SAME} without version, digest and spec"),
        (inventory(replace(LIVE, spec=4, version="1.1"), replace(IDLE, was_live=True), PRESENT),
         {"version": "1.1", "spec": 5},
         "runs 1.1 with revision 4, not 1.1 with revision 5:"
         f" {SAME} with version 1.1, digest {NEW}, spec 4"),
        # It needs a promote: other settings, an older revision, and no revision or no record.
        (inventory(idle=replace(IDLE, spec_hash="y"), record=PRESENT), {"spec": 5},
         "runs 1.1 with revision 4, not any release with revision 5:"
         " promote any release with revision 5 first"),
        (inventory(idle=replace(IDLE, spec=2)), {"spec": 5},
         "runs 1.1 with revision 2, not any release with revision 5:"
         " promote any release with revision 5 first"),
        (inventory(idle=replace(IDLE, spec=None), record=PRESENT), {"spec": 5},
         "runs 1.1, not any release with revision 5: promote any release with revision 5 first"),
        (inventory(record=None), {"spec": 5},
         "runs 1.1 with revision 4, not any release with revision 5:"
         " promote any release with revision 5 first"),
        # A slot that was never used.
        (inventory(idle=replace(IDLE, version=None), record=PRESENT), {"spec": 5},
         "runs the first image with revision 4, not any release with revision 5:"
         " promote any release with revision 5 first"),
        (inventory(idle=replace(IDLE, version=None, was_live=True), record=PRESENT), {"spec": 5},
         f"runs the first image with revision 4, not any release with revision 5: {SAME} with"
         " spec 4"),
    ],
)  # fmt: skip
def test_an_idle_slot_with_another_release_is_refused(
    found: Inventory, expected: dict[str, Any], message: str
) -> None:
    with pytest.raises(NotDeployableError) as refused:
        made(ANY._replace(**expected), found)
    assert refused.value.message == f"the idle slot {message}"


STICKY = replace(READY, listener_problems=("a rule", "another rule"))


@pytest.mark.parametrize(
    ("idle", "observed", "title", "reasons"),
    [
        (IDLE, replace(READY, healthy={"prod-1": 1}), "the idle slot is not ready",
         ("the idle slot has no healthy target",)),
        (replace(IDLE, version=None), READY, "the idle slot is not ready",
         ("the idle slot has no promoted version: promote one first",)),
        (replace(IDLE, version=None), replace(READY, services={"prod-1": slot("prod-1")}),
         "the idle slot is not ready",
         ("the idle slot has no promoted version: promote one first",
          "the idle slot has no ECS service")),
        (replace(IDLE, task_definition="td-2"), READY, "the idle slot is not ready",
         ("the slot prod-2 runs another task definition than its inventory row names: promote the"
          " release again, or wait for the next drift check",)),
        (IDLE, STICKY, "the listeners of production do not allow a swap",
         ("a rule", "another rule")),
        (IDLE, replace(STICKY, healthy={}), "the idle slot is not ready",
         ("the idle slot has no healthy target",)),
    ],
)  # fmt: skip
def test_a_slot_that_cannot_become_live_is_refused(
    idle: Service, observed: Observed, title: str, reasons: tuple[str, ...]
) -> None:
    with pytest.raises(NotReadyError) as refused:
        made(found=inventory(idle=idle), observed=observed)
    assert refused.value.message == f"{title}: {'; '.join(reasons)}"
    assert refused.value.details == {"reasons": [*reasons]}


def test_a_release_that_was_live_has_no_version_and_can_return() -> None:
    first = replace(IDLE, version=None, was_live=True)
    planned = made(found=inventory(idle=first)).operation
    assert planned
    assert planned.version is None


def test_an_inventory_without_both_slots_is_refused() -> None:
    with pytest.raises(ConflictError) as refused:
        made(found=inventory(idle=replace(IDLE, name="prod-1")))
    assert refused.value.message == (
        "the inventory lacks a production slot: delete the application and create it again"
    )
    with pytest.raises(ConflictError, match="does not forward to exactly one of the slots"):
        made(observed=replace(READY, production=None))
