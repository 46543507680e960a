"""Inputs of AWS calls: an application's stack and the next task definition of a service."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from devops_core.container_definitions import (
    changed,
    configured_containers,
    container_settings,
    mapping,
    pairs,
)
from devops_core.model.inventory import Application, container_of
from devops_core.model.operation import Operation
from devops_core.model.specification import (
    ApplicationRecord,
    EnvironmentSettings,
    Specification,
    merged_settings,
    secret_arns,
    secret_fields,
)
from devops_core.model.stack_change import StackChange, change_set_name, items
from devops_core.naming import (
    OPERATION_TAG,
    PRODUCTION,
    SPECIFICATION_TAG,
    Image,
    environment_name,
    repository_name,
    service_name,
)
from devops_core.settings import Settings

if TYPE_CHECKING:
    from devops_core.model.observed import Stack

# Maximum size of TemplateBody and of the object of TemplateURL in bytes (CloudFormation User Guide,
# "Understand CloudFormation quotas"; the guide has 1 MB).
MAX_TEMPLATE_BODY = 51_200
MAX_TEMPLATE_BYTES = 1_000_000

# Maximum size of a task definition in bytes (Amazon ECS service quotas, "Task definition size
# limit").
MAX_TASK_DEFINITION_BYTES = 64 * 1024

# The end of the names of parameters with the secrets that an environment can read.
SECRETS_PARAMETER = "SecretArns"

# The parameter with the customer managed keys of these secrets; a custom template need not have it.
KEYS_PARAMETER = "SecretKeyArns"
# Its declaration in YAML and in JSON. A comment of a whole line declares nothing.
_DECLARED_KEYS = rf"(?m)^(?![ \t]*#).*\b{KEYS_PARAMETER}\b[\"']?\s*:"

# The members of a described task definition that RegisterTaskDefinition accepts (ECS API).
_BLUEPRINT_MEMBERS = (
    "family", "taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "volumes",
    "placementConstraints", "requiresCompatibilities", "cpu", "memory", "pidMode", "ipcMode",
    "proxyConfiguration", "ephemeralStorage", "runtimePlatform", "enableFaultInjection",
    "trustedExecutionConfiguration",
)  # fmt: skip


# The parts of a release. An upgrade must not change them either (`kinds.stack_guard`).
RELEASE_TYPES = (
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
)

# A stack update, also one that changes only tags, could reset these resources to the template:
# the listeners to the first live slot, the services to the first image. Resources can be added and
# removed (CloudFormation User Guide, "Prevent updates to stack resources").
_STACK_POLICY = {
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["Update:Modify", "Update:Replace"],
            "Resource": "*",
            "Condition": {"StringEquals": {"ResourceType": [*RELEASE_TYPES]}},
        },
    ]
}


def stack(
    operation: Operation,
    application: Application,
    record: ApplicationRecord,
    settings: Settings,
    template: bytes,
    url: str | None = None,
) -> dict[str, Any]:
    """Return the input of CreateStack for a create, with the unchanged template.

    `record` has the specification with the environments. `url` is that of exactly these bytes,
    None without one; only a template that is too large for the request needs it. Raises ValueError
    if the template is empty, not text or too large.
    """
    parameters = _parameters(application, record, settings)
    if settings.secret_keys and re.search(_DECLARED_KEYS, template.decode("utf-8")):
        parameters[KEYS_PARAMETER] = ",".join(settings.secret_keys)
    return {
        "StackName": application.name,
        **template_source(template, url),
        "Parameters": pairs(parameters, "ParameterKey", "ParameterValue"),
        "Tags": pairs(dict(application.tags) | {OPERATION_TAG: operation.id}, "Key", "Value"),
        "Capabilities": _capabilities(settings),
        "RoleARN": settings.stack_role,
        "ClientRequestToken": operation.id,
        # A failed stack remains until its reasons are read; then the operation deletes it.
        "OnFailure": "ROLLBACK",
        "EnableTerminationProtection": True,
        "StackPolicyBody": json.dumps(_STACK_POLICY),
    }


def change_set(
    operation: Operation,
    change: StackChange,
    stack: Stack,
    settings: Settings,
    template: bytes,
    url: str | None = None,
) -> dict[str, Any]:
    """Return the input of CreateChangeSet for a change of a stack.

    `template` is that of the stack, or of its upgrade: with UsePreviousTemplate, CloudFormation
    would use the expanded loops (CloudFormation API, CreateChangeSet). `url` is that of a template
    that is too large for the request. The tags are those of the stack, because the API does not
    document the effect of absent tags; tags that begin with "aws:" are CloudFormation's own. Raises
    ValueError as `stack`.
    """
    kept = change.kept if change.template else stack.parameters
    parameters = {name: {"UsePreviousValue": True} for name in kept} | {
        name: {"ParameterValue": value} for name, value in change.parameters.items()
    }
    tags = {key: value for key, value in stack.tags.items() if not key.startswith("aws:")}
    return {
        "StackName": stack.id,
        "ChangeSetName": change_set_name(operation.id),
        "ChangeSetType": "UPDATE",
        "ClientToken": operation.id,
        **template_source(template, url),
        "Parameters": [{"ParameterKey": name, **value} for name, value in parameters.items()],
        "Tags": pairs(tags, "Key", "Value"),
        "Capabilities": _capabilities(settings),
        "RoleARN": settings.stack_role,
    }


class UpgradedParameters(NamedTuple):
    """The parameters of a stack with another template.

    `values` are the new values of parameters that change, `kept` the parameters that keep their
    values. `missing` are those that need a value and have none.
    """

    values: Mapping[str, str]
    kept: tuple[str, ...]
    missing: tuple[str, ...]


def upgraded_parameters(
    application: Application,
    record: ApplicationRecord,
    settings: Settings,
    present: Mapping[str, str],
    declared: Mapping[str, bool],
) -> UpgradedParameters:
    """Return the parameters of a stack with `present` values and a template that declares others.

    A parameter that the stack does not have gets its value as in a create. `declared` is as in
    `ports.aws.Stacks.parameters`.
    """
    # As in a create, an installation without keys does not set the parameter.
    keys = {KEYS_PARAMETER: ",".join(settings.secret_keys)}
    if not settings.secret_keys and KEYS_PARAMETER not in present:
        keys = {}
    installed = {**_installed(settings), **keys}
    initial = {**_parameters(application, record, settings), **keys}
    values = {
        name: initial[name]
        for name in declared
        if name in initial and (name in installed or name not in present)
    }
    changed = {
        name: value
        for name, value in values.items()
        if name not in present or items(present[name]) != items(value)
    }
    kept = tuple(name for name in declared if name in present and name not in changed)
    missing = tuple(
        name
        for name, optional in declared.items()
        if not optional and name not in changed and name not in kept
    )
    return UpgradedParameters(changed, kept, missing)


def _capabilities(settings: Settings) -> list[str]:
    """Return the capabilities of the template: it creates roles and uses a transform."""
    return [
        "CAPABILITY_NAMED_IAM" if settings.named_roles else "CAPABILITY_IAM",
        "CAPABILITY_AUTO_EXPAND",
    ]


def template_source(template: bytes, url: str | None) -> dict[str, str]:
    """Return the member of a request with the template; ValueError if it cannot be used."""
    if not template.strip():
        raise ValueError("the template is empty")
    body, size = template.decode("utf-8"), len(template)
    if size <= MAX_TEMPLATE_BODY:
        return {"TemplateBody": body}
    if size > MAX_TEMPLATE_BYTES:
        raise ValueError(f"the template has {size} bytes; the maximum is {MAX_TEMPLATE_BYTES}")
    if url is None:
        raise ValueError(
            f"the template has {size} bytes; over {MAX_TEMPLATE_BODY} its bucket needs versioning"
        )
    return {"TemplateURL": url}


def _parameters(
    application: Application, record: ApplicationRecord, settings: Settings
) -> dict[str, str]:
    specification, fixed = record.specification, record.fixed
    environments = [service_name(name) for name in specification.environments]
    general = stack_settings(specification)
    return {
        "Environments": ",".join(environments),
        "RepositoryName": repository_name(application.name),
        "VpcId": settings.vpc,
        "Subnets": settings.subnets,
        "LoadBalancerSubnets": settings.load_balancer_subnets,
        "SecurityGroup": settings.security_group,
        "LoadBalancerSecurityGroup": settings.load_balancer_security_group,
        "Image": settings.initial_image,
        "ContainerPort": str(fixed.container_port),
        "HealthCheckPath": fixed.health_check_path,
        "Cpu": str(general.cpu),
        "Memory": str(general.memory),
        "CpuArchitecture": fixed.architecture,
        "StartSeconds": str(general.start_seconds),
        "ProductionScheme": settings.production_scheme,
        "CertificateArn": settings.certificate,
        **_installed(settings),
        **{
            f"{name}{SECRETS_PARAMETER}": ",".join(arns)
            for name, arns in secrets_by_environment(specification).items()
        },
    }


def _installed(settings: Settings) -> dict[str, str]:
    """Return the parameters that an upgrade sets to the settings of the installation.

    They concern only roles and log groups. The other settings belong to services, target groups,
    listeners and their network, which an upgrade does not change.
    """
    return {
        "LogRetentionDays": settings.log_retention_days,
        "PermissionsBoundary": settings.permissions_boundary,
        "ImageRepositories": ",".join(settings.image_repositories),
    }


class StackSettings(NamedTuple):
    """The settings that the stack gives the services of all environments.

    The defaults are those of cloudformation/application.yml.
    """

    cpu: int = 256
    memory: int = 512
    start_seconds: int = 60


def stack_settings(specification: Specification) -> StackSettings:
    """Return the settings in the parameters of a new stack."""
    service, usual = specification.document.get("service", {}), StackSettings()
    return StackSettings(
        cpu=service.get("cpu", usual.cpu),
        memory=service.get("memory", usual.memory),
        start_seconds=service.get("startSeconds", usual.start_seconds),
    )


def secrets_by_environment(specification: Specification) -> dict[str, list[str]]:
    """Return the ARNs of the secrets of each environment by its name in a document."""
    environments = (*specification.environments, PRODUCTION[0])
    return {
        name: secret_arns(secret_fields(merged_settings(specification.document, name)).values())
        for name in map(environment_name, environments)
    }


def blueprint(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a described task definition that RegisterTaskDefinition accepts."""
    return {key: described[key] for key in _BLUEPRINT_MEMBERS if described.get(key)}


