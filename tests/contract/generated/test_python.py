"""The Python client that openapi-python-client generates: complete, and without warnings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import attrs
import httpx
import pytest

from tests.lab.generators import PythonClient, python_client, snake_case
from tools.contract.conformance import validator
from tools.contract.document import (
    JSON,
    Node,
    Operation,
    alternatives,
    document,
    examples,
    operations,
)

CALLS = list(operations().values())
SCHEMAS: Node = document()["components"]["schemas"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> PythonClient:
    return python_client(tmp_path_factory.mktemp("generated") / "contract_client")


@dataclass(frozen=True)
class Exchange:
    """The request that a function sent, and the model that it made of the answer."""

    request: httpx.Request
    parsed: Any


def exchange(client: PythonClient, call: Operation, status: int, answer: Any) -> Exchange:
    """Call a function with the examples of the contract, in place of a service that answers."""
    requests = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(status, json=answer)

    connection = client.module("client").Client(
        base_url="http://api.test",
        httpx_args={"transport": httpx.MockTransport(respond)},
        raise_on_unexpected_status=True,
    )
    arguments = {snake_case(name): value for name, value in required_of(call).items()}
    if call.body:
        model = getattr(client.module("models"), schema_name(call.body["schema"]))
        arguments["body"] = model.from_dict(body_of(call))
    with connection:
        parsed = client.endpoint(call).sync(client=connection, **arguments)
    (request,) = requests
    return Exchange(request, parsed)


def required_of(call: Operation, place: str | None = None) -> dict[str, Any]:
    """Return the examples of the required parameters, of all places or of one."""
    required = (each for each in call.parameters if each.get("required"))
    return {each["name"]: each["example"] for each in required if place in (None, each["in"])}


def body_of(call: Operation) -> Any:
    """Return the largest example of a body."""
    assert call.body is not None
    return max((each["value"] for each in call.body["examples"].values()), key=len)


def schema_name(schema: Node) -> str:
    """Return the name of the component that a schema refers to."""
    (reference,) = schema.get("allOf", [schema])
    name: str = reference["$ref"].rpartition("/")[2]
    return name


def moments(value: Any) -> Any:
    """Return a JSON value with points in time instead of their texts."""
    if isinstance(value, dict):
        return {name: moments(member) for name, member in value.items()}
    if isinstance(value, list):
        return [moments(item) for item in value]
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.id)
def test_every_call_has_a_function(client: PythonClient, call: Operation) -> None:
    (_, example) = next(iter(examples(call.responses[200]).items()))
    request = exchange(client, call, 200, example["value"]).request
    assert (request.method, request.url.path) == (
        call.method,
        call.path.format(**required_of(call)),
    )
    for name, value in required_of(call, "header").items():
        assert request.headers[name] == value
    if call.body:
        assert json.loads(request.content) == body_of(call)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.id)
def test_every_answer_becomes_the_model_of_its_schema(
    client: PythonClient, call: Operation
) -> None:
    for status, response in call.responses.items():
        choices = alternatives(response["content"][JSON]["schema"])
        for example in examples(response).values():
            value = example["value"]
            fitting = {schema_name(each) for each in choices if validator(each).is_valid(value)}
            parsed = exchange(client, call, status, value).parsed
            assert {type(parsed).__name__} == fitting
            assert moments(parsed.to_dict()) == moments(value)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.id)
def test_every_parameter_is_an_argument(client: PythonClient, call: Operation) -> None:
    arguments = client.endpoint(call).sync.__annotations__.keys() - {"client", "return"}
    parameters = {snake_case(each["name"]) for each in call.parameters}
    assert arguments == parameters | ({"body"} if call.body else set())


@pytest.mark.parametrize("name", [name for name in SCHEMAS if "properties" in SCHEMAS[name]])
def test_a_model_has_every_property(client: PythonClient, name: str) -> None:
    model = getattr(client.module("models"), name)
    # The generator appends an underscore to the names of builtins.
    fields = {field.name.removesuffix("_") for field in attrs.fields(model)} - {
        "additional_properties"
    }
    assert fields == {snake_case(each) for each in SCHEMAS[name]["properties"]}


@pytest.mark.parametrize("name", [name for name in SCHEMAS if "enum" in SCHEMAS[name]])
def test_an_enumeration_has_every_value(client: PythonClient, name: str) -> None:
    assert {each.value for each in getattr(client.module("models"), name)} == set(
        SCHEMAS[name]["enum"]
    )


def test_a_service_has_variables_secrets_and_a_size(client: PythonClient) -> None:
    models = client.module("models")
    service = models.Service(
        cpu=models.ServiceCpu.VALUE_512,
        memory=1024,
        environment=models.ServiceEnvironment.from_dict({"LOG_LEVEL": "info"}),
        secrets=models.ServiceSecrets.from_dict({"TOKEN": "arn:aws:ssm:…"}),
        warmup=["/"],
    )
    assert service.to_dict() == {
        "cpu": 512,
        "memory": 1024,
        "environment": {"LOG_LEVEL": "info"},
        "secrets": {"TOKEN": "arn:aws:ssm:…"},
        "warmup": ["/"],
    }
