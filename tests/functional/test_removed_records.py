"""The record of an application is removed by hand while an operation is in progress."""

from __future__ import annotations

import pytest

from devops_core import kinds
from devops_core.model.operation import GRACE, Status
from devops_core.naming import Environment
from tests.lab.client import Client
from tests.lab.fakes import FakeCloud

MISSING = (
    "the specification of the application is not on record: delete the application and create it"
    " again"
)


@pytest.mark.parametrize("finished", [False, True], ids=["dev in progress", "dev succeeded"])
def test_a_rollout_ends_after_its_grace_period_and_releases_its_rows(
    shop: FakeCloud, api: Client, finished: bool
) -> None:
    shop.containers.automatic = False
    reply = api.deploy("1.0", "dev", "qa")
    if finished:
        shop.containers.service("Shop", "dev").complete(shop.clock.now())
        assert api.status(reply.id).environments["DEV"]["status"] == "SUCCEEDED"
    removed = shop.tables.records.pop("Shop")
    shop.containers.automatic = True
    limit = kinds.load("deploy").limit + GRACE

    for _ in range(8):
        shop.clock.wait(limit.total_seconds() / 6)
        api.tick()

    ended = shop.tables.operations["Shop", reply.id]
    assert (ended.status, ended.reasons[0]) == (Status.FAILED, MISSING)
    assert not [row for row in shop.tables.rows.values() if row.claim]
    assert "given up" in [line for line, _ in shop.lines]
    shop.lines.clear()
    # The rows could not record the new releases, so these are drift.
    assert api.drift_check() == 1
    dev = shop.tables.inventory_of("Shop").service(Environment.DEV)
    assert dev is not None
    assert dev.task_definition == shop.containers.running("Shop", "dev").arn
    shop.tables.records["Shop"] = removed


def test_a_delete_ends_without_a_record(shop: FakeCloud, api: Client) -> None:
    shop.containers.automatic = False
    reply = api.delete()
    shop.tables.records.pop("Shop")
    shop.containers.automatic = True

    assert api.finished(reply).operation["status"] == "SUCCEEDED"
    assert shop.tables.rows == {}


def test_a_task_count_of_production_is_refused_without_one_of_its_rows(
    shop: FakeCloud, api: Client
) -> None:
    removed = shop.tables.rows.pop(("Shop", Environment.PROD_BLUE))
    refused = api.patch({"overrides": {"prod": {"desiredCount": 2}}})
    shop.tables.rows["Shop", Environment.PROD_BLUE] = removed

    assert (refused.status, refused.body["code"]) == (409, "NO_SUCH_ENVIRONMENT")
    assert "has no environment PROD-BLUE" in refused.body["errorMessage"]
