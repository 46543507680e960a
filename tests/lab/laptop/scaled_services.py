"""The scaling of the production of an application on a laptop cloud, from the AWS APIs."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.lab.laptop.api import Api

SLOTS = ("prod-1", "prod-2")
_DIMENSION = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}


class Sizes(NamedTuple):
    """The live slot, and the running and the desired tasks of both slots."""

    live: str
    running: dict[str, int]
    desired: dict[str, int]


class ScaledProduction:
    """The production of an application; the listener decides which slot is live."""

    def __init__(self, api: Api, application: str) -> None:
        self.application = application
        self._ecs, self._scaling = api.client("ecs"), api.client("application-autoscaling")
        self._elb = api.client("elbv2")
        (found,) = self._elb.describe_load_balancers(Names=[f"{application}-prod"])["LoadBalancers"]
        self.url = f"http://{found['DNSName']}"
        listeners = self._elb.describe_listeners(LoadBalancerArn=found["LoadBalancerArn"])
        (self._listener,) = (
            each["ListenerArn"] for each in listeners["Listeners"] if each["Port"] == 80
        )

    def sizes(self) -> Sizes:
        """Return the sizes; the live slot is that of the time before them."""
        (listener,) = self._elb.describe_listeners(ListenerArns=[self._listener])["Listeners"]
        groups = listener["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]
        (group,) = (each["TargetGroupArn"] for each in groups if each["Weight"])
        found = self._ecs.describe_services(cluster=self.application, services=[*SLOTS])["services"]
        by_name = {each["serviceName"]: each for each in found}
        (live,) = (
            name
            for name, each in by_name.items()
            if each["loadBalancers"][0]["targetGroupArn"] == group
        )
        return Sizes(
            live,
            {name: each["runningCount"] for name, each in by_name.items()},
            {name: each["desiredCount"] for name, each in by_name.items()},
        )

    def tasks(self, slot: str) -> set[str]:
        """Return the ARNs of the running tasks of a slot."""
        return {*self._ecs.list_tasks(cluster=self.application, serviceName=slot)["taskArns"]}

    def change_target(self, slot: str, **parameters: Any) -> None:
        """Change the scalable target of a slot by hand."""
        self._scaling.register_scalable_target(
            **_DIMENSION, ResourceId=f"service/{self.application}/{slot}", **parameters
        )

    def targets(self) -> dict[str, dict[str, Any]]:
        """Return the scalable targets of the application by the name of the service."""
        pages = self._scaling.get_paginator("describe_scalable_targets").paginate(
            ServiceNamespace="ecs"
        )
        prefix = f"service/{self.application}/"
        return {
            each["ResourceId"].removeprefix(prefix): each
            for page in pages
            for each in page["ScalableTargets"]
            if each["ResourceId"].startswith(prefix)
        }
