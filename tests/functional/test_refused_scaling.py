"""Scaling that AWS refuses, throttles or loses: the release runs, and the record says the rest."""

from __future__ import annotations

from functools import partial

import pytest

from devops_core.errors import AccessDeniedError, AwsError, RefusedError, ThrottledError
from devops_core.naming import Environment
from tests.functional.test_scaling import CPU, IN_DEV, IN_PROD, desired, limits
from tests.lab.client import Client
from tests.lab.dry import DryClient
from tests.lab.fakes import FakeCloud


def test_a_refused_scaling_fails_the_rollout_and_is_applied_again(
    promoted: FakeCloud, api: Client
) -> None:
    promoted.wire.fail("scaling.apply", RefusedError("the quota is used up"), times=1)
    reply = api.ended(api.patch(IN_DEV), "FAILED")
    (part,) = reply.operation["environments"]
    assert part["reason"] == (
        "the release runs, but its scaling was not changed: the quota is used up"
    )
    # The same document applies it again.
    api.ended(api.patch(IN_DEV))
    assert limits(promoted) == (2, 5)


def test_a_release_without_its_scaling_replaces_the_previous_one(
    promoted: FakeCloud, api: Client
) -> None:
    previous = promoted.containers.running("Shop", "dev").arn
    promoted.wire.fail("scaling.apply", RefusedError("the quota is used up"), times=1)
    api.ended(
        api.patch({"overrides": {"dev": {"scaling": CPU, "environment": {"A": "b"}}}}),
        "FAILED",
    )
    assert promoted.containers.running("Shop", "dev").variables["A"] == "b"
    assert not promoted.containers.active(previous)


@pytest.mark.parametrize(
    "error", [AccessDeniedError("no permission"), RefusedError("no"), ThrottledError("busy")]
)
def test_a_release_without_its_task_count_replaces_the_previous_one(
    promoted: FakeCloud, api: Client, error: AwsError
) -> None:
    """AWS blocks the count that follows the removal of the scaling."""
    api.ended(api.patch(IN_DEV))
    previous = promoted.containers.running("Shop", "dev").arn
    promoted.wire.on(
        "scaling.remove", partial(promoted.wire.fail, "containers.update", error), after=True
    )
    document = {"scaling": None, "desiredCount": 3, "environment": {"A": "b"}}
    reply = api.patch({"overrides": {"dev": document}})
    api.settle(limit=95)
    (part,) = api.ended(api.status(reply.id), "FAILED").operation["environments"]
    assert part["reason"] == (
        f"the release runs, but its task count was not changed: {error.message}"
    )
    service = promoted.tables.inventory_of("Shop").service(Environment.DEV)
    running = promoted.containers.running("Shop", "dev")
    assert service
    assert service.task_definition == running.arn
    assert (service.scaling_known, service.desired_count) == (False, None)
    assert not promoted.containers.active(previous)
    promoted.wire.heal()
    api.ended(api.patch({"overrides": {"dev": document}}))
    assert desired(promoted) == 3


def test_a_refused_task_count_of_production_is_repeated_by_the_same_document(
    scaled: FakeCloud, api: Client
) -> None:
    refuse = partial(scaled.wire.fail, "containers.update", RefusedError("no"))
    scaled.wire.on("scaling.remove", refuse, after=True)
    document = {"overrides": {"prod": {"scaling": None, "desiredCount": 4}}}
    api.ended(api.patch(document), "FAILED")
    scaled.wire.heal()
    api.ended(api.patch(document))
    assert (desired(scaled, "prod-1"), desired(scaled, "prod-2")) == (4, 4)
    assert scaled.scaling.targets_ == {}


def test_an_abort_does_not_undo_a_release_that_waits_for_its_scaling(
    promoted: FakeCloud, api: Client, dry: DryClient
) -> None:
    promoted.wire.fail("scaling.apply", ThrottledError("busy"))
    reply = api.patch({"overrides": {"dev": {"scaling": CPU, "environment": {"A": "b"}}}})
    api.tick()
    api.tick()
    kept = "already complete and kept: DEV"
    assert dry.abort(reply.id).body["plan"]["message"] == kept
    assert api.abort(reply.id).body["message"] == kept
    promoted.wire.heal()
    promoted.wire.fail("scaling.apply", RefusedError("the quota is used up"), times=1)
    api.settle()
    api.ended(api.status(reply.id), "FAILED")
    assert api.abort(reply.id).body["message"] == kept
    assert promoted.containers.running("Shop", "dev").variables["A"] == "b"


