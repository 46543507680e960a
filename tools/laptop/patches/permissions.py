"""IAM, with authentication: calls require the actions and resources that AWS requires."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import alb, cloudformation, ecs

from tools.laptop.calls import Call, Permission
from tools.laptop.patches import application_autoscaling, stack_roles, template_urls
from tools.laptop.permissions import ACTIONS, required_permissions
from tools.laptop.scaling.service_model import SERVICE as SCALING

Handler = Callable[..., Awaitable[Any]]

_SERVICES = (
    *("application-autoscaling", "cloudformation", "dynamodb", "ecs", "elasticloadbalancing"),
    *("events", "logs", "monitoring"),
)
_LOG = logging.getLogger("laptop")
_extract_iam_action = iam_actions.extract_iam_action
_extract_resource_arn = iam_actions.extract_resource_arn
_enforce = iam_evaluator.enforce
_pin_request_origin = app.pin_request_origin


def apply() -> None:
    """Apply the corrections, if the emulator enforces IAM policies."""
    if not app.AUTH:
        return
    iam_actions.extract_iam_action = emulator_action
    iam_actions.extract_resource_arn = resource_arn
    iam_evaluator.enforce = enforce
    app.pin_request_origin = pin_request_origin
    for service in _SERVICES:
        app.SERVICE_HANDLERS[service] = authorized(service, app.SERVICE_HANDLERS[service])


def pin_request_origin(source_ip: str, secure_transport: bool) -> None:
    """Treat every call as a call over TLS.

    Gap: the laptop cloud has no TLS, and the policies of the buckets refuse calls without TLS.
    """
    del secure_transport
    _pin_request_origin(source_ip, True)


def enforce(
    access_key: str, action: str, service: str, region: str, resource_arn: str = "*", **keys: Any
) -> Any:
    """Check a permission, and log a refusal.

    Not a gap: on AWS refusals are in CloudTrail.
    """
    refusal = _enforce(access_key, action, service, region, resource_arn=resource_arn, **keys)
    principal = getattr(refusal, "principal_arn", None)
    if principal:
        _LOG.warning("denied: %s may not %s on %s", principal, action, resource_arn)
    return refusal


def resource_arn(
    service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any, **options: Any
) -> Any:
    """Return the resource of a call.

    Gap: the emulator knows an ECR repository only by its name, and calls for tags have its ARN.
    """
    if service == "ecr" and body.startswith(b"{"):
        named = json.loads(body).get("resourceArn")
        if isinstance(named, str):
            return named
    return _extract_resource_arn(service, method, path, headers, body, *rest, **options)


def emulator_action(service: str, *request: Any) -> str | None:
    """Return the action that the emulator checks; None for the actions that `authorized` checks.

    The emulator checks the signature in both cases.
    """
    action: str | None = _extract_iam_action(service, *request)
    return None if action in ACTIONS else action


def authorized(service: str, handler: Handler) -> Handler:
    """Wrap the handler of a service with a check of the caller's permissions.

    Gap: the emulator checks a cluster where ECS checks a service, checks a load balancer where AWS
    has no resource-level permission, checks no alarm for DescribeAlarms, and ignores condition
    keys, tags, the partitions of items and iam:PassRole.
    """

    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        parameters = app._routing_params(method, path, headers, body, query)
        action = _extract_iam_action(service, method, path, headers, body, parameters)
        members = _parameters(body, parameters)
        call = Call(
            *(action or "", members, get_region(), get_account_id()),
            *(task_roles, template_at, application_autoscaling.target_arn),
        )
        for permission in required_permissions(call) or ():
            denied = app._enforce_data_plane(
                service,
                permission.action,
                headers,
                query,
                "",
                resource_arn=permission.resource,
                service_context=_keys(permission),
                named_resource=permission.resource,
            )
            if denied:
                return _refusal(service, permission, denied)
        if service == "cloudformation":
            stack_roles.remember(members)
        return await handler(method, path, headers, body, query)

    return handle


def _refusal(service: str, permission: Permission, denied: Any) -> Any:
    """Return the response to a call without a permission.

    Application Auto Scaling reports a missing permission for the scaled service or for CloudWatch
    as a ValidationException (User Guide, "Permissions validation for Application Auto Scaling API
    calls on target resources"; github.com/aws/aws-auto-scaling-custom-resource/issues/25).
    CloudWatch has the code of its query protocol, AccessDenied, in a header (awsQueryCompatible in
    botocore's model; github.com/cloud-custodian/cloud-custodian/issues/1311).
    """
    if service == "monitoring":
        status, headers, body = denied
        return status, {**headers, "x-amzn-query-error": "AccessDenied;Sender"}, body
    if service == SCALING and permission.action.startswith(("ecs:", "cloudwatch:")):
        message = f"User is missing the following permissions: {permission.action}"
        return error_response_json("ValidationException", message, 400, message_key="Message")
    return denied


def task_roles(definition: str) -> list[str]:
    """Return the roles of a registered task definition."""
    registered = ecs._task_defs.get(ecs._resolve_td_key(definition)) or {}
    roles = (registered.get(name) for name in ("executionRoleArn", "taskRoleArn"))
    return [role for role in roles if role]


def template_at(url: str) -> str:
    """Return the template at a URL; "" if it does not exist."""
    return (template_urls.read(url) or b"").decode(errors="replace")


def _parameters(body: bytes, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters of a call of a JSON API or of a query API."""
    if body.startswith(b"{"):
        members: dict[str, Any] = json.loads(body)
        return members
    return {name: values[0] for name, values in parameters.items() if isinstance(values, list)}


def _keys(permission: Permission) -> dict[str, Any]:
    """Return the condition keys of a request, and the tags of its resource as condition keys."""
    tags = {f"aws:ResourceTag/{key}": value for key, value in _tags(permission.resource)}
    return {**permission.keys, **tags}


def _tags(arn: str) -> list[tuple[str, str]]:
    """Return the tags of a resource."""
    if ":cloudformation:" in arn and "stack/" in arn:
        stack = cloudformation._stacks.get(arn.split("/")[1]) or {}
        return [(tag["Key"], tag["Value"]) for tag in stack.get("Tags") or ()]
    if arn.startswith("arn:aws:ecs:"):
        return [(tag["key"], tag["value"]) for tag in ecs._tags.get(arn) or ()]
    if arn.startswith("arn:aws:application-autoscaling:"):
        return [*application_autoscaling.tags_of(arn).items()]
    return [(tag["Key"], tag["Value"]) for tag in alb._tags.get(arn) or ()]
