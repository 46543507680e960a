"""?dryRun=true of an abort: what it would turn back, as AWS is seen at that moment."""

from __future__ import annotations

import pytest

from devops_core.errors import ThrottledError, UnreachableError
from devops_core.naming import Environment
from tests.lab.client import Client, Reply
from tests.lab.dry import DryClient, plan
from tests.lab.fakes import ACCOUNT, Call, FakeCloud
from tests.lab.fakes.task_service import HANG

FIRST = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/first:1"
SHOP = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/shop"
URL = "http://internal-Shop"
TOO_LATE = "too late for an abort: the operation would be completed"


def _hanging(cloud: FakeCloud, api: Client, *environments: str) -> Reply:
    cloud.push("slow", HANG)
    reply = api.deploy("slow", *environments)
    assert reply.status == 202
    return reply


def test_a_deploy_would_go_back_to_what_runs(shop: FakeCloud, api: Client, dry: DryClient) -> None:
    api.finished(api.deploy("1.0", "dev"))
    running = _hanging(shop, api, "dev", "qa")
    assert plan(dry.abort(running.id)) == {
        "kind": "deploy",
        "applicationName": "Shop",
        "message": "would return to the previous version",
        "claims": ["DEV", "QA"],
        "environments": [
            {
                "environment": "DEV",
                "url": f"{URL}-dev.elb.example",
                "version": "1.0",
                "previousVersion": "slow",
                "image": f"{SHOP}:1.0",
                "digest": shop.images.pushed["shop", "1.0"],
            },
            {
                "environment": "QA",
                "url": f"{URL}-qa.elb.example",
                "previousVersion": "slow",
                "image": FIRST,
            },
        ],
    }
    assert "abortedBy" not in api.status(running.id).operation


def test_what_is_done_would_be_left_so(shop: FakeCloud, api: Client, dry: DryClient) -> None:
    """AWS shows it, though nobody has written it down yet."""
    running = api.deploy("1.0", "dev", "qa", "stage")
    shop.containers.automatic = False
    for name in ("dev", "dev", "stage", "stage"):
        shop.containers.advance("Shop", name)
    told = plan(dry.abort(running.id))
    assert told["message"] == (
        "would return to the previous version; already complete and kept: DEV, STAGE"
    )
    assert [each["environment"] for each in told["environments"]] == ["QA"]


def test_a_deploy_that_is_complete_would_be_finished(
    shop: FakeCloud, api: Client, dry: DryClient
) -> None:
    running = api.deploy("1.0", "dev")
    shop.containers.automatic = False
    for _ in range(2):
        shop.containers.advance("Shop", "dev")
    told = plan(dry.abort(running.id))
    assert told == {
        "kind": "deploy", "applicationName": "Shop", "message": TOO_LATE, "claims": ["DEV"],
    }  # fmt: skip
    shop.containers.automatic = True
    assert api.abort(running.id).operation["status"] == "SUCCEEDED"


def test_a_promote_would_go_back_too(shop: FakeCloud, api: Client, dry: DryClient) -> None:
    api.finished(api.deploy("1.0", "stage"))
    shop.containers.automatic = False
    told = plan(dry.abort(api.promote().id))
    (blue,) = told["environments"]
    assert told["claims"] == ["PROD-BLUE", "PROD-GREEN"]
    assert (blue["slot"], blue["previousVersion"], blue["image"]) == ("prod-2", "1.0", FIRST)
    assert "version" not in blue


@pytest.mark.parametrize("finished", [False, True], ids=["on its way", "complete"])
def test_what_a_create_has_made_would_be_deleted(
    cloud: FakeCloud, api: Client, dry: DryClient, finished: bool
) -> None:
    cloud.stacks.pace = None
    running = api.create()
    if finished:
        cloud.stacks.finish("Shop")
    assert plan(dry.abort(running.id)) == {
        "kind": "create",
        "applicationName": "Shop",
        "message": "the created resources would be deleted",
        "claims": ["DEV", "PROD-BLUE", "PROD-GREEN"],
        "environments": [
            {"environment": "DEV"},
            {"environment": "PROD-GREEN", "slot": "prod-1"},
            {"environment": "PROD-BLUE", "slot": "prod-2"},
        ],
    }