def test_a_release_without_its_scaling_can_be_promoted_as_soon_as_it_has_it(
    promoted: FakeCloud, api: Client
) -> None:
    promoted.wire.fail("scaling.apply", RefusedError("the quota is used up"), times=1)
    document = {"overrides": {"dev": {"scaling": CPU, "environment": {"A": "b"}}}}
    api.ended(api.patch(document), "FAILED")
    api.ended(api.patch(document))
    api.ended(api.promote(environment="dev"))


@pytest.mark.parametrize("lost", [False, True])
def test_a_throttled_or_lost_call_is_repeated(
    promoted: FakeCloud, api: Client, *, lost: bool
) -> None:
    promoted.wire.fail("scaling.apply", ThrottledError("busy"), times=1, lost=lost)
    reply = api.patch(IN_DEV)
    promoted.clock.pass_(minutes=2)
    api.settle()
    assert api.status(reply.id).operation["status"] == "SUCCEEDED"
    assert limits(promoted) == (2, 5)


@pytest.mark.parametrize(
    "error", [RefusedError("the quota is used up"), AccessDeniedError("no permission")]
)
def test_a_swap_does_not_depend_on_application_auto_scaling(
    scaled: FakeCloud, api: Client, error: AwsError
) -> None:
    scaled.scaling.follow_load("Shop", "prod-2", 5)
    scaled.wire.fail("scaling", error)
    reply = api.ended(api.swap())
    assert scaled.live("Shop") == "prod-1"
    assert desired(scaled, "prod-1") == 5
    warning = f"the scaling of prod-1 could not be changed: {error.message}"
    assert warning in reply.operation["warnings"]
    assert reply.operation["took"]["untilEnded"] <= 300


def test_a_missing_permission_after_the_switch_becomes_a_warning(
    scaled: FakeCloud, api: Client
) -> None:
    scaled.wire.fail("scaling.allow_scale_in", AccessDeniedError("no permission"))
    reply = api.ended(api.swap())
    (warning, *_) = reply.operation["warnings"]
    assert "the scaling of prod-1 could not be changed: no permission" in warning
    assert scaled.live("Shop") == "prod-1"


def test_a_failed_size_of_production_is_repeated_by_the_same_document(
    promoted: FakeCloud, api: Client
) -> None:
    api.ended(api.patch(IN_PROD))
    other = {"overrides": {"prod": {"scaling": {"min": 3, "max": 9}}}}
    promoted.wire.fail("scaling.apply", RefusedError("the quota is used up"), times=2)
    api.ended(api.patch(other), "FAILED")
    # A change of another environment leaves production as it is.
    api.ended(api.patch({"overrides": {"dev": {"environment": {"A": "1"}}}}))
    assert limits(promoted, "prod-1") == (2, 5)
    api.ended(api.patch({}))
    assert limits(promoted, "prod-1") == limits(promoted, "prod-2") == (3, 9)


def test_a_transient_failure_late_in_a_swap_is_repeated(scaled: FakeCloud, api: Client) -> None:
    scaled.scaling.follow_load("Shop", "prod-2", 5)
    scaled.containers.advance("Shop", "prod-2")
    scaled.containers.automatic = False
    reply = api.swap()
    assert limits(scaled, "prod-1") == (5, 5)
    scaled.clock.pass_(minutes=3)
    scaled.containers.service("Shop", "prod-2").desired = 7
    scaled.containers.service("Shop", "prod-2").running = 7
    scaled.wire.fail("scaling.set_minimum", ThrottledError("busy"), times=1)
    scaled.containers.automatic = True
    api.settle()
    done = api.status(reply.id).operation
    assert (done["status"], done.get("warnings")) == ("SUCCEEDED", None)
    assert limits(scaled, "prod-1") == (7, 7)
