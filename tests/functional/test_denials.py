"""Rights to abort, and the record of a denial: one event, or a log line."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from devops_core.access import AccessPolicy
from devops_core.errors import AccessDeniedError, ThrottledError, UnreachableError
from devops_core.model.operation import Event
from devops_core.naming import OPERATION_ID
from tests.lab.callers import ADMIN, APPROVER, OTHER, OWNER, WRITES, denied, with_policy
from tests.lab.client import Client
from tests.lab.fakes import FakeCloud
from tests.lab.memory.memory_snapshot import watch


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
    assert owned.wire.names(start) == ["tables.operation", "tables.inventory", "tables.note"]
    assert owned.tables.operations[name, before.id] == before
    (event,) = denied(owned, name)
    assert (event.kind, event.caller) == (kind, caller)


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


def test_the_abort_of_an_ended_operation_needs_no_right(
    owned: FakeCloud, hanging: Mapping[str, str]
) -> None:
    Client(owned, OWNER).abort(hanging["deploy"])
    owned.resume()
    api = Client(owned, OTHER)
    api.settle()
    assert api.abort(hanging["deploy"]).operation["status"] == "FAILED"
    promoted = api.abort(hanging["deploy-blue"])
    assert (promoted.status, promoted.body["code"]) == (409, "ALREADY_ENDED")
    assert denied(owned) == []


def test_only_admins_can_abort_an_operation_without_rows(
    owned: FakeCloud, hanging: Mapping[str, str]
) -> None:
    """The rows were removed by hand, so the team of the application is unknown."""
    rows = {key: row for key, row in owned.tables.rows.items() if key[0] == "Fresh"}
    for key in rows:
        del owned.tables.rows[key]
    refused = Client(owned, OWNER).abort(hanging["create"], "Fresh")
    assert refused.status == 403
    assert refused.body["errorMessage"].endswith("of Fresh: requires admins")
    owned.tables.rows |= rows
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


def test_a_denial_is_recorded(owned: FakeCloud) -> None:
    owned.clock.wait(7)
    owned.lines.clear()
    reply = Client(owned, OTHER).swap(version="1.0")
    (event,) = denied(owned)
    assert OPERATION_ID.fullmatch(event.operation)
    assert ("Shop", event.operation) not in owned.tables.operations
    assert event == Event(
        key="DENIED",
        operation=event.operation,
        kind="swap",
        application="Shop",
        caller=OTHER,
        time=owned.clock.now(),
        outcome="DENIED",
        reason=reply.body["errorMessage"],
    )
    assert [(message, facts["code"], facts["caller"]) for message, facts in owned.lines] == [
        ("answered", "FORBIDDEN", OTHER)
    ]
    Client(owned, OTHER).swap(version="1.0")
    assert len({each.operation for each in denied(owned)}) == 2


@pytest.mark.parametrize(
    "error",
    [ThrottledError("slow down"), UnreachableError("no answer"), AccessDeniedError("not allowed")],
)
def test_a_denial_that_cannot_be_recorded_is_still_a_denial(
    owned: FakeCloud, error: Exception
) -> None:
    owned.lines.clear()
    for name in ("deploy", "delete"):
        owned.wire.fail("tables.note", error, times=1)
        reply = WRITES[name](Client(owned, OTHER))
        assert (reply.status, reply.body["code"]) == (403, "FORBIDDEN")
    owned.wire.fail("tables.note", error, times=1)
    assert Client(owned, OTHER).create("Fresh").status == 403
    assert denied(owned) == []
    lines = [facts for message, facts in owned.lines if message == "refusal not recorded"]
    assert lines[0] == {
        "applicationName": "Shop",
        "kind": "deploy",
        "caller": OTHER,
        "reason": "not allowed to deploy Shop: requires the team payments or admins",
        "error": str(error),
    }
    assert [(each["kind"], each["applicationName"]) for each in lines[1:]] == [
        ("delete", "Shop"), ("create", "Fresh"),
    ]  # fmt: skip


def test_a_denied_abort_that_cannot_be_recorded_is_logged_with_its_operation(
    owned: FakeCloud, hanging: Mapping[str, str]
) -> None:
    owned.wire.fail("tables.note", ThrottledError("slow down"), times=1)
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
