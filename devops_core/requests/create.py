"""Create: the body of `POST /stacks`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from devops_core.errors import CONTROL
from devops_core.model.service_spec import (
    DEFAULT_ROLLOUT_MINUTES,
    ServiceOverride,
    ServiceSpec,
    secret_arns,
)
from devops_core.naming import (
    DEPLOYABLE,
    NON_PRODUCTION,
    PARAMETER_NAME,
    SECRET_NAME,
    SLOTS,
    Environment,
    environment_name,
)
from devops_core.requests import fields, schema

# Memory in MiB for each number of CPU units that Fargate accepts (Amazon ECS Developer Guide,
# "Task definition parameters for Fargate", table "Task CPU and memory").
FARGATE_SIZES: Mapping[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}
# A rolling deployment doubles the tasks for a while, and Fargate starts with a quota of a few
# dozen vCPU per account: more than this is a typing mistake rather than a service.
MAX_TASKS = 100
# 50 tags a resource (AWS General Reference, "Tag naming limits and requirements"), less those
# that CloudFormation, ECS and this service add.
MAX_TAGS = 40
# The ARNs of an environment's secrets are one parameter of the stack, which has at most 4,096 bytes
# (CloudFormation User Guide, "Understand CloudFormation quotas").
MAX_SECRET_BYTES = 4096
# A swap fetches all of them at once while production waits.
MAX_WARMUP = 10
# The application template sets the first three in every container, ECS the others (Amazon ECS
# Developer Guide, "Amazon ECS environment variables"). That guide lets a container have another
# AWS_REGION and AWS_DEFAULT_REGION than its own, so these two are not here.
RESERVED_VARIABLES = frozenset(
    {
        "APPLICATION", "ENVIRONMENT", "PORT",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_EXECUTION_ENV", "ECS_AGENT_URI",
        "ECS_CONTAINER_METADATA_URI", "ECS_CONTAINER_METADATA_URI_V4",
    }
)  # fmt: skip

# The characters of the class, without its brackets.
_CONTROLS = CONTROL.pattern[1:-1]
_SPACES = r"\u0020\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
# A local part of atoms (RFC 5321, "Dot-string") and a host of two or more labels (RFC 1123).
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z0-9][A-Za-z0-9-]{{0,61}}[A-Za-z0-9]"
_PATH = "/[A-Za-z0-9._~/%+-]{0,1023}"
# ELB allows "a-z, A-Z, 0-9, and @:%_+.~#?&/=" and "-" in the path of a health check (message of the
# console, apollographql/router issue 1852; API of Global Accelerator, HealthCheckPath), and at most
# 1,024 characters (ELBv2 API, CreateTargetGroup). A fragment (#) would not be sent.
_HEALTH_CHECK_PATH = r"/[A-Za-z0-9._~/%+@:&=-]*(?:\?[A-Za-z0-9._~/%+@:&=?-]*)?"
_LONGEST_PATH = 1024
# The time limit of a rollout, in minutes.
_ROLLOUT_MINUTES = range(30, 181)
# ECS accepts up to 2,147,483,647 seconds (ECS API, CreateService); two hours are enough for a start
# within the longest rollout.
_START_SECONDS = range(7201)


class CreateRequest(NamedTuple):
    """A new application."""

    application: str
    email: str
    description: str
    environments: tuple[Environment, ...]
    tags: Mapping[str, str]
    service: ServiceSpec
    overrides: Mapping[str, ServiceOverride] = {}


def _text(longest: int) -> schema.Text:
    """Return the type of text without control characters."""
    message = f"must be text of at most {longest} characters without control characters"
    return schema.Text(f"[^{_CONTROLS}]*", message, longest)


# The value of a variable, which can have several lines, for example a PEM key.
_VALUE = schema.Text(
    "[^" + _CONTROLS.replace(r"\x00-\x1f", r"\x00-\x08\x0b\x0c\x0e-\x1f") + "]*",
    "must be text of at most 4096 characters without control characters other than tabs and line"
    " breaks",
    4096,
)


def _environments(
    non_prod: tuple[Environment, ...], training: bool, da: bool
) -> tuple[Environment, ...]:
    """Return the environments to create, in order; the default is dev."""
    wanted = set(non_prod or (Environment.DEV,))
    wanted |= {Environment.TRAINING} if training else set()
    wanted |= {Environment.DA} if da else set()
    return tuple(environment for environment in DEPLOYABLE if environment in wanted)


_ENVIRONMENTS = schema.Object(
    _environments,
    {
        "nonProd": schema.Member(
            fields.several(fields.environments(NON_PRODUCTION, "NonProductionEnvironment")),
            "Without duplicates. An empty list means `dev`.",
            default=[],
            attribute="non_prod",
        ),
        "training": schema.Member(schema.Boolean(), "Whether to create `training`.", default=False),
        "da": schema.Member(schema.Boolean(), "Whether to create `da`.", default=False),
    },
    name="Environments",
    description="The environments to create, in addition to production.",
)


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
_TAGS: schema.Object[dict[str, str]] = schema.Object(
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

# ECS documents no pattern (ECS API, KeyValuePair), and passes names such as
# "spring.profiles.active" to the container (aws/amazon-ecs-agent issue 1194).
_VARIABLE = schema.Text(
    "[A-Za-z_][A-Za-z0-9_.-]{0,127}",
    "is not a variable name: use 1 to 128 letters, digits, '_', '.' or '-', and begin with a letter"
    " or '_'",
    reserved=dict.fromkeys(
        RESERVED_VARIABLES, "is a variable of this service or of ECS: choose another name"
    ),
    name="Variable",
)
_SECRET = schema.Text(
    r"arn:aws[a-z-]*:(?:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:"
    # Key, stage and version are present together, and each can be empty (ECS Developer Guide,
    # "Pass Secrets Manager secrets through environment variables").
    rf"{SECRET_NAME.pattern}(?:(?::[^:{_SPACES}{_CONTROLS}]*){{3}})?"
    rf"|ssm:[a-z0-9-]+:[0-9]{{12}}:parameter/{PARAMETER_NAME.pattern})",
    "must be the ARN of a Secrets Manager secret or an SSM parameter",
    name="SecretArn",
    description="The ARN of a Secrets Manager secret (with or without key, stage and version) or "
    "of an SSM parameter.",
)


def _service_faults(data: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[schema.Fault]:
    """Yield the faults of sizes and times, of variables with two sources, and of secrets."""
    cpu, memory = data["cpu"], data["memory"]
    start, limit = data["start_seconds"], data["rollout_minutes"]
    if start is not None and limit is not None and start >= limit * 60:
        yield "startSeconds", f"must be shorter than rolloutMinutes: less than {limit * 60}"
    if cpu and memory is not None and memory not in FARGATE_SIZES[cpu]:
        allowed = ", ".join(map(str, FARGATE_SIZES[cpu]))
        yield "memory", f"must be one of {allowed} MiB for {cpu} CPU units"
    for name in data["secrets"] or {}:
        if name in (data["environment"] or {}):
            yield f"secrets.{name}", "must not also be in environment"
    yield from _foreign_secrets(data, context)


def _foreign_secrets(data: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[schema.Fault]:
    """Yield the faults of secrets of another account.

    `account` and `partition` are the installation's; without an account, secrets of any account are
    valid. A secret of another account needs a KMS key of that account (AWS Secrets Manager User
    Guide, "Access AWS Secrets Manager secrets from a different account"), which execution roles
    cannot use. A secret can be in another region (Amazon ECS API Reference, Secret).
    """
    own = context.get("partition"), context.get("account")
    for name, arn in (data["secrets"] or {}).items():
        if own[1] and arn and (arn.split(":")[1], arn.split(":")[4]) != own:
            yield f"secrets.{name}", "must be in the AWS account of this service"


def _effective_faults(
    data: Mapping[str, Any], context: Mapping[str, Any]
) -> Iterator[schema.Fault]:
    """Yield the faults of overrides, and of the effective settings of each environment.

    `max_vcpus` is the installation's limit of vCPUs for an application, None without a limit.
    """
    service = data["service"] or ServiceSpec()
    yield from _size_faults(data["environments"], service, context.get("max_vcpus"))
    overrides: Mapping[str, ServiceOverride] = data["overrides"] or {}
    created = [*map(environment_name, data["environments"] or ()), "prod"]
    for name, override in overrides.items():
        if data["environments"] is not None and name not in created:
            yield f"overrides.{name}", "is not an environment of the application"
        for variable in override.secrets or {}:
            if variable in (service.environment or {}):
                field = f"overrides.{name}.secrets.{variable}"
                yield field, "must not also be in service.environment"
    for name in (*created, *overrides):
        own = overrides[name].secrets if name in overrides else None
        arns = {**(service.secrets or {}), **(own or {})}.values()
        size = len(",".join(secret_arns(filter(None, arns))))
        if size > MAX_SECRET_BYTES:
            field, general = ("service.secrets", "")
            if own:
                field, general = f"overrides.{name}.secrets", " with service.secrets"
            message = f"must have ARNs of at most {MAX_SECRET_BYTES} bytes together{general}"
            yield field, f"{message}, not {size}"


def _size_faults(
    environments: Sequence[Environment] | None, service: ServiceSpec, limit: int | None
) -> Iterator[schema.Fault]:
    """Yield the fault of an application whose services have more vCPUs than allowed.

    Production has two services. A rollout adds up to the tasks of its service for a while.
    """
    if limit is None or environments is None or not service.cpu or not service.desired_count:
        return
    services = len(environments) + len(SLOTS)
    vcpus = services * service.desired_count * service.cpu / 1024
    if vcpus > limit:
        count, size = service.desired_count, service.cpu / 1024
        message = (
            f"must need at most {limit} vCPUs in this installation, not {vcpus:g}: {services}"
            f" services with {count} tasks of {size:g} vCPUs"
        )
        yield "service", message


_SECRETS: schema.Object[dict[str, str]] = schema.Object(dict, {}, others=(_VARIABLE, _SECRET))
_SERVICE = schema.Object(
    ServiceSpec,
    {
        "containerPort": schema.Member(
            schema.Integer(range(1, 65536)),
            "The port of the container.",
            default=80,
            attribute="container_port",
        ),
        "healthCheckPath": schema.Member(
            schema.Text(
                _HEALTH_CHECK_PATH,
                "must be a path such as /health or /health?full=1, of at most 1024 characters",
                _LONGEST_PATH,
            ),
            "A path, with or without a query, that returns 200 while the container is healthy. At "
            "most 1024 letters, digits or `._~/%+@:&=-`.",
            default="/health",
            attribute="health_check_path",
        ),
        "cpu": schema.Member(
            schema.Integer(
                FARGATE_SIZES,
                "must be a number of CPU units that Fargate supports: "
                + ", ".join(map(str, FARGATE_SIZES)),
            ),
            "CPU units; 1024 units are one vCPU.",
            default=256,
        ),
        "memory": schema.Member(
            schema.Integer(allowed_with=("cpu", FARGATE_SIZES)),
            "MiB. Fargate supports certain sizes for each `cpu`.",
            default=512,
        ),
        "architecture": schema.Member(
            schema.Choice({name: name for name in ("X86_64", "ARM64")}, "Architecture"),
            "The architecture of all images of the application, including the first image.",
            default="X86_64",
        ),
        "desiredCount": schema.Member(
            schema.Integer(range(1, MAX_TASKS + 1)),
            "The number of tasks of each ECS service.",
            default=1,
            attribute="desired_count",
        ),
        "startSeconds": schema.Member(
            schema.Integer(_START_SECONDS),
            "Seconds after the start of a task in which ECS ignores failed health checks. Must be "
            "shorter than `rolloutMinutes`.",
            default=60,
            attribute="start_seconds",
        ),
        "rolloutMinutes": schema.Member(
            schema.Integer(_ROLLOUT_MINUTES),
            "The [time limit](operations.md#deadlines) of a rollout.",
            default=DEFAULT_ROLLOUT_MINUTES,
            attribute="rollout_minutes",
        ),
        "environment": schema.Member(
            schema.Object(dict, {}, others=(_VARIABLE, _VALUE)),
            "Environment variables of the container. Names match "
            "`[A-Za-z_][A-Za-z0-9_.-]{0,127}`; values have 0 to 4096 characters and no control "
            "characters except tabs and line breaks. The service itself sets `APPLICATION`, "
            "`ENVIRONMENT` and `PORT` (the container port), and [ECS sets others](https://docs.aws."
            "amazon.com/AmazonECS/latest/developerguide/ecs-environment-variables.html). Of these, "
            "you can set only `AWS_REGION` and `AWS_DEFAULT_REGION`.",
            default={},
        ),
        "secrets": schema.Member(
            _SECRETS,
            "Environment variables with values that ECS reads from Secrets Manager or from the SSM "
            "parameter store: the name of the variable, and the ARN of a secret (with or without "
            "key, stage and version) or of a parameter in this account. A name must not also be "
            "in `environment`. The ARNs of an environment, each counted once, have at most "
            f"{MAX_SECRET_BYTES} bytes together. Responses and logs do not contain the ARNs. "
            "The secrets must be encrypted with the AWS managed key, because the execution role "
            "cannot use other KMS keys.",
            default={},
        ),
        "warmup": schema.Member(
            schema.List(
                schema.Text(
                    rf"{_PATH}(?:\?[A-Za-z0-9._~/%+=&,:;@!*-]{{0,1023}})?",
                    "must be a list of paths such as /products?page=1",
                ),
                f"at most {MAX_WARMUP} paths",
                most=MAX_WARMUP,
            ),
            "Paths, with or without a query (`/products?page=1`), that a swap [requests from the "
            "idle slot](swapbluegreen.md#warm-up) before the switch.",
            default=[],
        ),
    },
    check=_service_faults,
    partial=True,
    name="Service",
    description="The settings of the tasks in all environments.",
)

# The settings that an override can change.
_OVERRIDE = schema.Object(
    ServiceOverride,
    {
        "secrets": schema.Member(
            _SECRETS,
            "Secrets of this environment only, with the rules of `service.secrets`. A secret "
            "replaces the one in `service.secrets` of the same name.",
            default={},
        ),
    },
    check=_foreign_secrets,
    partial=True,
    name="Override",
    description="Settings of one environment. They take precedence over `service`.",
)


def _overrides(**members: ServiceOverride | None) -> dict[str, ServiceOverride]:
    """Return the overrides by environment, without those that are missing."""
    return {name: override for name, override in members.items() if override is not None}


_OVERRIDES = schema.Object(
    _overrides,
    {name: schema.Member(_OVERRIDE) for name in (*map(environment_name, DEPLOYABLE), "prod")},
    partial=True,
    name="Overrides",
    description="Settings of single environments of the application, by name: `dev`, `qa`, "
    "`stage`, `training`, `da`, or `prod` for both slots. To keep a secret out of an environment, "
    "write it only into the overrides of the others, because all environments receive "
    "`service.secrets`.",
)

CREATE = schema.Object(
    CreateRequest,
    {
        "applicationName": schema.Member(
            fields.APPLICATION,
            f"{fields.APPLICATION.description} The stack and the cluster get this name. Two names "
            "must differ in more than upper and lower case, because the names of ECR repositories "
            "are lower case.",
            attribute="application",
            required=True,
        ),
        "description": schema.Member(
            _text(256), "At most 256 characters, without control characters.", default=""
        ),
        "email": schema.Member(
            # 254: the longest path of RFC 5321 (4.5.3.1.3) without its brackets.
            schema.Text(_EMAIL, "must be an e-mail address", 254),
            "The e-mail address of the owners, at most 254 characters.",
            required=True,
        ),
        "environments": schema.Member(_ENVIRONMENTS, default={}),
        "tags": schema.Member(_TAGS, required=True),
        "service": schema.Member(_SERVICE, default={}),
        "overrides": schema.Member(_OVERRIDES, default={}),
    },
    check=_effective_faults,
)
