"""Create: the body of `POST /stacks`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from devops_core.model.specification import FixedSettings, Specification
from devops_core.requests import fields, schema, specification, specification_rules


class CreateRequest(NamedTuple):
    """A new application, with the first revision of its specification."""

    application: str
    tags: Mapping[str, str]
    specification: Specification
    fixed: FixedSettings


def _create(application: str, tags: Mapping[str, str], **members: Any) -> CreateRequest:
    document, fixed = specification.document_of(members)
    return CreateRequest(application, tags, Specification(1, document), fixed)


CREATE = schema.Object(
    _create,
    {
        "applicationName": schema.Member(
            fields.APPLICATION,
            f"{fields.APPLICATION.description} The stack and the cluster get this name. Two names "
            "must differ in more than upper and lower case, because the names of ECR repositories "
            "are lower case.",
            attribute="application",
            required=True,
        ),
        "tags": schema.Member(specification.TAGS, required=True),
        **specification.MEMBERS,
    },
    check=specification_rules.document_faults,
    sparse=True,
    name="CreateRequest",
    description="The application, its tags and the first revision of its specification. A "
    f"specification has at most {specification_rules.MAX_DOCUMENT_BYTES} bytes, and the variables, "
    "secrets and command of an environment have at most "
    f"{specification_rules.MAX_SETTINGS_BYTES} bytes in its task definition.",
)
