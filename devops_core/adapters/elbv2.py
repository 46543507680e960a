"""Elastic Load Balancing: listeners and target groups of Application Load Balancers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from devops_core.adapters.aws.errors import translated


class AlbLoadBalancer:
    """`ports.LoadBalancer` over the ELBv2 API."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @translated()
    def forwards_to(self, listeners: Sequence[str]) -> list[str | None]:
        """Return the target group of each listener; None unless it forwards to exactly one."""
        if not listeners:
            return []
        response = self._client.describe_listeners(ListenerArns=list(listeners))
        # The API does not guarantee the order.
        described = {each["ListenerArn"]: each for each in response["Listeners"]}
        return [_target_group(described.get(listener, {})) for listener in listeners]

    @translated()
    def switch(self, listener: str, target_group: str) -> None:
        """Make a listener forward to one target group; replaces all of its default actions."""
        self._client.modify_listener(
            ListenerArn=listener,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
        )

    @translated()
    def healthy(self, target_group: str) -> int:
        """Return the number of healthy targets."""
        response = self._client.describe_target_health(TargetGroupArn=target_group)
        states = [each["TargetHealth"]["State"] for each in response["TargetHealthDescriptions"]]
        return states.count("healthy")


def _target_group(listener: Mapping[str, Any]) -> str | None:
    """Return the target group if a listener's default actions forward to exactly one.

    ELB describes a forward to one group as TargetGroupArn and as a ForwardConfig with one group. A
    forward to several groups has only the ForwardConfig. A missing weight means 1.
    """
    groups: list[str] = []
    for action in listener.get("DefaultActions", ()):
        if action["Type"] != "forward":
            continue
        weighted = action.get("ForwardConfig", {}).get("TargetGroups", ())
        if weighted:
            groups += [each["TargetGroupArn"] for each in weighted if each.get("Weight", 1) > 0]
        elif "TargetGroupArn" in action:
            groups.append(action["TargetGroupArn"])
    return groups[0] if len(groups) == 1 else None
