"""Application Auto Scaling on the laptop cloud, without the service: real tasks start and stop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from boto3 import Session
from botocore.exceptions import ClientError

from tests.lab.laptop.ecs_service import Application
from tools.laptop import callers, cloud, deploy
from tools.laptop.client import until

MINUTE = 0.5  # seconds; without the service, no process needs a longer one
RESOURCE = {
    "ServiceNamespace": "ecs",
    "ScalableDimension": "ecs:service:DesiredCount",
    "ResourceId": "service/Scaled/dev",
}

_ON_ALARMS = ("DescribeAlarms", "PutMetricAlarm", "DeleteAlarms")


class Scaling:
    """The scaling of the service of an application, with a client of Application Auto Scaling."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.client = deploy.client(application.there, "application-autoscaling")

    def register(self, **parameters: Any) -> str:
        answer = self.client.register_scalable_target(**RESOURCE, **parameters)
        return str(answer["ScalableTargetARN"])

    def track(self, target: float, metric: str, **specification: str) -> None:
        """Create a policy without cooldowns."""
        specification["PredefinedMetricType"] = metric
        configuration: dict[str, Any] = {
            "TargetValue": target,
            "ScaleInCooldown": 0,
            "ScaleOutCooldown": 0,
            "PredefinedMetricSpecification": specification,
        }
        self.client.put_scaling_policy(
            **RESOURCE,
            PolicyName=metric,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=configuration,
        )

    def track_requests(self, target: float) -> None:
        """Track the requests for each target in a minute."""
        self.track(target, "ALBRequestCountPerTarget", ResourceLabel=self.label())

    def label(self) -> str:
        """Return the resource label of the load balancer and its target group."""
        elb = deploy.client(self.application.there, "elbv2")
        (balancer,) = elb.describe_load_balancers(Names=["Scaled"])["LoadBalancers"]
        (group,) = elb.describe_target_groups(Names=["Scaled"])["TargetGroups"]
        name = balancer["LoadBalancerArn"].partition(":loadbalancer/")[2]
        return f"{name}/{group['TargetGroupArn'].rpartition(':')[2]}"

    def causes(self) -> list[str]:
        """Return the causes of the activities, the newest first."""
        found = self.client.describe_scaling_activities(ServiceNamespace="ecs")
        return [each["Cause"] for each in found["ScalingActivities"]]

    def desired(self) -> int:
        described = self.application.ecs.describe_services(cluster="Scaled", services=["dev"])
        return int(described["services"][0]["desiredCount"])

    def registered(self) -> list[dict[str, Any]]:
        found = self.client.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
        return [*found]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cloud.Cloud]:
    options = cloud.Options(minute=MINUTE)
    with cloud.started(tmp_path_factory.mktemp("scaling"), options) as running:
        deploy.client(running, "ecr").create_repository(repositoryName="app")
        yield running


@pytest.fixture(scope="module")
def application(there: cloud.Cloud) -> Application:
    return Application(there, "Scaled", deploy.INITIAL_IMAGE)


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
    scaling.track_requests(2)

    def called() -> bool:
        for _ in range(20):
            assert application.call()[0] == 200
        return application.running() == 3

    assert until(called)
    assert scaling.desired() == 3
    assert "AlarmHigh" in scaling.causes()[0]
    # Without requests, the alarm for scaling in needs 15 minutes of the scaling.
    assert until(lambda: application.running() == 1)
    assert "AlarmLow" in scaling.causes()[0]


def test_suspended_scaling_in_keeps_the_tasks(application: Application, scaling: Scaling) -> None:
    scaling.register(
        MinCapacity=2, MaxCapacity=3, SuspendedState={"DynamicScalingInSuspended": True}
    )
    scaling.track_requests(100)
    scaling.register(MinCapacity=1)
    # AlarmLow is in ALARM after 16 minutes of the scaling; the action is due at least two later.
    at = application.there.clock.now() + timedelta(minutes=20)
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


@pytest.mark.parametrize(
    "metric", ["ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization"]
)
def test_the_service_follows_the_processes_of_its_tasks(
    application: Application, scaling: Scaling, metric: str
) -> None:
    application.roll_out(metric, cpu="256", memory="512")
    scaling.register(MinCapacity=1, MaxCapacity=2)
    scaling.track(0.001, metric)

    def called() -> bool:
        for _ in range(100):  # the CPU time of a process has a resolution of 10 ms
            assert application.call()[0] == 200
        return application.running() == 2

    assert until(called)
    assert metric in scaling.causes()[0]


