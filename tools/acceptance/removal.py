"""Removes the application of a test, in every state in which a test can end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from devops_cli.failures import CliError
from devops_cli.responses import IN_PROGRESS, SUCCEEDED, Object, get_text
from devops_cli.writing import Call
from tools.acceptance.checks import reasons
from tools.acceptance.service import Course, Service
from tools.acceptance.state import Pending

# A request whose response was lost can reach the service later: the client ends it after 60
# seconds, and API Gateway after 29.
IN_FLIGHT = timedelta(seconds=90)
_PAUSE = 3.0  # seconds between two reads while the create can still arrive
_ATTEMPTS = 3  # deletes; CloudFormation can fail to delete a stack at first


class RemovalError(CliError):
    """The application was not removed; the message is the reason."""


def remove(service: Service, pending: Pending, out: Callable[[str], None]) -> None:
    """End all operations of an application and delete it, if it exists.

    Raises:
        RemovalError: the service refused the delete, it failed, or an operation cannot end.
        CliError: no response was received.

    """
    name = pending.application
    reason = ""
    for _ in range(_ATTEMPTS):
        operations = _known_operations(service, pending)
        for operation in operations:
            _end(service, operation, out)
        if service.stack(name) is None:
            return
        out(f"Deleting {name} ...")
        course = service.run(delete(name))
        if get_text(course.operation, "status") == SUCCEEDED:
            return
        reason = _reason(course)
    if service.stack(name) is not None:
        raise RemovalError(f"{name} was not deleted: {reason}")


def delete(name: str) -> Call:
    """Return the call that deletes an application."""
    return Call("DELETE", "/stacks", query={"stack": name})


def _known_operations(service: Service, pending: Pending) -> list[Object]:
    """Return the operations in progress; wait while the create can still arrive."""
    end = pending.sent + IN_FLIGHT
    while (found := service.operations(pending.application)) is None:
        if pending.answered or service.clock.now() >= end:
            return []
        service.clock.pause(_PAUSE)
    return [each for each in found if get_text(each, "status") == IN_PROGRESS]


def _end(service: Service, operation: Object, out: Callable[[str], None]) -> None:
    kind = get_text(operation, "kind")
    out(f"Ending the operation in progress: {kind} ...")
    ended = service.abort(operation)
    if get_text(ended, "status") == IN_PROGRESS:
        raise RemovalError(f"the operation {kind} cannot end: {reasons(ended)}")


def _reason(course: Course) -> str:
    return course.problem or reasons(course.operation)
