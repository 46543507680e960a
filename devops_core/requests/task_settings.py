"""The settings of the tasks in a specification, for all environments and for single ones.

The values of the declarations are JSON: the document is stored as its callers wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from devops_core.errors import CONTROL
from devops_core.model.specification import DEFAULT_ROLLOUT_MINUTES
from devops_core.naming import DEPLOYABLE, PARAMETER_NAME, SECRET_NAME, environment_name
from devops_core.requests import schema

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

# Words of a command. The size of a task definition is the limit of ECS.
MAX_WORDS = 100
# Fargate kills a container after at most 120 seconds (ECS API, ContainerDefinition, `stopTimeout`).
# The agent of ECS replaces 0 by its default (aws/amazon-ecs-agent, docker_task_engine.go).
_STOP_SECONDS = range(1, 121)
# The characters of the class, without its brackets.
CONTROLS = CONTROL.pattern[1:-1]
_SPACES = r"\u0020\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
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
# The members of `service` that no update changes.
FIXED = ("containerPort", "healthCheckPath", "architecture")

# The value of a variable, which can have several lines, for example a PEM key.
_VALUE = schema.Text(
    "[^" + CONTROLS.replace(r"\x00-\x1f", r"\x00-\x08\x0b\x0c\x0e-\x1f") + "]*",
    "must be text of at most 4096 characters without control characters other than tabs and line"
    " breaks",
    4096,
    wrong_type='must be a text: write numbers, true, false and null in quotes, as in "42"',
)


def named(**members: Any) -> dict[str, Any]:
    """Return the members that a document names, as JSON; faulty ones are None."""
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in members.items()
    }


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
    rf"{SECRET_NAME.pattern}(?:(?::[^:{_SPACES}{CONTROLS}]*){{3}})?"
    rf"|ssm:[a-z0-9-]+:[0-9]{{12}}:parameter/{PARAMETER_NAME.pattern})",
    "must be the ARN of a Secrets Manager secret or an SSM parameter",
    name="SecretArn",
    description="The ARN of a Secrets Manager secret (with or without key, stage and version) or "
    "of an SSM parameter.",
)


_TASK_ROLE = schema.Text(
    # The path and the name of a role (IAM API, Role).
    r"arn:aws[a-z-]*:iam::[0-9]{12}:role/(?:[\x21-\x7e]{1,510}/)?[A-Za-z0-9_+=,.@-]{1,64}",
    "must be the ARN of an IAM role",
    name="RoleArn",
)
_WORD = schema.Text(
    _VALUE.pattern, _VALUE.message, _VALUE.longest, description="A word of a command."
)
_SECRETS: schema.Object[dict[str, str]] = schema.Object(dict, {}, others=(_VARIABLE, _SECRET))
_SETTINGS = {
    "cpu": schema.Member(
        schema.Integer(
            FARGATE_SIZES,
            "must be a number of CPU units that Fargate supports: "
            + ", ".join(map(str, FARGATE_SIZES)),
        ),
        "CPU units; 1024 units are one vCPU. A new application has 256.",
    ),
    "memory": schema.Member(
        schema.Integer(allowed_with=("cpu", FARGATE_SIZES)),
        "MiB. Fargate supports certain sizes for each `cpu`. A new application has 512.",
    ),
    "desiredCount": schema.Member(
        schema.Integer(range(1, MAX_TASKS + 1)),
        "The number of tasks of each ECS service. A new service has 1.",
    ),
    "startSeconds": schema.Member(
        schema.Integer(_START_SECONDS),
        "Seconds after the start of a task in which ECS ignores failed health checks. Must be "
        "shorter than `rolloutMinutes`. A new service has 60.",
    ),
    "stopSeconds": schema.Member(
        schema.Integer(_STOP_SECONDS),
        "Seconds that a container has to end after SIGTERM, before SIGKILL. The default of ECS is "
        "30.",
    ),
    "rolloutMinutes": schema.Member(
        schema.Integer(_ROLLOUT_MINUTES),
        "The [time limit](operations.md#deadlines) of a rollout. The default is "
        f"{DEFAULT_ROLLOUT_MINUTES}.",
    ),
    "command": schema.Member(
        schema.List(
            _WORD,
            f"1 to {MAX_WORDS} words (numbers in quotes)",
            least=1,
            most=MAX_WORDS,
            distinct=False,
        ),
        "The command of the container, word by word; a word can be empty. The default is that of "
        "the image.",
    ),
    "environment": schema.Member(
        schema.Object(dict, {}, others=(_VARIABLE, _VALUE)),
        "Environment variables of the container. Names match "
        "`[A-Za-z_][A-Za-z0-9_.-]{0,127}`; values have 0 to 4096 characters and no control "
        "characters except tabs and line breaks. The service itself sets `APPLICATION`, "
        "`ENVIRONMENT` and `PORT` (the container port), and [ECS sets others](https://docs.aws."
        "amazon.com/AmazonECS/latest/developerguide/ecs-environment-variables.html). Of these, "
        "you can set only `AWS_REGION` and `AWS_DEFAULT_REGION`.",
    ),
    "secrets": schema.Member(
        _SECRETS,
        "Environment variables with values that ECS reads from Secrets Manager or from the SSM "
        "parameter store: the name of the variable, and the ARN of a secret (with or without "
        "key, stage and version) or of a parameter in this account. A name must not also be "
        "in `environment`. The ARNs of an environment, each counted once, have at most "
        f"{MAX_SECRET_BYTES} bytes together. Only the [specification](configure.md#call-the-api) "
        "and dry runs contain the ARNs, no other response and no log. "
        "The secrets must be encrypted with the AWS managed key, because the execution role "
        "cannot use other KMS keys.",
    ),
    "taskRole": schema.Member(
        _TASK_ROLE,
        "The ARN of the IAM role of the containers. The installation lists the "
        "[allowed roles](install.md#parameters) of each team.",
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
    ),
}
_FIXED_SETTINGS = {
    "containerPort": schema.Member(
        schema.Integer(range(1, 65536)),
        "The port of the container. The default is 80. Fixed at create.",
    ),
    "healthCheckPath": schema.Member(
        schema.Text(
            _HEALTH_CHECK_PATH,
            "must be a path such as /health or /health?full=1, of at most 1024 characters",
            _LONGEST_PATH,
        ),
        "A path, with or without a query, that returns 200 while the container is healthy. At "
        "most 1024 letters, digits or `._~/%+@:&=-`. The default is `/health`. Fixed at create.",
    ),
    "architecture": schema.Member(
        schema.Choice({name: name for name in ("X86_64", "ARM64")}, "Architecture"),
        "The architecture of all images of the application, including the first image. The "
        "default is `X86_64`. Fixed at create.",
    ),
}


def _settings_faults(data: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[schema.Fault]:
    """Yield the faults of variables with two sources, and of resources of other accounts.

    `account` and `partition` are the installation's; without an account, all accounts are valid. A
    secret of another account needs a KMS key of that account (AWS Secrets Manager User Guide,
    "Access AWS Secrets Manager secrets from a different account"), which execution roles cannot
    use. A secret can be in another region (Amazon ECS API Reference, Secret). ECS accepts only task
    roles of the task's account (IAM User Guide, "Grant a user permissions to pass a role to an AWS
    service").
    """
    variables, secrets = data.get("environment") or {}, data.get("secrets") or {}
    for name in secrets:
        if name in variables:
            yield f"secrets.{name}", "must not also be in environment"
    for name in data.get("unset") or ():
        if name in variables or name in secrets:
            yield "unset", f"must not contain {name}, which this environment sets"
    own = context.get("partition"), context.get("account")
    arns = [(f"secrets.{name}", arn) for name, arn in secrets.items()]
    for field, arn in (*arns, ("taskRole", data.get("taskRole"))):
        if own[1] and arn and (arn.split(":")[1], arn.split(":")[4]) != own:
            yield field, "must be in the AWS account of this service"


SERVICE = schema.Object(
    named,
    {**_FIXED_SETTINGS, **_SETTINGS},
    check=_settings_faults,
    partial=True,
    sparse=True,
    name="Service",
    description="The settings of the tasks in all environments.",
)
# The descriptions of the settings of an override that are not as those of `service`.
_ADDED = (
    "Added to `service.{}`. A variable or secret takes precedence over those of the same name in "
    "`service`."
)
_OVERRIDDEN = {name: _ADDED.format(name) for name in ("environment", "secrets")}
_OVERRIDE = schema.Object(
    named,
    {
        **{
            name: member._replace(description=_OVERRIDDEN.get(name, f"As `service.{name}`."))
            for name, member in _SETTINGS.items()
        },
        "unset": schema.Member(
            schema.List(_VARIABLE, "names of variables"),
            "Names of variables and secrets that this environment does not receive.",
        ),
    },
    check=_settings_faults,
    partial=True,
    sparse=True,
    name="Override",
    description="Settings of one environment. They take precedence over `service`.",
)
OVERRIDES = schema.Object(
    named,
    {name: schema.Member(_OVERRIDE) for name in (*map(environment_name, DEPLOYABLE), "prod")},
    partial=True,
    sparse=True,
    name="Overrides",
    description="Settings of single environments of the application, by name: `dev`, `qa`, "
    "`stage`, `training`, `da`, or `prod` for both slots. To keep a secret out of an environment, "
    "write it only into the overrides of the others, because all environments receive "
    "`service.secrets`.",
)
# The members of a specification.
