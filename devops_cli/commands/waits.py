"""The commands about operations that are under way: wait, abort."""

from __future__ import annotations

from devops_cli import waiting, writing
from devops_cli.answers import IN_PROGRESS, SUCCEEDED, Object, parts, word
from devops_cli.exits import Exit
from devops_cli.failures import NothingThereError
from devops_cli.follow import path_of
from devops_cli.options import Name, OperationId, Timeout, Write, command
from devops_cli.session import Session

_NEWEST = 20  # operations; those in progress are among the newest


@command
def wait(name: Name, timeout: Timeout, session: Session, operation_id: OperationId = None) -> Exit:
    """Wait for the end of an operation, and show how it goes.

    Without an id: the newest that is in progress, or the newest of all if none is.
    """
    if not operation_id:
        there = _newest(session, name)
        operation_id = word([*_going(there), *there][0], "id")
    answer = session.api.get(path_of(name, operation_id))
    operation = answer.required_operation
    seen = waiting.to_the_end(session, answer, operation, timeout.timeout)
    return waiting.exit_of(seen.operation)


@command
def abort(
    name: Name, write: Write, timeout: Timeout, session: Session, operation_id: OperationId = None
) -> Exit:
    """End an operation before its time: back to what was, as far as there is a way back.

    Without an id: the newest that is in progress. The exit code is 0 when the operation has ended
    without doing what it was for. A swap that has moved customers is finished instead: that is 1.
    """
    if not operation_id:
        going = _going(_newest(session, name))
        if not going:
            raise NothingThereError(f"no operation of {name} is in progress")
        operation_id = word(going[0], "id")
    call = writing.Call("DELETE", path_of(name, operation_id))
    return writing.run(session, call, write, timeout.timeout, _judged)


def _judged(operation: Object) -> Exit:
    return Exit.FAILED if word(operation, "status") == SUCCEEDED else Exit.SUCCEEDED


def _going(operations: list[Object]) -> list[Object]:
    return [each for each in operations if word(each, "status") == IN_PROGRESS]


def _newest(session: Session, name: str) -> list[Object]:
    """Return the newest operations of an application, newest first; at least one."""
    answer = session.api.get(f"/stacks/{name}/operations", {"limit": _NEWEST})
    there = parts(answer.body, "operations")
    if not there:
        raise NothingThereError(f"{name} has no operations")
    return there
