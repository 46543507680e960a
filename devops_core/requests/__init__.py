"""What callers may send: each body as a frozen value, checked when it is made.

A body with faults raises one `InvalidRequestError` that lists every fault with its field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from voluptuous import All, Length, Optional, Required

from devops_core.errors import InvalidRequestError
from devops_core.model import ServiceSpec
from devops_core.naming import DEPLOYABLE, NON_PRODUCTION, Environment
from devops_core.requests import fields
from devops_core.requests.check import checked

# 50 tags a resource (AWS General Reference, "Tag naming limits and requirements"), less those
# that CloudFormation, ECS and this service add.
MAX_TAGS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """Body of `POST /stacks`."""

    application: str
    email: str
    description: str
    environments: tuple[Environment, ...]
    tags: Mapping[str, str]
    service: ServiceSpec

    @classmethod
    def parse(
        cls, body: Any, required_tags: Iterable[str] = (), account: str | None = None
    ) -> CreateRequest:
        """Check a body; `required_tags` are further tag keys that the installation asks for.

        `account` is the installation's, whose secrets an application can have; None for any.
        """
        further = _between_fields(body, account) if isinstance(body, dict) else []
        data = checked(_CREATE | _tags_schema(required_tags), body, further)
        service = data["service"]
        return cls(
            application=data["applicationName"],
            email=data["email"],
            description=data["description"],
            environments=_chosen(data["environments"]),
            tags=data["tags"],
            service=ServiceSpec(
                container_port=service["containerPort"],
                health_check_path=service["healthCheckPath"],
                cpu=service["cpu"],
                memory=service["memory"],
                desired_count=service["desiredCount"],
                environment=service["environment"],
                secrets=service["secrets"],
                warmup=service["warmup"],
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployRequest:
    """Body of `POST /stacks/deploy`. `repouri` None means the application's own repository."""

    application: str
    environments: tuple[Environment, ...]
    version: str
    repouri: str | None

    @classmethod
    def parse(cls, body: Any) -> DeployRequest:
        """Check a body."""
        further = _image_problems(body) if isinstance(body, dict) else []
        data = checked(_DEPLOY, body, further)
        return cls(
            application=data["applicationName"],
            environments=data["environment"],
            version=data["version"],
            repouri=data.get("repouri"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoteRequest:
    """Body of `POST /stacks/deploytoprodBlue`. `source` None means the highest that runs one."""

    application: str
    source: Environment | None

    @classmethod
    def parse(cls, body: Any) -> PromoteRequest:
        """Check a body."""
        data = checked(_PROMOTE, body)
        return cls(application=data["applicationName"], source=data.get("environment"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapRequest:
    """Body of `POST /stacks/swapProdBlueAndGreen`. `version` is what must become live."""

    application: str
    version: str | None

    @classmethod
    def parse(cls, body: Any) -> SwapRequest:
        """Check a body."""
        data = checked(_SWAP, body)
        return cls(application=data["applicationName"], version=data.get("version"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRequest:
    """Body, query or both of `DELETE /stacks`."""

    application: str

    @classmethod
    def parse(cls, body: Any, named_too: str | None = None) -> DeleteRequest:
        """Check a body `{"stack": name}`; `named_too` is the name in the query beside it."""
        named = checked(_DELETE, body)["stack"]
        if named_too not in (None, named):
            raise InvalidRequestError([("stack", "is another one in the query than in the body")])
        return cls(application=named)


def _chosen(environments: Mapping[str, Any]) -> tuple[Environment, ...]:
    """Return the environments to create, in order; without a choice it is dev."""
    wanted = set(environments["nonProd"] or (Environment.DEV,))
    wanted |= {Environment.TRAINING} if environments["training"] else set()
    wanted |= {Environment.DA} if environments["da"] else set()
    return tuple(environment for environment in DEPLOYABLE if environment in wanted)


def _tags_schema(required: Iterable[str]) -> dict[Any, Any]:
    tags = {Required(key): fields.REQUIRED_TAG for key in ("technicalTeam", *required)}
    too_many = f"must be at most {MAX_TAGS} tags"
    return {Required("tags"): All(tags | fields.TAGS, Length(max=MAX_TAGS, msg=too_many))}


_CREATE: dict[Any, Any] = {
    Required("applicationName"): fields.NAME,
    Optional("description", default=""): fields.text(256),
    Required("email"): fields.email,
    Optional("environments", default=dict): {
        Optional("nonProd", default=list): fields.environments(NON_PRODUCTION),
        Optional("training", default=False): fields.BOOL,
        Optional("da", default=False): fields.BOOL,
    },
    Optional("service", default=dict): {
        Optional("containerPort", default=80): fields.whole_number(1, 65535),
        Optional("healthCheckPath", default="/health"): fields.HEALTH_CHECK_PATH,
        Optional("cpu", default=256): fields.integer,
        Optional("memory", default=512): fields.integer,
        Optional("desiredCount", default=1): fields.whole_number(1, fields.MAX_TASKS),
        Optional("environment", default=dict): fields.VARIABLES,
        Optional("secrets", default=dict): fields.SECRETS,
        Optional("warmup", default=list): fields.warmup,
    },
}
_DEPLOY = {
    Required("applicationName"): fields.NAME,
    Required("environment"): All(
        fields.environments(DEPLOYABLE), Length(min=1, msg="must name at least one environment")
    ),
    Required("version"): fields.VERSION,
    Optional("repouri"): fields.image,
}
_PROMOTE = {Required("applicationName"): fields.NAME, Optional("environment"): fields.environment}
_SWAP = {Required("applicationName"): fields.NAME, Optional("version"): fields.VERSION}
_DELETE = {Required("stack"): fields.NAME}


def _between_fields(body: Mapping[str, Any], account: str | None) -> list[tuple[str, str]]:
    service = fields.service_problems(body.get("service"), account)
    return service + fields.tag_problems(body.get("tags"))


def _image_problems(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    return fields.image_problems(body.get("repouri"), body.get("version"))
