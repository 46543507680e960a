"""Production of an application in the inventory: two slots with different releases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from devops_core.model.inventory import Application, Inventory, Row, RowStatus, Service
from devops_core.model.specification import ApplicationRecord, Specification
from devops_core.naming import Environment

GREEN, BLUE = Environment.PROD_GREEN, Environment.PROD_BLUE
OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
APPLICATION = Application(name="MyApp", technical_team="Core")
DOCUMENT: Mapping[str, Any] = {
    "email": "team@example.com",
    "service": {"warmup": ["/", "/a"]},
    "production": {"bakeMinutes": 10},
}
RECORD = ApplicationRecord(Specification(4, DOCUMENT), 4)
SCALING, OTHER_SCALING = {"min": 1, "max": 3}, {"min": 2, "max": 4}


def release(name: str, version: str | None, digest: str | None, **changes: Any) -> Service:
    """Return a slot with a release."""
    made = Service(
        name=name,
        arn=f"service/{name}",
        target_group=f"group/{name}",
        container="app",
        task_definition="td",
        blueprint={},
        image=f"repository:{version or 'first'}",
        digest=digest,
        version=version,
    )
    return replace(made, **changes)


# The live slot was live before; the idle slot has the present settings of production.
LIVE = release("prod-1", "1.0", OLD, spec=3, spec_hash="x", was_live=True, scaling=OTHER_SCALING)
IDLE = release(
    "prod-2",
    "1.1",
    NEW,
    spec=4,
    spec_hash=RECORD.specification.settings(BLUE).hash,
    deployers=("ann",),
    unverified="no task",
    scaling=SCALING,
)


def row(environment: Environment, service: Service | None, **changes: Any) -> Row:
    """Return the free row of a role of production."""
    made = Row(
        application=APPLICATION,
        environment=environment,
        status=RowStatus.ACTIVE,
        url=f"https://{environment}",
        service=service,
        revision=7,
    )
    return replace(made, **changes)


def inventory(
    live: Service | None = LIVE,
    idle: Service | None = IDLE,
    record: ApplicationRecord | None = RECORD,
) -> Inventory:
    """Return the inventory of an application; None for a lost service."""
    return Inventory({GREEN: row(GREEN, live), BLUE: row(BLUE, idle)}, record)
