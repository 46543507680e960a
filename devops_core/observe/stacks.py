"""Observation of stacks, shared by create, update and delete."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from devops_core import template_contract
from devops_core.errors import AccessDeniedError, AwsError
from devops_core.model.observed import Observed, RunningService, Stack
from devops_core.model.operation import Operation
from devops_core.naming import Environment, family, output_key
from devops_core.ports import Cloud


def orphans(
    cloud: Cloud, operation: Operation, environments: Collection[Environment] | None = None
) -> dict[str, tuple[str, ...]]:
    """Return the active task definitions that operations registered, by service.

    Without `environments` it returns those of all services of the operation.

    The operation does not wait for a missing permission, nor after its deadline: then it returns
    none, and the task definitions remain.
    """
    services = [
        part.service
        for part in operation.progress
        if environments is None or part.environment in environments
    ]
    families = [family(operation.application, name) for name in services]
    try:
        found = cloud.gather([partial(cloud.containers.registered, name) for name in families])
    except AwsError as error:
        if isinstance(error, AccessDeniedError) or operation.overdue(cloud.clock.now()):
            return {}
        raise
    return dict(zip(services, found, strict=True))


def with_containers(
    stack: Stack,
    blueprints: Mapping[str, Mapping[str, Any]],
    services: Mapping[str, RunningService],
    sidecars: Collection[str] = (),
) -> Observed:
    """Return a complete stack with the container of each service, or the faults of its template.

    `sidecars` are the names in the specification.
    """
    containers: dict[str, str] = {}
    faults: list[str] = []
    for name, blueprint in blueprints.items():
        group = stack.outputs[output_key(name, "TargetGroupArn")]
        container = services[name].containers.get(group) if name in services else None
        faults += template_contract.container_faults(name, blueprint, container, sidecars)
        containers[name] = container or ""
    return Observed(
        stack=stack, blueprints=blueprints, containers=containers, contract_faults=tuple(faults)
    )
