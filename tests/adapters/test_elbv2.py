from __future__ import annotations

from io import BytesIO
from typing import Any, NamedTuple

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError
from urllib3 import HTTPResponse

from devops_core.adapters.elbv2 import AlbLoadBalancer
from devops_core.errors import RefusedError, ThrottledError, UnreachableError
from tests.adapters.conftest import Aws
from tests.lab.moto.hooks import break_after, parameters, refuse, respond


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
            DefaultActions=[forward((receiving, 100), (idle, 0))],
        )["Listeners"][0]["ListenerArn"]
        for port, receiving, idle in ((80, first, second), (8080, second, first))
    ]
    return Production(listeners[0], listeners[1], (first, second))


def forward(*weights: tuple[str, int | None]) -> dict[str, Any]:
    """Return a forward action with several target groups."""
    groups = [
        {"TargetGroupArn": arn} | ({} if weight is None else {"Weight": weight})
        for arn, weight in weights
    ]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


def default_rule(*actions: dict[str, Any]) -> dict[str, Any]:
    return {"Priority": "default", "IsDefault": True, "Actions": list(actions)}


def rule(priority: str, *actions: dict[str, Any]) -> dict[str, Any]:
    return {"Priority": priority, "IsDefault": False, "Actions": list(actions)}


def test_a_switch_moves_one_listener_and_keeps_both_target_groups(
    load_balancer: AlbLoadBalancer, production: Production
) -> None:
    first, second = production.slots
    rules = load_balancer.rules(production.listener)
    assert rules.target_group == first

    for _ in range(2):
        load_balancer.switch(production.listener, rules.actions, {second: 100, first: 0})

    switched = load_balancer.rules(production.listener)
    assert switched.target_group == second
    assert switched.forwards
    assert load_balancer.rules(production.test).target_group == second
    (action,) = switched.actions
    weights = action["ForwardConfig"]["TargetGroups"]
    assert {each["TargetGroupArn"]: each["Weight"] for each in weights} == {first: 0, second: 100}


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([{"Type": "forward", "TargetGroupArn": "group/0"}], "group/0"),
        ([forward(("group/0", 1))], "group/0"),
        ([forward(("group/0", None))], "group/0"),
        ([forward(("group/0", 0), ("group/1", 100))], "group/1"),
        ([forward(("group/0", 1)) | {"TargetGroupArn": "group/0"}], "group/0"),
        ([forward(("group/0", 50), ("group/1", 50))], None),
        ([forward(("group/0", 0), ("group/1", 0))], None),
        ([{"Type": "authenticate-oidc"}, forward(("group/0", 1))], "group/0"),
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
    respond(client, "DescribeRules", {"Rules": [default_rule(*actions)]})

    rules = load_balancer.rules("listener")
    assert rules.target_group == expected
    assert rules.forwards is any(action["Type"] == "forward" for action in actions)
    assert rules.actions == actions
    assert not rules.sticky


@pytest.mark.parametrize("enabled", [True, False])
def test_group_stickiness_is_read(
    load_balancer: AlbLoadBalancer, client: Any, *, enabled: bool
) -> None:
    action = forward(("group/0", 1))
    action["ForwardConfig"]["TargetGroupStickinessConfig"] = {"Enabled": enabled}
    respond(client, "DescribeRules", {"Rules": [default_rule(action)]})

    assert load_balancer.rules("listener").sticky is enabled


def test_all_pages_of_the_rules_are_read(load_balancer: AlbLoadBalancer, client: Any) -> None:
    redirect = {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}
    pages: list[dict[str, Any]] = [
        {"Rules": [rule("1", forward(("a", 1), ("b", 0))), rule("2", redirect)], "NextMarker": "x"},
        {"Rules": [rule("3", {"Type": "forward", "TargetGroupArn": "c"}), default_rule()]},
    ]
    respond(client, "DescribeRules", *pages)
    sent = parameters(client, "DescribeRules")

    assert load_balancer.rules("listener").others == {"1": ["a"], "3": ["c"]}
    assert sent == [{"ListenerArn": "listener"}, {"ListenerArn": "listener", "Marker": "x"}]


def test_a_sticky_rule_forwards_to_all_of_its_groups(
    load_balancer: AlbLoadBalancer, client: Any
) -> None:
    action = forward(("a", 1), ("b", 0))
    action["ForwardConfig"]["TargetGroupStickinessConfig"] = {"Enabled": True}
    respond(client, "DescribeRules", {"Rules": [rule("1", action), default_rule()]})

    assert load_balancer.rules("listener").others == {"1": ["a", "b"]}


