"""Why a claim was refused, told from the parts of its transaction that stood against it."""

from __future__ import annotations

from collections.abc import Sequence

from devops_core.adapters import records
from devops_core.adapters.attributes import decode
from devops_core.adapters.transactions import About, Broken
from devops_core.errors import AlreadyExistsError, BusyError, ChangedMeanwhileError
from devops_core.model import Operation
from devops_core.ports import AlreadyClaimedError


def refusal(operation: Operation, broken: Sequence[Broken]) -> Exception | None:
    """Return the error of a claim that was refused; None when it was this very claim before.

    What the caller's Idempotency-Key says comes first: then it is no new request at all.
    """
    known = [one for one in broken if not one.conflict]
    if any(_is_ours(one, operation) for one in known):
        return None
    for about, explain in (
        (About.IDEMPOTENCY_RECORD, _repeated),
        (About.NEW_ROW, _exists),
        (About.NAME, _name_taken),
        (About.ROW, _busy),
    ):
        errors = [explain(operation, one) for one in known if one.part.about is about]
        error = next((one for one in errors if one), None)
        if error:
            return error
    return ChangedMeanwhileError(
        f"the inventory of {operation.application} changed at the same moment; call again"
    )


def _is_ours(one: Broken, operation: Operation) -> bool:
    """Whether the part is there already because this claim was done: its answer was lost."""
    found = decode(one.found)
    if one.part.about is About.OPERATION:
        return True
    return operation.id == found.get(
        "operation" if one.part.about is About.IDEMPOTENCY_RECORD else "claim"
    )


def _repeated(operation: Operation, one: Broken) -> Exception | None:
    del operation
    return AlreadyClaimedError(records.idempotency_record_of(one.found)) if one.found else None


def _exists(operation: Operation, one: Broken) -> Exception:
    name = operation.application
    return AlreadyExistsError.of(name, name, decode(one.found).get("claim"))


def _name_taken(operation: Operation, one: Broken) -> Exception:
    name = operation.application
    return AlreadyExistsError.of(name, records.name_of(one.found) if one.found else name)


def _busy(operation: Operation, one: Broken) -> Exception | None:
    holder = decode(one.found).get("claim")
    if holder is None or one.part.row is None:
        return None
    return BusyError(one.part.row.environment, operation.application, holder)
