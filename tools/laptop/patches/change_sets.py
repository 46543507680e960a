"""CloudFormation: change sets have the states and the pages of AWS."""

from __future__ import annotations

import re
import time
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, handlers, helpers, provisioners

from tools.laptop.replacements import REPLACING_PROPERTIES

CREATION = 0.5  # seconds until a change set is complete; several in CloudFormation
# Changes in one response. CloudFormation returns as many as fit into 1 MB (API reference,
# DescribeChangeSet). With a small number, every caller must read several pages.
PAGE = 5
_UPDATABLE = {
    *("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"),
    *("IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"),
}
_IN_PROGRESS = ("CREATE_IN_PROGRESS", "EXECUTE_IN_PROGRESS")
_END = b"</DescribeChangeSetResult>"

_find_change_set = changesets._find_change_set
_resolve_props_for_diff = changesets._resolve_props_for_diff
_create = handlers._ACTION_HANDLERS["CreateChangeSet"]
_delete = handlers._ACTION_HANDLERS["DeleteChangeSet"]
_describe = handlers._ACTION_HANDLERS["DescribeChangeSet"]
_execute = handlers._ACTION_HANDLERS["ExecuteChangeSet"]
# The changes that `describe_change_set` returns, instead of all.
_page: list[Any] | None = None


def apply() -> None:
    """Apply the corrections.

    Gap: the emulator never replaces a resource of the types in REPLACING_PROPERTIES.
    """
    provisioners._REPLACING_PROPERTIES |= REPLACING_PROPERTIES
    changesets._find_change_set = find_change_set
    changesets._resolve_props_for_diff = resolve_properties
    handlers._ACTION_HANDLERS |= {
        "CreateChangeSet": create_change_set,
        "DeleteChangeSet": delete_change_set,
        "DescribeChangeSet": describe_change_set,
        "DescribeEvents": describe_events,
        "ExecuteChangeSet": execute_change_set,
    }


def resolve_properties(template: Any, params: Any, *rest: Any) -> Any:
    """Return the resources of a template that exist with these parameters.

    Gap: the emulator compares all resources of two templates, also those whose condition is false.
    It lists them as added, and one whose condition changes as modified. On AWS a condition decides
    whether CloudFormation creates a resource (User Guide, "Conditions section").
    """
    resolved = _resolve_props_for_diff(template, params, *rest)
    if not resolved:
        return resolved
    conditions = changesets._evaluate_conditions(template, params)
    resources = {
        name: resource
        for name, resource in resolved["Resources"].items()
        if conditions.get(resource.get("Condition"), True)
    }
    return {**resolved, "Resources": resources}


def create_change_set(params: Any) -> Any:
    """Create a change set, which is complete after CREATION.

    Gap: the emulator accepts a stack that is being changed, and completes the change set at once.
    """
    stack = handlers._resolve_stack(helpers._p(params, "StackName"))
    kind = helpers._p(params, "ChangeSetType", "UPDATE")
    problem = _not_updatable(stack) if kind == "UPDATE" else None
    if problem:
        return problem
    response = _create(params)
    identifier = re.search(rb"<Id>(.+?)</Id>", _bytes(response[2]))
    if identifier:
        change_set = cloudformation._change_sets[identifier[1].decode()]
        change_set["_complete_at"] = time.time() + CREATION
    return response


def find_change_set(name: str, stack_name: str = "") -> tuple[str | None, dict[str, Any] | None]:
    """Find a change set; it has no changes before it is complete.

    Gap: the emulator does not find it with the id of its stack.
    """
    stack = handlers._resolve_stack(stack_name) if stack_name else None
    identifier, found = _find_change_set(name, stack["StackName"] if stack else stack_name)
    if found and found.get("_complete_at", 0) > time.time():
        found = {
            **found,
            "Status": "CREATE_IN_PROGRESS",
            "ExecutionStatus": "UNAVAILABLE",
            "StatusReason": "",
            "Changes": [],
        }
    if found and _page is not None:
        found = {**found, "Changes": _page}
    return identifier, found


def describe_change_set(params: Any) -> Any:
    """Describe a change set with one page of its changes. Gap: the emulator returns all changes."""
    global _page
    name, stack_name = helpers._p(params, "ChangeSetName"), helpers._p(params, "StackName")
    changes = (find_change_set(name, stack_name)[1] or {}).get("Changes", [])
    token = helpers._p(params, "NextToken") or "0"
    if not token.isdecimal():
        return helpers._error("ValidationError", "NextToken is invalid")
    start = int(token)
    _page = changes[start : start + PAGE]
    try:
        status, headers, body = _describe(params)
    finally:
        _page = None
    if start + PAGE < len(changes):
        following = f"<NextToken>{start + PAGE}</NextToken>".encode()
        body = _bytes(body).replace(_END, following + _END)
    return status, headers, body


def describe_events(params: Any) -> Any:
    """Describe the failed events of a change set, which are none.

    Gap: the emulator does not have the operation. It does not validate change sets.
    """
    name, stack_name = helpers._p(params, "ChangeSetName"), helpers._p(params, "StackName")
    if find_change_set(name, stack_name)[1] is None:
        return helpers._error("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)
    result = "<DescribeEventsResult><OperationEvents/></DescribeEventsResult>"
    return helpers._xml(200, "DescribeEventsResponse", result)


def execute_change_set(params: Any) -> Any:
    """Execute a change set. Gap: the emulator also updates a stack that is being changed."""
    _, found = find_change_set(helpers._p(params, "ChangeSetName"), helpers._p(params, "StackName"))
    stack = handlers._resolve_stack(found["StackId"]) if found else None
    is_available = found is not None and found["ExecutionStatus"] == "AVAILABLE"
    updates = is_available and found is not None and found["ChangeSetType"] == "UPDATE"
    problem = _not_updatable(stack) if updates else None
    return problem or _execute(params)


def delete_change_set(params: Any) -> Any:
    """Delete a change set, unless it is being created or executed.

    Gap: the emulator deletes it in every state. CloudFormation returns InvalidChangeSetStatus (API
    reference, DeleteChangeSet).
    """
    _, found = find_change_set(helpers._p(params, "ChangeSetName"), helpers._p(params, "StackName"))
    if found and {found["Status"], found["ExecutionStatus"]} & {*_IN_PROGRESS}:
        return helpers._error(
            "InvalidChangeSetStatus", "An operation on this ChangeSet is currently in progress."
        )
    return _delete(params)


def _not_updatable(stack: Any) -> Any:
    """Return the error of CloudFormation for a stack in a state without updates."""
    status = stack["StackStatus"] if stack else "DELETE_COMPLETE"
    if status in _UPDATABLE or status == "DELETE_COMPLETE":  # the emulator has its own error
        return None
    return helpers._error(
        "ValidationError", f"Stack:{stack['StackId']} is in {status} state and can not be updated."
    )


def _bytes(body: str | bytes) -> bytes:
    return body.encode() if isinstance(body, str) else body
