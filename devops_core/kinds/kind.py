"""The interface of a kind: the rules that the engine needs for operations of this kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from devops_core.model.decisions import Decision, Plan, State
from devops_core.model.inventory import Inventory, Row
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation, Progress, Status
from devops_core.model.specification import Specification, StackRecord


class RowChanges(NamedTuple):
    """The inventory after the end of an operation: rows to write and rows to remove.

    `stack` is the new state of the stack, None for no change. `specification` is the revision that
    becomes the present one, None for no change. `ends_application` means that the application does
    not exist any more.
    """

    kept: Sequence[Row] = ()
    removed: Sequence[Row] = ()
    stack: StackRecord | None = None
    specification: Specification | None = None
    ends_application: bool = False


class Abort(NamedTuple):
    """The consequences of an abort, as messages and as the plan of a dry run.

    `planned`, `running` and `done` describe the rollback before, during and after it.
    `committed` returns whether the operation can only be completed. `restored` returns the
    release of each service after the rollback. `live_slot` returns the live slot after the rollback
    of an operation that changes it. `limit` is the time from the abort to the new deadline, None if
    the deadline remains.
    """

    planned: str
    running: str
    done: str
    restored: Callable[[Operation, Inventory], tuple[Progress, ...]]
    committed: Callable[[Operation], bool] = lambda _: False
    live_slot: Callable[[Operation], str] = lambda _: ""
    limit: timedelta | None = None

    def effect(self, rollback: str, operation: Operation) -> str:
        """Return a description of the rollback, and the environments without a rollback."""
        kept = [each for each in operation.progress if _keeps_release(each)]
        others = [each for each in operation.progress if each not in kept]
        unrestored = [each for each in others if each.unrestored]
        counted = [each for each in others if _keeps_count(each)]
        returned = len(unrestored) + len(counted) < len(others)
        texts = [rollback] if returned or not operation.progress else []
        for text, parts in (
            ("already complete and kept", kept),
            ("no rollback, because the previous task definition cannot run", unrestored),
            ("the task count is kept", counted),
        ):
            if parts:
                texts.append(f"{text}: {', '.join(each.environment for each in parts)}")
        return "; ".join(texts)


def _keeps_release(part: Progress) -> bool:
    """Return whether an abort does not concern a service, because its release is complete."""
    if part.status is Status.SUCCEEDED:
        return True
    if part.unrestored:
        return part.completed or part.only_counts
    return part.completed and part.status is Status.IN_PROGRESS


def _keeps_count(part: Progress) -> bool:
    """Return whether ECS has accepted the task count of a service, and nothing else changes."""
    same = part.target == part.previous and part.count_to_send is not None
    return same and part.sent and not part.unrestored


class Advance(NamedTuple):
    """A call that moves a waiting operation on.

    `apply(operation, caller, now)` returns the changed operation, or the same one for a repeated
    call; it raises ConflictError if the operation does not allow the call now.
    `deployers(operation, inventory)` returns the callers that must not make the call if they cannot
    approve their own release.
    `applied(operation)` returns whether an earlier call had this effect.
    """

    apply: Callable[[Operation, str, datetime], Operation]
    deployers: Callable[[Operation, Inventory], tuple[str, ...]]
    applied: Callable[[Operation], bool]


class Kind(NamedTuple):
    """The rules of one kind of operation. All functions are pure.

    `name` is the kind's name in the contract, `verb` its verb if it differs. `limit` is the time
    from the request to the deadline, unless the plan sets another deadline. `needs_approver` means
    that the kind requires the right of a production approver. `creates` means that the application
    must not exist before the operation.

    `plan(request, inventory, observed, draft)` checks a request and returns the operation to
    claim, which completes `draft`; it raises ConflictError if the request cannot be fulfilled.
    `decide(operation, observed, now)` returns the next decision of an operation in progress.
    `rows(state, held, now, keep_rows)` returns the inventory rows after the end of an operation,
    `held` are the rows that it holds. `keep_rows` is that of `Fail`.

    `events(before, after)` returns further audit events of a change, as members of `Event`.
    `task_definition(state, part, tags)` returns the registration input of a service's target task
    definition. `settings(plan, part)` returns the settings of the tasks of a new service, as
    members of a plan. `abort` is None if the operation cannot be aborted, and
    `abort_refusal` is then the reason. `advance` has these calls by action.
    `holds(operation)` returns whether the operation must keep its rows even if AWS blocks it beyond
    its deadline.
    """

    name: str
    limit: timedelta
    plan: Callable[[Any, Inventory, Observed, Operation], Plan]
    decide: Callable[[Operation, Observed, datetime], Decision]
    rows: Callable[..., RowChanges]
    verb: str = ""
    needs_approver: bool = False
    creates: bool = False
    events: Callable[[Operation, Operation], list[dict[str, Any]]] = lambda _before, _after: []
    task_definition: Callable[[State, Progress, Mapping[str, str]], dict[str, Any]] | None = None
    settings: Callable[[Plan, Progress], dict[str, Any]] = lambda _plan, _part: {}
    abort: Abort | None = None
    abort_refusal: str = ""
    advance: Mapping[str, Advance] = {}
    holds: Callable[[Operation], bool] = lambda _: False
