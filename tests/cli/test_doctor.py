"""`devops doctor` against a prepared service and AWS in this process (moto)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import boto3
import httpx
import pytest
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    UnauthorizedSSOTokenError,
)
from moto import mock_aws

from devops_cli.aws import clients as aws_clients
from devops_cli.doctor import account, examination, network
from devops_cli.doctor.facts import Installation, Unchecked
from devops_cli.doctor.roles import NAMES
from devops_cli.doctor.service import ServiceFacts
from tests.lab.prepared_service import KEYS, NOW, Service, Source, answer, run

REGION = "eu-west-1"
STACK = "devops-ecs-dev"
KINDS = ("overdue-operations", "reconcile-errors", "reconcile-function", "refusals")
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"


def client(service: str) -> Any:
    return boto3.client(
        service,
        region_name=REGION,
        aws_access_key_id=KEYS.access_key,
        aws_secret_access_key=KEYS.secret_key,
    )


class Account:
    """An account with the network, the stack and the alarms of an installation."""

    def __init__(self) -> None:
        ec2 = client("ec2")
        self.ec2 = ec2
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            ec2.create_subnet(
                VpcId=self.vpc,
                CidrBlock=f"10.0.{number}.0/24",
                AvailabilityZone=f"{REGION}{'ab'[number % 2]}",
            )["Subnet"]["SubnetId"]
            for number in range(4)
        ]
        filters = [{"Name": "vpc-id", "Values": [self.vpc]}]
        (table,) = ec2.describe_route_tables(Filters=filters)["RouteTables"]
        self.table = table["RouteTableId"]
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = ec2.create_nat_gateway(SubnetId=self.subnets[2], AllocationId=address)
        self.nat = nat["NatGateway"]["NatGatewayId"]
        ec2.create_route(
            RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=self.nat
        )
        # CreateServiceLinkedRole of moto gives other names.
        for name in NAMES.values():
            client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        for kind in KINDS:
            self.alarm(kind)

    def alarm(self, kind: str, actions: Sequence[str] = (TOPIC,)) -> None:
        client("cloudwatch").put_metric_alarm(
            AlarmName=f"{STACK}-{kind}", AlarmActions=actions, Namespace="n", MetricName="m",
            Period=60, EvaluationPeriods=1, Threshold=0, Statistic="Sum",
            ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip

    def install(self, **outputs: str) -> None:
        found = {
            "Version": "0.1.0",
            "Vpc": self.vpc,
            "TaskSubnets": ",".join(self.subnets[:2]),
            "LoadBalancerSubnets": ",".join(self.subnets[2:]),
            "ProductionScheme": "internal",
            "RequiredTags": "technicalTeam,costCenter",
        } | outputs
        body = {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {name: {"Value": value} for name, value in found.items()},
        }
        client("cloudformation").create_stack(StackName=STACK, TemplateBody=json.dumps(body))


@pytest.fixture
def aws() -> Iterator[Account]:
    with mock_aws():
        yield Account()


@pytest.fixture
def service() -> Service:
    found = Service()
    found.on("GET", "/health", answer())
    found.on("POST", "/stacks", answer(plan={}))
    return found


def doctor(service: Service, *options: str, source: Source | None = None) -> tuple[int, Any]:
    result = run(service, "doctor", "--json", *options, source=source or Source(KEYS))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, json.loads(result.stdout)


def problems(report: Any) -> list[tuple[str, str]]:
    return [(each["name"], each["place"]) for each in report["problems"]]


def test_a_complete_installation_has_no_problem(aws: Account, service: Service) -> None:
    aws.install()
    code, report = doctor(service)
    assert (code, report["problems"]) == (0, [])
    # moto has no GetAccountSettings of Lambda.
    assert [each["check"] for each in report["unchecked"]] == ["concurrent executions of Lambda"]
    assert report["installation"]["stack"] == STACK
    assert report["installation"]["version"] == report["commandLine"] == "0.1.0"
    assert report["quotas"][:2] == [
        {"name": "Application Load Balancers", "used": 0, "limit": 20},
        {"name": "target groups", "used": 0, "limit": 3000},
    ]
    assert all(each["permitted"] for each in report["routes"])


def test_no_call_changes_anything(aws: Account, service: Service) -> None:
    aws.install()
    doctor(service, "--team", "payments")
    for request in service.requests:
        if request.method != "GET":
            assert request.url.query == b"dryRun=true"
    (create,) = (
        each
        for each in service.requests
        if each.url.path == "/dev/stacks" and each.method == "POST"
    )
    body = json.loads(create.content)
    assert body["tags"] == {"technicalTeam": "payments", "costCenter": "doctor"}
    assert len(body["applicationName"]) <= 22
    paths = {each.url.path for each in service.requests}
    assert all("doctor-" in path or path.count("/") < 4 for path in paths)


def test_planted_problems_are_found(aws: Account, service: Service) -> None:
    iam, ec2, watch = client("iam"), aws.ec2, client("cloudwatch")
    tasks, balancers = aws.subnets[:2], aws.subnets[2:]
    ec2.delete_route(RouteTableId=aws.table, DestinationCidrBlock="0.0.0.0/0")
    iam.delete_role(RoleName="AWSServiceRoleForECS")
    watch.set_alarm_state(
        AlarmName=f"{STACK}-reconcile-function", StateValue="ALARM", StateReason="test"
    )
    watch.delete_alarms(AlarmNames=[f"{STACK}-refusals"])
    aws.alarm("reconcile-errors", actions=[])
    elb = client("elbv2")
    for number in range(18):
        elb.create_load_balancer(Name=f"other-{number}", Subnets=balancers)
    aws.install(Version="0.0.9", LoadBalancerSubnets=f"{balancers[0]},{tasks[0]},subnet-0gone")
    failing = {"DevOpsLogsTable": "not found"}
    service.on("GET", "/health", answer(503, code="UNHEALTHY", failing=failing))
    service.on("POST", "/stacks", answer(502, code="REFUSED", errorMessage="no output ClusterName"))
    code, report = doctor(service)
    assert code == 1
    zone_a = f"{balancers[0]}, {tasks[0]} in {REGION}a"
    assert problems(report) == [
        ("The service is not healthy", "DevOpsLogsTable"),
        (
            "The service refuses the create of an application",
            "POST /stacks, application template",
        ),
        ("The installation has the version 0.0.9, the command line 0.1.0", f"stack {STACK}"),
        ("A service-linked role does not exist", "AWSServiceRoleForECS"),
        ("A subnet of the installation does not exist", "subnet-0gone"),
        ("All load balancer subnets are in one availability zone", zone_a),
        (
            "A task subnet is in a zone without a load balancer subnet",
            f"{tasks[1]} in {REGION}b",
        ),
        ("A task subnet has no default route", f"{tasks[0]}, {aws.table}"),
        ("A task subnet has no default route", f"{tasks[1]}, {aws.table}"),
        ("The quota of Application Load Balancers is used up", "18 of 20"),
        ("An alarm is in the state ALARM", f"{STACK}-reconcile-function"),
        ("An alarm of the service does not exist", f"{STACK}-refusals"),
        ("Alarms have no enabled action", f"{STACK}-reconcile-errors"),
    ]
    assert all(all(each.values()) for each in report["problems"])


def replace_default_route(aws: Account, *, private_names: bool) -> None:
    """Remove the default route of the tasks, and create the endpoints that they require."""
    aws.ec2.delete_route(RouteTableId=aws.table, DestinationCidrBlock="0.0.0.0/0")
    for name in ("ecr.api", "ecr.dkr", "logs"):
        aws.ec2.create_vpc_endpoint(
            VpcId=aws.vpc,
            ServiceName=f"com.amazonaws.{REGION}.{name}",
            VpcEndpointType="Interface",
            SubnetIds=aws.subnets[:2],
            PrivateDnsEnabled=private_names,
        )
    aws.ec2.create_vpc_endpoint(
        VpcId=aws.vpc, ServiceName=f"com.amazonaws.{REGION}.s3", RouteTableIds=[aws.table]
    )


def test_endpoints_replace_the_default_route(aws: Account, service: Service) -> None:
    replace_default_route(aws, private_names=True)
    aws.install()
    code, report = doctor(service)
    assert (code, problems(report)) == (0, [])


def test_endpoints_without_private_dns_names_are_unchecked(aws: Account, service: Service) -> None:
    replace_default_route(aws, private_names=False)
    aws.install()
    code, report = doctor(service)
    assert (code, problems(report)) == (0, [])
    unchecked = {each["check"] for each in report["unchecked"]}
    assert unchecked > {f"routes of the task subnet {each}" for each in aws.subnets[:2]}


def test_routes_of_a_vpc_of_another_account_are_unchecked(aws: Account) -> None:
    aws.ec2.delete_route(RouteTableId=aws.table, DestinationCidrBlock="0.0.0.0/0")
    aws.install()
    with aws_clients(KEYS.get_frozen_credentials(), REGION, account.CALLS) as clients:
        installation = account.read_installation(clients, STACK)
        assert isinstance(installation, Installation)
        participant = installation._replace(account="999999999999")
        found = account.read(clients, STACK, participant, NOW).network
    assert not isinstance(found, Unchecked)
    assert [*network.problems(*found)] == []
    assert [each.check for each in network.unchecked(*found)] == ["routes of the subnets"]


def test_the_internet_does_not_reach_production_without_an_internet_gateway(
    aws: Account, service: Service
) -> None:
    aws.install(ProductionScheme="internet-facing")
    _, report = doctor(service)
    name = "A load balancer subnet has no route to an internet gateway"
    assert problems(report) == [(name, f"{each}, {aws.table}") for each in aws.subnets[2:]]


def test_routes_show_the_rights_of_the_caller(aws: Account, service: Service) -> None:
    aws.install()
    refused = answer(403, message="User is not authorized to perform: execute-api:Invoke")
    service.on("GET", "/health", refused)
    service.on("DELETE", "/stacks", answer(403, code="FORBIDDEN", errorMessage="requires admins"))
    code, report = doctor(service)
    assert (code, report["problems"]) == (0, [])
    assert {
        each["route"]: each["refusedBy"] for each in report["routes"] if not each["permitted"]
    } == {
        "GET /health": "IAM",
        "DELETE /stacks": "the lists of callers in parameters.yml (docs/teams.md)",
    }
    assert report["unchecked"][-2] | {} == {
        "check": "health",
        "reason": "the permission execute-api:Invoke on GET/health is missing",
        "action": "execute-api:Invoke",
    }


def test_a_caller_without_any_route_is_a_problem() -> None:
    result = run(lambda _: answer(403, message="Forbidden"), "doctor", "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert problems(report) == [("The caller cannot call any route", "execute-api:Invoke")]
    assert [each["reason"] for each in report["unchecked"] if not each["action"]] == [
        "no AWS credentials were found"
    ]


def test_without_a_response_the_address_is_the_problem(service: Service) -> None:
    service.on("GET", "/health", httpx.ConnectError("refused"))
    code, report = doctor(service, source=Source(None))
    assert code == 1
    assert [name for name, _ in problems(report)] == ["The API does not respond"]
    assert report["routes"] == []


def test_expired_credentials_have_the_message_of_the_other_commands(service: Service) -> None:
    class Expired(Credentials):  # type: ignore[misc] # botocore ships no types
        def get_frozen_credentials(self) -> ReadOnlyCredentials:
            raise UnauthorizedSSOTokenError

    result = run(service, "doctor", source=Source(Expired("a", "b"), REGION))
    assert result.exit_code == 4
    assert "the AWS credentials cannot be used: The SSO session" in result.stderr
    assert "aws sso login" in result.stderr


def test_a_stack_of_another_account_stops_the_checks_in_aws(aws: Account, service: Service) -> None:
    del aws
    code, report = doctor(service, "--stack", "devops-ecs-other")
    assert code == 0
    (unchecked,) = report["unchecked"]
    assert unchecked["check"] == "stack of the service"
    assert "devops-ecs-other" in unchecked["reason"]
    assert report["quotas"] == []


def test_the_report_for_a_person_has_the_remedy(aws: Account, service: Service) -> None:
    client("iam").delete_role(RoleName="AWSServiceRoleForECS")
    aws.install()
    result = run(service, "doctor", source=Source(KEYS))
    assert result.exit_code == 1
    text = result.stdout
    assert "A service-linked role does not exist: AWSServiceRoleForECS\n" in text
    assert "  Remedy: aws iam create-service-linked-role --aws-service-name ecs.amazonaws" in text
    assert "\n1 problem\n" in text
    assert "Not checked: concurrent executions of Lambda: " in text
    assert "target groups" in text
    assert "POST /stacks/deploy " in text


class Denied:
    """A client whose calls IAM refuses."""

    def __init__(self, operations: dict[str, str]) -> None:
        self._operations = operations
        self.exceptions = type("E", (), {"NoSuchEntityException": KeyError})

    def __getattr__(self, name: str) -> Any:
        def refuse(**_: Any) -> Any:
            error = {"Error": {"Code": "AccessDenied", "Message": "not authorized"}}
            raise ClientError(error, self._operations[name])

        return refuse

    def get_paginator(self, name: str) -> Any:
        pages = type("Pages", (), {})()
        pages.paginate = getattr(self, name)
        return pages


def denied_clients() -> dict[str, Any]:
    def snake(name: str) -> str:
        return "".join(f"_{each.lower()}" if each.isupper() else each for each in name)[1:]

    return {
        service: Denied({snake(each): each for each in calls})
        for service, calls in account.CALLS.items()
    }


def test_each_missing_permission_is_named() -> None:
    clients = denied_clients()
    installation = account.read_installation(clients, STACK)
    facts = account.read(clients, STACK, installation, NOW)
    assert isinstance(installation, Unchecked)
    assert [each.action for each in facts if isinstance(each, Unchecked)] == [
        "cloudformation:DescribeStacks",
        "elasticloadbalancing:DescribeAccountLimits",
        "elasticloadbalancing:DescribeAccountLimits",
        "iam:GetAccountSummary",
        "lambda:GetAccountSettings",
        "iam:GetRole",
        "cloudwatch:DescribeAlarms",
    ]
    own = Installation(STACK, "CREATE_COMPLETE", NOW, "0.1.0", "vpc-1", ("a",), ("b",))
    network = account.read(clients, STACK, own, NOW).network
    assert isinstance(network, Unchecked)
    assert network.action == "ec2:DescribeSubnets"


def test_an_installation_without_outputs_has_no_checked_network(aws: Account) -> None:
    del aws
    with aws_clients(KEYS.get_frozen_credentials(), REGION, account.CALLS) as clients:
        own = Installation(STACK, "UPDATE_COMPLETE", NOW)
        network = account.read(clients, STACK, own, NOW).network
    assert isinstance(network, Unchecked)
    assert network.reason == f"the stack {STACK} has no outputs with its network"


def test_the_concurrent_executions_and_their_limit_are_read() -> None:
    class Lambda:
        def get_account_settings(self) -> Any:
            return {"AccountLimit": {"ConcurrentExecutions": 10}}

    class CloudWatch(Denied):
        def get_metric_statistics(self, **request: Any) -> Any:
            assert request["MetricName"] == "ConcurrentExecutions"
            assert request["EndTime"] - request["StartTime"] == timedelta(days=7)
            return {"Datapoints": [{"Maximum": 3.0}, {"Maximum": 9.0}]}

    watch = CloudWatch({"describe_alarms": "DescribeAlarms"})
    clients = denied_clients() | {"lambda": Lambda(), "cloudwatch": watch}
    unread = Unchecked("stack", "denied")
    facts = account.read(clients, STACK, unread, NOW)
    assert facts.executions == (10, 9)
    service = ServiceFacts([], [], [])
    report = examination.examine(STACK, unread, facts, service, NOW)
    assert [each.name for each in report.problems] == [
        "The account has only 10 concurrent executions of Lambda",
        "The concurrent executions of Lambda are nearly used up",
    ]
    assert report.quotas == [("Lambda concurrent executions", 9, 10, 0)]


def test_without_a_connection_to_aws_the_stack_is_not_checked() -> None:
    class Unreachable:
        def describe_stacks(self, **_: Any) -> Any:
            raise EndpointConnectionError(endpoint_url="https://cloudformation")

    found = account.read_installation({"cloudformation": Unreachable()}, STACK)
    assert isinstance(found, Unchecked)
    assert found.reason.startswith("AWS does not respond: ")
    assert not found.action


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (
            answer(400, code="INVALID_REQUEST", errorMessage="tags: a tag is missing"),
            "tags: a tag is missing",
        ),
        (
            answer(403, code="FORBIDDEN", errorMessage="requires team payments"),
            "the call was refused by the lists of callers in parameters.yml (docs/teams.md);"
            " use --team TEAM",
        ),
    ],
)
def test_a_refused_dry_run_of_a_create_says_nothing_about_the_template(
    aws: Account, service: Service, response: httpx.Response, expected: str
) -> None:
    aws.install()
    service.on("POST", "/stacks", response)
    code, report = doctor(service)
    assert (code, report["problems"]) == (0, [])
    checks = {each["check"]: each["reason"] for each in report["unchecked"]}
    assert checks["application template and create"] == expected


def test_an_unhealthy_service_without_details_and_a_lost_call_are_named(service: Service) -> None:
    service.on("GET", "/health", answer(500, errorMessage="no table"))
    service.on("GET", "/events", httpx.ReadTimeout("timed out"))
    code, report = doctor(service, source=Source(None))
    assert code == 1
    assert problems(report) == [("The service is not healthy", "GET /health")]
    (lost,) = (each for each in report["unchecked"] if each["check"] == "route GET /events")
    assert "timed out" in lost["reason"]


def test_a_person_without_credentials_sees_the_routes(service: Service) -> None:
    result = run(service, "doctor", source=Source(None))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "No problem"
    assert "no AWS credentials were found" in result.stdout
    assert "QUOTA" not in result.stdout
