"""The record of an operation and its events in the audit log."""

from __future__ import annotations

from typing import Any

from devops_core import kinds
from devops_core.model.operation import LEASE, Event, Operation
from devops_core.naming import Environment
from tests.lab.client import USER, Client
from tests.lab.fakes import ACCOUNT, FakeCloud
from tests.lab.fakes.cloud import REGISTRY
from tests.lab.fakes.task_service import CRASH

GREEN, BLUE = Environment.PROD_GREEN, Environment.PROD_BLUE


def _record(cloud: FakeCloud, operation: str) -> Operation:
    return cloud.tables.operations["Shop", operation]


def _log(cloud: FakeCloud, operation: str) -> list[Event]:
    return cloud.tables.events_of("Shop", operation)


def _facts(events: list[Event], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(getattr(event, name) for name in names) for event in events]


def test_every_event_names_its_operation(promoted: FakeCloud) -> None:
    for (application, identifier), operation in promoted.tables.operations.items():
        events = promoted.tables.events_of(application, identifier)
        assert set(_facts(events, "application", "operation", "kind", "caller")) == {
            ("Shop", identifier, operation.kind, USER)
        }
        times = [event.time for event in events]
        assert times == sorted(times)
        assert (times[0], times[-1]) == (operation.requested_at, operation.ended_at)


def test_the_events_of_a_deploy_name_the_image_of_each_environment(
    shop: FakeCloud, api: Client
) -> None:
    shop.push("bad", CRASH)
    api.finished(api.deploy("1.0", "dev"))
    failed = api.finished(api.deploy("bad", "dev"))
    image = f"{REGISTRY}/shop:bad"
    digest = shop.images.pushed["shop", "bad"]
    reason = failed.environments["DEV"]["reason"]
    names = ("key", "outcome", "environment", "version", "previous_version", "image", "digest")
    assert _facts(_log(shop, failed.id), *names) == [
        ("000", "ACCEPTED", None, "bad", None, None, None),
        ("001", "FAILED", Environment.DEV, "bad", "1.0", image, digest),
        ("END", "FAILED", None, "bad", None, None, None),
    ]
    assert [event.reason for event in _log(shop, failed.id)] == [None, reason, f"DEV bad: {reason}"]


def test_the_events_of_a_promote_name_the_image_of_blue(promoted: FakeCloud) -> None:
    _, _, promotion = promoted.tables.operations.values()
    names = ("key", "outcome", "environment", "version", "previous_version", "digest")
    digest = promoted.images.pushed["shop", "1.0"]
    assert _facts(_log(promoted, promotion.id), *names) == [
        ("000", "ACCEPTED", None, "1.0", None, None),
        ("001", "SUCCEEDED", BLUE, "1.0", None, digest),
        ("END", "SUCCEEDED", None, "1.0", None, None),
    ]


def test_the_events_of_a_swap_contain_the_time_and_target_of_the_switch(
    promoted: FakeCloud, api: Client
) -> None:
    swapped = api.swap()
    image = f"{REGISTRY}/shop:1.0"
    digest = promoted.images.pushed["shop", "1.0"]
    names = ("key", "outcome", "environment", "version", "previous_version", "image", "digest")
    first = promoted.settings.initial_image
    assert _facts(_log(promoted, swapped.id), *names) == [
        ("000", "ACCEPTED", None, "1.0", None, None, None),
        ("001", "SWITCHED", GREEN, "1.0", None, image, digest),
        ("002", "SUCCEEDED", GREEN, "1.0", None, image, digest),
        ("003", "SUCCEEDED", BLUE, None, "1.0", first, None),
        ("END", "SUCCEEDED", None, "1.0", None, None, None),
    ]


def test_the_events_of_a_failed_create_name_the_reason_before_the_rollback_ends(
    cloud: FakeCloud, api: Client
) -> None:
    cloud.stacks.create_failures = ("qaService: no", "devService: no")
    failed = api.finished(api.create())
    why = "qaService: no; devService: no"
    events = _log(cloud, failed.id)
    assert [event.outcome for event in events] == [
        "ACCEPTED", "ROLLING_BACK", "FAILED", "FAILED", "FAILED", "FAILED",
    ]  # fmt: skip
    assert (events[1].reason, events[-1].reason) == (why, why)
    times = [event.time for event in events]
    assert times == sorted(times)
    assert times[0] < times[1] < times[-1], "the rollback has its own time"


