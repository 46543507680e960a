"""Elastic Load Balancing: forward actions with several weighted target groups.

Gap: the emulator ignores `ForwardConfig`. It also deletes a target group that an action refers to,
and it loses the client secret of OIDC when a listener changes.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape  # nosec B406 - escapes only, does not parse

from ministack.services import alb
from ministack.services.cloudformation import provisioners

from tools.laptop.forwards import Action, forward_groups, refused_action, target_groups
from tools.laptop.patches.load_balancers import prober

_action_xml = alb._action_xml
_delete_target_group = alb._delete_tg
_execute_action = alb._execute_action
_listener_actions = provisioners._elbv2_listener_actions
_parse_actions = alb._parse_actions
_target_group_delete = provisioners._elbv2_target_group_delete
_CHANGES = ("CreateListener", "ModifyListener", "CreateRule", "ModifyRule")


def apply() -> None:
    """Apply the corrections."""
    alb._action_xml = action_xml
    alb._execute_action = execute_action
    alb._parse_actions = parse_actions
    provisioners._elbv2_listener_actions = listener_actions
    for operation in _CHANGES:
        alb._ACTION_MAP[operation] = _checked(alb._ACTION_MAP[operation])
    alb._ACTION_MAP["DeleteTargetGroup"] = delete_target_group
    handlers = provisioners._RESOURCE_HANDLERS["AWS::ElasticLoadBalancingV2::TargetGroup"]
    handlers["delete"] = delete_resource
    provisioners._elbv2_target_group_delete = delete_resource


def parse_actions(params: Mapping[str, Any], prefix: str = "DefaultActions") -> list[Action]:
    """Parse the actions of a call, with their ForwardConfig."""
    actions: list[Action] = _parse_actions(params, prefix)
    for number, action in enumerate(actions, start=1):
        config = f"{prefix}.member.{number}.ForwardConfig"
        groups = list(_weighted(params, f"{config}.TargetGroups.member"))
        sticky = alb._p(params, f"{config}.TargetGroupStickinessConfig.Enabled")
        duration = alb._p(params, f"{config}.TargetGroupStickinessConfig.DurationSeconds")
        if groups or sticky:
            stickiness = {"Enabled": sticky == "true"}
            if duration:
                stickiness["DurationSeconds"] = int(duration)
            action["ForwardConfig"] = {
                "TargetGroups": groups,
                "TargetGroupStickinessConfig": stickiness,
            }
    return actions


def _weighted(params: Mapping[str, Any], prefix: str) -> Iterator[dict[str, Any]]:
    for number in itertools.count(1):
        arn = alb._p(params, f"{prefix}.{number}.TargetGroupArn")
        if not arn:
            return
        weight = alb._p(params, f"{prefix}.{number}.Weight")
        yield {"TargetGroupArn": arn} | ({"Weight": int(weight)} if weight else {})


def listener_actions(
    props: Mapping[str, Any], lb_arn: str | None, prop: str = "DefaultActions"
) -> list[Action]:
    """Return the actions of a resource of a template, with their ForwardConfig."""
    given = [action for action in props.get(prop) or [] if isinstance(action, dict)]
    actions: list[Action] = _listener_actions(props, lb_arn, prop)
    for action, source in zip(actions, given, strict=True):
        config = source.get("ForwardConfig")
        if config:
            groups = [
                {**each, "Weight": int(each["Weight"])} if "Weight" in each else dict(each)
                for each in config["TargetGroups"]
            ]
            action.pop("TargetGroupArn", None)
            action["ForwardConfig"] = {**config, "TargetGroups": groups}
        for name in ("AuthenticateOidcConfig", "AuthenticateCognitoConfig"):
            if name in source:
                action[name] = dict(source[name])
    return actions


def action_xml(action: Action) -> str:
    """Describe an action with its ForwardConfig."""
    plain = {**action}
    groups = forward_groups(action)
    if len(groups) == 1:
        plain["TargetGroupArn"] = groups[0]["TargetGroupArn"]
    else:
        plain.pop("TargetGroupArn", None)
    described: str = _action_xml(plain)
    if not groups:
        return described
    members = "".join(
        f"<member><TargetGroupArn>{escape(each['TargetGroupArn'])}</TargetGroupArn>"
        f"<Weight>{each.get('Weight', 1)}</Weight></member>"
        for each in groups
    )
    stickiness = action.get("ForwardConfig", {}).get("TargetGroupStickinessConfig", {})
    enabled = "true" if stickiness.get("Enabled") in (True, "true") else "false"
    duration = stickiness.get("DurationSeconds")
    seconds = f"<DurationSeconds>{duration}</DurationSeconds>" if duration else ""
    config = (
        f"<ForwardConfig><TargetGroups>{members}</TargetGroups><TargetGroupStickinessConfig>"
        f"<Enabled>{enabled}</Enabled>{seconds}</TargetGroupStickinessConfig></ForwardConfig>"
    )
    return described.removesuffix("</member>") + config + "</member>"


async def execute_action(action: Action, *args: Any, **kwargs: Any) -> Any:
    """Forward a request to one of the target groups of an action, in proportion to the weights."""
    groups = forward_groups(action)
    if not groups:
        return await _execute_action(action, *args, **kwargs)
    weights = [int(each.get("Weight", 1)) for each in groups]
    if not any(weights):
        return 503, {"Content-Type": "text/plain"}, b"all target groups have weight 0"
    (chosen,) = random.choices(groups, weights)  # nosec B311 # noqa: S311 - not for security
    forward = {**action, "TargetGroupArn": chosen["TargetGroupArn"]}
    return await _execute_action(forward, *args, **kwargs)


def delete_target_group(params: Mapping[str, Any]) -> Any:
    """Delete a target group; refuse one that an action refers to."""
    arn = alb._p(params, "TargetGroupArn")
    if arn in alb._tgs and arn in prober.groups_in_use():
        return alb._error("ResourceInUse", _in_use(arn))
    return _delete_target_group(params)


def delete_resource(physical_id: str, props: Mapping[str, Any]) -> None:
    """Delete a target group of a stack; the handler fails for one that an action refers to."""
    if physical_id in alb._tgs and physical_id in prober.groups_in_use():
        raise ValueError(
            f'Resource handler returned message: "{_in_use(physical_id)}"'
            " (HandlerErrorCode: ResourceConflict)"
        )
    _target_group_delete(physical_id, props)


def _in_use(arn: str) -> str:
    return f"Target group '{arn}' is currently in use by a listener or a rule"


def _checked(handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the handler of a call with the checks of its actions."""

    def check(params: Mapping[str, Any]) -> Any:
        prefix = "DefaultActions" if "DefaultActions.member.1.Type" in params else "Actions"
        sent = parse_actions(params, prefix)
        known = _known_actions(params)
        problem = next(filter(None, (refused_action(each, known) for each in sent)), None)
        if problem:
            return alb._error("ValidationError", problem)
        for arn in target_groups(sent):
            if arn not in alb._tgs:
                return alb._error("TargetGroupNotFound", f"Target groups '{arn}' not found")
        secrets = [_secret(each) for each in known]
        response = handler(params)
        _keep_secret(_known_actions(params), next(filter(None, secrets), None))
        return response

    return check


def _known_actions(params: Mapping[str, Any]) -> list[Action]:
    """Return the present actions of the listener or the rule of a call."""
    listener = alb._listeners.get(alb._p(params, "ListenerArn")) or {}
    rule = alb._rules.get(alb._p(params, "RuleArn")) or {}
    return [*listener.get("DefaultActions", ()), *rule.get("Actions", ())]


def _secret(action: Action) -> str | None:
    secret: str | None = action.get("AuthenticateOidcConfig", {}).get("ClientSecret")
    return secret


def _keep_secret(actions: Iterable[Action], secret: str | None) -> None:
    for action in actions:
        config = action.get("AuthenticateOidcConfig")
        if secret and config and config.pop("UseExistingClientSecret", False):
            config.setdefault("ClientSecret", secret)
