"""The task definitions and services of ECS."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from devops_core import render
from devops_core.errors import RefusedError
from devops_core.model.inventory import container_of
from devops_core.model.observed import RunningService, StoppedTask
from devops_core.naming import OPERATION_TAG, Image
from tests.lab.fakes.clock import FakeClock
from tests.lab.fakes.shapes import check_request
from tests.lab.fakes.task_service import HANG, OK, FakeService
from tests.lab.fakes.wire import Port, Wire, outgoing

# The maximum of names in one DescribeServices (ECS API).
_MAX_NAMES = 10


@dataclass(slots=True)
class FakeTaskDefinition:
    """A registered task definition; it is `active` until it is deregistered.

    `container` is the name of the application's container, `digests` are those of its image in the
    tasks.
    """

    arn: str
    family: str
    request: Mapping[str, Any]
    tags: Mapping[str, str]
    container: str = "app"
    active: bool = True
    digests: tuple[str, ...] = ()

    @property
    def image(self) -> str:
        """The image of the application's container."""
        return str(container_of(self.request, self.container)["image"])

    @property
    def variables(self) -> dict[str, str]:
        """The variables of the application's container, without secrets."""
        own = container_of(self.request, self.container).get("environment", ())
        return {each["name"]: each["value"] for each in own}

    @property
    def settings(self) -> str:
        """The other members that a rollout keeps.

        The credentials of a registry depend on the image.
        """
        request = {**render.blueprint(self.request), "family": ""}
        request["containerDefinitions"] = [
            {name: value for name, value in each.items() if name != "repositoryCredentials"}
            for each in request["containerDefinitions"]
        ]
        return json.dumps(
            render.task_definition(request, self.container, Image(""), {}), sort_keys=True
        )


