"""The commands for operations in progress: wait, approve, finish, abort."""

from __future__ import annotations

from typing import Annotated

import typer

from devops_cli import waiting, writing
from devops_cli.exits import Exit
from devops_cli.failures import OperationNotFoundError, UsageError
from devops_cli.follow import operation_path
from devops_cli.options import Name, OperationId, Timeout, Until, Write, command
from devops_cli.responses import IN_PROGRESS, Object, get_objects, get_text
from devops_cli.runtime import print_on
from devops_cli.session import Session
from devops_cli.show import records

_NEWEST = 20  # operations to read; operations in progress are among the newest


@command
def wait(
    name: Name,
    timeout: Timeout,
    until: Until,
    session: Session,
    operation_id: OperationId = None,
) -> Exit:
    """Wait for the end of an operation and show its progress.

    Without an id: the operation in progress, or else the newest operation. If several are in
    progress, the command asks; without a terminal it requires an id.
    """
    if not operation_id:
        operations = _recent_operations(session, name)
        operation_id = _choose(session, "wait", _unfinished(operations) or operations[:1])
    response = session.api.get(operation_path(name, operation_id))
    operation = response.required_operation
    seen = waiting.wait_for_end(session, response, operation, timeout.timeout, until=until.until)
    return waiting.exit_code(seen.operation)


@command
def approve(
    name: Name,
    write: Write,
    timeout: Timeout,
    until: Until,
    session: Session,
    operation_id: OperationId = None,
) -> Exit:
    """Approve a swap that waits for an approval, and wait for its end.

    It requires the right to swap. Without an id: the swap in progress.
    """
    return _advance(session, name, operation_id, "continue", write, timeout, until)


@command
def finish(
    name: Name,
    write: Write,
    timeout: Timeout,
    until: Until,
    session: Session,
    operation_id: OperationId = None,
) -> Exit:
    """End all waits of a swap: it gives all customers the new release and ends.

    The swap has no further approval, step or bake; a bad release still rolls back until the end.
    Without an id: the swap in progress.
    """
    return _advance(session, name, operation_id, "finish", write, timeout, until)


def _advance(
    session: Session,
    name: str,
    operation_id: str | None,
    action: str,
    write: Write,
    timeout: Timeout,
    until: Until,
) -> Exit:
    if not operation_id:
        swaps = [
            each
            for each in _unfinished(_recent_operations(session, name))
            if get_text(each, "kind") == "swap"
        ]
        if not swaps:
            raise OperationNotFoundError(
                f"no swap of {name} is in progress",
                f"See its state: {session.command('status', name)}",
            )
        operation_id = get_text(swaps[0], "id")  # an application has at most one
    call = writing.Call("POST", operation_path(name, operation_id), {"action": action})
    return writing.run(session, call, write, timeout.timeout, until=until.until)


@command
def abort(
    name: Name,
    write: Write,
    timeout: Timeout,
    session: Session,
    operation_id: OperationId = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="For admins: end an operation that AWS blocks permanently, without a rollback.",
        ),
    ] = False,
) -> Exit:
    """Abort an operation and roll back its changes, as far as possible.

    Without an id: the operation in progress. If several are in progress, the command asks; without
    a terminal it requires an id. A swap returns all customers to the previous release. The exit
    code is 0 if the operation was aborted, and 1 if it was too late and the operation succeeded.
    """
    if not operation_id:
        unfinished = _unfinished(_recent_operations(session, name))
        if not unfinished:
            raise OperationNotFoundError(
                f"no operation of {name} is in progress",
                f"See its state: {session.command('status', name)}",
            )
        operation_id = _choose(session, "abort", unfinished)
    query = {"force": "true"} if force else {}
    call = writing.Call("DELETE", operation_path(name, operation_id), query=query)
    return writing.run(session, call, write, timeout.timeout, waiting.abort_exit_code)


def _choose(session: Session, command: str, operations: list[Object]) -> str:
    """Return the id of the one operation, or of the one that the person chooses on a terminal.

    Raises:
        UsageError: there are several operations and no terminal.

    """
    identifiers = [get_text(each, "id") for each in operations]
    if len(operations) == 1:
        return identifiers[0]
    name = get_text(operations[0], "applicationName")
    several = f"{len(operations)} operations of {name} are in progress"
    session.notice(f"{several}:")
    print_on(session.runtime.err, records.choices(operations))
    if not session.runtime.interactive:
        lines = (session.command(command, name, each) for each in identifiers)
        raise UsageError(f"{several}: name the operation", *lines)

    numbered = {str(at): each for at, each in enumerate(identifiers, start=1)}

    def chosen(text: str) -> str:
        if (found := numbered.get(text.strip())) is None:
            raise typer.BadParameter(f"{text!r} is not a number from 1 to {len(numbered)}")
        return found

    return str(typer.prompt(f"Which operation to {command}", value_proc=chosen, err=True))


def _unfinished(operations: list[Object]) -> list[Object]:
    return [each for each in operations if get_text(each, "status") == IN_PROGRESS]


def _recent_operations(session: Session, name: str) -> list[Object]:
    """Return the newest operations of an application, newest first; at least one."""
    response = session.api.get(f"/stacks/{name}/operations", {"limit": _NEWEST})
    operations = get_objects(response.body, "operations")
    if not operations:
        raise OperationNotFoundError(f"{name} has no operations")
    return operations
