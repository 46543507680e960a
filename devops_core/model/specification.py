"""The specification of an application: the configuration that its owners want."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from devops_core.model.template import Template
from devops_core.naming import DEPLOYABLE, Environment, Image, environment_name

# ECS's circuit breaker ends nearly every failed rollout before this limit.
DEFAULT_ROLLOUT_MINUTES = 30
# The keys of revisions have eight digits (`adapters.dynamodb.items.revision_key`).
MAX_REVISION = 99_999_999
# The settings that a task definition or a service has; their names are those of the document.
_RUNNING = (
    "cpu", "memory", "environment", "secrets", "command", "startSeconds", "stopSeconds", "taskRole",
    "unset", "registryCredentials", "dependsOn", "logs", "sidecars", "ephemeralStorageGiB",
    "ulimits",
)  # fmt: skip
# The settings that replace each other. They are not in `_RUNNING`, because the task count of a
# service changes without a rollout.
_SIZES = {"desiredCount", "scaling"}
# The settings that a rollout removes from a task definition if the specification lacks them. The
# others keep their values.
_REMOVABLE = (
    "command", "stopSeconds", "taskRole", "registryCredentials", "dependsOn", "logs",
    "ephemeralStorageGiB", "ulimits",
)  # fmt: skip


class EnvironmentSettings(NamedTuple):
    """The effective specification of an environment: the settings of its tasks.

    `cpu` is in CPU units, `memory` in MiB. None means that the specification does not name the
    setting, so that the running value remains. `start_seconds` is the time after a task's start in
    which ECS ignores failed health checks, `stop_seconds` the time between the signals SIGTERM and
    SIGKILL. `task_role` is the ARN of the role that the containers have. `unset` has the names of
    variables to remove. `rollout_minutes` is the time limit of a rollout. `warmup` lists the paths
    that a swap fetches from the idle slot before the switch. `registry_credentials` is the ARN of
    the secret for a private registry. `depends_on` has the conditions by sidecar that the
    application's container waits for. `logs` and `sidecars` are as in the document, but the images
    of sidecars have their digests. `ephemeral_storage` is in GiB. `ulimits` has the soft and the
    hard limit of each resource. `scaling` has the limits of the task count and the values to keep,
    by their names in the document; then `desired_count` is None. `hash` identifies the settings of
    the running tasks.
    """

    hash: str
    cpu: int | None = None
    memory: int | None = None
    desired_count: int | None = None
    scaling: Mapping[str, int] | None = None
    environment: Mapping[str, str] = {}
    secrets: Mapping[str, str] = {}
    command: tuple[str, ...] | None = None
    start_seconds: int | None = None
    stop_seconds: int | None = None
    task_role: str | None = None
    unset: tuple[str, ...] = ()
    rollout_minutes: int = DEFAULT_ROLLOUT_MINUTES
    warmup: tuple[str, ...] = ()
    registry_credentials: str | None = None
    depends_on: Mapping[str, str] = {}
    logs: Mapping[str, Any] | None = None
    sidecars: tuple[Mapping[str, Any], ...] = ()
    ephemeral_storage: int | None = None
    ulimits: Mapping[str, Mapping[str, int]] = {}

    @property
    def owned(self) -> tuple[str, ...]:
        """The settings that the next rollout removes if the specification then lacks them."""
        single = {
            "command": self.command,
            "stopSeconds": self.stop_seconds,
            "taskRole": self.task_role,
            "registryCredentials": self.registry_credentials,
            "dependsOn": self.depends_on or None,
            "logs": self.logs,
            "ephemeralStorageGiB": self.ephemeral_storage,
            "ulimits": self.ulimits or None,
        }
        return (
            *(f"environment.{name}" for name in sorted(self.environment)),
            *(f"secrets.{name}" for name in sorted(self.secrets)),
            *(f"sidecars.{sidecar['name']}" for sidecar in self.sidecars),
            *(name for name in _REMOVABLE if single[name] is not None),
        )


class Specification(NamedTuple):
    """A revision of a specification. `document` is valid JSON with the names of the contract.

    `digests` has the digests of the images of sidecars in this account's ECR, by their references
    in the document. They were read when the revision was accepted, so a tag that moves later does
    not change the containers. `authors` has the callers that changed the settings of production
    since the live release, with the last revision of each.
    """

    revision: int
    document: Mapping[str, Any]
    digests: Mapping[str, str] = {}
    authors: Mapping[str, int] = {}

    def authors_since(self, revision: int | None) -> dict[str, int]:
        """Return the authors of later revisions; None is before the first one."""
        return {each: number for each, number in self.authors.items() if number > (revision or 0)}

    @property
    def email(self) -> str:
        """The e-mail address of the owners."""
        return str(self.document["email"])

    @property
    def description(self) -> str:
        """The description of the application."""
        return str(self.document.get("description", ""))

    @property
    def environments(self) -> tuple[Environment, ...]:
        """The environments except production, in order."""
        return named_environments(self.document.get("environments", {}))

    @property
    def production(self) -> Mapping[str, Any]:
        """The policy of swaps: the named members of `SwapPolicy.of`."""
        policy: Mapping[str, Any] = self.document.get("production", {})
        return policy

    def settings(self, environment: Environment) -> EnvironmentSettings:
        """Return the effective specification of an environment."""
        merged = self.merged(environment_name(environment))
        return EnvironmentSettings(
            hash=settings_hash(merged),
            cpu=merged.get("cpu"),
            memory=merged.get("memory"),
            desired_count=merged.get("desiredCount"),
            scaling=merged.get("scaling"),
            environment=merged["environment"],
            secrets=merged["secrets"],
            command=_tuple(merged.get("command")),
            start_seconds=merged.get("startSeconds"),
            stop_seconds=merged.get("stopSeconds"),
            task_role=merged.get("taskRole"),
            unset=tuple(merged["unset"]),
            rollout_minutes=merged.get("rolloutMinutes", DEFAULT_ROLLOUT_MINUTES),
            warmup=tuple(merged.get("warmup", ())),
            registry_credentials=merged.get("registryCredentials"),
            depends_on=merged.get("dependsOn", {}),
            logs=merged.get("logs"),
            sidecars=tuple(merged.get("sidecars", ())),
            ephemeral_storage=merged.get("ephemeralStorageGiB"),
            ulimits=merged.get("ulimits", {}),
        )

    def merged(self, environment: str) -> dict[str, Any]:
        """Return `merged_settings`, with the digests of the images of sidecars."""
        merged = merged_settings(self.document, environment)
        if "sidecars" in merged:
            merged["sidecars"] = [
                {**each, "image": self._pinned(each["image"])} for each in merged["sidecars"]
            ]
        return merged

    def named(self, environment: str) -> dict[str, Any]:
        """Return the settings of an environment that the document names, by their names."""
        merged = self.merged(environment)
        return {name: value for name, value in sorted(merged.items()) if value not in ({}, [])}

    def _pinned(self, reference: str) -> str:
        image = Image.parse(reference)
        return image._replace(digest=self.digests.get(reference, image.digest)).pinned


class Revision(NamedTuple):
    """A stored revision: the document, and the id, caller and time of the operation."""

    specification: Specification
    operation: str
    caller: str
    time: datetime


class FixedSettings(NamedTuple):
    """The settings of a create that no update changes."""

    container_port: int = 80
    health_check_path: str = "/health"
    architecture: str = "X86_64"


class StackRecord(NamedTuple):
    """The state of an application's stack that a change of the specification needs.

    `template` is the version of its template. `granted` has the ARNs of the secrets that the stack
    allows each environment to read, by its name in the document.
    """

    template: Template
    granted: Mapping[str, tuple[str, ...]] = {}


class ApplicationRecord(NamedTuple):
    """The specification of an application, and the state of its stack.

    `specification` is the present revision, or the one that an operation names. `current` is the
    number of the present revision. `latest` is the number of the latest revision, None if it was
    not recorded: a revision whose stack change failed never becomes the present one, and its number
    is not used again. `claim` is the id of the operation that changes the specification or the
    stack. `stack` is None until the stack exists.
    """

    specification: Specification
    current: int
    fixed: FixedSettings = FixedSettings()
    claim: str | None = None
    stack: StackRecord | None = None
    latest: int | None = None

    @property
    def next_revision(self) -> int:
        """The number of the next revision."""
        return max(self.current, self.latest or 0) + 1


class RecordClaim(NamedTuple):
    """The part of a claim that concerns the record of an application.

    `seen` is the record as it was read, whose revision must still be the present one; None means
    that no record exists. With `taken` the operation holds the record, which must be free. `new` is
    the record to write, None for no change, and `revision` the new revision to store. A revision
    without a new record becomes the present one at the end of the operation.
    """

    seen: ApplicationRecord | None
    taken: bool = False
    new: ApplicationRecord | None = None
    revision: Revision | None = None


def merged_settings(document: Mapping[str, Any], environment: str) -> dict[str, Any]:
    """Return the settings of an environment, by their names in the document.

    An override takes precedence; its variables and secrets are added to those of `service`. The
    later of a variable and a secret of the same name counts. `unset` removes variables and secrets.
    A task count replaces scaling, and scaling a task count.
    """
    service: Mapping[str, Any] = document.get("service", {})
    override: Mapping[str, Any] = document.get("overrides", {}).get(environment, {})
    if override.keys() & _SIZES:
        service = {name: value for name, value in service.items() if name not in _SIZES}
    unset = sorted(override.get("unset", ()))
    own = {*override.get("environment", {}), *override.get("secrets", {}), *unset}
    maps = {
        member: {name: value for name, value in service.get(member, {}).items() if name not in own}
        | override.get(member, {})
        for member in ("environment", "secrets")
    }
    return {**service, **override, **maps, "unset": unset}


def sidecar_images(document: Mapping[str, Any]) -> list[str]:
    """Return the references of the images of all sidecars in a document, each once."""
    return list(dict.fromkeys(each["image"] for each in _sidecars(document).values()))


def sidecar_fields(document: Mapping[str, Any], member: str) -> dict[str, str]:
    """Return the names or the images of all sidecars in a document by the fields' paths."""
    return {f"{path}.{member}": each[member] for path, each in _sidecars(document).items()}


