"""The ends of interrupted operations, which only the schedule has advanced.

This module runs last, because the schedule needs minutes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from devops_core.model.operation import LEASE
from tests.lab.laptop import estate
from tests.lab.laptop.api import Api, until
from tests.lab.laptop.estate import hold_after_recovery
from tests.lab.laptop.interruptions import CASES, RESENT, Case
from tests.lab.laptop.restart import BEGINS, GOES, STAYS, Restarted
from tests.lab.laptop.scene import Scene

PERIOD = timedelta(minutes=1)  # of the schedule
# For the run of the schedule, which advances all operations in turn. It is shorter than a period,
# so that the limit excludes a third period.
SLACK = timedelta(seconds=50)
LIMIT = LEASE + 2 * PERIOD + SLACK


def _ended(api: Api) -> list[dict[str, Any]]:
    """Return the records of all operations after their ends, or after the limit."""
    until(
        lambda: all(each["status"] != "IN_PROGRESS" for each in estate.operations(api)),
        LIMIT.total_seconds(),
    )
    return estate.operations(api)


def _of(case: Case, operations: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the interrupted operation of a case."""
    mine = [
        each
        for each in operations
        if (each["applicationName"], each["kind"]) == (case.application, case.kind)
        and any(part["environment"] == case.row for part in each["progress"])
    ]
    return max(mine, key=lambda each: str(each["entry"]), default=None)


def _took(operation: dict[str, Any]) -> timedelta:
    begun, ended = (datetime.fromisoformat(operation[at]) for at in ("requestedAt", "endedAt"))
    return ended - begun


@pytest.fixture(scope="module")
def operations(scene: Scene) -> list[dict[str, Any]]:
    return _ended(scene.api)


@pytest.mark.parametrize("case", [case for case in CASES if case.accepted], ids=str)
def test_an_interrupted_operation_ends_within_two_periods_after_its_lease(
    operations: list[dict[str, Any]], case: Case
) -> None:
    operation = _of(case, operations)
    assert operation is not None, "the operation is not on record"
    assert operation["status"] == "SUCCEEDED", operation
    assert _took(operation) <= LIMIT


def test_an_operation_without_a_record_was_not_started(
    operations: list[dict[str, Any]],
) -> None:
    refused = [case for case in CASES if not case.accepted]
    assert refused
    # The application has an earlier deploy, of 1.0.
    assert {(_of(case, operations) or {}).get("version") for case in refused} == {"1.0"}


def test_all_promises_hold_after_the_end_of_all_operations(
    scene: Scene, operations: list[dict[str, Any]]
) -> None:
    assert operations
    hold_after_recovery(scene.api, untidy=[f"{RESENT}-prod-2"])


def test_production_responded_during_the_whole_time(scene: Scene) -> None:
    assert scene.visits > len(CASES)
    assert not scene.missed


def test_a_delete_removes_a_task_definition_that_the_sdk_has_registered_twice(
    scene: Scene, operations: list[dict[str, Any]]
) -> None:
    assert operations
    scene.api.succeed(scene.api.call("DELETE", "/stacks", {"stack": RESENT}))
    hold_after_recovery(scene.api)


def test_operations_continue_after_a_restart_and_end_in_time(
    stopped_and_started: Restarted,
) -> None:
    ended = _ended(stopped_and_started.api)
    interrupted = [
        each
        for each in ended
        if (each["kind"], each["applicationName"]) in stopped_and_started.open
    ]
    assert {each["status"] for each in interrupted} == {"SUCCEEDED"}, interrupted
    assert max(map(_took, interrupted)) <= LIMIT
    hold_after_recovery(stopped_and_started.api)
    applications = {row["applicationName"] for row in estate.rows(stopped_and_started.api)}
    assert applications == {STAYS, BEGINS}, f"{GOES} was deleted, {BEGINS} created"
