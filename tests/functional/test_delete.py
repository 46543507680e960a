"""DELETE /stacks."""

import pytest

from devops_core.errors import (
    AccessDeniedError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from devops_core.model.inventory import RowStatus
from tests.lab.client import Client
from tests.lab.fakes import Call, Crash, FakeCloud

FAILURES = ("Cluster (AWS::ECS::Cluster): The Cluster cannot be deleted while Services are active",)


def test_rows_remain_until_the_stack_is_deleted(shop: FakeCloud, api: Client) -> None:
    reply = api.delete()
    assert (reply.status, reply.body["applicationName"]) == (202, "Shop")
    assert len(shop.tables.inventory_of("Shop").rows) == 6
    api.status(reply.id)
    assert shop.tables.rows
    api.status(reply.id)
    assert shop.tables.rows == {}


def test_a_delete_deregisters_the_task_definitions_of_deploys(shop: FakeCloud, api: Client) -> None:
    deployed = api.finished(api.deploy("1.0", "dev", "qa"))
    promoted = api.finished(api.promote())
    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"
    for reply in (deployed, promoted):
        assert shop.containers.tagged(reply.id) == []
        assert len(shop.containers.tagged(reply.id, active=False)) in (1, 2)
    assert shop.wire.count("containers.deregister") == 3, "each one once, in order"


def test_a_delete_deregisters_an_orphan_once(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"
    assert shop.wire.count("containers.deregister") == 1


def test_a_name_is_free_after_a_delete(shop: FakeCloud, api: Client) -> None:
    api.finished(api.delete())
    assert api.finished(api.create("SHOP")).operation["status"] == "SUCCEEDED"
    assert {name for name, _ in shop.tables.rows} == {"SHOP"}


def test_a_failed_delete_names_its_reasons_and_can_be_repeated(
    shop: FakeCloud, api: Client
) -> None:
    shop.stacks.delete_failures = FAILURES
    for _ in range(2):
        failed = api.finished(api.delete())
        assert failed.operation["status"] == "FAILED"
        assert failed.operation["reasons"] == list(FAILURES)
        rows = shop.tables.inventory_of("Shop").rows.values()
        assert {row.status for row in rows} == {RowStatus.DELETE_FAILED}
        for reply in (api.deploy("1.0", "dev"), api.promote(), api.swap()):
            assert (reply.status, reply.body["code"]) == (409, "NOT_DEPLOYABLE")
            assert "DELETE_FAILED" in reply.body["errorMessage"]
    shop.stacks.delete_failures = ()
    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"
    assert shop.tables.rows == {}


def test_a_delete_without_a_stack_succeeds(shop: FakeCloud, api: Client) -> None:
    stack = shop.stacks.named("Shop")
    assert stack is not None
    shop.stacks.estate.tear_down("Shop")
    stack.status = "DELETE_COMPLETE"
    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"
    assert shop.tables.rows == {}


def test_a_delete_does_not_change_a_stack_that_was_created_again_by_hand(
    shop: FakeCloud, api: Client
) -> None:
    stack = shop.stacks.named("Shop")
    assert stack is not None
    shop.stacks.estate.tear_down("Shop")
    stack.status = "DELETE_COMPLETE"
    foreign = shop.stacks.add_foreign("Shop")
    api.finished(api.delete())
    assert foreign.status == "CREATE_COMPLETE"


def test_a_delete_that_cloudformation_refuses_fails_with_the_reason(
    shop: FakeCloud, api: Client
) -> None:
    shop.wire.fail("stacks.delete", RefusedError("Stack [Shop] cannot be deleted while"
                                                 " TerminationProtection is enabled"))  # fmt: skip
    reply = api.delete()
    assert reply.status == 424
    assert "TerminationProtection" in reply.body["errorMessage"]
    shop.wire.heal()
    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"


def test_a_stack_is_protected_until_its_delete(shop: FakeCloud, api: Client) -> None:
    stack = shop.stacks.named("Shop")
    assert stack is not None
    assert stack.protected
    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"
    assert not stack.protected


def test_a_stack_without_protection_is_deleted(shop: FakeCloud, api: Client) -> None:
    stack = shop.stacks.named("Shop")
    assert stack is not None
    stack.protected = False
    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"


@pytest.mark.parametrize("lost", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("call", ["stacks.unprotect", "stacks.delete"])
def test_a_delete_continues_after_a_crash_at_the_protection(
    shop: FakeCloud, api: Client, call: str, lost: bool
) -> None:
    shop.wire.fail(call, Crash(), times=1, lost=lost)
    with pytest.raises(Crash):
        api.delete()
    shop.clock.wait(66)
    api.settle()
    assert shop.tables.rows == {}


def test_a_protection_that_returns_does_not_block_the_application(
    shop: FakeCloud, api: Client
) -> None:
    """Another person enables the protection between the two calls of a delete."""
    stack = shop.stacks.named("Shop")
    assert stack is not None

    def protect(call: Call) -> None:
        if call.name == "stacks.delete":
            stack.protected = True
            shop.wire.heal()

    shop.wire.before.append(protect)
    failed = api.delete()
    assert failed.status == 424
    assert "TerminationProtection" in failed.body["errorMessage"]
    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"


def test_a_delete_continues_after_a_lost_response(shop: FakeCloud, api: Client) -> None:
    shop.wire.fail("stacks.delete", UnreachableError("no answer"), times=1, lost=True)
    reply = api.delete()
    assert reply.status == 202
    assert api.finished(reply).operation["status"] == "SUCCEEDED"
    assert shop.wire.count("stacks.delete") == 1


def test_a_delete_ends_after_a_crash_in_its_last_step(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    reply = api.delete()
    shop.wire.fail("containers.deregister", Crash(), times=1, lost=True)
    for _ in range(2):
        try:
            api.tick()
        except Crash:
            shop.clock.wait(66)
    assert api.status(reply.id).operation["status"] == "SUCCEEDED"
    assert shop.tables.rows == {}


def test_a_busy_application_is_not_deleted(shop: FakeCloud, api: Client) -> None:
    holder = api.deploy("1.0", "qa")
    reply = api.delete()
    assert (reply.status, reply.body["code"]) == (409, "BUSY")
    assert reply.body["operation"]["id"] == holder.id
    assert shop.wire.count("stacks.delete") == 0


def test_an_application_cannot_be_deleted_during_its_create(cloud: FakeCloud, api: Client) -> None:
    holder = api.create()
    reply = api.delete()
    assert (reply.status, reply.body["code"]) == (409, "BUSY")
    assert reply.body["operation"]["id"] == holder.id
    assert len(cloud.tables.in_progress()) == 1


def test_a_delete_finds_a_stack_without_a_recorded_id_by_its_name(
    cloud: FakeCloud, api: Client
) -> None:
    cloud.wire.fail("stacks.create", UnreachableError("no answer"), lost=True)
    cloud.wire.fail("stacks.describe", UnreachableError("no answer"))
    created = api.create()
    api.settle(limit=95)
    cloud.wire.heal()
    assert api.status(created.id).operation["status"] == "FAILED"
    assert [row.application.stack_id for row in cloud.tables.rows.values()] == [None] * 3
    assert cloud.stacks.named("Shop") is not None
    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"
    assert cloud.stacks.named("Shop") is None


def test_a_delete_does_not_change_a_foreign_stack_of_the_same_name(
    cloud: FakeCloud, api: Client
) -> None:
    cloud.wire.fail("stacks", UnreachableError("no answer"))
    api.create()
    api.settle(limit=95)
    cloud.wire.heal()
    cloud.stacks.add_foreign("Shop")
    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"
    assert cloud.stacks.named("Shop") is not None


def test_a_delete_deregisters_the_task_definitions_of_a_create_that_was_given_up(
    cloud: FakeCloud, api: Client
) -> None:
    """The rows then have environments but no services."""

    def blind() -> None:
        cloud.wire.fail("stacks", ThrottledError("AWS throttles"))

    cloud.wire.on("containers.update", blind)
    created = api.create(service={"environment": {"LEVEL": "info"}})
    api.settle(limit=95)
    assert api.status(created.id).operation["status"] == "FAILED"
    assert cloud.containers.tagged(created.id)
    cloud.wire.heal()
    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"
    assert cloud.containers.tagged(created.id) == []


def test_a_delete_succeeds_without_the_right_to_list_orphans(shop: FakeCloud, api: Client) -> None:
    first = api.finished(api.deploy("1.0", "dev"))
    shop.wire.fail("containers.registered", AccessDeniedError("may not list"))
    reply = api.delete()
    for _ in range(2):
        api.tick()
    assert api.status(reply.id).operation["status"] == "SUCCEEDED"
    (left,) = shop.containers.tagged(first.id)
    left.active = False


def test_a_delete_ends_at_its_deadline_if_orphans_cannot_be_listed(
    shop: FakeCloud, api: Client
) -> None:
    first = api.finished(api.deploy("1.0", "dev"))
    shop.wire.fail("containers.registered", ThrottledError("AWS throttles"))
    reply = api.delete()
    for _ in range(2):
        api.tick()
    waiting = api.status(reply.id).operation
    assert (waiting["status"], waiting["waitingFor"]) == ("IN_PROGRESS", "AWS throttles")
    shop.clock.pass_(minutes=60)
    assert api.status(reply.id).operation["status"] == "SUCCEEDED"
    (left,) = shop.containers.tagged(first.id)
    left.active = False


@pytest.mark.usefixtures("promoted")
def test_a_delete_names_the_slots_of_the_current_roles(api: Client) -> None:
    assert api.swap().status == 200
    reply = api.delete()
    slots = {name: part.get("slot") for name, part in reply.environments.items()}
    assert (slots["PROD-GREEN"], slots["PROD-BLUE"]) == ("prod-2", "prod-1")
    api.settle()
