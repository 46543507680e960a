"""The changes that the upgrade of a stack must not make: they could change a running release.

The stack policy denies the most dangerous ones too (`render.stack`), but only during the update,
which CloudFormation then rolls back. The guard refuses them before the update.
"""

from __future__ import annotations

from collections.abc import Mapping

from devops_core.model.stack_change import ChangeSet, PropertyChange, ResourceChange
from devops_core.render import RELEASE_TYPES

# The stack policy does not protect these, and a replacement loses images, logs or addresses. So
# they must not even be replaced conditionally.
_PERMANENT = (
    "AWS::ECR::Repository",
    "AWS::ECS::Cluster",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::Logs::LogGroup",
)
# Types whose attribute Arn contains only properties that CloudFormation changes by a replacement:
# the path and the name (CloudFormation Template Reference, "Update requires" of AWS::IAM::Role and
# AWS::Logs::LogGroup).
_CONSTANT_ARN = ("AWS::IAM::Role", "AWS::Logs::LogGroup")
# New resources of these types change an existing listener, or the task count of a service.
_CHANGES_OTHERS = (
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ElasticLoadBalancingV2::ListenerCertificate",
    "AWS::ElasticLoadBalancingV2::ListenerRule",
)


def forbidden_changes(change_set: ChangeSet) -> list[str]:
    """Return the changes of resources that an upgrade must not make, with the properties."""
    unaffected = _unaffected(change_set.changes)
    return [
        _description(each)
        for each in change_set.changes
        if each not in unaffected and not _is_allowed(each)
    ]


def _is_allowed(change: ResourceChange) -> bool:
    """Return whether a change adds a resource, or modifies an unprotected one in place."""
    if change.action == "Add":
        return change.type not in _CHANGES_OTHERS
    in_place = change.action == "Modify" and change.replacement == "False"
    return in_place and change.type not in (*RELEASE_TYPES, *_CHANGES_OTHERS)


def _unaffected(changes: tuple[ResourceChange, ...]) -> set[ResourceChange]:
    """Return the resources that a change set lists only because they refer to changed ones.

    CloudFormation lists each resource that refers to a modified one, because it knows only during
    the update whether the value of the reference changes (CloudFormation API, ResourceChangeDetail,
    "Evaluation"). If a replacement is necessary for another value, it lists the replacement as
    Conditional (ResourceChange, "Replacement"). A resource that is modified in place keeps its
    physical id (User Guide, "Update behaviors of stack resources"), so the value stays the same.
    """
    modified = [each for each in changes if each.action == "Modify"]
    same = {each.logical_id: each.type for each in modified if _is_allowed(each)}
    unaffected: set[ResourceChange] = set()
    while True:
        found = {
            each
            for each in modified
            if each.details
            and each.replacement in _replacements(each)
            and all(_keeps_value(detail, same) for detail in each.details)
        }
        if found <= unaffected:
            return unaffected
        unaffected |= found
        same |= {each.logical_id: each.type for each in found}


def _replacements(change: ResourceChange) -> tuple[str, ...]:
    """Return the values of Replacement that a reference to an unchanged value can cause."""
    return ("False",) if change.type in _PERMANENT else ("False", "Conditional")


def _keeps_value(detail: PropertyChange, same: Mapping[str, str]) -> bool:
    """Return whether a property has a reference to a resource that is not replaced.

    `same` has the types of these resources by logical id. Ref returns the physical id of the types
    in a stack of an application. Attributes can change in place, except for some ARNs.
    """
    if not detail.dynamic:
        return False
    if detail.source == "ResourceReference":
        return detail.cause in same
    name, _, attribute = detail.cause.partition(".")
    is_attribute = detail.source == "ResourceAttribute" and attribute == "Arn"
    return is_attribute and same.get(name) in _CONSTANT_ARN


def _description(change: ResourceChange) -> str:
    """Return a change with its properties and their causes."""
    verbs = {"True": "Replace", "Conditional": "Possibly replace"}
    verb = verbs.get(change.replacement, change.action)
    causes = {
        "ParameterReference": " by the parameter {}",
        "ResourceReference": " by the resource {}",
        "ResourceAttribute": " by the attribute {}",
    }
    properties = dict.fromkeys(
        detail.name + (causes.get(detail.source, "").format(detail.cause) if detail.cause else "")
        for detail in change.details
    )
    names = f": {', '.join(properties)}" if properties else ""
    return f"{verb} {change.logical_id} ({change.type}){names}"
