"""The resources of the application template: services, target groups and listeners."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from devops_core.naming import SLOTS, family, output_key
from tests.lab.fakes.containers import FakeContainers
from tests.lab.fakes.load_balancer import FakeLoadBalancer


class Estate:
    """Creates and removes the resources of a stack like cloudformation/application.yml.

    CloudFormation puts the tags of a stack on its resources, so the operation's tag is on the
    first task definitions too (CloudFormation User Guide, "Resource tag").
    """

    def __init__(
        self, containers: FakeContainers, balancer: FakeLoadBalancer, account: str
    ) -> None:
        self._containers = containers
        self._balancer = balancer
        self._account = account
        self._load_balancing = f"arn:aws:elasticloadbalancing:eu-west-1:{account}"
        # Containers that stand before the application's.
        self.sidecars: list[dict[str, Any]] = []

    def build(
        self, application: str, parameters: Mapping[str, str], tags: Mapping[str, str]
    ) -> dict[str, str]:
        """Create the resources of an application and return the outputs of its stack."""
        environments = parameters["Environments"].split(",")
        host = f"{self._account}.dkr.ecr.eu-west-1.amazonaws.com"
        outputs = {
            "ClusterName": application,
            "RepositoryUri": f"{host}/{parameters['RepositoryName']}",
            "ProductionListenerArn": self.listener(application, "production"),
            "TestListenerArn": self.listener(application, "test"),
            "ProductionUrl": f"http://internal-{application}-prod.elb.example",
            "TestUrl": f"http://internal-{application}-prod.elb.example:8080",
        }
        for name in (*environments, *SLOTS):
            outputs |= self._service(application, name, parameters, tags)
        for name in environments:
            outputs[output_key(name, "Url")] = f"http://internal-{application}-{name}.elb.example"
        green, blue = (self.target_group(application, slot) for slot in SLOTS)
        self._balancer.add(outputs["ProductionListenerArn"], green, idle=blue)
        self._balancer.add(outputs["TestListenerArn"], blue, idle=green)
        return outputs

    def rebuild(
        self,
        application: str,
        before: Mapping[str, str],
        after: Mapping[str, str],
        tags: Mapping[str, str],
        outputs: Mapping[str, str],
    ) -> dict[str, str]:
        """Add and remove the resources of environments, and return the outputs of the stack.

        The other resources keep their state, which the service has changed meanwhile.
        """
        old, new = (each["Environments"].split(",") for each in (before, after))
        kept = {
            key: value
            for key, value in outputs.items()
            if not any(key.startswith(name) for name in old if name not in new)
        }
        for name in [each for each in old if each not in new]:
            self._containers.services_.pop((application, name), None)
            for definition in self._containers.task_definitions.values():
                created = definition.tags.get("aws:cloudformation:stack-name") == application
                if created and definition.request["family"] == family(application, name):
                    definition.active = False
        for name in [each for each in new if each not in old]:
            kept |= self._service(application, name, after, tags)
            kept[output_key(name, "Url")] = f"http://internal-{application}-{name}.elb.example"
        return kept

    def reset(self, application: str, names: Iterable[str], outputs: Mapping[str, str]) -> None:
        """Return services to the task definitions of the stack, as an update of them does."""
        for name in names:
            service = self._containers.service(application, name)
            first = outputs[output_key(name, "TaskDefinitionArn")]
            service.primary.task_definition = first

    def tear_down(self, application: str) -> None:
        """Remove the resources of an application."""
        for cluster, name in list(self._containers.services_):
            if cluster == application:
                del self._containers.services_[cluster, name]
        for which in ("production", "test"):
            self._balancer.remove(self.listener(application, which))
        for definition in self._containers.task_definitions.values():
            if definition.tags.get("aws:cloudformation:stack-name") == application:
                definition.active = False

    def target_group(self, application: str, service: str) -> str:
        """Return the ARN of a service's target group."""
        return f"{self._load_balancing}:targetgroup/{application}-{service}/73e2d6bc24d8a067"

    def listener(self, application: str, which: str) -> str:
        """Return the ARN of the production or test listener."""
        number = {"production": "f2f7dc8efc522ab2", "test": "a1b2c3d4e5f60718"}[which]
        return f"{self._load_balancing}:listener/app/{application}-prod/50dc6c495c0c9188/{number}"

    def _service(
        self,
        application: str,
        name: str,
        parameters: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> dict[str, str]:
        group = self.target_group(application, name)
        request = _definition(application, name, parameters, tags)
        request["containerDefinitions"] = [*self.sidecars, *request["containerDefinitions"]]
        definition = self._containers.add(request)
        arn = self._containers.add_service(application, name, group, definition)
        return {
            output_key(name, "ServiceArn"): arn,
            output_key(name, "TaskDefinitionArn"): definition,
            output_key(name, "TargetGroupArn"): group,
        }


def _definition(
    application: str, name: str, parameters: Mapping[str, str], tags: Mapping[str, str]
) -> dict[str, Any]:
    own = {"devops:application": application, "aws:cloudformation:stack-name": application}
    return {
        "family": family(application, name),
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": parameters["Cpu"],
        "memory": parameters["Memory"],
        "containerDefinitions": [
            {
                "name": "app",
                "image": parameters["Image"],
                "portMappings": [{"containerPort": int(parameters["ContainerPort"])}],
                "environment": [
                    {"name": "APPLICATION", "value": application},
                    {"name": "ENVIRONMENT", "value": name},
                ],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {
                        "awslogs-group": f"/ecs/{application}/{name}",
                        "awslogs-region": "eu-west-1",
                        "awslogs-stream-prefix": "app",
                    },
                },
            }
        ],
        "tags": [{"key": key, "value": value} for key, value in {**tags, **own}.items()],
    }
