"""The calls continue and finish: their rights, their repetitions and their messages."""

from __future__ import annotations

import pytest

from devops_core.access import AccessPolicy, account_principal
from devops_core.errors import ThrottledError
from tests.functional.test_progressive_swap import CANARY, hold_end, weight
from tests.lab.callers import APPROVER, OTHER, OWNER, denied, refusals, with_policy
from tests.lab.client import Client, Reply
from tests.lab.dry import DryClient, plan
from tests.lab.fakes import FakeCloud
from tests.lab.measured import told

BEFORE_SHIFT = {**CANARY, "approval": {"before": "shift"}}
ACTIONS = ("continue", "finish")
BOTH_RIGHTS = "the team payments or admins and productionapprovers"


def hold_ended(reply: Reply, operation: str, status: str) -> None:
    """Check that a call is refused because its operation has ended."""
    text = f"operation {operation} has already ended: its status is {status}"
    assert (reply.status, reply.body) == (409, {"errorMessage": text, "code": "ALREADY_ENDED"})


def test_persons_move_only_a_waiting_swap(promoted: FakeCloud, api: Client) -> None:
    promoted.containers.automatic = False
    deploy = api.deploy("1.1", "dev")
    for action in ACTIONS:
        refused = api.advance(deploy.id, action)
        assert (refused.status, refused.body["code"]) == (409, "CONFLICT")
        assert refused.body["errorMessage"] == (
            f"operation {deploy.id} is a deploy: it has no {action}"
        )
        assert api.advance("01JN8EY4M00000000000000009", action).status == 404
    assert api.advance(deploy.id, "stop").status == 400
    promoted.containers.automatic = True
    api.settle()
    reply = api.swap(**CANARY)
    aborted = api.abort(reply.id)
    assert (aborted.status, aborted.operation["status"]) == (200, "FAILED")
    for action in ACTIONS:
        hold_ended(api.advance(reply.id, action), reply.id, "FAILED")


@pytest.mark.usefixtures("promoted")
@pytest.mark.parametrize("action", ACTIONS)
def test_a_dry_run_shows_the_swap_that_would_continue(
    api: Client, dry: DryClient, action: str
) -> None:
    reply = api.swap(**BEFORE_SHIFT)
    found = plan(dry.advance(reply.id, action))
    parts = found.pop("environments")
    assert found == {
        "kind": "swap",
        "applicationName": "Shop",
        "message": f"the call would {action} the swap",
        "claims": ["PROD-BLUE", "PROD-GREEN"],
    }
    assert [(each["environment"], each["slot"], each.get("version")) for each in parts] == [
        ("PROD-GREEN", "prod-2", "1.0"), ("PROD-BLUE", "prod-1", None),
    ]  # fmt: skip
    api.abort(reply.id)
    hold_ended(dry.advance(reply.id, action), reply.id, "FAILED")


# --- repetitions ---


@pytest.mark.usefixtures("promoted")
@pytest.mark.parametrize("action", ACTIONS)
def test_a_repeated_call_returns_the_end(api: Client, dry: DryClient, action: str) -> None:
    reply = api.swap(**CANARY, approval={"before": "full"})
    if action == "continue":
        # Without an approval the other call has no effect of this one.
        for _ in range(6):
            api.tick()
    ended = api.advance(reply.id, action).operation
    assert ended["status"] == "SUCCEEDED"
    again = api.advance(reply.id, action)
    assert (again.status, again.operation) == (200, ended)
    # A dry run shows the present effect of a call: none.
    hold_ended(dry.advance(reply.id, action), reply.id, "SUCCEEDED")


def test_a_swap_that_ended_without_a_call_refuses_it(promoted: FakeCloud, api: Client) -> None:
    reply = api.swap(**CANARY)
    for _ in range(6):
        api.tick()
    hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")
    for action in ACTIONS:
        hold_ended(api.advance(reply.id, action), reply.id, "SUCCEEDED")


def test_a_repair_cannot_continue(settled: FakeCloud, api: Client) -> None:
    """It has ended when it is written, and no kind has its name."""
    estate = settled.stacks.estate
    for listener, slot in (("production", "prod-2"), ("test", "prod-1")):
        group = estate.target_group("Shop", slot)
        settled.load_balancer.listeners[estate.listener("Shop", listener)] = [group]
    assert api.drift_check() == 1
    repair = next(each for each in settled.tables.operations.values() if each.kind == "repair")
    for action in ACTIONS:
        hold_ended(api.advance(repair.id, action), repair.id, "SUCCEEDED")


