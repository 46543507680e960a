"""Advance: the calls that move a waiting operation on (`Kind.advance`)."""

from __future__ import annotations

from datetime import datetime

from devops_core import kinds
from devops_core.engine.abort import permit_change, recorded_change, require_open
from devops_core.engine.accept import record_refusal
from devops_core.engine.reconcile import try_reconcile, wait_for_end
from devops_core.engine.run import Outcome
from devops_core.errors import ConflictError, ForbiddenError
from devops_core.kinds.kind import Advance, Kind
from devops_core.model.operation import Operation
from devops_core.ports import Cloud
from devops_core.reads.operations import recorded_operation


def advance(
    cloud: Cloud,
    application: str,
    operation_id: str,
    action: str,
    caller: str,
    *,
    dry_run: bool,
    until: datetime | None = None,
) -> Outcome:
    """Apply the action of a caller and advance the operation, until a time if it has not ended.

    A repeated call is safe, also after the end. It requires the right to start such an operation.
    Raises NotFoundError, ForbiddenError, AlreadyEndedError, ConflictError.
    """
    operation = recorded_operation(cloud, application, operation_id)
    repeated = not dry_run and _was_advanced(operation, action)
    if not repeated:
        require_open(operation)
    kind = kinds.load(operation.kind)
    permit_change(cloud, kind, operation, caller, action, record=not dry_run)
    if repeated:
        return Outcome(operation)
    rules = _rules(kind, operation, action)
    if refusal := _refused_approval(cloud, rules, operation, caller, action):
        if not dry_run:
            record_refusal(cloud, kind, application, caller, refusal, operation.id)
        raise refusal

    def changed(present: Operation) -> Operation:
        if _was_advanced(present, action):
            # The same call was faster, and the operation can have ended since then.
            return present
        require_open(present)
        return rules.apply(present, caller, cloud.clock.now())

    if dry_run:
        # Only a dry run needs this module.
        from devops_core.engine.dry_run import of_advance

        return Outcome(dry_run=of_advance(cloud, kind, changed(operation), action))
    operation = recorded_change(cloud, kind, operation, changed)
    operation = wait_for_end(cloud, try_reconcile(cloud, operation), until)
    return Outcome(operation)


def _rules(kind: Kind, operation: Operation, action: str) -> Advance:
    """Return the rules of an action; raises ConflictError if the kind does not have it."""
    rules = kind.advance.get(action)
    if rules is None:
        raise ConflictError(f"operation {operation.id} is a {operation.kind}: it has no {action}")
    return rules


def _was_advanced(operation: Operation, action: str) -> bool:
    """Return whether an operation has ended after an earlier call with the same action."""
    # An ended operation without details can be a repair, which has no rules.
    if not operation.ended or operation.details is None:
        return False
    rules = kinds.load(operation.kind).advance.get(action)
    return rules is not None and rules.applied(operation)


def _refused_approval(
    cloud: Cloud, rules: Advance, operation: Operation, caller: str, action: str
) -> ForbiddenError | None:
    """Return the refusal if the caller would approve its own release, and must not."""
    access = cloud.settings.access
    if access.self_approval:
        return None
    inventory, _ = cloud.tables.inventory(operation.application)
    if not access.approves_own(caller, rules.deployers(operation, inventory)):
        return None
    return ForbiddenError(
        f"not allowed to {action} the {operation.kind} of {operation.application}: this caller"
        " started it, deployed or promoted its release, or changed the settings of the release, and"
        f" selfapproval is false: another caller must {action} it"
    )
