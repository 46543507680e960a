"""Emergency calls: a second swap that names the previously live release ends the first one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from devops_core.naming import Environment
from tests.functional.test_changed_weights import by_hand
from tests.functional.test_progressive_swap import (
    BAKE,
    CANARY,
    hold_end,
    minutes,
    weight,
)
from tests.lab.client import SCHEDULE, Client
from tests.lab.dry import DryClient
from tests.lab.fakes import Call, FakeCloud


@pytest.fixture
def second(promoted: FakeCloud, api: Client) -> FakeCloud:
    """Shop with 1.0 live in prod-2 and 1.1 in the idle slot prod-1."""
    assert api.swap(version="1.0").status == 200
    api.finished(api.deploy("1.1", "dev"))
    api.finished(api.promote())
    return promoted


@pytest.mark.parametrize("named", ["version", "digest", "both"])
@pytest.mark.parametrize("waited", [0, 3, 8])
def test_a_swap_to_the_previous_release_rolls_back(
    second: FakeCloud, api: Client, dry: DryClient, named: str, waited: int
) -> None:
    members = {"version": "1.0", "digest": second.images.pushed["shop", "1.0"]}
    if named != "both":
        members = {named: members[named]}
    reply = api.swap(**CANARY, **BAKE, version="1.1")
    minutes(api, waited)
    planned = dry.swap(None, **members).body["plan"]
    assert planned["message"] == "all customers would have the previous release"
    back = api.swap(None, **members)
    assert (back.status, back.id, back.operation["status"]) == (200, reply.id, "FAILED")
    assert back.body["message"] == "all customers have the previous release"
    hold_end(second, api, reply, "FAILED", "prod-2")
    start = len(second.wire.journal)
    again = api.swap(None, **members)
    assert (again.status, again.body["operation"]) == (200, None)
    assert second.wire.writes(start) == []


def test_a_release_without_a_version_is_named_by_its_digest(
    promoted: FakeCloud, api: Client
) -> None:
    """As the first image, if its digest is on record."""
    digest = f"sha256:{'f' * 64}"
    key = ("Shop", Environment.PROD_GREEN)
    row = promoted.tables.rows[key]
    assert row.service
    assert row.service.version is None
    promoted.tables.rows[key] = replace(row, service=replace(row.service, digest=digest))
    reply = api.swap(**CANARY, version="1.0")
    back = api.swap(None, digest=digest)
    assert back.id == reply.id
    hold_end(promoted, api, reply, "FAILED", "prod-1")
    promoted.tables.rows[key] = replace(promoted.tables.rows[key], service=row.service)


@pytest.mark.parametrize("named", ["version", "nothing"])
def test_a_swap_back_after_the_end_follows_no_policy(
    second: FakeCloud, api: Client, named: str
) -> None:
    """Its release was live; the policy could wait, or ask the alarm that the new release raised."""
    second.monitoring.states = {"errors": "OK"}
    policy = {**CANARY, **BAKE, "alarms": ["errors"], "approval": {"before": "shift"}}
    assert api.patch({"production": policy}).status == 200
    now: dict[str, Any] = {"strategy": {"type": "allAtOnce"}, "bakeMinutes": 0, "approval": "off"}
    assert api.swap(version="1.1", **now).operation["status"] == "SUCCEEDED"
    second.monitoring.states = {"errors": "ALARM"}
    back = api.swap(version="1.0") if named == "version" else api.swap()
    assert (back.status, back.operation["status"]) == (200, "SUCCEEDED")
    assert "policy" not in back.operation
    assert second.live("Shop") == "prod-2"
    # The way forward follows the policy again: the release that customers have left can be bad.
    second.monitoring.states = {"errors": "OK"}
    again = api.swap(version="1.1")
    assert again.operation["phase"] == "AWAITING_APPROVAL"
    api.abort(again.id)


def test_a_swap_back_can_have_a_policy_of_its_own(second: FakeCloud, api: Client) -> None:
    assert api.swap(version="1.1").status == 200
    assert api.patch({"production": BAKE}).status == 200
    back = api.swap(version="1.0", **CANARY)
    assert weight(second) == 10
    minutes(api, 10)
    hold_end(second, api, back, "SUCCEEDED", "prod-2")


@pytest.mark.usefixtures("second")
def test_a_promoted_release_follows_the_policy_in_a_slot_that_was_live(api: Client) -> None:
    assert api.swap(version="1.1").status == 200
    assert api.patch({"production": {"approval": {"before": "shift"}}}).status == 200
    api.finished(api.deploy("1.2", "dev"))
    api.finished(api.promote())
    reply = api.swap(version="1.2")
    assert reply.operation["phase"] == "AWAITING_APPROVAL"
    api.abort(reply.id)


def test_a_repeated_emergency_call_returns_its_operation(second: FakeCloud, api: Client) -> None:
    first = api.swap(**CANARY, version="1.1")
    key = {"Idempotency-Key": "back-1"}
    assert api.swap(key, version="1.0").id == first.id
    other = api.swap(**CANARY, version="1.1")
    again = api.swap(key, version="1.0")
    assert (again.status, again.id, again.operation["status"]) == (200, first.id, "FAILED")
    assert api.swap(key, version="1.1").body["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert api.status(other.id).operation["status"] == "IN_PROGRESS"
    minutes(api, 10)
    hold_end(second, api, other, "SUCCEEDED", "prod-1")


def test_two_emergency_calls_with_the_same_key_at_once(second: FakeCloud, api: Client) -> None:
    """The second one reads no record of the key, and finds it when it writes its own."""
    reply = api.swap(**CANARY, version="1.1")
    key, started, faster = {"Idempotency-Key": "back-1"}, [False], []

    def first(call: Call, effect: Callable[[], Any]) -> Any:
        if call.name == "tables.save" and not started[0]:
            started[0] = True
            faster.append(api.swap(key, version="1.0"))
        return effect()

    second.wire.around = first
    back = api.swap(key, version="1.0")
    second.wire.heal()
    assert [(each.status, each.id) for each in (*faster, back)] == [(200, reply.id)] * 2
    hold_end(second, api, reply, "FAILED", "prod-2")


def test_other_second_swaps_are_refused(second: FakeCloud, api: Client) -> None:
    reply = api.swap(**CANARY, version="1.1")
    for members in ({}, {"version": "1.1"}, {"version": "1.2"}, {"version": "1.0", "spec": 9}):
        refused = api.swap(None, **members)
        assert refused.status == 409
        assert reply.id in str(refused.body)
    assert weight(second) == 90


@pytest.fixture
def outdated(second: FakeCloud, api: Client) -> Iterator[FakeCloud]:
    """A person has made prod-1 with 1.1 live, and the rows do not know it yet."""
    by_hand(second, {"prod-1": 100})
    by_hand(second, {"prod-2": 100}, "test")
    yield second
    api.settle()
    second.clock.pass_(minutes=10)
    api.drift_check()


def test_an_emergency_call_follows_the_direction_of_the_swap(
    outdated: FakeCloud, api: Client
) -> None:
    reply = api.swap(**CANARY, version="1.0")
    back = api.swap(version="1.1")
    assert (back.status, back.id, back.operation["status"]) == (200, reply.id, "FAILED")
    assert outdated.live("Shop") == "prod-1"


def test_a_repeated_swap_does_not_roll_itself_back(outdated: FakeCloud, api: Client) -> None:
    reply = api.swap(**CANARY, version="1.0")
    assert api.swap(**CANARY, version="1.0").status == 409
    assert api.status(reply.id).operation["phase"] == "SHIFTED"
    assert weight(outdated) == 10


def test_an_emergency_call_needs_the_right_to_swap(owned: FakeCloud) -> None:
    from tests.lab.callers import APPROVER, OWNER

    lead = Client(owned, APPROVER)
    reply = lead.swap(**CANARY, version="1.0")
    assert Client(owned, OWNER).swap(version="1.0").status == 403
    assert lead.abort(reply.id).status == 200


@pytest.mark.parametrize("read", [False, True])
def test_an_emergency_call_at_the_end_of_the_swap_swaps_back(
    second: FakeCloud, api: Client, *, read: bool
) -> None:
    reply = api.swap(**CANARY, version="1.1")
    second.clock.pass_(minutes=6)
    # The schedule completes the swap before or after the call reads it.
    second.wire.on("tables.operation", lambda: api.wake(SCHEDULE), after=read)
    back = api.swap(version="1.0")
    assert (back.status, back.operation["status"]) == (200, "SUCCEEDED")
    assert back.id != reply.id
    assert second.live("Shop") == "prod-2"
