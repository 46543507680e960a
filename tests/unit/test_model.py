"""The words of the service: what they can be asked."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from devops_core import model
from devops_core.model.inventory import Application, Inventory, Row, RowStatus, Service, other_slot
from devops_core.model.operation import Status
from devops_core.model.service_spec import ServiceSpec
from devops_core.naming import Environment
from tests.unit.builders import (
    NOW,
    deployment,
    failed,
    operation,
    overdue,
    part,
    service,
)

APPLICATION = Application(name="MyApp", technical_team="Core", email="a@example.com")


def row(environment: Environment, name: str | None, claim: str | None = None) -> Row:
    made = Service(
        name=name or "", arn="arn", target_group="group", task_definition="td",
        blueprint={}, image="repo:1",
    )  # fmt: skip
    return Row(
        application=APPLICATION,
        environment=environment,
        status=RowStatus.ACTIVE,
        claim=claim,
        service=made if name else None,
    )


def inventory(*rows: Row) -> Inventory:
    return Inventory({each.environment: each for each in rows})


SWAPPED = inventory(
    row(Environment.DEV, "dev", claim="01"),
    row(Environment.PROD_GREEN, "prod-2"),
    row(Environment.PROD_BLUE, "prod-1", claim="02"),
)


@pytest.mark.parametrize(
    ("spec", "needed"),
    [
        (ServiceSpec(), False),
        (ServiceSpec(cpu=512, memory=1024, container_port=8080), False),
        (ServiceSpec(desired_count=2), True),
        (ServiceSpec(environment={"A": "1"}), True),
        (ServiceSpec(secrets={"A": "arn"}), True),
    ],
    ids=["defaults", "only template parameters", "task count", "variables", "secrets"],
)
def test_a_service_needs_configuring(spec: ServiceSpec, needed: bool) -> None:
    assert spec.needs_configuring is needed


def test_an_inventory_finds_a_slot_whichever_role_it_has() -> None:
    names = [getattr(SWAPPED.production_slot(name), "name", None) for name in ("prod-1", "prod-2")]

    assert names == ["prod-1", "prod-2"]
    assert SWAPPED.production_slot("prod-3") is None
    assert inventory(row(Environment.PROD_GREEN, None)).production_slot("prod-1") is None


def test_an_inventory_tells_application_services_and_claims() -> None:
    assert SWAPPED.application == APPLICATION
    assert inventory().application is None
    assert SWAPPED.service(Environment.QA) is None
    assert [each.environment for each in SWAPPED.held_by("01")] == [Environment.DEV]


def test_an_operation_ends_when_its_status_does() -> None:
    ended = [operation(status=status).ended for status in Status]

    assert ended == [False, True, True]


def test_an_operation_is_overdue_from_its_deadline_on() -> None:
    late = overdue("deploy")

    assert not operation().overdue(late - timedelta(seconds=1))
    assert operation().overdue(late)


@pytest.mark.parametrize(
    ("lease", "leased"),
    [(None, False), (NOW, False), (NOW + timedelta(seconds=1), True)],
    ids=["no lease", "a lease that has just run out", "a lease that runs"],
)
def test_an_operation_is_leased(lease: datetime | None, leased: bool) -> None:
    assert operation(lease_until=lease).leased(NOW) is leased


def test_progress_is_replaced_by_service() -> None:
    before = operation("deploy", part("dev"), part("qa"))

    after = before.with_progress(part("qa", sent=True))

    assert [each.sent for each in after.progress] == [False, True]
    assert before.with_progress(part("da")) == before


def test_a_service_tells_its_primary_and_failed_deployments() -> None:
    running = service(failed("new"), deployment("old"))

    assert running.primary == deployment("old")
    assert running.failed("new") == failed("new")
    assert running.failed("old") is None
    assert service().primary is None


def test_there_are_two_slots() -> None:
    assert [other_slot(name) for name in ("prod-1", "prod-2")] == ["prod-2", "prod-1"]


def test_every_name_of_the_model_is_there_and_no_other() -> None:
    assert all(hasattr(model, name) for name in model.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Absent'"):
        _ = model.Absent
