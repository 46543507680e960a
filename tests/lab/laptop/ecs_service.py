"""One ECS service of a laptop cloud, without the service."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tools.laptop import cloud, deploy, images
from tools.laptop.client import until

TEMPLATE = Path(__file__).with_name("service.yml")


class Application:
    """One ECS service behind a load balancer."""

    def __init__(self, there: cloud.Cloud, name: str, image: str) -> None:
        self.there, self.name = there, name
        self.stacks = deploy.client(there, "cloudformation")
        self.ecs, self.ecr = deploy.client(there, "ecs"), deploy.client(there, "ecr")
        answer = self.stacks.create_stack(
            StackName=name,
            TemplateBody=TEMPLATE.read_text(),
            Parameters=[{"ParameterKey": "Image", "ParameterValue": image}],
            OnFailure="DELETE",
        )
        self.stack_id = answer["StackId"]
        assert until(self._is_complete)

    @property
    def status(self) -> str:
        """The last status of the stack."""
        return str(self.stack["StackStatus"])

    def _is_complete(self) -> bool:
        self.stack = self.stacks.describe_stacks(StackName=self.stack_id)["Stacks"][0]
        return not self.status.endswith("IN_PROGRESS")

    def running(self) -> int:
        """Return the number of running tasks in ECS."""
        described = self.ecs.describe_services(cluster=self.name, services=["dev"])
        count: int = described["services"][0]["runningCount"]
        return count

    def call(self, path: str = "/") -> tuple[int, str]:
        """Return the status and the version of the load balancer's response."""
        url = f"http://{self.stack['Outputs'][0]['OutputValue']}{path}"
        request = urllib.request.Request(url)
        request.set_proxy(f"127.0.0.1:{self.there.port}", "http")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - http
                return answer.status, json.load(answer)["version"]
        except urllib.error.HTTPError as error:
            with error:
                return error.code, ""

    def roll_out(self, tag: str, behaviour: str = "", **size: str) -> dict[str, Any]:
        """Push and deploy an image; return the failed deployment, if there was one.

        `size` has the CPU units and the MiB of the tasks: `cpu` and `memory`.
        """
        images.push(self.ecr, "app", tag, behaviour)
        definition = self.ecs.register_task_definition(
            family=self.name,
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            containerDefinitions=[self._container(tag)],
            **size,
        )
        self.arn = definition["taskDefinition"]["taskDefinitionArn"]
        self.ecs.update_service(cluster=self.name, service="dev", taskDefinition=self.arn)
        failed: dict[str, Any] = {}

        def done() -> bool:
            service = self.ecs.describe_services(cluster=self.name, services=["dev"])["services"][0]
            for each in service["deployments"]:
                if each["rolloutState"] == "FAILED":
                    failed.update(each)
            states = [each["rolloutState"] for each in service["deployments"]]
            return states == ["COMPLETED"]

        assert until(done)
        return failed

    def _container(self, tag: str) -> dict[str, Any]:
        return {
            "name": "app",
            "image": f"{cloud.ACCOUNT}.dkr.ecr.{cloud.REGION}.amazonaws.com/app:{tag}",
            "portMappings": [{"containerPort": 8000}],
            # The names by which the process of a task is found.
            "environment": [
                {"name": "APPLICATION", "value": self.name},
                {"name": "ENVIRONMENT", "value": "dev"},
            ],
        }

    def messages(self) -> list[str]:
        """Return the service events of ECS, the newest first."""
        (service,) = self.ecs.describe_services(cluster=self.name, services=["dev"])["services"]
        return [event["message"] for event in service["events"]]

    def running_tasks(self) -> list[dict[str, Any]]:
        """Return the running tasks."""
        arns = self.ecs.list_tasks(cluster=self.name, desiredStatus="RUNNING")["taskArns"]
        found: list[dict[str, Any]] = self.ecs.describe_tasks(cluster=self.name, tasks=arns)[
            "tasks"
        ]
        return found

    def stopped_tasks(self, definition: str) -> list[dict[str, Any]]:
        """Return the stopped tasks of a task definition."""
        arns = self.ecs.list_tasks(cluster=self.name, desiredStatus="STOPPED")["taskArns"]
        tasks = self.ecs.describe_tasks(cluster=self.name, tasks=arns)["tasks"]
        return [task for task in tasks if task["taskDefinitionArn"] == definition]

    def stopped_reasons(self) -> set[str]:
        """Return the stop reasons of the tasks of the last rollout."""
        return {task["stoppedReason"] for task in self.stopped_tasks(self.arn)}
