"""Idempotency-Key: the same key and body return the same operation, until 24 hours after its
deadline."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from devops_core.http.request import Request
from tests.lab.client import Client, Reply, http_event
from tests.lab.fakes import FakeCloud

KEY = {"Idempotency-Key": "build-4711"}


def test_a_repeated_request_returns_the_same_operation(shop: FakeCloud, api: Client) -> None:
    first = api.deploy("1.0", "dev", headers=KEY)
    running = api.deploy("1.0", "dev", headers=KEY)
    assert (running.status, running.id) == (202, first.id)
    api.settle()
    ended = api.deploy("1.0", "dev", headers={"idempotency-key": "build-4711"})
    assert (ended.status, ended.id, ended.operation["status"]) == (200, first.id, "SUCCEEDED")
    assert shop.wire.count("containers.register") == 1


def test_a_repeated_request_advances_the_operation(shop: FakeCloud, api: Client) -> None:
    api.deploy("1.0", "dev", headers=KEY)
    api.deploy("1.0", "dev", headers=KEY)
    assert api.deploy("1.0", "dev", headers=KEY).operation["status"] == "SUCCEEDED"
    assert shop.tables.in_progress() == []


def test_a_repeated_request_returns_the_same_failure(cloud: FakeCloud, api: Client) -> None:
    cloud.templates.versions.clear()
    first = api.create(headers=KEY)
    again = api.create(headers=KEY)
    assert (first.status, again.status) == (424, 424)
    assert first.id == again.id


def test_a_key_with_another_body_is_refused(shop: FakeCloud, api: Client) -> None:
    api.deploy("1.0", "dev", headers=KEY)
    for reply in (
        api.deploy("1.1", "dev", headers=KEY),
        api.deploy("1.0", "dev", application="Other", headers=KEY),
        api.promote(headers=KEY),
        api.create("Other", headers=KEY),
    ):
        assert (reply.status, reply.body["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
        assert reply.body["errorMessage"] == (
            "this Idempotency-Key was used with another request: use a new key for a new request"
        )
    assert len(shop.tables.in_progress()) == 1


@pytest.mark.usefixtures("shop")
def test_the_order_of_members_does_not_change_the_request(api: Client) -> None:
    body = {"applicationName": "Shop", "environment": ["dev"], "version": "1.0"}
    first = api.send("POST", "/stacks/deploy", body, headers=KEY)
    turned = dict(reversed(body.items()))
    assert api.send("POST", "/stacks/deploy", turned, headers=KEY).id == first.id


def _kept_as(shop: FakeCloud, caller: str) -> str | None:
    event = http_event("POST", "/stacks", headers=KEY)
    event["requestContext"]["identity"]["userArn"] = caller
    return Request(event, shop).context("create", {}).key


def test_a_key_belongs_to_one_caller_in_all_sessions_of_a_role(shop: FakeCloud) -> None:
    role = "arn:aws:sts::123456789012:assumed-role"
    one, two = _kept_as(shop, f"{role}/ci/run-1"), _kept_as(shop, f"{role}/ci/run-2")
    assert one == two == "arn:aws:iam::123456789012:role/ci build-4711"
    assert _kept_as(shop, f"{role}/other/run-1") != one
    assert _kept_as(shop, "arn:aws:iam::123456789012:user/alice") != one


def test_a_key_expires_24_hours_after_the_deadline(shop: FakeCloud, api: Client) -> None:
    first = api.finished(api.deploy("1.0", "dev", headers=KEY))
    deadline = shop.tables.operations["Shop", first.id].deadline
    shop.clock.pass_(seconds=(deadline - shop.clock.now()).total_seconds())
    shop.clock.pass_(hours=23, minutes=57)
    assert api.deploy("1.0", "dev", headers=KEY).id == first.id
    shop.clock.pass_(minutes=10)
    other = api.deploy("1.1", "dev", headers=KEY)
    assert other.status == 202
    assert other.id != first.id


def test_a_create_can_be_repeated(cloud: FakeCloud, api: Client) -> None:
    first = api.create(headers=KEY)
    again = api.create(headers=KEY)
    assert (again.status, again.id) == (202, first.id)
    assert again.body["ecrName"] == "shop"
    api.settle()
    assert api.create(headers=KEY).id == first.id
    assert api.create().body["code"] == "ALREADY_EXISTS"
    assert cloud.wire.count("stacks.create") == 1


def test_a_delete_can_be_repeated_with_the_name_in_body_or_query(
    shop: FakeCloud, api: Client
) -> None:
    first = api.delete(headers=KEY)
    api.settle()
    again = api.send("DELETE", "/stacks", query={"stack": "Shop"}, headers=KEY)
    assert (again.status, again.id) == (200, first.id)
    assert shop.wire.count("stacks.delete") == 1


def test_a_swap_and_a_promote_can_be_repeated(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    promoted = api.promote(headers=KEY)
    assert api.promote(headers=KEY).id == promoted.id
    api.settle()
    other = {"Idempotency-Key": "build-4712"}
    swapped = api.swap(headers=other)
    assert api.swap(headers=other).id == swapped.id
    assert shop.wire.count("load_balancer.switch") == 2


def test_two_concurrent_equal_requests_start_one_operation(shop: FakeCloud, api: Client) -> None:
    won: list[str] = []
    shop.wire.on("tables.claim", lambda: won.append(api.deploy("1.0", "dev", headers=KEY).id))
    late = api.deploy("1.0", "dev", headers=KEY)
    assert (late.status, late.id) == (202, won[0])
    assert shop.wire.count("containers.register") == 1


def test_one_of_two_concurrent_different_requests_is_refused(shop: FakeCloud, api: Client) -> None:
    shop.wire.on("tables.claim", lambda: api.deploy("1.0", "qa", headers=KEY))
    late = api.deploy("1.0", "dev", headers=KEY)
    assert (late.status, late.body["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_a_refused_request_does_not_use_its_key(shop: FakeCloud, api: Client) -> None:
    assert api.deploy("9.9", "dev", headers=KEY).status == 409
    shop.push("9.9")
    assert api.deploy("9.9", "dev", headers=KEY).status == 202


def test_a_key_without_a_recorded_operation_is_refused(shop: FakeCloud, api: Client) -> None:
    first = api.finished(api.deploy("1.0", "dev", headers=KEY))
    del shop.tables.operations["Shop", first.id]
    for event in shop.tables.events_of("Shop", first.id):
        del shop.tables.events["Shop", first.id, event.key]
    shop.tables.outbox.clear()
    reply = api.deploy("1.0", "dev", headers=KEY)
    assert (reply.status, reply.body["code"]) == (409, "CHANGED_MEANWHILE")
    assert reply.body["errorMessage"] == (
        "the operation of this Idempotency-Key is no longer on record: use a new key"
    )


# --- a deleted application, and a newer one of the same name ---

_EARLIER = (
    "this Idempotency-Key was used for an earlier application Shop, which was deleted:"
    " use a new key"
)
_TESTED = {"nonProd": ["dev"]}
_CALLS: Mapping[str, Callable[[Client, Mapping[str, str]], Reply]] = {
    "create": lambda api, key: api.create(environments=_TESTED, headers=key),
    "deploy": lambda api, key: api.deploy("1.0", "dev", headers=key),
    "promote": lambda api, key: api.promote(headers=key),
    "swap": lambda api, key: api.swap(headers=key),
    "delete": lambda api, key: api.delete(headers=key),
}


def _lived(api: Client) -> dict[str, str]:
    """Create, use and delete Shop; return the operation of each call by its key."""
    operations = {}
    for name, call in _CALLS.items():
        operations[name] = call(api, {"Idempotency-Key": name}).id
        api.settle()
    return operations


def _recreate(cloud: FakeCloud, api: Client) -> None:
    api.finished(api.create(environments=_TESTED))
    for version in ("1.0", "1.1"):
        cloud.push(version)


@pytest.fixture
def images(cloud: FakeCloud) -> FakeCloud:
    cloud.push("1.0")
    return cloud


@pytest.mark.parametrize("name", _CALLS)
def test_an_old_key_does_not_answer_for_a_recreated_application(
    images: FakeCloud, api: Client, name: str
) -> None:
    _lived(api)
    _recreate(images, api)
    images.clock.pass_(hours=20)
    before = dict(images.tables.operations)
    reply = _CALLS[name](api, {"Idempotency-Key": name})
    assert (reply.status, reply.body["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert reply.body["errorMessage"] == _EARLIER
    assert images.tables.operations == before


def test_a_new_key_starts_an_operation_of_the_recreated_application(
    images: FakeCloud, api: Client
) -> None:
    earlier = _lived(api)
    _recreate(images, api)
    first = api.finished(api.deploy("1.0", "dev", headers={"Idempotency-Key": "new"}))
    assert first.id != earlier["deploy"]
    assert api.deploy("1.0", "dev", headers={"Idempotency-Key": "new"}).id == first.id


def test_an_old_key_does_not_answer_while_the_application_is_recreated(
    images: FakeCloud, api: Client
) -> None:
    _lived(api)
    images.stacks.pace = 1000
    assert api.create(environments=_TESTED).status == 202
    assert api.deploy("1.0", "dev", headers={"Idempotency-Key": "deploy"}).status == 422
    assert api.create(environments=_TESTED, headers={"Idempotency-Key": "create"}).status == 422


@pytest.mark.usefixtures("images")
def test_a_delete_and_its_earlier_calls_can_be_repeated_after_the_delete(api: Client) -> None:
    operations = _lived(api)
    for name in ("deploy", "promote", "swap", "delete"):
        assert _CALLS[name](api, {"Idempotency-Key": name}).id == operations[name]


@pytest.mark.usefixtures("images")
def test_the_key_of_a_create_does_not_answer_for_a_deleted_application(api: Client) -> None:
    _lived(api)
    reply = _CALLS["create"](api, {"Idempotency-Key": "create"})
    assert (reply.status, reply.body["errorMessage"]) == (422, _EARLIER)


def test_a_create_that_loses_its_race_to_a_recreation_is_refused(
    images: FakeCloud, api: Client
) -> None:
    """The record of the key is found by the claim, because a create reads no inventory."""
    _lived(api)
    images.wire.on("tables.claim", lambda: _recreate(images, api))
    reply = _CALLS["create"](api, {"Idempotency-Key": "create"})
    assert (reply.status, reply.body["errorMessage"]) == (422, _EARLIER)
