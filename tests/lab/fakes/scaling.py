"""The scalable targets of Application Auto Scaling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from devops_core.errors import RefusedError
from devops_core.model.scaling import ScalableTarget
from tests.lab.fakes.clock import FakeClock
from tests.lab.fakes.containers import FakeContainers
from tests.lab.fakes.task_service import FakeService
from tests.lab.fakes.wire import Port, Wire, outgoing


@dataclass(slots=True)
class FakeTarget:
    """A scalable target: its limits, its policies by member of a scaling, and its schedule.

    `restores` has the limits that a scheduled action sets, and its time.
    """

    limits: ScalableTarget
    policies: Mapping[str, int]
    label: str | None = None
    restores: tuple[datetime, int, int] | None = None


class FakeScaling(Port, port="scaling"):
    """`ports.aws.Scaling`.

    `targets_` has the targets by cluster and service. A deleted service keeps its target. `quota`
    is the number of targets of the account, None for no limit.
    """

    def __init__(self, wire: Wire, containers: FakeContainers, clock: FakeClock) -> None:
        super().__init__(wire)
        self._containers = containers
        self._clock = clock
        self.targets_: dict[tuple[str, str], FakeTarget] = {}
        self.quota: int | None = None

    @outgoing
    def apply(
        self,
        cluster: str,
        service: str,
        scaling: Mapping[str, int],
        *,
        label: str | None,
        scales_in: bool,
    ) -> None:
        """Register a target with exactly the policies of a scaling."""
        ecs_service = self._containers.services_.get((cluster, service))
        if ecs_service is None or not ecs_service.active:
            raise RefusedError("ECS service doesn't exist")
        if ("requestsPerTarget" in scaling) != (label is not None):
            raise RefusedError("You must specify a resource label for this metric")
        others = self.targets_.keys() - {(cluster, service)}
        if self.quota is not None and len(others) >= self.quota:
            raise RefusedError("the quota of scalable targets is used up")
        limits = ScalableTarget(scaling["min"], scaling["max"], scales_in)
        policies = {name: scaling[name] for name in scaling if name not in ("min", "max")}
        self.targets_[cluster, service] = FakeTarget(limits, policies, label)
        self._adjust(cluster, service)

    @outgoing
    def remove(self, cluster: str, service: str) -> None:
        """Deregister a target, if it exists."""
        self.targets_.pop((cluster, service), None)

    @outgoing
    def set_minimum(
        self, cluster: str, service: str, scaling: Mapping[str, int], minimum: int, until: datetime
    ) -> None:
        """Set the minimum of a target, and schedule the restoration."""
        target = self.targets_.get((cluster, service))
        if target is None:
            return
        assert until > self._clock.now()
        target.restores = (until, scaling["min"], scaling["max"])
        target.limits = target.limits._replace(
            minimum=minimum, maximum=max(minimum, scaling["max"])
        )
        self._adjust(cluster, service)

    @outgoing
    def allow_scale_in(self, cluster: str, service: str, *, allowed: bool) -> None:
        """Allow or suspend scale-in."""
        target = self.targets_.get((cluster, service))
        if target:
            target.limits = target.limits._replace(scales_in=allowed)
            self._adjust(cluster, service)

    @outgoing
    def targets(self, cluster: str, services: Sequence[str]) -> dict[str, ScalableTarget]:
        """Return the targets of services."""
        assert 0 < len(services) <= 50
        self.run_schedules()
        found = ((name, self.targets_.get((cluster, name))) for name in services)
        return {name: target.limits for name, target in found if target}

    # --- for tests and other fakes, without outgoing calls ---

    def run_schedules(self) -> None:
        """Execute the scheduled actions whose time has come."""
        for (cluster, service), target in self.targets_.items():
            if target.restores and target.restores[0] <= self._clock.now():
                _, minimum, maximum = target.restores
                target.limits = target.limits._replace(minimum=minimum, maximum=maximum)
                target.restores = None
                self._adjust(cluster, service)

    def follow_load(self, cluster: str, service: str, tasks: int) -> int:
        """Scale a service as its policies ask for a number of tasks, and return its task count.

        Application Auto Scaling does not scale in while ECS deploys (Application Auto Scaling User
        Guide, "Amazon ECS and Application Auto Scaling").
        """
        self.run_schedules()
        target, ecs_service = self.targets_[cluster, service], self._service(cluster, service)
        wanted = min(max(tasks, target.limits.minimum), target.limits.maximum)
        deploys = ecs_service.primary.state == "IN_PROGRESS"
        scales_in = target.limits.scales_in and not deploys
        if wanted > ecs_service.desired or (wanted < ecs_service.desired and scales_in):
            _set_count(ecs_service, wanted)
        return ecs_service.desired

    def _adjust(self, cluster: str, service: str) -> None:
        """Move the task count into the limits, as a registration does for an active service."""
        ecs_service = self._containers.services_.get((cluster, service))
        if ecs_service is None or not ecs_service.active:
            return
        limits = self.targets_[cluster, service].limits
        count = min(max(ecs_service.desired, limits.minimum), limits.maximum)
        if count != ecs_service.desired:
            _set_count(ecs_service, count)

    def _service(self, cluster: str, service: str) -> FakeService:
        return self._containers.service(cluster, service)


def _set_count(service: FakeService, count: int) -> None:
    service.desired = count
    service.running = min(service.running, count)
