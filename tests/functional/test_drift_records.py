"""Records of the drift check: the repair, its events, the rows and the log lines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devops_core.drift.check import APPLICATIONS_PER_RUN
from devops_core.errors import ThrottledError
from devops_core.model.inventory import RowStatus
from devops_core.model.operation import Operation, Progress, Status
from devops_core.naming import Environment, service_name
from tests.lab.client import Client
from tests.lab.fakes import FakeCloud

CALLER = "the drift check of this service"
GONE = "its ECS service does not exist: delete the application and create it again"


def _repair(cloud: FakeCloud) -> Operation:
    return next(each for each in cloud.tables.operations.values() if each.kind == "repair")


def _log(cloud: FakeCloud, message: str) -> list[dict[str, Any]]:
    return [facts for line, facts in cloud.lines if line == message]


def test_a_repair_is_recorded_as_an_ended_operation(settled: FakeCloud, api: Client) -> None:
    settled.containers.service("Shop", "dev").active = False
    settled.containers.service("Shop", "qa").active = False
    assert api.drift_check() == 1
    now, repair = settled.clock.now(), _repair(settled)
    assert (repair.requested_at, repair.deadline, repair.ended_at) == (now, now, now)
    assert (repair.application, repair.caller, repair.status) == ("Shop", CALLER, Status.FAILED)
    assert repair.reasons == (f"DEV: {GONE}", f"QA: {GONE}")
    dev = settled.tables.inventory_of("Shop").rows[Environment.DEV]
    assert (dev.operation, dev.updated_at, dev.updated_by) == (repair.id, now, CALLER)
    events = settled.tables.events_of("Shop", repair.id)
    assert [(each.key, each.outcome, each.time, each.reason) for each in events] == [
        ("000", "DRIFT", now, f"DEV: {GONE}; QA: {GONE}"),
        ("001", "FAILED", now, GONE),
        ("002", "FAILED", now, GONE),
        ("END", "FAILED", now, f"DEV: {GONE}; QA: {GONE}"),
    ]


def test_a_repair_records_the_old_and_the_new_state(settled: FakeCloud, api: Client) -> None:
    estate, listeners = settled.stacks.estate, settled.load_balancer.listeners
    for which, slot in (("production", "prod-2"), ("test", "prod-1")):
        listeners[estate.listener("Shop", which)] = [estate.target_group("Shop", slot)]
    before = settled.tables.inventory_of("Shop")
    assert api.drift_check() == 1
    green, blue = Environment.PROD_GREEN, Environment.PROD_BLUE
    promoted, first = before.service(blue), before.service(green)
    assert promoted is not None
    assert first is not None
    parts = {part.environment: part for part in _repair(settled).progress}
    assert parts[green] == Progress(
        environment=green,
        service="prod-2",
        status=Status.SUCCEEDED,
        url=before.rows[green].url,
        image=promoted.image,
        digest=promoted.digest,
        version="1.0",
    )
    assert parts[blue] == Progress(
        environment=blue,
        service="prod-1",
        status=Status.SUCCEEDED,
        url=before.rows[blue].url,
        image=first.image,
        previous_version="1.0",
    )


@pytest.mark.parametrize("environment", [Environment.QA, Environment.PROD_BLUE])
def test_a_repair_of_a_row_without_a_service_names_the_expected_service(
    settled: FakeCloud, api: Client, environment: Environment
) -> None:
    row = settled.tables.inventory_of("Shop").rows[environment]
    lost = replace(
        row, status=RowStatus.CREATING, claim="01JN8F1ST00000000000000ZZZ", service=None, url=None
    )
    settled.wire.watchers.clear()
    settled.tables.rows["Shop", environment] = lost
    assert api.drift_check() == 1
    assert _repair(settled).progress == (
        Progress(
            environment=environment, service=service_name(environment), status=Status.SUCCEEDED
        ),
    )
    settled.tables.rows["Shop", environment] = row


def test_a_failed_check_is_logged_with_the_name_of_the_application(
    settled: FakeCloud, api: Client
) -> None:
    settled.wire.fail("stacks.describe", ThrottledError("AWS throttles"), times=1)
    assert api.drift_check() == 0
    assert _log(settled, "check failed") == [
        {"applicationName": "Shop", "caller": CALLER, "error": "ThrottledError('AWS throttles')"}
    ]
    settled.lines.clear()


def test_an_application_without_a_recorded_stack_is_not_checked(
    settled: FakeCloud, api: Client
) -> None:
    rows = dict(settled.tables.rows)
    for key, row in rows.items():
        unknown = replace(row.application, stack_id=None)
        settled.tables.rows[key] = replace(row, application=unknown)
    assert api.drift_check() == 0
    assert _log(settled, "check failed") == [
        {
            "applicationName": "Shop",
            "caller": CALLER,
            "error": "ValueError('an active application has a stack')",
        }
    ]
    settled.tables.rows.update(rows)
    settled.lines.clear()


def test_a_check_reads_a_limited_number_of_applications(settled: FakeCloud, api: Client) -> None:
    api.drift_check()
    limits = [call.args for call in settled.wire.journal if call.name == "tables.applications"]
    assert limits == [(APPLICATIONS_PER_RUN,)]
