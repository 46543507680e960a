"""The specification of an application: the declaration of its document.

The values of the declarations are JSON: the document is stored as its callers wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from devops_core.model.specification import FixedSettings
from devops_core.naming import NON_PRODUCTION
from devops_core.requests import fields, schema, swap_policy
from devops_core.requests.task_settings import FIXED, OVERRIDES, SERVICE

# A local part of atoms (RFC 5321, "Dot-string") and a host of two or more labels (RFC 1123).
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z0-9][A-Za-z0-9-]{{0,61}}[A-Za-z0-9]"
# 50 tags a resource (AWS General Reference, "Tag naming limits and requirements"), less those
# that CloudFormation, ECS and this service add.
MAX_TAGS = 40


def _text(longest: int) -> schema.Text:
    """Return the type of text without control characters."""
    message = f"must be text of at most {longest} characters without control characters"
    return schema.Text(f"[^{fields.CONTROLS}]*", message, longest)


def _tag_faults(data: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[schema.Fault]:
    """Yield the faults of tags that `required_tags` of the installation asks for, and of case.

    Tags are put on roles, and IAM refuses keys that differ only in case (IAM User Guide, "Tags
    for AWS Identity and Access Management resources").
    """
    for name in context.get("required_tags", ()):
        if name not in data:
            yield name, "is required"
    first: dict[str, str] = {}
    for name in data:
        same = first.setdefault(name.lower(), name)
        if same != name:
            yield name, f"must differ from {same} in more than upper and lower case"


# A stack takes no empty value (CloudFormation API, Tag).
TAGS: schema.Object[dict[str, str]] = schema.Object(
    dict,
    {"technicalTeam": schema.Member(fields.TEAM, required=True)},
    others=(fields.KEY_OF_TAG, fields.VALUE_OF_TAG),
    most=MAX_TAGS,
    check=_tag_faults,
    name="Tags",
    description=f"Tags of the stack and of all its resources; at most {MAX_TAGS}. Keys of 1 to "
    "128 and values of 1 to 256 letters, digits, spaces or `_.:/=+@-`, without spaces at the ends, "
    "each letter as one character (Unicode NFC). Keys must not begin with `aws:` or `devops:`, "
    "and must differ in more than upper and lower case. The installation can "
    "require [further tags](install.md#parameters).",
)
_ENVIRONMENTS = schema.Object(
    fields.named,
    {
        "nonProd": schema.Member(
            fields.several(
                schema.Choice({name.lower(): name.lower() for name in NON_PRODUCTION},
                              "NonProductionEnvironment")
            ),
            "Without duplicates. An empty list means `dev`.",
        ),
        "training": schema.Member(schema.Boolean(), "Whether `training` exists."),
        "da": schema.Member(schema.Boolean(), "Whether `da` exists."),
    },
    sparse=True,
    name="Environments",
    description="The environments, in addition to production. The default is `dev`.",
)  # fmt: skip
# The members of a specification.
MEMBERS = {
    "description": schema.Member(_text(256), "At most 256 characters, without control characters."),
    "email": schema.Member(
        # 254: the longest path of RFC 5321 (4.5.3.1.3) without its brackets.
        schema.Text(_EMAIL, "must be an e-mail address", 254),
        "The e-mail address of the owners, at most 254 characters.",
        required=True,
    ),
    "environments": schema.Member(_ENVIRONMENTS),
    "service": schema.Member(SERVICE),
    "overrides": schema.Member(OVERRIDES),
    "production": schema.Member(swap_policy.PRODUCTION),
}


def document_of(data: Mapping[str, Any]) -> tuple[dict[str, Any], FixedSettings]:
    """Return the document of valid members, and the settings that no update changes."""
    document = {name: data[name] for name in MEMBERS if data.get(name) is not None}
    service = document.pop("service", {})
    # Without other settings, the member is missing, as in a document that names no fixed one. So a
    # document that was read and written back is unchanged.
    if rest := {name: value for name, value in service.items() if name not in FIXED}:
        document["service"] = rest
    port, path, architecture = (service.get(name) for name in FIXED)
    usual = FixedSettings()
    fixed = FixedSettings(
        port or usual.container_port,
        path or usual.health_check_path,
        architecture or usual.architecture,
    )
    return document, fixed
