"""Requests of callers as values, which can be repeated and compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from devops_core.model.inventory import Service
from devops_core.model.operation import Operation
from devops_core.naming import DEPLOYABLE, PRODUCTION, Environment
from tests.lab.client import Client, Reply

# The environments of a create by default.
_DEFAULT = ("dev",)


@dataclass(frozen=True, slots=True)
class CallerRequest:
    """One request; `members` has the members of its body except the application's name.

    An update has the member `patch` or the member `document`, and it can expect a `revision`. The
    member `remove` has the environments that a patch removes.
    """

    kind: str
    application: str
    members: tuple[tuple[str, Any], ...] = ()
    environments: tuple[str, ...] = ()
    key: str | None = None
    wait: bool = False
    revision: int | None = None

    def send(self, api: Client) -> Reply:
        """Send the request."""
        headers = {} if self.key is None else {"Idempotency-Key": self.key}
        if self.wait:
            headers["Prefer"] = "wait=25"
        members = dict(self.members)
        if self.kind == "create":
            chosen = {"nonProd": list(self.environments)}
            return api.create(self.application, headers, environments=chosen, **members)
        if self.kind == "update":
            return self._send_update(api, headers)
        if self.kind == "deploy":
            body = {"applicationName": self.application, "environment": list(self.environments)}
            return api.send("POST", "/stacks/deploy", body | members, headers=headers)
        if self.kind == "deploy-blue":
            return api.promote(headers, self.application, **members)
        if self.kind == "swap":
            return api.swap(headers, self.application, **members)
        if self.kind == "upgrade":
            return api.upgrade(self.application, headers)
        return api.delete(self.application, headers)

    def _send_update(self, api: Client, headers: Mapping[str, str]) -> Reply:
        members = dict(self.members)
        if "document" in members:
            return api.replace(
                members["document"], self.revision, self.application, headers=headers
            )
        expected = {} if self.revision is None else {"If-Match": f'"{self.revision}"'}
        named = {"remove": members["remove"]} if members.get("remove") else {}
        return api.patch(members["patch"], self.application, {**headers, **expected}, **named)

    @property
    def claims(self) -> frozenset[Environment]:
        """The environments whose rows its operation claims, if they exist.

        Those of an update depend on the present settings; an upgrade claims none.
        """
        if self.kind in ("update", "upgrade"):
            return frozenset()
        if self.kind in ("deploy-blue", "swap"):
            return frozenset(PRODUCTION)
        if self.kind == "delete":
            return frozenset(Environment)
        named = self.environments or _DEFAULT
        chosen = frozenset(name for name in DEPLOYABLE if name.value.lower() in named)
        return chosen | frozenset(PRODUCTION) if self.kind == "create" else chosen

    @property
    def body(self) -> tuple[Any, ...]:
        """The parts that must be equal in a repetition with the same Idempotency-Key."""
        return self.kind, self.application, self.members, self.environments, self.revision

    def can_start(self, operation: Operation) -> bool:
        """Return whether an operation can be the result of this request."""
        version = dict(self.members).get("version")
        return (
            (self.kind, self.application) == (operation.kind, operation.application)
            and (self.kind != "deploy" or version == operation.version)
            and (
                self.kind in ("delete", "update", "upgrade")
                or self.claims == _environments(operation, self.kind)
            )
        )

    def names(self, release: Service | None) -> bool:
        """Return whether a swap names a release by its version or its revision."""
        named = dict(self.members)
        version, spec = named.get("version"), named.get("spec")
        if release is None or (version is None and spec is None):
            return False
        return version in (None, release.version) and spec in (None, release.spec)

    def without_key(self) -> CallerRequest:
        """Return this request without its Idempotency-Key."""
        return replace(self, key=None)


def _environments(operation: Operation, kind: str) -> frozenset[Environment]:
    if kind == "deploy-blue":
        return frozenset(PRODUCTION)
    return frozenset(part.environment for part in operation.progress)


def members(**given: Any) -> tuple[tuple[str, Any], ...]:
    """Return the members of a body that have a value."""
    known: Mapping[str, Any] = {name: value for name, value in given.items() if value is not None}
    return tuple(known.items())
