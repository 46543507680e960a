"""Reads of one operation, and the health of the installation."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from devops_core.errors import NotFoundError, brief
from devops_core.naming import APPLICATION_NAME, OPERATION_ID

if TYPE_CHECKING:
    from devops_core.model.operation import Operation
    from devops_core.ports import Cloud


def recorded_operation(cloud: Cloud, application: str, operation_id: str) -> Operation:
    """Return an operation as recorded; NotFoundError if it does not exist."""
    # DynamoDB refuses a key that is too long, so an impossible name or id is not looked up.
    possible = APPLICATION_NAME.fullmatch(application) and OPERATION_ID.fullmatch(operation_id)
    operation = cloud.tables.operation(application, operation_id) if possible else None
    if operation is None:
        existing = cloud.tables.reserved(application) if possible else None
        other = f": did you mean {existing}?" if existing and existing != application else ""
        raise NotFoundError(
            f"application {brief(application)} has no operation {brief(operation_id)}{other}"
        )
    return operation


def health_problems(cloud: Cloud) -> dict[str, str]:
    """Return the problems of the installation by table name, `bucket` or `template`."""
    settings = cloud.settings
    found = cloud.gather(
        [
            cloud.tables.check,
            partial(cloud.templates.check, settings.template_bucket, settings.template),
        ]
    )
    return {name: problem for problems in found for name, problem in problems.items()}
