"""The commands for operations in progress: wait, abort."""

from __future__ import annotations

from devops_cli import waiting, writing
from devops_cli.exits import Exit
from devops_cli.failures import OperationNotFoundError
from devops_cli.follow import operation_path
from devops_cli.options import Name, OperationId, Timeout, Write, command
from devops_cli.responses import IN_PROGRESS, SUCCEEDED, Object, get_objects, get_text
from devops_cli.session import Session

_NEWEST = 20  # operations to read; operations in progress are among the newest


@command
def wait(name: Name, timeout: Timeout, session: Session, operation_id: OperationId = None) -> Exit:
    """Wait for the end of an operation and show its progress.

    Without an id: the newest operation in progress, or else the newest operation.
    """
    if not operation_id:
        operations = _recent_operations(session, name)
        operation_id = get_text([*_unfinished(operations), *operations][0], "id")
    response = session.api.get(operation_path(name, operation_id))
    operation = response.required_operation
    seen = waiting.wait_for_end(session, response, operation, timeout.timeout)
    return waiting.exit_code(seen.operation)


@command
def abort(
    name: Name, write: Write, timeout: Timeout, session: Session, operation_id: OperationId = None
) -> Exit:
    """Abort an operation and roll back its changes, as far as possible.

    Without an id: the newest operation in progress. The exit code is 0 if the operation was
    aborted. A swap after its switch is completed instead; the exit code is then 1.
    """
    if not operation_id:
        unfinished = _unfinished(_recent_operations(session, name))
        if not unfinished:
            raise OperationNotFoundError(f"no operation of {name} is in progress")
        operation_id = get_text(unfinished[0], "id")
    call = writing.Call("DELETE", operation_path(name, operation_id))
    return writing.run(session, call, write, timeout.timeout, _abort_exit_code)


def _abort_exit_code(operation: Object) -> Exit:
    return Exit.FAILED if get_text(operation, "status") == SUCCEEDED else Exit.SUCCEEDED


def _unfinished(operations: list[Object]) -> list[Object]:
    return [each for each in operations if get_text(each, "status") == IN_PROGRESS]


def _recent_operations(session: Session, name: str) -> list[Object]:
    """Return the newest operations of an application, newest first; at least one."""
    response = session.api.get(f"/stacks/{name}/operations", {"limit": _NEWEST})
    operations = get_objects(response.body, "operations")
    if not operations:
        raise OperationNotFoundError(f"{name} has no operations")
    return operations
