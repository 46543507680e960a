"""The configuration of the installation, checked once when a function starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from devops_core.access import AccessPolicy
from devops_core.naming import EcrRegistry
from devops_core.registries import AllowedRegistries

# An S3 host: virtual-hosted (bucket in the name) or path style (Amazon S3 User Guide, "Virtual
# hosting of general purpose buckets").
_S3_SUFFIXES = (".amazonaws.com", ".amazonaws.com.cn")


class TemplateLocation(NamedTuple):
    """The S3 object with the application template."""

    url: str
    bucket: str
    key: str

    @classmethod
    def parse(cls, url: str) -> TemplateLocation:
        """Parse an S3 URL, s3://bucket/key or an https form; ValueError if it is invalid.

        A query is invalid, because the service would ignore the object version in it.
        """
        parts = urlsplit(url)
        host, path = parts.hostname or "", unquote(parts.path.lstrip("/"))
        if parts.query or parts.fragment:
            raise ValueError(f"{url!r} must not have a query or a fragment")
        if parts.scheme == "s3" and host and path:
            return cls(url=url, bucket=host, key=path)
        name, dot_s3, region = host.rpartition(".s3")
        if parts.scheme != "https" or not host.endswith(_S3_SUFFIXES):
            raise ValueError(f"{url!r} is not the URL of an S3 object")
        if dot_s3 and region.startswith((".", "-")) and path:
            return cls(url=url, bucket=name, key=path)
        bucket, _, key = path.partition("/")
        if host.startswith(("s3.", "s3-")) and bucket and key:
            return cls(url=url, bucket=bucket, key=key)
        raise ValueError(f"{url!r} is not the URL of an S3 object")


class TableNames(NamedTuple):
    """The four DynamoDB tables."""

    non_production: str
    production: str
    training_da: str
    log: str


class Settings(NamedTuple):
    """The parameters of the installation, from a function's environment; see parameters.yml."""

    account: str
    region: str
    api_stage: str
    public_url: str
    tables: TableNames
    template: TemplateLocation
    template_bucket: str
    initial_image: str
    vpc: str
    subnets: str
    load_balancer_subnets: str
    security_group: str
    load_balancer_security_group: str
    stack_role: str
    permissions_boundary: str
    required_tags: tuple[str, ...]
    log_retention_days: str
    production_scheme: str
    certificate: str
    access: AccessPolicy
    registries: AllowedRegistries
    authentication: str
    max_vcpus: int | None
    # The ARNs of the customer managed keys of secrets.
    secret_keys: tuple[str, ...] = ()
    # Whether rollouts turn on ECS Exec.
    ecs_exec: bool = False
    # Whether the roles of a template can have names.
    named_roles: bool = False
    # Whether this function can change stacks: only those that update and reconcile can.
    changes_stacks: bool = True
    # Whether failures contain the last lines of the logs of containers.
    container_logs: bool = True
    # Calls that can wait at the same time; None without a limit.
    waiting_limit: int | None = None

    @property
    def partition(self) -> str:
        """The partition of the installation's ARNs, such as `aws` or `aws-cn`."""
        return self.stack_role.split(":")[1]

    @property
    def limits(self) -> dict[str, Any]:
        """The limits of the installation for specifications (`requests.specification_rules`)."""
        return {
            "account": self.account,
            "partition": self.partition,
            "max_vcpus": self.max_vcpus,
            "registries": self.registries,
        }

    def repository_arn(self, name: str) -> str:
        """Return the ARN of a repository in the ECR of the installation."""
        return f"arn:{self.partition}:ecr:{self.region}:{self.account}:repository/{name}"

    @property
    def image_repositories(self) -> list[str]:
        """The ARN patterns of the ECR repositories that the execution roles can read."""
        return [
            f"arn:{self.partition}:ecr:{each.region}:{each.account}:repository/*"
            for each in self.registries.ecr
        ]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Return the settings; KeyError or ValueError names a missing or invalid variable."""
        own = EcrRegistry(environment["ACCOUNT_ID"], environment["AWS_REGION"])
        return cls(
            account=own.account,
            region=own.region,
            api_stage=environment["API_STAGE"],
            public_url=environment.get("PUBLIC_URL", "").rstrip("/"),
            tables=TableNames(
                non_production=environment["NONPRODUCTION_TABLE"],
                production=environment["PRODUCTION_TABLE"],
                training_da=environment["TRAININGDA_TABLE"],
                log=environment["LOG_TABLE"],
            ),
            template=TemplateLocation.parse(environment["TEMPLATE_URL"]),
            template_bucket=environment["TEMPLATE_BUCKET"],
            initial_image=environment["INITIAL_IMAGE"],
            vpc=environment["VPC_ID"],
            subnets=environment["SUBNETS"],
            load_balancer_subnets=environment["LOAD_BALANCER_SUBNETS"],
            security_group=environment["SECURITY_GROUP"],
            load_balancer_security_group=environment["LOAD_BALANCER_SECURITY_GROUP"],
            stack_role=environment["STACK_ROLE_ARN"],
            permissions_boundary=environment["PERMISSIONS_BOUNDARY_ARN"],
            required_tags=_listed(environment.get("REQUIRED_TAGS", "")),
            log_retention_days=environment.get("LOG_RETENTION_DAYS", "30"),
            production_scheme=environment.get("PRODUCTION_SCHEME", "internal"),
            certificate=environment.get("CERTIFICATE_ARN", ""),
            access=AccessPolicy.parse(environment.get("ACCESS_POLICY", "")),
            registries=AllowedRegistries(own, _listed(environment["ALLOWED_REGISTRIES"])),
            authentication=environment["AUTH"],
            max_vcpus=int(environment.get("MAX_VCPUS") or 0) or None,
            secret_keys=_listed(environment.get("SECRET_KEYS", "")),
            ecs_exec=environment.get("ECS_EXEC") == "true",
            named_roles=environment.get("NAMED_ROLES") == "true",
            changes_stacks=environment.get("CHANGES_STACKS") == "true",
            container_logs=environment.get("CONTAINER_LOGS") != "false",
            waiting_limit=int(waiting) if (waiting := environment.get("WAITING_LIMIT")) else None,
        )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