def test_a_call_that_the_same_call_outruns_returns_the_end(
    promoted: FakeCloud, api: Client
) -> None:
    reply = api.swap(**CANARY)
    other: list[Reply] = []
    promoted.wire.on("tables.save", lambda: other.append(api.advance(reply.id, "finish")))
    slower = Client(promoted, OTHER).advance(reply.id, "finish")
    assert (slower.status, slower.operation) == (200, other[0].operation)
    hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")


def test_a_call_that_an_abort_outruns_is_refused(promoted: FakeCloud, api: Client) -> None:
    reply = api.swap(**CANARY)
    promoted.wire.on("tables.save", lambda: api.abort(reply.id))
    hold_ended(api.advance(reply.id, "finish"), reply.id, "FAILED")


# --- rights ---


@pytest.mark.parametrize("action", ACTIONS)
def test_a_repeated_call_needs_the_right_to_swap(owned: FakeCloud, action: str) -> None:
    lead = Client(owned, APPROVER)
    reply = lead.swap(**BEFORE_SHIFT)
    lead.advance(reply.id, action)
    lead.settle()
    assert lead.status(reply.id).operation["status"] == "SUCCEEDED"
    assert lead.advance(reply.id, action).status == 200
    assert Client(owned, OTHER).advance(reply.id, action).status == 403


@pytest.mark.parametrize("action", ACTIONS)
def test_a_call_needs_the_right_to_swap(owned: FakeCloud, action: str) -> None:
    lead = Client(owned, APPROVER)
    reply = lead.swap(**BEFORE_SHIFT)
    assert reply.operation["phase"] == "AWAITING_APPROVAL"
    for caller, needs in ((OWNER, "productionapprovers"), (OTHER, BOTH_RIGHTS)):
        refused = Client(owned, caller).advance(reply.id, action)
        assert (refused.status, refused.body) == (
            403,
            {
                "errorMessage": f"not allowed to {action} the swap {reply.id} of Shop:"
                f" requires {needs}",
                "code": "FORBIDDEN",
            },
        )
        # A dry run leaves no event.
        assert DryClient(owned, caller).advance(reply.id, action).body == refused.body
    assert refusals(owned) == 2
    assert weight(owned) == 0
    assert Client(owned, APPROVER).advance(reply.id, action).status in (200, 202)
    lead.settle()


def test_deployers_and_the_starter_cannot_approve_without_selfapproval(shop: FakeCloud) -> None:
    with_policy(shop, AccessPolicy(self_approval=False))
    deployer, starter = Client(shop, OWNER), Client(shop, APPROVER)
    deployer.finished(deployer.deploy("1.0", "dev"))
    deployer.finished(deployer.promote())
    reply = starter.swap(**BEFORE_SHIFT)
    for action in ACTIONS:
        for caller in (OWNER, APPROVER):
            refused = Client(shop, caller).advance(reply.id, action)
            assert (refused.status, refused.body) == (
                403,
                {
                    "errorMessage": f"not allowed to {action} the swap of Shop: this caller started"
                    " it, deployed or promoted its release, or changed the settings of the release,"
                    f" and selfapproval is false: another caller must {action} it",
                    "code": "FORBIDDEN",
                },
            )
            # A dry run leaves no event.
            assert DryClient(shop, caller).advance(reply.id, action).body == refused.body
    counts = {(event.caller, event.kind): event.count for event in denied(shop)}
    callers = map(account_principal, (OWNER, APPROVER))
    assert counts == {(caller, "swap"): 2 for caller in callers}
    shop.wire.fail("tables.count_refusal", ThrottledError("slow down"), times=1)
    assert deployer.advance(reply.id, "continue").status == 403
    (line,) = told(shop, "refusal not recorded")
    assert (line["operation"], line["caller"], line["kind"]) == (reply.id, OWNER, "swap")
    assert Client(shop, OTHER).advance(reply.id, "continue").operation["phase"] == "SHIFTED"
    # Everyone can end a bad release.
    assert deployer.abort(reply.id).status == 200
    assert shop.live("Shop") == "prod-1"


def test_the_starter_can_end_the_waits_of_a_swap_without_an_approval(shop: FakeCloud) -> None:
    with_policy(shop, AccessPolicy(self_approval=False))
    deployer, starter = Client(shop, OWNER), Client(shop, APPROVER)
    deployer.finished(deployer.deploy("1.0", "dev"))
    deployer.finished(deployer.promote())
    reply = starter.swap(**CANARY)
    assert deployer.advance(reply.id, "finish").status == 403
    assert starter.advance(reply.id, "finish").operation["status"] == "SUCCEEDED"
