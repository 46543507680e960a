"""Plans, decisions and steps: the values that kinds return and that the engine executes.

They are named tuples, because each dataclass adds half a millisecond to a cold start. Named tuples
of two types can be equal, so compare their types too.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from devops_core.model import Inventory, Observed, Operation, Row


class Listener(StrEnum):
    """The two listeners of production."""

    PRODUCTION = "production"
    TEST = "test"


class ReadTemplate(NamedTuple):
    """Read the newest application template, and record its version and its hash."""


class CreateStack(NamedTuple):
    """Create the application's stack from the recorded template."""


class DeleteStack(NamedTuple):
    """Delete the application's stack. `token` is the client request token."""

    token: str


class Register(NamedTuple):
    """Register the target task definition of a service."""

    service: str


class UpdateService(NamedTuple):
    """Roll out a task definition, with a task count or without a change of the count.

    If ECS refuses it, the rollout of this service fails.
    """

    service: str
    task_definition: str | None
    desired_count: int | None = None


class ScaleService(NamedTuple):
    """Set the task count of a service. If ECS refuses it, the operation waits."""

    service: str
    desired_count: int


class Deregister(NamedTuple):
    """Deregister an unused task definition. A refusal does not fail the operation."""

    service: str
    task_definition: str


class WarmUp(NamedTuple):
    """Fetch a page of the idle slot through the test listener."""

    path: str


class WarmedPage(NamedTuple):
    """The result of a `WarmUp`: the page's HTTP status, or the reason of a missing response."""

    path: str
    status: int | None
    milliseconds: int
    reason: str | None = None


class Switch(NamedTuple):
    """Forward a listener to a slot. The call names the absolute state, so a repeat is safe."""

    listener: Listener
    slot: str


Step = (
    ReadTemplate
    | CreateStack
    | DeleteStack
    | Register
    | UpdateService
    | ScaleService
    | Deregister
    | WarmUp
    | Switch
)


class After(Enum):
    """The engine's action after the steps of an `Act`.

    CONTINUE decides again under the same lease. SAVE records the results before the next step.
    RELEASE is for steps that only a wait follows: the engine saves the operation and releases the
    lease at the same time as it executes them, because any worker can continue from the record.
    """

    CONTINUE = auto()
    SAVE = auto()
    RELEASE = auto()


class Act(NamedTuple):
    """Execute independent steps now."""

    operation: Operation
    steps: tuple[Step, ...]
    after: After = After.CONTINUE


class Wait(NamedTuple):
    """Wait for AWS; `operation.waiting_for` names the condition."""

    operation: Operation


class Done(NamedTuple):
    """The operation has succeeded."""

    operation: Operation


class Fail(NamedTuple):
    """The operation has failed; its `reasons` explain the failure.

    `keep_rows` keeps the inventory rows of a stack that could not be deleted, so that a caller
    can repeat the delete.
    """

    operation: Operation
    keep_rows: bool = False


Decision = Act | Wait | Done | Fail


class State(NamedTuple):
    """An operation, its inventory and the last observation of AWS."""

    operation: Operation
    inventory: Inventory
    observed: Observed


class Plan(NamedTuple):
    """The result of the checks of a request.

    `operation` is the operation to claim, None if there is nothing to do; `message` then gives the
    reason. `taken` rows become the operation's, `new` rows must not exist, `unchanged` rows must
    stay free and unchanged until the claim. `observed` is the observation for the first decision
    after the claim. `production` is the live slot before and after the operation, for a plan of
    production.
    """

    operation: Operation | None
    observed: Observed
    message: str | None = None
    taken: tuple[Row, ...] = ()
    new: tuple[Row, ...] = ()
    unchanged: tuple[Row, ...] = ()
    production: tuple[str, str] | None = None
