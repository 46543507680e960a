"""The emulator is stopped during operations and started again with its state."""

from __future__ import annotations

from tests.lab.laptop.api import until
from tests.lab.laptop.estate import rows
from tests.lab.laptop.restart import BEGINS, GOES, STAYS, Restarted


def test_operations_were_open_when_the_cloud_was_stopped(stopped_and_started: Restarted) -> None:
    expected = {("swap", STAYS), ("create", BEGINS), ("deploy", STAYS)}
    assert expected <= set(stopped_and_started.open)
    assert set(stopped_and_started.open) <= expected | {("delete", GOES)}
    assert stopped_and_started.stack == "CREATE_IN_PROGRESS"


def test_the_service_has_the_same_address_after_the_restart(stopped_and_started: Restarted) -> None:
    health = stopped_and_started.api.call("GET", "/health")
    assert (health.status, health.body) == (200, {"status": "ok"})


def test_the_tasks_start_again_and_production_remains_switched(
    stopped_and_started: Restarted,
) -> None:
    api = stopped_and_started.api
    (url,) = (
        row["url"]
        for row in rows(api)
        if (row["applicationName"], row["environment"]) == (STAYS, "PROD-GREEN")
    )
    assert until(lambda: api.fetch(url).status == 200)
    page = api.fetch(url).body
    assert (page["environment"], page["version"]) == ("prod-2", "1.0")


def test_the_update_of_a_stack_continues(stopped_and_started: Restarted) -> None:
    api, stack = stopped_and_started.api, stopped_and_started.growing
    assert stopped_and_started.growth == "UPDATE_IN_PROGRESS"
    assert stack.end() == "UPDATE_COMPLETE"
    resources = stack.resources()
    assert {"devService", "qaService"} <= resources.keys()
    assert {status for _, status in resources.values()} == {"CREATE_COMPLETE"}
    url = stack.outputs()["qaUrl"]
    assert until(lambda: api.fetch(url).status == 200)
    assert api.fetch(url).body["environment"] == "qa"
    (change,) = stack.stacks.list_change_sets(StackName=stack.name)["Summaries"]
    assert until(
        lambda: stack.described(change["ChangeSetId"])["ExecutionStatus"] == "EXECUTE_COMPLETE"
    )
