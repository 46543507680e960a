"""CloudFormation: the resource type AWS::IAM::RolePolicy, and the boundaries of roles."""

from __future__ import annotations

from typing import Any

from ministack.services import iam
from ministack.services.cloudformation import provisioners

KIND = "AWS::IAM::RolePolicy"

_iam_role_create = provisioners._iam_role_create


def apply() -> None:
    """Apply the corrections.

    Gap: the emulator lacks this type. It has AWS::IAM::Policy, which also writes a policy into a
    role, but for several roles.
    """
    provisioners._RESOURCE_HANDLERS[KIND] = {
        "create": create,
        "update": update,
        "update_with_logical_id": True,
        "delete": delete,
    }
    provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]["create"] = create_role


def create_role(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
    """Create a role with its permissions boundary. Gap: the emulator drops it."""
    name, attributes = _iam_role_create(logical_id, props, stack_name)
    iam._roles[name]["PermissionsBoundary"] = props.get("PermissionsBoundary")
    return name, attributes


def create(logical_id: str, props: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    """Write a policy into a role. The id consists of both names, as in the published schema."""
    provisioners._iam_policy_create(logical_id, _of_one_role(props), stack_name)
    return f"{props['PolicyName']}|{props['RoleName']}", {}


def update(
    physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, logical_id: str
) -> tuple[str, dict[str, str]]:
    """Write the changed policy. After a change of a name, the emulator deletes the old policy."""
    del physical_id, old
    return create(logical_id, new, stack_name)


def delete(physical_id: str, props: dict[str, Any]) -> None:
    """Remove a policy from its role."""
    provisioners._iam_policy_delete(physical_id, _of_one_role(props))


def role_properties(name: str) -> dict[str, Any]:
    """Return the properties of a role that determine the permissions for its policies."""
    role = iam._roles.get(name) or {}
    return {each: role[each] for each in ("Path", "PermissionsBoundary") if role.get(each)}


def _of_one_role(props: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of an AWS::IAM::Policy for one role."""
    return {**props, "Roles": [props["RoleName"]]}
