"""CloudFormation, with authentication: a stack has only the permissions of its role."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ministack import app
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import provisioners, stacks

from tools.laptop.calls import Permission
from tools.laptop.patches import role_policies
from tools.laptop.stack_permissions import Resource, handler_permissions

_LOG = logging.getLogger("laptop")
# The role of each stack, by account, region and name. A stack keeps it until a call names another.
_roles: dict[tuple[str, str, str], str] = {}
_provision_resource = provisioners._provision_resource
_delete_resource = stacks._delete_resource
_update_resource = stacks._update_resource


def apply() -> None:
    """Apply the correction, if the emulator enforces IAM policies."""
    if app.AUTH:
        stacks._provision_resource = provision
        stacks._delete_resource = delete
        stacks._update_resource = update


def remember(parameters: Mapping[str, Any]) -> None:
    """Remember the role that a call passes to CloudFormation."""
    name, role = parameters.get("StackName"), parameters.get("RoleARN")
    if name and role:
        _roles[_key(name)] = role


def provision(kind: str, logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
    """Create a resource with the permissions of the stack's role.

    Gap: the emulator creates every resource. A stack that an interrupted emulator continues has no
    check, because the role is not part of the saved state.
    """
    _check(kind, "create", props, stack_name)
    return _provision_resource(kind, logical_id, props, stack_name)


def update(
    kind: str,
    physical_id: str,
    old: dict[str, Any],
    new: dict[str, Any],
    stack_name: str,
    *rest: Any,
) -> Any:
    """Change a resource with the permissions of the stack's role, as `provision`."""
    if old != new:
        replaced = stacks._replacing_change(kind, old, new)
        _check(kind, "create" if replaced else "update", new, stack_name)
    return _update_resource(kind, physical_id, old, new, stack_name, *rest)


def delete(
    kind: str,
    physical_id: str,
    props: dict[str, Any],
    stack_name: str | None = None,
    logical_id: str | None = None,
) -> Any:
    """Delete a resource with the permissions of the stack's role, as `provision`."""
    _check(kind, "delete", props, stack_name or "")
    return _delete_resource(kind, physical_id, props, stack_name, logical_id)


def _check(kind: str, handler: str, props: dict[str, Any], stack_name: str) -> None:
    """Raise ValueError, as a failed resource handler, if the role lacks a permission."""
    role = _roles.get(_key(stack_name))
    if role is None:
        return
    if kind == "AWS::IAM::Policy":
        for name in props.get("Roles") or ():
            _check(role_policies.KIND, handler, {**props, "RoleName": name}, stack_name)
    if kind == role_policies.KIND:
        props = {**props, **role_policies.role_properties(props["RoleName"])}
    resource = Resource(kind, props, get_region(), get_account_id())
    principal = f"arn:aws:sts::{resource.account}:assumed-role/{_name(role)}/AWSCloudFormation"
    for permission in handler_permissions(resource, handler) or ():
        if not _allowed(role, permission):
            action, arn = permission.action, permission.resource
            _LOG.warning("denied: %s may not %s on %s", principal, action, arn)
            raise ValueError(
                f'Resource handler returned message: "User: {principal} is not authorized to '
                f"perform: {action} on resource: {arn} because no identity-based policy allows the "
                f'{action} action" (HandlerErrorCode: AccessDenied)'
            )


def _allowed(role: str, permission: Permission) -> bool:
    """Evaluate the policies of a role."""
    account = get_account_id()
    context = iam_evaluator.EvalContext(
        principal_arn=role,
        principal_type="AssumedRole",
        principal_account=account,
        action=permission.action,
        resource_arn=permission.resource,
        region=get_region(),
        service_context={key.lower(): value for key, value in permission.keys.items()},
    )
    policies = iam_evaluator._gather_role_policies(_name(role), account)
    return bool(iam_evaluator.evaluate(context, policies).decision == "Allow")


def _name(role: str) -> str:
    return role.rpartition("/")[2]


def _key(stack_name: str) -> tuple[str, str, str]:
    name = stack_name.split("/")[1] if stack_name.startswith("arn:") else stack_name
    return get_account_id(), get_region(), name
