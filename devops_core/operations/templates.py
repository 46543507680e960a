"""The application template: what is on record of it is what is sent."""

from __future__ import annotations

import hashlib
from typing import Any

from devops_core import render
from devops_core.errors import RefusedError
from devops_core.model import Application, Operation, Template
from devops_core.ports import Cloud
from devops_core.settings import TemplateLocation


def newest(cloud: Cloud) -> tuple[Template, bytes]:
    """Return the application template as it is now: what to put on record, and its bytes."""
    location = cloud.settings.template
    content, version = cloud.templates.read(location, None)
    return Template(url=location.url, version=version, sha256=_sha256(content)), content


def on_record(cloud: Cloud, template: Template) -> bytes:
    """Return the bytes of a template that is on record; RefusedError when they are others now.

    A version in S3 never changes; without versioning the object does.
    """
    content, _ = cloud.templates.read(TemplateLocation.parse(template.url), template.version)
    if _sha256(content) != template.sha256:
        raise RefusedError("the application template has changed since the operation began")
    return content


def rendered(
    cloud: Cloud, operation: Operation, application: Application, content: bytes
) -> dict[str, Any]:
    """Return what CreateStack gets; RefusedError when no stack can be made of the template."""
    try:
        return render.stack(operation, application, cloud.settings, content)
    except ValueError as error:
        raise RefusedError(f"the application template cannot be used: {error}") from error


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
