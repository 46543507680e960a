"""Reads an ECS service from AWS, with the credentials of the caller.

Each call only reads. `CALLS` lists all of them; docs/examples/init-policy.json allows them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from devops_cli.aws import DENIED, Clients, action, pages
from devops_cli.failures import CliError, CredentialsError, OperationNotFoundError
from devops_cli.translation.facts import Described, Object, scaling_resource, with_task_set

CALLS: Mapping[str, Collection[str]] = {
    "application-autoscaling": ("DescribeScalableTargets", "DescribeScalingPolicies"),
    "ecs": ("DescribeServices", "DescribeTaskDefinition"),
    "elbv2": ("DescribeLoadBalancers", "DescribeTargetGroups"),
}
# Application Auto Scaling API, RegisterScalableTarget.
_DIMENSION = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
_HEALTH, _BALANCER, _SCALING = "health check", "load balancer", "scaling"


def read(clients: Clients, cluster: str, service: str) -> Described:
    """Return a service with its task definition, load balancers and scaling.

    Raises:
        CliError: the service or its task definition cannot be read.

    """
    try:
        own = _service(clients["ecs"], cluster, service)
        definition = clients["ecs"].describe_task_definition(
            taskDefinition=own["taskDefinition"], include=["TAGS"]
        )
    except ClientError as error:
        raise _refusal(error, cluster) from error
    except BotoCoreError as error:
        raise CliError(f"AWS does not respond: {error}", "Check the region and the network.") from (
            error
        )
    unread: dict[str, str] = {}
    arns = [
        each["targetGroupArn"] for each in own.get("loadBalancers", ()) if "targetGroupArn" in each
    ]
    groups: list[Object] = []
    balancers: list[Object] = []
    if arns:
        groups = _try(unread, _HEALTH, lambda: _groups(clients["elbv2"], arns))
        named = [arn for each in groups for arn in each.get("LoadBalancerArns", ())]
        if named:
            balancers = _try(unread, _BALANCER, lambda: _balancers(clients["elbv2"], named))
    scaling = clients["application-autoscaling"]
    resource = scaling_resource(own)
    targets = _try(unread, _SCALING, lambda: _targets(scaling, resource))
    policies = _try(unread, _SCALING, lambda: _policies(scaling, resource)) if targets else []
    return Described(
        definition["taskDefinition"],
        own,
        definition.get("tags", ()),
        groups,
        balancers,
        targets,
        policies,
        unread,
        f"the ECS service {service} of the cluster {cluster}",
    )


def _service(client: Any, cluster: str, name: str) -> Object:
    found = client.describe_services(cluster=cluster, services=[name], include=["TAGS"])
    active = [each for each in found["services"] if each["status"] != "INACTIVE"]
    if not active:
        raise OperationNotFoundError(
            f"the cluster {cluster} has no service {name}",
            f"aws ecs list-services --cluster {cluster} lists the services of this region.",
        )
    found = with_task_set(active[0])
    if not found.get("taskDefinition"):
        raise CliError(
            f"the service {name} has no task definition, because it has no primary task set",
            "Use --task-definition with the file of the task definition that customers use, and"
            " --service-file with the output of aws ecs describe-services.",
        )
    return found


def _refusal(error: ClientError, cluster: str) -> CliError:
    """Return the error of a call without which there is nothing to translate.

    The message of AWS is not repeated: it can contain ARNs.
    """
    code = error.response["Error"]["Code"]
    if code in DENIED:
        needed = action("ecs", error.operation_name)
        return CredentialsError(
            f"the permission {needed} is missing",
            "docs/examples/init-policy.json has all permissions of devops init. Without them, use"
            " --task-definition with a file.",
        )
    if code == "ClusterNotFoundException":
        return OperationNotFoundError(
            f"the cluster {cluster} does not exist in this region", "Check --cluster and --region."
        )
    return CliError(
        f"{error.operation_name} failed: {code}", "Check --cluster, --service and --region."
    )


def _try(unread: dict[str, str], part: str, reader: Callable[[], list[Object]]) -> list[Object]:
    """Return a list, empty if it cannot be read; then `unread` gets the reason."""
    try:
        return reader()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        service = next(name for name, calls in CALLS.items() if error.operation_name in calls)
        needed = action(service, error.operation_name)
        unread[part] = (
            f"the permission {needed} is missing"
            if code in DENIED
            else f"it could not be read ({error.operation_name}: {code})"
        )
    except BotoCoreError:
        unread[part] = "AWS did not respond"
    return []


def _groups(client: Any, arns: list[str]) -> list[Object]:
    return list(pages(client, "describe_target_groups", "TargetGroups", TargetGroupArns=arns))


def _balancers(client: Any, arns: list[str]) -> list[Object]:
    return list(pages(client, "describe_load_balancers", "LoadBalancers", LoadBalancerArns=arns))


def _targets(client: Any, resource: str) -> list[Object]:
    request = {"ResourceIds": [resource], **_DIMENSION}
    return list(pages(client, "describe_scalable_targets", "ScalableTargets", **request))


def _policies(client: Any, resource: str) -> list[Object]:
    request = {"ResourceId": resource, **_DIMENSION}
    return list(pages(client, "describe_scaling_policies", "ScalingPolicies", **request))