def test_a_target_remains_after_the_deletion_of_its_service(there: cloud.Cloud) -> None:
    ecs = deploy.client(there, "ecs")
    ecs.create_cluster(clusterName="Brief")
    definition = ecs.list_task_definitions(familyPrefix="Scaled")["taskDefinitionArns"][0]
    ecs.create_service(
        cluster="Brief", serviceName="dev", taskDefinition=definition, desiredCount=0
    )
    client = deploy.client(there, "application-autoscaling")
    brief = RESOURCE | {"ResourceId": "service/Brief/dev"}
    client.register_scalable_target(**brief, MinCapacity=0, MaxCapacity=1)
    ecs.delete_service(cluster="Brief", service="dev")
    found = client.describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=[brief["ResourceId"]]
    )
    assert len(found["ScalableTargets"]) == 1
    with pytest.raises(client.exceptions.ValidationException, match="doesn't exist"):
        client.register_scalable_target(**brief, MinCapacity=0, MaxCapacity=1)
    client.deregister_scalable_target(**brief)
    with pytest.raises(client.exceptions.ObjectNotFoundException):
        client.deregister_scalable_target(**brief)


def test_the_scaling_continues_after_a_restart(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("kept")
    options = cloud.Options(keep=True, minute=MINUTE)
    with cloud.started(directory, options) as before:
        scaling = Scaling(Application(before, "Scaled", deploy.INITIAL_IMAGE))
        arn = scaling.register(MinCapacity=1, MaxCapacity=3, Tags={"team": "red"})
        scaling.track_requests(2)
        target, policies = (
            scaling.registered(),
            scaling.client.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"],
        )
    with cloud.started(directory, options):
        assert scaling.registered() == target
        described = scaling.client.describe_scaling_policies(ServiceNamespace="ecs")
        assert described["ScalingPolicies"] == policies
        tags = scaling.client.list_tags_for_resource(ResourceARN=arn)["Tags"]
        assert tags == {"team": "red"}
        assert until(lambda: scaling.application.running() == 1)

        def called() -> bool:
            for _ in range(20):
                scaling.application.call()
            return scaling.application.running() == 3

        assert until(called)


def test_a_caller_needs_the_permissions_for_the_service(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with cloud.started(tmp_path_factory.mktemp("auth"), cloud.Options(auth=True)) as running:
        scaling = Scaling(Application(running, "Scaled", deploy.INITIAL_IMAGE))
        target = f"arn:aws:application-autoscaling:*:{cloud.ACCOUNT}:scalable-target/*"
        own = {
            "Effect": "Allow",
            "Action": "application-autoscaling:*",
            "Resource": target,
            "Condition": {"StringEquals": {"application-autoscaling:service-namespace": "ecs"}},
        }
        others = {
            "Effect": "Allow",
            "Action": ["ecs:DescribeServices", "ecs:UpdateService", "iam:CreateServiceLinkedRole"],
            "Resource": "*",
        }
        # A registration checks the permissions for alarms without the name of an alarm.
        alarms = {
            "Effect": "Allow",
            "Action": [f"cloudwatch:{each}" for each in _ON_ALARMS],
            "Resource": f"arn:aws:cloudwatch:*:{cloud.ACCOUNT}:alarm:",
        }
        iam = deploy.client(running, "iam")
        for name, statements in (("partly", [own]), ("fully", [own, others, alarms])):
            keys = callers.create_user(iam, name, *statements)
            session = Session(keys.access_key, keys.secret_key, region_name=cloud.REGION)
            scaling.client = session.client(
                "application-autoscaling", endpoint_url=running.endpoint
            )
            if name == "partly":
                refused = scaling.client.exceptions.ValidationException
                with pytest.raises(refused, match="ecs:DescribeServices"):
                    scaling.register(MinCapacity=1, MaxCapacity=1)
            else:
                scaling.register(MinCapacity=1, MaxCapacity=1)
                with pytest.raises(ClientError, match="cloudwatch:DescribeAlarms"):
                    scaling.track_requests(1)
        with pytest.raises(ClientError, match="application-autoscaling:DescribeScalableTargets"):
            scaling.registered()
