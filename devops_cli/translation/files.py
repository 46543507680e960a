"""Reads the descriptions of a service from JSON files, as the AWS CLI prints them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devops_cli.failures import UsageError
from devops_cli.translation import shapes
from devops_cli.translation.facts import Described, Object, with_task_set

# The members of a description that are lists of AWS, by the member of `Described`.
_LISTS = {
    "TargetGroups": "target_groups",
    "LoadBalancers": "load_balancers",
    "ScalableTargets": "scalable_targets",
    "ScalingPolicies": "scaling_policies",
}
# The service and the shape of each list.
_SHAPES = {
    "TargetGroups": ("elbv2", "TargetGroup"),
    "LoadBalancers": ("elbv2", "LoadBalancer"),
    "ScalableTargets": ("application-autoscaling", "ScalableTarget"),
    "ScalingPolicies": ("application-autoscaling", "ScalingPolicy"),
}
_COMMANDS = (
    "Valid are the output of `aws ecs describe-services`, `aws elbv2 describe-target-groups` and"
    " `describe-load-balancers`, `aws application-autoscaling describe-scalable-targets` and"
    " `describe-scaling-policies`, and the input of `aws ecs create-service`."
)


def read(task_definition: str, others: Sequence[str]) -> Described:
    """Return the service of a file with its task definition and of further files.

    Raises:
        UsageError: a file cannot be read, or is not a description.

    """
    content = _object(task_definition)
    definition = content.get("taskDefinition", content)
    if not isinstance(definition, dict) or not _are_containers(definition):
        raise UsageError(
            f"{task_definition} has no containerDefinitions with name and image",
            "Valid are the output of `aws ecs describe-task-definition` and the input of"
            " `aws ecs register-task-definition`.",
        )
    tags = content.get("tags", [])
    found = Described(
        _checked(task_definition, "ecs", "TaskDefinition", definition, "taskDefinition"),
        tags=_checked(task_definition, "ecs", "Tags", tags, "tags"),
        origin=f"the file {Path(task_definition).name}",
    )
    for file in others:
        found = _with(found, file, _object(file))
    return found


def _are_containers(definition: Object) -> bool:
    containers = definition.get("containerDefinitions")
    return (
        isinstance(containers, list)
        and bool(containers)
        and all(isinstance(each, dict) and {"name", "image"} <= each.keys() for each in containers)
    )


def _with(described: Described, file: str, content: Object) -> Described:
    """Return descriptions with those of a further file."""
    known = [name for name in _LISTS if isinstance(content.get(name), list)]
    if known:
        lists: dict[str, Any] = {
            _LISTS[name]: [
                _checked(file, *_SHAPES[name], each, f"{name}.{number}")
                for number, each in enumerate(content[name])
            ]
            for name in known
        }
        return described._replace(**lists)
    services = content.get("services", [content])
    if not isinstance(services, list) or not all(isinstance(each, dict) for each in services):
        raise UsageError(f"{file}: services must be a list of objects")
    if len(services) != 1:
        raise UsageError(f"{file} has {len(services)} services: write one into the file")
    if not {"serviceName", "taskDefinition"} & services[0].keys():
        raise UsageError(f"{file} is not a description of a service", _COMMANDS)
    found = _checked(file, "ecs", "Service", services[0], "service")
    return described._replace(service=with_task_set(found))


def _checked(file: str, service: str, shape: str, value: Any, place: str) -> Any:
    """Return a value of a file with the types of a shape."""
    if problem := shapes.problem(service, shape, value, place):
        raise UsageError(f"{file}: {problem}", "Write the file again with the AWS CLI.")
    return shapes.with_texts(service, shape, value)


def _no_json(text: str) -> Any:
    """Refuse NaN and the infinities, which Python accepts but JSON does not have."""
    raise ValueError(text)


def _object(file: str) -> Any:
    try:
        found = json.loads(Path(file).read_bytes(), parse_constant=_no_json)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is not valid JSON: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{file} must be a JSON object")
    return shapes.without_null(found)
