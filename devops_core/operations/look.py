"""What can be asked: an operation, and the health of the installation."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from devops_core.errors import NotFoundError
from devops_core.naming import APPLICATION_NAME, OPERATION_ID

if TYPE_CHECKING:
    from devops_core.model import Operation
    from devops_core.ports import Cloud


def operation(cloud: Cloud, application: str, operation_id: str) -> Operation:
    """Return an operation, moved on as far as it goes now; NotFoundError when there is none."""
    found = recorded(cloud, application, operation_id)
    if found.ended:
        return found
    # What is over needs none of the decisions, which are half of all there is to load.
    from devops_core.operations.reconcile import moved_on

    return moved_on(cloud, found) or _missing()


def recorded(cloud: Cloud, application: str, operation_id: str) -> Operation:
    """Return an operation as it is on record; NotFoundError when there is none."""
    # What cannot be a key is not asked for: DynamoDB refuses one that is too long.
    possible = APPLICATION_NAME.fullmatch(application) and OPERATION_ID.fullmatch(operation_id)
    found = cloud.tables.operation(application, operation_id) if possible else None
    return found or _missing()


def _missing() -> Operation:
    raise NotFoundError("there is no such operation of that application")


def problems(cloud: Cloud) -> dict[str, str]:
    """Return what keeps the service from working, by table name, `bucket` or `template`."""
    tables, templates, settings = cloud.tables, cloud.templates, cloud.settings
    found = cloud.together(
        [tables.check, partial(templates.check, settings.template_bucket, settings.template)]
    )
    return {name: problem for answer in found for name, problem in answer.items()}
