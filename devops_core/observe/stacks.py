"""Observation of deleted stacks, shared by create and delete."""

from __future__ import annotations

from functools import partial

from devops_core.errors import AccessDeniedError, AwsError
from devops_core.model.operation import Operation
from devops_core.naming import family
from devops_core.ports import Cloud


def orphans(cloud: Cloud, operation: Operation) -> dict[str, tuple[str, ...]]:
    """Return the active task definitions that operations registered, by service.

    The operation does not wait for a missing permission, nor after its deadline: then it returns
    none, and the task definitions remain.
    """
    services = [part.service for part in operation.progress]
    families = [family(operation.application, name) for name in services]
    try:
        found = cloud.gather([partial(cloud.containers.registered, name) for name in families])
    except AwsError as error:
        if isinstance(error, AccessDeniedError) or operation.overdue(cloud.clock.now()):
            return {}
        raise
    return dict(zip(services, found, strict=True))
