"""The rules of an Application Load Balancer for target health; pure, `prober` sends the probes.

States, reasons and descriptions are those of the ELBv2 API (TargetHealth). An initial target
becomes healthy after one success, and unhealthy after UnhealthyThresholdCount failures. Later
changes need HealthyThresholdCount or UnhealthyThresholdCount equal results in a row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Health:
    """The health of one target in DescribeTargetHealth, and the number of equal results."""

    state: str = "initial"
    reason: str = "Elb.RegistrationInProgress"
    description: str = "Target registration is in progress"
    streak: int = 0  # > 0: successes in a row, < 0: failures in a row


@dataclass(frozen=True)
class Probe:
    """The result of one health check; an empty reason means that it passed."""

    reason: str = ""
    description: str = ""

    @property
    def passed(self) -> bool:
        """Whether the status of the response was in the matcher."""
        return not self.reason


@dataclass(frozen=True)
class Thresholds:
    """Numbers of equal results in a row that change the state of a target."""

    healthy: int = 5
    unhealthy: int = 2


# After this number of passed probes in a row, a target is probed only in every tenth round, because
# probes cause most of the load of an idle laptop cloud.
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
    """Return whether a target is probed in the round with this number."""
    return health.streak < STEADY or turn % STEADY == 0


def probe_result(status: int, matcher: str) -> Probe:
    """Return the result of a probe with this HTTP status."""
    if matches(status, matcher):
        return Probe()
    description = f"Health checks failed with these codes: [{status}]"
    return Probe("Target.ResponseCodeMismatch", description)


def matches(status: int, matcher: str) -> bool:
    """Return whether a status is in a matcher such as `200`, `200,202` or `200-399`."""
    for part in matcher.split(","):
        low, _, high = part.strip().partition("-")
        if int(low) <= status <= int(high or low):
            return True
    return False
