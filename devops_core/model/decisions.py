"""Plans and decisions: the values that kinds return to the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from devops_core.model.differences import Difference
    from devops_core.model.inventory import Inventory, Row
    from devops_core.model.observed import Observed, RunningService
    from devops_core.model.operation import Operation
    from devops_core.model.specification import ApplicationRecord, RecordClaim
    from devops_core.model.stack_change import ChangeSet, StackChange
    from devops_core.model.steps import Step


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
    """Wait for AWS; `operation.waiting_for` names the condition.

    Until `rests_until`, status reads and waiting calls do not observe AWS; None for no rest.
    """

    operation: Operation
    rests_until: datetime | None = None


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

    def with_observed(self, **changes: Any) -> State:
        """Return the state with changes of its observation."""
        return self._replace(observed=replace(self.observed, **changes))


class Plan(NamedTuple):
    """The result of the checks of a request.

    `operation` is the operation to claim, None if there is nothing to do; `message` then gives the
    reason. `taken` rows become the operation's; `corrected` are those of them whose release differs
    from the inventory. `new` rows must not exist, `unchanged` rows must stay free and unchanged
    until the claim. `observed` is the observation for the first decision
    after the claim. `production` is the live slot before and after the operation, for a plan of
    production. `deployers` are the callers that brought the release that becomes live. `record` is
    the part of the claim that concerns the record of the application. `changes` are those of the
    specification, `pending` those that production receives with its next release. `stack` is the
    change of the stack, and `forbidden(change_set)` returns those changes of its resources that
    prevent it, None for a kind that checks them only later. `services` are the observed ECS
    services before the operation, for a dry run. `aborts` is the operation that the request ends,
    instead of a new operation. `policy` is that of a swap for a dry run, by the names of the
    contract.
    """

    operation: Operation | None
    observed: Observed
    message: str | None = None
    taken: tuple[Row, ...] = ()
    corrected: tuple[Row, ...] = ()
    new: tuple[Row, ...] = ()
    unchanged: tuple[Row, ...] = ()
    production: tuple[str, str] | None = None
    deployers: tuple[str, ...] = ()
    record: RecordClaim | None = None
    changes: tuple[Difference, ...] = ()
    pending: tuple[Difference, ...] = ()
    stack: StackChange | None = None
    forbidden: Callable[[ChangeSet], Sequence[str]] | None = None
    aborts: Operation | None = None
    policy: Mapping[str, Any] = {}
    services: Mapping[str, RunningService | None] = {}


def claimed_record(plan: Plan) -> ApplicationRecord | None:
    """Return the record of the application with the specification that a plan applies."""
    if plan.record is None:
        return None
    record, revision = plan.record.new or plan.record.seen, plan.record.revision
    if record and revision:
        return record._replace(specification=revision.specification)
    return record
