"""CloudFormation: ECS resources keep all their properties, and a service must become stable."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from ministack.services import ecs
from ministack.services.cloudformation import provisioners, stacks

from tools.laptop.patches.kept_state import is_resumed

STABLE_LIMIT = 180.0  # seconds; three hours in CloudFormation
_VERBATIM = {"dockerLabels", "options", "driverOpts", "labels"}  # the user chooses their keys
_NUMBERS = {
    *("containerPort", "hostPort", "desiredCount", "interval", "timeout", "retries"),
    *("startPeriod", "startTimeout", "stopTimeout", "memoryReservation", "sizeInGiB", "weight"),
    *("maximumPercent", "minimumHealthyPercent", "healthCheckGracePeriodSeconds", "base"),
}
_FLAGS = {
    *("essential", "enable", "rollback", "readonlyRootFilesystem", "interactive"),
    *("pseudoTerminal", "privileged", "enableExecuteCommand", "enableECSManagedTags"),
}
_task_def_create = provisioners._ecs_task_def_create
_runs_on_worker_thread = stacks._runs_on_worker_thread
_service_update = provisioners._ecs_service_update


def apply() -> None:
    """Apply the corrections."""
    provisioners._normalize_container_defs = container_definitions
    handlers = provisioners._RESOURCE_HANDLERS
    handlers["AWS::ECS::TaskDefinition"]["create"] = create_task_definition
    provisioners._ecs_task_def_create = create_task_definition
    handlers["AWS::ECS::Service"]["create"] = create_service
    handlers["AWS::ECS::Service"]["update"] = update_service
    stacks._runs_on_worker_thread = runs_on_worker_thread


def runs_on_worker_thread(resource_type: str) -> bool:
    """Provision services outside of the event loop, because `create_service` blocks."""
    return resource_type == "AWS::ECS::Service" or bool(_runs_on_worker_thread(resource_type))


def api_form(value: Any, name: str = "") -> Any:
    """Convert a value of a template to the form of the ECS API: camelCase names, numbers, flags.

    Names that the user chooses (labels, log options) do not change.
    """
    if isinstance(value, list):
        return [api_form(each, name) for each in value]
    if isinstance(value, dict):
        if name in _VERBATIM:
            return value
        members = ((key[:1].lower() + key[1:], each) for key, each in value.items())
        return {key: api_form(each, key) for key, each in members}
    if name in _NUMBERS:
        return int(value)
    if name in _FLAGS and isinstance(value, str):
        return value.lower() == "true"
    return value


def container_definitions(definitions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Convert the container definitions of a template to the form of the API.

    Gap: the emulator does not convert the inner names of Secrets, HealthCheck, DependsOn and
    others, so their values are lost, and leaves numbers as strings.
    """
    containers = [api_form(each) for each in definitions]
    for container in containers:
        for name in ("cpu", "memory"):
            if name in container:
                container[name] = int(container[name])
        container.setdefault("essential", True)
    return containers


def create_task_definition(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
    """Register the task definition of a template with all properties.

    Gap: the emulator drops RuntimePlatform and EphemeralStorage, and stores task sizes as numbers
    although the API has strings.
    """
    arn, attributes = _task_def_create(logical_id, props, stack_name)
    definition = ecs._task_defs[arn.rsplit("/", 1)[-1]]
    for name in ("RuntimePlatform", "EphemeralStorage"):
        if name in props:
            definition[name[0].lower() + name[1:]] = api_form(props[name])
    for name in ("cpu", "memory"):
        if name in definition:
            definition[name] = str(definition[name])
    return arn, attributes


def create_service(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
    """Create the service of a template and wait until it is stable.

    Gap: the emulator drops PropagateTags, HealthCheckGracePeriodSeconds and others, and completes
    the resource before a task has started. On AWS the resource completes with the deployment. If
    the circuit breaker trips, the resource fails and the service is deleted.
    """
    request = {"serviceName": f"{stack_name}-{logical_id}", "cluster": "default", **api_form(props)}
    # After a restart the service may exist already, without being stable.
    arn = is_resumed(stack_name) and _arn_of(request)
    if not arn:
        status, _, body = ecs._create_service(request)
        if status >= 400:
            raise ValueError(_handler_error(json.loads(body).get("message", "")))
        arn = json.loads(body)["service"]["serviceArn"]
    try:
        wait_until_stable(_key(arn))
    except ValueError:
        service = {"cluster": request["cluster"], "service": request["serviceName"]}
        ecs._delete_service({**service, "force": True})
        raise
    return arn, {"ServiceArn": arn, "Name": request["serviceName"]}


def _arn_of(request: dict[str, Any]) -> str:
    """Return the ARN of a service with the status ACTIVE; "" for other services."""
    key = f"{ecs._cluster_name_from_arn(request['cluster'])}/{request['serviceName']}"
    service = ecs._services.get(key) or {}
    return str(service["serviceArn"]) if service.get("status") == "ACTIVE" else ""


def update_service(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> Any:
    """Update the service of a template and wait until it is stable, as on AWS."""
    result = _service_update(physical_id, old, new, stack)
    wait_until_stable(_key(physical_id))
    return result


def wait_until_stable(key: str) -> None:
    """Wait until the deployment of a service is complete.

    Raises:
        ValueError: the circuit breaker tripped, the service was deleted, or STABLE_LIMIT is over.

    """
    pause, deadline = threading.Event(), time.monotonic() + STABLE_LIMIT
    while time.monotonic() < deadline:
        service = ecs._services.get(key) or {}
        states = {one["status"]: one["rolloutState"] for one in service.get("deployments", [])}
        if service.get("status") != "ACTIVE":
            raise ValueError(_handler_error(f"Service {key} was deleted"))
        if "FAILED" in states.values():
            raise ValueError(
                "Resource handler returned message: \"Error occurred during operation 'ECS "
                "Deployment Circuit Breaker was triggered'.\" "
                "(HandlerErrorCode: GeneralServiceException)"
            )
        if states.get("PRIMARY") == "COMPLETED":
            return
        pause.wait(0.05)
    raise ValueError(
        'Resource handler returned message: "Exceeded attempts to wait" '
        "(HandlerErrorCode: NotStabilized)"
    )


def _key(service_arn: str) -> str:
    return "/".join(service_arn.split("/")[-2:])


def _handler_error(message: str) -> str:
    return (
        f'Resource handler returned message: "{message} (Service: AmazonECS; Status Code: 400)" '
        "(HandlerErrorCode: InvalidRequest)"
    )