OIDC = {
    "Issuer": "https://login.example.com", "ClientId": "shop", "Scope": "openid email",
    "AuthorizationEndpoint": "https://login.example.com/authorize",
    "TokenEndpoint": "https://login.example.com/token",
    "UserInfoEndpoint": "https://login.example.com/user", "OnUnauthenticatedRequest": "deny",
    "SessionTimeout": 3600, "AuthenticationRequestExtraParams": {"prompt": "login"},
}  # fmt: skip
COGNITO = {"UserPoolArn": "pool", "UserPoolClientId": "shop", "UserPoolDomain": "shop"}
STICKY = {"Enabled": False, "DurationSeconds": 60}
WEIGHTS = [{"TargetGroupArn": "new", "Weight": 100}, {"TargetGroupArn": "old", "Weight": 0}]
# Described actions and the actions of the following ModifyListener. TargetGroupArn excludes several
# groups in ForwardConfig, and only UseExistingClientSecret keeps the client secret, which ELB does
# not describe (ELBv2 API, Action and AuthenticateOidcActionConfig).
SENT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"Type": "forward", "TargetGroupArn": "old", "Order": 2,
         "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": "old", "Weight": 1}],
                           "TargetGroupStickinessConfig": STICKY}},
        {"Type": "forward", "Order": 2,
         "ForwardConfig": {"TargetGroups": WEIGHTS, "TargetGroupStickinessConfig": STICKY}},
    ),
    (
        {"Type": "forward", "TargetGroupArn": "old"},
        {"Type": "forward", "ForwardConfig": {"TargetGroups": WEIGHTS}},
    ),
    (
        forward(("old", 100), ("third", 0), ("new", 0)),
        forward(("new", 100), ("old", 0), ("third", 0)),
    ),
    (
        forward(("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1)),
        forward(("new", 100), ("old", 0), ("a", 0), ("b", 0), ("c", 0)),
    ),
    (
        {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": OIDC},
        {"Type": "authenticate-oidc", "Order": 1,
         "AuthenticateOidcConfig": OIDC | {"UseExistingClientSecret": True}},
    ),
    (
        {"Type": "authenticate-cognito", "Order": 1, "AuthenticateCognitoConfig": COGNITO},
        {"Type": "authenticate-cognito", "Order": 1, "AuthenticateCognitoConfig": COGNITO},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("described", "expected"), SENT)
def test_a_switch_changes_only_the_weights(
    load_balancer: AlbLoadBalancer,
    client: Any,
    described: dict[str, Any],
    expected: dict[str, Any],
) -> None:
    last = [] if described["Type"] == "forward" else [forward(("old", 1))]
    respond(client, "ModifyListener", {"Listeners": []})
    sent = parameters(client, "ModifyListener")

    load_balancer.switch("listener", [described, *last], {"new": 100, "old": 0})

    ((first, *_),) = (request["DefaultActions"] for request in sent)
    assert first == expected


def test_a_listener_without_a_forward_action_is_not_changed(
    load_balancer: AlbLoadBalancer, client: Any
) -> None:
    sent = parameters(client, "ModifyListener")

    with pytest.raises(RefusedError, match="do not forward to a target group"):
        load_balancer.switch("listener", [{"Type": "fixed-response"}], {"new": 100, "old": 0})
    assert sent == []


def test_a_missing_listener_is_refused(load_balancer: AlbLoadBalancer, client: Any) -> None:
    refuse(client, "DescribeRules", "ListenerNotFound", "One or more listeners not found")
    refuse(client, "ModifyListener", "TargetGroupNotFound", "One or more target groups not found")

    with pytest.raises(RefusedError, match="listeners not found"):
        load_balancer.rules("listener")
    with pytest.raises(RefusedError, match="target groups not found"):
        load_balancer.switch("listener", [{"Type": "forward"}], {"group": 100, "other": 0})


def test_a_switch_without_a_response_can_have_taken_effect(
    load_balancer: AlbLoadBalancer, client: Any, production: Production
) -> None:
    first, second = production.slots
    break_after(client, "ModifyListener", ReadTimeoutError(endpoint_url="http://elb"))

    with pytest.raises(UnreachableError):
        load_balancer.switch(production.listener, [{"Type": "forward"}], {second: 100, first: 0})

    assert load_balancer.rules(production.listener).target_group == second


def test_only_healthy_targets_count(load_balancer: AlbLoadBalancer, client: Any) -> None:
    states = ("healthy", "initial", "draining", "healthy", "unhealthy", "unused")
    targets = [{"TargetHealth": {"State": state}} for state in states]
    respond(client, "DescribeTargetHealth", {"TargetHealthDescriptions": targets})

    assert load_balancer.healthy("group") == 2


def test_unavailable_target_health_is_an_error(load_balancer: AlbLoadBalancer, client: Any) -> None:
    refuse(client, "DescribeTargetHealth", "HealthUnavailable", "later", status=500)

    with pytest.raises(UnreachableError):
        load_balancer.healthy("group")


def test_the_label_of_a_target_group_has_the_names_of_both(
    load_balancer: AlbLoadBalancer, production: Production
) -> None:
    first, _ = production.slots
    balancer = production.listener.partition("listener/")[2].rpartition("/")[0]
    assert load_balancer.resource_label(first) == f"{balancer}/{first.rpartition(':')[2]}"


def test_a_target_group_without_a_load_balancer_has_no_label(
    load_balancer: AlbLoadBalancer, client: Any, production: Production
) -> None:
    respond(client, "DescribeTargetGroups", {"TargetGroups": [{"LoadBalancerArns": []}]})
    with pytest.raises(RefusedError, match="no load balancer"):
        load_balancer.resource_label(production.slots[0])


def test_a_throttled_switch_can_have_had_an_attempt_without_a_response(
    aws: Aws,
) -> None:
    client = aws.client("elbv2", attempts=2)
    attempts = iter([ReadTimeoutError(endpoint_url="https://elbv2")])

    def send(**_: Any) -> AWSResponse:
        if error := next(attempts, None):
            raise error
        body = b"<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>"
        raw = HTTPResponse(BytesIO(body), preload_content=False)
        return AWSResponse("https://elbv2", 400, {}, raw)

    client.meta.events.register_first("before-send.elastic-load-balancing-v2.ModifyListener", send)
    with pytest.raises(ThrottledError):
        AlbLoadBalancer(client).switch("listener", [{"Type": "forward"}], {"group": 100})
    assert next(attempts, None) is None
