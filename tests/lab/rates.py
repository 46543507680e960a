"""The published request rates of AWS, and a limiter that enforces them.

Each rate is that of one account and region, as a token bucket: its capacity, and the tokens that
are added in a second. A refused request takes no token. Sources:

- Amazon ECS API Reference, "Request throttling for the Amazon ECS API"
  (docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html)
- Elastic Load Balancing User Guide, "Request throttling for the ELB API"
  (docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html)
- Amazon CloudWatch User Guide, "CloudWatch service quotas"
  (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html), which are
  requests in a second

AWS publishes no rates for the calls of the service to CloudFormation, ECR and S3. The rates of
DynamoDB (1,000 writes and 3,000 reads in a second for one partition) are larger than those of ECS
by two orders of magnitude.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """The rate of some operations that share one bucket."""

    operations: frozenset[str]
    capacity: int
    refill: float


def _rate(capacity: int, refill: float, *operations: str) -> Rate:
    return Rate(frozenset(operations), capacity, refill)


_ELB_READS = ("DescribeRules", "DescribeTargetGroups", "DescribeTargetHealth")
# Only the operations that the service calls.
PUBLISHED: Mapping[str, Rate] = {
    "CloudWatch, DescribeAlarms": _rate(9, 9, "DescribeAlarms"),
    "CloudWatch, GetMetricData": _rate(50, 50, "GetMetricData"),
    "ECS, task definition modify": _rate(
        20, 1, "RegisterTaskDefinition", "DeregisterTaskDefinition"
    ),
    "ECS, task definition read": _rate(50, 20, "DescribeTaskDefinition", "ListTaskDefinitions"),
    "ECS, service modify": _rate(50, 5, "UpdateService"),
    "ECS, service read": _rate(100, 20, "DescribeServices"),
    "ECS, cluster resource read": _rate(100, 20, "DescribeTasks", "ListTasks"),
    "ELB, non-mutating": _rate(40, 10, *_ELB_READS),
    "ELB, mutating": _rate(20, 3, "ModifyListener"),
    "ELB, all": _rate(40, 10, *_ELB_READS, "ModifyListener"),
}


class Limiter:
    """The buckets of an account. `taken` and `refused` count the requests by operation.

    `now` returns the time in seconds. Without `full` the buckets are empty at first, as after a
    burst of other requests.
    """

    def __init__(self, now: Callable[[], float], *, full: bool = True) -> None:
        self._now = now
        self._tokens = {name: float(each.capacity * full) for name, each in PUBLISHED.items()}
        self._filled = dict.fromkeys(PUBLISHED, now())
        self.taken: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def take(self, operation: str) -> bool:
        """Take a token from each bucket of an operation; False if one of them is empty."""
        own = [name for name, each in PUBLISHED.items() if operation in each.operations]
        for name in own:
            self._fill(name)
        if any(self._tokens[name] < 1 for name in own):
            self.refused[operation] += 1
            return False
        for name in own:
            self._tokens[name] -= 1
        self.taken[operation] += 1
        return True

    def _fill(self, name: str) -> None:
        rate, now = PUBLISHED[name], self._now()
        added = (now - self._filled[name]) * rate.refill
        self._tokens[name] = min(rate.capacity, self._tokens[name] + added)
        self._filled[name] = now
