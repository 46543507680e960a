"""Accounts with a progressive swap to 2.0 in progress: the starting points of its races."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devops_core.errors import AccessDeniedError
from tests.lab.client import Client
from tests.lab.fakes import FakeCloud
from tests.lab.memory.accounts import tested

ALARM = "errors"
# The shortest canary with two steps and a bake; an alarm can end it.
CANARY: Mapping[str, Any] = {
    "strategy": {"type": "canary", "percent": 20, "stepMinutes": 1},
    "bakeMinutes": 1,
    "alarms": [ALARM],
}
# The shortest swap that waits for an approval between two steps; without one it rolls back.
APPROVED: Mapping[str, Any] = {
    "strategy": {"type": "linear", "percent": 50, "stepMinutes": 1},
    "approval": {"before": "full", "timeoutMinutes": 2},
}
_JUDGED: Mapping[str, Any] = {
    "strategy": {"type": "canary", "percent": 20},
    "alarms": [ALARM],
    "judge": {},
}


def watched(cloud: FakeCloud, api: Client) -> None:
    """Create the shop with an alarm, and with the version 3.0 to promote."""
    tested("3.0")(cloud, api)
    cloud.monitoring.states[ALARM] = "OK"


def shifted(cloud: FakeCloud, api: Client) -> None:
    """Give some customers the new release; the shift of all others is due."""
    watched(cloud, api)
    assert api.swap(version="2.0", **_JUDGED).operation["phase"] == "SHIFTED"
    for _ in range(5):
        api.tick()
    cloud.clock.pass_(minutes=1)


def baking(cloud: FakeCloud, api: Client) -> None:
    """Give all customers the new release; the end of the swap is due."""
    watched(cloud, api)
    reply = api.swap(version="2.0", **CANARY)
    api.tick()
    assert api.status(reply.id).operation["phase"] == "BAKING"
    cloud.clock.pass_(minutes=1)


def awaiting(cloud: FakeCloud, api: Client) -> None:
    """Let the swap wait for an approval, after the shift of some customers."""
    watched(cloud, api)
    reply = api.swap(version="2.0", **APPROVED)
    api.tick()
    assert api.status(reply.id).operation["phase"] == "AWAITING_APPROVAL"
    cloud.clock.pass_(minutes=1)


def expired(cloud: FakeCloud, api: Client) -> None:
    """Let the time for the approval pass."""
    awaiting(cloud, api)
    cloud.clock.pass_(minutes=1)


def blocked(cloud: FakeCloud, api: Client) -> None:
    """Let AWS refuse the return of the customers after an abort, and then allow it."""
    shifted(cloud, api)
    cloud.wire.fail("load_balancer.switch", AccessDeniedError("elasticloadbalancing is denied"))
    (_, operation), *_ = cloud.tables.in_progress()
    assert api.abort(operation).operation["phase"] == "RETURNING"
    cloud.wire.heal()
    cloud.lines.clear()
