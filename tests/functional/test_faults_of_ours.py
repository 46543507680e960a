"""An operation whose record makes no sense must not hold its application for ever."""

from __future__ import annotations

import pytest

from devops_core import kinds
from devops_core.engine.reconcile import GRACE
from devops_core.model.operation import Status
from tests.functional.client import Client
from tests.functional.fakes import FakeCloud

FAULT = "the service has a fault; its log has the details"


@pytest.fixture
def broken(shop: FakeCloud, api: Client) -> str:
    """A swap whose record has a list as the name of its live slot."""
    api.finished(api.deploy("1.0", "dev"))
    api.finished(api.promote())
    shop.containers.service("Shop", "prod-2").running = 0
    shop.containers.automatic = False
    shop.containers.service("Shop", "prod-2").desired = 0
    reply = api.swap()
    operation = shop.tables.operations["Shop", reply.id]
    shop.tables.operations["Shop", reply.id] = operation.with_details(live=[])
    return reply.id


def test_it_is_left_to_be_mended_until_its_time_is_up(
    shop: FakeCloud, api: Client, broken: str
) -> None:
    assert api.tick() == 0
    assert "reconcile failed" in [line for line, _ in shop.lines]
    assert shop.tables.in_progress() == [("Shop", broken)]
    assert api.status(broken).status == 500
    mended = shop.tables.operations["Shop", broken].with_details(live="prod-2")
    shop.tables.operations["Shop", broken] = mended
    shop.containers.automatic = True
    api.settle()
    assert api.status(broken).operation["status"] == "SUCCEEDED"
    shop.lines.clear()


def test_it_ends_after_its_deadline_and_releases_its_rows(
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
