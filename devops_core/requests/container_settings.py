"""The settings of single containers in a specification: the types that all containers share.

The values of the declarations are JSON: the document is stored as its callers wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from devops_core.naming import (
    PARAMETER_NAME,
    SECRET_NAME,
    EcrRegistry,
    Image,
)
from devops_core.requests import fields, schema

if TYPE_CHECKING:
    from devops_core.registries import AllowedRegistries

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

# Words of a command. The size of a task definition is the limit of ECS.
MAX_WORDS = 100
_SPACES = r"\u0020\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
# A task has at most ten containers (AWS General Reference, "Amazon ECS endpoints and quotas", "Task
# definition max containers"), and one is the application's.
MAX_SIDECARS = 9
# The name of the application's container in cloudformation/application.yml.
APPLICATION_CONTAINER = "app"
# A rollout uses the repository and "@sha256:" with 64 digits.
_LONGEST_REPOSITORY = fields.LONGEST_IMAGE - 72
_PORTS = range(1, 65536)
_MAX_PORTS = 10
# The sizes that Docker and the kernel accept: at least 2 CPU shares and 6 MiB (ECS API,
# ContainerDefinition). The size of the task is the upper bound.
_CPU = range(2, 16385)
_MEMORY = range(6, 122881)
# ECS API, HealthCheck.
_INTERVAL_SECONDS, _TIMEOUT_SECONDS = range(5, 301), range(2, 61)
_RETRIES, _HEALTH_START_SECONDS = range(1, 11), range(301)
_SHELLS = ("CMD", "CMD-SHELL")
CONDITIONS = (
    "`START`: it has started; `HEALTHY`: its health check has succeeded; `COMPLETE`: it has ended; "
    "`SUCCESS`: it has ended with the exit code 0."
)


# The value of a variable, which can have several lines, for example a PEM key.
VALUE = schema.Text(
    "[^" + fields.CONTROLS.replace(r"\x00-\x1f", r"\x00-\x08\x0b\x0c\x0e-\x1f") + "]*",
    "must be text of at most 4096 characters without control characters other than tabs and line"
    " breaks",
    4096,
    wrong_type='must be a text: write numbers, true, false and null in quotes, as in "42"',
)


# ECS documents no pattern (ECS API, KeyValuePair), and passes names such as
# "spring.profiles.active" to the container (aws/amazon-ecs-agent issue 1194).
VARIABLE = schema.Text(
    "[A-Za-z_][A-Za-z0-9_.-]{0,127}",
    "is not a variable name: use 1 to 128 letters, digits, '_', '.' or '-', and begin with a letter"
    " or '_'",
    reserved=dict.fromkeys(
        RESERVED_VARIABLES, "is a variable of this service or of ECS: choose another name"
    ),
    name="Variable",
)
SECRET = schema.Text(
    r"arn:aws[a-z-]*:(?:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:"
    # Key, stage and version are present together, and each can be empty (ECS Developer Guide,
    # "Pass Secrets Manager secrets through environment variables").
    rf"{SECRET_NAME.pattern}(?:(?::[^:{_SPACES}{fields.CONTROLS}]*){{3}})?"
    rf"|ssm:[a-z0-9-]+:[0-9]{{12}}:parameter/{PARAMETER_NAME.pattern})",
    "must be the ARN of a Secrets Manager secret or an SSM parameter",
    name="SecretArn",
    description="The ARN of a Secrets Manager secret (with or without key, stage and version) or "
    "of an SSM parameter.",
)


_WORD = schema.Text(VALUE.pattern, VALUE.message, VALUE.longest, description="A word of a command.")
SECRETS: schema.Object[dict[str, str]] = schema.Object(dict, {}, others=(VARIABLE, SECRET))
COMMAND = schema.List(
    _WORD,
    f"1 to {MAX_WORDS} words (numbers in quotes)",
    least=1,
    most=MAX_WORDS,
    distinct=False,
)
REGISTRY_CREDENTIALS = schema.Text(
    # ECS reads the whole value of the secret (ECS API, RepositoryCredentials).
    rf"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{{12}}:secret:{SECRET_NAME.pattern}",
    "must be the ARN of a Secrets Manager secret, without key, stage and version",
    name="RegistryCredentials",
    description="The ARN of a Secrets Manager secret, without key, stage and version.",
)
# ECS API, ContainerDefinition, `name`, which allows 255 characters. A log stream contains it twice
# and has at most 512 (CloudWatch Logs API, CreateLogStream).
_NAME = schema.Text(
    "[A-Za-z0-9][A-Za-z0-9_-]{0,62}",
    "is not a name of a sidecar: use 1 to 63 letters, digits, '_' or '-', and begin with a letter"
    " or digit",
    reserved={APPLICATION_CONTAINER: "is the application's container: choose another name"},
    name="SidecarName",
)
DEPENDENCIES: schema.Object[dict[str, str]] = schema.Object(
    dict,
    {},
    others=(
        _NAME,
        schema.Choice({each: each for each in ("START", "COMPLETE", "SUCCESS", "HEALTHY")}),
    ),
)


def variable_faults(data: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[schema.Fault]:
    """Yield the faults of variables with two sources, and of secrets of other accounts.

    A secret of another account needs a KMS key of that account (AWS Secrets Manager User Guide,
    "Access AWS Secrets Manager secrets from a different account"), which execution roles cannot
    use. A secret can be in another region (Amazon ECS API Reference, Secret).
    """
    secrets = data.get("secrets") or {}
    for name in secrets:
        if name in (data.get("environment") or {}):
            yield f"secrets.{name}", "must not also be in environment"
    arns = {f"secrets.{name}": arn for name, arn in secrets.items()}
    arns["registryCredentials"] = data.get("registryCredentials")
    yield from account_faults(arns, context)


def account_faults(
    arns: Mapping[str, str | None], context: Mapping[str, Any]
) -> Iterator[schema.Fault]:
    """Yield the faults of ARNs of other accounts, by field.

    `account` and `partition` are the installation's; without an account, all accounts are valid.
    """
    own = context.get("partition"), context.get("account")
    for field, arn in arns.items():
        if own[1] and arn and (arn.split(":")[1], arn.split(":")[4]) != own:
            yield field, "must be in the AWS account of this service"


def _log_faults(data: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[schema.Fault]:
    """Yield the faults of logs: awslogs has the options of the application template."""
    yield from variable_faults(data, context)
    for name in ("options", "secrets"):
        if data.get("driver") == "awslogs" and data.get(name):
            yield name, "must be absent with awslogs, whose options the stack sets"


_OPTION = schema.Text(
    "[A-Za-z0-9_.@-]{1,128}",
    "is not the name of an option: use 1 to 128 letters, digits or '_.@-'",
)
_OPTION_VALUE = schema.Text(
    r"[\x21-\x7e](?:[\x20-\x7e]{0,4094}[\x21-\x7e])?",
    "must be text of 1 to 4096 printable ASCII characters, without spaces at the ends",
)
LOGS = schema.Object(
    fields.named,
    {
        "driver": schema.Member(
            schema.Choice({each: each for each in ("awslogs", "awsfirelens")}, "LogDriver"),
            "`awslogs` for CloudWatch Logs, or `awsfirelens` for the log router of the task, which "
            "must be one of the sidecars.",
            required=True,
        ),
        "options": schema.Member(
            schema.Object(dict, {}, others=(_OPTION, _OPTION_VALUE)),
            "Options of the output of the log router.",
        ),
        "secrets": schema.Member(
            schema.Object(dict, {}, others=(_OPTION, SECRET)),
            "Options whose values ECS reads from secrets, as in `service.secrets`.",
        ),
    },
    check=_log_faults,
    partial=True,
    sparse=True,
    name="Logs",
    description="The destination of the logs of the application's container. The default is "
    "CloudWatch Logs. A log router needs `awsfirelens`, and `awsfirelens` a log router.",
)


def _check_faults(data: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[schema.Fault]:
    """Yield the fault of a command that does not begin as ECS requires (ECS API, HealthCheck)."""
    del context
    command = data.get("command")
    if command and (command[0] not in _SHELLS or len(command) == 1):
        yield "command", "must be CMD or CMD-SHELL, then a command"


_HEALTH_CHECK = schema.Object(
    fields.named,
    {
        "command": schema.Member(
            COMMAND,
            "`CMD` and the words of a command, or `CMD-SHELL` and a line for the shell of the "
            "container.",
            required=True,
        ),
        "intervalSeconds": schema.Member(
            schema.Integer(_INTERVAL_SECONDS), "Seconds between two checks. The default is 30."
        ),
        "timeoutSeconds": schema.Member(
            schema.Integer(_TIMEOUT_SECONDS), "Seconds until a check has failed. The default is 5."
        ),
        "retries": schema.Member(
            schema.Integer(_RETRIES), "Failed checks until it is unhealthy. The default is 3."
        ),
        "startSeconds": schema.Member(
            schema.Integer(_HEALTH_START_SECONDS),
            "Seconds after the start in which failed checks do not count. The default is 0.",
        ),
    },
    check=_check_faults,
    partial=True,
    sparse=True,
    name="ContainerHealthCheck",
    description="A command in the container that succeeds while it is healthy.",
)
_LOG_ROUTER = schema.Object(
    fields.named,
    {
        "type": schema.Member(
            schema.Choice({each: each for each in ("fluentbit", "fluentd")}, "LogRouterType"),
            "The program of the image.",
            required=True,
        ),
        "options": schema.Member(
            # ECS API, FirelensConfiguration. Fargate reads only files of the image.
            schema.Object(
                fields.named,
                {
                    "enable-ecs-log-metadata": schema.Member(
                        schema.Choice({each: each for each in ("true", "false")}),
                        "Whether log events have the names of the cluster, the task and the "
                        "container. The default is `true`.",
                    ),
                    "config-file-type": schema.Member(
                        schema.Choice({"file": "file"}), "Where the configuration file is."
                    ),
                    "config-file-value": schema.Member(
                        schema.Text(
                            "/[A-Za-z0-9._/-]{1,255}", "must be a path such as /router.conf"
                        ),
                        "The path of a configuration file in the image.",
                    ),
                },
                partial=True,
                sparse=True,
                name="LogRouterOptions",
            ),
        ),
    },
    partial=True,
    sparse=True,
    name="LogRouter",
    description="Makes the sidecar the log router of the task (FireLens).",
)


def _sidecar_faults(data: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[schema.Fault]:
    """Yield the faults of a sidecar: its variables, its secrets and its image."""
    yield from variable_faults(data, context)
    if not data.get("image"):
        return
    image, registries = Image.parse(data["image"]), context.get("registries")
    yield from _image_faults(image, registries)
    if EcrRegistry.of_host(image.host) and data.get("registryCredentials"):
        yield "registryCredentials", "must be absent for an image in ECR, which needs none"


def _image_faults(image: Image, registries: AllowedRegistries | None) -> Iterator[schema.Fault]:
    """Yield the faults of an image: its registry, its length, and a missing digest.

    The service reads the digest of a tag only in its own ECR. `registries` are the installation's;
    without them all are valid, and each ECR is the own one.
    """
    if refusal := registries.refusal(image) if registries else None:
        yield "image", refusal
    # A rollout by digest adds it to the repository.
    if len(image.repository) > _LONGEST_REPOSITORY:
        yield "image", f"must have at most {_LONGEST_REPOSITORY} characters without tag and digest"
    registry = EcrRegistry.of_host(image.host)
    own = registry is not None and registry == (registries.own if registries else registry)
    if not image.digest and not own:
        yield "image", "must have a digest (@sha256:…), because its tag can move to another image"
    elif not image.digest and not image.tag:
        yield "image", "must have a tag or a digest"


SIDECAR = schema.Object(
    fields.named,
    {
        "name": schema.Member(_NAME, "The name of the container.", required=True),
        "image": schema.Member(
            fields.IMAGE,
            "The image. In this account's ECR with a tag or a digest: the digest is read when the "
            "revision is accepted, and stays until the image here has another name. In other "
            "registries with a digest. The installation can restrict the [registries]"
            "(security.md#registries).",
            required=True,
        ),
        "essential": schema.Member(
            schema.Boolean(), "Whether its end stops the task. The default is `false`."
        ),
        "command": schema.Member(COMMAND, "As `service.command`."),
        "environment": schema.Member(
            schema.Object(dict, {}, others=(VARIABLE, VALUE)), "Its environment variables."
        ),
        "secrets": schema.Member(SECRETS, "Its secrets, as in `service.secrets`."),
        "ports": schema.Member(
            schema.List(schema.Integer(_PORTS), f"at most {_MAX_PORTS} ports", most=_MAX_PORTS),
            "The ports on which it listens; containers of a task reach them at `localhost`.",
        ),
        "cpu": schema.Member(
            schema.Integer(_CPU), "CPU units of the task that are reserved for it."
        ),
        "memory": schema.Member(
            schema.Integer(_MEMORY), "MiB; a container that needs more is killed."
        ),
        "dependsOn": schema.Member(
            DEPENDENCIES, "Other sidecars that it waits for, with their conditions."
        ),
        "healthCheck": schema.Member(_HEALTH_CHECK, "How ECS checks its health."),
        "registryCredentials": schema.Member(
            REGISTRY_CREDENTIALS, "As `service.registryCredentials`, for its own image."
        ),
        "logRouter": schema.Member(_LOG_ROUTER, "Makes it the log router of the task (FireLens)."),
    },
    check=_sidecar_faults,
    partial=True,
    sparse=True,
    name="Sidecar",
    description="A further container in each task of the application.",
)
