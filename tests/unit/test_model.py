"""The values of the service: their properties and their copies with changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from devops_core.errors import ConflictError, NotDeployableError
from devops_core.model.inventory import Application, Inventory, Row, RowStatus, Service, other_slot
from devops_core.model.listeners import ListenerRules
from devops_core.model.operation import Status, shortened
from devops_core.model.specification import ApplicationRecord, Specification
from devops_core.model.times import time_text
from devops_core.naming import Environment
from tests.lab.builders import NOW, deployment, failed_deployment, operation, overdue, part, service

APPLICATION = Application(name="MyApp", technical_team="Core")


def row(environment: Environment, name: str | None, claim: str | None = None) -> Row:
    running = Service(
        name=name or "", arn="arn", target_group=f"group of {name}", container="app",
        task_definition="td", blueprint={}, image="repo:1",
    )  # fmt: skip
    return Row(
        application=APPLICATION,
        environment=environment,
        status=RowStatus.ACTIVE,
        claim=claim,
        service=running if name else None,
    )


def inventory(*rows: Row) -> Inventory:
    return Inventory({each.environment: each for each in rows})


SWAPPED = inventory(
    row(Environment.DEV, "dev", claim="01"),
    row(Environment.PROD_GREEN, "prod-2"),
    row(Environment.PROD_BLUE, "prod-1", claim="02"),
)


def test_an_inventory_has_its_slots_by_name_in_any_role() -> None:
    assert {name: slot.name for name, slot in SWAPPED.slots.items()} == {
        "prod-1": "prod-1", "prod-2": "prod-2",
    }  # fmt: skip
    assert list(SWAPPED.slots) == ["prod-1", "prod-2"]
    assert inventory(row(Environment.PROD_GREEN, None)).slots == {}


def test_an_inventory_finds_the_slot_of_a_target_group() -> None:
    assert SWAPPED.slots_by_target_group == {
        "group of prod-1": "prod-1", "group of prod-2": "prod-2",
    }  # fmt: skip


def test_an_inventory_has_the_listeners_of_a_complete_application() -> None:
    application = replace(APPLICATION, production_listener="p", test_listener="t")
    complete = inventory(replace(row(Environment.DEV, "dev"), application=application))

    assert complete.listeners == ["p", "t"]
    for incomplete in (SWAPPED, inventory()):
        with pytest.raises(ConflictError, match="the application has no listeners"):
            _ = incomplete.listeners


def test_an_inventory_has_an_application_services_and_held_rows() -> None:
    assert SWAPPED.application == APPLICATION
    assert inventory().application is None
    assert SWAPPED.service(Environment.QA) is None
    assert [each.environment for each in SWAPPED.held_by("01")] == [Environment.DEV]


def test_an_inventory_has_the_specification_of_its_record() -> None:
    specification = Specification(2, {"email": "a@example.com"})
    known = replace(SWAPPED, record=ApplicationRecord(specification, 3))

    assert known.specification == specification
    with pytest.raises(
        NotDeployableError, match="the specification of the application is not on recor"
    ):
        _ = SWAPPED.specification


def test_an_operation_has_ended_with_a_final_status() -> None:
    ended = [operation(status=status).ended for status in Status]

    assert ended == [False, True, True]


def test_an_operation_is_overdue_from_its_deadline() -> None:
    late = overdue("deploy")

    assert not operation().overdue(late - timedelta(seconds=1))
    assert operation().overdue(late)


@pytest.mark.parametrize(
    ("lease", "leased"),
    [(None, False), (NOW, False), (NOW + timedelta(seconds=1), True)],
    ids=["no lease", "expired just now", "valid"],
)
def test_an_operation_is_leased_until_its_lease_expires(
    lease: datetime | None, leased: bool
) -> None:
    assert operation(lease_until=lease).leased(NOW) is leased


def test_progress_is_changed_by_service() -> None:
    before = operation("deploy", part("dev"), part("qa"))

    after = before.with_progress("qa", sent=True)

    assert after.progress == (part("dev"), part("qa", sent=True))
    assert before.with_progress("da", sent=True) == before


def test_details_are_changed_by_member() -> None:
    before = operation("delete", stack_id="stack")

    after = before.with_details(sent=True)

    assert after == operation("delete", stack_id="stack", sent=True)
    assert before == operation("delete", stack_id="stack")


def test_a_failure_everywhere_keeps_the_outcome_of_ended_services() -> None:
    ended = part("qa", status=Status.SUCCEEDED), part("da", status=Status.FAILED, reason="crashed")

    progress = operation("deploy", part("dev"), *ended).failed_everywhere("no answer")

    assert progress == (part("dev", status=Status.FAILED, reason="no answer"), *ended)


def test_a_service_has_a_primary_and_failed_deployments() -> None:
    running = service(failed_deployment("new"), deployment("old"))

    assert running.primary == deployment("old")
    assert running.failed("new") == failed_deployment("new")
    assert running.failed("old") is None
    assert service().primary is None


def test_there_are_two_slots() -> None:
    assert [other_slot(name) for name in ("prod-1", "prod-2")] == ["prod-2", "prod-1"]


def test_times_are_in_utc_with_milliseconds() -> None:
    time = datetime(2026, 6, 1, 14, 30, 5, 999_999, tzinfo=timezone(timedelta(hours=2)))

    assert time_text(time) == "2026-06-01T12:30:05.999Z"
    assert time_text(None) is None


@pytest.mark.parametrize(
    ("weights", "share"),
    [
        ({"a": 100, "b": 0}, 100),
        ({"a": 0, "b": 100}, 0),
        ({"a": 1, "b": 3}, 25),
        ({"a": 1, "b": 2}, None),
        ({"a": 10, "other": 90}, None),
        ({"a": 10, "b": 45, "other": 45}, None),
        ({"a": 10, "b": 90, "other": 0}, 10),
        ({"other": 100}, 0),
        ({}, None),
    ],
)
def test_a_slot_has_a_share_unless_a_third_target_group_has_one(
    weights: dict[str, int], share: int | None
) -> None:
    assert ListenerRules(weights=weights).share("a", {"a", "b"}) == share


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((), ()),
        (("a", "b", "a"), ("a", "b")),
        (tuple(map(str, range(10))), tuple(map(str, range(10)))),
        (tuple(map(str, range(12))), (*map(str, range(10)), "and 2 more")),
        (("a" * 1999, "b", "c"), ("a" * 1999, "b", "and 1 more")),
        (("a" * 9999,), ("a" * 9999,)),
    ],
)
def test_a_record_keeps_the_first_texts(texts: Iterable[str], expected: tuple[str, ...]) -> None:
    assert shortened(texts) == expected
