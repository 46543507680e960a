"""An application with real processes in both production slots, and the actions of the benchmark."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from tools.bench.swaps.records import Swap
from tools.laptop import processes
from tools.laptop.client import Client, Response, UnexpectedError, create_body, until

STEADY_TIMEOUT = 30.0  # seconds until ECS is steady; it takes one or two
PAUSE = 0.02  # seconds between two polls of ECS


@dataclass(frozen=True)
class Slot:
    """The state of an ECS service: desired and running tasks, healthy targets, task definition."""

    desired: int
    running: int
    healthy: int
    definition: str
    completed: bool

    @property
    def steady(self) -> bool:
        """Whether no task is being started or stopped."""
        return self.completed and self.desired == self.running == self.healthy


class Production:
    """The production of one application; `live` and `idle` are the versions of the two slots."""

    def __init__(self, client: Client, application: str) -> None:
        self.client, self.application = client, application
        self.live = self.idle = ""
        self.url = ""
        self._versions = count(1)
        self._ecs, self._balancing = client.client("ecs"), client.client("elbv2")

    def create(self, **changes: Any) -> None:
        """Create the application and release a version to each slot.

        `changes` replace or add members of the body.
        """
        operation = self.client.succeed(
            self.client.post("/stacks", create_body(self.application, **changes), Prefer="wait=25")
        )
        self.url = _url(operation, "PROD-GREEN")
        self.release()
        self.swap(self.idle)
        self.release()

    def deploy(self, behaviour: str = "") -> str:
        """Push an image of a new version and deploy it to dev; return the version.

        `behaviour` is that of the image, for example "errors=5".
        """
        version = f"{next(self._versions)}.0"
        self.client.push(self.application, version, behaviour)
        body = {
            "applicationName": self.application,
            "environment": ["dev"],
            "version": version,
        }
        self.client.succeed(self.client.post("/stacks/deploy", body, Prefer="wait=25"))
        return version

    def promote(self) -> Response:
        """Promote the version of dev to the idle slot."""
        return self.client.post("/stacks/deploytoprodBlue", {"applicationName": self.application})

    def release(self, behaviour: str = "") -> None:
        """Deploy a new version and promote it."""
        version = self.deploy(behaviour)
        self.client.succeed(self.promote())
        self.idle = version

    def request_swap(self, version: str, **policy: Any) -> Response:
        """Request a swap and return the response, which may be a refusal."""
        body = {"applicationName": self.application, "version": version} | policy
        return self.client.post("/stacks/swapProdBlueAndGreen", body, Prefer="wait=25")

    def swap(self, version: str) -> Swap:
        """Make the version of the idle slot live.

        Raises:
            UnexpectedError: the swap was refused or failed.

        """
        begun = time.monotonic()
        operation = self.client.succeed(self.request_swap(version))
        ended = time.monotonic()
        self.exchange_roles()
        took = operation["took"]
        return Swap(version, self.idle, begun, ended, took["untilSwitched"], took["untilEnded"])

    def exchange_roles(self) -> None:
        """Record that the roles of the slots were exchanged."""
        self.live, self.idle = self.idle, self.live

    def roles(self) -> tuple[str, str]:
        """Return the names of the live and the idle slot."""
        response = self.client.client("dynamodb").query(
            TableName="ECS_Inventory_Production",
            KeyConditionExpression="applicationName = :name",
            ExpressionAttributeValues={":name": {"S": self.application}},
        )
        rows = {row["environment"]["S"]: row["slot"]["S"] for row in response["Items"]}
        return rows["PROD-GREEN"], rows["PROD-BLUE"]

    def state(self, slot: str) -> Slot:
        """Return the state of a slot: its ECS service and its targets."""
        service = self._service(slot)
        group = service["loadBalancers"][0]["targetGroupArn"]
        targets = self._balancing.describe_target_health(TargetGroupArn=group)
        states = [t["TargetHealth"]["State"] for t in targets["TargetHealthDescriptions"]]
        rollouts = [each["rolloutState"] for each in service["deployments"]]
        return Slot(
            service["desiredCount"],
            service["runningCount"],
            states.count("healthy"),
            service["taskDefinition"],
            rollouts == ["COMPLETED"],
        )

    def weights(self, slot: str) -> Callable[[], dict[int, int]]:
        """Return a function that reads the weight of a slot in percent, by port of the listener."""
        group = self._service(slot)["loadBalancers"][0]["targetGroupArn"]
        (described,) = self._balancing.describe_target_groups(TargetGroupArns=[group])[
            "TargetGroups"
        ]
        (balancer,) = described["LoadBalancerArns"]

        def read() -> dict[int, int]:
            listeners = self._balancing.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
            return {each["Port"]: _percent(each["DefaultActions"][0], group) for each in listeners}

        return read

    def scale(self, slot: str, tasks: int) -> None:
        """Set the number of tasks of a slot in ECS, and wait until all tasks are healthy."""
        self._ecs.update_service(cluster=self.application, service=slot, desiredCount=tasks)
        self.wait_until_steady(slot)

    def restart(self, slot: str) -> None:
        """Make ECS replace the tasks of a slot; do not wait for the new tasks."""
        self._ecs.update_service(cluster=self.application, service=slot, forceNewDeployment=True)

    def wait_until_steady(self, slot: str) -> None:
        """Wait until all tasks of a slot are running and healthy."""
        if not until(lambda: self.state(slot).steady, STEADY_TIMEOUT, PAUSE):
            raise UnexpectedError(f"{slot} does not become steady: {self.state(slot)}")

    def kill_task(self, slot: str) -> None:
        """Kill the process of one task of a slot (SIGKILL), and wait until it has ended."""
        pid, *_ = self._processes(slot)
        os.kill(pid, signal.SIGKILL)
        if not until(lambda: pid not in self._processes(slot), STEADY_TIMEOUT, pause=0.001):
            raise UnexpectedError(f"process {pid} does not end")

    def _service(self, slot: str) -> dict[str, Any]:
        described = self._ecs.describe_services(cluster=self.application, services=[slot])
        service: dict[str, Any]
        (service,) = described["services"]
        return service

    def _processes(self, slot: str) -> list[int]:
        return processes.tasks(self.client.cloud.directory, self.application, slot)


def _url(operation: dict[str, Any], environment: str) -> str:
    url: str = next(
        part["url"] for part in operation["environments"] if part["environment"] == environment
    )
    return url


def _percent(action: dict[str, Any], group: str) -> int:
    """Return the weight of a target group in a forward action, in percent."""
    groups = action["ForwardConfig"]["TargetGroups"]
    weights: dict[str, int] = {each["TargetGroupArn"]: each["Weight"] for each in groups}
    return round(100 * weights[group] / sum(weights.values()))