def _sidecars(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return all sidecars in a document by their paths."""
    parts = {"service": document.get("service", {})}
    parts |= {f"overrides.{name}": each for name, each in document.get("overrides", {}).items()}
    return {
        f"{path}.sidecars.{number}": each
        for path, part in parts.items()
        for number, each in enumerate(part.get("sidecars", ()))
    }


def secret_fields(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the references to secrets in the settings of a document, by the fields' paths.

    Faulty values are None, and have no references.
    """
    logs = settings.get("logs") or {}
    parts = {"": settings, "logs.": logs}
    parts |= {
        f"sidecars.{n}.": each for n, each in enumerate(settings.get("sidecars") or ()) if each
    }
    found: dict[str, str] = {}
    for prefix, part in parts.items():
        own = {f"secrets.{name}": value for name, value in (part.get("secrets") or {}).items()}
        named = {**own, "registryCredentials": part.get("registryCredentials")}
        found |= {f"{prefix}{field}": value for field, value in named.items() if value}
    return found


def settings_hash(merged: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the settings that a task definition or a service has."""
    named = {name: merged[name] for name in _RUNNING if merged.get(name) not in (None, {}, [])}
    canonical = json.dumps(named, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def named_environments(document: Mapping[str, Any]) -> tuple[Environment, ...]:
    """Return the environments that the member `environments` of a document names, in order."""
    names = {Environment(name.upper()) for name in document.get("nonProd") or ["dev"]}
    names |= {Environment.TRAINING} if document.get("training") else set()
    names |= {Environment.DA} if document.get("da") else set()
    return tuple(environment for environment in DEPLOYABLE if environment in names)


def secret_arns(values: Iterable[str]) -> list[str]:
    """Return the sorted ARNs of the secrets themselves, each once.

    ECS allows `:json-key:stage:version` after the ARN of a Secrets Manager secret, IAM does not.
    """
    return sorted({secret_arn(value) for value in values})


def secret_arn(value_from: str) -> str:
    """Return the ARN of a secret, without a key, a stage and a version."""
    parts = value_from.split(":")
    return ":".join(parts[:7]) if parts[2] == "secretsmanager" else value_from


def _tuple(values: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
