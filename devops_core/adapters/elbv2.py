"""Elastic Load Balancing: listeners and target groups of Application Load Balancers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from devops_core.adapters.aws.errors import translated
from devops_core.errors import RefusedError
from devops_core.model.listeners import ListenerRules

# Target groups of a forward action (ELB User Guide, "Quotas for your Application Load Balancers").
_MAX_GROUPS = 5


class AlbLoadBalancer:
    """`ports.aws.LoadBalancer` over the ELBv2 API."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @translated()
    def rules(self, listener: str) -> ListenerRules:
        """Return the rules of a listener; the default rule has the listener's default actions."""
        default: Sequence[Mapping[str, Any]] = ()
        others = {}
        for rule in self._described(listener):
            if rule["IsDefault"]:
                default = rule["Actions"]
            elif groups := _receiving(rule["Actions"]):
                others[rule["Priority"]] = groups
        weights = dict(_weights(default))
        receiving = [arn for arn, weight in weights.items() if weight > 0]
        forwards = [action for action in default if action["Type"] == "forward"]
        return ListenerRules(
            actions=default,
            target_group=receiving[0] if len(receiving) == 1 else None,
            forwards=bool(forwards),
            sticky=any(map(_sticky, forwards)),
            others=others,
            weights=weights,
        )

    def _described(self, listener: str) -> Iterator[Mapping[str, Any]]:
        more: dict[str, str] = {}
        while True:
            page = self._client.describe_rules(ListenerArn=listener, **more)
            yield from page["Rules"]
            if not page.get("NextMarker"):
                return
            more = {"Marker": page["NextMarker"]}

    @translated()
    def switch(
        self, listener: str, actions: Sequence[Mapping[str, Any]], weights: Mapping[str, int]
    ) -> None:
        """Set the weights of target groups; ModifyListener replaces the whole action list.

        ELB checks the health of every target group in a rule, also with weight 0. So the idle slot
        remains ready ("Health checks for Application Load Balancer target groups", ELB User Guide).
        """
        if not any(action["Type"] == "forward" for action in actions):
            raise RefusedError(
                "the default actions of a production listener do not forward to a target group:"
                " make it forward to a slot"
            )
        groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
        self._client.modify_listener(
            ListenerArn=listener, DefaultActions=[_sent(action, groups) for action in actions]
        )

    @translated()
    def healthy(self, target_group: str) -> int:
        """Return the number of healthy targets."""
        response = self._client.describe_target_health(TargetGroupArn=target_group)
        states = [each["TargetHealth"]["State"] for each in response["TargetHealthDescriptions"]]
        return states.count("healthy")

    @translated()
    def resource_label(self, target_group: str) -> str:
        """Return the ends of both ARNs (PredefinedMetricSpecification, `ResourceLabel`).

        An example is "app/Shop-prod/50dc6c495c0c9188/targetgroup/Shop-prod-1/943f017f100becff".
        """
        (described,) = self._client.describe_target_groups(TargetGroupArns=[target_group])[
            "TargetGroups"
        ]
        balancer = next(iter(described["LoadBalancerArns"]), None)
        if balancer is None:
            raise RefusedError("the target group has no load balancer: attach it to a listener")
        return f"{balancer.partition(':loadbalancer/')[2]}/{target_group.rpartition(':')[2]}"


def _weights(actions: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, int]]:
    """Return the target groups of actions with their weights.

    ELB describes a forward to one group as TargetGroupArn and as a ForwardConfig with one group. A
    forward to several groups has only the ForwardConfig. A missing weight means 1.
    """
    for action in actions:
        if action["Type"] != "forward":
            continue
        weighted = action.get("ForwardConfig", {}).get("TargetGroups", ())
        if weighted:
            for each in weighted:
                yield each["TargetGroupArn"], each.get("Weight", 1)
        elif "TargetGroupArn" in action:
            yield action["TargetGroupArn"], 1


def _receiving(actions: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the target groups that receive requests, with group stickiness also at weight 0."""
    sticky = any(map(_sticky, actions))
    return [arn for arn, weight in _weights(actions) if weight > 0 or sticky]


def _sticky(action: Mapping[str, Any]) -> bool:
    stickiness = action.get("ForwardConfig", {}).get("TargetGroupStickinessConfig", {})
    return bool(stickiness.get("Enabled"))


def _sent(action: Mapping[str, Any], weights: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a described action as ModifyListener accepts it, a forward action with new weights.

    Further target groups remain with weight 0. TargetGroupArn is refused beside several weighted
    groups. ELB never describes the client secret of OIDC, and keeps the present one on request
    (ELBv2 API, Action and AuthenticateOidcActionConfig).
    """
    if action["Type"] == "forward":
        sent = {name: value for name, value in action.items() if name != "TargetGroupArn"}
        slots = [each["TargetGroupArn"] for each in weights]
        others = [
            {"TargetGroupArn": arn, "Weight": 0}
            for arn, _ in _weights([action])
            if arn not in slots
        ]
        groups = [*weights, *others][:_MAX_GROUPS]
        return {
            **sent,
            "ForwardConfig": {**action.get("ForwardConfig", {}), "TargetGroups": groups},
        }
    if "AuthenticateOidcConfig" in action:
        oidc = {**action["AuthenticateOidcConfig"], "UseExistingClientSecret": True}
        return {**action, "AuthenticateOidcConfig": oidc}
    return dict(action)
