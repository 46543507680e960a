"""The health of a target and the choice of one, as an Application Load Balancer decides them."""

from __future__ import annotations

import pytest

from tools.laptop.balancer import Balancer, Target
from tools.laptop.health import (
    REFUSED,
    Health,
    Probe,
    Thresholds,
    advance,
    matches,
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
