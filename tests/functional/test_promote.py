"""POST /stacks/deploytoprodBlue."""

from typing import Any

import pytest

from devops_core.naming import Environment
from tests.lab.client import Client
from tests.lab.dry import DryClient
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.task_service import CRASH


def _slots(cloud: FakeCloud) -> dict[str, str]:
    return {slot: cloud.containers.running("Shop", slot).image for slot in ("prod-1", "prod-2")}


@pytest.mark.parametrize(
    ("deployed", "promoted"),
    [
        ({"dev": "1.0"}, "1.0"),
        ({"dev": "1.0", "qa": "1.1"}, "1.1"),
        ({"dev": "1.0", "stage": "1.2", "qa": "1.1"}, "1.2"),
        ({"dev": "1.0", "stage": "1.1"}, "1.1"),
    ],
)
def test_the_highest_environment_with_a_version_is_promoted(
    shop: FakeCloud, api: Client, deployed: dict[str, str], promoted: str
) -> None:
    for environment, version in deployed.items():
        api.finished(api.deploy(version, environment))
    done = api.finished(api.promote())
    part = done.environments["PROD-BLUE"]
    assert (part["status"], part["version"]) == ("SUCCEEDED", promoted)
    assert part["digest"] == shop.images.pushed["shop", promoted]


@pytest.mark.usefixtures("shop")
def test_the_requested_environment_is_promoted(api: Client) -> None:
    api.finished(api.deploy("1.0", "stage"))
    api.finished(api.deploy("1.1", "training"))
    done = api.finished(api.promote(environment="training"))
    assert done.environments["PROD-BLUE"]["version"] == "1.1"


def test_a_promote_without_a_deployed_version_is_refused(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "training"))
    reply = api.promote()
    assert (reply.status, reply.body["code"]) == (409, "NOT_DEPLOYABLE")
    assert (
        reply.body["errorMessage"]
        == "STAGE, QA and DEV of Shop have no deployed version: deploy to one of them first"
    )
    named = api.promote(environment="dev")
    assert (named.status, named.body["code"]) == (409, "NOT_DEPLOYABLE")
    assert named.body["errorMessage"] == "DEV of Shop has no deployed version: deploy to it first"
    unknown = api.promote(environment="da")
    assert (unknown.status, unknown.body["code"]) == (409, "NO_SUCH_ENVIRONMENT")
    assert shop.tables.in_progress() == []


@pytest.mark.usefixtures("shop")
def test_a_promote_from_a_busy_environment_is_refused(api: Client) -> None:
    api.finished(api.deploy("1.0", "stage"))
    holder = api.deploy("1.1", "stage")
    reply = api.promote()
    assert (reply.status, reply.body["code"]) == (409, "BUSY")
    assert reply.body["operation"]["id"] == holder.id


def test_a_promote_is_checked_again_after_a_concurrent_change_of_its_source(
    shop: FakeCloud, api: Client
) -> None:
    api.finished(api.deploy("1.0", "stage"))
    shop.wire.on("tables.claim", lambda: api.finished(api.deploy("1.1", "stage")))
    done = api.finished(api.promote())
    assert done.environments["PROD-BLUE"]["version"] == "1.1"


def test_the_tested_digest_is_promoted_although_its_tag_was_moved(
    shop: FakeCloud, api: Client
) -> None:
    api.finished(api.deploy("1.0", "dev"))
    tested = shop.images.pushed["shop", "1.0"]
    shop.images.pushed["shop", "kept"] = tested
    shop.images.push("shop", "1.0", content="rebuilt")
    done = api.finished(api.promote())
    assert done.environments["PROD-BLUE"]["digest"] == tested
    assert _slots(shop)["prod-2"].endswith(tested)


