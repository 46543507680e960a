"""Deploys and promotes apply the present specification to the services."""

from __future__ import annotations

from typing import Any

import pytest

from devops_core.model.specification import Revision, Specification
from devops_core.naming import Environment
from tests.lab.client import Client
from tests.lab.fakes import FakeCloud

BEFORE = {"environment": {"COLOUR": "blue", "SIZE": "1"}, "command": ["serve"]}
AFTER = {"environment": {"COLOUR": "red"}, "startSeconds": 90, "desiredCount": 2}


@pytest.fixture
def shop(cloud: FakeCloud, api: Client) -> FakeCloud:
    """Return an account with Shop, which has settings, and with 1.0 in dev and qa."""
    api.finished(api.create(environments={"nonProd": ["dev", "qa"]}, service=BEFORE))
    for version in ("1.0", "1.1"):
        cloud.push(version)
    api.finished(api.deploy("1.0", "dev", "qa"))
    return cloud


def change(cloud: FakeCloud, service: dict[str, Any], **overrides: Any) -> Specification:
    """Make another revision the present one, as an update does."""
    record = cloud.tables.records["Shop"]
    document = {**record.specification.document, "service": service, "overrides": overrides}
    specification = Specification(record.current + 1, document)
    cloud.tables.records["Shop"] = record._replace(
        specification=specification, current=specification.revision
    )
    revision = Revision(specification, "01UPDATE", "someone", cloud.clock.now())
    cloud.tables.stored_revisions["Shop"][specification.revision] = revision
    return specification


def container(cloud: FakeCloud, service: str) -> dict[str, Any]:
    definition = cloud.containers.running("Shop", service)
    found: dict[str, Any] = definition.request["containerDefinitions"][0]
    return found


def variables(cloud: FakeCloud, service: str) -> dict[str, str]:
    pairs = container(cloud, service)["environment"]
    return {pair["name"]: pair["value"] for pair in pairs if pair["name"] in ("COLOUR", "SIZE")}


def test_a_deploy_applies_a_new_revision_and_removes_the_settings_of_the_old_one(
    shop: FakeCloud, api: Client
) -> None:
    change(shop, AFTER)
    api.finished(api.deploy("1.1", "dev"))

    assert variables(shop, "dev") == {"COLOUR": "red"}
    assert "command" not in container(shop, "dev")
    dev, qa = (shop.containers.service("Shop", name) for name in ("dev", "qa"))
    assert (dev.start_seconds, dev.desired) == (90, 2)
    assert (variables(shop, "qa"), qa.desired) == ({"COLOUR": "blue", "SIZE": "1"}, 1)
    row = shop.tables.inventory_of("Shop").service(Environment.DEV)
    assert row is not None
    assert (row.spec, row.owned) == (2, ("environment.COLOUR",))


def test_the_same_version_is_deployed_again_only_with_other_settings(
    shop: FakeCloud, api: Client
) -> None:
    definition = shop.containers.running("Shop", "dev").arn
    unchanged = api.deploy("1.0", "dev")
    assert (unchanged.status, unchanged.operation["status"]) == (200, "SUCCEEDED")
    assert shop.containers.running("Shop", "dev").arn == definition

    change(shop, AFTER)
    api.finished(api.deploy("1.0", "dev"))

    assert shop.containers.running("Shop", "dev").arn != definition
    assert variables(shop, "dev") == {"COLOUR": "red"}


def test_settings_of_another_environment_need_no_rollout(shop: FakeCloud, api: Client) -> None:
    definition = shop.containers.running("Shop", "dev").arn
    change(shop, BEFORE, qa={"environment": {"COLOUR": "green"}})
    api.finished(api.deploy("1.0", "dev", "qa"))

    assert shop.containers.running("Shop", "dev").arn == definition
    assert variables(shop, "qa") == {"COLOUR": "green", "SIZE": "1"}


def test_a_promote_requires_a_release_with_the_present_settings(
    shop: FakeCloud, api: Client
) -> None:
    change(shop, AFTER)
    reply = api.promote(environment="dev")
    assert (reply.status, reply.body["code"]) == (409, "NOT_DEPLOYABLE")
    assert reply.body["errorMessage"] == (
        "DEV of Shop runs revision 1 of the specification, not revision 2: deploy 1.0 to it again"
        " first"
    )
    assert shop.tables.in_progress() == []

    api.finished(api.deploy("1.0", "dev"))
    api.finished(api.promote(environment="dev"))

    assert variables(shop, "prod-2") == {"COLOUR": "red"}
    assert variables(shop, "prod-1") == {"COLOUR": "blue", "SIZE": "1"}


def test_a_promote_accepts_an_older_revision_with_the_same_settings(
    shop: FakeCloud, api: Client
) -> None:
    change(shop, BEFORE, qa={"environment": {"COLOUR": "green"}})
    api.finished(api.promote(environment="dev"))

    idle = shop.tables.inventory_of("Shop").service(Environment.PROD_BLUE)
    assert idle is not None
    assert (idle.version, idle.spec) == ("1.0", 2)


def test_a_rollout_applies_the_revision_of_its_claim(shop: FakeCloud, api: Client) -> None:
    shop.containers.automatic = False
    reply = api.deploy("1.1", "dev")
    change(shop, AFTER)
    shop.containers.automatic = True
    api.finished(reply)

    assert variables(shop, "dev") == {"COLOUR": "blue", "SIZE": "1"}
    row = shop.tables.inventory_of("Shop").service(Environment.DEV)
    assert row is not None
    assert (row.version, row.spec) == ("1.1", 1)


def test_a_create_applies_a_grace_period_of_one_environment(cloud: FakeCloud, api: Client) -> None:
    """The parameter of the stack is for all services, and their task definitions do not differ."""
    api.finished(api.create(overrides={"prod": {"startSeconds": 300}}))

    seconds = {
        name: cloud.containers.service("Shop", name).start_seconds
        for name in ("dev", "prod-1", "prod-2")
    }
    assert seconds == {"dev": 60, "prod-1": 300, "prod-2": 300}


def test_an_unchanged_release_receives_the_grace_period_of_the_specification_again(
    shop: FakeCloud, api: Client
) -> None:
    change(shop, AFTER)
    api.finished(api.deploy("1.0", "dev"))
    definition = shop.containers.running("Shop", "dev").arn
    shop.containers.service("Shop", "dev").start_seconds = 5

    assert api.deploy("1.0", "dev").operation["status"] == "SUCCEEDED"

    assert shop.containers.service("Shop", "dev").start_seconds == 90
    assert shop.containers.running("Shop", "dev").arn == definition


def test_a_delete_removes_all_revisions(shop: FakeCloud, api: Client) -> None:
    for number in range(3):
        change(shop, BEFORE, qa={"desiredCount": number + 1})
    assert set(shop.tables.stored_revisions["Shop"]) == {1, 2, 3, 4}

    api.finished(api.delete())

    assert (shop.tables.records, shop.tables.stored_revisions["Shop"]) == ({}, {})


def test_an_application_whose_record_was_removed_by_hand_can_only_be_deleted(
    shop: FakeCloud, api: Client
) -> None:
    shop.tables.records.clear()
    message = "the specification of the application is not on record"
    for reply in (api.deploy("1.1", "dev"), api.promote(environment="dev")):
        assert (reply.status, reply.body["code"]) == (409, "NOT_DEPLOYABLE")
        assert reply.body["errorMessage"].startswith(message)

    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"
    assert shop.tables.stored_revisions["Shop"] == {}
    assert api.finished(api.create()).operation["status"] == "SUCCEEDED"
