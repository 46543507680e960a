"""The errors of refused claims, derived from the failed conditions of their transactions."""

from __future__ import annotations

from collections.abc import Sequence

from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.attributes import decode
from devops_core.adapters.dynamodb.transactions import FailedCondition, Subject
from devops_core.errors import (
    SPECIFICATION,
    AlreadyExistsError,
    BusyError,
    ChangedMeanwhileError,
)
from devops_core.model.claims import AlreadyClaimedError
from devops_core.model.operation import Operation


def refusal(operation: Operation, failed: Sequence[FailedCondition]) -> Exception | None:
    """Return the error of a refused claim; None if this same claim had succeeded before.

    A used Idempotency-Key precedes all other errors, because it makes the request a repeat.
    """
    known = [each for each in failed if not each.conflict]
    if any(_is_own_write(each, operation) for each in known):
        return None
    for subject, explain in (
        (Subject.IDEMPOTENCY_RECORD, _key_used),
        (Subject.NEW_ROW, _exists),
        (Subject.NAME, _name_taken),
        (Subject.ROW, _busy),
        (Subject.RECORD, _busy),
    ):
        errors = [explain(operation, each) for each in known if each.action.subject is subject]
        error = next((each for each in errors if each), None)
        if error:
            return error
    return ChangedMeanwhileError(
        f"the inventory of {operation.application} changed at the same moment: repeat the call"
    )


def _is_own_write(failed: FailedCondition, operation: Operation) -> bool:
    """Whether the stored item was written by this claim, whose response was lost."""
    subject, stored = failed.action.subject, decode(failed.stored)
    if subject is Subject.OPERATION:
        return True
    owner = "operation" if subject is Subject.IDEMPOTENCY_RECORD else "claim"
    return operation.id == stored.get(owner)


def _key_used(operation: Operation, failed: FailedCondition) -> Exception | None:
    del operation
    stored = failed.stored
    return AlreadyClaimedError(items.idempotency_record_of(stored)) if stored else None


def _exists(operation: Operation, failed: FailedCondition) -> Exception:
    name = operation.application
    return AlreadyExistsError.of(name, name, decode(failed.stored).get("claim"))


def _name_taken(operation: Operation, failed: FailedCondition) -> Exception:
    name = operation.application
    return AlreadyExistsError.of(name, items.name_of(failed.stored) if failed.stored else name)


def _busy(operation: Operation, failed: FailedCondition) -> Exception | None:
    holder, action = decode(failed.stored).get("claim"), failed.action
    if holder is None or action.ignores_claim:
        return None
    if action.row:
        return action.row.busy(holder)
    return BusyError(SPECIFICATION, operation.application, holder)
