"""Update: a new revision of the specification, and its rollout in all environments but production.

Production receives the settings with its next release: a promote applies them to the idle slot, and
a swap makes them live. Only the task count of production changes at once, if nothing else of its
settings does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from devops_core.details.update import UpdateDetails
from devops_core.errors import SPECIFICATION as RECORD
from devops_core.errors import (
    BusyError,
    InvalidRequestError,
    NotDeployableError,
    PreconditionFailedError,
)
from devops_core.kinds import releases, rollout, sources
from devops_core.kinds.kind import Abort, Kind
from devops_core.model.decisions import Plan
from devops_core.model.differences import Difference, differences
from devops_core.model.inventory import Inventory, Row
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation, Progress
from devops_core.model.pending import pending_changes
from devops_core.model.specification import (
    ApplicationRecord,
    EnvironmentSettings,
    RecordClaim,
    Revision,
    Specification,
    secret_arns,
)
from devops_core.naming import PRODUCTION, Environment, environment_name
from devops_core.requests.update import SPECIFICATION, UpdateRequest, merged


class Change(NamedTuple):
    """The present specification of an application, and the one that a request asks for.

    Both are the same if the request changes nothing.
    """

    present: Specification
    wanted: Specification

    @property
    def production(self) -> bool:
        """Whether production's effective specification changes."""
        return self._settings(self.present) != self._settings(self.wanted)

    @property
    def production_count(self) -> int | None:
        """The new task count of production, None unless only the count changes."""
        present, wanted = self._settings(self.present), self._settings(self.wanted)
        count = wanted.desired_count
        only_count = present._replace(desired_count=count) == wanted != present
        return count if only_count else None

    @staticmethod
    def _settings(specification: Specification) -> EnvironmentSettings:
        return specification.settings(Environment.PROD_GREEN)


def change(request: UpdateRequest, inventory: Inventory) -> Change:
    """Return the change that a request asks for.

    Raises BusyError, PreconditionFailedError for another revision, and InvalidRequestError with all
    faults of the resulting document.
    """
    application = inventory.existing_application(request.application)
    present, record = inventory.specification, inventory.record
    if record is None or record.claim:
        raise BusyError(RECORD, application.name, record.claim if record and record.claim else "")
    if request.revision not in (None, present.revision):
        raise PreconditionFailedError(
            f"the specification of {application.name} has revision {present.revision}, not"
            f" {request.revision}: read it again, and repeat the change"
        )
    content = merged(present.document, request.content) if request.patch else request.content
    document = SPECIFICATION.parse(
        content,
        application=application.name,
        tags=application.tags,
        fixed=record.fixed,
        sizes=_present_sizes(inventory),
        **request.context,
    )
    changed = document != present.document
    wanted = Specification(present.revision + 1, document) if changed else present
    _require_same_stack(record, wanted, request.remove)
    return Change(present, wanted)


def _present_sizes(inventory: Inventory) -> dict[str, tuple[int, int]]:
    """Return the CPU units and the memory of the running task definitions by environment."""
    return {
        environment_name(row.environment): (
            int(row.service.blueprint["cpu"]),
            int(row.service.blueprint["memory"]),
        )
        for row in inventory.rows.values()
        if row.service
    }


def _require_same_stack(
    record: ApplicationRecord, wanted: Specification, remove: Sequence[str]
) -> None:
    """Raise InvalidRequestError for a change that requires an update of the stack."""
    faults = []
    if wanted.environments != record.specification.environments or remove:
        faults.append(("environments", "cannot change: create another application"))
    granted = record.stack.granted if record.stack else {}
    for each in (*wanted.environments, PRODUCTION[0]):
        name = environment_name(each)
        arns = secret_arns(wanted.settings(each).secrets.values())
        if not {*arns} <= {*granted.get(name, ())}:
            message = f"has secrets that the role of {name} cannot read: create them with it"
            faults.append((f"overrides.{name}.secrets", message))
    if faults:
        raise InvalidRequestError(faults)


def plan(
    request: UpdateRequest, inventory: Inventory, observed: Observed, draft: Operation
) -> Plan:
    """Take the record, and the rows of the environments that run other settings."""
    wanted = change(request, inventory)
    specification = wanted.wanted
    rollouts = [
        _rollout(row, specification.settings(row.environment), inventory, observed, draft)
        for row in inventory.rows.values()
        if row.environment not in PRODUCTION
    ]
    planned = [each for each in rollouts if each]
    planned += _counts(inventory, observed, wanted.production_count)
    if not planned and wanted.wanted == wanted.present:
        message = (
            f"revision {specification.revision} of the specification has these settings, and all"
            " environments except production run them"
        )
        return Plan(None, observed, message=message)
    environments = [row.environment for row in inventory.rows.values()]
    pending = _pending(wanted, inventory, observed)
    operation = replace(
        draft,
        progress=tuple(each.progress for each in planned),
        details=UpdateDetails(
            previous=wanted.present.revision,
            # Not the names of variables and secrets: all callers can read an operation.
            pending=tuple(dict.fromkeys(each["field"].partition(".")[0] for each in pending)),
        ),
        spec=specification.revision,
        deadline=releases.deadline(draft, specification, environments),
        warnings=tuple(warning for each in planned for warning in each.source.warnings),
    )
    return Plan(
        operation,
        Observed(),
        taken=tuple(each.source.row for each in planned),
        corrected=tuple(each.source.row for each in planned if each.source.corrected),
        needs_approver=wanted.production,
        changes=tuple(differences(wanted.present.document, specification.document)),
        pending=tuple(pending),
        record=_record_claim(inventory.record, wanted, draft),
    )


def _record_claim(
    record: ApplicationRecord | None, wanted: Change, draft: Operation
) -> RecordClaim:
    """Return the claim of the record, with the new revision if there is one."""
    if record is None or wanted.wanted == wanted.present:
        return RecordClaim(record, taken=True)
    specification = wanted.wanted
    return RecordClaim(
        record,
        taken=True,
        new=record._replace(specification=specification, current=specification.revision),
        revision=Revision(specification, draft.id, draft.caller, draft.requested_at),
    )


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
    running = observed.services.get(row.service.name)
    counted = settings.desired_count in (None, running.desired if running else None)
    if row.service.spec_hash == settings.hash and counted:
        return None
    ((row, service),) = inventory.usable(row.environment)
    source = sources.source(row, service, settings, inventory, observed, draft.requested_at)
    same = source.service.spec_hash == settings.hash
    return _Rollout(source, releases.reconfigured(source.row, source.service, settings, same=same))


def _counts(inventory: Inventory, observed: Observed, count: int | None) -> list[_Rollout]:
    """Return the changes of the task count of production, none for None.

    They keep the task definition and the settings of each slot.
    """
    if count is None:
        return []
    changes = []
    for row, service in inventory.usable(*PRODUCTION):
        running = observed.services.get(service.name)
        if running is None or running.desired != count:
            progress = releases.recounted(row, service, count)
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
    if wanted.production_count is not None:
        service = replace(service, desired_count=wanted.production_count)
    return pending_changes(service, Environment.PROD_GREEN, live, wanted.wanted)


KIND = Kind(
    name="update",
    verb="change the specification of",
    limit=releases.LIMIT,
    plan=plan,
    decide=rollout.decide,
    rows=releases.rows_after,
    task_definition=releases.task_definition,
    abort=Abort(
        planned="would return to the previous settings; the specification keeps the revision",
        running="returning to the previous settings; the specification keeps the revision",
        done="the previous settings run again; the specification keeps the revision",
        restored=releases.restored_services,
    ),
)
