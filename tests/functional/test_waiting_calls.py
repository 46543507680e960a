"""The limit of waiting calls, each of which occupies an execution of Lambda."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from devops_core.errors import AccessDeniedError, AwsError, ThrottledError, UnreachableError
from tests.lab.client import Client, Reply
from tests.lab.fakes import Call, Crash, FakeCloud
from tests.lab.measured import told

WAIT = {"Prefer": "wait=25"}
COUNTS = {"tables.begin_wait", "tables.end_wait"}


@pytest.fixture
def crowded(promoted: FakeCloud) -> FakeCloud:
    """Shop, promoted, with rollouts that do not end; one call can wait."""
    promoted.containers.automatic = False
    promoted.settings = promoted.settings._replace(waiting_limit=1)
    return promoted


def while_another_waits(cloud: FakeCloud, api: Client, act: Callable[[], Reply]) -> Reply:
    """Make a call while another one waits for the same application."""
    replies: list[Reply] = []
    usual = cloud.clock.sleep

    def sleep(seconds: float) -> None:
        cloud.clock.sleep = usual
        if not replies:
            replies.append(act())
        cloud.clock.pass_(seconds=seconds)
        cloud.clock.sleep = sleep

    cloud.clock.sleep = sleep
    first = api.deploy("1.1", "qa", headers=WAIT)
    cloud.clock.sleep = usual
    assert first.headers["Preference-Applied"] == "wait=25"
    return replies[0]


def deploying(cloud: FakeCloud, api: Client) -> Callable[[], Reply]:
    del cloud
    return lambda: api.deploy("1.1", "dev", headers=WAIT)


def reading(cloud: FakeCloud, api: Client) -> Callable[[], Reply]:
    del cloud
    reply = api.deploy("1.1", "dev")
    return lambda: api.status(reply.id, headers=WAIT)


def aborting(cloud: FakeCloud, api: Client) -> Callable[[], Reply]:
    del cloud
    reply = api.deploy("1.1", "dev")
    api.tick()
    return lambda: api.abort(reply.id, headers=WAIT)


def promoting(cloud: FakeCloud, api: Client) -> Callable[[], Reply]:
    cloud.containers.automatic = True
    api.finished(api.deploy("1.2", "dev"))
    cloud.containers.automatic = False
    return lambda: api.promote(environment="dev", headers=WAIT)


def swapping(cloud: FakeCloud, api: Client) -> Callable[[], Reply]:
    live = cloud.containers.service("Shop", cloud.live("Shop") or "")
    live.desired = live.running = 3
    return lambda: api.swap(headers=WAIT)


def creating(cloud: FakeCloud, api: Client) -> Callable[[], Reply]:
    cloud.stacks.pace = None
    return lambda: api.create("Blog", headers=WAIT)


def deleting(cloud: FakeCloud, api: Client) -> Callable[[], Reply]:
    api.finished(api.create("Blog"))
    cloud.stacks.pace = None
    return lambda: api.delete("Blog", headers=WAIT)


@pytest.mark.parametrize(
    ("prepare", "status"),
    [
        (creating, 202),
        (deploying, 202),
        (promoting, 202),
        (swapping, 202),
        (deleting, 202),
        (aborting, 202),
        (reading, 200),
    ],
)
def test_a_call_over_the_limit_is_answered_at_once(
    crowded: FakeCloud,
    api: Client,
    prepare: Callable[[FakeCloud, Client], Callable[[], Reply]],
    status: int,
) -> None:
    act, times = prepare(crowded, api), []

    def timed() -> Reply:
        start = crowded.clock.now()
        reply = act()
        times.append((crowded.clock.now() - start).total_seconds())
        return reply

    reply = while_another_waits(crowded, api, timed)
    assert times == [0]
    assert (reply.status, reply.operation["status"]) == (status, "IN_PROGRESS")
    assert 5 <= int(reply.headers["Retry-After"]) <= 10
    assert "Preference-Applied" not in reply.headers
    assert [
        facts["operation"] for facts in told(crowded, "answered") if "waitRefused" in facts
    ] == [reply.id]


def test_a_call_below_the_limit_waits(crowded: FakeCloud, api: Client) -> None:
    crowded.settings = crowded.settings._replace(waiting_limit=2)
    reply = while_another_waits(crowded, api, deploying(crowded, api))
    assert reply.status == 202
    assert reply.headers["Preference-Applied"] == "wait=25"
    assert reply.headers["Retry-After"] == "2"


def test_a_call_that_ended_its_wait_makes_room(crowded: FakeCloud, api: Client) -> None:
    for environment in ("dev", "qa"):
        reply = api.deploy("1.1", environment, headers=WAIT)
        assert reply.headers["Preference-Applied"] == "wait=25"
    assert sum(crowded.tables.waiting.values()) == 0


def test_a_limit_of_zero_lets_no_call_wait(crowded: FakeCloud, api: Client) -> None:
    crowded.settings = crowded.settings._replace(waiting_limit=0)
    start = crowded.clock.now()
    assert api.deploy("1.1", "dev", headers=WAIT).status == 202
    assert crowded.clock.now() == start


@pytest.mark.parametrize("seconds", [0, 29])
def test_a_crashed_call_makes_room_within_a_minute(
    crowded: FakeCloud, api: Client, seconds: int
) -> None:
    crowded.clock.pass_(seconds=seconds)

    def crash(seconds: float) -> None:
        raise Crash(str(seconds))

    crowded.clock.sleep = crash
    crowded.wire.fail("tables.end_wait", Crash())
    with pytest.raises(Crash):
        api.deploy("1.1", "dev", headers=WAIT)
    crowded.clock.sleep = None
    crowded.wire.heal()
    refused = api.deploy("1.1", "qa", headers=WAIT)
    assert "Preference-Applied" not in refused.headers
    crowded.clock.pass_(seconds=60)
    assert "Preference-Applied" in api.status(refused.id, headers=WAIT).headers


@pytest.mark.parametrize("name", sorted(COUNTS))
@pytest.mark.parametrize(
    "error", [ThrottledError("slow"), UnreachableError("gone"), AccessDeniedError("not allowed")]
)
def test_an_error_of_the_count_does_not_affect_the_call(
    crowded: FakeCloud, api: Client, name: str, error: AwsError
) -> None:
    crowded.wire.fail(name, error)
    start = crowded.clock.now()
    reply = api.deploy("1.1", "dev", headers=WAIT)
    assert reply.status == 202
    assert reply.headers["Preference-Applied"] == "wait=25"
    assert (crowded.clock.now() - start).total_seconds() == 25


def test_an_operation_that_ends_at_once_is_not_counted(crowded: FakeCloud, api: Client) -> None:
    start = len(crowded.wire.journal)
    assert api.swap(headers=WAIT).status == 200
    assert not COUNTS & {*crowded.wire.names(start)}


@pytest.mark.parametrize("headers", [None, {"Prefer": "wait=0"}])
def test_a_call_that_does_not_wait_is_not_counted(
    crowded: FakeCloud, api: Client, headers: dict[str, str] | None
) -> None:
    start = len(crowded.wire.journal)
    reply = api.deploy("1.1", "dev", headers=headers)
    assert (reply.status, reply.headers["Retry-After"]) == (202, "2")
    assert not COUNTS & {*crowded.wire.names(start)}


def test_a_wait_is_counted_once_and_after_the_first_steps(crowded: FakeCloud, api: Client) -> None:
    start = len(crowded.wire.journal)
    api.deploy("1.1", "dev", headers=WAIT)
    names = crowded.wire.names(start)
    assert (names.count("tables.begin_wait"), names.count("tables.end_wait")) == (1, 1)
    assert names.index("containers.update") < names.index("tables.begin_wait")
    assert names[-1] == "tables.end_wait"


def test_without_a_limit_nothing_is_counted(crowded: FakeCloud, api: Client) -> None:
    crowded.settings = crowded.settings._replace(waiting_limit=None)
    start = len(crowded.wire.journal)
    assert api.deploy("1.1", "dev", headers=WAIT).headers["Preference-Applied"] == "wait=25"
    assert not COUNTS & {*crowded.wire.names(start)}


def test_pauses_differ_between_calls(crowded: FakeCloud, api: Client) -> None:
    crowded.settings = crowded.settings._replace(waiting_limit=0)
    reply = api.deploy("1.1", "dev")
    from tests.lab.client import handled, http_event

    pauses: set[Any] = set()
    for number in range(50):
        event: dict[str, Any] = http_event(
            "GET",
            "/stacks/{applicationName}/operations/{id}",
            parameters={"applicationName": "Shop", "id": reply.id},
            headers=WAIT,
        )
        event["requestContext"] = {**event["requestContext"], "requestId": f"request-{number}"}
        pauses.add(handled(event, crowded).headers["Retry-After"])
    assert pauses == {"5", "6", "7", "8", "9", "10"}


def test_the_journal_has_no_call_between_a_refused_wait_and_the_answer(
    crowded: FakeCloud, api: Client
) -> None:
    crowded.settings = crowded.settings._replace(waiting_limit=0)
    seen: list[Call] = []
    crowded.wire.watchers.append(seen.append)
    api.deploy("1.1", "dev", headers=WAIT)
    assert [call.name for call in seen][-2:] == ["tables.begin_wait", "tables.end_wait"]
