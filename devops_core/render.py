"""Inputs of AWS calls: an application's stack and the next task definition of a service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devops_core.model.inventory import Application
from devops_core.model.operation import Operation
from devops_core.model.service_spec import ServiceSpec
from devops_core.naming import DEPLOYABLE, OPERATION_TAG, Image, repository_name, service_name
from devops_core.settings import Settings

# Maximum size of TemplateBody in bytes (CloudFormation API, CreateStack).
MAX_TEMPLATE_BYTES = 51_200

# The template's parameter with the secrets that an application can read.
SECRETS_PARAMETER = "SecretArns"

# The members of a described task definition that RegisterTaskDefinition accepts (ECS API).
_BLUEPRINT_MEMBERS = (
    "family", "taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "volumes",
    "placementConstraints", "requiresCompatibilities", "cpu", "memory", "pidMode", "ipcMode",
    "proxyConfiguration", "ephemeralStorage", "runtimePlatform", "enableFaultInjection",
    "trustedExecutionConfiguration",
)  # fmt: skip


def stack(
    operation: Operation, application: Application, settings: Settings, template: bytes
) -> dict[str, Any]:
    """Return the input of CreateStack for a create, with the unchanged template.

    `operation.progress` has the environments. Raises ValueError if the template is empty, not
    text or too large.
    """
    if not template.strip():
        raise ValueError("the template is empty")
    if len(template) > MAX_TEMPLATE_BYTES:
        size = len(template)
        raise ValueError(f"the template has {size} bytes; CreateStack accepts {MAX_TEMPLATE_BYTES}")
    parameters = _parameters(operation, application, settings)
    return {
        "StackName": application.name,
        "TemplateBody": template.decode("utf-8"),
        "Parameters": _pairs(parameters, "ParameterKey", "ParameterValue"),
        "Tags": _pairs(dict(application.tags) | {OPERATION_TAG: operation.id}, "Key", "Value"),
        # The template creates roles (IAM) and uses a transform (auto-expand).
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        "RoleARN": settings.stack_role,
        "ClientRequestToken": operation.id,
        # A failed stack remains until its reasons are read; then the operation deletes it.
        "OnFailure": "ROLLBACK",
    }


def _parameters(
    operation: Operation, application: Application, settings: Settings
) -> dict[str, str]:
    chosen = {part.environment for part in operation.progress}
    environments = [service_name(name) for name in DEPLOYABLE if name in chosen]
    spec = operation.details.service
    return {
        "Environments": ",".join(environments),
        "RepositoryName": repository_name(application.name),
        "VpcId": settings.vpc,
        "Subnets": settings.subnets,
        "LoadBalancerSubnets": settings.load_balancer_subnets,
        "SecurityGroup": settings.security_group,
        "LoadBalancerSecurityGroup": settings.load_balancer_security_group,
        "Image": settings.initial_image,
        "ContainerPort": str(spec.container_port),
        "HealthCheckPath": spec.health_check_path,
        "Cpu": str(spec.cpu),
        "Memory": str(spec.memory),
        "CpuArchitecture": spec.architecture,
        "StartSeconds": str(spec.start_seconds),
        "LogRetentionDays": settings.log_retention_days,
        "ProductionScheme": settings.production_scheme,
        "CertificateArn": settings.certificate,
        "PermissionsBoundary": settings.permissions_boundary,
        "ImageRepositories": ",".join(settings.image_repositories),
        SECRETS_PARAMETER: ",".join(sorted(set(map(_secret_resource, spec.secrets.values())))),
    }


def blueprint(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a described task definition that RegisterTaskDefinition accepts."""
    return {key: described[key] for key in _BLUEPRINT_MEMBERS if described.get(key)}


def task_definition(
    base: Mapping[str, Any],
    image: Image | None,
    tags: Mapping[str, str],
    spec: ServiceSpec | None = None,
) -> dict[str, Any]:
    """Return the input of RegisterTaskDefinition: `base` with another image and other tags.

    The first container is the application's; the others (sidecars) do not change. An image with a
    digest is named by the digest, so that the tested image runs. The variables and secrets of
    `spec` replace those of the same name, because ECS refuses a name that is both
    (RegisterTaskDefinition).
    """
    first, *others = base["containerDefinitions"]
    container = dict(first)
    if image is not None:
        container["image"] = image.pinned
    if spec is not None:
        own = {**spec.environment, **spec.secrets}
        for members, value, wanted in (
            ("environment", "value", spec.environment),
            ("secrets", "valueFrom", spec.secrets),
        ):
            kept = [pair for pair in first.get(members, []) if pair["name"] not in own]
            container[members] = [*kept, *_pairs(wanted, "name", value)]
    return {
        **base,
        "containerDefinitions": [container, *others],
        "tags": _pairs(tags, "key", "value"),
    }


def _secret_resource(value_from: str) -> str:
    """Return the ARN of the secret itself, without the `:json-key:stage:version` ECS allows."""
    service = value_from.split(":")[2]
    return ":".join(value_from.split(":")[:7]) if service == "secretsmanager" else value_from


def _pairs(values: Mapping[str, str], key: str, value: str) -> list[dict[str, str]]:
    return [{key: name, value: values[name]} for name in values]
