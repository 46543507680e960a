"""An operation that causes an internal error ends, and releases its rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devops_core import kinds
from devops_core.model.operation import GRACE, Status
from devops_core.naming import Environment
from tests.lab.client import Client
from tests.lab.fakes import FakeCloud

FAULT = "the service has a fault: its log has the cause"


@pytest.fixture
def broken(shop: FakeCloud, api: Client) -> str:
    """A swap whose record has a list instead of the name of the live slot."""
    api.finished(api.deploy("1.0", "dev"))
    api.finished(api.promote())
    shop.containers.service("Shop", "prod-2").running = 0
    shop.containers.automatic = False
    shop.containers.service("Shop", "prod-2").desired = 0
    reply = api.swap()
    operation = shop.tables.operations["Shop", reply.id]
    shop.tables.operations["Shop", reply.id] = operation.with_details(live=[])
    return reply.id


def test_an_operation_with_an_invalid_record_remains_open_until_its_deadline(
    shop: FakeCloud, api: Client, broken: str
) -> None:
    assert api.tick() == 0
    assert "reconcile failed" in [line for line, _ in shop.lines]
    assert shop.tables.in_progress() == [("Shop", broken)]
    assert api.status(broken).status == 500
    corrected = shop.tables.operations["Shop", broken].with_details(live="prod-2")
    shop.tables.operations["Shop", broken] = corrected
    shop.containers.automatic = True
    api.settle()
    assert api.status(broken).operation["status"] == "SUCCEEDED"
    shop.lines.clear()


def test_an_operation_with_an_invalid_record_ends_after_its_deadline(
    shop: FakeCloud, api: Client, broken: str
) -> None:
    limit = kinds.load("swap").limit + GRACE
    shop.clock.wait(limit.total_seconds())
    assert api.tick() == 1
    ended = shop.tables.operations["Shop", broken]
    assert (ended.status, ended.reasons[0]) == (Status.FAILED, FAULT)
    (facts,) = [facts for line, facts in shop.lines if line == "given up"]
    assert facts["operation"] == broken
    assert "TypeError" in facts["error"]
    assert not [row for row in shop.tables.rows.values() if row.claim]
    shop.lines.clear()
    shop.containers.automatic = True
    assert api.finished(api.deploy("1.1", "dev")).operation["status"] == "SUCCEEDED"


def test_an_internal_error_in_a_step_ends_the_operation(shop: FakeCloud, api: Client) -> None:
    """The error occurs after the lease was saved, so the record is newer than at the start."""
    shop.containers.automatic = False
    reply = api.deploy("1.0", "dev")
    shop.wire.fail("containers.update", KeyError("a step of this version is broken"))
    shop.clock.wait((kinds.load("deploy").limit + GRACE).total_seconds())
    assert api.tick() == 1
    ended = shop.tables.operations["Shop", reply.id]
    assert (ended.status, ended.reasons[0]) == (Status.FAILED, FAULT)
    assert [line for line, _ in shop.lines if line == "given up"] == ["given up"]
    assert not [row for row in shop.tables.rows.values() if row.claim]
    shop.lines.clear()
    shop.wire.heal()
    # The operation could not roll back the rollout, so it is drift.
    shop.containers.automatic = True
    shop.containers.services("Shop", ["dev"])
    shop.clock.pass_(minutes=10)
    assert api.drift_check() == 1


def test_a_finished_environment_keeps_its_new_release_after_an_internal_error(
    shop: FakeCloud, api: Client
) -> None:
    shop.containers.automatic = False
    reply = api.deploy("1.0", "dev", "qa")
    shop.containers.service("Shop", "dev").complete(shop.clock.now())
    assert api.status(reply.id).environments["DEV"]["status"] == "SUCCEEDED"
    shop.wire.fail("containers.services", KeyError("an observation of this version is broken"))
    shop.clock.wait((kinds.load("deploy").limit + GRACE).total_seconds())
    assert api.tick() == 1
    assert shop.tables.operations["Shop", reply.id].reasons[0] == FAULT
    dev, qa = (shop.tables.rows["Shop", each] for each in (Environment.DEV, Environment.QA))
    assert [row.service and row.service.version for row in (dev, qa)] == ["1.0", None]
    shop.lines.clear()
    shop.wire.heal()
    shop.containers.service("Shop", "qa").complete(shop.clock.now())
    shop.clock.pass_(minutes=10)
    assert api.drift_check() == 1


def test_a_failed_observation_is_the_reason_of_the_failure(
    promoted: FakeCloud, api: Client
) -> None:
    promoted.containers.automatic = False
    promoted.containers.service("Shop", "prod-2").desired = 0
    promoted.containers.service("Shop", "prod-2").running = 0
    reply = api.swap()
    assert reply.status == 202
    for key, row in promoted.tables.rows.items():
        application = replace(row.application, test_listener=None)
        promoted.tables.rows[key] = replace(row, application=application)
    promoted.clock.wait((kinds.load("swap").limit + GRACE).total_seconds())
    api.tick()
    ended = promoted.tables.operations["Shop", reply.id]
    assert ended.status is Status.FAILED
    assert ended.reasons[0].startswith("the application has no listeners")
    promoted.lines.clear()
    for key, row in promoted.tables.rows.items():
        listener = promoted.stacks.estate.listener("Shop", "test")
        application = replace(row.application, test_listener=listener)
        promoted.tables.rows[key] = replace(row, application=application)


def test_an_operation_of_an_unknown_kind_does_not_affect_others(
    shop: FakeCloud, api: Client
) -> None:
    """A newer version of the service started it; then the older version was installed again."""
    shop.containers.automatic = False
    reply = api.deploy("1.0", "dev")
    known = shop.tables.operations["Shop", reply.id]
    shop.tables.operations["Shop", reply.id] = replace(known, kind="relocate")
    assert api.tick() == 0
    assert [facts["operation"] for line, facts in shop.lines if line == "reconcile failed"] == [
        reply.id
    ]
    (error,) = [facts["error"] for line, facts in shop.lines if line == "reconcile failed"]
    assert error == (
        "UnknownKindError('this version of the service has no operations of the kind relocate:"
        " install the version that began the operation')"
    )
    assert api.abort(reply.id).status == 500
    (broken,) = [facts["error"] for line, facts in shop.lines if line == "broken"]
    assert "no operations of the kind relocate" in broken
    other = api.deploy("1.0", "qa")
    assert other.status == 202
    shop.tables.operations["Shop", reply.id] = replace(
        shop.tables.operations["Shop", reply.id], kind="deploy"
    )
    shop.containers.automatic = True
    api.settle()
    assert api.status(other.id).operation["status"] == "SUCCEEDED"
    shop.lines.clear()
