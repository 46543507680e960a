"""Observations for an update: the services, and the revision that customers receive."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from devops_core.access import matches
from devops_core.kinds import update
from devops_core.model.inventory import Inventory
from devops_core.model.observed import Observed
from devops_core.naming import environment_name
from devops_core.observe import Controller, rollout, secrets
from devops_core.ports import Cloud
from devops_core.requests.update import UpdateRequest

if TYPE_CHECKING:
    from devops_core.model.specification import Specification


def before(cloud: Cloud, request: UpdateRequest, inventory: Inventory) -> Observed:
    """Return the services of all environments.

    Raises InvalidRequestError for an invalid specification, and ForbiddenError for secrets and
    roles that the team cannot use.
    """
    change = update.change(request, inventory)
    _require_roles(cloud, inventory, change)
    application = inventory.existing_application(request.application)
    team = application.technical_team
    verb = update.KIND.verb
    secrets.require_owned(cloud, verb, application.name, team, change.wanted, change.present)
    services = [row.service for row in inventory.rows.values() if row.service]
    names = [service.name for service in services]
    live = update.live_revision(inventory)
    other = live if live not in (None, change.present.revision) else None
    running, specifications = cloud.gather(
        [
            partial(cloud.containers.services, request.application, names),
            partial(_specifications, cloud, request.application, other),
        ]
    )
    observed = Observed(
        services=running,
        specifications=specifications,
        task_roles=cloud.settings.access.task_roles_of(application.technical_team),
    )
    return rollout.with_outside_blueprints(cloud, observed, services)


def _specifications(
    cloud: Cloud, application: str, revision: int | None
) -> Mapping[int, Specification]:
    """Return a revision by its number, nothing for None."""
    if revision is None:
        return {}
    found = cloud.tables.revisions(application, [revision])
    return {number: each.specification for number, each in found.items()}


def _require_roles(cloud: Cloud, inventory: Inventory, change: update.Change) -> None:
    """Raise ForbiddenError for a new task role that the team cannot use."""
    application = inventory.application
    if application is None:
        return
    team = application.technical_team
    allowed = cloud.settings.access.task_roles_of(team)
    for row in inventory.rows.values():
        role = change.wanted.settings(row.environment).task_role
        if role and not matches(role, allowed):
            name = environment_name(row.environment)
            raise rollout.forbidden_role(f"{application.name} in {name}", team)


CONTROLLER = Controller(update.KIND, before, rollout.during)
