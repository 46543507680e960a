"""Checks of applications for drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from devops_core.drift import comparison
from devops_core.drift.repair import CALLER, record_repair
from devops_core.engine import telemetry
from devops_core.errors import SPECIFICATION
from devops_core.model.inventory import Inventory
from devops_core.model.listeners import observed_listeners
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.model.scaling import ScalableTarget
from devops_core.ports import Cloud
from devops_core.reads.live import listener_calls

# Applications of one run: each takes about 0.3 s, and a run has 60 s.
APPLICATIONS_PER_RUN = 100


def check_next_applications(cloud: Cloud) -> list[Operation]:
    """Check the next applications of the cycle and return the repairs."""
    repairs = []
    for application in cloud.tables.applications(APPLICATIONS_PER_RUN):
        try:
            inventory, _ = cloud.tables.inventory(application)
            repair = check_application(cloud, inventory)
        except Exception as error:  # noqa: BLE001 - one broken row must not stop the others
            facts = {"applicationName": application, "caller": CALLER}
            telemetry.reconcile_failed(cloud, "check failed", error, **facts)
            continue
        if repair:
            repairs.append(repair)
    return repairs


def check_application(cloud: Cloud, inventory: Inventory) -> Operation | None:
    """Check an application without an operation in progress and return its repair, if needed."""
    stale = _stale_claims(cloud, inventory)
    if not stale.empty:
        return record_repair(cloud, inventory, stale)
    if not comparison.settled(inventory, cloud.clock.now()):
        return None
    finding = comparison.find_drift(inventory, _observe(cloud, inventory))
    return record_repair(cloud, inventory, finding)


def _stale_claims(cloud: Cloud, inventory: Inventory) -> comparison.Finding:
    """Return the rows and the record whose claims belong to ended or unrecorded operations."""
    application = inventory.application
    if application is None:
        return comparison.Finding()
    stale = {
        claim
        for claim in inventory.claims
        if (operation := cloud.tables.operation(application.name, claim)) is None or operation.ended
    }
    freed = [row for row in inventory.rows.values() if row.claim in stale]
    held = [(row.environment.value, row.claim) for row in freed]
    claim = inventory.record.claim if inventory.record else None
    if claim in stale:
        held.append((SPECIFICATION, claim))
    reasons = [f"{name} was held by operation {each}, which has ended" for name, each in held]
    return comparison.Finding(
        tuple(replace(row, claim=None) for row in freed),
        tuple(reasons),
        claim if claim in stale else None,
    )


def _observe(cloud: Cloud, inventory: Inventory) -> Observed:
    application = inventory.application
    services = [row.service for row in inventory.rows.values() if row.service]
    if application is None or application.stack_id is None:
        raise ValueError("an active application has a stack")
    stack, running = cloud.gather(
        [
            partial(cloud.stacks.describe, application.stack_id),
            partial(cloud.containers.services, application.name, [each.name for each in services]),
        ]
    )
    observed = Observed(stack=stack, services=running)
    if comparison.stack_deleted(observed):
        return observed
    changed = {
        each.name: deployment
        for each in services
        if (deployment := comparison.complete_outside_deployment(each, observed))
    }
    scaled = [each.name for each in services if each.scaling is not None]
    production, test, targets, *blueprints = cloud.gather(
        [
            *listener_calls(cloud, inventory),
            partial(_scalable_targets, cloud, application.name, scaled),
            *(
                partial(cloud.containers.blueprint, each.task_definition)
                for each in changed.values()
            ),
        ]
    )
    return replace(
        observed,
        **observed_listeners((production, test), inventory.slots_by_target_group),
        blueprints=dict(zip(changed, blueprints, strict=True)),
        scalable_targets=targets,
    )


def _scalable_targets(
    cloud: Cloud, application: str, services: Sequence[str]
) -> dict[str, ScalableTarget]:
    """Return the scalable targets of services; no call for none."""
    return cloud.scaling.targets(application, services) if services else {}
