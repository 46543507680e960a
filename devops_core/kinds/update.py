"""Update: a new revision of the specification, and its rollout in all environments but production.

If the revision changes the stack, the change of the stack comes first (`stack_update`), and the
revision becomes the present one only after it.

Production receives the settings with its next release: a promote applies them to the idle slot, and
a swap makes them live. Only the task count and the scaling of production change at once, if nothing
else of its settings does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from devops_core.access import account_principal
from devops_core.details.update import UpdateDetails
from devops_core.errors import NotDeployableError
from devops_core.kinds import releases, rollout, sources, stack_plan, stack_update, stacks
from devops_core.kinds.kind import Abort, Kind, RowChanges
from devops_core.kinds.specification_change import Change, change
from devops_core.model.decisions import Decision, Plan, State
from devops_core.model.differences import Difference, differences
from devops_core.model.inventory import Inventory, Row, Service
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation, Progress, Status
from devops_core.model.pending import pending_changes
from devops_core.model.specification import (
    ApplicationRecord,
    EnvironmentSettings,
    RecordClaim,
    Revision,
    Specification,
)
from devops_core.model.stack_change import StackChange
from devops_core.naming import PRODUCTION, Environment
from devops_core.requests.update import UpdateRequest


def plan(
    request: UpdateRequest, inventory: Inventory, observed: Observed, draft: Operation
) -> Plan:
    """Take the record, and the rows of the environments that run other settings."""
    wanted = _with_authors(
        change(request, inventory, observed.sidecar_digests), inventory, draft.caller
    )
    present, specification = wanted.present, wanted.wanted
    stack = stack_plan.planned(inventory, observed, *wanted[:2]) if wanted.restacks else None
    removed = [row for row in inventory.rows.values() if stack and row.environment in stack.removed]
    rollouts = _rollouts(wanted, removed, inventory, observed, draft)
    if not rollouts and not stack and specification == present:
        return Plan(None, observed, message=_unchanged(specification.revision))
    for row in removed:
        row.require_free()
    pending = _pending(wanted, inventory, observed)
    # Not the names of variables and secrets: all callers can read an operation.
    fields = tuple(dict.fromkeys(each["field"].partition(".")[0] for each in pending))
    # Their settings follow after the change of the stack.
    new = {each: specification.settings(each) for each in (stack.added if stack else ())}
    added = stacks.new_progress(new)
    removals = map(stack_plan.removal, removed)
    operation = replace(
        draft,
        progress=(*(each.progress for each in rollouts), *added, *removals),
        details=UpdateDetails(previous=present.revision, pending=fields, stack=stack),
        spec=specification.revision,
        needs_approver=wanted.production or bool(removed) or any(map(_is_production, rollouts)),
        deadline=_deadline(draft, specification, stack),
        warnings=tuple(warning for each in rollouts for warning in each.source.warnings),
    )
    return Plan(
        operation,
        Observed(stack=observed.stack),
        taken=(*(each.source.row for each in rollouts), *removed),
        corrected=tuple(each.source.row for each in rollouts if each.source.corrected),
        new=_new_rows(stack, inventory, draft),
        changes=tuple(differences(present.document, specification.document)),
        pending=tuple(pending),
        stack=stack,
        record=_record_claim(inventory.record, wanted, draft),
        services=observed.services,
    )


def _unchanged(revision: int) -> str:
    return (
        f"revision {revision} of the specification has these settings, and all environments except"
        " production run them"
    )


def _with_authors(wanted: Change, inventory: Inventory, caller: str) -> Change:
    """Return a change with the authors of the settings that customers do not have yet."""
    if wanted.wanted == wanted.present:
        return wanted
    authors = wanted.present.authors_since(live_revision(inventory))
    if wanted.releases:
        authors[account_principal(caller)] = wanted.wanted.revision
    return wanted._replace(wanted=wanted.wanted._replace(authors=authors))


def _rollouts(
    wanted: Change,
    removed: Sequence[Row],
    inventory: Inventory,
    observed: Observed,
    draft: Operation,
) -> list[_Rollout]:
    """Return the rollouts of all environments that remain, and the changed size of production."""
    rollouts = [
        _rollout(row, wanted.wanted.settings(row.environment), inventory, observed, draft)
        for row in inventory.rows.values()
        if row.environment not in PRODUCTION and row not in removed
    ]
    sizes = _sizes(wanted, inventory, observed)
    return [*(each for each in rollouts if each), *sizes]


def _deadline(
    draft: Operation, specification: Specification, stack: StackChange | None
) -> datetime:
    """Return the deadline; the update of a stack can take as long as a rollout."""
    environments = (*specification.environments, *PRODUCTION)
    return releases.deadline(draft, specification, environments, rollouts=2 if stack else 1)


def _new_rows(stack: StackChange | None, inventory: Inventory, draft: Operation) -> tuple[Row, ...]:
    """Return the rows of added environments."""
    if stack is None or inventory.application is None:
        return ()
    return stacks.new_rows(stack.added, inventory.application, draft)


def decide(operation: Operation, observed: Observed, now: datetime) -> Decision:
    """Change the stack if necessary, then roll out the settings."""
    if operation.details.changing:
        decision = stack_update.decide(operation, observed, now)
        if not isinstance(decision, Operation):
            return decision
        operation = decision.with_details(containers=observed.containers)
    return rollout.decide(operation, observed, now)


def _record_claim(
    record: ApplicationRecord | None, wanted: Change, draft: Operation
) -> RecordClaim:
    """Return the claim of the record, with the new revision if there is one."""
    if record is None or wanted.wanted == wanted.present:
        return RecordClaim(record, taken=True)
    specification = wanted.wanted
    present = record._replace(specification=specification, current=specification.revision)
    return RecordClaim(
        record,
        taken=True,
        new=None if wanted.restacks else present,
        revision=Revision(specification, draft.id, draft.caller, draft.requested_at),
    )


def _is_production(rollout: _Rollout) -> bool:
    return rollout.progress.environment in PRODUCTION


class _Rollout(NamedTuple):
    """The planned progress of a service, and the running release that it starts from."""

    source: sources.Source
    progress: Progress


def _rollout(
    row: Row,
    settings: EnvironmentSettings,
    inventory: Inventory,
    observed: Observed,
    draft: Operation,
) -> _Rollout | None:
    """Return the rollout of an environment, None if it runs the settings already."""
    if row.service is None:
        raise NotDeployableError(
            f"{row.environment} of {row.application.name} is {row.status}: delete the application,"
            " then create it again"
        )
    drifts = row.drift is not None and row.service.scaling is not None
    same = row.service.spec_hash == settings.hash and _has_size(row.service, settings, observed)
    if same and not drifts:
        return None
    ((row, service),) = inventory.usable(row.environment)
    source = sources.source(row, service, settings, inventory, observed, draft.requested_at)
    same = source.service.spec_hash == settings.hash
    return _Rollout(source, releases.reconfigured(source.row, source.service, settings, same=same))


def _has_size(service: Service, settings: EnvironmentSettings, observed: Observed) -> bool:
    """Return whether a service has the task count and the scaling of settings."""
    running = observed.services.get(service.name)
    counted = settings.desired_count in (None, running.desired if running else None)
    return counted and service.has_scaling(settings.scaling)


def _sizes(wanted: Change, inventory: Inventory, observed: Observed) -> list[_Rollout]:
    """Return the changes of the task count and the scaling of production.

    They keep the task definition and the other settings of each slot.
    """
    settings = wanted.wanted.settings(Environment.PROD_GREEN)
    if not wanted.resizes:
        # Only an approver changes production, so another change of the document does not.
        unchanged = wanted.wanted == wanted.present
        return _restored_sizes(inventory, settings) if unchanged else []
    return [
        _Rollout(sources.Source(row, service), releases.resized(row, service, settings))
        for row, service in inventory.usable(*PRODUCTION)
        if not _has_size(service, settings, observed)
    ]


def _restored_sizes(inventory: Inventory, settings: EnvironmentSettings) -> list[_Rollout]:
    """Return the changes of slots whose scaling is unknown or has drift.

    A slot with an older release keeps its own scaling. An operation that holds a slot is not
    disturbed.
    """
    changes = []
    for row in (inventory.rows.get(each) for each in PRODUCTION):
        service = row.service if row else None
        if row is None or service is None or service.scaling is None or row.claim:
            continue
        if service.scaling_known and not row.drift:
            continue
        same = service.spec_hash == settings.hash or service.scaling == settings.scaling
        own = settings._replace(scaling=service.scaling, desired_count=service.desired_count)
        progress = releases.resized(row, service, settings if same else own)
        changes.append(_Rollout(sources.Source(row, service), progress))
    return changes


def live_revision(inventory: Inventory) -> int | None:
    """Return the revision that customers receive; None for a release of another tool."""
    live = inventory.service(Environment.PROD_GREEN)
    return live.spec if live else None


def _pending(wanted: Change, inventory: Inventory, observed: Observed) -> list[Difference]:
    """Return the differences between the settings of the live slot and those of the next release.

    They are empty for a release of another tool, whose settings are not on record.
    """
    service = inventory.service(Environment.PROD_GREEN)
    known = {wanted.present.revision: wanted.present, **observed.specifications}
    live = known.get(live_revision(inventory) or 0)
    if service is None or live is None:
        return []
    if wanted.resizes:
        size = wanted.wanted.settings(Environment.PROD_GREEN)
        service = replace(service, desired_count=size.desired_count, scaling=size.scaling)
    return pending_changes(service, Environment.PROD_GREEN, live, wanted.wanted)


def task_definition(state: State, part: Progress, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the registration input of a running service, or of one in an added environment."""
    change: StackChange | None = state.operation.details.stack
    if change and part.environment in change.added:
        return stacks.task_definition(state, part, tags)
    return releases.task_definition(state, part, tags)


