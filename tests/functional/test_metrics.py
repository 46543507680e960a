"""Metrics of the service, as CloudWatch extracts them from the log lines."""

from __future__ import annotations

from collections import Counter
from typing import Any

from devops_core import kinds
from devops_core.errors import RefusedError, UnreachableError
from tests.lab.client import SCHEDULE, USER, Client
from tests.lab.events import DEPLOYMENT_COMPLETED
from tests.lab.fakes import ACCOUNT, FakeCloud
from tests.lab.fakes.task_service import CRASH
from tests.lab.measured import forget, sums, told

SWEPT = {
    "OpenOperations": "Count",
    "OverdueOperations": "Count",
    "OldestOperation": "Seconds",
    "ProcessedOperations": "Count",
    "UnreachedOperations": "Count",
    "ReconcileErrors": "Count",
}

# --- ended operations ---


def test_each_end_is_counted_once_for_any_trigger(promoted: FakeCloud, api: Client) -> None:
    promoted.push("bad", CRASH)
    api.swap()
    api.finished(api.deploy("bad", "dev"))
    api.finished(api.delete())
    for _, operation in list(promoted.tables.operations):
        api.status(operation, headers={"Prefer": "wait=2"})
    api.wake(DEPLOYMENT_COMPLETED)
    api.tick()
    counted = {key: n for key, n in sums(promoted).items() if key[0] == "Operations"}
    ends = Counter(
        ("Operations", each.kind, each.status.value) for each in promoted.tables.operations.values()
    )
    assert counted == dict(ends)
    assert ends["Operations", "deploy", "FAILED"] == ends["Operations", "deploy", "SUCCEEDED"] == 1
    assert {kind for _, kind, _ in ends} == {"create", "deploy", "deploy-blue", "swap", "delete"}


def directive(dimensions: list[str], **units: str) -> dict[str, Any]:
    """Return the metric directive of a line with these dimensions; units by name."""
    metrics = [{"Name": name, "Unit": unit} for name, unit in units.items()]
    return {"Namespace": "devops-ecs", "Dimensions": [dimensions], "Metrics": metrics}


def test_the_line_of_an_end_names_caller_kind_and_duration(shop: FakeCloud, api: Client) -> None:
    shop.containers.automatic = False
    reply = api.deploy("1.0", "dev")
    shop.clock.wait(90)
    shop.containers.service("Shop", "dev").complete(shop.clock.now())
    forget(shop)
    api.wake(DEPLOYMENT_COMPLETED)
    (line,) = shop.measured
    assert line == {
        "operation": reply.id,
        "kind": "deploy",
        "applicationName": "Shop",
        "caller": USER,
        "outcome": "SUCCEEDED",
        "Stage": "dev",
        "Kind": "deploy",
        "Outcome": "SUCCEEDED",
        "Operations": 1,
        "OperationDuration": 90.0,
        "_aws": {
            "Timestamp": int(shop.clock.now().timestamp() * 1000),
            "CloudWatchMetrics": [
                directive(["Stage", "Kind", "Outcome"], Operations="Count"),
                directive(["Stage", "Kind"], OperationDuration="Seconds"),
            ],
        },
    }


def test_reasons_of_a_failure_are_logged_without_arns(shop: FakeCloud, api: Client) -> None:
    shop.push("bad", CRASH)
    words = f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/shop"
    shop.wire.fail("containers.update", RefusedError(f"no {words}"), times=1)
    refused = api.deploy("1.0", "dev")
    crashed = api.finished(api.deploy("bad", "qa", "dev"))
    first, second = told(shop, "ended")[-2:]
    assert (first["operation"], first["outcome"]) == (refused.id, "FAILED")
    assert first["reason"] == "DEV 1.0: no ecr repository/shop"
    assert second["reason"] == "; ".join(crashed.operation["reasons"])
    assert sums(shop)["Operations", "deploy", "FAILED"] == 2


def test_an_end_that_was_not_saved_is_not_counted(shop: FakeCloud, api: Client) -> None:
    shop.containers.automatic = False
    reply = api.deploy("1.0", "dev")
    shop.containers.service("Shop", "dev").complete(shop.clock.now())
    forget(shop)
    shop.wire.fail("tables.close", UnreachableError("no answer"), times=1)
    api.wake(DEPLOYMENT_COMPLETED)
    assert [facts["operation"] for facts in told(shop, "reconcile failed")] == [reply.id]
    assert not told(shop, "ended")
    forget(shop)
    api.settle()
    assert [facts["operation"] for facts in told(shop, "ended")] == [reply.id]


