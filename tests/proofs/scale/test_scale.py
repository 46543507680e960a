"""No operation reads or writes more with ten thousand applications than with one."""

from __future__ import annotations

from functools import partial

import pytest

from devops_core.drift.check import APPLICATIONS_PER_RUN
from tests.lab.templates import ROOT
from tests.proofs.scale.__main__ import SIZES
from tests.proofs.scale.installation import LINES, Installation
from tests.proofs.scale.measurements import (
    DRIFT,
    IDLE,
    LIST,
    LIST_VERSION,
    MANY,
    PAGE,
    Measurements,
    table,
)  # fmt: skip

OPERATIONS = (
    "health", IDLE, "the schedule, one operation open", "wake by an event", "create",
    "deploy, 1 environment", "deploy, 3 environments", "promote", "swap", "abort", "delete",
    "status, in progress", "status, ended", "read an application", "list operations, a page of 4",
    "list events, a page of 4", "list events of all, a page of 4", "list events of an operation",
    "list events of an operation of any", "update, 1 environment", "read a specification",
)  # fmt: skip
LISTS = (LIST, LIST_VERSION)


@pytest.fixture(scope="module")
def few() -> Measurements:
    return Measurements(1)


@pytest.fixture(scope="module")
def many() -> Measurements:
    return Measurements(MANY)


def test_there_are_ten_thousand_applications_and_a_million_lines(many: Measurements) -> None:
    cloud, tables = many.installation.cloud, many.installation.database.tables
    log, production = (
        tables[name] for name in (cloud.settings.tables.log, cloud.settings.tables.production)
    )
    assert len(production.seeded) == MANY
    assert len(log.seeded) * LINES == 1_000_000
    entries = log.partition("App09999")
    assert sum(entry.startswith("EVENT#") for entry in entries) == LINES
    assert {*entries} >= {"APPLICATION", "SPEC#00000001"}
    assert set(production.partition("App09999")) == {"PROD-BLUE", "PROD-GREEN"}


def test_every_operation_is_measured(few: Measurements) -> None:
    assert set(few.consumed) == {*OPERATIONS, *LISTS, DRIFT}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_consumes_the_same_with_many_applications(
    few: Measurements, many: Measurements, operation: str
) -> None:
    assert many.consumed[operation] == few.consumed[operation]
    assert many.consumed[operation].calls


def test_the_schedule_makes_two_queries_when_nothing_is_open(many: Measurements) -> None:
    assert many.consumed[IDLE].calls == ("Query", "Query")
    assert many.consumed[IDLE].read == 1


def test_the_drift_check_is_bounded_by_its_limit(few: Measurements, many: Measurements) -> None:
    assert many.consumed[DRIFT] == Measurements(MANY // 10).consumed[DRIFT]
    checks = many.consumed[DRIFT].calls.count("BatchGetItem")
    assert (few.consumed[DRIFT].calls.count("BatchGetItem"), checks) == (1, APPLICATIONS_PER_RUN)
    assert many.consumed[DRIFT].read <= few.consumed[DRIFT].read * APPLICATIONS_PER_RUN


@pytest.mark.parametrize("page", LISTS)
def test_a_page_is_bounded_with_many_applications(
    few: Measurements, many: Measurements, page: str
) -> None:
    assert many.consumed[page] == Measurements(MANY // 10).consumed[page]
    assert many.consumed[page].read <= few.consumed[page].read * 4 * PAGE
    assert set(many.consumed[page].calls) == {"Query", "BatchGetItem"}


def test_a_scan_consumes_more_with_more_applications() -> None:
    """The meter detects a read of a whole table."""
    consumed = []
    for applications in (1, 10):
        there = Installation()
        there.copy(applications)
        scan = partial(there.client.scan, TableName=there.cloud.settings.tables.log)
        consumed.append(there.measure(scan).read)
    assert consumed[1] > 5 * consumed[0]


def test_the_page_has_these_figures(few: Measurements, many: Measurements) -> None:
    assert "\n".join(table(few, many)) in (ROOT / "docs" / "performance.md").read_text()


def test_the_sizes_are_documented() -> None:
    assert SIZES.is_documented("scale")
