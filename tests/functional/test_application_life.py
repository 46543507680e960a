"""The life of an application, from create to delete."""

from devops_core.naming import Environment
from tests.lab.client import USER, Client
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.task_service import CRASH

ALL = {"nonProd": ["dev", "qa", "stage"], "training": True}


def _versions(cloud: FakeCloud) -> dict[str, str | None]:
    rows = cloud.tables.inventory_of("Shop").rows
    return {name.value: row.service.version for name, row in rows.items() if row.service}


def _create(api: Client) -> None:
    accepted = api.create(environments=ALL)
    assert accepted.operation["status"] == "IN_PROGRESS"
    assert api.status(accepted.id).operation["waitingFor"] == "stack CREATE_IN_PROGRESS"
    assert api.status(accepted.id).operation["status"] == "SUCCEEDED"
    assert set(_versions(api.cloud).values()) == {None}
    assert len(_versions(api.cloud)) == 6


def _deploy_and_promote(api: Client, digest: str) -> None:
    deployed = api.finished(api.deploy("1.0", "dev", "qa", "stage"))
    assert {part["status"] for part in deployed.environments.values()} == {"SUCCEEDED"}
    assert [part["digest"] for part in deployed.environments.values()] == [digest] * 3
    promoted = api.finished(api.promote())
    assert promoted.environments["PROD-BLUE"]["slot"] == "prod-2"
    assert promoted.environments["PROD-BLUE"]["digest"] == digest
    assert _versions(api.cloud)["PROD-BLUE"] == "1.0"
    assert _versions(api.cloud)["PROD-GREEN"] is None


def _swap_twice(api: Client) -> None:
    swapped = api.swap(version="1.0")
    assert (swapped.status, swapped.operation["status"]) == (200, "SUCCEEDED")
    assert _versions(api.cloud)["PROD-GREEN"] == "1.0"
    start = len(api.cloud.wire.journal)
    again = api.swap(version="1.0")
    assert (again.status, again.body["operation"]) == (200, None)
    assert api.cloud.wire.writes(start) == []


def _deploy_a_crashing_image(api: Client) -> None:
    before = api.cloud.tables.inventory_of("Shop").service(Environment.DEV)
    failed = api.finished(api.deploy("1.1", "dev"))
    assert failed.operation["status"] == "FAILED"
    assert failed.environments["DEV"]["reason"] == (
        "Essential container in task exited (container app: exit code 1)."
        " ECS deployment circuit breaker: tasks failed to start."
    )
    assert api.cloud.tables.inventory_of("Shop").service(Environment.DEV) == before


def test_an_application_can_be_used_from_create_to_delete(cloud: FakeCloud, api: Client) -> None:
    _create(api)
    _deploy_and_promote(api, cloud.push("1.0"))
    _swap_twice(api)
    cloud.push("1.1", CRASH)
    _deploy_a_crashing_image(api)

    assert api.swap().status == 200
    assert _versions(cloud)["PROD-GREEN"] is None
    assert _versions(cloud)["PROD-BLUE"] == "1.0"

    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"
    assert cloud.tables.rows == {}
    assert cloud.stacks.named("Shop") is None


_EVERYTHING = ["DEV", "QA", "STAGE", "TRAINING"]
STORY = [
    ("create", "ACCEPTED", None),
    *(("create", "SUCCEEDED", name) for name in [*_EVERYTHING, "PROD-GREEN", "PROD-BLUE"]),
    ("create", "SUCCEEDED", None),
    ("deploy", "ACCEPTED", None),
    ("deploy", "SUCCEEDED", "DEV"),
    ("deploy", "SUCCEEDED", "STAGE"),
    ("deploy", "SUCCEEDED", None),
    ("deploy-blue", "ACCEPTED", None),
    ("deploy-blue", "SUCCEEDED", "PROD-BLUE"),
    ("deploy-blue", "SUCCEEDED", None),
    ("swap", "ACCEPTED", None),
    ("swap", "SWITCHED", "PROD-GREEN"),
    ("swap", "SUCCEEDED", "PROD-GREEN"),
    ("swap", "SUCCEEDED", "PROD-BLUE"),
    ("swap", "SUCCEEDED", None),
    ("delete", "ACCEPTED", None),
    *(("delete", "SUCCEEDED", name) for name in [*_EVERYTHING, "PROD-BLUE", "PROD-GREEN"]),
    ("delete", "SUCCEEDED", None),
]


def test_the_events_of_all_operations_are_in_order(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev", "stage"))
    api.finished(api.promote())
    api.swap(version="1.0")
    api.finished(api.delete())
    outcomes = [
        (event.kind, event.outcome, event.environment and event.environment.value)
        for event in shop.tables.events_of("Shop")
    ]
    assert outcomes == STORY
    times = [event.time for event in shop.tables.events_of("Shop")]
    assert times == sorted(times)
    assert {event.caller for event in shop.tables.events_of("Shop")} == {USER}