def rows_after(state: State, held: Sequence[Row], now: datetime, *, keep_rows: bool) -> RowChanges:
    """Return the rows with their releases, without those of environments that do not exist."""
    change: StackChange | None = state.operation.details.stack
    if change is None:
        return releases.rows_after(state, held, now, keep_rows=keep_rows)
    moved = {*change.added, *change.removed}
    others = [row for row in held if row.environment not in moved]
    usual = releases.rows_after(state, others, now, keep_rows=keep_rows)
    own = stack_update.rows_after(state, held, now)
    if own is None:
        kept = [row for row in held if row.environment in change.removed]
        added = [row for row in held if row.environment in change.added]
        return RowChanges([*usual.kept, *kept], added)
    return own._replace(kept=[*usual.kept, *own.kept])


def restored(operation: Operation, inventory: Inventory) -> tuple[Progress, ...]:
    """Return the release of each service after an abort; a removal that has begun continues."""
    if stack_update.committed(operation):
        return ()
    change: StackChange = operation.details.stack or StackChange()
    added = [part for part in operation.progress if part.environment in change.added]
    return (
        *releases.restored_services(operation, inventory),
        *(part for part in added if part.status is not Status.SUCCEEDED),
    )


KIND = Kind(
    name="update",
    verb="change the specification of",
    limit=releases.LIMIT,
    plan=plan,
    decide=decide,
    rows=rows_after,
    task_definition=task_definition,
    settings=stacks.settings,
    abort=Abort(
        planned="would return to the previous settings",
        running="returning to the previous settings",
        done="the previous settings run again",
        committed=stack_update.committed,
        restored=restored,
    ),
)
