"""The forward actions of load balancers: their target groups, weights and rules; no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Action = dict[str, Any]
MAX_GROUPS = 5  # target groups of one action (Quotas for Application Load Balancers)
MAX_WEIGHT = 999  # ELBv2 API, TargetGroupTuple


def forward_groups(action: Action) -> list[dict[str, Any]]:
    """Return the target groups of a forward action as {"TargetGroupArn", "Weight"}."""
    if action.get("Type") != "forward":
        return []
    groups: list[dict[str, Any]] = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    if groups:
        return groups
    arn = action.get("TargetGroupArn")
    return [{"TargetGroupArn": arn, "Weight": 1}] if arn else []


def target_groups(actions: Iterable[Action]) -> set[str]:
    """Return the ARNs of the target groups of actions, with any weight."""
    return {each["TargetGroupArn"] for action in actions for each in forward_groups(action)}


def receiving_group(actions: Iterable[Action]) -> str:
    """Return the ARN of the target group that receives requests; ValueError for several."""
    groups = [each for action in actions for each in forward_groups(action)]
    (arn,) = (each["TargetGroupArn"] for each in groups if each.get("Weight", 1) > 0)
    return str(arn)


def refused_action(action: Action, present: Sequence[Action]) -> str | None:
    """Return the reason why ELB refuses an action, None if it accepts it.

    `present` are the actions that a call replaces. The rules are those of the ELBv2 API (Action,
    ForwardActionConfig, TargetGroupTuple and AuthenticateOidcActionConfig), and those of a client
    secret in reports (github.com/ansible-collections/amazon.aws/issues/1877).
    """
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    arns = [each["TargetGroupArn"] for each in groups]
    if action.get("Type") == "forward" and not forward_groups(action):
        return "A target group ARN must be specified"
    if arns and "TargetGroupArn" in action and arns != [action["TargetGroupArn"]]:
        return (
            "If you specify both ForwardConfig and TargetGroupArn, you can specify only one target"
            " group using ForwardConfig and it must be the same target group"
        )
    if len(arns) > MAX_GROUPS:
        return f"An action can have at most {MAX_GROUPS} target groups"
    if len(set(arns)) < len(arns):
        return "Target groups must be unique within an action"
    if any(not 0 <= each.get("Weight", 1) <= MAX_WEIGHT for each in groups):
        return f"The weight of a target group must be between 0 and {MAX_WEIGHT}"
    return _refused_authentication(action, present)


def _refused_authentication(action: Action, present: Sequence[Action]) -> str | None:
    config = action.get("AuthenticateOidcConfig")
    if config is None:
        return None
    if config.get("ClientSecret"):
        both = "You cannot both specify a client secret and set UseExistingClientSecret to true"
        return both if config.get("UseExistingClientSecret") else None
    before = [each.get("AuthenticateOidcConfig") or {} for each in present]
    known = any(
        each.get("ClientSecret") and each.get("Issuer") == config.get("Issuer") for each in before
    )
    if config.get("UseExistingClientSecret") and known:
        return None
    return "You must either specify a client secret or set UseExistingClientSecret to true"
