"""The metrics of target tracking: requests from the load balancer, CPU and memory from /proc."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ministack.services import alb, ecs

from tools.laptop.container_rules import number
from tools.laptop.containers import TASK_ARN
from tools.laptop.emulator import engine
from tools.laptop.patches.load_balancers import balancer
from tools.laptop.scaling.policies import CPU, MEMORY
from tools.laptop.scaling.records import service_of
from tools.laptop.scaling.usage import CpuMeter, Task, memory_utilization


class Metrics:
    """The data points of the services of an account, each since the previous call."""

    def __init__(self) -> None:
        self._cpu: dict[str, CpuMeter] = {}
        self._requests: dict[tuple[str, str], int] = {}

    def point(self, resource: str, metric: str, label: str) -> float | None:
        """Return the data point of a metric; None without running tasks or in its first minute.

        Real containers have no data points for CPU and memory.
        """
        if metric == CPU:
            meter = self._cpu.setdefault(resource, CpuMeter())
            return meter.utilization(tasks(resource), time.monotonic())
        if metric == MEMORY:
            return memory_utilization(tasks(resource))
        return self._requests_per_target(resource, label)

    def _requests_per_target(self, resource: str, label: str) -> float | None:
        arn = _group_arn(label)
        total, targets = balancer.requests(arn), len(alb._targets.get(arn) or [])
        before = self._requests.get((resource, label))
        self._requests[resource, label] = total
        return (total - before) / targets if targets and before is not None else None


def has_target_group(key: str, label: str) -> bool:
    """Return whether the load balancer of a label exists and a service has its target group."""
    name = label.partition("/targetgroup/")[0]
    service, arn = ecs._services.get(key) or {}, _group_arn(label)
    groups = [each.get("targetGroupArn") for each in service.get("loadBalancers") or ()]
    return arn in groups and any(each.endswith(f":loadbalancer/{name}") for each in alb._lbs.keys())  # noqa: SIM118 - a store of several accounts


def _group_arn(label: str) -> str:
    """Return the ARN of the target group of a label, or ""."""
    suffix = ":targetgroup/" + label.partition("/targetgroup/")[2]
    return next((str(arn) for arn in alb._tgs.keys() if arn.endswith(suffix)), "")  # noqa: SIM118


def tasks(resource: str) -> Iterator[Task]:
    """Yield the running tasks of a service, with the processes of their containers."""
    cluster, service = service_of(resource)
    pids: dict[str, list[int]] = {}
    for container in engine().all():
        if container.status == "running":
            pids.setdefault(container.labels.get(TASK_ARN, ""), []).append(container.pid)
    for arn, task in ecs._tasks.items():
        is_of_service = task.get("group") == f"service:{service}" and task["clusterArn"].endswith(
            f"/{cluster}"
        )
        if is_of_service and arn in pids:
            definition = ecs._task_defs.get(ecs._resolve_td_key(task["taskDefinitionArn"])) or {}
            yield Task(
                tuple(pids[arn]), number(definition.get("cpu")), number(definition.get("memory"))
            )