def test_the_events_of_an_abort_name_its_caller(shop: FakeCloud, api: Client) -> None:
    shop.containers.automatic = False
    running = api.deploy("1.0", "dev")
    api.abort(running.id)
    now = shop.clock.now()
    assert _facts(_log(shop, running.id), "key", "outcome", "caller", "time") == [
        ("000", "ACCEPTED", USER, now), ("001", "ABORTING", USER, now),
    ]  # fmt: skip


def test_an_accepted_operation_is_leased(shop: FakeCloud, api: Client) -> None:
    seen: list[Operation] = []
    shop.wire.on("tables.save", lambda: seen.extend(shop.tables.operations.values()))
    before = shop.clock.now()
    api.deploy("1.0", "dev")
    accepted = seen[-1]
    assert (accepted.caller, accepted.requested_at) == (USER, before)
    assert accepted.deadline == before + kinds.load("deploy").limit
    assert accepted.lease_until == before + LEASE


def test_an_update_is_recorded_before_it_is_sent_and_after_ecs_shows_it(
    shop: FakeCloud, api: Client
) -> None:
    shop.containers.automatic = False
    reply = api.deploy("1.0", "dev")
    record = _record(shop, reply.id)
    (part,) = record.progress
    asked_at, running = shop.clock.now(), shop.containers.running("Shop", "dev")
    assert (part.target, part.asked_at, part.sent) == (running.arn, asked_at, False)
    assert (record.lease_until, record.waiting_for) == (None, "DEV: ECS to show the update")
    api.status(reply.id)
    (part,) = _record(shop, reply.id).progress
    assert (part.target, part.asked_at, part.sent) == (running.arn, asked_at, True)


def test_an_ended_operation_has_no_lease_and_no_waiting_message(
    shop: FakeCloud, api: Client
) -> None:
    first = api.finished(api.deploy("1.0", "dev"))
    second = api.finished(api.deploy("1.1", "dev"))
    closings = [call.args[0] for call in shop.wire.journal if call.name == "tables.close"]
    closing = next(each for each in closings if each.operation.id == second.id)
    assert (closing.operation.lease_until, closing.operation.waiting_for) == (None, None)
    kept = [shop.tables.inventory_of("Shop").rows[row.environment] for row in closing.kept]
    assert [row.claim for row in kept] == [None]
    for done in (first, second):
        assert "waitingFor" not in done.operation


def test_a_worker_that_takes_over_leases_the_operation(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    shop.containers.automatic = False
    reply = api.deploy("1.1", "dev")
    shop.containers.service("Shop", "dev").complete(shop.clock.now())
    seen: list[Operation] = []
    shop.wire.on("containers.deregister", lambda: seen.append(_record(shop, reply.id)))
    api.tick()
    assert [each.lease_until for each in seen] == [shop.clock.now() + LEASE]


def test_a_delete_records_the_version_of_each_environment(promoted: FakeCloud, api: Client) -> None:
    deleting = api.delete()
    record = _record(promoted, deleting.id)
    assert [
        (part.environment, part.service, part.previous_version) for part in record.progress
    ] == [
        (Environment.DEV, "dev", "1.0"),
        (Environment.QA, "qa", None),
        (Environment.STAGE, "stage", None),
        (Environment.TRAINING, "training", None),
        (BLUE, "prod-2", "1.0"),
        (GREEN, "prod-1", None),
    ]


def test_the_events_contain_reasons_from_aws_without_arns(cloud: FakeCloud, api: Client) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/stacks"
    cloud.stacks.create_failures = (f"devService: {role} may not",)
    failed = api.finished(api.create())
    reasons = {event.reason for event in _log(cloud, failed.id)}
    assert reasons == {
        None, "devService: iam role/stacks may not", "the application was not created",
    }  # fmt: skip
