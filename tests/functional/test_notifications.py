"""Notifications: each one is sent at least once, with the facts of its event."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from devops_core.engine import outbox
from devops_core.errors import AccessDeniedError, RefusedError, UnreachableError
from devops_core.model.notification import EnvironmentResult, Notification, OutboxKey
from devops_core.model.operation import Status
from devops_core.naming import Environment
from devops_core.ports.notifications import Message
from tests.lab.client import USER, Client
from tests.lab.events import DEPLOYMENT_COMPLETED
from tests.lab.fakes import Crash, FakeCloud
from tests.lab.fakes.task_service import CRASH
from tests.lab.measured import forget, sums, told

API = "https://api.example.com/dev"


@pytest.fixture
def shop(shop: FakeCloud, api: Client) -> FakeCloud:
    """Shop without unsent notifications; that of its creation is sent."""
    shop.settings = shop.settings._replace(public_url=API)
    api.tick()
    assert titles(shop, 0) == ["Operation ended"]
    return shop


def titles(cloud: FakeCloud, earlier: int = 1) -> list[str]:
    """Return the titles of the sent messages, except some earlier ones."""
    return [message.title for message in cloud.notifications.sent[earlier:]]


def details(cloud: FakeCloud, earlier: int = 1) -> list[Any]:
    return [message.detail for message in cloud.notifications.sent[earlier:]]


def sent_ids(cloud: FakeCloud) -> list[str]:
    return [detail["id"] for detail in details(cloud)]


def test_the_schedule_sends_the_end_of_an_operation(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    api.tick()
    operation = api.finished(api.deploy("1.1", "dev")).operation
    assert titles(shop, 2) == []
    api.tick()
    assert titles(shop, 2) == ["Operation ended"]
    url = f"{API}/stacks/Shop/operations/{operation['id']}"
    assert details(shop, 2) == [
        {
            "id": f"{operation['id']}-END",
            "operation": operation["id"],
            "kind": "deploy",
            "applicationName": "Shop",
            "caller": USER,
            "outcome": "SUCCEEDED",
            "status": "SUCCEEDED",
            "version": "1.1",
            "environments": [
                {
                    "environment": "DEV",
                    "status": "SUCCEEDED",
                    "version": "1.1",
                    "previousVersion": "1.0",
                }
            ],
            "url": url,
            "text": f"Operation ended: deploy of Shop, SUCCEEDED. DEV 1.0 to 1.1."
            f" by iam user/alice {url}",
        }
    ]
    assert shop.tables.outbox == {}
    api.tick()
    assert len(shop.notifications.sent) == 3


def test_a_failure_has_its_reason(shop: FakeCloud, api: Client) -> None:
    shop.push("9.9", CRASH)
    api.finished(api.deploy("9.9", "dev"))
    api.tick()
    (detail,) = details(shop)
    assert (detail["outcome"], detail["status"]) == ("FAILED", "FAILED")
    assert detail["reason"] in detail["text"].replace("'", '"')
    assert not {*'"\\<>&'} & {*detail["text"]}


def test_an_event_of_aws_sends_at_once(shop: FakeCloud, api: Client) -> None:
    shop.containers.automatic = False
    api.deploy("1.0", "dev")
    shop.containers.service("Shop", "dev").complete(shop.clock.now())
    api.wake(DEPLOYMENT_COMPLETED)
    assert titles(shop) == ["Operation ended"]


def test_drift_is_sent_with_its_findings(settled: FakeCloud, api: Client) -> None:
    api.tick()
    earlier = len(settled.notifications.sent)
    for listener, slot in (("production", "prod-2"), ("test", "prod-1")):
        estate, group = settled.stacks.estate, settled.stacks.estate.target_group("Shop", slot)
        settled.load_balancer.listeners[estate.listener("Shop", listener)] = [group]
    assert api.drift_check() == 1
    api.tick()
    assert titles(settled, earlier) == ["Drift found", "Operation ended"]
    found, _ = details(settled, earlier)
    assert found["outcome"] == "DRIFT"
    assert found["reason"]


def test_a_crash_after_the_call_sends_the_same_id_again(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    shop.wire.fail("outbox.remove", Crash(), times=1)
    with pytest.raises(Crash):
        api.tick()
    api.tick()
    first, again = sent_ids(shop)
    assert first == again
    assert shop.tables.outbox == {}


def unsent(shop: FakeCloud, api: Client, count: int) -> list[str]:
    """Return the ids of a number of notifications that are not sent."""
    shop.wire.fail("notifications.send", UnreachableError("no answer"))
    for number in range(count):
        api.finished(api.deploy(f"1.{number % 3}", "dev"))
    shop.wire.heal()
    forget(shop)
    return [each.id for each in shop.tables.outbox.values()]


def test_a_refused_notification_remains_and_does_not_stop_others(
    shop: FakeCloud, api: Client
) -> None:
    first, second = unsent(shop, api, 2)
    shop.notifications.refused[first] = "InternalFailure: try again"
    api.tick()
    assert sent_ids(shop) == [second]
    assert told(shop, "notification failed") == [
        {
            "operation": first.partition("-")[0],
            "applicationName": "Shop",
            "error": "RefusedError('InternalFailure: try again')",
        }
    ]
    assert sums(shop)["ReconcileErrors",] == 1
    shop.notifications.refused.clear()
    api.tick()
    assert sent_ids(shop) == [second, first]
    forget(shop)


def test_refused_notifications_do_not_hide_the_next_page(shop: FakeCloud, api: Client) -> None:
    first, second, third = unsent(shop, api, 3)
    shop.outbox.page = 2
    shop.notifications.refused = dict.fromkeys((first, second), "InternalFailure: try again")
    api.tick()
    assert sent_ids(shop) == [third]
    shop.notifications.refused.clear()
    api.tick()
    assert sent_ids(shop) == [third, first, second]
    forget(shop)


@pytest.mark.parametrize("count", [2, 3])
def test_a_batch_that_is_refused_is_sent_one_by_one(
    shop: FakeCloud, api: Client, count: int
) -> None:
    ids = unsent(shop, api, count)
    shop.wire.fail("notifications.send", RefusedError("an entry is not valid"), times=2)
    api.tick()
    assert sent_ids(shop) == ids[1:]
    assert [each.id for each in shop.tables.outbox.values()] == ids[:1]
    assert told(shop, "notification failed") == [
        {
            "operation": ids[0].partition("-")[0],
            "applicationName": "Shop",
            "error": "RefusedError('an entry is not valid')",
        }
    ]
    forget(shop)


def test_many_notifications_are_sent_in_batches_of_ten(shop: FakeCloud, api: Client) -> None:
    ids = unsent(shop, api, 23)
    shop.outbox.page = 12
    start = len(shop.wire.journal)
    api.tick()
    assert sent_ids(shop) == ids
    calls = [each for each in shop.wire.journal[start:] if each.name == "notifications.send"]
    assert [len(each.args[0]) for each in calls] == [10, 2, 10, 1]


def test_a_damaged_notification_does_not_stop_others(shop: FakeCloud, api: Client) -> None:
    ids = unsent(shop, api, 2)
    shop.wire.fail("outbox.read", ValueError("damaged"), times=1)
    api.tick()
    assert sent_ids(shop) == ids[1:]
    ((key, _), *_) = shop.tables.outbox.items()
    assert key.entry.endswith(ids[0])
    assert told(shop, "notification failed") == [
        {"applicationName": "Shop", "entry": key.entry, "error": "ValueError('damaged')"}
    ]
    shop.wire.heal()
    api.tick()
    assert sent_ids(shop) == ids[::-1]
    forget(shop)


@pytest.mark.parametrize("call", ["outbox.due", "notifications.send", "outbox.remove"])
def test_a_fault_of_notifications_does_not_stop_operations(
    shop: FakeCloud, api: Client, call: str
) -> None:
    unsent(shop, api, 1)
    shop.wire.fail(call, AccessDeniedError("no permission"))
    reply = api.deploy("1.2", "dev")
    api.settle()
    assert shop.tables.operations["Shop", reply.id].status == "SUCCEEDED"
    assert told(shop, "notification failed")[0] == {"error": "AccessDeniedError('no permission')"}
    forget(shop)


def test_a_run_sends_only_for_a_part_of_its_time(shop: FakeCloud, api: Client) -> None:
    ids = unsent(shop, api, 11)
    shop.wire.on(
        "notifications.send",
        lambda: shop.clock.pass_(seconds=outbox.BUDGET.total_seconds()),
        after=True,
    )
    api.tick()
    assert sent_ids(shop) == ids[:10]
    api.tick()
    assert sent_ids(shop) == ids


def test_a_delete_and_a_new_application_keep_unsent_notifications(
    shop: FakeCloud, api: Client
) -> None:
    shop.wire.fail("notifications.send", UnreachableError("no answer"))
    deleted = api.delete()
    api.settle()
    created = api.create()
    api.settle()
    shop.wire.heal()
    forget(shop)
    api.tick()
    assert sent_ids(shop) == [f"{deleted.id}-END", f"{created.id}-END"]


def test_a_notification_that_another_run_has_sent_is_not_sent(shop: FakeCloud, api: Client) -> None:
    ids = unsent(shop, api, 1)
    start = len(shop.wire.journal)
    # The index can still have an item that was removed.
    shop.wire.on("outbox.read", lambda: outbox.send_due(shop))
    api.tick()
    assert sent_ids(shop) == ids
    assert shop.wire.count("notifications.send", start) == 1


TIME = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
END = Notification(
    id="01KG8Z-END",
    title="Operation ended",
    operation="01KG8Z",
    kind="swap",
    application="Shop",
    caller=USER,
    time=TIME,
    outcome="FAILED",
    status=Status.FAILED,
)
GREEN = EnvironmentResult(Environment.PROD_GREEN, Status.FAILED, "1.1", "1.0")
LINK = f"{API}/stacks/Shop/operations/01KG8Z"
FACTS = {
    "id": "01KG8Z-END",
    "operation": "01KG8Z",
    "kind": "swap",
    "applicationName": "Shop",
    "caller": USER,
    "outcome": "FAILED",
    "status": "FAILED",
    "url": LINK,
}


def test_a_message_has_only_the_facts_of_its_event() -> None:
    text = f"Operation ended: swap of Shop, FAILED. by iam user/alice {LINK}"
    detail = {**FACTS, "environments": [], "text": text}
    assert outbox.message(API, END) == Message("Operation ended", TIME, detail)


def test_a_message_is_a_safe_line_of_text() -> None:
    """Slack and the templates of EventBridge would interpret some characters."""
    blue = EnvironmentResult(Environment.PROD_BLUE, Status.IN_PROGRESS)
    same = EnvironmentResult(Environment.QA, Status.SUCCEEDED, "1.1", "1.1")
    reason = 'the "new" release <b> & a\\b failed'
    ended = replace(END, environments=(GREEN, blue, same), version="1.1", reason=reason)
    assert outbox.message(API, ended).detail == {
        **FACTS,
        "version": "1.1",
        "environments": [
            {"environment": "PROD-GREEN", "status": "FAILED", "version": "1.1",
             "previousVersion": "1.0"},
            {"environment": "PROD-BLUE", "status": "IN_PROGRESS"},
            {"environment": "QA", "status": "SUCCEEDED", "version": "1.1",
             "previousVersion": "1.1"},
        ],
        "reason": reason,
        "text": "Operation ended: swap of Shop, FAILED. PROD-GREEN 1.0 to 1.1, PROD-BLUE, QA 1.1."
                f" by iam user/alice. the 'new' release (b) + a/b failed {LINK}",
    }  # fmt: skip


def test_a_key_of_the_outbox_sorts_by_time() -> None:
    first, second = OutboxKey("Z", "DUE#2026-01-31"), OutboxKey("A", "DUE#2026-02-01")
    assert first.position < second.position
