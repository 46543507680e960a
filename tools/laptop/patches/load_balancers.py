"""Elastic Load Balancing: targets are probed, and only healthy ones get requests."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape  # nosec B406 - it parses nothing

from ministack.core.responses import StreamingResponse
from ministack.services import alb, ecs

from tools.laptop.balancer import Balancer, Target
from tools.laptop.health import NOT_REGISTERED, Health
from tools.laptop.laptop import engine
from tools.laptop.prober import Prober

DRAIN_LIMIT = 10.0  # seconds for requests in flight when a target is deregistered

prober = Prober(alb, lambda address, port: engine().bound_port(address, port))
balancer = Balancer(lambda group, target: _health(group, target).state == "healthy")

_forward_to_tg = alb._forward_to_tg
_set_targets_for_group = alb.set_targets_for_group
_cleanup_task_resources = ecs._cleanup_task_resources


def apply() -> None:
    """Put the corrections in place and start probing."""
    alb._describe_target_health = describe_target_health
    alb._forward_to_tg = forward_to_healthy_target
    alb.set_targets_for_group = set_targets_and_probe
    ecs._cleanup_task_resources = drain_then_clean_up
    prober.start()


def describe_target_health(params: dict[str, Any]) -> Any:
    """Answer DescribeTargetHealth with what the probes say.

    Gap: the emulator calls every registered target healthy.
    """
    group_arn = alb._p(params, "TargetGroupArn")
    if group_arn not in alb._tgs:
        return alb._error("TargetGroupNotFound", f"Target group '{group_arn}' not found.")
    registered = alb._targets.get(group_arn, [])
    described = [(target, _health(group_arn, target)) for target in registered]
    asked = alb._parse_targets_param(params)
    if asked:
        known = {target["Id"]: (target, health) for target, health in described}
        described = [known.get(one["Id"], (one, NOT_REGISTERED)) for one in asked]
    members = "".join(_member(group_arn, target, health) for target, health in described)
    body = f"<TargetHealthDescriptions>{members}</TargetHealthDescriptions>"
    return alb._xml(200, "DescribeTargetHealth", body)


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
    """Send a request to a healthy target in turn, or to any when none is healthy.

    Gap: the emulator picks any registered target at random, also one that does not answer.
    """
    group = alb._tgs.get(tg_arn) or {"TargetType": ""}
    target = None
    if group["TargetType"] in ("instance", "ip"):
        target = balancer.take(tg_arn, lambda: alb._targets.get(tg_arn, []))
    if target is None:  # the emulator has the answer: no targets, or a Lambda function
        rest = (method, path, headers, body, query_params, raw_query_string, raw_path)
        return await _forward_to_tg(tg_arn, *rest)
    bound = {**target, "Port": engine().bound_port(target["Id"], _port(tg_arn, target))}
    request = (method, raw_path or path, headers, body, query_params, raw_query_string)
    try:
        status, answered, stream = await alb._proxy_http_target(bound, group, *request)
    except BaseException:
        balancer.done(target)
        raise
    return status, answered, _counted(stream, target)


def set_targets_and_probe(*args: Any, **kwargs: Any) -> Any:
    """Register a service's tasks and probe them at once.

    Gap: none on AWS; it saves one probing interval per deployment.
    """
    result = _set_targets_for_group(*args, **kwargs)
    prober.wake()
    return result


def drain_then_clean_up(task: dict[str, Any], docker_client: Any, extra: Any = None) -> None:
    """Stop a task's containers after its last request was answered, without making anyone wait.

    Gap: the emulator stops containers as soon as their target is deregistered, and StopTask
    waits for it; AWS keeps open connections for the deregistration delay and answers at once.
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


def _counted(stream: Any, target: Target) -> Any:
    """Count the request as done when its answer has been passed on."""
    if not isinstance(stream, StreamingResponse):
        balancer.done(target)
        return stream

    async def run(send: Any, receive: Any) -> None:
        try:
            await stream.runner(send, receive)
        finally:
            balancer.done(target)

    return StreamingResponse(run)


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
