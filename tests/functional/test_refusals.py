"""Who may abort what, and what a refusal leaves behind: one event, or a line in the log."""

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
def test_an_abort_takes_the_right_to_start(
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
def test_who_may_start_may_abort(
    owned: FakeCloud, hanging: Mapping[str, str], kind: str, caller: str
) -> None:
    name = "Fresh" if kind == "create" else "Shop"
    reply = Client(owned, caller).abort(hanging[kind], name)
    assert (reply.status, reply.operation["abortedBy"]) == (202, caller)
    # Who asks again gets the same answer, who may not is refused all the same.
    assert Client(owned, caller).abort(hanging[kind], name).status == 202
    assert Client(owned, OTHER).abort(hanging[kind], name).status == 403


def test_the_abort_of_a_delete_is_refused_before_it_is_impossible(owned: FakeCloud) -> None:
    deleting = Client(owned, APPROVER).delete()
    assert Client(owned, OTHER).abort(deleting.id).body["code"] == "FORBIDDEN"
    assert Client(owned, APPROVER).abort(deleting.id).body["code"] == "NOT_ABORTABLE"


def test_what_has_ended_is_told_to_all(owned: FakeCloud, hanging: Mapping[str, str]) -> None:
    Client(owned, OWNER).abort(hanging["deploy"])
    owned.containers.automatic = True
    owned.stacks.pace = 1
    for stack in owned.stacks.stacks.values():
        stack.left = 1
    api = Client(owned, OTHER)
    api.settle()
    assert api.abort(hanging["deploy"]).operation["status"] == "FAILED"
    promoted = api.abort(hanging["deploy-blue"])
    assert (promoted.status, promoted.body["code"]) == (409, "ALREADY_ENDED")
    assert denied(owned) == []


def test_an_operation_whose_rows_are_gone_is_for_admins(
    owned: FakeCloud, hanging: Mapping[str, str]
) -> None:
    """Somebody has removed them by hand: whose it was nobody knows any more."""
    rows = {key: row for key, row in owned.tables.rows.items() if key[0] == "Fresh"}
    for key in rows:
        del owned.tables.rows[key]
    refused = Client(owned, OWNER).abort(hanging["create"], "Fresh")
    assert refused.status == 403
    assert refused.body["errorMessage"].endswith("of Fresh: requires admins")
    owned.tables.rows |= rows
    assert Client(owned, OWNER).abort(hanging["create"], "Fresh").status == 202


def test_an_abort_looks_at_the_rows_only_where_somebody_may_be_refused(
    owned: FakeCloud, hanging: Mapping[str, str]
) -> None:
    with_policy(owned, AccessPolicy(admins=(ADMIN,)))
    start = len(owned.wire.journal)
    assert Client(owned, OTHER).abort(hanging["deploy"]).status == 202
    assert owned.wire.names(start)[:2] == ["tables.operation", "tables.save"]


def test_reads_are_open_to_all(owned: FakeCloud, hanging: Mapping[str, str]) -> None:
    api = Client(owned, OTHER)
    assert api.status(hanging["deploy"]).status == 200
    assert api.status(hanging["deploy"], headers={"Prefer": "wait=1"}).status == 200
    assert api.health().status == 200


# --- on record ---


def test_a_refusal_is_on_record(owned: FakeCloud) -> None:
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
def test_what_cannot_be_recorded_is_refused_all_the_same(
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
    told = [facts for message, facts in owned.lines if message == "refusal not recorded"]
    assert told[0] == {
        "applicationName": "Shop",
        "kind": "deploy",
        "caller": OTHER,
        "reason": "not allowed to deploy Shop: requires the team payments or admins",
        "error": str(error),
    }
    assert [(each["kind"], each["applicationName"]) for each in told[1:]] == [
        ("delete", "Shop"), ("create", "Fresh"),
    ]  # fmt: skip


def test_an_abort_that_cannot_be_recorded_is_told_with_its_operation(
    owned: FakeCloud, hanging: Mapping[str, str]
) -> None:
    owned.wire.fail("tables.note", ThrottledError("slow down"), times=1)
    assert Client(owned, OTHER).abort(hanging["deploy"]).status == 403
    (told,) = [facts for message, facts in owned.lines if message == "refusal not recorded"]
    assert (told["operation"], told["applicationName"]) == (hanging["deploy"], "Shop")


def test_refusals_do_not_stand_in_the_way_of_recovery(owned: FakeCloud) -> None:
    """Whatever reads the log must know an event without an operation."""
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
