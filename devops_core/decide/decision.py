"""The answers a decision can have, and the steps it can ask for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from devops_core.model import Observed, Operation


class Listener(StrEnum):
    """The two listeners of production."""

    PRODUCTION = "production"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class ReadTemplate:
    """Read the application template, to note which version and which bytes are to be sent."""


@dataclass(frozen=True, slots=True)
class CreateStack:
    """Send the application template that was noted to CloudFormation."""


@dataclass(frozen=True, slots=True)
class DeleteStack:
    """Delete the application's stack."""


@dataclass(frozen=True, slots=True)
class Register:
    """Register the task definition that a service must come to run."""

    service: str


@dataclass(frozen=True, slots=True)
class UpdateService:
    """Give a service a task definition, a task count, or both; None leaves it alone."""

    service: str
    task_definition: str | None = None
    desired_count: int | None = None


@dataclass(frozen=True, slots=True)
class Retire:
    """Deregister a task definition that nothing runs any more."""

    service: str
    task_definition: str


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Fetch a page of blue through the test listener."""

    path: str


@dataclass(frozen=True, slots=True)
class Switch:
    """Make a listener forward to a slot: the absolute wanted state, so a repeat does no harm."""

    listener: Listener
    slot: str


Step = (
    ReadTemplate | CreateStack | DeleteStack | Register | UpdateService | Retire | WarmUp | Switch
)


@dataclass(frozen=True, slots=True)
class Act:
    """Do these steps now; they do not depend on each other.

    `hands_over` says that nothing is left to do after them but to wait, and that whoever reads
    `operation` can go on from it whatever becomes of them: it is written while they are done.
    `looks` says that they only find something out, which is on record before the next act.
    """

    operation: Operation
    steps: tuple[Step, ...]
    hands_over: bool = False
    looks: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do until AWS has come further; the operation says what it waits for."""

    operation: Operation


@dataclass(frozen=True, slots=True)
class Done:
    """The operation has reached what it was for."""

    operation: Operation


@dataclass(frozen=True, slots=True)
class Fail:
    """The operation cannot reach it; its reasons say why.

    `keep_rows` is for a stack that could not be deleted: inventory goes on knowing it, so that
    the delete can be repeated.
    """

    operation: Operation
    keep_rows: bool = False


Decision = Act | Wait | Done | Fail


def aborted(operation: Operation) -> tuple[str, ...]:
    """Return the reason that an abort gives, none without one."""
    return (f"aborted by {operation.aborted_by}",) if operation.aborted_by else ()


def leftovers(observed: Observed) -> tuple[Retire, ...]:
    """Return the steps that deregister what is left of a stack that is gone."""
    return tuple(
        Retire(service, task_definition)
        for service, task_definitions in observed.leftovers.items()
        for task_definition in task_definitions
    )
