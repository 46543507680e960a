"""Rights to abort, and the record of a denial: one event, or a log line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from devops_core.access import AccessPolicy, account_principal
from devops_core.errors import AccessDeniedError, ThrottledError, UnreachableError
from devops_core.model.operation import Event
from devops_core.naming import OPERATION_ID
from devops_core.operation_id import operation_time
from tests.lab.callers import ADMIN, APPROVER, OTHER, OWNER, WRITES, denied, with_policy
from tests.lab.client import Client
from tests.lab.dry import DryClient
from tests.lab.fakes import ACCOUNT, FakeCloud
from tests.lab.memory.memory_snapshot import watch

SEARCH_CI, PAYMENTS_CI = (
    f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("search-ci", "payments-ci")
)


@pytest.fixture
def hanging(owned: FakeCloud) -> Mapping[str, str]:
    """Operations in progress, by kind: a deploy, a create and a promote."""
    owner = Client(owned, OWNER)
    owner.finished(owner.deploy("1.1", "dev"))
    owned.containers.automatic = False
    owned.stacks.pace = 1000
    started = {
        "create": owner.create("Fresh"),
        "deploy": owner.deploy("1.2", "qa"),
        "deploy-blue": Client(owned, APPROVER).promote(),
    }
    assert {reply.status for reply in started.values()} == {202}
    return {kind: reply.id for kind, reply in started.items()}


@pytest.mark.parametrize(
    ("kind", "caller", "needs"),
    [
        ("create", OTHER, "the team payments or admins"),
        ("deploy", OTHER, "the team payments or admins"),
        ("deploy-blue", OTHER, "the team payments or admins and productionapprovers"),
        ("deploy-blue", OWNER, "productionapprovers"),
        ("deploy-blue", ADMIN, "productionapprovers"),
    ],
)
def test_an_abort_requires_the_right_to_start(
    owned: FakeCloud, hanging: Mapping[str, str], kind: str, caller: str, needs: str
) -> None:
    name = "Fresh" if kind == "create" else "Shop"
    before = owned.tables.operations[name, hanging[kind]]
    start = len(owned.wire.journal)
    reply = Client(owned, caller).abort(hanging[kind], name)
    assert (reply.status, reply.body["code"]) == (403, "FORBIDDEN")
    assert reply.body["errorMessage"] == (
        f"not allowed to abort the {kind} {before.id} of {name}: requires {needs}"
    )
    assert owned.wire.names(start) == [
        "tables.operation",
        "tables.inventory",
        "tables.count_refusal",
    ]
    assert owned.tables.operations[name, before.id] == before
    (event,) = denied(owned, name)
    assert (event.kind, event.caller) == (kind, account_principal(caller))


@pytest.mark.parametrize(
    ("kind", "caller"),
    [
        ("create", OWNER),
        ("create", ADMIN),
        ("deploy", APPROVER),
        ("deploy-blue", APPROVER),
    ],
)
def test_a_caller_with_the_right_to_start_can_abort(
    owned: FakeCloud, hanging: Mapping[str, str], kind: str, caller: str
) -> None:
    name = "Fresh" if kind == "create" else "Shop"
    reply = Client(owned, caller).abort(hanging[kind], name)
    assert (reply.status, reply.operation["abortedBy"]) == (202, caller)
    # A repeated abort returns the same response; another caller is still denied.
    assert Client(owned, caller).abort(hanging[kind], name).status == 202
    assert Client(owned, OTHER).abort(hanging[kind], name).status == 403


def test_the_abort_of_a_delete_is_checked_for_rights_first(owned: FakeCloud) -> None:
    deleting = Client(owned, APPROVER).delete()
    assert Client(owned, OTHER).abort(deleting.id).body["code"] == "FORBIDDEN"
    assert Client(owned, APPROVER).abort(deleting.id).body["code"] == "NOT_ABORTABLE"


def test_a_repeated_abort_of_an_ended_operation_requires_the_right_too(
    owned: FakeCloud, hanging: Mapping[str, str]
) -> None:
    """The response has the operation with its images, which are those of the team."""
    Client(owned, OWNER).abort(hanging["deploy"])
    owned.resume()
    api = Client(owned, OTHER)
    api.settle()
    refused = api.abort(hanging["deploy"])
    assert (refused.status, refused.body["code"]) == (403, "FORBIDDEN")
    assert "operation" not in refused.body
    assert Client(owned, OWNER).abort(hanging["deploy"]).operation["status"] == "FAILED"


def test_an_ended_operation_without_an_abort_needs_no_right(
    owned: FakeCloud, hanging: Mapping[str, str]
) -> None:
    owned.resume()
    api = Client(owned, OTHER)
    api.settle()
    promoted = api.abort(hanging["deploy-blue"])
    assert (promoted.status, promoted.body["code"]) == (409, "ALREADY_ENDED")
    assert denied(owned) == []


def test_a_repeated_abort_of_a_create_needs_no_right_without_the_application(
    owned: FakeCloud, hanging: Mapping[str, str]
) -> None:
    """The application has no team any more, so the right of its own team is unknown too."""
    owner = Client(owned, OWNER)
    aborted = owner.abort(hanging["create"], "Fresh")
    owned.resume()
    assert owner.finished(aborted).operation["status"] == "FAILED"
    rows = {key: row for key, row in owned.tables.rows.items() if key[0] == "Fresh"}
    for key in rows:
        del owned.tables.rows[key]
    record = owned.tables.records.pop("Fresh")
    again = owner.abort(hanging["create"], "Fresh")
    assert (again.status, again.operation["status"]) == (200, "FAILED")
    owned.tables.rows |= rows
    owned.tables.records["Fresh"] = record


def test_only_admins_can_abort_an_operation_without_rows(
    owned: FakeCloud, hanging: Mapping[str, str]
) -> None:
    """The rows were removed by hand, so the team of the application is unknown."""
    rows = {key: row for key, row in owned.tables.rows.items() if key[0] == "Fresh"}
    for key in rows:
        del owned.tables.rows[key]
    record = owned.tables.records.pop("Fresh")
    refused = Client(owned, OWNER).abort(hanging["create"], "Fresh")
    assert refused.status == 403
    assert refused.body["errorMessage"].endswith("of Fresh: requires admins")
    owned.tables.rows |= rows
    owned.tables.records["Fresh"] = record
    assert Client(owned, OWNER).abort(hanging["create"], "Fresh").status == 202


def test_an_abort_reads_the_rows_only_if_rights_are_configured(
    owned: FakeCloud, hanging: Mapping[str, str]
) -> None:
    with_policy(owned, AccessPolicy(admins=(ADMIN,)))
    start = len(owned.wire.journal)
    assert Client(owned, OTHER).abort(hanging["deploy"]).status == 202
    assert owned.wire.names(start)[:2] == ["tables.operation", "tables.save"]


def test_every_caller_can_read(owned: FakeCloud, hanging: Mapping[str, str]) -> None:
    api = Client(owned, OTHER)
    assert api.status(hanging["deploy"]).status == 200
    assert api.status(hanging["deploy"], headers={"Prefer": "wait=1"}).status == 200
    assert api.health().status == 200


# --- the record of a denial ---


def test_a_refusal_is_recorded(owned: FakeCloud) -> None:
    owned.clock.wait(7)
    owned.lines.clear()
    now = owned.clock.now()
    reply = Client(owned, OTHER).swap(version="1.0")
    (event,) = denied(owned)
    assert OPERATION_ID.fullmatch(event.operation)
    assert ("Shop", event.operation) not in owned.tables.operations
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    assert operation_time(event.operation) == day
    assert event == Event(
        key="DENIED",
        operation=event.operation,
        kind="swap",
        application="Shop",
        caller=SEARCH_CI,
        time=day,
        outcome="DENIED",
        reason=reply.body["errorMessage"],
        count=1,
        first_time=now,
        last_time=now,
    )
    assert [(message, facts["caller"]) for message, facts in owned.lines] == [
        ("refused", OTHER), ("answered", OTHER),
    ]  # fmt: skip
    refused, answered = (facts for _, facts in owned.lines)
    assert (refused["reason"], answered["code"]) == (reply.body["errorMessage"], "FORBIDDEN")


def test_repeated_refusals_of_a_day_are_one_event(owned: FakeCloud) -> None:
    session = OTHER.rpartition("/")[0]
    times = []
    for number in range(30):
        owned.clock.wait(60)
        times.append(owned.clock.now())
        assert Client(owned, f"{session}/attempt-{number}").swap().status == 403
    (event,) = denied(owned)
    assert (event.count, event.first_time, event.last_time) == (30, times[0], times[-1])
    assert event.caller == SEARCH_CI


def test_refusals_are_distinguished_by_kind_caller_application_and_day(owned: FakeCloud) -> None:
    asked = [
        WRITES["deploy"](Client(owned, OTHER)),
        WRITES["swap"](Client(owned, OTHER)),
        WRITES["swap"](Client(owned, OWNER)),
    ]
    owned.clock.pass_(hours=24)
    asked.append(WRITES["swap"](Client(owned, OWNER)))
    assert [reply.status for reply in asked] == [403] * 4
    assert sorted((event.kind, event.caller, event.count) for event in denied(owned)) == [
        ("deploy", SEARCH_CI, 1),
        ("swap", PAYMENTS_CI, 1),
        ("swap", PAYMENTS_CI, 1),
        ("swap", SEARCH_CI, 1),
    ]


def test_refusals_do_not_displace_the_events_of_an_application(owned: FakeCloud) -> None:
    deployed = Client(owned, OWNER).deploy("1.2", "qa")
    for _ in range(25):
        for ask in WRITES.values():
            assert ask(Client(owned, OTHER)).status == 403
    newest = listed(owned, limit=2)
    assert (deployed.id, "ACCEPTED") in {(each["operation"], each["outcome"]) for each in newest}
    entries = [event for event in listed(owned, limit=100) if event["outcome"] == "DENIED"]
    assert [entry["count"] for entry in entries] == [25] * len(WRITES)


def listed(cloud: FakeCloud, limit: int) -> list[dict[str, Any]]:
    resource, parameters = "/stacks/{applicationName}/events", {"applicationName": "Shop"}
    query = {"limit": str(limit)}
    reply = Client(cloud).send("GET", resource, parameters=parameters, query=query)
    found: list[dict[str, Any]] = reply.body["events"]
    return found


def test_the_federated_users_of_an_account_are_one_caller() -> None:
    """A user chooses their names in a call of GetFederationToken."""
    token = f"arn:aws:sts::{ACCOUNT}:federated-user"
    assert account_principal(f"{token}/one") == account_principal(f"{token}/two/x") == token
    assert account_principal(OTHER) == SEARCH_CI
    assert account_principal("a1b2c3d4e5") == "a1b2c3d4e5"
    assert account_principal("address 192.0.2.7") == "address 192.0.2.7"


def test_every_refusal_is_counted_by_the_metric(owned: FakeCloud) -> None:
    owned.measured.clear()
    dry = DryClient(owned, OTHER)
    for reply in (WRITES["swap"](Client(owned, OTHER)), dry.swap(), Client(owned, OTHER).create()):
        assert reply.status == 403
    assert [line["Refusals"] for line in owned.measured] == [1, 1, 1]


@pytest.mark.parametrize(
    "error",
    [ThrottledError("slow down"), UnreachableError("no answer"), AccessDeniedError("not allowed")],
)
def test_a_denial_that_cannot_be_recorded_is_still_a_denial(
    owned: FakeCloud, error: Exception
) -> None:
    owned.lines.clear()
    for name in ("deploy", "delete"):
        owned.wire.fail("tables.count_refusal", error, times=1)
        reply = WRITES[name](Client(owned, OTHER))
        assert (reply.status, reply.body["code"]) == (403, "FORBIDDEN")
    assert denied(owned) == []
    lines = [facts for message, facts in owned.lines if message == "refusal not recorded"]
    assert lines[0] == {
        "applicationName": "Shop",
        "kind": "deploy",
        "caller": OTHER,
        "reason": "not allowed to deploy Shop: requires the team payments or admins",
        "error": str(error),
    }
    assert [(each["kind"], each["applicationName"]) for each in lines[1:]] == [("delete", "Shop")]


def test_a_denied_abort_that_cannot_be_recorded_is_logged_with_its_operation(
    owned: FakeCloud, hanging: Mapping[str, str]
) -> None:
    owned.wire.fail("tables.count_refusal", ThrottledError("slow down"), times=1)
    assert Client(owned, OTHER).abort(hanging["deploy"]).status == 403
    (lines,) = [facts for message, facts in owned.lines if message == "refusal not recorded"]
    assert (lines["operation"], lines["applicationName"]) == (hanging["deploy"], "Shop")


def test_denials_do_not_affect_recovery(owned: FakeCloud) -> None:
    """Every reader of the audit log must accept an event without an operation."""
    watcher = watch(owned)
    for ask in WRITES.values():
        ask(Client(owned, OTHER))
    done = Client(owned, APPROVER)
    assert done.swap().status == 200
    owned.clock.pass_(minutes=10)
    assert done.drift_check() == 0
    assert done.finished(done.delete()).operation["status"] == "SUCCEEDED"
    watcher.hold_at_rest()
    assert len(denied(owned)) == len(WRITES)
