"""Upgrade: the body of `POST /stacks/{applicationName}/upgrade`, which has no members."""

from __future__ import annotations

from typing import Any, NamedTuple

from devops_core.requests import fields, schema


class UpgradeRequest(NamedTuple):
    """The application whose stack moves to the newest template."""

    application: str


def upgrade_request(application: str, content: Any) -> UpgradeRequest:
    """Return the request of a path and a body; InvalidRequestError for an invalid one."""
    UPGRADE.parse(content)
    return _PATH.parse({"applicationName": application})


UPGRADE = schema.Object(dict[str, Any], {}, description="An empty object.")
_PATH = schema.Object(UpgradeRequest, {"applicationName": fields.EXISTING})
