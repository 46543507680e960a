"""The health of a target and the choice of one, as an Application Load Balancer decides them."""

from __future__ import annotations

import pytest

from tools.laptop.balancer import Balancer, Target
from tools.laptop.health import (
    REFUSED,
    STEADY,
    Health,
    Probe,
    Thresholds,
    advance,
    is_due,
    matches,
    probe_result,
)

THRESHOLDS = Thresholds(healthy=3, unhealthy=2)
PASSED = Probe()


def after(*probes: Probe) -> Health:
    health = Health()
    for probe in probes:
        health = advance(health, probe, THRESHOLDS)
    return health


@pytest.mark.parametrize(
    ("probes", "state", "reason"),
    [
        ((), "initial", "Elb.RegistrationInProgress"),
        ((PASSED,), "healthy", ""),
        ((REFUSED,), "initial", "Elb.InitialHealthChecking"),
        ((REFUSED, REFUSED), "unhealthy", "Target.FailedHealthChecks"),
        ((REFUSED, PASSED), "healthy", ""),
        ((PASSED, REFUSED), "healthy", ""),
        ((PASSED, REFUSED, REFUSED), "unhealthy", "Target.FailedHealthChecks"),
        ((REFUSED, REFUSED, PASSED, PASSED), "unhealthy", "Target.FailedHealthChecks"),
        ((REFUSED, REFUSED, PASSED, PASSED, PASSED), "healthy", ""),
    ],
)
def test_state_follows_the_results_in_a_row(
    probes: tuple[Probe, ...], state: str, reason: str
) -> None:
    health = after(*probes)
    assert (health.state, health.reason) == (state, reason)


@pytest.mark.parametrize(
    ("status", "matcher", "expected"),
    [
        (200, "200", True),
        (204, "200", False),
        (204, "200,204", True),
        (302, "200-399", True),
        (503, "200-399", False),
    ],
)
def test_matcher_accepts_values_lists_and_ranges(status: int, matcher: str, expected: bool) -> None:
    assert matches(status, matcher) is expected


def test_a_target_that_stays_healthy_is_probed_less_often_until_it_fails() -> None:
    fresh, steady = after(PASSED), after(*[PASSED] * STEADY)
    failing = advance(steady, REFUSED, THRESHOLDS)
    rounds = range(1, 2 * STEADY + 1)
    assert all(is_due(fresh, turn) and is_due(failing, turn) for turn in rounds)
    assert [turn for turn in rounds if is_due(steady, turn)] == [STEADY, 2 * STEADY]


def test_wrong_status_is_named_as_elb_names_it() -> None:
    probe = probe_result(503, "200")
    assert probe.reason == "Target.ResponseCodeMismatch"
    assert probe.description == "Health checks failed with these codes: [503]"


def balancer(*healthy: str) -> Balancer:
    return Balancer(lambda _group, target: target["Id"] in healthy)


def targets(*addresses: str) -> list[Target]:
    return [{"Id": address, "Port": 80} for address in addresses]


def chosen(of: Balancer, *addresses: str) -> list[str]:
    picked = [of.take("group", lambda: targets(*addresses)) for _ in range(4)]
    return [target["Id"] for target in picked if target]


def test_requests_go_to_healthy_targets_in_turn() -> None:
    assert sorted(chosen(balancer("a", "b"), "a", "b", "c")) == ["a", "a", "b", "b"]


def test_load_balancer_fails_open_without_a_healthy_target() -> None:
    assert set(chosen(balancer(), "a", "b")) == {"a", "b"}


def test_no_target_is_chosen_from_none() -> None:
    assert balancer().take("group", list) is None


def test_draining_waits_for_the_requests_in_flight() -> None:
    of = balancer("a")
    target = of.take("group", lambda: targets("a"))
    assert target is not None
    assert not of.wait_idle("a", timeout=0.01)
    of.done(target)
    assert of.wait_idle("a", timeout=0.01)
