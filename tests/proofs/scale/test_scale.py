"""No operation reads or writes more among ten thousand applications than with one."""

from __future__ import annotations

import pytest

from devops_core.drift.check import APPLICATIONS_PER_RUN
from tests.lab.templates import ROOT
from tests.proofs.scale.consumption import DRIFT, IDLE, LIST, LIST_VERSION, MANY, PAGE, Life, table
from tests.proofs.scale.copies import LINES, World

OPERATIONS = (
    "health", IDLE, "the schedule, one operation open", "wake by an event", "create",
    "deploy, 1 environment", "deploy, 3 environments", "promote", "swap", "abort", "delete",
    "status, in progress", "status, ended", "read an application", "list operations, a page of 4",
    "list events, a page of 4", "list events of all, a page of 4", "list events of an operation",
    "list events of an operation of any",
)  # fmt: skip
LISTS = (LIST, LIST_VERSION)


@pytest.fixture(scope="module")
def few() -> Life:
    return Life(1)


@pytest.fixture(scope="module")
def many() -> Life:
    return Life(MANY)


def test_there_are_ten_thousand_applications_and_a_million_lines(many: Life) -> None:
    cloud, tables = many.world.cloud, many.world.database.tables
    log, production = (
        tables[name] for name in (cloud.settings.tables.log, cloud.settings.tables.production)
    )
    assert len(production.seeded) == MANY
    assert len(log.seeded) * LINES == 1_000_000
    assert len(log.partition("App09999")) == LINES
    assert set(production.partition("App09999")) == {"PROD-BLUE", "PROD-GREEN"}


def test_every_operation_is_measured(few: Life) -> None:
    assert set(few.found) == {*OPERATIONS, *LISTS, DRIFT}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_consumes_the_same_among_many(few: Life, many: Life, operation: str) -> None:
    assert many.found[operation] == few.found[operation]
    assert many.found[operation].calls


def test_the_schedule_makes_one_query_when_nothing_is_open(many: Life) -> None:
    assert many.found[IDLE].calls == ("Query",)
    assert many.found[IDLE].read == 0.5


def test_the_drift_check_is_bounded_by_its_limit(few: Life, many: Life) -> None:
    assert many.found[DRIFT] == Life(MANY // 10).found[DRIFT]
    looks = many.found[DRIFT].calls.count("BatchGetItem")
    assert (few.found[DRIFT].calls.count("BatchGetItem"), looks) == (1, APPLICATIONS_PER_RUN)
    assert many.found[DRIFT].read <= few.found[DRIFT].read * APPLICATIONS_PER_RUN


@pytest.mark.parametrize("page", LISTS)
def test_a_page_is_bounded_however_many_there_are(few: Life, many: Life, page: str) -> None:
    assert many.found[page] == Life(MANY // 10).found[page]
    assert many.found[page].read <= few.found[page].read * 4 * PAGE
    assert set(many.found[page].calls) == {"Query", "BatchGetItem"}


def test_who_reads_through_a_table_is_seen() -> None:
    """The meter notices what must not be: the same scan costs more among more."""
    consumed = []
    for applications in (1, 10):
        world = World()
        world.copy(applications)
        log = world.cloud.settings.tables.log
        consumed.append(world.measure(lambda: world.client.scan(TableName=log)).read)  # noqa: B023
    assert consumed[1] > 5 * consumed[0]


def test_the_page_has_these_figures(few: Life, many: Life) -> None:
    assert "\n".join(table(few, many)) in (ROOT / "docs" / "performance.md").read_text()
