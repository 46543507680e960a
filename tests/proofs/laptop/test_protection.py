"""A stack update and a delete by hand, which the policy and the protection of a stack refuse."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.lab.laptop.api import Api, until

UNCHANGED = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


def _stack(api: Api, name: str) -> dict[str, Any]:
    (stack,) = api.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return dict(stack)


def _running(api: Api, name: str) -> dict[str, Any]:
    """Return the actions of production's listeners and the task definition of each service."""
    outputs = {each["OutputKey"]: each["OutputValue"] for each in _stack(api, name)["Outputs"]}
    listeners = [outputs["ProductionListenerArn"], outputs["TestListenerArn"]]
    found = api.client("elbv2").describe_listeners(ListenerArns=listeners)["Listeners"]
    services = [outputs[key] for key in outputs if key.endswith("ServiceArn")]
    described = api.client("ecs").describe_services(cluster=name, services=services)["services"]
    return {each["ListenerArn"]: each["DefaultActions"] for each in found} | {
        each["serviceName"]: each["taskDefinition"] for each in described
    }


def test_a_changed_tag_of_a_stack_does_not_undo_a_swap(api: Api, application: str) -> None:
    api.push(application, "1.0")
    for path, body in (
        ("/stacks/deploy", {"environment": ["qa"], "version": "1.0"}),
        ("/stacks/deploytoprodBlue", {}),
        ("/stacks/swapProdBlueAndGreen", {}),
    ):
        api.succeed(api.post(path, {"applicationName": application, **body}))
    before, stack = _running(api, application), _stack(api, application)

    api.client("cloudformation").update_stack(
        StackName=application,
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": each["ParameterKey"], "UsePreviousValue": True}
            for each in stack["Parameters"]
        ],
        Capabilities=UNCHANGED,
        Tags=[*stack["Tags"], {"Key": "costCenter", "Value": "7"}],
    )

    def ended() -> bool:
        return not _stack(api, application)["StackStatus"].endswith("_IN_PROGRESS")

    assert until(ended)
    assert _stack(api, application)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    events = api.client("cloudformation").describe_stack_events(StackName=application)
    reasons = [each.get("ResourceStatusReason", "") for each in events["StackEvents"]]
    assert any("Action denied by stack policy" in reason for reason in reasons)
    assert _running(api, application) == before


def test_a_stack_is_not_deleted_by_hand(api: Api, application: str) -> None:
    """The fixture deletes the application through the service, which disables the protection."""
    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        api.client("cloudformation").delete_stack(StackName=application)
    assert _stack(api, application)["EnableTerminationProtection"] is True
