"""IAM, with authentication on: calls are judged by the actions and resources that AWS asks for."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import alb, cloudformation, ecs

from tools.laptop.permissions import ACTIONS, Call, Question, questions

Handler = Callable[..., Awaitable[Any]]

_SERVICES = ("cloudformation", "ecs", "elasticloadbalancing")
_LOG = logging.getLogger("laptop")
_extract_iam_action = iam_actions.extract_iam_action
_enforce = iam_evaluator.enforce
_pin_request_origin = app.pin_request_origin


def apply() -> None:
    """Put the corrections in place, if the emulator judges at all."""
    if not app.AUTH:
        return
    iam_actions.extract_iam_action = action_for_the_emulator
    iam_evaluator.enforce = enforce
    app.pin_request_origin = pin_request_origin
    for service in _SERVICES:
        app.SERVICE_HANDLERS[service] = judged(service, app.SERVICE_HANDLERS[service])


def pin_request_origin(source_ip: str, secure_transport: bool) -> None:
    """Take every call for one over TLS.

    Gap: the laptop has none, and the policies of the buckets refuse calls without it.
    """
    del secure_transport
    _pin_request_origin(source_ip, True)


def enforce(
    access_key: str, action: str, service: str, region: str, resource_arn: str = "*", **keys: Any
) -> Any:
    """Judge a call, and note in the emulator's log what was refused.

    Not a gap: AWS tells CloudTrail.
    """
    refused = _enforce(access_key, action, service, region, resource_arn=resource_arn, **keys)
    who = getattr(refused, "principal_arn", None)
    if who:
        _LOG.warning("denied: %s may not %s on %s", who, action, resource_arn)
    return refused


def action_for_the_emulator(service: str, *request: Any) -> str | None:
    """Return the action that the emulator is to judge; None for what `judged` does.

    It checks the signature all the same.
    """
    action: str | None = _extract_iam_action(service, *request)
    return None if action in ACTIONS else action


def judged(service: str, handler: Handler) -> Handler:
    """Let a service answer only what IAM allows its caller.

    Gap: the emulator names the cluster where ECS asks about a service, asks about a load balancer
    where AWS knows no resource, and leaves condition keys, tags and iam:PassRole out.
    """

    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        parameters = app._routing_params(method, path, headers, body, query)
        action = _extract_iam_action(service, method, path, headers, body, parameters)
        call = Call(action or "", _parameters(body, parameters), get_region(), get_account_id())
        for question in questions(call) or ():
            denied = app._enforce_data_plane(
                service,
                question.action,
                headers,
                query,
                "",
                resource_arn=question.resource,
                service_context=_keys(question),
                named_resource=question.resource,
            )
            if denied:
                return denied
        return await handler(method, path, headers, body, query)

    return handle


def _parameters(body: bytes, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters of a call of a JSON API or of a query API."""
    if body.startswith(b"{"):
        members: dict[str, Any] = json.loads(body)
        return members
    return {name: values[0] for name, values in parameters.items() if isinstance(values, list)}


def _keys(question: Question) -> dict[str, Any]:
    """Return the condition keys of a request and of what it is about."""
    tags = {f"aws:ResourceTag/{key}": value for key, value in _tags(question.resource)}
    return {**question.keys, **tags}


def _tags(arn: str) -> list[tuple[str, str]]:
    """Return the tags of a resource."""
    if ":cloudformation:" in arn and "stack/" in arn:
        stack = cloudformation._stacks.get(arn.split("/")[1]) or {}
        return [(tag["Key"], tag["Value"]) for tag in stack.get("Tags") or ()]
    if arn.startswith("arn:aws:ecs:"):
        return [(tag["key"], tag["value"]) for tag in ecs._tags.get(arn) or ()]
    return [(tag["Key"], tag["Value"]) for tag in alb._tags.get(arn) or ()]
