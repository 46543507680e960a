"""The application template. An operation records its version and sends exactly these bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from devops_core.errors import RefusedError
from devops_core.model.template import Template
from devops_core.settings import TemplateLocation

if TYPE_CHECKING:
    from devops_core.model.inventory import Application
    from devops_core.model.operation import Operation
    from devops_core.ports import Cloud


def newest(cloud: Cloud) -> tuple[Template, bytes]:
    """Return the newest application template, as a record and as bytes."""
    location = cloud.settings.template
    content, version = cloud.templates.read(location, None)
    return Template(url=location.url, version=version, sha256=_sha256(content)), content


def recorded(cloud: Cloud, template: Template) -> bytes:
    """Return the bytes of a recorded template; RefusedError if they have changed.

    An S3 version never changes. In a bucket without versioning the object can change.
    """
    content, _ = cloud.templates.read(TemplateLocation.parse(template.url), template.version)
    if _sha256(content) != template.sha256:
        raise RefusedError("the application template has changed since the operation began")
    return content


def stack_request(
    cloud: Cloud, operation: Operation, application: Application, content: bytes
) -> dict[str, Any]:
    """Return the input of CreateStack; RefusedError if the template cannot be used."""
    # Only a create needs them.
    from devops_core import render, template_contract

    settings = cloud.settings
    try:
        request = render.stack(operation, application, settings, content)
    except ValueError as error:
        raise RefusedError(f"the application template cannot be used: {error}") from error
    partition = settings.stack_role.split(":")[1]
    account = template_contract.Account(partition, settings.region, settings.account)
    services = [part.service for part in operation.progress]
    body = request["TemplateBody"]
    faults = (
        *template_contract.template_faults(body, application.name, services, account),
        *template_contract.policy_faults(body),
    )
    if faults:
        raise RefusedError(f"the application template cannot be used: {'; '.join(faults)}")
    return request


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
