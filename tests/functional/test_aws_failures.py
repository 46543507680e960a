"""AWS errors after the claim do not refuse a request; the log contains them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from devops_core.errors import ThrottledError
from tests.lab.client import USER, Client, Reply
from tests.lab.fakes import Call, FakeCloud
from tests.lab.fakes.task_service import CRASH

THROTTLED = ThrottledError("AWS throttles")


def _interrupted(cloud: FakeCloud) -> list[dict[str, Any]]:
    return [facts for line, facts in cloud.lines if line == "interrupted"]


def _line(reply: Reply) -> dict[str, Any]:
    about = {"operation": reply.id, "kind": "deploy", "applicationName": "Shop", "caller": USER}
    return {**about, "error": "AWS throttles"}


def test_each_error_is_reported_once(shop: FakeCloud, api: Client) -> None:
    def fail_registration(call: Call) -> None:
        if call.name == "containers.register":
            name = call.args[0]["family"]
            raise ThrottledError(f"{name} may not" if name == "Shop-dev" else "AWS throttles")

    shop.wire.before.append(fail_registration)
    reply = api.deploy("1.0", "dev", "qa", "stage")
    assert reply.operation["waitingFor"] == "Shop-dev may not; AWS throttles"
    assert [facts["error"] for facts in _interrupted(shop)] == ["Shop-dev may not; AWS throttles"]
    shop.wire.heal()
    assert api.finished(reply).operation["status"] == "SUCCEEDED"


def _waiting(api: Client) -> Reply:
    return api.deploy("1.0", "dev", headers={"Prefer": "wait=5"})


def _aborting(api: Client) -> Reply:
    reply = api.deploy("1.0", "dev")
    api.cloud.wire.heal()
    api.cloud.wire.on("tables.save", lambda: api.cloud.wire.fail("tables.operation", THROTTLED),
                      after=True)  # fmt: skip
    return api.abort(reply.id)


@pytest.mark.parametrize("call", [_waiting, _aborting])
def test_a_response_without_a_new_read_shows_the_last_known_state(
    shop: FakeCloud, api: Client, call: Callable[[Client], Reply]
) -> None:
    shop.wire.fail("tables.operation", THROTTLED)
    reply = call(api)
    assert (reply.status, reply.operation["status"]) == (202, "IN_PROGRESS")
    seen = _interrupted(shop)
    assert seen
    assert seen == [_line(reply)] * len(seen)
    shop.wire.heal()
    api.settle()


def test_a_waiting_caller_survives_failed_reads_of_the_record(shop: FakeCloud, api: Client) -> None:
    """Between two observations of an old operation, only its record is read."""
    shop.containers.automatic = False
    reply = api.deploy("1.0", "dev")
    shop.clock.pass_(seconds=100)
    fail = partial(shop.wire.fail, "tables.operation", THROTTLED, times=3)
    shop.wire.on("containers.services", fail, after=True)
    waiting = api.status(reply.id, headers={"Prefer": "wait=4"})
    assert (waiting.status, waiting.operation["status"]) == (200, "IN_PROGRESS")
    assert _interrupted(shop) == [_line(reply)] * 3
    shop.containers.automatic = True


def test_tasks_of_other_rollouts_do_not_explain_a_failure(shop: FakeCloud, api: Client) -> None:
    service = shop.containers.service("Shop", "dev")
    service.stopped[service.primary.task_definition] = "exit code 137"
    shop.push("bad", CRASH)
    failed = api.finished(api.deploy("bad", "dev"))
    reason = failed.environments["DEV"]["reason"]
    assert "exit code 1)" in reason
    assert "137" not in reason


def test_a_failure_is_recorded_although_the_stop_reasons_cannot_be_read(
    shop: FakeCloud, api: Client
) -> None:
    shop.wire.fail("containers.stopped", THROTTLED)
    shop.push("bad", CRASH)
    failed = api.finished(api.deploy("bad", "dev"))
    assert failed.operation["status"] == "FAILED"
    assert "circuit breaker" in failed.environments["DEV"]["reason"]


def test_a_status_read_returns_the_end_that_another_worker_recorded(
    shop: FakeCloud, api: Client
) -> None:
    shop.containers.automatic = False
    accepted = api.deploy("1.0", "dev")
    shop.containers.automatic = True
    shop.wire.on("containers.services", lambda: Client(shop).settle())
    assert api.status(accepted.id).operation["status"] == "SUCCEEDED"