def test_a_repair_is_counted_without_a_duration(settled: FakeCloud, api: Client) -> None:
    settled.containers.service("Shop", "qa").active = False
    forget(settled)
    assert api.drift_check() == 1
    assert sums(settled) == {("Operations", "repair", "FAILED"): 1}
    (facts,) = told(settled, "ended")
    assert facts["caller"] == "the drift check of this service"
    assert facts["applicationName"] == "Shop"


def test_a_repair_that_loses_a_race_is_not_counted(settled: FakeCloud, api: Client) -> None:
    settled.containers.service("Shop", "qa").active = False
    settled.wire.on("tables.correct", lambda: api.deploy("1.1", "qa"))
    forget(settled)
    assert api.drift_check() == 0
    assert not [key for key in sums(settled) if "repair" in key]


# --- open operations ---


def test_the_schedule_measures_open_operations_also_if_there_are_none(
    shop: FakeCloud, api: Client
) -> None:
    shop.containers.automatic = False
    first = api.deploy("1.0", "dev")
    api.deploy("1.0", "qa")
    for left in (2, 1):
        forget(shop)
        api.wake(SCHEDULE)
        assert sums(shop)["OpenOperations",] == left
        shop.containers.service("Shop", "dev").complete(shop.clock.now())
        api.status(first.id)
    forget(shop)
    shop.containers.service("Shop", "qa").complete(shop.clock.now())
    for _ in range(2):
        forget(shop)
        api.wake(SCHEDULE)
    assert shop.measured == [
        {
            "Stage": "dev",
            **dict.fromkeys(SWEPT, 0),
            "_aws": {
                "Timestamp": int(shop.clock.now().timestamp() * 1000),
                "CloudWatchMetrics": [
                    directive(["Stage"], **SWEPT),
                ],
            },
        }
    ]
    assert [line for line, _ in shop.lines] == ["swept", "woken"]


def test_an_operation_is_overdue_after_its_deadline(shop: FakeCloud, api: Client) -> None:
    shop.containers.automatic = False
    api.deploy("1.0", "dev")
    shop.wire.fail("containers", RefusedError("no permission"))
    seen = []
    for seconds in (kinds.load("deploy").limit.total_seconds() - 1, 1, 60):
        shop.clock.wait(seconds)
        forget(shop)
        api.wake(SCHEDULE)
        seen.append((sums(shop)["OpenOperations",], sums(shop)["OverdueOperations",]))
        if seconds == 1:
            shop.wire.heal()
            shop.containers.automatic = True
    assert seen == [(1, 0), (1, 1), (0, 0)]


def test_an_event_does_not_measure_open_operations(shop: FakeCloud, api: Client) -> None:
    api.deploy("1.0", "dev")
    forget(shop)
    api.wake(DEPLOYMENT_COMPLETED)
    assert not told(shop, "swept")


# --- internal errors ---


def test_a_failed_reconcile_is_counted_and_its_operation_remains_open(
    shop: FakeCloud, api: Client
) -> None:
    first, second = api.deploy("1.0", "dev"), api.deploy("1.0", "qa")
    forget(shop)
    shop.wire.fail("tables.operation", ZeroDivisionError(f"arn:aws:iam::{ACCOUNT}:role/x"), times=1)
    shop.wire.fail("containers.services", ZeroDivisionError("odd service"), times=1)
    api.wake(SCHEDULE)
    assert (sums(shop)["ReconcileErrors",], sums(shop)["OpenOperations",]) == (2, 2)
    assert told(shop, "reconcile failed") == [
        {
            "operation": first.id,
            "applicationName": "Shop",
            "error": "ZeroDivisionError('iam role/x')",
        },
        {
            "operation": second.id,
            "kind": "deploy",
            "applicationName": "Shop",
            "caller": USER,
            "error": "ZeroDivisionError('odd service')",
        },
    ]
    forget(shop)


def test_a_failed_drift_check_is_counted(settled: FakeCloud, api: Client) -> None:
    forget(settled)
    settled.wire.fail("stacks.describe", ZeroDivisionError("odd stack"), times=1)
    assert api.drift_check() == 0
    assert sums(settled) == {("ReconcileErrors",): 1}
    forget(settled)