def test_a_promote_of_a_removed_image_is_refused(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    del shop.images.pushed["shop", "1.0"]
    reply = api.promote()
    assert (reply.status, reply.body["code"]) == (409, "IMAGE_NOT_FOUND")


def _other(cloud: FakeCloud) -> str:
    return cloud.images.pushed["shop", "1.1"]


@pytest.mark.parametrize(
    ("version", "has_digest", "status"),
    [("1.0", True, 200), ("1.0", False, 200), (None, True, 200), ("1.1", True, 409)],
)
def test_a_promote_of_the_expected_release(
    shop: FakeCloud, api: Client, dry: DryClient, version: str | None, *,
    has_digest: bool, status: int,
) -> None:  # fmt: skip
    api.finished(api.deploy("1.0", "dev"))
    expected = {"version": version, "digest": shop.images.pushed["shop", "1.0"]}
    members: dict[str, Any] = {name: value for name, value in expected.items() if value}
    if not has_digest:
        del members["digest"]
    assert dry.promote(None, **members).status == status
    reply = api.promote(None, **members)
    assert (reply.status == 202) is (status == 200)


def test_a_promote_of_another_release_is_refused_with_the_actual_one(
    shop: FakeCloud, api: Client, dry: DryClient
) -> None:
    api.finished(api.deploy("1.0", "dev"))
    actual = shop.images.pushed["shop", "1.0"]
    for caller in (api, dry):
        for members, message in (
            ({"version": "1.1"}, "DEV of Shop runs 1.0, not 1.1"),
            ({"digest": _other(shop)}, f"runs 1.0 ({actual}), not {_other(shop)}"),
            (
                {"version": "1.0", "digest": _other(shop)},
                f"runs 1.0 ({actual}), not 1.0 ({_other(shop)})",
            ),
        ):
            reply = caller.promote(None, **members)
            assert (reply.status, reply.body["code"]) == (409, "NOT_DEPLOYABLE")
            assert message in reply.body["errorMessage"]
    assert shop.tables.in_progress() == []


def test_a_second_deploy_of_the_approved_version_is_not_promoted(
    shop: FakeCloud, api: Client, dry: DryClient
) -> None:
    """Between the dry run of the approver and the promote, another caller deploys other bytes."""
    api.finished(api.deploy("1.0", "dev"))
    (approved,) = dry.promote().body["plan"]["environments"]
    shop.images.push("shop", "1.0", content="evil")
    api.finished(api.deploy("1.0", "dev"))
    expected = {"version": approved["version"], "digest": approved["digest"]}
    reply = api.promote(None, **expected)
    assert (reply.status, reply.body["code"]) == (409, "NOT_DEPLOYABLE")
    # The same while the promote is being accepted.
    shop.images.push("shop", "1.0")
    api.finished(api.deploy("1.0", "dev"))

    def attack() -> None:
        shop.images.push("shop", "1.0", content="evil")
        api.finished(api.deploy("1.0", "dev"))

    shop.wire.on("tables.claim", attack)
    reply = api.promote(None, **expected)
    assert (reply.status, reply.body["code"]) == (409, "NOT_DEPLOYABLE")


def test_the_same_version_with_another_digest_is_rolled_out(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    api.finished(api.promote())
    digest = shop.images.push("shop", "1.0", content="rebuilt")
    api.finished(api.deploy("1.0", "dev"))
    done = api.finished(api.promote(digest=digest))
    assert done.environments["PROD-BLUE"]["digest"] == digest
    assert _slots(shop)["prod-2"].endswith(digest)


def test_a_promote_does_not_change_the_live_slot(shop: FakeCloud, api: Client) -> None:
    row = shop.tables.inventory_of("Shop").service(Environment.PROD_GREEN)
    before = _slots(shop)["prod-1"]
    start = len(shop.wire.journal)
    api.finished(api.deploy("1.0", "dev"))
    api.finished(api.promote())
    assert shop.tables.inventory_of("Shop").service(Environment.PROD_GREEN) == row
    assert _slots(shop)["prod-1"] == before
    assert shop.wire.count("load_balancer.switch", start) == 0


def test_a_promote_after_a_swap_changes_the_other_slot(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    api.finished(api.promote())
    api.swap()
    live = _slots(shop)["prod-2"]
    api.finished(api.deploy("1.1", "dev"))
    done = api.finished(api.promote())
    assert done.environments["PROD-BLUE"]["slot"] == "prod-1"
    assert _slots(shop)["prod-2"] == live
    assert _slots(shop)["prod-1"].endswith(shop.images.pushed["shop", "1.1"])


def test_the_production_listener_determines_the_idle_slot(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    estate, listeners = shop.stacks.estate, shop.load_balancer.listeners
    by_hand = estate.target_group("Shop", "prod-2")
    listeners[estate.listener("Shop", "production")] = [by_hand]
    reply = api.promote()
    assert reply.environments["PROD-BLUE"]["slot"] == "prod-1"
    api.settle()
    listeners[estate.listener("Shop", "production")] = [estate.target_group("Shop", "prod-1")]


def test_a_failed_promote_restores_the_idle_slot(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    api.finished(api.promote())
    rows = shop.tables.inventory_of("Shop").rows
    digest = api.finished(api.deploy("1.1", "dev")).environments["DEV"]["digest"]
    running = _slots(shop)
    image = shop.containers.running("Shop", "dev").image
    assert image.endswith(digest)
    shop.containers.behaviours[image] = CRASH
    failed = api.finished(api.promote())
    assert failed.operation["status"] == "FAILED"
    assert _slots(shop) == running
    for role in (Environment.PROD_BLUE, Environment.PROD_GREEN):
        assert shop.tables.inventory_of("Shop").service(role) == rows[role].service


@pytest.mark.usefixtures("shop")
def test_a_promote_and_a_swap_exclude_each_other(api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    holder = api.promote()
    for reply in (api.promote(), api.swap(), api.delete()):
        assert (reply.status, reply.body["code"]) == (409, "BUSY")
        assert reply.body["operation"]["id"] == holder.id


def test_a_refusal_names_the_unknown_application(api: Client) -> None:
    for reply in (api.promote(), api.swap(), api.delete(), api.deploy("1.0")):
        assert (reply.status, reply.body["code"]) == (409, "NO_SUCH_APPLICATION")
        assert (
            reply.body["errorMessage"] == "there is no application Shop (names are case-sensitive)"
        )


@pytest.mark.usefixtures("shop")
def test_a_refusal_suggests_the_application_that_differs_only_in_case(api: Client) -> None:
    expected = "there is no application sHOP (names are case-sensitive): did you mean Shop?"
    for reply in (
        api.promote(application="sHOP"),
        api.swap(application="sHOP"),
        api.delete("sHOP"),
        api.deploy("1.0", application="sHOP"),
    ):
        assert (reply.status, reply.body["code"]) == (409, "NO_SUCH_APPLICATION")
        assert reply.body["errorMessage"] == expected
