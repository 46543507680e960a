"""Execution of the steps for stacks of CloudFormation, and their results (`steps`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from devops_core.errors import RefusedError
from devops_core.kinds.kind import Kind
from devops_core.model.decisions import State
from devops_core.model.observed import Stack
from devops_core.model.stack_change import ChangeSet, change_set_name, rollback_token
from devops_core.model.steps import (
    ContinueRollback,
    CreateChangeSet,
    CreateStack,
    DeleteChangeSet,
    DeleteStack,
    ExecuteChangeSet,
    ReadTemplate,
)
from devops_core.ports import Cloud


def with_stack(state: State, status: str, failures: tuple[str, ...] = ()) -> State:
    """Return the state with the stack of its operation in a status."""
    operation = state.operation
    stack = Stack(id=operation.details.stack_id or "", status=status, operation=operation.id)
    return state.with_observed(stack=stack, stack_failures=failures)


def _read_template(cloud: Cloud, _kind: Kind, _state: State, _step: ReadTemplate) -> Any:
    from devops_core import templates

    return templates.newest(cloud)


def _template_read(state: State, _step: ReadTemplate, result: Any) -> State:
    template, content = result
    state = state._replace(operation=state.operation.with_details(template=template))
    return state.with_observed(template_content=content)


def _create_stack(cloud: Cloud, _kind: Kind, state: State, _step: CreateStack) -> str:
    # Only a create needs the template.
    from devops_core import templates

    operation, application = state.operation, state.inventory.application
    template = operation.details.template
    if application is None or template is None or state.inventory.record is None:
        raise RefusedError("the application's rows, or its template, are not on record")
    content = state.observed.template_content or templates.recorded(cloud, template)
    record = state.inventory.record
    request = templates.stack_request(cloud, operation, application, record, template, content)
    return cloud.stacks.create(request)


def _stack_created(state: State, _step: CreateStack, stack_id: str) -> State:
    """Add the stack to the observation; the next decision records its id."""
    stack = Stack(id=stack_id, status="CREATE_IN_PROGRESS", operation=state.operation.id)
    return state.with_observed(stack=stack)


def _delete_stack(cloud: Cloud, _kind: Kind, state: State, step: DeleteStack) -> None:
    stack_id = state.operation.details.stack_id
    if stack_id is None:
        raise RefusedError("the id of the stack is not on record")
    # Repeated by each worker that deletes the stack, because an earlier worker can have crashed
    # between the two calls.
    cloud.stacks.unprotect(stack_id)
    cloud.stacks.delete(stack_id, step.token)


def _delete_sent(state: State, _step: DeleteStack, _result: None) -> State:
    return with_stack(state, "DELETE_IN_PROGRESS")


def _create_change_set(cloud: Cloud, _kind: Kind, state: State, _step: CreateChangeSet) -> None:
    # Only a change of a stack needs the template.
    from devops_core import templates

    record, stack = state.inventory.record, _observed_stack(state)
    if record is None:
        raise RefusedError("the specification of the application is not on record")
    request = templates.change_set_request(cloud, state.operation, record, stack)
    cloud.stacks.create_change_set(request)


def _change_set_created(state: State, _step: CreateChangeSet, _result: None) -> State:
    return state.with_observed(change_set=ChangeSet("CREATE_PENDING"))


def _execute_change_set(cloud: Cloud, _kind: Kind, state: State, _step: ExecuteChangeSet) -> None:
    operation = state.operation.id
    stack = _observed_stack(state)
    cloud.stacks.execute_change_set(stack.id, change_set_name(operation), operation)


def _change_set_executed(state: State, _step: ExecuteChangeSet, _result: None) -> State:
    stack = replace(_observed_stack(state), status="UPDATE_IN_PROGRESS")
    return state.with_observed(stack=stack)


def _delete_change_set(cloud: Cloud, _kind: Kind, state: State, _step: DeleteChangeSet) -> None:
    name = change_set_name(state.operation.id)
    cloud.stacks.delete_change_set(_observed_stack(state).id, name)


def _change_set_deleted(state: State, _step: DeleteChangeSet, _result: None) -> State:
    return state.with_observed(change_set=None)


def _continue_rollback(cloud: Cloud, _kind: Kind, state: State, _step: ContinueRollback) -> None:
    cloud.stacks.continue_rollback(_observed_stack(state).id, rollback_token(state.operation.id))


def _rollback_continued(state: State, _step: ContinueRollback, _result: None) -> State:
    stack = replace(_observed_stack(state), status="UPDATE_ROLLBACK_IN_PROGRESS")
    return state.with_observed(stack=stack)


def _observed_stack(state: State) -> Stack:
    """Return the observed stack; ValueError without one."""
    if state.observed.stack is None:
        raise ValueError("the stack was not observed")
    return state.observed.stack


CALLS: Mapping[type[Any], Callable[[Cloud, Kind, State, Any], Any]] = {
    ReadTemplate: _read_template,
    CreateStack: _create_stack,
    DeleteStack: _delete_stack,
    CreateChangeSet: _create_change_set,
    ExecuteChangeSet: _execute_change_set,
    DeleteChangeSet: _delete_change_set,
    ContinueRollback: _continue_rollback,
}
RESULTS: Mapping[type[Any], Callable[[State, Any, Any], State]] = {
    ReadTemplate: _template_read,
    CreateStack: _stack_created,
    DeleteStack: _delete_sent,
    CreateChangeSet: _change_set_created,
    ExecuteChangeSet: _change_set_executed,
    DeleteChangeSet: _change_set_deleted,
    ContinueRollback: _rollback_continued,
}
