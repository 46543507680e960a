"""The change of a specification that a request asks for, and the checks of the new document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from devops_core import render
from devops_core.errors import SPECIFICATION as RECORD
from devops_core.errors import BusyError, InvalidRequestError, PreconditionFailedError
from devops_core.kinds import stack_plan
from devops_core.model.inventory import Inventory
from devops_core.model.specification import (
    EnvironmentSettings,
    Specification,
    sidecar_fields,
    sidecar_images,
)
from devops_core.naming import PRODUCTION, Environment, environment_name
from devops_core.requests.update import SPECIFICATION, UpdateRequest, merged


class Change(NamedTuple):
    """The present specification of an application, and the one that a request asks for.

    Both are the same if the request changes nothing. `restacks` means that the stack must change.
    """

    present: Specification
    wanted: Specification
    restacks: bool = False

    @property
    def production(self) -> bool:
        """Whether production's effective specification or the policy of its swaps changes."""
        settings_differ = self._settings(self.present) != self._settings(self.wanted)
        return settings_differ or self.present.production != self.wanted.production

    @property
    def resizes(self) -> bool:
        """Whether of production only the task count or the scaling changes."""
        present, wanted = self._settings(self.present), self._settings(self.wanted)
        resized = present._replace(desired_count=wanted.desired_count, scaling=wanted.scaling)
        return resized == wanted != present

    @property
    def releases(self) -> bool:
        """Whether the next release of production has other settings, beside a changed size."""
        return self._settings(self.present) != self._settings(self.wanted) and not self.resizes

    @staticmethod
    def _settings(specification: Specification) -> EnvironmentSettings:
        return specification.settings(Environment.PROD_GREEN)


def change(
    request: UpdateRequest, inventory: Inventory, digests: Mapping[str, str] | None = None
) -> Change:
    """Return the change that a request asks for; `digests` are those of new images of sidecars.

    An image that the present revision names keeps its digest.

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
    known = {**(digests or {}), **present.digests}
    named = {each: known[each] for each in sidecar_images(document) if each in known}
    wanted = Specification(record.next_revision, document, named) if changed else present
    _require_other_names(inventory, wanted)
    _require_named_removals(present, wanted, request.remove)
    _require_small_task_definitions(inventory, wanted)
    return Change(present, wanted, stack_plan.is_needed(record, wanted))


def new_images(change: Change) -> list[str]:
    """Return the references of images of sidecars that the present revision does not have."""
    present = sidecar_images(change.present.document)
    return [each for each in sidecar_images(change.wanted.document) if each not in present]


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


def _require_other_names(inventory: Inventory, wanted: Specification) -> None:
    """Raise InvalidRequestError for a sidecar with the name of the application's container.

    A custom template can give this container any name.
    """
    own = {row.service.container for row in inventory.rows.values() if row.service}
    faults = [
        (field, "is the name of the application's container: choose another name")
        for field, name in sidecar_fields(wanted.document, "name").items()
        if name in own
    ]
    if faults:
        raise InvalidRequestError(faults)


def _require_small_task_definitions(inventory: Inventory, wanted: Specification) -> None:
    """Raise InvalidRequestError for settings that do not fit beside other containers.

    A custom template can have large ones. Both slots of production can have a fault, with the same
    name. A task definition that ECS has accepted can become smaller, also if it is above the limit
    here: ECS does not document how it measures the size.
    """
    limit, large = render.MAX_TASK_DEFINITION_BYTES, dict[str, int]()
    for row in inventory.rows.values():
        if row.service and row.environment in (*wanted.environments, *PRODUCTION):
            base, name, owned = row.service.blueprint, row.service.container, row.service.owned
            settings = wanted.settings(row.environment)
            size = render.task_definition_bytes(
                render.task_definition(base, name, None, {}, settings, owned)
            )
            environment = environment_name(row.environment)
            if size > limit and size > render.task_definition_bytes(base):
                large[environment] = max(size, large.get(environment, 0))
    if large:
        found = ", ".join(f"{size} in {name}" for name, size in large.items())
        message = (
            f"must be smaller: a task definition with all its containers has at most {limit} bytes,"
            f" not {found}"
        )
        raise InvalidRequestError([("service", message)])


def _require_named_removals(
    present: Specification, wanted: Specification, remove: Sequence[str]
) -> None:
    """Raise InvalidRequestError unless a request names exactly the environments that it removes."""
    removed = [
        environment_name(each) for each in present.environments if each not in wanted.environments
    ]
    if {*removed} == {*remove}:
        return
    names = ",".join(removed)
    message = "must be absent: the specification keeps all environments"
    if removed:
        message = (
            f"must be {names}: the environments that the specification does not have any more. The"
            " call deletes them, with their load balancers and logs"
        )
    raise InvalidRequestError([("remove", message)])
