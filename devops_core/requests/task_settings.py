"""The settings of the tasks in a specification, for all environments and for single ones.

The values of the declarations are JSON: the document is stored as its callers wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from devops_core.model.specification import DEFAULT_ROLLOUT_MINUTES
from devops_core.naming import DEPLOYABLE, environment_name
from devops_core.requests import fields, schema
from devops_core.requests.container_settings import (
    COMMAND,
    CONDITIONS,
    DEPENDENCIES,
    LOGS,
    MAX_SIDECARS,
    REGISTRY_CREDENTIALS,
    SECRETS,
    SIDECAR,
    VALUE,
    VARIABLE,
    account_faults,
    variable_faults,
)
from devops_core.requests.scaling import MAX_TASKS, SCALING

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
# The ARNs of an environment's secrets are one parameter of the stack, which has at most 4,096 bytes
# (CloudFormation User Guide, "Understand CloudFormation quotas").
MAX_SECRET_BYTES = 4096
# A swap fetches all of them at once while production waits.
MAX_WARMUP = 10
# Fargate kills a container after at most 120 seconds (ECS API, ContainerDefinition, `stopTimeout`).
# The agent of ECS replaces 0 by its default (aws/amazon-ecs-agent, docker_task_engine.go).
_STOP_SECONDS = range(1, 121)
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
# GiB (ECS API, EphemeralStorage, `sizeInGiB`).
_EPHEMERAL_STORAGE = range(21, 201)
# The members of `service` that no update changes.
FIXED = ("containerPort", "healthCheckPath", "architecture")


def _limit_faults(data: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[schema.Fault]:
    """Yield the fault of a soft limit above the hard one, which Linux refuses (setrlimit(2))."""
    del context
    soft, hard = data.get("soft"), data.get("hard")
    if soft is not None and hard is not None and soft > hard:
        yield "soft", f"must be at most {hard}, the hard limit"


# The highest limit of open files of a process in Linux without a change of the kernel's settings
# (admin-guide/sysctl/fs, "nr_open").
_OPEN_FILES = schema.Integer(range(1, 1_048_577))
# Fargate overrides only this limit (ECS API, ContainerDefinition, `ulimits`).
ULIMITS = schema.Object(
    fields.named,
    {
        "nofile": schema.Member(
            schema.Object(
                fields.named,
                {
                    "soft": schema.Member(_OPEN_FILES, "The limit, at most `hard`.", required=True),
                    "hard": schema.Member(
                        _OPEN_FILES, "The highest limit that a process can set.", required=True
                    ),
                },
                check=_limit_faults,
                name="Ulimit",
                description="The limits of a resource.",
            ),
            "The number of open files. The default of Fargate is 65535 for both limits.",
            required=True,
        ),
    },
    name="Ulimits",
    description="Resource limits of a container.",
)
_TASK_ROLE = schema.Text(
    # The path and the name of a role (IAM API, Role).
    r"arn:aws[a-z-]*:iam::[0-9]{12}:role/(?:[\x21-\x7e]{1,510}/)?[A-Za-z0-9_+=,.@-]{1,64}",
    "must be the ARN of an IAM role",
    name="RoleArn",
)
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
    "scaling": schema.Member(
        SCALING,
        "[Scaling](scale.md) of each ECS service, instead of `desiredCount`.",
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
        COMMAND,
        "The command of the container, word by word; a word can be empty. The default is that of "
        "the image.",
    ),
    "environment": schema.Member(
        schema.Object(dict, {}, others=(VARIABLE, VALUE)),
        "Environment variables of the container. Names match "
        "`[A-Za-z_][A-Za-z0-9_.-]{0,127}`; values have 0 to 4096 characters and no control "
        "characters except tabs and line breaks. The service itself sets `APPLICATION`, "
        "`ENVIRONMENT` and `PORT` (the container port), and [ECS sets others](https://docs.aws."
        "amazon.com/AmazonECS/latest/developerguide/ecs-environment-variables.html). Of these, "
        "you can set only `AWS_REGION` and `AWS_DEFAULT_REGION`.",
    ),
    "secrets": schema.Member(
        SECRETS,
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
    "registryCredentials": schema.Member(
        REGISTRY_CREDENTIALS,
        "The ARN of the Secrets Manager secret with the user and the password of the private "
        "registry of the application's images, in this account. Images in ECR need none.",
    ),
    "dependsOn": schema.Member(
        DEPENDENCIES,
        "The [sidecars](configure.md#add-a-sidecar) that the application's container waits for, "
        f"with the condition of each. {CONDITIONS}",
    ),
    "logs": schema.Member(LOGS, "Where the logs of the application's container go."),
    "ephemeralStorageGiB": schema.Member(
        schema.Integer(_EPHEMERAL_STORAGE),
        "GiB of storage of each task, which ends with the task. The default of Fargate is 20.",
    ),
    "ulimits": schema.Member(ULIMITS, "Resource limits of the application's container."),
    "sidecars": schema.Member(
        schema.Objects(SIDECAR, f"at most {MAX_SIDECARS} sidecars", MAX_SIDECARS),
        "Further containers in each task of the application; their names differ. Their `cpu` and "
        "their `memory` together are less than those of the task, and their ports differ from each "
        "other and from `containerPort`. At most one is a log router.",
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
    """Yield the faults of two sources of a variable or of the task count, and of other accounts.

    ECS accepts only task roles of the task's account (IAM User Guide, "Grant a user permissions to
    pass a role to an AWS service").
    """
    variables, secrets = data.get("environment") or {}, data.get("secrets") or {}
    yield from variable_faults(data, context)
    for name in data.get("unset") or ():
        if name in variables or name in secrets:
            yield "unset", f"must not contain {name}, which this environment sets"
    if "scaling" in data and "desiredCount" in data:
        yield "desiredCount", "must not be beside scaling, which sets the number of tasks"
    if role := data.get("taskRole"):
        yield from account_faults({"taskRole": role}, context)


SERVICE = schema.Object(
    fields.named,
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
    fields.named,
    {
        **{
            name: member._replace(description=_OVERRIDDEN.get(name, f"As `service.{name}`."))
            for name, member in _SETTINGS.items()
        },
        "unset": schema.Member(
            schema.List(VARIABLE, "names of variables"),
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
    fields.named,
    {name: schema.Member(_OVERRIDE) for name in (*map(environment_name, DEPLOYABLE), "prod")},
    partial=True,
    sparse=True,
    name="Overrides",
    description="Settings of single environments of the application, by name: `dev`, `qa`, "
    "`stage`, `training`, `da`, or `prod` for both slots. To keep a secret out of an environment, "
    "write it only into the overrides of the others, because all environments receive "
    "`service.secrets`.",
)
