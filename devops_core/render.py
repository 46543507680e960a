"""Inputs of AWS calls: an application's stack and the next task definition of a service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from devops_core.model.inventory import Application, container_of
from devops_core.model.operation import Operation
from devops_core.model.service_spec import ServiceSpec, secret_arns
from devops_core.naming import (
    DEPLOYABLE,
    OPERATION_TAG,
    Image,
    environment_name,
    repository_name,
    service_name,
)
from devops_core.settings import Settings

# Maximum size of TemplateBody and of the object of TemplateURL in bytes (CloudFormation User Guide,
# "Understand CloudFormation quotas"; the guide has 1 MB).
MAX_TEMPLATE_BODY = 51_200
MAX_TEMPLATE_BYTES = 1_000_000

# The end of the names of parameters with the secrets that an environment can read.
SECRETS_PARAMETER = "SecretArns"

# The members of a described task definition that RegisterTaskDefinition accepts (ECS API).
_BLUEPRINT_MEMBERS = (
    "family", "taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "volumes",
    "placementConstraints", "requiresCompatibilities", "cpu", "memory", "pidMode", "ipcMode",
    "proxyConfiguration", "ephemeralStorage", "runtimePlatform", "enableFaultInjection",
    "trustedExecutionConfiguration",
)  # fmt: skip


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
            "Condition": {
                "StringEquals": {
                    "ResourceType": [
                        "AWS::ECS::Service",
                        "AWS::ECS::TaskDefinition",
                        "AWS::ElasticLoadBalancingV2::Listener",
                        "AWS::ElasticLoadBalancingV2::TargetGroup",
                    ]
                }
            },
        },
    ]
}


def stack(
    operation: Operation,
    application: Application,
    settings: Settings,
    template: bytes,
    url: str | None = None,
) -> dict[str, Any]:
    """Return the input of CreateStack for a create, with the unchanged template.

    `operation.progress` has the environments. `url` is that of exactly these bytes, None without
    one; only a template that is too large for the request needs it. Raises ValueError if the
    template is empty, not text or too large.
    """
    parameters = _parameters(operation, application, settings)
    return {
        "StackName": application.name,
        **_template(template, url),
        "Parameters": _pairs(parameters, "ParameterKey", "ParameterValue"),
        "Tags": _pairs(dict(application.tags) | {OPERATION_TAG: operation.id}, "Key", "Value"),
        # The template creates roles (IAM) and uses a transform (auto-expand).
        "Capabilities": [
            "CAPABILITY_NAMED_IAM" if settings.named_roles else "CAPABILITY_IAM",
            "CAPABILITY_AUTO_EXPAND",
        ],
        "RoleARN": settings.stack_role,
        "ClientRequestToken": operation.id,
        # A failed stack remains until its reasons are read; then the operation deletes it.
        "OnFailure": "ROLLBACK",
        "EnableTerminationProtection": True,
        "StackPolicyBody": json.dumps(_STACK_POLICY),
    }


def _template(template: bytes, url: str | None) -> dict[str, str]:
    """Return the member of CreateStack with the template; ValueError if it cannot be used."""
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
        **_secrets(operation),
    }


def _secrets(operation: Operation) -> dict[str, str]:
    """Return the parameters with the secrets that the tasks of each environment can read."""
    service_of = operation.details.service_of
    return {
        f"{environment_name(part.environment)}{SECRETS_PARAMETER}": ",".join(
            secret_arns(service_of(part.environment).secrets.values())
        )
        for part in operation.progress
    }


def blueprint(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a described task definition that RegisterTaskDefinition accepts."""
    return {key: described[key] for key in _BLUEPRINT_MEMBERS if described.get(key)}


def task_definition(
    base: Mapping[str, Any],
    name: str,
    image: Image | None,
    tags: Mapping[str, str],
    spec: ServiceSpec | None = None,
) -> dict[str, Any]:
    """Return the input of RegisterTaskDefinition: `base` with another image and other tags.

    `name` is the name of the application's container; the others (sidecars) do not change. An
    image with a digest is named by the digest, so that the tested image runs. The variables and
    secrets of `spec` replace those of the same name, because ECS refuses a name that is both
    (RegisterTaskDefinition).
    """
    present = container_of(base, name)
    container = dict(present)
    if image is not None:
        container["image"] = image.pinned
    if spec is not None:
        own = {**spec.environment, **spec.secrets}
        for members, value, wanted in (
            ("environment", "value", spec.environment),
            ("secrets", "valueFrom", spec.secrets),
        ):
            kept = [pair for pair in present.get(members, []) if pair["name"] not in own]
            container[members] = [*kept, *_pairs(wanted, "name", value)]
    return {
        **base,
        "containerDefinitions": [
            container if each is present else each for each in base["containerDefinitions"]
        ],
        "tags": _pairs(tags, "key", "value"),
    }


def _pairs(values: Mapping[str, str], key: str, value: str) -> list[dict[str, str]]:
    return [{key: name, value: values[name]} for name in values]
