"""The ends of interrupted operations, to which only the schedule has advanced them.

The last module: the time that the schedule needs has passed with other tests.
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
SLACK = timedelta(
    seconds=20
)  # for the work: one run of the schedule advances all operations in turn
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
def test_an_operation_that_was_struck_ends_within_two_periods_after_its_lease(
    operations: list[dict[str, Any]], case: Case
) -> None:
    operation = _of(case, operations)
    assert operation is not None, "the operation is not on record"
    assert operation["status"] == "SUCCEEDED", operation
    assert _took(operation) <= LIMIT


def test_what_was_struck_before_it_was_on_record_was_never_begun(
    operations: list[dict[str, Any]],
) -> None:
    refused = [case for case in CASES if not case.accepted]
    assert refused
    # The application has an earlier deploy, of 1.0.
    assert {(_of(case, operations) or {}).get("version") for case in refused} == {"1.0"}


def test_all_promises_hold_when_everything_has_ended(
    scene: Scene, operations: list[dict[str, Any]]
) -> None:
    assert operations
    hold_after_recovery(scene.api, untidy=[f"{RESENT}-prod-2"])


def test_production_was_served_all_the_time(scene: Scene) -> None:
    assert scene.visits > len(CASES)
    assert not scene.missed


def test_what_the_sdk_has_registered_twice_goes_with_its_application(
    scene: Scene, operations: list[dict[str, Any]]
) -> None:
    assert operations
    scene.api.succeed(scene.api.call("DELETE", "/stacks", {"stack": RESENT}))
    hold_after_recovery(scene.api)


def test_operations_go_on_after_a_restart_and_end_in_time(stopped_and_started: Restarted) -> None:
    ended = _ended(stopped_and_started.api)
    running = {(kind, name) for kind, name in stopped_and_started.open}
    interrupted = [each for each in ended if (each["kind"], each["applicationName"]) in running]
    assert {each["status"] for each in interrupted} == {"SUCCEEDED"}, interrupted
    assert max(map(_took, interrupted)) <= LIMIT
    hold_after_recovery(stopped_and_started.api)
    applications = {row["applicationName"] for row in estate.rows(stopped_and_started.api)}
    assert applications == {STAYS, BEGINS}, f"{GOES} was deleted, {BEGINS} created"
