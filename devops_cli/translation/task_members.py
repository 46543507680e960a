"""The treatment of the members of a task definition (ECS API: the shapes of the tables' names)."""

from __future__ import annotations

from devops_cli.translation.members import (
    RECORD,
    TEMPLATE,
    Table,
    translated,
    untranslated,
    without_effect,
)

_IMAGE = "set it in the Dockerfile of the image"
_EC2_ONLY = "Fargate does not support it"

TASK_DEFINITION: Table = {
    "taskDefinitionArn": without_effect(
        "it identifies the revision; its account and region complete the names of parameters"
    ),
    "containerDefinitions": translated("service, service.sidecars"),
    "family": translated("applicationName"),
    "taskRoleArn": translated("service.taskRole"),
    "executionRoleArn": without_effect(
        "the stack creates an execution role that pulls images, reads secrets and writes logs"
    ),
    "networkMode": untranslated(
        "tasks have the network mode awsvpc here: the containers share one network interface, and"
        " ports are not mapped",
        "let containers reach each other at localhost, each at another port",
        "awsvpc",
    ),
    "revision": RECORD,
    "volumes": untranslated("a specification has no volumes", TEMPLATE),
    "status": RECORD,
    "requiresAttributes": RECORD,
    "placementConstraints": untranslated(
        f"{_EC2_ONLY}: tasks have no container instances", "remove it, or leave the service on EC2"
    ),
    "compatibilities": RECORD,
    "runtimePlatform": translated("service.architecture"),
    "requiresCompatibilities": untranslated(
        "tasks run on Fargate here",
        "check the task with the limits of Fargate, for example without privileged containers",
        ["FARGATE"],
        ["EC2", "FARGATE"],
        ["FARGATE", "EC2"],
    ),
    "cpu": translated("service.cpu"),
    "memory": translated("service.memory"),
    "inferenceAccelerators": untranslated(_EC2_ONLY, "leave the service on EC2"),
    "registeredAt": RECORD,
    "deregisteredAt": RECORD,
    "deleteRequestedAt": RECORD,
    "registeredBy": RECORD,
    "pidMode": untranslated("a specification has no process namespace", TEMPLATE),
    "ipcMode": untranslated(_EC2_ONLY, "leave the service on EC2"),
    "proxyConfiguration": untranslated(
        "a specification has no proxy (App Mesh)",
        "remove the proxy from the sidecars, and call other services at their load balancers",
    ),
    "ephemeralStorage": translated("service.ephemeralStorageGiB"),
    "enableFaultInjection": untranslated("a specification has no fault injection", TEMPLATE),
    "tags": translated("tags"),
}
RUNTIME_PLATFORM: Table = {
    "cpuArchitecture": translated("service.architecture"),
    "operatingSystemFamily": untranslated(
        "tasks run on Linux here", "build an image for Linux, or leave the service where it is",
        "LINUX",
    ),
}  # fmt: skip
_COMMON: Table = {
    "name": translated("service.sidecars.name"),
    "image": translated("service.sidecars.image"),
    "repositoryCredentials": translated("service.registryCredentials"),
    "links": untranslated(
        "containers have no links here", "call the other container at localhost"
    ),
    "restartPolicy": untranslated(
        "a specification has no restart policy: ECS replaces a task whose essential container ends",
        "let the program restart itself, or make the container essential",
        {"enabled": False},
    ),
    "entryPoint": untranslated(
        "a specification has no entry point",
        f"{_IMAGE} (ENTRYPOINT); if the image has none, write all words into command",
    ),
    "command": translated("service.command"),
    "environment": translated("service.environment"),
    "environmentFiles": untranslated(
        "a specification has no files of variables", "write the variables into environment"
    ),
    "mountPoints": untranslated("a specification has no volumes", TEMPLATE),
    "volumesFrom": untranslated("a specification has no volumes", TEMPLATE),
    "linuxParameters": untranslated(
        "a specification has no Linux parameters",
        "for an init process, start the program with tini in the image; a device, shared memory and"
        " swap need EC2",
    ),
    "secrets": translated("service.secrets"),
    "dependsOn": translated("service.dependsOn"),
    "startTimeout": untranslated(
        "a specification has no time limit for dependencies",
        "rely on the limit of ECS for the condition in dependsOn",
    ),
    "versionConsistency": without_effect("the service deploys all images by their digests"),
    "hostname": untranslated("awsvpc has no host names of containers", "use localhost"),
    "user": untranslated("a specification has no user", f"{_IMAGE} (USER)"),
    "workingDirectory": untranslated(
        "a specification has no working directory", f"{_IMAGE} (WORKDIR)"
    ),
    "disableNetworking": untranslated(_EC2_ONLY, "leave the service on EC2"),
    "privileged": untranslated(
        _EC2_ONLY, "change the program so that it needs no privileges, or leave it on EC2"
    ),
    "readonlyRootFilesystem": untranslated(
        "a specification has no read-only file system: the container can write files",
        TEMPLATE,
    ),
    "dnsServers": untranslated("awsvpc has the name servers of the VPC", "configure the VPC"),
    "dnsSearchDomains": untranslated(
        "awsvpc has the search domains of the VPC", "use complete names"
    ),
    "extraHosts": untranslated("awsvpc has no host file", "use names of DNS"),
    "dockerSecurityOptions": untranslated(_EC2_ONLY, "leave the service on EC2"),
    "interactive": untranslated("a specification has no standard input", "remove it"),
    "pseudoTerminal": untranslated("a specification has no terminal", "remove it"),
    "dockerLabels": untranslated(
        "a specification has no labels of containers",
        f"{_IMAGE} (LABEL), or write variables that the agent reads, as DD_TAGS",
    ),
    "systemControls": untranslated("a specification has no kernel parameters", TEMPLATE),
    "resourceRequirements": untranslated(
        "Fargate has no GPUs", "leave the service on EC2"
    ),
    "credentialSpecs": untranslated("tasks run on Linux without gMSA here", "use a secret"),
}  # fmt: skip
_REST = without_effect("the application's container has all of the task that sidecars do not need")
# The container whose image is deployed.
APPLICATION: Table = {
    **_COMMON,
    "name": without_effect("the container has the name app"),
    "image": without_effect("a deploy brings the image"),
    "cpu": _REST,
    "memory": _REST,
    "memoryReservation": _REST,
    "portMappings": translated("service.containerPort"),
    "essential": without_effect("the application's container is always essential"),
    "stopTimeout": translated("service.stopSeconds"),
    "ulimits": translated("service.ulimits"),
    "logConfiguration": translated("service.logs"),
    "healthCheck": untranslated(
        "the load balancer checks the application's container, at healthCheckPath",
        "let healthCheckPath make the same checks",
    ),
    "firelensConfiguration": untranslated(
        "the log router must be a sidecar", "select another container with --container"
    ),
}
SIDECAR: Table = {
    **_COMMON,
    **{
        name: translated(f"service.sidecars.{name}")
        for name in (
            "cpu", "memory", "essential", "command", "environment", "secrets", "dependsOn",
            "healthCheck",
        )
    },
    "repositoryCredentials": translated("service.sidecars.registryCredentials"),
    "memoryReservation": untranslated(
        "a sidecar has no soft limit of memory", "write a hard limit: memory"
    ),
    "portMappings": translated("service.sidecars.ports"),
    "stopTimeout": untranslated(
        "a sidecar has the time limit of ECS for its end, 30 seconds",
        "let the program end within it",
        30,
    ),
    "ulimits": untranslated("a sidecar has the limits of Fargate", TEMPLATE),
    "logConfiguration": without_effect("its logs are in the log group of the environment"),
    "firelensConfiguration": translated("service.sidecars.logRouter"),
}  # fmt: skip
PORT_MAPPING: Table = {
    "containerPort": translated("service.containerPort, service.sidecars.ports"),
    "hostPort": without_effect("awsvpc does not map ports"),
    "protocol": untranslated(
        "load balancers of applications send HTTP over TCP; containers of a task reach a UDP port"
        " at localhost without a setting",
        "check that only containers of the task use the port",
        "tcp",
    ),
    "name": without_effect("Service Connect uses it"),
    "appProtocol": without_effect("Service Connect uses it"),
    "containerPortRange": untranslated(
        "a specification has single ports", "write the ports that other containers use into ports"
    ),
}
HEALTH_CHECK: Table = {
    "command": translated("service.sidecars.healthCheck.command"),
    "interval": translated("service.sidecars.healthCheck.intervalSeconds"),
    "timeout": translated("service.sidecars.healthCheck.timeoutSeconds"),
    "retries": translated("service.sidecars.healthCheck.retries"),
    "startPeriod": translated("service.sidecars.healthCheck.startSeconds"),
}
LOG_CONFIGURATION: Table = {
    "logDriver": translated("service.logs.driver"),
    "options": translated("service.logs.options"),
    "secretOptions": translated("service.logs.secrets"),
}
FIRELENS_CONFIGURATION: Table = {
    "type": translated("service.sidecars.logRouter.type"),
    "options": translated("service.sidecars.logRouter.options"),
}
