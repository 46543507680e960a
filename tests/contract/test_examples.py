"""The contract's examples, replayed: they are equal to the responses of the handlers."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import botocore.session
import pytest

from devops_core.errors import DevOpsError
from tests.contract.example_account import Account
from tests.contract.replay import SCENARIOS
from tests.lab.surface import subclasses
from tools.contract.conformance import validator
from tools.contract.document import JSON, Node, Operation, codes, examples, operation, operations

# Responses with an error's status for which no error is raised.
_FURTHER = {(424, "OPERATION_FAILED"), (503, "UNHEALTHY")}
OURS = {(each.http_status, each.code) for each in subclasses(DevOpsError)} | _FURTHER


class Example(NamedTuple):
    operation: str
    status: int
    name: str
    value: Any

    @property
    def scenario(self) -> tuple[str, int, str]:
        return self.operation, self.status, self.name


def told() -> list[Example]:
    """Return the examples of all answers."""
    return [
        Example(each.id, status, name, example["value"])
        for each in operations().values()
        for status, response in each.responses.items()
        for name, example in examples(response).items()
    ]


@cache
def gateways() -> frozenset[str]:
    """Return the codes of API Gateway's own responses."""
    model = botocore.session.get_session().get_service_model("apigateway")
    return frozenset(model.shape_for("GatewayResponseType").enum)


def schema_of(example: Example) -> Node:
    content = operation(example.operation).responses[example.status]["content"]
    schema: Node = content[JSON]["schema"]
    return schema


@pytest.mark.parametrize("example", told(), ids=lambda each: "-".join(map(str, each[:3])))
def test_an_answer_is_of_its_own_schema_and_named_after_its_code(example: Example) -> None:
    errors = list(validator(schema_of(example)).iter_errors(example.value))
    assert errors == []
    if example.status >= 400:
        assert example.name == example.value["code"]


@pytest.mark.parametrize("key", SCENARIOS, ids=lambda key: "-".join(map(str, key)))
def test_an_answer_is_what_the_handlers_answer(key: tuple[str, int, str], account: Account) -> None:
    reply = SCENARIOS[key](account)
    (value,) = (each.value for each in told() if each.scenario == key)
    assert reply.status == key[1]
    assert value == reply.body, "run `make reference`"
    if key[2] in operation(key[0]).examples:
        assert account.sent[-1] == (key[0], key[2])


def test_every_answer_of_ours_has_a_scenario_and_the_others_are_of_api_gateway() -> None:
    """An example that several answers share has one."""
    replayed = [each.value for each in told() if each.scenario in SCENARIOS]
    for each in told():
        if each.status < 400 or (each.status, each.value["code"]) in OURS:
            assert each.value in replayed, each
        else:
            assert each.value["code"] in gateways(), each


@pytest.mark.parametrize("each", list(operations().values()), ids=lambda each: each.id)
def test_every_code_has_an_example(each: Operation) -> None:
    for status, response in each.responses.items():
        if status >= 400:
            assert codes(response["content"][JSON]["schema"]) == set(examples(response))


@pytest.mark.parametrize("each", list(operations().values()), ids=lambda each: each.id)
def test_every_request_example_has_an_answer_of_its_name_and_fits(each: Operation) -> None:
    answered = {name for status, response in each.responses.items() for name in examples(response)}
    assert set(each.examples) <= answered
    if each.body:
        for example in each.body["examples"].values():
            assert list(validator(each.body["schema"]).iter_errors(example["value"])) == []
