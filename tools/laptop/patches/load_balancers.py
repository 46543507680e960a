"""Elastic Load Balancing: targets have health checks, and only healthy ones receive requests."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape  # nosec B406 - escapes only, does not parse

from ministack.core.responses import StreamingResponse
from ministack.services import alb, ecs

from tools.laptop.balancer import Balancer, Target
from tools.laptop.emulator import clock, engine
from tools.laptop.health import NOT_REGISTERED, Health
from tools.laptop.prober import Prober
from tools.laptop.target_metrics import TargetMetrics

DRAIN_LIMIT = 10.0  # seconds for requests in flight when a target is deregistered

prober = Prober(alb, lambda address, port: engine().bound_port(address, port))
target_metrics = TargetMetrics()
balancer = Balancer(lambda group, target: _health(group, target).state == "healthy")

_dispatch_request = alb.dispatch_request
_forward_to_tg = alb._forward_to_tg
_set_targets_for_group = alb.set_targets_for_group
_cleanup_task_resources = ecs._cleanup_task_resources


def apply() -> None:
    """Apply the corrections and start the health checks."""
    alb.dispatch_request = dispatch_request
    alb._ACTION_MAP["DescribeTargetHealth"] = describe_target_health
    alb._forward_to_tg = forward_to_healthy_target
    alb.set_targets_for_group = set_targets_and_probe
    ecs._cleanup_task_resources = drain_then_clean_up
    prober.start()


def describe_target_health(params: dict[str, Any]) -> Any:
    """Return the results of the health checks in DescribeTargetHealth.

    Gap: the emulator reports every registered target as healthy.
    """
    group_arn = alb._p(params, "TargetGroupArn")
    if group_arn not in alb._tgs:
        return alb._error("TargetGroupNotFound", f"Target group '{group_arn}' not found.")
    registered = alb._targets.get(group_arn, [])
    described = [(target, _health(group_arn, target)) for target in registered]
    requested = alb._parse_targets_param(params)
    if requested:
        known = {target["Id"]: (target, health) for target, health in described}
        described = [known.get(one["Id"], (one, NOT_REGISTERED)) for one in requested]
    members = "".join(_member(group_arn, target, health) for target, health in described)
    body = f"<TargetHealthDescriptions>{members}</TargetHealthDescriptions>"
    return alb._xml(200, "DescribeTargetHealth", body)


async def dispatch_request(lb: Any, method: str, path: str, *args: Any, **kwargs: Any) -> Any:
    """Handle a request by the path of its URL.

    Gap: the emulator is the proxy to the load balancers, and passes on the whole URL, which clients
    send to a proxy (RFC 9112, 3.2.2).
    """
    raw_path = kwargs.pop("raw_path", None)
    raw = None if raw_path is None else origin_form(raw_path)
    return await _dispatch_request(lb, method, origin_form(path), *args, raw_path=raw, **kwargs)


def origin_form(target: str) -> str:
    """Return the path of a request target, which can be a URL."""
    return (urlsplit(target).path or "/") if target.startswith(("http://", "https://")) else target


async def forward_to_healthy_target(
    tg_arn: str,
    method: str,
    path: str,
    headers: Any,
    body: Any,
    query_params: Any,
    raw_query_string: str | None = None,
    raw_path: str | None = None,
) -> Any:
    """Send a request to the next healthy target, or to any target if none is healthy.

    Gap: the emulator chooses a random registered target, even one that does not respond.
    """
    group = alb._tgs.get(tg_arn) or {"TargetType": ""}
    target = None
    if group["TargetType"] in ("instance", "ip"):
        target = balancer.take(tg_arn, lambda: alb._targets.get(tg_arn, []))
    if target is None:  # the emulator handles groups without targets, and Lambda functions
        rest = (method, path, headers, body, query_params, raw_query_string, raw_path)
        return await _forward_to_tg(tg_arn, *rest)
    bound = {**target, "Port": engine().bound_port(target["Id"], _port(tg_arn, target))}
    request = (method, raw_path or path, headers, body, query_params, raw_query_string)
    try:
        status, response_headers, stream = await alb._proxy_http_target(bound, group, *request)
    except BaseException:
        balancer.done(target)
        raise
    _count(tg_arn, status, stream)
    return status, response_headers, _count_completion(stream, target)


def set_targets_and_probe(*args: Any, **kwargs: Any) -> Any:
    """Register the tasks of a service and probe them at once.

    Not a gap: it saves one interval of the health checks per deployment.
    """
    result = _set_targets_for_group(*args, **kwargs)
    prober.wake()
    return result


def drain_then_clean_up(task: dict[str, Any], docker_client: Any, extra: Any = None) -> None:
    """Stop the containers of a task after its last request, in the background.

    Gap: the emulator stops containers as soon as their target is deregistered, and StopTask waits
    for that. AWS keeps connections open during the deregistration delay, and StopTask returns at
    once.
    """
    if docker_client is None:
        _cleanup_task_resources(task, docker_client, extra)
        return

    def drain() -> None:
        address = ecs._task_ip(task)
        if address:
            balancer.wait_idle(address, DRAIN_LIMIT)
        _cleanup_task_resources(task, docker_client, extra)

    ecs.spawn_background(drain, thread_name="task-drain")


def task_health(group_arn: str, address: str, port: int) -> Health:
    """Return the health of a task in a target group."""
    return prober.health(group_arn, address, port)


def _count(group_arn: str, status: int, stream: Any) -> None:
    """Count a request for the metrics of a target group.

    A response without a stream is that of the load balancer, with the error of the connection.
    """
    answered = isinstance(stream, StreamingResponse)
    target_metrics.add_request(
        group_arn,
        clock().time(),
        status if answered else None,
        connected=answered or b"Connection refused" not in stream,
    )


def _count_completion(stream: Any, target: Target) -> Any:
    """Count the request as completed when its response has been passed on."""
    if not isinstance(stream, StreamingResponse):
        balancer.done(target)
        return stream

    async def run(send: Any, receive: Any) -> None:
        try:
            await stream.runner(send, receive)
        finally:
            balancer.done(target)

    return StreamingResponse(run)


def group_health(group_arn: str) -> list[str]:
    """Return the states of the registered targets of a group."""
    return [_health(group_arn, each).state for each in list(alb._targets.get(group_arn) or [])]


def _health(group_arn: str, target: Target) -> Health:
    return prober.health(group_arn, target["Id"], _port(group_arn, target))


def _port(group_arn: str, target: Target) -> int:
    return int(target.get("Port") or alb._tgs[group_arn]["Port"])


def _member(group_arn: str, target: Target, health: Health) -> str:
    port = _port(group_arn, target)
    reason = f"<Reason>{health.reason}</Reason>" if health.reason else ""
    if health.description:
        reason += f"<Description>{escape(health.description)}</Description>"
    return (
        f"<member><Target><Id>{target['Id']}</Id><Port>{port}</Port></Target>"
        f"<HealthCheckPort>{port}</HealthCheckPort>"
        f"<TargetHealth><State>{health.state}</State>{reason}</TargetHealth></member>"
    )
