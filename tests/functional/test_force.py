"""DELETE with force=true: an admin ends an operation that AWS blocks permanently."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devops_core.access import AccessPolicy
from devops_core.errors import AccessDeniedError, ThrottledError, UnreachableError
from devops_core.model.operation import LEASE
from devops_core.naming import Environment
from tests.lab.client import USER, Client, Reply
from tests.lab.fakes import FakeCloud

DENIED = "the service's role lacks the permission elasticloadbalancing:ModifyListener"
CANARY: dict[str, Any] = {"strategy": {"type": "canary", "percent": 20}}


@pytest.fixture
def blocked(promoted: FakeCloud, api: Client) -> Reply:
    """Return a split swap whose return AWS blocks."""
    reply = api.swap(**CANARY)
    assert reply.operation["weight"] == 20
    promoted.wire.fail("load_balancer.switch", AccessDeniedError(DENIED))
    return api.abort(reply.id)


def _force(api: Client, operation: str, **further: Any) -> Reply:
    parameters = {"applicationName": "Shop", "id": operation}
    query = {"force": "true", **further.pop("query", {})}
    resource = "/stacks/{applicationName}/operations/{id}"
    return api.send("DELETE", resource, parameters=parameters, query=query, **further)


def test_a_blocked_return_keeps_production_claimed(
    promoted: FakeCloud, api: Client, blocked: Reply
) -> None:
    promoted.clock.pass_(hours=3)
    for _ in range(3):
        api.tick()
    operation = api.status(blocked.id).operation
    assert (operation["status"], operation["phase"]) == ("IN_PROGRESS", "RETURNING")
    assert operation["waitingFor"] == DENIED
    assert {each["OverdueOperations"] for each in promoted.measured if "OverdueOperations" in each}
    promoted.wire.heal()
    api.settle()
    ended = api.status(blocked.id).operation
    assert (ended["status"], ended["weight"]) == ("FAILED", 0)
    assert promoted.live("Shop") == "prod-1"


def test_force_ends_a_blocked_operation_and_records_drift(
    promoted: FakeCloud, api: Client, blocked: Reply
) -> None:
    promoted.clock.pass_(seconds=LEASE.total_seconds())
    reply = _force(api, blocked.id)
    assert (reply.status, reply.operation["status"]) == (200, "FAILED")
    assert reply.operation["reasons"] == [
        "aborted by iam user/alice",
        f"ended by force by iam user/alice, while it waited for: {DENIED}",
    ]
    row = promoted.tables.inventory_of("Shop").rows[Environment.PROD_GREEN]
    assert row.claim is None
    assert "ended by force" in (row.drift or "")
    assert _force(api, blocked.id).status == 200
    # A person returns the customers.
    promoted.wire.heal()
    listener = promoted.stacks.estate.listener("Shop", "production")
    balancer = promoted.load_balancer
    balancer.listeners[listener].remove(promoted.stacks.estate.target_group("Shop", "prod-2"))
    promoted.clock.pass_(minutes=5)
    api.drift_check()
    row = promoted.tables.inventory_of("Shop").rows[Environment.PROD_GREEN]
    assert row.drift is None


def test_force_is_refused_while_the_operation_can_still_end(
    promoted: FakeCloud, api: Client
) -> None:
    reply = api.swap(**CANARY)
    refused = _force(api, reply.id)
    assert (refused.status, refused.body["code"]) == (409, "NOT_BLOCKED")
    api.abort(reply.id)
    assert promoted.live("Shop") == "prod-1"


def test_force_is_refused_while_aws_only_throttles(promoted: FakeCloud, api: Client) -> None:
    reply = api.swap(**CANARY)
    promoted.wire.fail("load_balancer.switch", ThrottledError("AWS throttles"))
    assert api.abort(reply.id).operation["phase"] == "RETURNING"
    promoted.wire.heal()
    refused = _force(api, reply.id)
    assert (refused.status, refused.body["code"]) == (409, "NOT_BLOCKED")
    assert "continues by itself" in refused.body["errorMessage"]
    api.tick()
    assert api.status(reply.id).operation["status"] == "FAILED"
    assert promoted.live("Shop") == "prod-1"


def test_throttled_calls_of_force_itself_do_not_end_the_operation(
    promoted: FakeCloud, api: Client, blocked: Reply
) -> None:
    promoted.wire.heal()
    promoted.wire.fail("load_balancer.rules", ThrottledError("AWS throttles"))
    reply = _force(api, blocked.id)
    assert (reply.status, reply.operation["status"]) == (202, "IN_PROGRESS")
    message = "the operation continues: repeat the call in a minute if it is still blocked"
    assert reply.body["message"] == message
    promoted.wire.heal()
    api.tick()
    assert promoted.live("Shop") == "prod-1"


def test_force_does_not_end_an_operation_while_a_call_has_no_response(
    promoted: FakeCloud, api: Client, blocked: Reply
) -> None:
    promoted.wire.heal()
    promoted.wire.fail("load_balancer.switch", UnreachableError("no response: timed out"))
    assert _force(api, blocked.id).status == 202
    promoted.wire.heal()
    assert _force(api, blocked.id).body["code"] == "CHANGED_MEANWHILE"
    promoted.clock.pass_(seconds=LEASE.total_seconds())
    assert _force(api, blocked.id).status == 200
    assert promoted.live("Shop") == "prod-1"


def test_force_completes_a_return_that_aws_does_not_block_any_more(
    promoted: FakeCloud, api: Client, blocked: Reply
) -> None:
    promoted.wire.heal()
    reply = _force(api, blocked.id)
    assert (reply.status, reply.operation["status"]) == (200, "FAILED")
    message = "the operation has ended by itself: nothing blocked it any more"
    assert reply.body["message"] == message
    assert reply.operation["reasons"] == ["aborted by iam user/alice"]
    assert promoted.live("Shop") == "prod-1"
    assert promoted.tables.inventory_of("Shop").rows[Environment.PROD_GREEN].drift is None


def test_force_is_refused_while_a_worker_acts(
    promoted: FakeCloud, api: Client, blocked: Reply
) -> None:
    record = promoted.tables.operations["Shop", blocked.id]
    promoted.tables.operations["Shop", blocked.id] = replace(
        record, lease_until=promoted.clock.now() + LEASE
    )
    refused = _force(api, blocked.id)
    assert (refused.status, refused.body["code"]) == (409, "CHANGED_MEANWHILE")


def test_only_admins_can_use_force(promoted: FakeCloud, api: Client, blocked: Reply) -> None:
    promoted.settings = promoted.settings._replace(
        access=AccessPolicy(teams={"payments": (USER,)}, admins=("ADMIN",))
    )
    refused = _force(api, blocked.id)
    assert (refused.status, refused.body["code"]) == (403, "FORBIDDEN")
    assert "requires admins" in refused.body["errorMessage"]


def test_a_dry_run_of_force_changes_nothing(
    promoted: FakeCloud, api: Client, blocked: Reply
) -> None:
    promoted.clock.pass_(seconds=LEASE.total_seconds())
    planned = _force(api, blocked.id, query={"dryRun": "true"})
    assert planned.body["plan"]["message"] == "the operation would end without its remaining steps"
    assert not promoted.tables.operations["Shop", blocked.id].ended


def test_an_unclear_value_is_refused(api: Client, blocked: Reply) -> None:
    assert _force(api, blocked.id, query={"force": "yes"}).status == 400


def test_a_swap_after_a_promote_that_was_ended_by_force_is_refused(
    promoted: FakeCloud, api: Client
) -> None:
    api.finished(api.deploy("1.1", "dev"))
    promoting = api.promote()
    for call in ("containers.services", "containers.update"):
        promoted.wire.fail(call, AccessDeniedError("denied"))
    api.tick()
    api.abort(promoting.id)
    promoted.clock.pass_(seconds=70)
    assert _force(api, promoting.id).operation["status"] == "FAILED"
    promoted.wire.heal()
    promoted.containers.service("Shop", "prod-2").complete(promoted.clock.now())
    refused = api.swap(version="1.0")
    assert (refused.status, refused.body["code"]) == (409, "NOT_READY")
    assert "runs another task definition than its inventory row" in refused.body["errorMessage"]
    assert promoted.live("Shop") == "prod-1"
    promoted.clock.pass_(minutes=10)
    assert api.drift_check() == 1
