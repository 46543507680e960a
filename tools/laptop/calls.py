"""A call of the AWS API, and a permission that it requires; no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """A call of the AWS API; `action` has the form "ecs:UpdateService".

    `parameters` have the names of the API; those of a query API are flat ("Tags.member.1.Key").
    """

    action: str
    parameters: Mapping[str, Any]
    region: str
    account: str
    # The roles of a registered task definition, by its ARN.
    task_roles: Callable[[str], Iterable[str]] = lambda _definition: ()
    # The template at a URL.
    template_at: Callable[[str], str] = lambda _url: ""
    # The ARN of a registered scalable target, by its resource id; "" if it does not exist.
    target_arn: Callable[[str], str] = lambda _resource: ""

    def arn(self, resource: str) -> str:
        """Return the ARN of a resource of the called service."""
        service = self.action.partition(":")[0]
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True)
class Permission:
    """A required permission: `action` on `resource`, with the condition keys of the request."""

    action: str
    resource: str = "*"
    keys: Mapping[str, Any] = field(default_factory=dict)


def tag_keys(tags: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the condition keys of a request with tags."""
    named = dict(tags)
    if not named:
        return {}
    return {"aws:TagKeys": list(named)} | {f"aws:RequestTag/{k}": v for k, v in named.items()}
