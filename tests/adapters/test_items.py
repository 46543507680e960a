from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.attributes import decode
from devops_core.details import details_type
from devops_core.model.inventory import Row
from devops_core.model.operation import Event, Operation, Status
from devops_core.model.service_spec import ServiceOverride, ServiceSpec
from devops_core.model.steps import WarmedPage
from devops_core.model.template import Template
from devops_core.naming import Environment
from tests.lab import samples
from tests.lab.kinds import KINDS, RULES


def read_back(operation: Operation) -> Operation:
    return items.operation_of(items.operation_item(operation, "w"), details_type)


def test_the_full_samples_leave_no_field_out() -> None:
    operation = samples.full_operation("swap")
    everything = (
        samples.FULL_APPLICATION, samples.FULL_SERVICE, samples.FULL_ROW, samples.FULL_PROGRESS,
        samples.FULL_SPEC, samples.FULL_OVERRIDE, samples.FULL_TEMPLATE, samples.FULL_PAGE,
        *samples.FULL_DETAILS.values(), operation, samples.full_event(operation),
    )  # fmt: skip

    assert {type(value).__name__: samples.unset_fields(value) for value in everything} == {
        type(value).__name__: [] for value in everything
    }


@pytest.mark.parametrize(
    "row",
    [
        samples.MINIMAL_ROW,
        samples.FULL_ROW,
        replace(samples.MINIMAL_ROW, service=samples.MINIMAL_SERVICE),
    ],
)
def test_a_row_comes_back_as_it_was(row: Row) -> None:
    assert items.row_of(items.row_item(row)) == row


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [samples.minimal_operation, samples.full_operation])
def test_an_operation_comes_back_as_it_was(kind: str, make: Any) -> None:
    operation: Operation = make(kind)

    assert read_back(operation) == operation


def test_every_kind_with_details_has_a_sample() -> None:
    assert {name: found for name in RULES if (found := details_type(name))} == {
        name: type(details) for name, details in samples.FULL_DETAILS.items()
    }


@pytest.mark.parametrize("kind", samples.FULL_DETAILS)
def test_details_come_back_with_their_types(kind: str) -> None:
    """Named tuples of two types can be equal."""
    read = read_back(samples.full_operation(kind))

    assert type(read.details) is type(samples.FULL_DETAILS[kind])


def test_the_members_of_details_come_back_with_their_types() -> None:
    create, swap = (read_back(samples.full_operation(kind)) for kind in ("create", "swap"))

    assert type(create.details.service) is ServiceSpec
    assert type(create.details.overrides["prod"]) is ServiceOverride
    assert type(create.details.template) is Template
    assert {type(page) for page in swap.details.warmed} == {WarmedPage}


def test_a_template_without_a_version_comes_back() -> None:
    template = samples.FULL_TEMPLATE._replace(version=None)
    operation = samples.full_operation("create").with_details(template=template)

    assert read_back(operation) == operation


def test_an_idempotency_record_comes_back_as_it_was() -> None:
    record = samples.idempotency_record(samples.minimal_operation())

    item = items.idempotency_record_item(record)

    assert items.idempotency_record_of(item) == record
    assert item["expiresAt"] == {"N": str(record.expires_at)}


def test_a_row_is_readable_in_the_console() -> None:
    values = decode(items.row_item(samples.FULL_ROW))
    assert isinstance(values.pop("blueprint"), str)
    assert values.pop("service")["wasLive"] is True
    assert values == {
        "applicationName": "Shop",
        "creation": "01CREATE",
        "environment": "PROD-GREEN",
        "status": "DELETE_FAILED",
        "version": "1.2.0",
        "image": "nginx:1",
        "digest": samples.DIGEST,
        "slot": "prod-1",
        "url": "http://shop.example.com",
        "claim": "01CLAIM",
        "revision": 7,
        "operation": "01BEFORE",
        "updatedAt": "2026-01-31T12:00:00.123Z",
        "updatedBy": "ci",
        "drift": "the ECS service does not exist any more",
        "unverified": "its rollout did not complete",
        "deployedAt": "2026-01-31T12:00:00.123Z",
        "deployers": ["arn:aws:iam::123456789012:role/ci"],
        "deployedBy": "ci",
        "technicalTeam": "web",
        "email": "web@example.com",
        "description": "The shop",
        "tags": {"technicalTeam": "web", "cost centre": "4711"},
        "stackId": samples.FULL_APPLICATION.stack_id,
        "repository": samples.FULL_APPLICATION.repository,
        "productionListener": "arn:listener/production",
        "testListener": "arn:listener/test",
        "rolloutMinutes": 45,
        "warmup": ["/", "/a?b=c"],
    }


def test_empty_values_of_a_row_have_no_attribute() -> None:
    assert set(items.row_item(samples.MINIMAL_ROW)) == {
        "applicationName", "environment", "status", "revision", "technicalTeam", "email", "tags",
        "rolloutMinutes",
    }  # fmt: skip


def test_only_production_has_slots() -> None:
    row = replace(samples.MINIMAL_ROW, service=samples.MINIMAL_SERVICE)

    assert "slot" not in items.row_item(row)


@pytest.mark.parametrize(
    ("environment", "table"),
    [
        (Environment.DEV, "NonProduction"),
        (Environment.QA, "NonProduction"),
        (Environment.STAGE, "NonProduction"),
        (Environment.TRAINING, "TrainingDA"),
        (Environment.DA, "TrainingDA"),
        (Environment.PROD_BLUE, "Production"),
        (Environment.PROD_GREEN, "Production"),
    ],
)
def test_each_environment_has_its_table(environment: Environment, table: str) -> None:
    assert items.table_of(environment, samples.NAMES) == table


@pytest.mark.parametrize("status", list(Status))
def test_only_an_operation_in_progress_is_in_the_index(status: Status) -> None:
    item = items.operation_item(replace(samples.minimal_operation(), status=status), "w")

    assert item.get("open") == ({"S": "1"} if status is Status.IN_PROGRESS else None)


def test_progress_is_a_list_of_maps() -> None:
    item = decode(items.operation_item(samples.full_operation(), "w"))

    assert item["entry"] == "OPERATION#01OPERATION"
    assert item["progress"][0] == {
        "environment": "DEV", "service": "dev", "status": "IN_PROGRESS", "sent": False,
        "deregistered": False, "digestReported": False, "unrestored": False, "deployers": [],
    }  # fmt: skip


@pytest.mark.parametrize("make", [samples.minimal_event, samples.full_event])
def test_an_event_has_three_items(make: Any) -> None:
    event: Event = make(samples.minimal_operation())

    written = items.event_items(event)

    own, time = f"01OPERATION#{event.key}", "2026-01-31T12:00:00.123Z"
    assert [(item["applicationName"]["S"], item["entry"]["S"]) for item in written] == [
        ("Shop", f"EVENT#{own}"), ("Shop", f"TIME#{time}#{own}"), ("EVENTS#", f"TIME#{time}#{own}"),
    ]  # fmt: skip
    for item in map(decode, written):
        assert (item["caller"], item["kind"], item["time"]) == ("ci", "deploy", time)
        assert item.get("previousVersion") == event.previous_version
        assert item.get("environment") == event.environment
    assert list(map(items.event_of, written)) == [event] * 3
