"""ECS: task definitions and services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from devops_core import render
from devops_core.errors import RefusedError
from devops_core.model.observed import RunningService
from devops_core.naming import OPERATION_TAG
from tests.lab.fakes import shapes
from tests.lab.fakes.clock import FakeClock
from tests.lab.fakes.task_service import OK, FakeService
from tests.lab.fakes.wire import Wire

# DescribeServices takes at most ten names (ECS API).
_MAX_NAMES = 10


@dataclass(slots=True)
class FakeTaskDefinition:
    """A task definition as it was registered; `active` until it is deregistered."""

    arn: str
    family: str
    request: Mapping[str, Any]
    tags: Mapping[str, str]
    active: bool = True

    @property
    def image(self) -> str:
        """The image of the application's container."""
        return str(self.request["containerDefinitions"][0]["image"])


class FakeContainers:
    """`ports.Containers`.

    `task_definitions` by ARN in the order of registration, `services_` by cluster and name.
    `behaviours` says by image how its tasks behave (`OK`, `CRASH`, `HANG`). With `automatic`, a
    service comes one phase further each time it is described; otherwise when `advance` is called.
    """

    def __init__(self, wire: Wire, clock: FakeClock, arn_prefix: str) -> None:
        self._wire = wire
        self._clock = clock
        self._prefix = arn_prefix
        self.task_definitions: dict[str, FakeTaskDefinition] = {}
        self.services_: dict[tuple[str, str], FakeService] = {}
        self.behaviours: dict[str, str] = {}
        self.automatic = True

    # --- the port ---

    def register(self, request: Mapping[str, Any]) -> str:
        """Register a task definition and return its ARN."""
        return self._wire.call("containers.register", (request,), lambda: self.add(request))

    def find(self, family: str, operation_id: str) -> str | None:
        """Return the newest active task definition of a family that carries an operation's tag."""
        return self._wire.call(
            "containers.find", (family, operation_id), lambda: self._find(family, operation_id)
        )

    def registered(self, family: str) -> tuple[str, ...]:
        """Return the active task definitions of a family that operations have registered."""
        return self._wire.call("containers.registered", (family,), lambda: self._registered(family))

    def blueprint(self, task_definition: str) -> Mapping[str, Any]:
        """Return what a task definition was registered with, inactive or not."""
        return self._wire.call(
            "containers.blueprint",
            (task_definition,),
            lambda: render.blueprint(self._known(task_definition).request),
        )

    def deregister(self, task_definition: str) -> None:
        """Deregister a task definition; twice does no harm."""
        self._wire.call(
            "containers.deregister", (task_definition,), lambda: self._deregister(task_definition)
        )

    def update(
        self, cluster: str, service: str, task_definition: str | None, desired_count: int | None
    ) -> RunningService:
        """Give a service a task definition or a task count."""
        args = cluster, service, task_definition, desired_count
        return self._wire.call("containers.update", args, lambda: self._update(*args))

    def services(self, cluster: str, names: Iterable[str]) -> dict[str, RunningService]:
        """Return services by name; each is one phase further than when it was last described."""
        wanted = tuple(names)
        assert len(wanted) <= _MAX_NAMES
        return self._wire.call(
            "containers.services", (cluster, wanted), lambda: self._describe(cluster, wanted)
        )

    def stopped(self, cluster: str, service: str, task_definition: str | None) -> tuple[str, ...]:
        """Return why tasks of a task definition stopped in a service."""
        return self._wire.call(
            "containers.stopped",
            (cluster, service, task_definition),
            lambda: tuple(filter(None, [self._why(cluster, service, task_definition)])),
        )

    # --- what tests and the other fakes use; none of it is an outgoing call ---

    def add(self, request: Mapping[str, Any]) -> str:
        """Register a task definition."""
        shapes.check("ecs", "RegisterTaskDefinition", request)
        family = request["family"]
        revision = 1 + sum(each.family == family for each in self.task_definitions.values())
        arn = f"{self._prefix}:task-definition/{family}:{revision}"
        tags = {tag["key"]: tag["value"] for tag in request.get("tags", ())}
        self.task_definitions[arn] = FakeTaskDefinition(arn, family, request, tags)
        return arn

    def add_service(self, cluster: str, name: str, target_group: str, definition: str) -> str:
        """Make a service whose first rollout is complete and return its ARN."""
        service = FakeService(name, target_group)
        service.deploy(definition, self._clock.right())
        service.complete(self._clock.right())
        self.services_[cluster, name] = service
        return f"{self._prefix}:service/{cluster}/{name}"

    def service(self, cluster: str, name: str) -> FakeService:
        """Return a service."""
        return self.services_[cluster, name]

    def running(self, cluster: str, name: str) -> FakeTaskDefinition:
        """Return the task definition that a service runs, or is on its way to."""
        return self.task_definitions[self.service(cluster, name).primary.task_definition]

    def healthy(self, target_group: str) -> int:
        """Return the number of healthy targets of a target group."""
        return sum(each.healthy for each in self.services_.values()
                   if each.target_group == target_group)  # fmt: skip

    def advance(self, cluster: str, name: str) -> None:
        """Bring a service one phase further."""
        image = self.running(cluster, name).image
        self.service(cluster, name).advance(self.behaviours.get(image, OK), self._clock.right())

    def tagged(self, operation_id: str, *, active: bool = True) -> list[FakeTaskDefinition]:
        """Return the task definitions that carry an operation's tag."""
        return [
            each
            for each in self.task_definitions.values()
            if each.tags.get(OPERATION_TAG) == operation_id and each.active is active
        ]

    # --- effects ---

    def _find(self, family: str, operation_id: str) -> str | None:
        found = [each.arn for each in self.tagged(operation_id) if each.family == family]
        return found[-1] if found else None

    def _registered(self, family: str) -> tuple[str, ...]:
        ours = [each for each in self.task_definitions.values() if OPERATION_TAG in each.tags]
        return tuple(each.arn for each in ours if each.active and each.family == family)

    def _why(self, cluster: str, service: str, task_definition: str | None) -> str | None:
        there = self.services_.get((cluster, service))
        reasons = there.stopped if there else {}
        return reasons.get(task_definition or next(iter(reasons), ""))

    def _known(self, arn: str) -> FakeTaskDefinition:
        if arn not in self.task_definitions:
            raise RefusedError("Unable to describe task definition.")
        return self.task_definitions[arn]

    def _deregister(self, arn: str) -> None:
        self._known(arn).active = False

    def _update(
        self, cluster: str, name: str, definition: str | None, desired: int | None
    ) -> RunningService:
        service = self.services_.get((cluster, name))
        if service is None:
            raise RefusedError("Service not found.")
        if not service.active:
            raise RefusedError("Service was not ACTIVE.")
        if desired is not None:
            service.desired = desired
            service.running = min(service.running, desired)
        if definition is not None:
            if not self._known(definition).active:
                raise RefusedError("TaskDefinition is inactive")
            service.deploy(definition, self._clock.right())
        return service.shown()

    def _describe(self, cluster: str, names: Iterable[str]) -> dict[str, RunningService]:
        there = [name for name in names if (cluster, name) in self.services_]
        if self.automatic:
            for name in there:
                self.advance(cluster, name)
        return {name: self.service(cluster, name).shown() for name in there}
