"""`devops doctor` on a laptop cloud of its own: without problems, and with planted problems.

The emulator has no DescribeAccountLimits, so the quotas of load balancers and of target groups are
not checked here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.laptop.devops import devops
from tools.laptop.cloud import ACCOUNT, DIRECTORY, REGION, Cloud, Options, started
from tools.laptop.deploy import client, deploy

STACK = "devops-ecs-dev"
ANYWHERE = "0.0.0.0/0"
ROLES = ("AWSServiceRoleForECS", "AWSServiceRoleForElasticLoadBalancing")
BUCKET = f"ecs-cf-bucket-{ACCOUNT}-{REGION}"


class Account:
    """The laptop cloud with the ids of its network, which are outputs of the stack."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.ec2, self.iam, self.watch = (
            client(cloud, each) for each in ("ec2", "iam", "cloudwatch")
        )
        (stack,) = client(cloud, "cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        self.vpc = outputs["Vpc"]
        self.tasks = outputs["TaskSubnets"].split(",")
        self.balancers = outputs["LoadBalancerSubnets"].split(",")

    def doctor(self) -> tuple[int, Any]:
        done = devops(
            self.cloud,
            "doctor",
            "--json",
            AWS_ENDPOINT_URL=self.cloud.endpoint,
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",  # noqa: S106 - known key of the emulator
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def follow_the_remedies(self) -> None:
        """Create the service-linked roles, and the routes of the subnets."""
        for name in ROLES:
            # CreateServiceLinkedRole of the emulator gives other names.
            self.iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        self.public = self.table(self.balancers, GatewayId=gateway)
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = self.ec2.create_nat_gateway(SubnetId=self.balancers[0], AllocationId=address)
        self.private = self.table(self.tasks, NatGatewayId=nat["NatGateway"]["NatGatewayId"])

    def table(self, subnets: list[str], **target: str) -> str:
        table: str = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, **target)
        for each in subnets:
            self.ec2.associate_route_table(RouteTableId=table, SubnetId=each)
        return table


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with started(DIRECTORY / "doctor", Options()) as running:
        topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms"
        deploy(running, parameters={"productionscheme": "internet-facing", "alarmtopic": topic})
        yield Account(running)


def problems(report: Any) -> list[tuple[str, str]]:
    return [(each["name"], each["place"]) for each in report["problems"]]


def test_doctor_finds_nothing_after_its_remedies_and_then_the_planted_problems(
    account: Account,
) -> None:
    main = account.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [account.vpc]}])[
        "RouteTables"
    ][0]["RouteTableId"]
    code, report = account.doctor()
    # The network of a laptop cloud has no routes, and the emulated account has no roles.
    assert problems(report) == [
        *(("A service-linked role does not exist", each) for each in ROLES),
        *(("A task subnet has no default route", f"{each}, {main}") for each in account.tasks),
        *(
            ("A load balancer subnet has no route to an internet gateway", f"{each}, {main}")
            for each in account.balancers
        ),
    ]
    assert code == 1

    account.follow_the_remedies()
    code, report = account.doctor()
    assert (code, report["problems"]) == (0, [])
    assert [each["check"] for each in report["unchecked"]] == [
        "quota of load balancers",
        "quota of target groups",
    ]
    assert all(each["permitted"] for each in report["routes"])

    client(account.cloud, "s3").delete_object(Bucket=BUCKET, Key="application.yml")
    for each in ROLES:
        account.iam.delete_role(RoleName=each)
    account.ec2.delete_route(RouteTableId=account.private, DestinationCidrBlock=ANYWHERE)
    account.ec2.delete_subnet(SubnetId=account.balancers[1])
    account.watch.set_alarm_state(
        AlarmName=f"{STACK}-overdue-operations", StateValue="ALARM", StateReason="planted"
    )
    account.watch.delete_alarms(AlarmNames=[f"{STACK}-reconcile-errors"])
    account.watch.disable_alarm_actions(AlarmNames=[f"{STACK}-refusals"])
    code, report = account.doctor()
    assert code == 1
    first, second = account.tasks
    expected = [
        ("The service is not healthy", "template"),
        (
            "The service refuses the create of an application",
            "POST /stacks, application template",
        ),
        *(("A service-linked role does not exist", each) for each in ROLES),
        ("A subnet of the installation does not exist", account.balancers[1]),
        (
            "All load balancer subnets are in one availability zone",
            f"{account.balancers[0]} in {REGION}a",
        ),
        ("A task subnet is in a zone without a load balancer subnet", f"{second} in {REGION}b"),
        ("A task subnet has no default route", f"{first}, {account.private}"),
        ("A task subnet has no default route", f"{second}, {account.private}"),
        ("An alarm is in the state ALARM", f"{STACK}-overdue-operations"),
        ("An alarm of the service does not exist", f"{STACK}-reconcile-errors"),
        ("Alarms have no enabled action", f"{STACK}-refusals"),
    ]
    assert problems(report) == expected
