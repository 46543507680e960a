"""`devops init` from AWS in this process (moto), and from clients that fail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws
from typer.testing import Result

from devops_cli import documents
from devops_cli.failures import CliError
from devops_cli.translation import account
from devops_cli.translation.translate import translate
from tests.cli.test_init import init
from tests.lab import existing
from tests.lab.prepared_service import KEYS, Source

REGION = existing.REGION


def client(service: str) -> Any:
    return boto3.client(
        service,
        region_name=REGION,
        aws_access_key_id=KEYS.access_key,
        aws_secret_access_key=KEYS.secret_key,
    )


@pytest.fixture
def aws() -> Iterator[None]:
    """An account with a service that scales, behind a load balancer."""
    with mock_aws():
        ecs, elbv2, ec2 = client("ecs"), client("elbv2"), client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(
                VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}"
            )["Subnet"]["SubnetId"]
            for n, zone in enumerate("ab")
        ]
        balancer = elbv2.create_load_balancer(Name="web", Subnets=subnets, Scheme="internal")
        group = elbv2.create_target_group(
            Name="web",
            Protocol="HTTP",
            Port=8080,
            VpcId=vpc,
            TargetType="ip",
            HealthCheckPath="/up",
        )["TargetGroups"][0]["TargetGroupArn"]
        elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
        )
        ecs.create_cluster(clusterName="shop")
        ecs.register_task_definition(**existing.register_request("web"))
        ecs.create_service(
            cluster="shop",
            serviceName="web",
            taskDefinition="web",
            desiredCount=2,
            launchType="FARGATE",
            loadBalancers=[
                {"targetGroupArn": group, "containerName": "web", "containerPort": 8080}
            ],
            tags=[{"key": "technicalTeam", "value": "shop"}],
        )
        yield


def scale() -> None:
    scaling = client("application-autoscaling")
    one = {
        "ServiceNamespace": "ecs",
        "ResourceId": "service/shop/web",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    scaling.register_scalable_target(**one, MinCapacity=2, MaxCapacity=8)
    scaling.put_scaling_policy(
        **one,
        PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 60,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "ECSServiceAverageCPUUtilization"
            },
        },
    )


FROM_AWS = ("Shop", "--cluster=shop", "--service=web", f"--region={REGION}", "-o", "-")


def content(result: Result, tmp_path: Path) -> Any:
    assert result.exit_code == 0, result.stderr
    file = tmp_path / "found.yml"
    file.write_text(result.stdout)
    return documents.read(str(file)).content


@pytest.mark.usefixtures("aws")
def test_a_running_service_becomes_a_file(tmp_path: Path) -> None:
    found = content(init(*FROM_AWS, source=Source(KEYS)), tmp_path)
    assert found["tags"]["technicalTeam"] == "shop"
    service = found["service"]
    assert (service["containerPort"], service["healthCheckPath"]) == (8080, "/up")
    assert (service["desiredCount"], service["cpu"]) == (2, 512)
    assert service["environment"] == {"CURRENCY": "EUR", "JAVA_OPTS": "-Xmx700m"}


@pytest.mark.usefixtures("aws")
def test_scaling_replaces_the_number_of_tasks(tmp_path: Path) -> None:
    scale()
    service = content(init(*FROM_AWS, source=Source(KEYS)), tmp_path)["service"]
    assert service["scaling"] == {"min": 2, "max": 8, "cpuPercent": 60}
    assert "desiredCount" not in service


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("arguments", "problem", "code"),
    [
        (("--cluster=shop", "--service=api"), "the cluster shop has no service api", 3),
        (
            ("--cluster=other", "--service=web"),
            "the cluster other does not exist in this region",
            3,
        ),
    ],
)
def test_a_missing_service_is_named(arguments: tuple[str, ...], problem: str, code: int) -> None:
    result = init(*arguments, f"--region={REGION}", source=Source(KEYS))
    assert result.exit_code == code
    assert problem in result.stderr


def test_credentials_and_a_region_are_required() -> None:
    source = ("--cluster=shop", "--service=web")
    without = init(*source, f"--region={REGION}", source=Source(None))
    assert without.exit_code == 4
    assert "no AWS credentials were found" in without.stderr
    nowhere = init(*source, source=Source(KEYS))
    assert nowhere.exit_code == 2
    assert "Use --region REGION." in nowhere.stderr


def test_the_profile_of_devops_has_credentials_and_the_region(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("[test]\naws_profile = team\nregion = eu-north-1\n")
    source = Source(None)
    init("--cluster=a", "--service=b", "--profile=test", source=source, DEVOPS_CONFIG=str(file))
    assert [each.aws_profile for each in source.profiles] == ["team"]
    unknown = init("--cluster=a", "--service=b", "--profile=x", DEVOPS_CONFIG=str(file))
    assert "no profile 'x'" in unknown.stderr


class Refusing:
    """A client whose calls of one operation fail; the others return prepared pages."""

    def __init__(self, pages: dict[str, Any], error: Exception | None, shape: str = "web") -> None:
        self._pages, self._error, self._shape = pages, error, shape

    def get_paginator(self, operation: str) -> Refusing:
        self._operation = operation
        return self

    def paginate(self, **_: Any) -> list[Any]:
        if self._error:
            raise self._error
        return [self._pages]

    def describe_services(self, **_: Any) -> Any:
        if self._error:
            raise self._error
        return self._pages or {"services": [existing.ALL[self._shape]["service"]]}

    def describe_task_definition(self, **_: Any) -> Any:
        return {"taskDefinition": existing.ALL["web"]["definition"]}


def refusal(operation: str, code: str = "AccessDeniedException") -> ClientError:
    message = "arn:aws:iam::012345678901:user/a is not authorized"
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def test_parts_that_cannot_be_read_are_named() -> None:
    clients = {
        "ecs": Refusing({}, None),
        "elbv2": Refusing({}, refusal("DescribeTargetGroups")),
        "application-autoscaling": Refusing({}, refusal("DescribeScalableTargets", "Throttled")),
    }
    found = account.read(clients, "shop", "web")
    assert found.unread == {
        "health check": "the permission elasticloadbalancing:DescribeTargetGroups is missing",
        "scaling": "it could not be read (DescribeScalableTargets: Throttled)",
    }


class Group(Refusing):
    """A client whose target group can be read, but whose load balancer cannot."""

    def paginate(self, **_: Any) -> list[Any]:
        if self._operation == "describe_target_groups":
            return [self._pages]
        return super().paginate()


def test_a_load_balancer_that_cannot_be_read_is_named() -> None:
    groups = {"TargetGroups": existing.ALL["web"]["target_groups"]}
    scaling: dict[str, Any] = {"ScalableTargets": [], "ScalingPolicies": []}
    clients = {
        "ecs": Refusing({}, None),
        "elbv2": Group(groups, refusal("DescribeLoadBalancers")),
        "application-autoscaling": Refusing(scaling, None),
    }
    found = account.read(clients, "shop", "web")
    missing = "the permission elasticloadbalancing:DescribeLoadBalancers is missing"
    assert found.unread == {"load balancer": missing}
    assert [each.place for each in translate(found).notes if each.reason == missing] == [
        "loadBalancer"
    ]


def test_a_service_without_a_task_definition_is_refused() -> None:
    """ECS API, Service: with the controller EXTERNAL, task sets have the task definition."""
    web = existing.ALL["web"]["service"]
    service = {name: each for name, each in web.items() if name != "taskDefinition"}
    service |= {"deploymentController": {"type": "EXTERNAL"}, "taskSets": []}
    with pytest.raises(CliError, match="the service web has no task definition") as failed:
        account.read({"ecs": Refusing({"services": [service]}, None)}, "shop", "web")
    assert "--task-definition" in failed.value.hints[0]


def test_a_worker_has_no_load_balancer_to_read() -> None:
    scaling = Refusing({}, EndpointConnectionError(endpoint_url="https://autoscaling"))
    clients = {"ecs": Refusing({}, None, "worker"), "application-autoscaling": scaling}
    found = account.read(clients, "shop", "mailer")
    assert found.unread == {"scaling": "AWS did not respond"}


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (refusal("DescribeServices"), "the permission ecs:DescribeServices is missing"),
        (
            refusal("DescribeServices", "ServerException"),
            "DescribeServices failed: ServerException",
        ),
        (EndpointConnectionError(endpoint_url="https://ecs"), "AWS does not respond"),
    ],
)
def test_without_the_service_the_command_fails(error: Exception, problem: str) -> None:
    with pytest.raises(CliError) as failed:
        account.read({"ecs": Refusing({}, error)}, "shop", "web")
    assert problem in str(failed.value)
    assert failed.value.hints
    assert not re.search(r"arn:|\d{12}", f"{failed.value} {failed.value.hints}")
