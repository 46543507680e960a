"""Elastic Load Balancing: the metrics of target groups in CloudWatch.

Gap: the emulator's load balancers publish no metrics.
"""

from __future__ import annotations

from ministack.core.responses import request_scope
from ministack.services import alb, cloudwatch

from tools.laptop.emulator import clock
from tools.laptop.forwards import target_groups
from tools.laptop.patches.load_balancers import group_health, prober, target_metrics
from tools.laptop.target_metrics import DataPoint

NAMESPACE = "AWS/ApplicationELB"


def sample() -> None:
    """Count the healthy and the unhealthy targets of each target group with targets."""
    now = clock().time()
    used = prober.groups_in_use()
    for (account, region, arn), group in alb._tgs.all_items():
        if arn not in used or group["TargetType"] == "lambda":
            continue
        with request_scope(account, region):
            states = group_health(arn)
        if states:
            healthy, unhealthy = (states.count(each) for each in ("healthy", "unhealthy"))
            target_metrics.add_hosts(arn, now, healthy, unhealthy)


def publish() -> None:
    """Publish the minutes that are complete; those of deleted load balancers are lost."""
    balancers = _load_balancers()
    for point in target_metrics.take(clock().time()):
        if point.group in balancers:
            _, _, _, region, account, _ = point.group.split(":", 5)
            with request_scope(account, region):
                _store(point, balancers[point.group])


def _store(point: DataPoint, load_balancer: str) -> None:
    dimensions = {
        "TargetGroup": point.group.rpartition(":")[2],
        "LoadBalancer": load_balancer.partition(":loadbalancer/")[2],
    }
    values = {
        "SampleCount": point.statistics.samples,
        "Sum": point.statistics.total,
        "Minimum": point.statistics.least,
        "Maximum": point.statistics.most,
    }
    cloudwatch._store_datum(
        *(NAMESPACE, point.metric, dimensions, point.time, "Count", None, None, None, values)
    )


def _load_balancers() -> dict[str, str]:
    """Return the ARN of the load balancer of each target group in use."""
    listeners = {arn: each for (_, _, arn), each in alb._listeners.all_items()}
    holders = [(each, each["DefaultActions"]) for each in listeners.values()]
    holders += [
        (listeners[rule["ListenerArn"]], rule["Actions"])
        for rule in alb._rules.all_values()
        if rule["ListenerArn"] in listeners
    ]
    return {
        group: listener["LoadBalancerArn"]
        for listener, actions in holders
        for group in target_groups(actions)
    }
