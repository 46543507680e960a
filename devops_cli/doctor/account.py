"""Reads facts about an installation from AWS, with the credentials of the caller.

Each call only reads. `CALLS` lists all of them; docs/examples/doctor-policy.json allows them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from devops_cli.aws import DENIED, Clients, action, pages
from devops_cli.doctor import quotas, roles
from devops_cli.doctor.facts import (
    Alarm,
    Endpoint,
    Installation,
    Lambda,
    Network,
    Quota,
    Route,
    RouteTable,
    Subnet,
    Unchecked,
)

CALLS: Mapping[str, Collection[str]] = {
    "cloudformation": ("DescribeStacks",),
    "cloudwatch": ("DescribeAlarms", "GetMetricStatistics"),
    "ec2": ("DescribeRouteTables", "DescribeSubnets", "DescribeVpcEndpoints"),
    "elbv2": ("DescribeAccountLimits", "DescribeLoadBalancers", "DescribeTargetGroups"),
    "iam": ("GetAccountSummary", "GetRole"),
    "lambda": ("GetAccountSettings",),
}
_THREADS = 8
_DAYS = 7
_HOUR = 3600  # seconds
# The members of a route with the id of its target (EC2 API, Route).
_TARGETS = (
    "GatewayId", "NatGatewayId", "TransitGatewayId", "NetworkInterfaceId", "InstanceId",
    "VpcPeeringConnectionId", "LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn",
    "EgressOnlyInternetGatewayId",
)  # fmt: skip

Fact = TypeVar("Fact")


class AccountFacts(NamedTuple):
    """The facts of an account; an `Unchecked` replaces each fact that could not be read."""

    network: tuple[Installation, Network] | Unchecked
    load_balancers: Quota | Unchecked
    target_groups: Quota | Unchecked
    roles: Quota | Unchecked
    executions: Lambda | Unchecked
    missing_roles: Collection[str] | Unchecked
    alarms: list[Alarm] | Unchecked


def read_installation(clients: Clients, stack: str) -> Installation | Unchecked:
    """Read the stack of the service."""
    return _try("stack of the service", lambda: _installation(clients, stack))


def read(
    clients: Clients, stack: str, installation: Installation | Unchecked, now: datetime
) -> AccountFacts:
    """Read all other facts, at the same time."""
    subnets = "zones and routes of the subnets"

    def network() -> tuple[Installation, Network] | Unchecked:
        if isinstance(installation, Unchecked):
            return installation._replace(check=subnets)
        if not installation.vpc:
            return Unchecked(subnets, f"the stack {stack} has no outputs with its network")
        return installation, _network(clients, installation)

    with ThreadPoolExecutor(_THREADS) as pool:

        def start(check: str, reader: Callable[[], Fact]) -> Future[Fact | Unchecked]:
            return pool.submit(_try, check, reader)

        limits = pool.submit(_limits, clients)
        balancers = start(
            "quota of load balancers", lambda: _load_balancers(clients, limits.result())
        )
        groups = start("quota of target groups", lambda: _target_groups(clients, limits.result()))
        roles_quota = start("quota of roles", lambda: _roles(clients))
        executions = start("concurrent executions of Lambda", lambda: _executions(clients, now))
        missing = start("service-linked roles", lambda: _missing_roles(clients))
        alarms = start("alarms", lambda: _alarms(clients, stack))
        return AccountFacts(
            _try(subnets, network),
            balancers.result(),
            groups.result(),
            roles_quota.result(),
            executions.result(),
            missing.result(),
            alarms.result(),
        )


def _try(check: str, reader: Callable[[], Fact]) -> Fact | Unchecked:
    """Return the result of a reader, or the reason why it cannot read."""
    try:
        return reader()
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code not in DENIED:
            return Unchecked(check, f"{error.operation_name}: {code}: {message}")
        service = next(name for name, calls in CALLS.items() if error.operation_name in calls)
        needed = action(service, error.operation_name)
        return Unchecked(check, f"the permission {needed} is missing", needed)
    except BotoCoreError as error:
        return Unchecked(check, f"AWS does not respond: {error}")


def _installation(clients: Clients, stack: str) -> Installation:
    (found,) = clients["cloudformation"].describe_stacks(StackName=stack)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())}
    return Installation(
        stack=stack,
        status=found["StackStatus"],
        changed_at=found.get("LastUpdatedTime", found["CreationTime"]),
        version=outputs.get("Version", ""),
        vpc=outputs.get("Vpc", ""),
        task_subnets=_listed(outputs, "TaskSubnets"),
        load_balancer_subnets=_listed(outputs, "LoadBalancerSubnets"),
        scheme=outputs.get("ProductionScheme", ""),
        required_tags=_listed(outputs, "RequiredTags"),
        account=found["StackId"].split(":")[4],
    )


def _listed(outputs: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(each for each in outputs.get(name, "").split(",") if each)


def _network(clients: Clients, installation: Installation) -> Network:
    ec2 = clients["ec2"]
    ids = sorted({*installation.task_subnets, *installation.load_balancer_subnets})
    # A filter with an id that does not exist causes no error.
    subnets = [{"Name": "subnet-id", "Values": ids}]
    vpc = [{"Name": "vpc-id", "Values": [installation.vpc]}]
    return Network(
        [
            Subnet(
                each["SubnetId"],
                each["AvailabilityZone"],
                each["AvailableIpAddressCount"],
                each.get("OwnerId", ""),
            )
            for each in pages(ec2, "describe_subnets", "Subnets", Filters=subnets)
        ],
        [_table(each) for each in pages(ec2, "describe_route_tables", "RouteTables", Filters=vpc)],
        [
            Endpoint(
                each["ServiceName"],
                each.get("VpcEndpointType", "Gateway") == "Gateway",
                each.get("RouteTableIds", ()),
                each.get("PrivateDnsEnabled", True),
            )
            for each in pages(ec2, "describe_vpc_endpoints", "VpcEndpoints", Filters=vpc)
            if each["State"].lower() == "available"
        ],
    )


def _table(table: Mapping[str, Any]) -> RouteTable:
    associations = table.get("Associations", ())
    return RouteTable(
        table["RouteTableId"],
        any(each.get("Main") for each in associations),
        [each["SubnetId"] for each in associations if each.get("SubnetId")],
        [
            Route(
                each.get("DestinationCidrBlock", ""),
                next((each[name] for name in _TARGETS if each.get(name)), ""),
                each.get("State") != "blackhole",
            )
            for each in table.get("Routes", ())
        ],
    )


def _limits(clients: Clients) -> Mapping[str, int]:
    limits = pages(clients["elbv2"], "describe_account_limits", "Limits")
    return {each["Name"]: int(each["Max"]) for each in limits}


def _load_balancers(clients: Clients, limits: Mapping[str, int]) -> Quota:
    found = pages(clients["elbv2"], "describe_load_balancers", "LoadBalancers")
    used = sum(each["Type"] == "application" for each in found)
    limit = limits["application-load-balancers"]
    return Quota("Application Load Balancers", used, limit, quotas.LOAD_BALANCERS)


def _target_groups(clients: Clients, limits: Mapping[str, int]) -> Quota:
    used = sum(1 for _ in pages(clients["elbv2"], "describe_target_groups", "TargetGroups"))
    return Quota("target groups", used, limits["target-groups"], quotas.TARGET_GROUPS)


def _roles(clients: Clients) -> Quota:
    found = clients["iam"].get_account_summary()["SummaryMap"]
    return Quota("IAM roles", found["Roles"], found["RolesQuota"], quotas.ROLES)


def _executions(clients: Clients, now: datetime) -> Lambda:
    limit = clients["lambda"].get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    found = clients["cloudwatch"].get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="ConcurrentExecutions",
        StartTime=now - timedelta(days=_DAYS),
        EndTime=now,
        Period=_HOUR,
        Statistics=["Maximum"],
    )
    return Lambda(limit, max((int(each["Maximum"]) for each in found["Datapoints"]), default=0))


def _missing_roles(clients: Clients) -> Collection[str]:
    iam = clients["iam"]

    def exists(name: str) -> bool:
        try:
            iam.get_role(RoleName=name)
        except iam.exceptions.NoSuchEntityException:
            return False
        return True

    return [name for name in roles.NAMES.values() if not exists(name)]


def _alarms(clients: Clients, stack: str) -> list[Alarm]:
    found = pages(
        clients["cloudwatch"], "describe_alarms", "MetricAlarms", AlarmNamePrefix=f"{stack}-"
    )
    return [
        Alarm(
            each["AlarmName"],
            each["StateValue"],
            bool(each["ActionsEnabled"] and each.get("AlarmActions")),
        )
        for each in found
    ]
