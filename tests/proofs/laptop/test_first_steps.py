"""The first steps on AWS, on a laptop cloud: the network, the installation, the commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.first_steps import NETWORK, devops_commands
from tests.lab.laptop.api import Api
from tests.lab.laptop.devops import devops
from tools.laptop.cloud import DIRECTORY, Cloud, Options, started
from tools.laptop.deploy import client, deploy

_STACK = "devops-network"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with started(DIRECTORY / "first-steps", Options()) as running:
        stacks = client(running, "cloudformation")
        stacks.create_stack(StackName=_STACK, TemplateBody=NETWORK.read_text())
        stacks.get_waiter("stack_create_complete").wait(
            StackName=_STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        (stack,) = stacks.describe_stacks(StackName=_STACK)["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        deploy(running, parameters=outputs | {"productionscheme": "internet-facing"})
        yield running


def test_the_commands_lead_to_a_swap_and_remove_the_application(cloud: Cloud) -> None:
    root = {
        "AWS_ENDPOINT_URL": cloud.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    done = []
    for arguments in devops_commands():
        if arguments[0] == "config":
            continue
        if arguments[0] == "doctor":
            found = devops(cloud, *arguments, **root)
            # The routes and zones of the example are complete.
            assert "subnet" not in found.stdout, found.stdout
            assert "No call is possible" not in found.stdout
            assert "application template" not in found.stdout
            continue
        if arguments[0] == "deploy":
            Api(cloud).push("MyDevOpsAPI", "1.0.0", "")
        result = devops(cloud, *arguments)
        assert result.returncode == 0, (arguments, result.stdout, result.stderr)
        done.append(arguments[0])
    assert done == ["create", "deploy", "promote", "swap", "delete"]
