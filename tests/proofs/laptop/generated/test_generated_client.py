"""An application from create to delete, with the generated Python client."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.generators import PythonClient, python_client
from tests.lab.laptop.api import Api
from tools.contract.document import operation
from tools.laptop.client import OPERATION_TIMEOUT, RESPONSE_TIMEOUT
from tools.laptop.cloud import Cloud

NAME = "Generated"


class Caller:
    """Calls the functions of the generated client, and follows operations to their end."""

    def __init__(self, generated: PythonClient, connection: Any) -> None:
        self._generated = generated
        self._connection = connection
        self.models = generated.module("models")

    def call(self, operation_id: str, **arguments: Any) -> Any:
        """Return the parsed answer of a call."""
        endpoint = self._generated.endpoint(operation(operation_id))
        return endpoint.sync(client=self._connection, **arguments)

    def succeed(self, answer: Any) -> Any:
        """Follow the operation of an accepted call to its end; it must succeed."""
        deadline = time.monotonic() + OPERATION_TIMEOUT
        running = answer.operation
        while running.status is self.models.Status.IN_PROGRESS:
            assert time.monotonic() < deadline, running
            running = self.call(
                "readOperation", application_name=NAME, id=running.id, prefer="wait=10"
            ).operation
        assert running.status is self.models.Status.SUCCEEDED, running
        return running


@pytest.fixture(scope="module")
def caller(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    generated = python_client(tmp_path_factory.mktemp("generated") / "laptop_client")
    connection = generated.module("client").Client(
        base_url=cloud.api_url,
        timeout=RESPONSE_TIMEOUT,
        # A proxy of the machine does not reach the laptop cloud.
        httpx_args={"trust_env": False},
        raise_on_unexpected_status=True,
    )
    with connection:
        yield Caller(generated, connection)


def create(caller: Caller) -> None:
    models = caller.models
    service = models.Service(
        container_port=8080,
        environment=models.ServiceEnvironment.from_dict({"LOG_LEVEL": "info"}),
        warmup=["/"],
    )
    body = models.CreateRequest(
        application_name=NAME,
        email="team@example.com",
        tags=models.Tags(technical_team="platform"),
        environments=models.Environments(non_prod=[models.NonProductionEnvironment.DEV]),
        service=service,
    )
    plan = caller.call("createApplication", body=body, dry_run=True).plan
    assert plan.parameters["ContainerPort"] == "8080"
    created = caller.call("createApplication", body=body, idempotency_key="create-Generated")
    repeated = caller.call("createApplication", body=body, idempotency_key="create-Generated")
    assert isinstance(created, models.Created)
    assert repeated.operation.id == created.operation.id
    environments = caller.succeed(created).environments
    assert models.Environment.DEV in [each.environment for each in environments]


def test_an_application_from_create_to_delete(caller: Caller, api: Api) -> None:
    models = caller.models
    create(caller)
    api.push(NAME, "1.0")
    named = {"application_name": NAME}

    def deploy(version: str) -> Any:
        environment = [models.DeployableEnvironment.DEV]
        body = models.DeployRequest(**named, environment=environment, version=version)
        return caller.call("deploy", body=body)

    refused = deploy("9.9")
    assert isinstance(refused, models.Error)
    assert refused.code == "IMAGE_NOT_FOUND"
    caller.succeed(deploy("1.0"))

    caller.succeed(caller.call("promote", body=models.PromoteRequest(**named)))

    swap = models.SwapRequest(**named, version="1.0")
    planned = caller.call("swap", body=swap, dry_run=True)
    assert isinstance(planned, models.Planned)
    assert planned.plan.production.will_be_live is models.Slot.PROD_2
    swapped = caller.succeed(caller.call("swap", body=swap, prefer="wait=25"))
    assert [(page.path, page.status) for page in swapped.warmup] == [("/", 200)]
    assert caller.call("swap", body=swap).operation is None

    stack = caller.call("readApplication", **named, live=True).stack
    (live,) = (each for each in stack.environments if each.live is True)
    assert (live.slot, live.version, live.tasks.running) == (models.Slot.PROD_2, "1.0", 1)
    events = caller.call("listApplicationEvents", **named).events
    assert models.EventOutcome.SWITCHED in [event.outcome for event in events]

    caller.succeed(caller.call("deleteApplication", stack=NAME))
    gone = caller.call("readApplication", **named)
    assert isinstance(gone, models.Error)
    assert gone.code == "NOT_FOUND"
