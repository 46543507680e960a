"""The reservations that the deploy of the service makes, and those that Lambda refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.lab.laptop.api import Api
from tools.laptop.client import until

_SERVICE = "devops-ecs-dev"
# Lambda API, PutFunctionConcurrency.
_REFUSED = "decreases account's UnreservedConcurrentExecution below its minimum value of \\[100\\]"


def reserved(api: Api, name: str) -> int | None:
    answer = api.client("lambda").get_function_concurrency(FunctionName=f"{_SERVICE}-{name}")
    found: int | None = answer.get("ReservedConcurrentExecutions")
    return found


def test_the_deploy_has_reserved_executions_for_reconcile(api: Api) -> None:
    settings = api.client("lambda").get_account_settings()["AccountLimit"]
    assert reserved(api, "reconcile") == 10
    assert reserved(api, "swap") is None
    assert settings["UnreservedConcurrentExecutions"] == settings["ConcurrentExecutions"] - 10


@pytest.mark.parametrize("name", ["swap", "query"])
def test_half_of_the_other_executions_can_wait(api: Api, name: str) -> None:
    found = api.client("lambda").get_function_configuration(FunctionName=f"{_SERVICE}-{name}")
    assert found["Environment"]["Variables"]["WAITING_LIMIT"] == "495"


def test_a_reservation_that_leaves_too_few_executions_is_refused(api: Api) -> None:
    name = f"{_SERVICE}-inventory"
    with pytest.raises(ClientError, match=_REFUSED):
        api.client("lambda").put_function_concurrency(
            FunctionName=name, ReservedConcurrentExecutions=891
        )
    assert reserved(api, "inventory") is None


def test_a_stack_with_such_a_reservation_fails(api: Api) -> None:
    properties: dict[str, Any] = {
        "FunctionName": "Greedy",
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": "arn:aws:iam::000000000000:role/greedy",
        "Code": {"ZipFile": "def handler(event, context): pass"},
        "ReservedConcurrentExecutions": 891,
    }
    resources = {"Greedy": {"Type": "AWS::Lambda::Function", "Properties": properties}}
    stacks = api.client("cloudformation")
    stacks.create_stack(
        StackName="Greedy",
        TemplateBody=json.dumps({"Resources": resources}),
        OnFailure="DO_NOTHING",
    )

    def status() -> str:
        found: str = stacks.describe_stacks(StackName="Greedy")["Stacks"][0]["StackStatus"]
        return found

    assert until(lambda: not status().endswith("_IN_PROGRESS"))
    assert status() == "CREATE_FAILED"
    events = stacks.describe_stack_events(StackName="Greedy")["StackEvents"]
    reasons = " ".join(each.get("ResourceStatusReason", "") for each in events)
    assert "below its minimum value of [100]" in reasons
    stacks.delete_stack(StackName="Greedy")