def test_a_swap_would_leave_the_customers_or_be_finished(
    promoted: FakeCloud, api: Client, dry: DryClient
) -> None:
    promoted.wire.fail("load_balancer.switch", ThrottledError("AWS throttles"))
    swap = api.swap()
    told = {"kind": "swap", "applicationName": "Shop", "claims": ["PROD-BLUE", "PROD-GREEN"]}
    assert plan(dry.abort(swap.id)) == told | {
        "message": "production would not be switched",
        "production": {"live": "prod-1", "willBeLive": "prod-1"},
    }
    promoted.wire.heal()
    application = promoted.tables.inventory_of("Shop").application
    assert application is not None

    def refuse_test_listener(call: Call) -> None:
        if call.name == "load_balancer.switch" and call.args[0] == application.test_listener:
            raise ThrottledError("AWS throttles")

    promoted.wire.before.append(refuse_test_listener)
    api.tick()
    assert plan(dry.abort(swap.id)) == told | {
        "message": TOO_LATE,
        "production": {"live": "prod-2", "willBeLive": "prod-2"},
    }


def test_customers_whom_somebody_has_moved_back_would_be_moved_again(
    promoted: FakeCloud, api: Client, dry: DryClient
) -> None:
    estate, listeners = promoted.stacks.estate, promoted.load_balancer.listeners
    listener = estate.listener("Shop", "production")
    moved: list[str] = []

    def refuse_the_second(call: Call) -> None:
        if call.name == "load_balancer.switch":
            moved.append(call.args[0])
            if len(moved) > 1:
                raise ThrottledError("AWS throttles")

    promoted.wire.before.append(refuse_the_second)
    swap = api.swap()
    assert swap.operation["switchedAt"]
    there, listeners[listener] = listeners[listener], [estate.target_group("Shop", "prod-1")]
    told = plan(dry.abort(swap.id))
    assert told["message"] == TOO_LATE
    assert told["production"] == {"live": "prod-1", "willBeLive": "prod-2"}
    listeners[listener] = there


def test_customers_who_were_moved_without_a_note_are_seen(
    promoted: FakeCloud, api: Client, dry: DryClient
) -> None:
    promoted.wire.fail("load_balancer.switch", UnreachableError("timed out"), times=1, lost=True)
    swap = api.swap()
    assert "switchedAt" not in swap.operation
    assert plan(dry.abort(swap.id))["message"] == TOO_LATE


def test_an_abort_that_is_asked_for_already(shop: FakeCloud, api: Client, dry: DryClient) -> None:
    running = _hanging(shop, api, "dev")
    before = plan(dry.abort(running.id))
    assert api.abort(running.id).status == 202
    assert plan(dry.abort(running.id)) == before
    api.settle()
    assert plan(dry.abort(running.id)) == {
        "kind": "deploy",
        "applicationName": "Shop",
        "message": "nothing to do: an earlier abort has ended the operation",
    }


def test_what_the_real_call_refuses_is_refused(
    shop: FakeCloud, api: Client, dry: DryClient
) -> None:
    done = api.finished(api.deploy("1.0", "dev"))
    deleting = api.delete()
    for operation, status, code in (
        (done.id, 409, "ALREADY_ENDED"),
        (deleting.id, 409, "NOT_ABORTABLE"),
        ("01JN8F1ST00000000000000ZZZ", 404, "NOT_FOUND"),
    ):
        tried, real = dry.abort(operation), api.abort(operation)
        assert (tried.status, tried.body) == (real.status, real.body)
        assert (tried.status, tried.body["code"]) == (status, code)
    assert Environment.DEV in shop.tables.inventory_of("Shop").rows


def test_what_cannot_be_seen_is_not_foretold(shop: FakeCloud, api: Client, dry: DryClient) -> None:
    running = _hanging(shop, api, "dev")
    shop.wire.fail("containers", ThrottledError("AWS throttles DescribeServices"))
    reply = dry.abort(running.id)
    assert (reply.status, reply.body["code"]) == (503, "THROTTLED")
