"""The listeners of production on the laptop cloud, which refuses the calls that ELB refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.laptop.api import Api, Response
from tests.lab.snapshot import forward_weights, receiving

CLIENT = "shop"
OIDC = {
    "Issuer": "https://login.example.com", "ClientId": CLIENT, "ClientSecret": CLIENT,
    "AuthorizationEndpoint": "https://login.example.com/authorize",
    "TokenEndpoint": "https://login.example.com/token",
    "UserInfoEndpoint": "https://login.example.com/user",
    "OnUnauthenticatedRequest": "deny",
}  # fmt: skip


class Balancer:
    """The production load balancer of an application, with boto3."""

    def __init__(self, api: Api, application: str) -> None:
        self.elb = api.client("elbv2")
        (balancer,) = self.elb.describe_load_balancers(Names=[f"{application}-prod"])[
            "LoadBalancers"
        ]
        found = self.elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])
        self.arns = {each["Port"]: each["ListenerArn"] for each in found["Listeners"]}

    def actions(self, port: int) -> list[dict[str, Any]]:
        """Return the described default actions of a listener."""
        (listener,) = self.elb.describe_listeners(ListenerArns=[self.arns[port]])["Listeners"]
        described: list[dict[str, Any]] = listener["DefaultActions"]
        return described

    def set(self, port: int, actions: list[dict[str, Any]]) -> None:
        """Replace the default actions of a listener."""
        self.elb.modify_listener(ListenerArn=self.arns[port], DefaultActions=actions)


@pytest.fixture(scope="module")
def ready(api: Api, application: str) -> Balancer:
    """Production with a version in the idle slot."""
    api.push(application, "1.0")
    body = {"applicationName": application, "environment": ["qa"], "version": "1.0"}
    api.succeed(api.post("/stacks/deploy", body))
    api.succeed(promote(api, application))
    return Balancer(api, application)


def promote(api: Api, application: str, query: str = "") -> Response:
    return api.post(f"/stacks/deploytoprodBlue{query}", {"applicationName": application})


def swap(api: Api, application: str, query: str = "") -> Response:
    return api.post(f"/stacks/swapProdBlueAndGreen{query}", {"applicationName": application})


def test_an_immediate_swap_back_is_accepted(api: Api, application: str, ready: Balancer) -> None:
    """Both target groups stay in use, so the old targets never lose their health."""
    weights = {port: forward_weights(ready.actions(port)) for port in (80, 8080)}
    assert weights[80].keys() == weights[8080].keys()
    assert sorted(weights[80].values()) == [0, 100]

    assert swap(api, application).status == 200
    assert swap(api, application).status == 200

    for port, before in weights.items():
        assert forward_weights(ready.actions(port)) == before


def test_a_swap_keeps_the_authentication(api: Api, application: str, ready: Balancer) -> None:
    forward = ready.actions(80)
    ready.set(80, [{"Type": "authenticate-oidc", "AuthenticateOidcConfig": OIDC, "Order": 1},
                   {**forward[0], "Order": 2}])  # fmt: skip
    before = ready.actions(80)

    assert swap(api, application).status == 200
    switched = ready.actions(80)
    assert swap(api, application).status == 200

    assert [each["Type"] for each in switched] == ["authenticate-oidc", "forward"]
    assert switched[0] == before[0]
    assert receiving(forward_weights(switched)) != receiving(forward_weights(before))
    assert ready.actions(80) == before
    ready.set(80, forward)


@pytest.fixture
def sticky(ready: Balancer) -> Iterator[None]:
    forward = ready.actions(80)
    config = forward[0]["ForwardConfig"]
    stickiness = {"TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 60}}
    ready.set(80, [{"Type": "forward", "ForwardConfig": {**config, **stickiness}}])
    yield
    ready.set(80, forward)


@pytest.mark.usefixtures("sticky")
def test_group_stickiness_is_refused(api: Api, application: str) -> None:
    for query in ("", "?dryRun=true"):
        assert "group stickiness" in refused(promote(api, application, query))
        assert "group stickiness" in refused(swap(api, application, query))


@pytest.fixture
def extra_rule(ready: Balancer) -> Iterator[None]:
    (group,) = receiving(forward_weights(ready.actions(8080)))
    rule = ready.elb.create_rule(
        ListenerArn=ready.arns[80],
        Priority=10,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/beta/*"]}}],
        Actions=[{"Type": "forward", "TargetGroupArn": group}],
    )["Rules"][0]["RuleArn"]
    yield
    ready.elb.delete_rule(RuleArn=rule)


@pytest.mark.usefixtures("extra_rule")
def test_a_rule_that_forwards_to_a_slot_is_refused_and_shown(api: Api, application: str) -> None:
    problem = "rule 10 of the production listener forwards to prod-2"
    assert problem in refused(promote(api, application))
    assert problem in refused(swap(api, application))
    live = api.call("GET", f"/stacks/{application}?live=true").body["stack"]
    (green,) = (row for row in live["environments"] if row["environment"] == "PROD-GREEN")
    assert problem in green["listenerProblems"][0]


def refused(response: Response) -> str:
    """Return the message of a refused call."""
    assert response.status == 409
    message: str = response.body["errorMessage"]
    return message


def test_a_target_group_with_weight_0_cannot_be_deleted(ready: Balancer) -> None:
    for group, weight in forward_weights(ready.actions(80)).items():
        with pytest.raises(ready.elb.exceptions.ResourceInUseException, match="in use"):
            ready.elb.delete_target_group(TargetGroupArn=group)
        health = ready.elb.describe_target_health(TargetGroupArn=group)
        states = [each["TargetHealth"]["State"] for each in health["TargetHealthDescriptions"]]
        assert states == ["healthy"], weight


def test_an_action_that_elb_refuses_is_refused(ready: Balancer) -> None:
    (forward,) = ready.actions(80)
    (group, _) = forward_weights([forward])
    with pytest.raises(ready.elb.exceptions.ClientError, match="If you specify both"):
        ready.set(80, [{**forward, "TargetGroupArn": group}])
    config = {name: value for name, value in OIDC.items() if name != "ClientSecret"}
    login = {"Type": "authenticate-oidc", "AuthenticateOidcConfig": config}
    with pytest.raises(ready.elb.exceptions.ClientError, match="client secret"):
        ready.set(80, [login, forward])
    assert ready.actions(80) == [forward]


def test_an_odd_number_of_swaps_precedes_the_delete(api: Api, application: str) -> None:
    """The fixture deletes the application after this test, and fails if a group is in use."""
    assert swap(api, application).status == 200