def settings_of(definition: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the settings of a task definition, by their names in a specification.

    `name` is the name of the application's container. Settings without a value are missing.
    """
    container = container_of(definition, name)
    found = {
        "cpu": int(definition["cpu"]),
        "memory": int(definition["memory"]),
        "environment": mapping(container.get("environment", ()), "value"),
        "secrets": mapping(container.get("secrets", ()), "valueFrom"),
        "command": container.get("command"),
        "stopSeconds": container.get("stopTimeout"),
        "taskRole": definition.get("taskRoleArn"),
        "ephemeralStorageGiB": definition.get("ephemeralStorage", {}).get("sizeInGiB"),
        **container_settings(definition["containerDefinitions"], name),
    }
    return {setting: value for setting, value in found.items() if value is not None}


def task_definition(
    base: Mapping[str, Any],
    name: str,
    image: Image | None,
    tags: Mapping[str, str],
    settings: EnvironmentSettings | None = None,
    owned: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the input of RegisterTaskDefinition: `base` with other values.

    `name` is the name of the application's container. An image with a digest is named by the
    digest, so that the tested image runs. None keeps the image or the settings of `base`. `owned`
    are the settings of `base` that an earlier specification set (`EnvironmentSettings.owned`);
    those that `settings` lack are removed.
    """
    containers = [
        {**each, "image": image.pinned} if image and each["name"] == name else each
        for each in base["containerDefinitions"]
    ]
    definition = dict(base)
    if settings is not None:
        containers = configured_containers(containers, name, settings, owned)
        definition = _configured_task(definition, settings, owned)
        tags = {**tags, SPECIFICATION_TAG: settings.hash}
    definition["containerDefinitions"] = containers
    return {**definition, "tags": pairs(tags, "key", "value")}


def task_definition_bytes(definition: Mapping[str, Any]) -> int:
    """Return the size of a task definition as UTF-8 JSON; its tags are not a part of it."""
    content = {name: value for name, value in definition.items() if name != "tags"}
    return len(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())


def _configured_task(
    definition: Mapping[str, Any], settings: EnvironmentSettings, owned: Sequence[str]
) -> dict[str, Any]:
    """Return a task definition with the size, the storage and the role of an environment."""
    sizes = {"cpu": settings.cpu, "memory": settings.memory}
    changes = {member: str(size) for member, size in sizes.items() if size is not None}
    storage = settings.ephemeral_storage
    removable = {
        "taskRole": ("taskRoleArn", settings.task_role),
        "ephemeralStorageGiB": ("ephemeralStorage", {"sizeInGiB": storage} if storage else None),
    }
    return changed(definition, changes, removable, owned)
