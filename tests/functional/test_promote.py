"""POST /stacks/deploytoprodBlue."""

import pytest

from devops_core.naming import Environment
from tests.lab.client import Client
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
def test_the_highest_environment_that_runs_a_version_is_promoted(
    shop: FakeCloud, api: Client, deployed: dict[str, str], promoted: str
) -> None:
    for environment, version in deployed.items():
        api.finished(api.deploy(version, environment))
    done = api.finished(api.promote())
    part = done.environments["PROD-BLUE"]
    assert (part["status"], part["version"]) == ("SUCCEEDED", promoted)
    assert part["digest"] == shop.images.pushed["shop", promoted]


@pytest.mark.usefixtures("shop")
def test_a_named_environment_is_promoted(api: Client) -> None:
    api.finished(api.deploy("1.0", "stage"))
    api.finished(api.deploy("1.1", "training"))
    done = api.finished(api.promote(environment="training"))
    assert done.environments["PROD-BLUE"]["version"] == "1.1"


def test_nothing_deployed_is_nothing_to_promote(shop: FakeCloud, api: Client) -> None:
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
def test_a_source_that_is_being_deployed_is_busy(api: Client) -> None:
    api.finished(api.deploy("1.0", "stage"))
    holder = api.deploy("1.1", "stage")
    reply = api.promote()
    assert (reply.status, reply.body["code"]) == (409, "BUSY")
    assert reply.body["operation"]["id"] == holder.id


def test_a_source_that_changes_while_looking_is_looked_at_again(
    shop: FakeCloud, api: Client
) -> None:
    api.finished(api.deploy("1.0", "stage"))
    shop.wire.on("tables.claim", lambda: api.finished(api.deploy("1.1", "stage")))
    done = api.finished(api.promote())
    assert done.environments["PROD-BLUE"]["version"] == "1.1"


def test_the_tested_digest_goes_though_its_tag_was_moved(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    tested = shop.images.pushed["shop", "1.0"]
    shop.images.pushed["shop", "kept"] = tested
    shop.images.push("shop", "1.0", content="rebuilt")
    done = api.finished(api.promote())
    assert done.environments["PROD-BLUE"]["digest"] == tested
    assert _slots(shop)["prod-2"].endswith(tested)


def test_a_tested_image_that_was_removed_is_refused(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    del shop.images.pushed["shop", "1.0"]
    reply = api.promote()
    assert (reply.status, reply.body["code"]) == (409, "IMAGE_NOT_FOUND")


def test_an_image_of_another_registry_is_promoted_as_it_is(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("2.0", "dev", repouri="public.ecr.aws/nginx/nginx"))
    assert api.finished(api.promote()).operation["status"] == "SUCCEEDED"
    assert _slots(shop)["prod-2"] == "public.ecr.aws/nginx/nginx:2.0"


def test_green_is_left_alone(shop: FakeCloud, api: Client) -> None:
    row = shop.tables.inventory_of("Shop").service(Environment.PROD_GREEN)
    before = _slots(shop)["prod-1"]
    start = len(shop.wire.journal)
    api.finished(api.deploy("1.0", "dev"))
    api.finished(api.promote())
    assert shop.tables.inventory_of("Shop").service(Environment.PROD_GREEN) == row
    assert _slots(shop)["prod-1"] == before
    assert shop.wire.count("load_balancer.switch", start) == 0


def test_after_a_swap_the_other_slot_is_promoted_to(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    api.finished(api.promote())
    api.swap()
    live = _slots(shop)["prod-2"]
    api.finished(api.deploy("1.1", "dev"))
    done = api.finished(api.promote())
    assert done.environments["PROD-BLUE"]["slot"] == "prod-1"
    assert _slots(shop)["prod-2"] == live
    assert _slots(shop)["prod-1"].endswith(shop.images.pushed["shop", "1.1"])


def test_the_listener_decides_which_slot_is_idle_not_the_rows(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    estate, listeners = shop.stacks.estate, shop.load_balancer.listeners
    by_hand = estate.target_group("Shop", "prod-2")
    listeners[estate.listener("Shop", "production")] = [by_hand]
    reply = api.promote()
    assert reply.environments["PROD-BLUE"]["slot"] == "prod-1"
    api.settle()
    listeners[estate.listener("Shop", "production")] = [estate.target_group("Shop", "prod-1")]


def test_a_listener_that_was_changed_by_hand_is_said_to_be(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    listener = shop.stacks.estate.listener("Shop", "production")
    watchers, shop.wire.watchers = shop.wire.watchers, []
    before = shop.load_balancer.listeners[listener]
    shop.load_balancer.listeners[listener] = [*before, "arn:of:another"]
    for reply in (api.promote(), api.swap()):
        assert (reply.status, reply.body["code"]) == (409, "CONFLICT")
        assert "does not forward to exactly one of the slots" in reply.body["errorMessage"]
    shop.load_balancer.listeners[listener], shop.wire.watchers = before, watchers


def test_a_failed_promotion_leaves_blue_and_green_as_they_were(
    shop: FakeCloud, api: Client
) -> None:
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
def test_promotions_and_swaps_exclude_each_other(api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    holder = api.promote()
    for reply in (api.promote(), api.swap(), api.delete()):
        assert (reply.status, reply.body["code"]) == (409, "BUSY")
        assert reply.body["operation"]["id"] == holder.id


def test_unknown_applications_are_named(api: Client) -> None:
    for reply in (api.promote(), api.swap(), api.delete(), api.deploy("1.0")):
        assert (reply.status, reply.body["code"]) == (409, "NO_SUCH_APPLICATION")
        assert (
            reply.body["errorMessage"] == "there is no application Shop (names are case-sensitive)"
        )
