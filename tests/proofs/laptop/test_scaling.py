"""Application Auto Scaling on the laptop cloud, without the service: real tasks start and stop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.proofs.laptop.test_laptop_rollouts import Application
from tools.laptop import cloud, deploy
from tools.laptop.client import until

MINUTE = 0.5  # seconds of a minute of the scaling
RESOURCE = {
    "ServiceNamespace": "ecs",
    "ScalableDimension": "ecs:service:DesiredCount",
    "ResourceId": "service/Scaled/dev",
}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cloud.Cloud]:
    options = cloud.Options(scaling_minute=MINUTE)
    with cloud.started(tmp_path_factory.mktemp("scaling"), options) as running:
        yield running


@pytest.fixture(scope="module")
def application(there: cloud.Cloud) -> Application:
    return Application(there, "Scaled", deploy.INITIAL_IMAGE)


class Scaling:
    """The scaling of one service."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.client = deploy.client(application.there, "application-autoscaling")

    def register(self, **parameters: Any) -> str:
        return str(
            self.client.register_scalable_target(**RESOURCE, **parameters)["ScalableTargetARN"]
        )

    def track(self, requests: float) -> None:
        """Track the requests for each target in a minute, without cooldowns."""
        label = self.label()
        self.client.put_scaling_policy(
            **RESOURCE,
            PolicyName="requests",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": requests,
                "ScaleInCooldown": 0,
                "ScaleOutCooldown": 0,
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "ALBRequestCountPerTarget",
                    "ResourceLabel": label,
                },
            },
        )

    def label(self) -> str:
        elb = deploy.client(self.application.there, "elbv2")
        (balancer,) = elb.describe_load_balancers(Names=["Scaled"])["LoadBalancers"]
        (group,) = elb.describe_target_groups(Names=["Scaled"])["TargetGroups"]
        name = balancer["LoadBalancerArn"].partition(":loadbalancer/")[2]
        return f"{name}/{group['TargetGroupArn'].rpartition(':')[2]}"

    def causes(self) -> list[str]:
        found = self.client.describe_scaling_activities(ServiceNamespace="ecs")
        return [each["Cause"] for each in found["ScalingActivities"]]

    def desired(self) -> int:
        described = self.application.ecs.describe_services(cluster="Scaled", services=["dev"])
        return int(described["services"][0]["desiredCount"])


@pytest.fixture
def scaling(application: Application) -> Iterator[Scaling]:
    """A registered service that runs one task."""
    one = Scaling(application)
    one.register(MinCapacity=1, MaxCapacity=1)
    assert until(lambda: application.running() == one.desired() == 1)
    yield one
    one.client.deregister_scalable_target(**RESOURCE)


def test_a_registration_moves_the_count_into_the_range(
    application: Application, scaling: Scaling
) -> None:
    scaling.register(MinCapacity=2, MaxCapacity=3)
    assert scaling.desired() == 2
    assert until(lambda: application.running() == 2)
    scaling.register(MinCapacity=0, MaxCapacity=1)
    assert scaling.desired() == 1
    assert scaling.causes()[:2] == [
        "maximum capacity was set to 1",
        "minimum capacity was set to 2",
    ]


def test_the_service_follows_its_requests(application: Application, scaling: Scaling) -> None:
    scaling.register(MinCapacity=1, MaxCapacity=3)
    scaling.track(requests=2)

    def called() -> bool:
        for _ in range(20):
            assert application.call()[0] == 200
        return application.running() == 3

    assert until(called)
    assert scaling.desired() == 3
    assert "AlarmHigh" in scaling.causes()[0]
    # Without requests, the alarm for scaling in needs 15 minutes.
    assert until(lambda: application.running() == 1)
    assert "AlarmLow" in scaling.causes()[0]


def test_suspended_scaling_in_keeps_the_tasks(application: Application, scaling: Scaling) -> None:
    scaling.register(
        MinCapacity=2, MaxCapacity=3, SuspendedState={"DynamicScalingInSuspended": True}
    )
    scaling.track(requests=100)
    scaling.register(MinCapacity=1)
    # AlarmLow is in ALARM after 15 minutes of the scaling, and the action is due after 18.
    at = datetime.now(UTC) + timedelta(seconds=20 * MINUTE)
    scaling.client.put_scheduled_action(
        **RESOURCE,
        ScheduledActionName="end",
        Schedule=f"at({at:%Y-%m-%dT%H:%M:%S})",
        ScalableTargetAction={"MinCapacity": 3},
    )
    assert until(lambda: scaling.desired() != 2)
    assert scaling.desired() == 3
    assert scaling.causes()[0] == "scheduled action name end was triggered"
    scaling.register(MinCapacity=1, SuspendedState={"DynamicScalingInSuspended": False})
    assert until(lambda: application.running() == 1)
