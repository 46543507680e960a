"""The IAM permissions that CloudFormation's resource handlers need from the role of a stack.

Source: `resource-handlers.json`, the handlers of the resource provider schemas that AWS publishes.
A handler lists the actions for all properties of its type; `UNNEEDED` names those that no property
of an application's template requires.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tools.laptop.calls import Permission
from tools.laptop.permissions import service_keys, task_definition_keys

_HANDLERS = Path(__file__).with_name("resource-handlers.json")
_KMS = "a customer-managed KMS key; the template uses keys of AWS"
# Actions of the handlers that are not required, with the reason.
UNNEEDED: Mapping[str, str] = {
    "cognito-idp:DescribeUserPoolClient": "an authenticate-cognito action",
    "ecr:SetRepositoryPolicy": "RepositoryPolicyText",
    "elasticloadbalancing:ModifyCapacityReservation": "MinimumLoadBalancerCapacity",
    "elasticloadbalancing:ModifyListenerAttributes": "ListenerAttributes",
    "elasticloadbalancing:RegisterTargets": "Targets; ECS registers the targets",
    "firehose:TagDeliveryStream": "the delivery of a log group to Firehose",
    "iam:AttachRolePolicy": "ManagedPolicyArns",
    "kms:CreateGrant": _KMS,
    "kms:DescribeKey": _KMS,
    "kms:RetireGrant": _KMS,
    "logs:CreateLogDelivery": "the delivery of a log group",
    "logs:PutBearerTokenAuthentication": "BearerTokenAuthenticationEnabled",
    "logs:PutDataProtectionPolicy": "DataProtectionPolicy",
    "logs:PutIndexPolicy": "FieldIndexPolicies",
    "logs:PutResourcePolicy": "ResourcePolicyDocument",
    "s3:REST.PUT.OBJECT": "not an IAM action",
}
# Actions that the handlers do not list, although AWS checks them.
# CreateLoadBalancer: docs.aws.amazon.com/elasticloadbalancing/latest/userguide/
# elb-api-permissions.html, "Required permissions for the EC2 API" (since October 2024).
_ADDITIONAL: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "create"): (
        "ec2:DescribeAccountAttributes",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "ec2:GetSecurityGroupsForVpc",
    ),
    # EmptyOnDelete: the handler deletes the images first.
    ("AWS::ECR::Repository", "delete"): ("ecr:BatchDeleteImage", "ecr:ListImages"),
    # The handler sets the count to 0 first.
    ("AWS::ECS::Service", "delete"): ("ecs:UpdateService",),
}
# Names of resources, as in the Service Authorization Reference. A missing name is any name.
_RESOURCES: Mapping[str, str] = {
    "AWS::ECR::Repository": "ecr:{at}:repository/{RepositoryName}",
    "AWS::ECS::Cluster": "ecs:{at}:cluster/{ClusterName}",
    "AWS::ECS::Service": "ecs:{at}:service/{Cluster}/{ServiceName}",
    "AWS::ECS::TaskDefinition": "ecs:{at}:task-definition/{Family}:*",
    "AWS::ElasticLoadBalancingV2::Listener": "elasticloadbalancing:{at}:listener/app/*",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (
        "elasticloadbalancing:{at}:loadbalancer/app/{Name}/*"
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": "elasticloadbalancing:{at}:targetgroup/{Name}/*",
    "AWS::IAM::Role": "iam::{account}:role{Path}{RoleName}",
    # The path and the boundary of the role are not properties of the policy.
    "AWS::IAM::RolePolicy": "iam::{account}:role{Path}{RoleName}",
    "AWS::Logs::LogGroup": "logs:{at}:log-group:{LogGroupName}",
}
# The call that creates a resource. AWS compares it with the condition key `<service>:CreateAction`
# when this call also sets tags.
_CREATE_CALLS = {
    "AWS::ECS::Cluster": "CreateCluster",
    "AWS::ECS::Service": "CreateService",
    "AWS::ECS::TaskDefinition": "RegisterTaskDefinition",
    "AWS::ElasticLoadBalancingV2::Listener": "CreateListener",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "CreateLoadBalancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "CreateTargetGroup",
}
# The services that assume the service-linked roles of an account; its first cluster creates one.
_LINKED = {"AWS::ECS::Cluster": "ecs.amazonaws.com"}
# The calls that give a resource of a further IAM type its effect; `{Users}` is each of the users.
# The roles of an AWS::IAM::Policy have the rule of AWS::IAM::RolePolicy.
_IAM_CALLS: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("AWS::IAM::InstanceProfile", "create"): {"iam:CreateInstanceProfile": "instance-profile/*"},
    ("AWS::IAM::InstanceProfile", "delete"): {"iam:DeleteInstanceProfile": "instance-profile/*"},
    ("AWS::IAM::ManagedPolicy", "create"): {"iam:CreatePolicy": "policy/*"},
    ("AWS::IAM::ManagedPolicy", "delete"): {"iam:DeletePolicy": "policy/*"},
    ("AWS::IAM::Policy", "create"): {
        "iam:PutUserPolicy": "user/{Users}",
        "iam:PutGroupPolicy": "group/{Groups}",
    },
    ("AWS::IAM::Policy", "delete"): {
        "iam:DeleteUserPolicy": "user/{Users}",
        "iam:DeleteGroupPolicy": "group/{Groups}",
    },
    ("AWS::IAM::User", "create"): {"iam:CreateUser": "user/*"},
    ("AWS::IAM::User", "delete"): {"iam:DeleteUser": "user/*"},
}


class Resource(NamedTuple):
    """A resource of a stack: its type and its properties with resolved references."""

    type: str
    properties: Mapping[str, Any]
    region: str
    account: str


def handler_permissions(resource: Resource, handler: str) -> list[Permission] | None:
    """Return the permissions for a handler ("create" or "delete") of a resource.

    None means that no rule exists for the type of the resource.
    """
    if (resource.type, handler) in _IAM_CALLS:
        return list(_iam_permissions(resource, handler))
    if resource.type not in _RESOURCES:
        return None
    actions = {*resource_handlers()[resource.type]["handlers"][handler]} - set(UNNEEDED)
    actions |= {*_ADDITIONAL.get((resource.type, handler), ())}
    return [each for action in sorted(actions) for each in _permissions(resource, action)]


@cache
def resource_handlers() -> Mapping[str, Any]:
    """Return the published handlers, with their actions, by type of resource."""
    handlers: dict[str, Any] = json.loads(_HANDLERS.read_text(encoding="utf-8"))["types"]
    return handlers


def iam_calls() -> Mapping[tuple[str, str], Mapping[str, str]]:
    """Return the actions of each IAM type and handler that resource-handlers.json lacks."""
    return _IAM_CALLS


def _iam_permissions(resource: Resource, handler: str) -> Iterator[Permission]:
    for action, name in _IAM_CALLS[resource.type, handler].items():
        kind, _, names = name.partition("/")
        several = resource.properties.get(names.strip("{}")) or () if "{" in names else [names]
        for each in several:
            yield Permission(action, f"arn:aws:iam::{resource.account}:{kind}/{each}")


def _permissions(resource: Resource, action: str) -> Iterator[Permission]:
    properties = resource.properties
    if action == "iam:PassRole":
        for name in ("ExecutionRoleArn", "TaskRoleArn", "Role"):
            if properties.get(name):
                passed = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
                yield Permission(action, str(properties[name]), passed)
    elif action == "iam:CreateServiceLinkedRole":
        service = _LINKED[resource.type]
        role = f"arn:aws:iam::{resource.account}:role/aws-service-role/{service}/*"
        yield Permission(action, role, {"iam:AWSServiceName": service})
    elif action == "iam:GetRole" and resource.type != "AWS::IAM::Role":
        for name in ("ExecutionRoleArn", "TaskRoleArn"):
            if properties.get(name):
                yield Permission(action, str(properties[name]))
    elif action.startswith("ec2:"):
        yield Permission(action)  # without resource-level permissions
    else:
        yield Permission(action, _arn(resource), _keys(resource, action))


def _arn(resource: Resource) -> str:
    names = {name: str(value) for name, value in resource.properties.items()}
    names["Cluster"] = names.get("Cluster", "default").rpartition("/")[2]
    names["Path"] = names.get("Path", "/")
    known = _Names(names, at=f"{resource.region}:{resource.account}", account=resource.account)
    return "arn:aws:" + _RESOURCES[resource.type].format_map(known)


class _Names(dict[str, str]):
    """Names in which a missing one is any name."""

    def __missing__(self, key: str) -> str:
        return "*"


def _keys(resource: Resource, action: str) -> dict[str, Any]:
    tags = {tag["Key"]: tag["Value"] for tag in resource.properties.get("Tags") or ()}
    keys: dict[str, Any] = {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
    if action in ("ecs:TagResource", "elasticloadbalancing:AddTags"):
        keys[f"{action.partition(':')[0]}:CreateAction"] = _CREATE_CALLS[resource.type]
    if action == "ecs:RegisterTaskDefinition":
        containers = resource.properties.get("ContainerDefinitions") or ()
        keys |= task_definition_keys(
            resource.properties.get("RequiresCompatibilities"),
            [each.get("Privileged") for each in containers],
        )
    # The update before a delete has only the count.
    if action == "ecs:CreateService":
        network = resource.properties.get("NetworkConfiguration", {}).get("AwsvpcConfiguration", {})
        keys |= service_keys(
            {f"{name[0].lower()}{name[1:]}": value for name, value in network.items()},
            resource.properties.get("EnableExecuteCommand"),
        )
    if action == "iam:UntagRole":
        keys["aws:TagKeys"] = []  # create and delete remove no tags
    if boundary := resource.properties.get("PermissionsBoundary"):
        keys["iam:PermissionsBoundary"] = boundary
    return keys
