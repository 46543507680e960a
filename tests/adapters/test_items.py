from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.attributes import decode
from devops_core.details import details_type
from devops_core.model.inventory import Row
from devops_core.model.operation import Event, Operation, Status
from devops_core.model.specification import (
    MAX_REVISION,
    ApplicationRecord,
    FixedSettings,
    Revision,
    Specification,
    StackRecord,
)
from devops_core.model.steps import WarmedPage
from devops_core.model.template import Template
from devops_core.naming import Environment
from tests.lab import samples
from tests.lab.kinds import KINDS, RULES


def read_back(operation: Operation) -> Operation:
    return items.operation_of(items.operation_item(operation, "w"), details_type)


def test_the_full_samples_leave_no_field_out() -> None:
    operation = samples.full_operation("swap")
    # A task count and scaling replace each other.
    settings = samples.FULL_SPECIFICATION.settings(Environment.PROD_GREEN)
    settings = settings._replace(scaling=samples.FULL_SERVICE.scaling)
    everything = (
        samples.FULL_APPLICATION, samples.FULL_SERVICE, samples.FULL_ROW, samples.FULL_PROGRESS,
        samples.FULL_TEMPLATE, samples.FULL_PAGE, samples.FULL_RECORD, samples.FULL_RECORD.fixed,
        samples.FULL_RECORD.stack, settings,
        *samples.FULL_DETAILS.values(), operation, samples.full_event(operation),
        samples.full_notification(operation),
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


def test_a_notification_comes_back_with_its_types() -> None:
    notification = samples.full_notification(samples.minimal_operation("swap"))
    minimal = replace(notification, environments=(), version=None, reason=None)

    for each in (notification, minimal):
        found = items.notification_of(items.notification_item(each))
        assert found == each
        assert all(type(one.environment) is Environment for one in found.environments)


@pytest.mark.parametrize("record", [samples.MINIMAL_RECORD, samples.FULL_RECORD])
def test_a_record_comes_back_with_its_types(record: ApplicationRecord) -> None:
    found = items.record_of(items.record_item("Shop", record))

    assert found == record
    assert type(found.specification) is Specification
    assert type(found.fixed) is FixedSettings
    assert type(found.stack) is (StackRecord if record.stack else type(None))
    assert found.stack is None or type(found.stack.template) is Template
    assert found.stack is None or type(found.stack.granted["dev"]) is tuple


def test_a_record_has_the_number_of_its_present_revision() -> None:
    """An operation can name another revision; only the present one is in the record."""
    record = samples.FULL_RECORD._replace(current=9)

    assert items.record_of(items.record_item("Shop", record)).specification.revision == 9


def test_a_record_is_readable_in_the_console() -> None:
    values = decode(items.record_item("Shop", samples.FULL_RECORD))

    assert json.loads(values.pop("document")) == samples.FULL_SPECIFICATION.document
    assert json.loads(values.pop("digests")) == samples.FULL_SPECIFICATION.digests
    assert json.loads(values.pop("authors")) == samples.FULL_SPECIFICATION.authors
    assert values == {
        "applicationName": "Shop",
        "entry": "APPLICATION",
        "current": 3,
        "claim": "01CLAIM",
        "fixed": {"containerPort": 8080, "healthCheckPath": "/", "architecture": "ARM64"},
        "stack": {
            "template": {"url": "s3://templates/application.yml", "version": "v1", "sha256": "ab"},
            "granted": {"dev": ["arn:secret"], "prod": []},
        },
        "latest": 4,
    }


def test_the_record_of_a_create_has_no_stack_and_no_claim() -> None:
    assert set(items.record_item("Shop", samples.MINIMAL_RECORD)) == {
        "applicationName", "entry", "current", "document", "digests", "authors", "fixed",
    }  # fmt: skip


def test_only_the_record_of_an_application_is_one() -> None:
    operation = samples.minimal_operation()
    others = [
        items.operation_item(operation, "w"),
        items.revision_item("Shop", samples.revision(operation)),
        items.idempotency_record_item(samples.idempotency_record(operation)),
        *items.event_items(samples.minimal_event(operation)),
    ]

    assert items.is_record(items.record_item("Shop", samples.MINIMAL_RECORD))
    assert not any(map(items.is_record, others))
    assert {items.application_of(each) for each in others[:2]} == {"Shop"}


def test_a_revision_comes_back_as_it_was() -> None:
    revision = Revision(samples.FULL_SPECIFICATION, "01UPDATE", "ci", samples.NOW)

    item = items.revision_item("Shop", revision)

    assert items.revision_of(item) == revision
    values = decode(item)
    assert json.loads(values.pop("document")) == samples.FULL_SPECIFICATION.document
    assert json.loads(values.pop("digests")) == samples.FULL_SPECIFICATION.digests
    assert json.loads(values.pop("authors")) == samples.FULL_SPECIFICATION.authors
    assert values == {
        "applicationName": "Shop",
        "entry": "SPEC#00000003",
        "revision": 3,
        "operation": "01UPDATE",
        "caller": "ci",
        "time": "2026-01-31T12:00:00.123Z",
    }


def test_a_specification_of_an_earlier_version_has_no_authors() -> None:
    item = items.record_item("Shop", samples.FULL_RECORD)
    del item["authors"]

    assert items.record_of(item).specification == samples.FULL_SPECIFICATION._replace(authors={})


def test_revisions_are_in_the_order_of_their_numbers() -> None:
    numbers = [1, 2, 9, 10, 99, 100, 12_345_678, MAX_REVISION]
    keys = [items.revision_key("Shop", number)["entry"]["S"] for number in numbers]

    assert keys == sorted(keys)
    assert {len(key) for key in keys} == {len("SPEC#00000001")}


DOCUMENTS: list[dict[str, Any]] = [
    {"email": "a@example.com"},
    {"email": "a@example.com", "description": ""},
    {"email": "a@example.com", "service": {}, "overrides": {"dev": {}}},
    {"service": {"environment": {"EMPTY": "", "spring.a.b": "1", "A": '\u00e9\U0001f600\n\t"\\'}}},
    {"service": {"command": ["a", "", "a", "b c"], "stopSeconds": 0, "warmup": []}},
    {"environments": {"nonProd": ["qa", "dev"], "training": False}},
    {"service": {"environment": {"#claim": ":value", "claim": "x", "document": "{}"}}},
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_comes_back_exactly(document: dict[str, Any]) -> None:
    specification = Specification(3, document)
    record = samples.FULL_RECORD._replace(specification=specification)
    revision = Revision(specification, "01", "ci", samples.NOW)

    read = items.record_of(items.record_item("Shop", record))
    stored = items.revision_of(items.revision_item("Shop", revision))

    assert json.dumps(read.specification.document, sort_keys=True) == json.dumps(
        document, sort_keys=True
    )
    assert stored.specification == read.specification


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [samples.minimal_operation, samples.full_operation])
def test_an_operation_comes_back_as_it_was(kind: str, make: Any) -> None:
    operation: Operation = make(kind)

    assert read_back(operation) == operation


def test_an_operation_of_an_earlier_version_needs_no_approver() -> None:
    item = items.operation_item(samples.full_operation("update"), "w")
    assert decode(item)["needsApprover"] is True
    del item["needsApprover"]

    assert items.operation_of(item, details_type) == replace(
        samples.full_operation("update"), needs_approver=False
    )


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

    assert type(create.details.template) is Template
    assert {type(page) for page in swap.details.warmed} == {WarmedPage}


def test_a_swap_of_an_earlier_version_can_be_read() -> None:
    """Its record does not have the task definition."""
    operation = samples.full_operation("swap")
    item = items.operation_item(operation, "w")
    del item["details"]["M"]["taskDefinition"]

    assert items.operation_of(item, details_type) == operation.with_details(task_definition=None)


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
        "spec": 3,
        "specHash": "5e" * 32,
        "owned": ["environment.LEVEL", "command"],
        "desiredCount": 2,
        "scaling": {"cpuPercent": 60, "max": 5, "min": 2},
        "scalingKnown": False,
        "technicalTeam": "web",
        "tags": {"technicalTeam": "web", "cost centre": "4711"},
        "stackId": samples.FULL_APPLICATION.stack_id,
        "repository": samples.FULL_APPLICATION.repository,
        "productionListener": "arn:listener/production",
        "testListener": "arn:listener/test",
    }


def test_empty_values_of_a_row_have_no_attribute() -> None:
    assert set(items.row_item(samples.MINIMAL_ROW)) == {
        "applicationName", "environment", "status", "revision", "technicalTeam", "tags",
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
        "completed": False,
        "keepsImage": False, "scaled": True, "scalable": False,
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
