"""The changes that the upgrade of a stack must not make: they could change a running release.

The stack policy denies the most dangerous ones too (`render.stack`), but only during the update,
which CloudFormation then rolls back. The guard refuses them before the update.
"""

from __future__ import annotations

from devops_core.model.stack_change import ChangeSet, PropertyChange, ResourceChange

# As in the stack policy (`render.stack`).
_PROTECTED = (
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
)
# New resources of these types change an existing listener, or the task count of a service.
_CHANGES_OTHERS = (
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ElasticLoadBalancingV2::ListenerCertificate",
    "AWS::ElasticLoadBalancingV2::ListenerRule",
)
_REFERENCES = ("ResourceReference", "ResourceAttribute")


def forbidden_changes(change_set: ChangeSet) -> list[str]:
    """Return the changes of resources that an upgrade must not make, with the properties."""
    unaffected = _unaffected(change_set.changes)
    return [
        _description(each)
        for each in change_set.changes
        if each.logical_id not in unaffected and not _is_allowed(each)
    ]


def _is_allowed(change: ResourceChange) -> bool:
    """Return whether a change adds a resource, or modifies an unprotected one in place."""
    if change.action == "Add":
        return change.type not in _CHANGES_OTHERS
    in_place = change.action == "Modify" and change.replacement == "False"
    return in_place and change.type not in (*_PROTECTED, *_CHANGES_OTHERS)


def _unaffected(changes: tuple[ResourceChange, ...]) -> set[str]:
    """Return the resources that a change set lists only because they refer to changed ones.

    CloudFormation lists each resource that refers to a modified one, and knows only during the
    update whether its value changes (CloudFormation API, ResourceChangeDetail, "Evaluation"). The
    physical id and the ARN of a resource change only with its replacement.
    """
    modified = [each for each in changes if each.action == "Modify"]
    same = {each.logical_id for each in modified if _is_allowed(each)}
    unaffected: set[str] = set()
    while True:
        found = {
            each.logical_id
            for each in modified
            if each.details and all(_refers(detail, same) for detail in each.details)
        }
        if found <= unaffected:
            return unaffected
        unaffected |= found
        same |= found


def _refers(detail: PropertyChange, resources: set[str]) -> bool:
    """Return whether a property changes at most with the id or the ARN of one of the resources."""
    name = detail.cause.removesuffix(".Arn")
    return detail.dynamic and detail.source in _REFERENCES and name in resources


def _description(change: ResourceChange) -> str:
    """Return a change with its properties and their causes."""
    verb = "Replace" if change.replacement in ("True", "Conditional") else change.action
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
