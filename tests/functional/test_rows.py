"""Inventory rows after an operation: release, time and caller of each environment."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from devops_core.model.inventory import Service
from devops_core.model.operation import Operation
from devops_core.model.specification import Revision, StackRecord
from devops_core.model.template import Template
from devops_core.naming import PRODUCTION, Environment
from tests.lab.client import USER, Client, http_event
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.cloud import REGISTRY
from tests.lab.fakes.task_service import CRASH

GREEN, BLUE = Environment.PROD_GREEN, Environment.PROD_BLUE


def _record(cloud: FakeCloud, operation: str) -> Operation:
    return cloud.tables.operations["Shop", operation]


def _service(cloud: FakeCloud, environment: Environment) -> Service:
    service = cloud.tables.inventory_of("Shop").service(environment)
    assert service is not None
    return service


def test_a_row_names_the_operation_of_its_last_change(promoted: FakeCloud, api: Client) -> None:
    rows = promoted.tables.inventory_of("Shop").rows
    create, deploy, promote = promoted.tables.operations.values()
    assert {name: row.operation for name, row in rows.items()} == {
        Environment.DEV: deploy.id,
        Environment.QA: create.id,
        Environment.STAGE: create.id,
        Environment.TRAINING: create.id,
        BLUE: promote.id,
        GREEN: create.id,
    }
    for row in rows.values():
        last = _record(promoted, row.operation or "")
        assert (row.updated_at, row.updated_by) == (last.ended_at, USER)
    promoted.clock.pass_(minutes=1)
    swapped = api.swap()
    rows = promoted.tables.inventory_of("Shop").rows
    assert {rows[role].operation for role in PRODUCTION} == {swapped.id}
    assert {rows[role].updated_at for role in PRODUCTION} == {promoted.clock.now()}


def test_a_row_names_the_caller_of_its_last_change(shop: FakeCloud, api: Client) -> None:
    body = {"applicationName": "Shop", "environment": ["dev"], "version": "1.0"}
    event = http_event("POST", "/stacks/deploy", json.dumps(body))
    event["requestContext"]["identity"]["userArn"] = "bob"
    api.finished(api.raw(event))
    rows = shop.tables.inventory_of("Shop").rows
    assert (rows[Environment.DEV].updated_by, rows[Environment.QA].updated_by) == ("bob", USER)
    assert _service(shop, Environment.DEV).deployed_by == "bob"


def test_a_service_has_the_version_time_and_caller_of_its_deploy(promoted: FakeCloud) -> None:
    _, deploy, promote = promoted.tables.operations.values()
    image, digest = f"{REGISTRY}/shop:1.0", promoted.images.pushed["shop", "1.0"]
    for environment, operation in ((Environment.DEV, deploy), (BLUE, promote)):
        service = _service(promoted, environment)
        definition = promoted.containers.running("Shop", service.name)
        assert (service.task_definition, service.registered) == (definition.arn, definition.arn)
        assert (service.image, service.digest, service.version) == (image, digest, "1.0")
        assert (service.deployed_at, service.deployed_by) == (operation.ended_at, USER)
        assert service.blueprint == promoted.containers.blueprint(definition.arn)


def test_a_new_application_is_recorded_with_its_request(cloud: FakeCloud, api: Client) -> None:
    cloud.stacks.pace = None
    reply = api.create(description="what it is for")
    assert reply.operation["waitingFor"] == "stack CREATE_IN_PROGRESS"
    operation = _record(cloud, reply.id)
    record = cloud.tables.records["Shop"]
    document = {"email": "team@example.com", "description": "what it is for"}
    assert record.specification.document == document
    assert (record.current, record.claim, record.stack) == (1, reply.id, None)
    stored = cloud.tables.stored_revisions["Shop"][1]
    assert stored == Revision(record.specification, reply.id, USER, operation.requested_at)
    for row in cloud.tables.inventory_of("Shop").rows.values():
        assert row.application.technical_team == "payments"
        assert (row.status, row.claim, row.operation) == ("CREATING", reply.id, reply.id)
        assert (row.updated_at, row.updated_by) == (operation.requested_at, USER)
    assert operation.details.template == Template(
        url="s3://ecs-cf-bucket/application.yml",
        version="v1",
        sha256=hashlib.sha256(cloud.templates.versions["v1"]).hexdigest(),
    )
    cloud.stacks.finish("Shop")
    api.settle()
    stack = cloud.stacks.named("Shop")
    assert stack is not None
    complete = cloud.tables.inventory_of("Shop").application
    assert complete is not None
    assert complete == replace(
        complete,
        stack_id=stack.id,
        repository=stack.outputs["RepositoryUri"],
        production_listener=stack.outputs["ProductionListenerArn"],
        test_listener=stack.outputs["TestListenerArn"],
    )
    record = cloud.tables.records["Shop"]
    assert (record.current, record.claim) == (1, None)
    assert record.stack == StackRecord(operation.details.template, {"dev": (), "prod": ()})


@pytest.mark.parametrize("environment", [Environment.DEV, GREEN, BLUE])
def test_a_new_service_is_recorded_with_the_resources_of_the_stack(
    shop: FakeCloud, environment: Environment
) -> None:
    service = _service(shop, environment)
    made = shop.containers.running("Shop", service.name)
    assert service == Service(
        name=service.name,
        arn=f"arn:aws:ecs:eu-west-1:123456789012:service/Shop/{service.name}",
        target_group=shop.stacks.estate.target_group("Shop", service.name),
        container="app",
        task_definition=made.arn,
        blueprint=shop.containers.blueprint(made.arn),
        image=shop.settings.initial_image,
        was_live=environment is GREEN,
        spec=1,
        spec_hash=shop.tables.records["Shop"].specification.settings(environment).hash,
    )


def test_the_rows_of_a_failed_delete_have_the_status_delete_failed(
    shop: FakeCloud, api: Client
) -> None:
    shop.stacks.delete_failures = ("Repository: not empty",)
    failed = api.finished(api.delete())
    record = _record(shop, failed.id)
    for row in shop.tables.inventory_of("Shop").rows.values():
        assert (row.status, row.operation) == ("DELETE_FAILED", failed.id)
        assert (row.updated_at, row.updated_by) == (record.ended_at, USER)


def test_a_service_with_variables_is_recorded_with_its_task_definition(
    cloud: FakeCloud, api: Client
) -> None:
    done = api.finished(api.create(service={"environment": {"MODE": "fast"}}))
    for environment in (Environment.DEV, GREEN, BLUE):
        service = _service(cloud, environment)
        definition = cloud.containers.running("Shop", service.name)
        settings = cloud.tables.records["Shop"].specification.settings(environment)
        assert definition.tags == {
            "technicalTeam": "payments",
            "devops:operation": done.id,
            "devops:spec": settings.hash,
        }
        assert (service.spec, service.spec_hash) == (1, settings.hash)
        assert service.owned == ("environment.MODE",)
        assert (service.task_definition, service.registered) == (definition.arn, definition.arn)
        assert service.blueprint == cloud.containers.blueprint(definition.arn)
        assert service.image == cloud.settings.initial_image


def test_a_failed_deploy_does_not_change_its_row(shop: FakeCloud, api: Client) -> None:
    shop.push("bad", CRASH)
    before = shop.tables.inventory_of("Shop").rows
    api.finished(api.deploy("bad", "dev"))
    api.finished(api.deploy("1.0", "qa"))
    api.finished(api.deploy("bad", "stage"))
    after = shop.tables.inventory_of("Shop").rows
    for environment in (Environment.DEV, Environment.STAGE, Environment.TRAINING):
        seen = replace(after[environment], revision=before[environment].revision)
        assert seen == before[environment]


def test_a_failed_swap_does_not_change_its_rows(promoted: FakeCloud, api: Client) -> None:
    green = promoted.containers.service("Shop", "prod-1")
    green.desired = green.running = 3
    before = promoted.tables.inventory_of("Shop").rows
    promoted.containers.automatic = False
    swap = api.swap()
    promoted.clock.pass_(minutes=16)
    assert api.status(swap.id).operation["status"] == "FAILED"
    after = promoted.tables.inventory_of("Shop").rows
    for role in PRODUCTION:
        assert replace(after[role], revision=before[role].revision) == before[role]


def test_an_operation_writes_a_row_twice(promoted: FakeCloud, api: Client) -> None:
    before = promoted.tables.inventory_of("Shop").rows
    api.swap()
    after = promoted.tables.inventory_of("Shop").rows
    grown = {name: after[name].revision - before[name].revision for name in before}
    assert grown == {name: 2 if name in PRODUCTION else 0 for name in before}
