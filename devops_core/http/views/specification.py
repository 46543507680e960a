"""Views of specifications: the present one with its environments, and single revisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from devops_core.model.differences import differences
from devops_core.model.pending import pending_changes
from devops_core.model.times import time_text
from devops_core.naming import Environment, environment_name

if TYPE_CHECKING:
    from devops_core.model.inventory import Inventory, Row, Service
    from devops_core.model.specification import Revision, Specification
    from devops_core.reads.specification import StoredSpecification

_DEPLOY = "POST /stacks/deploy"
_PROMOTE = "POST /stacks/deploytoprodBlue"
_SWAP = "POST /stacks/swapProdBlueAndGreen"


def specification_view(stored: StoredSpecification) -> dict[str, Any]:
    """Return the view of the present specification with its environments and `pending` changes."""
    inventory = stored.inventory
    specification = inventory.specification
    documents = {number: each.specification for number, each in stored.revisions.items()}
    documents[specification.revision] = specification
    rows = [row for row in inventory.rows.values() if row.service]
    # The idle slot keeps the previous release until the next promote.
    served = [row for row in rows if row.environment is not Environment.PROD_BLUE]
    pending = [view for row in served if (view := _pending_view(row, inventory, documents))]
    return {
        "applicationName": _name(inventory),
        "revision": specification.revision,
        "specification": whole_document(inventory, specification),
        "environments": [_environment_view(row, inventory) for row in rows],
        "pending": pending,
    }


def revision_view(
    inventory: Inventory, revision: Revision, previous: Revision | None
) -> dict[str, Any]:
    """Return the view of a revision with its differences from the previous one."""
    specification = revision.specification
    before = previous.specification.document if previous else {}
    return {
        "applicationName": _name(inventory),
        "revision": specification.revision,
        "operation": revision.operation,
        "caller": revision.caller,
        "time": time_text(revision.time),
        "changes": differences(before, specification.document),
        "specification": whole_document(inventory, specification),
    }


def whole_document(inventory: Inventory, specification: Specification) -> dict[str, Any]:
    """Return a document with the name and the settings that no update changes.

    It is the body of a create of the application.
    """
    application, record = next(iter(inventory.rows.values())).application, inventory.record
    document = dict(specification.document)
    if record:
        fixed = {
            "containerPort": record.fixed.container_port,
            "healthCheckPath": record.fixed.health_check_path,
            "architecture": record.fixed.architecture,
        }
        document["service"] = {**fixed, **document.get("service", {})}
    return {"applicationName": application.name, "tags": dict(application.tags), **document}


def _name(inventory: Inventory) -> str:
    return next(iter(inventory.rows.values())).application.name


def _outdated(row: Row, inventory: Inventory) -> bool:
    """Return whether an environment runs other settings than the present ones."""
    wanted = inventory.specification.settings(row.environment).hash
    return row.service is not None and row.service.spec_hash != wanted


def _environment_view(row: Row, inventory: Inventory) -> dict[str, Any]:
    members = {
        "environment": row.environment.value,
        "slot": row.service.name if row.service and row.environment.is_production else None,
        "revision": row.service.spec if row.service else None,
        "outdated": _outdated(row, inventory),
        "settings": _settings(inventory.specification, row.environment),
    }
    return {name: value for name, value in members.items() if value is not None}


def _settings(specification: Specification, environment: Environment) -> dict[str, Any]:
    return specification.named(environment_name(environment))


def _pending_view(
    row: Row, inventory: Inventory, documents: Mapping[int, Specification]
) -> dict[str, Any] | None:
    """Return the changes that an environment lacks, and the call that applies them; or None.

    Without `changes` another tool deployed the environment, so its settings are not on record.
    """
    service, wanted = row.service, inventory.specification
    if service is None:
        return None
    running = documents.get(service.spec or 0)
    view: dict[str, Any] = {"environment": row.environment.value}
    if running:
        changes = pending_changes(service, row.environment, running, wanted)
        if not changes:
            return None
        view["changes"] = changes
    return {**view, "call": _call(row, inventory)}


def _call(row: Row, inventory: Inventory) -> str:
    """Return the call that gives an environment the present settings."""
    if not row.environment.is_production:
        return _DEPLOY
    idle = inventory.rows.get(Environment.PROD_BLUE)
    ready = idle is not None and _promoted(idle.service) and not _outdated(idle, inventory)
    return _SWAP if row.environment is Environment.PROD_GREEN and ready else _PROMOTE


def _promoted(service: Service | None) -> bool:
    return service is not None and bool(service.version)
