"""The change sets of CloudFormation: the resources that other parameters would change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devops_core.model.stack_change import ChangeSet, PropertyChange, ResourceChange
from devops_core.naming import SLOTS

_SERVICE_RESOURCES = {
    "TargetGroup": "AWS::ElasticLoadBalancingV2::TargetGroup",
    "LogGroup": "AWS::Logs::LogGroup",
    "ExecutionRole": "AWS::IAM::Role",
    "TaskDefinition": "AWS::ECS::TaskDefinition",
    "Service": "AWS::ECS::Service",
}
_ENVIRONMENT_RESOURCES = {
    "LoadBalancer": "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "Listener": "AWS::ElasticLoadBalancingV2::Listener",
    **_SERVICE_RESOURCES,
}
_POLICY = "AWS::IAM::RolePolicy"
# The reason of a change set whose validation fails (aws/aws-cdk-cli issue 1000).
INVALID_REASON = (
    "The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]. To"
    " troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure"
    " information."
)
# The parameters that a resource of a service depends on.
_USES = {
    "TaskDefinition": ("Image", "Cpu", "Memory", "ContainerPort", "CpuArchitecture"),
    "Service": ("StartSeconds", "Subnets", "SecurityGroup"),
    "TargetGroup": ("HealthCheckPath", "ContainerPort"),
    "ExecutionRole": ("PermissionsBoundary", "ImageRepositories"),
    "LogGroup": ("LogRetentionDays",),
}


@dataclass(slots=True)
class FakeChangeSet:
    """A change set. `left` is the number of describes before it is complete, None for no limit.

    `failures` has the failures of its validation. `id` is its ARN.
    """

    name: str
    parameters: dict[str, str]
    changes: tuple[ResourceChange, ...]
    status: str = "CREATE_IN_PROGRESS"
    execution: str = "UNAVAILABLE"
    reason: str = ""
    left: int | None = None
    failures: tuple[str, ...] = ()
    id: str = ""
    template: str = ""
    description: str = ""

    def complete(self) -> None:
        """End its creation as CloudFormation does; it fails if it is invalid or without changes."""
        if self.failures:
            self.status, self.reason = "FAILED", INVALID_REASON
            return
        if self.changes:
            self.status, self.execution = "CREATE_COMPLETE", "AVAILABLE"
            return
        self.status = "FAILED"
        self.reason = (
            "The submitted information didn't contain changes. Submit different information to"
            " create a change set."
        )

    def described(self) -> ChangeSet:
        """Return it as the port does."""
        complete = self.status == "CREATE_COMPLETE"
        changes = self.changes if complete else ()
        return ChangeSet(
            self.status,
            self.execution,
            self.reason,
            changes,
            self.id,
            description=self.description,
        )

    @property
    def effects(self) -> tuple[ResourceChange, ...]:
        """The changes that an execution makes: a reference changes if its resource is replaced."""
        new = {each.logical_id for each in self.changes if each.replacement == "True"}
        effects = [each for each in self.changes if not all_dynamic(each)]
        while True:
            found = [
                each
                for each in self.changes
                if each not in effects
                and any(detail.cause.partition(".")[0] in new for detail in each.details)
            ]
            if not found:
                return tuple(effects)
            effects += found
            new |= {each.logical_id for each in found if each.replacement == "Conditional"}


def all_dynamic(change: ResourceChange) -> bool:
    """Return whether a resource is listed only because it refers to others."""
    return bool(change.details) and all(each.dynamic for each in change.details)


def changed_parameters(present: Mapping[str, str], request: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of a stack after a change set."""
    return {
        each["ParameterKey"]: present[each["ParameterKey"]]
        if each.get("UsePreviousValue")
        else each["ParameterValue"]
        for each in request["Parameters"]
    }


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[ResourceChange, ...]:
    """Return the changes of the resources of cloudformation/application.yml."""
    old, new = _resources(before), _resources(after)
    found = [ResourceChange("Remove", each, old[each][0]) for each in old if each not in new]
    found += [ResourceChange("Add", each, new[each][0]) for each in new if each not in old]
    modified = [each for each in new if each in old and old[each] != new[each]]
    found += [
        ResourceChange("Modify", each, new[each][0], "False", _causes(each, before, after))
        for each in modified
    ]
    for part in ("ExecutionRole", "LogGroup"):
        names = [each.removesuffix(part) for each in modified if each.endswith(part)]
        listed = {each.logical_id for each in found}
        referring = dependents if part == "ExecutionRole" else dependents_of_logs
        found += [
            each for name in names for each in referring(name) if each.logical_id not in listed
        ]
    return tuple(found)


def dependents(name: str) -> tuple[ResourceChange, ...]:
    """Return the resources that CloudFormation lists with the changed execution role of a service.

    Only the update shows whether their values change (CloudFormation API, ResourceChangeDetail).
    """
    role, definition = f"{name}ExecutionRole.Arn", f"{name}TaskDefinition"
    by_role = PropertyChange("ExecutionRoleArn", "ResourceAttribute", role, dynamic=True)
    by_definition = PropertyChange("TaskDefinition", "ResourceReference", definition, dynamic=True)
    return (
        ResourceChange(
            "Modify", definition, _SERVICE_RESOURCES["TaskDefinition"], "Conditional", (by_role,)
        ),
        ResourceChange(
            "Modify", f"{name}Service", _SERVICE_RESOURCES["Service"], "False", (by_definition,)
        ),
    )


def dependents_of_logs(name: str) -> tuple[ResourceChange, ...]:
    """Return the resources that CloudFormation lists with the changed log group of a service."""
    group, definition, service = f"{name}LogGroup", *dependents(name)
    by_arn = PropertyChange("Policies", "ResourceAttribute", f"{group}.Arn", dynamic=True)
    by_name = PropertyChange("ContainerDefinitions", "ResourceReference", group, dynamic=True)
    role = ResourceChange(
        "Modify", f"{name}ExecutionRole", _SERVICE_RESOURCES["ExecutionRole"], "False", (by_arn,)
    )
    return role, definition._replace(details=(*definition.details, by_name)), service


def _causes(
    resource: str, before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[PropertyChange, ...]:
    """Return a property for each changed parameter that a resource depends on."""
    return tuple(
        PropertyChange(parameter, "ParameterReference", parameter)
        for kind, parameters in _USES.items()
        for parameter in parameters
        if resource.endswith(kind) and before.get(parameter, "") != after.get(parameter, "")
    )


def _resources(parameters: Mapping[str, str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the type of each resource, and the values that it depends on, by logical id."""
    resources = {}
    environments = parameters["Environments"].split(",")
    for name in (*environments, *SLOTS):
        prefix = name.replace("-", "")
        kinds = _ENVIRONMENT_RESOURCES if name in environments else _SERVICE_RESOURCES
        for kind, resource_type in kinds.items():
            values = tuple(parameters.get(each, "") for each in _USES.get(kind, ()))
            resources[f"{prefix}{kind}"] = resource_type, values
        secrets = parameters.get(f"{name.partition('-')[0]}SecretArns", "")
        if secrets:
            keys = parameters.get("SecretKeyArns", "")
            resources[f"{prefix}Secrets"] = _POLICY, (secrets, keys)
    return resources
