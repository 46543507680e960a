from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ReadTimeoutError

from devops_core.adapters.elbv2 import AlbLoadBalancer
from devops_core.errors import RefusedError, UnreachableError
from tests.adapters.conftest import Aws
from tests.lab.moto.hooks import break_after, refuse, respond


class Production(NamedTuple):
    listener: str
    test: str
    slots: tuple[str, str]


@pytest.fixture
def client(aws: Aws) -> Any:
    return aws.client("elbv2")


@pytest.fixture
def load_balancer(client: Any) -> AlbLoadBalancer:
    return AlbLoadBalancer(client)


@pytest.fixture
def production(aws: Aws, client: Any) -> Production:
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"eu-west-1{zone}"
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate("ab")
    ]
    balancer = client.create_load_balancer(Name="Shop-prod", Subnets=subnets)["LoadBalancers"][0]
    first, second = (
        client.create_target_group(
            Name=f"Shop-prod-{slot}", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip"
        )["TargetGroups"][0]["TargetGroupArn"]
        for slot in (1, 2)
    )
    listeners = [
        client.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=port,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
        )["Listeners"][0]["ListenerArn"]
        for port, group in ((80, first), (8080, second))
    ]
    return Production(listeners[0], listeners[1], (first, second))


def test_target_groups_have_the_order_of_the_listeners(
    load_balancer: AlbLoadBalancer, client: Any, production: Production
) -> None:
    listeners = [production.test, production.listener]
    sent = respond(client, "DescribeListeners")

    assert load_balancer.forwards_to(listeners) == [production.slots[1], production.slots[0]]
    assert load_balancer.forwards_to([]) == []
    assert len(sent) == 1


def test_a_switch_moves_one_listener(
    load_balancer: AlbLoadBalancer, production: Production
) -> None:
    first, second = production.slots

    load_balancer.switch(production.listener, second)
    load_balancer.switch(production.listener, second)

    assert load_balancer.forwards_to(production[:2]) == [second, second]
    load_balancer.switch(production.test, first)
    assert load_balancer.forwards_to(production[:2]) == [second, first]


def weighted(*weights: int | None) -> dict[str, Any]:
    groups = [
        {"TargetGroupArn": f"group/{number}"} | ({} if weight is None else {"Weight": weight})
        for number, weight in enumerate(weights)
    ]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([{"Type": "forward", "TargetGroupArn": "group/0"}], "group/0"),
        ([weighted(1)], "group/0"),
        ([weighted(None)], "group/0"),
        ([weighted(0, 100)], "group/1"),
        ([weighted(1) | {"TargetGroupArn": "group/0"}], "group/0"),
        ([weighted(50, 50)], None),
        ([weighted(0, 0)], None),
        ([{"Type": "authenticate-oidc"}, weighted(1)], "group/0"),
        ([{"Type": "redirect"}], None),
        ([{"Type": "forward"}], None),
        ([], None),
    ],
)
def test_a_listener_forwards_to_exactly_one_group_or_none(
    load_balancer: AlbLoadBalancer,
    client: Any,
    actions: list[dict[str, Any]],
    expected: str | None,
) -> None:
    listener = {"ListenerArn": "listener", "DefaultActions": actions}
    respond(client, "DescribeListeners", {"Listeners": [listener]})

    assert load_balancer.forwards_to(["listener", "unanswered"]) == [expected, None]


def test_a_missing_listener_is_refused(load_balancer: AlbLoadBalancer, client: Any) -> None:
    refuse(client, "DescribeListeners", "ListenerNotFound", "One or more listeners not found")
    refuse(client, "ModifyListener", "TargetGroupNotFound", "One or more target groups not found")

    with pytest.raises(RefusedError, match="listeners not found"):
        load_balancer.forwards_to(["listener"])
    with pytest.raises(RefusedError, match="target groups not found"):
        load_balancer.switch("listener", "group")


def test_a_switch_without_a_response_can_have_taken_effect(
    load_balancer: AlbLoadBalancer, client: Any, production: Production
) -> None:
    break_after(client, "ModifyListener", ReadTimeoutError(endpoint_url="http://elb"))

    with pytest.raises(UnreachableError):
        load_balancer.switch(production.listener, production.slots[1])

    assert load_balancer.forwards_to([production.listener]) == [production.slots[1]]


def test_only_healthy_targets_count(load_balancer: AlbLoadBalancer, client: Any) -> None:
    states = ("healthy", "initial", "draining", "healthy", "unhealthy", "unused")
    targets = [{"TargetHealth": {"State": state}} for state in states]
    respond(client, "DescribeTargetHealth", {"TargetHealthDescriptions": targets})

    assert load_balancer.healthy("group") == 2


def test_unavailable_target_health_is_an_error(load_balancer: AlbLoadBalancer, client: Any) -> None:
    refuse(client, "DescribeTargetHealth", "HealthUnavailable", "later", status=500)

    with pytest.raises(UnreachableError):
        load_balancer.healthy("group")
