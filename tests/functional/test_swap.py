"""POST /stacks/swapProdBlueAndGreen."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from devops_core.errors import RefusedError, ThrottledError, UnreachableError
from devops_core.model.operation import Status
from devops_core.naming import PRODUCTION, Environment
from tests.lab.client import SCHEDULE, Client
from tests.lab.dry import DryClient
from tests.lab.events import DEPLOYMENT_COMPLETED
from tests.lab.fakes import Crash, FakeCloud


def _live(cloud: FakeCloud, which: str = "production") -> str:
    (group,) = cloud.load_balancer.listeners[cloud.stacks.estate.listener("Shop", which)]
    return "prod-1" if group == cloud.stacks.estate.target_group("Shop", "prod-1") else "prod-2"


def _green(cloud: FakeCloud) -> str | None:
    service = cloud.tables.inventory_of("Shop").service(Environment.PROD_GREEN)
    return service.version if service else None


def test_a_swap_exchanges_both_listeners_and_the_rows(promoted: FakeCloud, api: Client) -> None:
    urls = {
        name: row.url for name, row in promoted.tables.inventory_of("Shop").rows.items()
    }  # fmt: skip
    reply = api.swap(version="1.0")
    assert reply.status == 200
    assert reply.operation["switchedAt"] == reply.operation["endedAt"]
    assert (_live(promoted), _live(promoted, "test")) == ("prod-2", "prod-1")
    rows = promoted.tables.inventory_of("Shop").rows
    green, blue = rows[Environment.PROD_GREEN].service, rows[Environment.PROD_BLUE].service
    assert green
    assert blue
    assert (green.name, green.version, green.was_live) == ("prod-2", "1.0", True)
    assert (blue.name, blue.version, blue.was_live) == ("prod-1", None, True)
    # A URL belongs to the role, not to the slot.
    assert {name: row.url for name, row in rows.items()} == urls
    assert {name: part["url"] for name, part in reply.environments.items()} == {
        role: urls[role] for role in PRODUCTION
    }


def test_a_second_swap_restores_the_previous_release(promoted: FakeCloud, api: Client) -> None:
    for live, version in (("prod-2", "1.0"), ("prod-1", None), ("prod-2", "1.0")):
        assert api.swap().status == 200
        assert (_live(promoted), _green(promoted)) == (live, version)


def test_a_swap_to_the_live_version_changes_nothing(promoted: FakeCloud, api: Client) -> None:
    api.swap(version="1.0")
    start = len(promoted.wire.journal)
    for headers in ({}, {"Prefer": "wait=10"}):
        reply = api.swap(version="1.0", headers=headers)
        assert reply.status == 200
        assert reply.body == {
            "operation": None,
            "message": "1.0 is already live; the swap changed nothing",
            "applicationName": "Shop",
        }
    assert promoted.wire.writes(start) == []


@pytest.mark.usefixtures("promoted")
def test_a_swap_to_a_version_that_blue_does_not_run_is_refused(api: Client) -> None:
    reply = api.swap(version="2.0")
    assert (reply.status, reply.body["code"]) == (409, "NOT_DEPLOYABLE")
    assert reply.body["errorMessage"] == "the idle slot runs 1.0, not 2.0: promote 2.0 first"


def _digest(cloud: FakeCloud, role: Environment) -> str | None:
    service = cloud.tables.inventory_of("Shop").service(role)
    return service.digest if service else None


def test_a_swap_to_the_expected_digest(promoted: FakeCloud, api: Client) -> None:
    digest = promoted.images.pushed["shop", "1.0"]
    other = promoted.images.pushed["shop", "1.1"]
    for members, actual in (
        ({"digest": other}, f"1.0 ({digest}), not {other}: promote {other} first"),
        ({"digest": other, "version": "1.0"}, f"1.0 ({digest}), not 1.0 ({other})"),
    ):
        reply = api.swap(None, **members)
        assert (reply.status, reply.body["code"]) == (409, "NOT_DEPLOYABLE")
        assert f"the idle slot runs {actual}" in reply.body["errorMessage"]
    assert api.swap(digest=digest).operation["status"] == "SUCCEEDED"
    assert _live(promoted) == "prod-2"
    # A repetition changes nothing; the other slot runs the first image.
    for members in ({"digest": digest}, {"digest": digest, "version": "1.0"}):
        again = api.swap(None, **members)
        assert (again.status, again.body["operation"]) == (200, None)
        assert "is already live; the swap changed nothing" in again.body["message"]


@pytest.fixture
def rebuilt(promoted: FakeCloud, api: Client) -> tuple[str, str]:
    """Both slots run 1.0, built twice: the digests of the live and of the idle slot."""
    api.swap()
    digest = promoted.images.push("shop", "1.0", content="rebuilt")
    api.finished(api.deploy("1.0", "dev"))
    api.finished(api.promote())
    live = _digest(promoted, Environment.PROD_GREEN)
    assert live
    assert live != digest == _digest(promoted, Environment.PROD_BLUE)
    return live, digest


def test_a_version_that_both_slots_run_with_different_digests_is_ambiguous(
    promoted: FakeCloud, api: Client, dry: DryClient, rebuilt: tuple[str, str]
) -> None:
    live, idle = rebuilt
    for caller in (api, dry):
        reply = caller.swap(version="1.0")
        assert (reply.status, reply.body["code"]) == (409, "AMBIGUOUS")
        assert reply.body["reasons"] == [
            f"the live slot runs 1.0 ({live}) with revision 1",
            f"the idle slot runs 1.0 ({idle}) with revision 1",
        ]  # fmt: skip
    assert api.swap(version="1.0", digest=live).body["operation"] is None
    assert api.swap(version="1.0", digest=idle).operation["status"] == "SUCCEEDED"
    assert _digest(promoted, Environment.PROD_GREEN) == idle


def test_a_digest_with_two_versions_is_ambiguous(promoted: FakeCloud, api: Client) -> None:
    """The bytes are the same, but the record of the live version would change."""
    api.swap()
    digest = promoted.images.push("shop", "2.0", content="1.0")
    api.finished(api.deploy("2.0", "dev"))
    api.finished(api.promote())
    reply = api.swap(digest=digest)
    assert (reply.status, reply.body["code"]) == (409, "AMBIGUOUS")
    assert api.swap(digest=digest, version="2.0").operation["status"] == "SUCCEEDED"


def test_the_same_release_in_both_slots_is_already_live(promoted: FakeCloud, api: Client) -> None:
    api.swap()
    api.finished(api.promote())
    reply = api.swap(version="1.0")
    assert (reply.status, reply.body["operation"]) == (200, None)
    assert _live(promoted) == "prod-2"


def test_a_version_without_digests_in_both_slots_is_ambiguous(
    promoted: FakeCloud, api: Client, dry: DryClient
) -> None:
    """Without digests, as after releases of another tool, the bytes of the slots can differ."""
    api.swap()
    api.finished(api.promote())
    recorded = {key: row for key, row in promoted.tables.rows.items() if key[1] in PRODUCTION}
    for key, row in recorded.items():
        assert row.service
        promoted.tables.rows[key] = replace(row, service=replace(row.service, digest=None))
    for caller in (api, dry):
        reply = caller.swap(version="1.0")
        assert (reply.status, reply.body["code"]) == (409, "AMBIGUOUS")
        assert reply.body["reasons"] == [
            "the live slot runs 1.0 (unknown digest) with revision 1",
            "the idle slot runs 1.0 (unknown digest) with revision 1",
        ]  # fmt: skip
    promoted.tables.rows |= recorded


def test_the_present_revision_with_the_settings_of_the_idle_slot_names_its_revision(
    promoted: FakeCloud, api: Client
) -> None:
    api.finished(api.patch({"overrides": {"dev": {"environment": {"LEVEL": "debug"}}}}))
    same = (
        "the idle slot runs 1.0 with revision 1, not {} with revision 2: both revisions have the"
        " same settings of production, so it needs no promote. Repeat the swap with {}"
    )
    digest = _digest(promoted, Environment.PROD_BLUE)
    # The live slot runs the first image with revision 1, so the revision alone is ambiguous.
    for version, named, members in (
        (None, "any release", f"version 1.0, digest {digest}, spec 1"),
        ("1.0", "1.0", "version 1.0, spec 1"),
    ):
        refused = api.swap(spec=2, version=version) if version else api.swap(spec=2)
        assert (refused.status, refused.body["code"]) == (409, "NOT_DEPLOYABLE")
        assert refused.body["errorMessage"] == same.format(named, members)
    # Another version, another revision and other settings need a promote.
    other = api.swap(version="2.0", spec=2)
    assert "promote 2.0 with revision 2 first" in other.body["errorMessage"]
    assert "with revision 3 first" in api.swap(spec=3).body["errorMessage"]
    api.patch({"overrides": {"prod": {"environment": {"LEVEL": "debug"}}}})
    assert "with revision 3 first" in api.swap(spec=3).body["errorMessage"]
    assert api.swap(version="1.0", digest=digest, spec=1).operation["status"] == "SUCCEEDED"
    assert _live(promoted) == "prod-2"


@pytest.mark.usefixtures("promoted")
def test_an_idle_slot_that_no_request_can_name_needs_a_swap_without_an_expectation(
    api: Client,
) -> None:
    """The first image, which was live before, has no version and no recorded digest."""
    assert api.swap(version="1.0").status == 200
    api.finished(api.patch({"overrides": {"dev": {"environment": {"LEVEL": "debug"}}}}))
    message = api.swap(spec=2).body["errorMessage"]
    assert message.endswith("Repeat the swap without version, digest and spec")
    assert api.swap(spec=1).body["code"] == "AMBIGUOUS"
    assert api.swap().operation["status"] == "SUCCEEDED"


@pytest.mark.usefixtures("shop")
def test_an_unused_idle_slot_needs_a_promote_also_with_the_same_settings(api: Client) -> None:
    api.finished(api.patch({"overrides": {"dev": {"environment": {"LEVEL": "debug"}}}}))
    message = api.swap(spec=2).body["errorMessage"]
    assert message == (
        "the idle slot runs the first image with revision 1, not any release with revision 2:"
        " promote any release with revision 2 first"
    )


@pytest.mark.usefixtures("shop")
def test_a_swap_to_an_unused_blue_slot_is_refused(api: Client) -> None:
    reply = api.swap()
    assert (reply.status, reply.body["code"]) == (409, "NOT_READY")
    assert reply.body["reasons"] == ["the idle slot has no promoted version: promote one first"]
    named = api.swap(version="1.0")
    assert named.body["errorMessage"] == (
        "the idle slot runs the first image, not 1.0: promote 1.0 first"
    )


def _roll(cloud: FakeCloud) -> None:
    cloud.containers.automatic = False
    cloud.containers.service("Shop", "prod-2").primary.state = "IN_PROGRESS"


def _fail(cloud: FakeCloud) -> None:
    cloud.containers.service("Shop", "prod-2").primary.state = "FAILED"


def _stop(cloud: FakeCloud) -> None:
    cloud.containers.automatic = False
    cloud.containers.service("Shop", "prod-2").running = 0


def _sicken(cloud: FakeCloud) -> None:
    cloud.containers.service("Shop", "prod-2").sick = True


def _remove(cloud: FakeCloud) -> None:
    cloud.containers.service("Shop", "prod-2").active = False


@pytest.mark.parametrize(
    ("damage", "reasons"),
    [
        (_roll, ["the rollout of the idle slot is IN_PROGRESS: 1 of 1 tasks running"]),
        (_fail, ["the rollout of the idle slot is FAILED: 1 of 1 tasks running"]),
        (_stop, ["the idle slot runs no task", "the idle slot has no healthy target"]),
        (_sicken, ["the idle slot has no healthy target"]),
        (_remove, ["the idle slot has no ECS service"]),
    ],
)
def test_a_swap_to_a_blue_slot_that_is_not_ready_is_refused(
    promoted: FakeCloud, api: Client, damage: Callable[[FakeCloud], None], reasons: list[str]
) -> None:
    damage(promoted)
    reply = api.swap()
    assert (reply.status, reply.body["code"]) == (409, "NOT_READY")
    assert reply.body["reasons"] == reasons
    assert reply.body["errorMessage"] == f"the idle slot is not ready: {'; '.join(reasons)}"
    assert (_live(promoted), promoted.tables.in_progress()) == ("prod-1", [])


def test_a_blue_slot_without_tasks_is_scaled_before_the_switch(
    promoted: FakeCloud, api: Client
) -> None:
    blue = promoted.containers.service("Shop", "prod-2")
    blue.desired = blue.running = 0
    reply = api.swap()
    assert reply.status == 202
    assert (blue.desired, _live(promoted)) == (1, "prod-1")
    assert api.finished(reply).operation["status"] == "SUCCEEDED"
    assert _live(promoted) == "prod-2"


def test_a_smaller_blue_slot_is_scaled_before_the_switch(promoted: FakeCloud, api: Client) -> None:
    green = promoted.containers.service("Shop", "prod-1")
    green.desired = green.running = 3
    reply = api.swap()
    assert reply.status == 202
    assert "running tasks: 1 in the idle slot, 3 in the live slot" in reply.operation["waitingFor"]
    assert promoted.containers.service("Shop", "prod-2").desired == 3
    assert _live(promoted) == "prod-1"
    assert api.tick() == 1
    assert api.status(reply.id).operation["status"] == "SUCCEEDED"
    assert _live(promoted) == "prod-2"
    assert green.desired == 3


def test_a_swap_fails_if_blue_is_not_scaled_before_the_deadline(
    promoted: FakeCloud, api: Client
) -> None:
    green = promoted.containers.service("Shop", "prod-1")
    green.desired = green.running = 3
    promoted.containers.automatic = False
    reply = api.swap()
    promoted.clock.pass_(minutes=15)
    failed = api.status(reply.id)
    assert failed.operation["status"] == "FAILED"
    assert failed.operation["reasons"][-1] == "production was not switched within the time limit"
    assert _live(promoted) == "prod-1"
    assert _green(promoted) is None


def test_a_swap_waits_for_the_right_to_scale_blue(promoted: FakeCloud, api: Client) -> None:
    green = promoted.containers.service("Shop", "prod-1")
    green.desired = green.running = 2
    promoted.wire.fail("containers.update", RefusedError("the quota is used up"), times=1)
    reply = api.swap()
    assert (reply.status, reply.operation["waitingFor"]) == (202, "the quota is used up")
    assert {part["status"] for part in reply.operation["environments"]} == {"IN_PROGRESS"}
    assert api.finished(reply).operation["status"] == "SUCCEEDED"


def _by_schedule(api: Client) -> None:
    assert api.wake(SCHEDULE) == 1


def _by_event(api: Client) -> None:
    assert api.wake(DEPLOYMENT_COMPLETED) == 1


def _by_status(api: Client) -> None:
    ((application, operation),) = api.cloud.tables.in_progress()
    api.status(operation, application)


@pytest.mark.parametrize("trigger", [_by_schedule, _by_event, _by_status])
@pytest.mark.parametrize("lost", [False, True])
def test_a_crash_at_the_test_listener_is_recovered(
    promoted: FakeCloud, api: Client, trigger: Callable[[Client], None], lost: bool
) -> None:
    def crash_at_the_second() -> None:
        promoted.wire.fail("load_balancer.switch", Crash(), times=1, lost=lost)

    promoted.wire.on("load_balancer.switch", crash_at_the_second, after=True)
    with pytest.raises(Crash):
        api.swap()
    assert _live(promoted) == "prod-2"
    ((_, operation),) = promoted.tables.in_progress()
    promoted.clock.wait(66)
    trigger(api)
    assert promoted.tables.in_progress() == []
    assert api.status(operation).operation["status"] == "SUCCEEDED"
    assert (_live(promoted), _live(promoted, "test")) == ("prod-2", "prod-1")
    assert promoted.wire.count("load_balancer.switch") == (2 if lost else 3)
    assert _green(promoted) == "1.0"


@pytest.mark.parametrize("lost", [False, True])
def test_a_crash_at_the_switch_is_recovered(promoted: FakeCloud, api: Client, lost: bool) -> None:
    promoted.wire.fail("load_balancer.switch", Crash(), times=1, lost=lost)
    with pytest.raises(Crash):
        api.swap()
    assert _live(promoted) == ("prod-2" if lost else "prod-1")
    ((_, operation),) = promoted.tables.in_progress()
    promoted.clock.wait(66)
    assert api.status(operation).operation["status"] == "SUCCEEDED"
    outcomes = [event.outcome for event in promoted.tables.events_of("Shop", operation)]
    assert outcomes == ["ACCEPTED", "SWITCHED", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]


def test_a_lost_response_of_the_switch_is_recovered(promoted: FakeCloud, api: Client) -> None:
    promoted.wire.fail("load_balancer.switch", UnreachableError("no answer"), times=1, lost=True)
    reply = api.swap()
    assert (reply.status, reply.operation["waitingFor"]) == (202, "no answer")
    assert api.finished(reply).operation["status"] == "SUCCEEDED"


def test_an_overdue_swap_is_completed_after_the_switch(promoted: FakeCloud, api: Client) -> None:
    def throttle() -> None:
        promoted.wire.fail("load_balancer.switch", ThrottledError("slow down"))

    promoted.wire.on("load_balancer.switch", throttle, after=True)
    reply = api.swap()
    assert reply.status == 202
    assert "switchedAt" in reply.operation
    promoted.clock.pass_(minutes=20)
    assert api.status(reply.id).operation["status"] == "IN_PROGRESS"
    promoted.wire.heal()
    promoted.clock.pass_(seconds=4)
    assert api.status(reply.id).operation["status"] == "SUCCEEDED"


def test_a_swap_with_a_permanently_refused_test_listener_records_the_live_slot(
    promoted: FakeCloud, api: Client
) -> None:
    def refuse() -> None:
        promoted.wire.fail("load_balancer.switch", RefusedError("the listener is gone"))

    promoted.wire.on("load_balancer.switch", refuse, after=True)
    reply = api.swap()
    promoted.clock.pass_(minutes=46)
    ended = api.status(reply.id)
    assert ended.operation["status"] == "FAILED"
    assert "the listener is gone" in ended.operation["reasons"]
    assert (_live(promoted), _green(promoted)) == ("prod-2", "1.0")
    promoted.wire.heal()
    assert api.swap().status == 200


def test_one_of_two_concurrent_swaps_is_refused(promoted: FakeCloud, api: Client) -> None:
    won: list[Any] = []
    promoted.wire.on("tables.claim", lambda: won.append(api.swap(version="1.0")))
    late = api.swap(version="1.0")
    assert won[0].status == 200
    assert (late.status, late.body["operation"]) == (200, None)
    assert _live(promoted) == "prod-2"


def test_after_the_switch_only_the_listeners_must_be_readable(
    promoted: FakeCloud, api: Client
) -> None:
    def dies() -> None:
        promoted.wire.fail("containers", ThrottledError("AWS throttles"))
        raise Crash

    promoted.wire.on("load_balancer.switch", dies, after=True)
    with pytest.raises(Crash):
        api.swap()
    promoted.clock.wait(60)
    api.settle(limit=3)
    assert {each.status for each in promoted.tables.operations.values()} == {Status.SUCCEEDED}


def test_after_a_recorded_switch_only_the_listeners_must_be_readable(
    promoted: FakeCloud, api: Client
) -> None:
    def throttle() -> None:
        promoted.wire.fail("containers", ThrottledError("AWS throttles"))
        promoted.wire.fail("load_balancer.switch", ThrottledError("AWS throttles"), times=1)

    promoted.wire.on("load_balancer.switch", throttle, after=True)
    reply = api.swap()
    assert (reply.status, "switchedAt" in reply.operation) == (202, True)
    promoted.clock.pass_(seconds=4)
    start = len(promoted.wire.journal)
    assert api.status(reply.id).operation["status"] == "SUCCEEDED"
    assert promoted.wire.names(start) == [
        "tables.operation", "tables.inventory", "load_balancer.rules", "load_balancer.rules",
        "tables.save", "load_balancer.switch", "tables.close",
    ]  # fmt: skip
