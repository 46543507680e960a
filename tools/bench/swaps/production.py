"""An application with real processes in both production slots, and what is done to it."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from itertools import count
from typing import Any

from tools.bench.swaps.records import Swap
from tools.laptop import processes
from tools.laptop.client import Client, Response, UnexpectedError, create_body, until

SETTLE = 30.0  # seconds for ECS to come to rest; it takes one or two
PAUSE = 0.02  # seconds between two looks at it


@dataclass(frozen=True)
class Slot:
    """An ECS service as it is: tasks wanted, tasks running, healthy targets, and what they run."""

    desired: int
    running: int
    healthy: int
    definition: str
    completed: bool

    @property
    def at_rest(self) -> bool:
        """Whether nothing is being started or stopped."""
        return self.completed and self.desired == self.running == self.healthy


class Production:
    """The production of one application: `live` and `idle` are the versions of its roles."""

    def __init__(self, client: Client, application: str) -> None:
        self.client, self.application = client, application
        self.live = self.idle = ""
        self.url = ""
        self._versions = count(1)
        self._ecs, self._balancing = client.client("ecs"), client.client("elbv2")

    def create(self) -> None:
        """Create the application and bring a version into each slot."""
        operation = self.client.succeed(
            self.client.post("/stacks", create_body(self.application), Prefer="wait=25")
        )
        self.url = _url(operation, "PROD-GREEN")
        self.bring()
        self.swap(self.idle)
        self.bring()

    def deploy(self) -> str:
        """Push an image of a new version and deploy it to dev; return the version."""
        version = f"{next(self._versions)}.0"
        self.client.push(self.application, version)
        body = {
            "applicationName": self.application,
            "environment": ["dev"],
            "version": version,
        }
        self.client.succeed(self.client.post("/stacks/deploy", body, Prefer="wait=25"))
        return version

    def promote(self) -> Response:
        """Promote what dev runs to blue."""
        return self.client.post("/stacks/deploytoprodBlue", {"applicationName": self.application})

    def bring(self) -> None:
        """Deploy a new version and promote it."""
        version = self.deploy()
        self.client.succeed(self.promote())
        self.idle = version

    def ask_to_swap(self, version: str) -> Response:
        """Call for a swap, whatever comes of it."""
        body = {"applicationName": self.application, "version": version}
        return self.client.post("/stacks/swapProdBlueAndGreen", body, Prefer="wait=25")

    def swap(self, version: str) -> Swap:
        """Make a version live that blue runs.

        Raises:
            UnexpectedError: it was refused, or did not succeed.

        """
        begun = time.monotonic()
        response = self.ask_to_swap(version)
        if response.status != 200:
            raise UnexpectedError(f"{response.status}: {response.body}")
        ended = time.monotonic()
        self.swapped()
        took = response.operation["took"]
        return Swap(version, self.idle, begun, ended, took["untilSwitched"], took["untilEnded"])

    def swapped(self) -> None:
        """Take note that the roles were exchanged."""
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

    def look(self, slot: str) -> Slot:
        """Look at the ECS service of a slot and its targets."""
        described = self._ecs.describe_services(cluster=self.application, services=[slot])
        (service,) = described["services"]
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

    def scale(self, slot: str, tasks: int) -> None:
        """Give a slot so many tasks by hand, and wait until they serve."""
        self._ecs.update_service(cluster=self.application, service=slot, desiredCount=tasks)
        self.settle(slot)

    def start_again(self, slot: str) -> None:
        """Let ECS replace the tasks of a slot by new ones, by hand; does not wait for them."""
        self._ecs.update_service(cluster=self.application, service=slot, forceNewDeployment=True)

    def settle(self, slot: str) -> None:
        """Wait until all tasks of a slot serve."""
        if not until(lambda: self.look(slot).at_rest, SETTLE, PAUSE):
            raise UnexpectedError(f"{slot} does not come to rest: {self.look(slot)}")

    def kill_a_task(self, slot: str) -> None:
        """End the process of one task of a slot as `kill -9` does, and wait until it is gone."""
        victim, *_ = self._processes(slot)
        os.kill(victim, signal.SIGKILL)
        if not until(lambda: victim not in self._processes(slot), SETTLE, pause=0.001):
            raise UnexpectedError(f"process {victim} does not end")

    def _processes(self, slot: str) -> list[int]:
        return processes.tasks(self.client.cloud.directory, self.application, slot)


def _url(operation: dict[str, Any], environment: str) -> str:
    url: str = next(
        part["url"] for part in operation["environments"] if part["environment"] == environment
    )
    return url
