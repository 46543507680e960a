"""The application template. An operation records its version and sends exactly these bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from devops_core.errors import RefusedError
from devops_core.model.stack_change import StackChange
from devops_core.model.template import Template
from devops_core.settings import TemplateLocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devops_core.model.inventory import Application, Inventory
    from devops_core.model.observed import Stack
    from devops_core.model.operation import Operation
    from devops_core.model.specification import ApplicationRecord
    from devops_core.ports import Cloud
    from devops_core.settings import Settings


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
    cloud: Cloud,
    operation: Operation,
    application: Application,
    record: ApplicationRecord,
    template: Template,
    content: bytes,
) -> dict[str, Any]:
    """Return the input of CreateStack; RefusedError if the template cannot be used.

    `content` has the bytes of `template`.
    """
    # Only a create needs it.
    from devops_core import render

    settings = cloud.settings
    try:
        url = _version_url(template, settings)
        request = render.stack(operation, application, record, settings, content, url)
    except ValueError as error:
        raise RefusedError(f"the application template cannot be used: {error}") from error
    services = [part.service for part in operation.progress]
    _require_contract(content, application.name, services, settings)
    return request


def _require_contract(
    content: bytes, application: str, services: Sequence[str], settings: Settings
) -> None:
    """Raise RefusedError for a template that violates the contract of application templates."""
    from devops_core import template_contract

    account = template_contract.Account(settings.partition, settings.region, settings.account)
    body = content.decode("utf-8")
    faults = (
        *template_contract.template_faults(body, application, services, account),
        *template_contract.policy_faults(body, named_roles=settings.named_roles),
    )
    if faults:
        raise RefusedError(f"the application template cannot be used: {'; '.join(faults)}")


def upgrade(cloud: Cloud, inventory: Inventory, stack: Stack) -> StackChange | None:
    """Return the change of a stack to the newest template and the settings of the installation.

    None if the stack has both. RefusedError if the template cannot be used for the application.
    """
    from devops_core import render

    application, record, settings = inventory.application, inventory.record, cloud.settings
    if application is None or record is None or record.stack is None:
        return None
    template, content = newest(cloud)
    services = [row.service.name for row in inventory.rows.values() if row.service]
    try:
        source = render.template_source(content, _version_url(template, settings))
    except ValueError as error:
        raise RefusedError(f"the application template cannot be used: {error}") from error
    _require_contract(content, application.name, services, settings)
    declared = cloud.stacks.parameters(source)
    values, kept, missing = render.upgraded_parameters(
        application, record, settings, stack.parameters, declared
    )
    if missing:
        raise RefusedError(
            "the application template cannot be used: the service has no values for its parameters"
            f" {', '.join(missing)}"
        )
    if not values and template.sha256 == record.stack.template.sha256:
        return None
    return StackChange(values, template=template, kept=kept)


def change_set_request(
    cloud: Cloud, operation: Operation, record: ApplicationRecord, stack: Stack
) -> dict[str, Any]:
    """Return the input of CreateChangeSet with the template of an upgrade, or the stack's own.

    RefusedError if the template is too large and its object has no version.
    """
    from devops_core import render

    change = operation.details.stack
    source: Template | None = change.template
    if source is None:
        source = record.stack.template if record.stack else None
        template = cloud.stacks.template(stack.id).encode()
    else:
        template = recorded(cloud, source)
    url = _version_url(source, cloud.settings) if source else None
    try:
        return render.change_set(operation, change, stack, cloud.settings, template, url)
    except ValueError as error:
        raise RefusedError(f"the template of the stack cannot be used: {error}") from error


def _version_url(template: Template, settings: Settings) -> str | None:
    """Return the URL of exactly the recorded template; None in a bucket without versioning.

    Without the version, CloudFormation could read other bytes than the service has checked. The
    form is that of the CloudFormation User Guide ("Selecting a stack template"). A bucket with a
    dot is in the path, because the certificate of S3 is not valid for its host name (Amazon S3 User
    Guide, "Virtual hosting of general purpose buckets").
    """
    if template.version is None:
        return None
    url, bucket, key = TemplateLocation.parse(template.url)
    dotted, host = "." in bucket, urlsplit(url).netloc
    if url.startswith("s3:"):
        domain = "amazonaws.com.cn" if settings.partition == "aws-cn" else "amazonaws.com"
        host = f"{bucket}.s3.{settings.region}.{domain}"
        url = f"https://{host}/{quote(key)}"
    if dotted and host.startswith(f"{bucket}."):
        url = f"https://{host.removeprefix(f'{bucket}.')}/{bucket}/{quote(key)}"
    return f"{url}?versionId={quote(template.version, safe='')}"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
