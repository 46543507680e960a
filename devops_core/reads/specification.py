"""Reads of the specification of an application, and of its revisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from devops_core.errors import ForbiddenError, NotFoundError
from devops_core.reads.inventory import one_application

if TYPE_CHECKING:
    from devops_core.model.inventory import Inventory
    from devops_core.model.specification import Revision
    from devops_core.ports import Cloud


class StoredSpecification(NamedTuple):
    """An inventory with its specification, and the revisions that its environments run."""

    inventory: Inventory
    revisions: Mapping[int, Revision]


def stored_specification(cloud: Cloud, name: str, caller: str) -> StoredSpecification:
    """Return the specification of an application with the other revisions in use.

    Raises NotFoundError, and ForbiddenError for a caller outside the team.
    """
    inventory = one_application(cloud, name)
    _require_team(cloud, inventory, name, caller)
    present = inventory.specification.revision
    running = {row.service.spec for row in inventory.rows.values() if row.service}
    others = sorted(number for number in running if number and number != present)
    return StoredSpecification(inventory, cloud.tables.revisions(name, others) if others else {})


def stored_revision(
    cloud: Cloud, name: str, number: int, caller: str
) -> tuple[Inventory, Revision, Revision | None]:
    """Return a revision of a specification and the one before it, None for the first one.

    Raises NotFoundError, and ForbiddenError for a caller outside the team.
    """
    inventory = one_application(cloud, name)
    _require_team(cloud, inventory, name, caller)
    found = cloud.tables.revisions(name, [number, number - 1])
    if number not in found:
        present = inventory.specification.revision
        raise NotFoundError(
            f"the specification of {name} has no revision {number}: the present one is {present}"
        )
    return inventory, found[number], found.get(number - 1)


def _require_team(cloud: Cloud, inventory: Inventory, name: str, caller: str) -> None:
    """Raise ForbiddenError for a caller who must not see variables and secrets."""
    team = inventory.existing_application(name).technical_team
    missing = cloud.settings.access.missing_lists(caller, team, production=False)
    if missing:
        raise ForbiddenError(
            f"not allowed to read the specification of {name}: requires {' and '.join(missing)}"
        )
