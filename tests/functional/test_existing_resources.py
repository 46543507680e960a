"""Reads return releases and addresses only of resources that exist."""

from __future__ import annotations

from typing import Any

from devops_core.naming import Environment
from tests.lab.client import Client
from tests.lab.events import stack_status
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.task_service import CRASH
from tests.lab.reads import STACK, STACKS, get, pages, rows

_OF_RESOURCES = {"version", "image", "digest", "live", "url", "tasks", "rollout"}


def shown(api: Client, **query: str) -> dict[str, dict[str, Any]]:
    """Return the members that describe resources, by environment."""
    found = rows(get(api, STACK, "Shop", **query).body["stack"])
    return {
        name: {each: row[each] for each in _OF_RESOURCES & row.keys()}
        for name, row in found.items()
    }


def test_a_create_that_fails_after_its_stack_has_no_addresses(
    cloud: FakeCloud, api: Client
) -> None:
    cloud.containers.behaviours[cloud.settings.initial_image] = CRASH
    creating = api.create(service={"environment": {"MODE": "fast"}})
    failed = api.finished(creating)
    assert failed.operation["status"] == "FAILED"
    parts = api.status(creating.id).operation["environments"]
    assert [each for each in parts if "url" in each] == []


def test_an_aborted_create_has_no_addresses(cloud: FakeCloud, api: Client) -> None:
    cloud.containers.automatic = False
    creating = api.create(service={"environment": {"MODE": "fast"}})
    api.wake(stack_status("Shop", "CREATE_COMPLETE"))
    assert "url" in api.status(creating.id).operation["environments"][0]
    api.abort(creating.id)
    cloud.containers.automatic = True
    ended = api.finished(creating).operation
    assert ended["status"] == "FAILED"
    assert [each for each in ended["environments"] if "url" in each] == []


def test_a_failed_delete_shows_only_the_services_that_remain(
    promoted: FakeCloud, api: Client
) -> None:
    promoted.stacks.delete_failures = ("Repository (AWS::ECR::Repository): not empty",)
    api.finished(api.delete())
    for name in ("qa", "prod-1"):
        promoted.containers.service("Shop", name).active = False

    assert not any(shown(api).values())
    assert list(pages(api, STACKS, version="1.0")) == [[]]
    found = shown(api, live="true")
    assert [name for name in found if not found[name]] == ["QA", "PROD-GREEN"]
    assert found["DEV"].keys() == _OF_RESOURCES - {"live"}
    assert found["PROD-BLUE"].keys() == _OF_RESOURCES
    assert found["PROD-BLUE"]["live"] is False

    promoted.stacks.delete_failures = ()
    api.finished(api.delete())


def test_a_deleted_stack_shows_no_resources(settled: FakeCloud, api: Client) -> None:
    stack = settled.stacks.named("Shop")
    assert stack is not None
    settled.stacks.estate.tear_down("Shop")
    stack.status = "DELETE_COMPLETE"
    assert api.wake(stack_status("Shop", "DELETE_COMPLETE")) == 1
    assert not any(shown(api).values())
    assert not any(shown(api, live="true").values())
    assert rows(get(api, STACK, "Shop").body["stack"])["PROD-GREEN"]["slot"] == "prod-1"


def test_a_service_that_was_deleted_by_hand_runs_no_release(
    promoted: FakeCloud, api: Client
) -> None:
    promoted.containers.service("Shop", "dev").active = False
    assert shown(api)["DEV"]["version"] == "1.0"
    assert shown(api, live="true")["DEV"] == {}
    assert promoted.tables.rows["Shop", Environment.DEV].service is not None
    promoted.containers.service("Shop", "dev").active = True