class FakeContainers(Port, port="containers"):
    """`ports.aws.Containers`.

    `task_definitions` has them by ARN in the order of registration, `services_` has the services
    by cluster and name. `resolved` has the digests that new tasks report by image, `behaviours` the
    behaviour of the tasks by image (`OK`, `CRASH`, `HANG`); the variable BEHAVIOUR of the container
    has precedence. Without `hangs`, tasks with a variable that lets them hang start. With
    `automatic`, each describe advances a service by one phase; otherwise only `advance` does.
    """

    def __init__(self, wire: Wire, clock: FakeClock, arn_prefix: str) -> None:
        super().__init__(wire)
        self._clock = clock
        self._prefix = arn_prefix
        self.task_definitions: dict[str, FakeTaskDefinition] = {}
        self.services_: dict[tuple[str, str], FakeService] = {}
        self.behaviours: dict[str, str] = {}
        self.resolved: dict[str, tuple[str, ...]] = {}
        self.automatic = True
        self.hangs = True

    # --- the port ---

    @outgoing
    def register(self, request: Mapping[str, Any]) -> str:
        """Register a task definition and return its ARN."""
        return self.add(request)

    @outgoing
    def find(self, family: str, operation_id: str) -> str | None:
        """Return the newest active task definition of a family with an operation's tag."""
        found = [each.arn for each in self.tagged(operation_id) if each.family == family]
        return found[-1] if found else None

    @outgoing
    def registered(self, family: str) -> tuple[str, ...]:
        """Return the active task definitions of a family that operations have registered."""
        ours = [each for each in self.task_definitions.values() if OPERATION_TAG in each.tags]
        return tuple(each.arn for each in ours if each.active and each.family == family)

    @outgoing
    def blueprint(self, task_definition: str) -> Mapping[str, Any]:
        """Return the request of a task definition's registration, also after its deregistration."""
        return render.blueprint(self._known(task_definition).request)

    @outgoing
    def active(self, task_definition: str) -> bool:
        """Return whether a task definition is not deregistered."""
        return self._known(task_definition).active

    @outgoing
    def deregister(self, task_definition: str) -> None:
        """Deregister a task definition; a repetition has no effect."""
        self._known(task_definition).active = False

    @outgoing
    def update(
        self,
        cluster: str,
        service: str,
        task_definition: str | None,
        desired_count: int | None,
        start_seconds: int | None = None,
        execute_command: bool | None = None,
    ) -> RunningService:
        """Change the task definition, the task count, the grace period or ECS Exec of a service.

        ECS Exec requires a task role (aws/aws-toolkit-jetbrains issue 3649).
        """
        known = self.services_.get((cluster, service))
        if known is None:
            raise RefusedError("Service not found.")
        if not known.active:
            raise RefusedError("Service was not ACTIVE.")
        executes = known.execute_command if execute_command is None else execute_command
        definition = self._known(task_definition or known.primary.task_definition)
        checks = task_definition is not None or execute_command is not None
        if executes and checks and "taskRoleArn" not in definition.request:
            raise RefusedError(
                "The service couldn't be updated because a valid taskRoleArn is not being used."
            )
        known.execute_command = executes
        if desired_count is not None:
            known.desired = desired_count
            known.running = min(known.running, desired_count)
        if start_seconds is not None:
            known.start_seconds = start_seconds
        if task_definition is not None:
            if not self._known(task_definition).active:
                raise RefusedError("TaskDefinition is inactive")
            known.deploy(task_definition, self._clock.right())
        return known.shown()

    @outgoing
    def services(self, cluster: str, names: Iterable[str]) -> dict[str, RunningService]:
        """Return services by name; with `automatic`, each advances by one phase first."""
        wanted = tuple(names)
        assert len(wanted) <= _MAX_NAMES
        there = [name for name in wanted if (cluster, name) in self.services_]
        if self.automatic:
            for name in there:
                self.advance(cluster, name)
        return {name: self.service(cluster, name).shown() for name in there}

    @outgoing
    def stopped(
        self, cluster: str, service: str, task_definition: str | None
    ) -> tuple[StoppedTask, ...]:
        """Return the failed tasks, by default those of the first task definition."""
        there = self.services_.get((cluster, service))
        reasons = there.stopped if there else {}
        definition = task_definition or next(iter(reasons), "")
        if there is None or definition not in reasons:
            return ()
        task_id = hashlib.sha256(definition.encode()).hexdigest()[:32]
        known, failed = self.task_definitions.get(definition), there.failed
        if known and failed is None:
            failed = tuple(each["name"] for each in known.request["containerDefinitions"])
        reason = reasons[definition]
        return (StoppedTask(task_id, definition, reason, failed or (), started=there.starts),)

    @outgoing
    def digests(
        self, cluster: str, service: str, task_definition: str, container: str
    ) -> tuple[str, ...]:
        """Return the digests that the running tasks of a service report for a container."""
        known = self.services_.get((cluster, service))
        if known is None:
            raise RefusedError("Service not found.")
        if known.primary.task_definition != task_definition or not known.running:
            return ()
        assert container == self._known(task_definition).container
        return self.reported(task_definition)

    # --- for tests and other fakes, without outgoing calls ---

    def reported(self, task_definition: str) -> tuple[str, ...]:
        """Return the digests of the tasks of a task definition, which stay the same."""
        definition = self._known(task_definition)
        definition.digests = definition.digests or self.digests_of(definition.image)
        return definition.digests

    def digests_of(self, image: str) -> tuple[str, ...]:
        """Return the digests of new tasks with an image: those of `resolved`, or its own one.

        Any other reference has a digest that depends on its text.
        """
        text = f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"
        return self.resolved.get(image) or (image.partition("@")[2] or text,)

    def add(self, request: Mapping[str, Any]) -> str:
        """Register a task definition."""
        check_request("ecs", "RegisterTaskDefinition", request)
        family = request["family"]
        revision = 1 + sum(each.family == family for each in self.task_definitions.values())
        arn = f"{self._prefix}:task-definition/{family}:{revision}"
        tags = {tag["key"]: tag["value"] for tag in request.get("tags", ())}
        services = {f"{cluster}-{name}": each for (cluster, name), each in self.services_.items()}
        container = services[family].container if family in services else "app"
        self.task_definitions[arn] = FakeTaskDefinition(arn, family, request, tags, container)
        return arn

    def add_service(self, cluster: str, name: str, target_group: str, definition: str) -> str:
        """Create a service whose first rollout is complete and return its ARN."""
        service = FakeService(name, target_group)
        service.deploy(definition, self._clock.right())
        service.complete(self._clock.right())
        self.services_[cluster, name] = service
        return f"{self._prefix}:service/{cluster}/{name}"

    def service(self, cluster: str, name: str) -> FakeService:
        """Return a service."""
        return self.services_[cluster, name]

    def running(self, cluster: str, name: str) -> FakeTaskDefinition:
        """Return the task definition of a service's primary deployment."""
        return self.task_definitions[self.service(cluster, name).primary.task_definition]

    def healthy(self, target_group: str) -> int:
        """Return the number of healthy targets of a target group."""
        return sum(each.healthy for each in self.services_.values()
                   if each.target_group == target_group)  # fmt: skip

    def advance(self, cluster: str, name: str) -> None:
        """Advance a service by one phase."""
        running, service = self.running(cluster, name), self.service(cluster, name)
        own = running.variables.get("BEHAVIOUR")
        if own == HANG and not self.hangs:
            own = OK
        behaviour = own or self.behaviours.get(running.image, OK)
        service.advance(behaviour, self._clock.right())
        if service.primary.state == "COMPLETED":
            self.reported(service.primary.task_definition)

    def tagged(self, operation_id: str, *, active: bool = True) -> list[FakeTaskDefinition]:
        """Return the task definitions with an operation's tag."""
        return [
            each
            for each in self.task_definitions.values()
            if each.tags.get(OPERATION_TAG) == operation_id and each.active is active
        ]

    def _known(self, arn: str) -> FakeTaskDefinition:
        if arn not in self.task_definitions:
            raise RefusedError("Unable to describe task definition.")
        return self.task_definitions[arn]
