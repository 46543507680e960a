"""DELETE with force=true: an admin ends an operation that AWS blocks permanently."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from devops_core.access import AccessPolicy, account_principal
from devops_core.errors import AccessDeniedError, ThrottledError, UnreachableError
from devops_core.model.inventory import RowStatus
from devops_core.model.operation import LEASE
from devops_core.naming import Environment
from tests.lab.callers import ADMIN, ONLY_TEAMS, OWNER, denied, with_policy
from tests.lab.client import SCHEDULE, USER, Client, Reply
from tests.lab.dry import DryClient, plan
from tests.lab.fakes import Crash, FakeCloud
from tests.lab.measured import told

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


def hold_forced(reply: Reply, *reasons: str) -> dict[str, Any]:
    """Check the response about an operation that was ended by force, and return the operation."""
    assert reply.status == 200
    assert reply.body["message"] == "the operation has ended without its remaining steps"
    operation = reply.operation
    assert (operation["status"], operation["reasons"]) == ("FAILED", [*reasons])
    parts = operation["environments"]
    assert [(each["status"], each["reason"]) for each in parts] == [
        ("FAILED", reasons[-1]) for _ in parts
    ]
    return operation


def drifts(cloud: FakeCloud) -> dict[str, str]:
    """Return the texts about drift by environment."""
    rows = cloud.tables.inventory_of("Shop").rows.values()
    assert {row.claim for row in rows} == {None}
    return {row.environment.value: row.drift for row in rows if row.drift}


def drift(operation: str, *environments: str) -> dict[str, str]:
    text = f"operation {operation} was ended by force: AWS may differ from this row"
    return dict.fromkeys(environments, text)


def return_by_hand(cloud: FakeCloud, api: Client) -> None:
    """Give all customers to prod-1, as a person does; the drift check corrects the rows."""
    cloud.wire.heal()
    estate = cloud.stacks.estate
    listener, new = estate.listener("Shop", "production"), estate.target_group("Shop", "prod-2")
    cloud.load_balancer.listeners[listener].remove(new)
    cloud.clock.pass_(minutes=5)
    api.drift_check()
    assert drifts(cloud) == {}


def test_force_ends_a_blocked_operation_and_records_drift(
    promoted: FakeCloud, api: Client, blocked: Reply
) -> None:
    promoted.clock.pass_(seconds=LEASE.total_seconds())
    # Another admin than the caller of the abort.
    reply = _force(Client(promoted, ADMIN), blocked.id)
    operation = hold_forced(
        reply,
        "aborted by iam user/alice",
        f"ended by force by iam user/ada, while it waited for: {DENIED}",
    )
    assert operation["abortedBy"] == USER
    assert drifts(promoted) == drift(blocked.id, "PROD-BLUE", "PROD-GREEN")
    ends = [each.outcome for each in promoted.tables.events_of("Shop", blocked.id)][-3:]
    assert ends == ["FAILED", "FAILED", "FAILED"]
    again = _force(api, blocked.id)
    assert (again.status, again.operation) == (200, operation)
    assert again.body["message"] == "the operation has already ended"
    return_by_hand(promoted, api)


def test_force_keeps_the_reasons_of_a_return_after_its_deadline(
    promoted: FakeCloud, api: Client
) -> None:
    """It needs no abort; the caller ends the operation."""
    promoted.monitoring.states = {"errors": "OK"}
    reply = api.swap(**CANARY, alarms=["errors"])
    promoted.wire.fail("load_balancer.switch", AccessDeniedError(DENIED))
    promoted.monitoring.states = {"errors": "ALARM"}
    api.tick()
    early = _force(api, reply.id)
    assert (early.status, early.body["code"]) == (409, "NOT_BLOCKED")
    promoted.clock.pass_(minutes=20)
    operation = hold_forced(
        _force(api, reply.id),
        "the alarm errors is in the state ALARM",
        f"ended by force by iam user/alice, while it waited for: {DENIED}",
    )
    assert operation["abortedBy"] == USER
    return_by_hand(promoted, api)


def test_force_ends_an_operation_that_was_not_aborted_after_its_deadline(
    promoted: FakeCloud, api: Client
) -> None:
    promoted.wire.fail("containers.register", Crash(), times=1)
    with pytest.raises(Crash):
        api.deploy("1.1", "dev")
    ((_, operation),) = promoted.tables.in_progress()
    promoted.clock.pass_(minutes=29, seconds=59)
    assert _force(api, operation).body["code"] == "NOT_BLOCKED"
    promoted.clock.pass_(seconds=1)
    promoted.wire.fail("containers.services", AccessDeniedError(DENIED))
    hold_forced(
        _force(api, operation),
        "aborted by iam user/alice",
        f"ended by force by iam user/alice, while it waited for: {DENIED}",
    )
    promoted.wire.heal()
    assert drifts(promoted) == drift(operation, "DEV")
    promoted.clock.pass_(minutes=5)
    api.drift_check()
    assert drifts(promoted) == {}


def test_the_rows_follow_a_switch_that_aws_does_not_return(
    promoted: FakeCloud, api: Client
) -> None:
    reply = api.swap(bakeMinutes=10)
    promoted.wire.fail("load_balancer.switch", AccessDeniedError(DENIED))
    api.abort(reply.id)
    promoted.clock.pass_(seconds=LEASE.total_seconds())
    assert _force(api, reply.id).status == 200
    rows = promoted.tables.inventory_of("Shop").rows
    green, blue = rows[Environment.PROD_GREEN], rows[Environment.PROD_BLUE]
    assert [row.service and row.service.name for row in (green, blue)] == ["prod-2", "prod-1"]
    assert {row.updated_at for row in (green, blue)} == {promoted.clock.now()}
    assert drifts(promoted) == drift(reply.id, "PROD-BLUE", "PROD-GREEN")
    # A person completes the swap.
    promoted.wire.heal()
    estate, listeners = promoted.stacks.estate, promoted.load_balancer.listeners
    listeners[estate.listener("Shop", "test")] = [estate.target_group("Shop", "prod-1")]
    promoted.clock.pass_(minutes=5)
    api.drift_check()
    assert drifts(promoted) == {}


def test_a_create_that_is_ended_by_force_can_be_deleted(cloud: FakeCloud, api: Client) -> None:
    """Its stack can exist, so its rows remain."""
    cloud.stacks.pace = None
    reply = api.create()
    cloud.wire.fail("stacks", AccessDeniedError(DENIED))
    api.abort(reply.id)
    cloud.clock.pass_(seconds=LEASE.total_seconds())
    assert _force(api, reply.id).status == 200
    assert {*drifts(cloud)} >= {"DEV", "PROD-BLUE", "PROD-GREEN"}
    rows = cloud.tables.inventory_of("Shop").rows.values()
    assert {row.status for row in rows} == {RowStatus.DELETE_FAILED}
    cloud.wire.heal()
    cloud.stacks.pace = 1
    api.finished(api.delete())
    assert cloud.tables.inventory_of("Shop").rows == {}


def test_force_is_refused_while_the_operation_can_still_end(
    promoted: FakeCloud, api: Client, dry: DryClient
) -> None:
    reply = api.swap(**CANARY)
    for caller in (api, dry):
        refused = _force(caller, reply.id)
        assert refused.status == 409
        assert refused.body == {
            "errorMessage": f"operation {reply.id} is not blocked: abort it first, and end it by"
            " force only if it then does not end",
            "code": "NOT_BLOCKED",
        }
    api.abort(reply.id)
    assert promoted.live("Shop") == "prod-1"


def test_force_is_refused_while_aws_only_throttles(promoted: FakeCloud, api: Client) -> None:
    reply = api.swap(**CANARY)
    promoted.wire.fail("load_balancer.switch", ThrottledError("AWS throttles"))
    assert api.abort(reply.id).operation["phase"] == "RETURNING"
    promoted.wire.heal()
    refused = _force(api, reply.id)
    assert (refused.status, refused.body) == (409, continues(reply.id))
    api.tick()
    assert api.status(reply.id).operation["status"] == "FAILED"
    assert promoted.live("Shop") == "prod-1"


def continues(operation: str) -> dict[str, str]:
    """Return the response about an operation that pauses or rests."""
    text = "is not blocked: it continues by itself after a pause. Read it in a minute"
    return {"errorMessage": f"operation {operation} {text}", "code": "NOT_BLOCKED"}


def test_force_is_refused_while_an_operation_rests(
    promoted: FakeCloud, api: Client, blocked: Reply
) -> None:
    promoted.clock.pass_(seconds=LEASE.total_seconds())
    record = promoted.tables.operations["Shop", blocked.id]
    rests_until = promoted.clock.now() + timedelta(minutes=1)
    promoted.tables.operations["Shop", blocked.id] = replace(record, rests_until=rests_until)
    refused = _force(api, blocked.id)
    assert (refused.status, refused.body) == (409, continues(blocked.id))
    promoted.wire.heal()


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


@pytest.mark.usefixtures("shop")
def test_a_successful_operation_cannot_be_ended_by_force(api: Client) -> None:
    done = api.finished(api.deploy("1.0", "dev"))
    refused = _force(api, done.id)
    assert (refused.status, refused.body["code"]) == (409, "ALREADY_ENDED")


def test_force_is_refused_while_a_worker_acts(
    promoted: FakeCloud, api: Client, blocked: Reply
) -> None:
    record = promoted.tables.operations["Shop", blocked.id]
    promoted.tables.operations["Shop", blocked.id] = replace(
        record, lease_until=promoted.clock.now() + LEASE
    )
    refused = _force(api, blocked.id)
    assert (refused.status, refused.body) == (
        409,
        {
            "errorMessage": f"a worker acts on operation {blocked.id}: repeat the call in a minute",
            "code": "CHANGED_MEANWHILE",
        },
    )


def test_an_operation_continues_if_a_worker_is_faster_than_force(
    promoted: FakeCloud, api: Client, blocked: Reply
) -> None:
    promoted.clock.pass_(seconds=LEASE.total_seconds())
    promoted.wire.on("tables.close", lambda: api.wake(SCHEDULE))
    reply = _force(api, blocked.id)
    assert (reply.status, reply.operation["status"]) == (202, "IN_PROGRESS")
    message = "the operation continues: repeat the call in a minute if it is still blocked"
    assert reply.body["message"] == message


def test_only_admins_can_use_force(promoted: FakeCloud, blocked: Reply) -> None:
    with_policy(promoted, ONLY_TEAMS)
    member = Client(promoted, OWNER)
    # A dry run leaves no event.
    for caller, refusals in ((DryClient(promoted, OWNER), 0), (member, 1)):
        refused = _force(caller, blocked.id)
        assert (refused.status, refused.body) == (
            403,
            {
                "errorMessage": f"not allowed to end the swap {blocked.id} of Shop by force:"
                " requires admins",
                "code": "FORBIDDEN",
            },
        )
        assert len(denied(promoted)) == refusals
    (event,) = denied(promoted)
    reason = refused.body["errorMessage"]
    assert (event.kind, event.caller, event.reason) == ("swap", account_principal(OWNER), reason)
    promoted.wire.fail("tables.count_refusal", ThrottledError("slow down"), times=1)
    assert _force(member, blocked.id).status == 403
    assert told(promoted, "refusal not recorded") == [
        {
            "operation": blocked.id,
            "applicationName": "Shop",
            "kind": "swap",
            "caller": OWNER,
            "reason": reason,
            "error": "slow down",
        }
    ]
    promoted.clock.pass_(seconds=LEASE.total_seconds())
    assert _force(Client(promoted, ADMIN), blocked.id).status == 200
    with_policy(promoted, AccessPolicy())
    return_by_hand(promoted, Client(promoted))


def test_a_dry_run_of_force_changes_nothing(
    promoted: FakeCloud, dry: DryClient, blocked: Reply
) -> None:
    promoted.clock.pass_(seconds=LEASE.total_seconds())
    assert plan(_force(dry, blocked.id)) == {
        "kind": "swap",
        "applicationName": "Shop",
        "message": "the operation would end without its remaining steps",
    }


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
