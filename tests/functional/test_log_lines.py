"""Log lines: each one names its operation, its application and the caller."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.client import USER, Client, http_event
from tests.lab.events import DEPLOYMENT_COMPLETED
from tests.lab.fakes import FakeCloud

NONE = "01JN8F1ST0000000000000000Z"


def last(cloud: FakeCloud) -> dict[str, Any]:
    """Return the members of the line of the last response."""
    message, facts = cloud.lines[-1]
    assert message == "answered"
    return facts


def about(cloud: FakeCloud) -> tuple[Any, ...]:
    facts = last(cloud)
    return tuple(facts.get(name) for name in ("status", "applicationName", "operation", "caller"))


def test_a_line_names_status_application_operation_and_caller(shop: FakeCloud, api: Client) -> None:
    shop.containers.automatic = False
    reply = api.deploy("1.0", "dev")
    assert about(shop) == (202, "Shop", reply.id, USER)
    api.status(reply.id)
    assert about(shop) == (200, "Shop", reply.id, USER)
    api.abort(reply.id)
    assert about(shop) == (202, "Shop", reply.id, USER)


def test_the_line_of_a_read_names_the_reader(shop: FakeCloud, api: Client) -> None:
    reply = api.deploy("1.0", "dev")
    Client(shop, "arn:aws:iam::123456789012:user/bob").status(reply.id)
    assert last(shop)["caller"] == "arn:aws:iam::123456789012:user/bob"


def test_the_line_of_a_busy_refusal_names_the_other_operation(shop: FakeCloud, api: Client) -> None:
    shop.containers.automatic = False
    holder = api.deploy("1.0", "dev")
    assert api.deploy("1.1", "dev").status == 409
    assert about(shop) == (409, "Shop", holder.id, USER)
    assert last(shop)["code"] == "BUSY"


def test_the_line_of_a_refusal_names_the_requested_operation(shop: FakeCloud, api: Client) -> None:
    reply = api.finished(api.deploy("1.0", "dev"))
    assert api.abort(reply.id).status == 409
    assert about(shop) == (409, "Shop", reply.id, USER)
    assert api.status(NONE).status == 404
    assert about(shop) == (404, "Shop", NONE, USER)


@pytest.mark.parametrize(
    ("method", "resource", "body", "query"),
    [
        ("POST", "/stacks/deploy", '{"applicationName": "Other"}', {}),
        ("POST", "/stacks/swapProdBlueAndGreen", '{"applicationName": "Other"}', {}),
        ("DELETE", "/stacks", '{"stack": "Other"}', {}),
        ("DELETE", "/stacks", None, {"stack": "Other"}),
    ],
)
def test_the_line_of_a_refused_call_names_its_application(
    shop: FakeCloud, api: Client, method: str, resource: str, body: str | None, query: Any
) -> None:
    reply = api.raw(http_event(method, resource, body, query=query, caller=USER))
    assert reply.status in (400, 409)
    assert about(shop) == (reply.status, "Other", None, USER)


def test_the_line_of_a_request_without_a_change_names_its_application(
    promoted: FakeCloud, api: Client
) -> None:
    assert api.swap(version="1.0").status == 200
    assert api.swap(version="1.0").body["operation"] is None
    assert about(promoted) == (200, "Shop", None, USER)


@pytest.mark.parametrize(
    "body", ["", "no JSON", "[]", '{"applicationName": 7}', '{"applicationName": "../x\\u202e"}']
)
def test_an_invalid_name_is_not_logged(shop: FakeCloud, api: Client, body: str) -> None:
    assert api.raw(http_event("POST", "/stacks/deploy", body, caller=USER)).status == 400
    assert about(shop) == (400, None, None, USER)
    api.status("x" * 40, "no_name")
    assert about(shop) == (404, None, None, USER)


def test_a_query_with_two_names_logs_no_name(shop: FakeCloud, api: Client) -> None:
    event = http_event("DELETE", "/stacks", None, query={"stack": "Shop"}, caller=USER)
    event["multiValueQueryStringParameters"] = {"stack": ["Shop", "Other"]}
    assert api.raw(event).status == 400
    assert about(shop) == (400, None, None, USER)


def test_an_internal_error_is_logged_with_the_call(shop: FakeCloud, api: Client) -> None:
    shop.wire.fail("tables.inventory", ZeroDivisionError("odd"), times=1)
    assert api.deploy("1.0", "dev").status == 500
    (facts,) = [facts for message, facts in shop.lines if message == "broken"]
    assert (facts["applicationName"], facts["caller"]) == ("Shop", USER)
    assert facts["route"] == "POST /stacks/deploy"
    shop.lines.clear()


def test_the_line_of_an_event_names_its_application(shop: FakeCloud, api: Client) -> None:
    shop.containers.automatic = False
    reply = api.deploy("1.0", "dev")
    shop.lines.clear()
    api.wake(DEPLOYMENT_COMPLETED)
    facts = dict(shop.lines)
    assert facts["woken"] == {
        "cause": "ECS Deployment State Change",
        "applicationName": "Shop",
        "operations": 1,
    }
    assert facts["reconciled"] == {
        "operation": reply.id,
        "kind": "deploy",
        "applicationName": "Shop",
        "caller": USER,
        "status": "IN_PROGRESS",
        "waitingFor": "DEV: rollout IN_PROGRESS, 0 of 1 new tasks running, 0 pending",
    }
