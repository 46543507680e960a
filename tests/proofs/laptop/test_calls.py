"""The AWS calls of an operation until its response, and the number of consecutive calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from tests.lab.laptop.api import Api, create_body
from tools.bench.calls.call import Call, depth
from tools.bench.calls.proxy import Proxy

NAME = "Counted"
THREE = ["dev", "qa", "stage"]
# Additional seconds of each call, so that simultaneous calls overlap on a busy machine too.
DELAY = 0.1

# Function, method, path and body, in a possible order.
REQUESTS: Mapping[str, tuple[str, str, str, dict[str, Any]]] = {
    "create": ("create", "POST", "/stacks", create_body(NAME, environments={"nonProd": THREE})),
    "deploy": (
        "deployNonProd",
        "POST",
        "/stacks/deploy",
        {"applicationName": NAME, "environment": ["dev"], "version": "1.0"},
    ),
    "deploy three": (
        "deployNonProd",
        "POST",
        "/stacks/deploy",
        {"applicationName": NAME, "environment": THREE, "version": "2.0"},
    ),
    "update": (
        "update",
        "PATCH",
        f"/stacks/{NAME}/spec",
        {"overrides": {"dev": {"environment": {"LEVEL": "debug"}}}},
    ),
    "promote": ("deployProdBlue", "POST", "/stacks/deploytoprodBlue", {"applicationName": NAME}),
    "swap": ("swap", "POST", "/stacks/swapProdBlueAndGreen", {"applicationName": NAME}),
    "delete": ("delete", "DELETE", "/stacks", {"stack": NAME}),
}
# The numbers of calls by name, and the number of consecutive calls.
EXPECTED: Mapping[str, tuple[dict[str, int], int]] = {
    "create": ({"TransactWriteItems": 1, "GetObject": 1, "CreateStack": 1, "PutItem": 1}, 4),
    "deploy": (
        {"BatchGetItem": 1, "DescribeImages": 1, "DescribeServices": 1, "TransactWriteItems": 1}
        | {"RegisterTaskDefinition": 1, "UpdateService": 1, "PutItem": 1},
        5,
    ),
    "deploy three": (
        {"BatchGetItem": 1, "DescribeImages": 1, "DescribeServices": 1, "TransactWriteItems": 1}
        | {"RegisterTaskDefinition": 3, "UpdateService": 3, "PutItem": 1},
        5,
    ),
    "update": (
        {"BatchGetItem": 1, "DescribeServices": 1, "TransactWriteItems": 1}
        | {"RegisterTaskDefinition": 1, "UpdateService": 1, "PutItem": 1},
        5,
    ),
    "promote": (
        {"BatchGetItem": 1, "DescribeRules": 1, "DescribeImages": 1, "DescribeServices": 1}
        | {"TransactWriteItems": 1, "RegisterTaskDefinition": 1, "UpdateService": 1, "PutItem": 1},
        5,
    ),
    "swap": (
        {"BatchGetItem": 1, "DescribeRules": 2, "DescribeServices": 1}
        | {"DescribeTargetHealth": 2, "TransactWriteItems": 2, "ModifyListener": 2},
        5,
    ),
    "delete": (
        {"BatchGetItem": 1, "TransactWriteItems": 1, "UpdateTerminationProtection": 1}
        | {"DeleteStack": 1, "PutItem": 1},
        5,
    ),
}


# Attempts of the measurement. On a busy machine the SDK repeats a call without a response in time;
# then the measurement is repeated.
ATTEMPTS = 5


@pytest.fixture(scope="module")
def made(api: Api, wire: Proxy) -> dict[str, list[Call]]:
    """The calls of each operation from create to delete, until its response."""
    for _ in range(ATTEMPTS):
        found = _measure(api, wire)
        if all(call.attempt == 1 for calls in found.values() for call in calls):
            return found
    raise AssertionError(f"the SDK repeated a call in each of {ATTEMPTS} measurements")


def _measure(api: Api, wire: Proxy) -> dict[str, list[Call]]:
    found = {}
    for operation, (function, method, path, body) in REQUESTS.items():
        with wire.recorded(DELAY) as calls:
            answer = api.call(method, path, body)
        api.succeed(answer)
        found[operation] = [call for call in calls if call.caller == function]
        if operation == "create":
            for version in ("1.0", "2.0"):
                api.push(NAME, version)
    return found


@pytest.mark.parametrize("operation", EXPECTED)
def test_an_operation_makes_only_the_expected_calls(
    made: dict[str, list[Call]], operation: str
) -> None:
    calls, consecutive = EXPECTED[operation]
    assert Counter(call.operation for call in made[operation]) == calls
    assert depth(made[operation]) == consecutive
