"""`devops init` with the rights of its caller: its policy suffices, and it names missing ones."""

from __future__ import annotations

import json

from botocore.credentials import Credentials

from tests.lab.laptop.devops import devops
from tests.lab.templates import ROOT
from tests.proofs.laptop.authenticated.test_doctor_rights import Callers, user
from tools.laptop.cloud import Cloud
from tools.laptop.deploy import client

POLICY = json.loads((ROOT / "docs" / "examples" / "init-policy.json").read_text())


def init(cloud: Cloud, keys: Credentials) -> tuple[int, str, str]:
    done = devops(
        cloud,
        *("init", "Kept", "--cluster=kept", "--service=web", "-o", "-"),
        AWS_ENDPOINT_URL=cloud.endpoint,
        AWS_ACCESS_KEY_ID=keys.access_key,
        AWS_SECRET_ACCESS_KEY=keys.secret_key,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_policy_of_init_suffices_and_a_missing_permission_is_named(callers: Callers) -> None:
    cloud, _ = callers
    ecs, ec2, elbv2 = (client(cloud, each) for each in ("ecs", "ec2", "elbv2"))
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    group = elbv2.create_target_group(
        Name="kept", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip", HealthCheckPath="/up"
    )["TargetGroups"][0]["TargetGroupArn"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    balancer = elbv2.create_load_balancer(
        Name="kept", Scheme="internal", Subnets=[each["SubnetId"] for each in subnets]
    )["LoadBalancers"][0]["LoadBalancerArn"]
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    elbv2.create_listener(
        LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=forward
    )
    ecs.create_cluster(clusterName="kept")
    ecs.register_task_definition(
        family="kept",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[
            {"name": "web", "image": "web", "portMappings": [{"containerPort": 80}]}
        ],
    )
    ecs.create_service(
        cluster="kept",
        serviceName="web",
        taskDefinition="kept",
        desiredCount=0,
        launchType="FARGATE",
        loadBalancers=[{"targetGroupArn": group, "containerName": "web", "containerPort": 80}],
    )
    code, file, notes = init(cloud, user(cloud, "init", json.dumps(POLICY)))
    assert code == 0, notes
    assert "healthCheckPath: /up\n" in file
    assert "permission" not in notes

    first, second = POLICY["Statement"]
    less = [each for each in first["Action"] if each != "elasticloadbalancing:DescribeTargetGroups"]
    partly = POLICY | {"Statement": [first | {"Action": less}, second]}
    code, file, notes = init(cloud, user(cloud, "init-less", json.dumps(partly)))
    assert code == 0, notes
    assert "healthCheckPath: /health\n" in file
    assert "the permission elasticloadbalancing:DescribeTargetGroups is missing" in notes

    code, file, notes = init(
        cloud, user(cloud, "init-partly", json.dumps(POLICY | {"Statement": first}))
    )
    assert (code, file) == (4, "")
    assert "the permission ecs:DescribeServices is missing" in notes
