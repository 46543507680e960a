"""Target health as an Application Load Balancer decides it; pure, the probing is in `prober`.

States, reasons and descriptions are those of the ELBv2 API (TargetHealth). An initial target is
healthy after one success and unhealthy after UnhealthyThresholdCount failures; after that a
change takes HealthyThresholdCount or UnhealthyThresholdCount results in a row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Health:
    """What DescribeTargetHealth says of one target, and the row of equal results behind it."""

    state: str = "initial"
    reason: str = "Elb.RegistrationInProgress"
    description: str = "Target registration is in progress"
    streak: int = 0  # > 0: successes in a row, < 0: failures in a row


@dataclass(frozen=True)
class Probe:
    """One health check: no reason means that it passed."""

    reason: str = ""
    description: str = ""

    @property
    def passed(self) -> bool:
        """Whether the target answered as the matcher wants."""
        return not self.reason


@dataclass(frozen=True)
class Thresholds:
    """Results in a row that change the state of a target."""

    healthy: int = 5
    unhealthy: int = 2


# Passed probes in a row after which a target is probed in every tenth round only: probing is most
# of what an idle laptop cloud does.
STEADY = 10

UNUSED = Health(
    "unused",
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
)
NOT_REGISTERED = Health(
    "unused", "Target.NotRegistered", "Target is not registered to the target group"
)
REFUSED = Probe("Target.FailedHealthChecks", "Health checks failed")
TIMED_OUT = Probe("Target.Timeout", "Request timed out")


def advance(health: Health, probe: Probe, thresholds: Thresholds) -> Health:
    """Return the health after one more probe."""
    streak = max(health.streak, 0) + 1 if probe.passed else min(health.streak, 0) - 1
    counted = replace(health, streak=streak)
    if probe.passed:
        enough = health.state == "initial" or streak >= thresholds.healthy
        return Health("healthy", "", "", streak) if enough else counted
    if health.state == "unhealthy" or -streak >= thresholds.unhealthy:
        return Health("unhealthy", probe.reason, probe.description, streak)
    if health.state == "initial":
        return Health(
            "initial", "Elb.InitialHealthChecking", "Initial health checks in progress", streak
        )
    return counted


def is_due(health: Health, turn: int) -> bool:
    """Tell whether a target is probed in a round, given the number of that round."""
    return health.streak < STEADY or turn % STEADY == 0


def judge(status: int, matcher: str) -> Probe:
    """Return the result of a probe that was answered with an HTTP status."""
    if matches(status, matcher):
        return Probe()
    description = f"Health checks failed with these codes: [{status}]"
    return Probe("Target.ResponseCodeMismatch", description)


def matches(status: int, matcher: str) -> bool:
    """Tell whether a status is in a matcher such as `200`, `200,202` or `200-399`."""
    for part in matcher.split(","):
        low, _, high = part.strip().partition("-")
        if int(low) <= status <= int(high or low):
            return True
    return False
