"""The AWS account of the installation, with the caller's own credentials.

Every function is optional: without a permission it raises `NotPossibleError`, and the check is
unchecked.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tools.acceptance.results import LoggedCall

_LOG_GROUPS = "/aws/lambda/devops-ecs-"  # an account and region have one installation
# The messages of docs/monitoring.md about AWS calls that were throttled or refused.
MESSAGES = ("interrupted", "failed", "tags not read", "reconcile failed")
_PRODUCTION_PORTS, _TEST_PORT = (80, 443), 8080
_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard"})


class NotPossibleError(Exception):
    """The credentials do not allow the call; the message is the reason."""


class Account:
    """Calls AWS with the clients of `client`, a function of the name of the service."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._new_client = client
        self._clients: dict[str, Any] = {}

    @classmethod
    def of_caller(cls, profile: str, region: str) -> Self:
        """Return the account of a profile of the AWS CLI, empty for the default, in a region."""

        def client(service: str) -> Any:
            session = boto3.Session(profile_name=profile or None, region_name=region or None)
            return session.client(service, config=_CONFIG)

        return cls(client)

    def installed_version(self, stack: str) -> str:
        """Return the version of the service in a stack; empty if the stack does not have it.

        Raises:
            NotPossibleError: AWS does not allow it.

        """
        with _possible("cloudformation:DescribeStacks"):
            (found,) = self._client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())}
        return str(outputs.get("Version", ""))

    def set_desired_count(self, application: str, service: str, count: int) -> None:
        """Change the number of tasks of a service.

        Raises:
            NotPossibleError: AWS does not allow it.

        """
        with _possible("ecs:UpdateService"):
            self._client("ecs").update_service(
                cluster=application, service=service, desiredCount=count
            )

    def exchange_listeners(self, application: str) -> None:
        """Exchange the default actions of the production listener and the test listener.

        Raises:
            NotPossibleError: AWS does not allow it.

        """
        balancing = self._client("elbv2")
        with _possible("elasticloadbalancing:DescribeLoadBalancers and DescribeListeners"):
            found = balancing.describe_load_balancers(Names=[f"{application}-prod"])
            arn = found["LoadBalancers"][0]["LoadBalancerArn"]
            listeners = balancing.describe_listeners(LoadBalancerArn=arn)["Listeners"]
        by_port = {each["Port"]: each for each in listeners}
        test = by_port.get(_TEST_PORT)
        production = next((by_port[port] for port in _PRODUCTION_PORTS if port in by_port), None)
        if test is None or production is None:
            raise NotPossibleError("the load balancer has no production listener or test listener")
        with _possible("elasticloadbalancing:ModifyListener"):
            for changed, source in ((production, test), (test, production)):
                balancing.modify_listener(
                    ListenerArn=changed["ListenerArn"], DefaultActions=source["DefaultActions"]
                )

    def remaining(self, application: str) -> list[str]:
        """Return the resources of a deleted application that still exist.

        Raises:
            NotPossibleError: AWS does not allow it.

        """
        found = []
        with _possible("cloudformation:DescribeStacks"):
            stacks = self._client("cloudformation")
            if _exists("ValidationError", stacks.describe_stacks, StackName=application):
                found.append(f"the stack {application}")
        with _possible("ecr:DescribeRepositories"):
            names = {"repositoryNames": [application.lower()]}
            registry = self._client("ecr")
            if _exists("RepositoryNotFoundException", registry.describe_repositories, **names):
                found.append(f"the ECR repository {application.lower()}")
        return found

    def logged(self, application: str, since: datetime) -> list[LoggedCall]:
        """Return the AWS calls for an application that the service logged as throttled or refused.

        Raises:
            NotPossibleError: AWS does not allow it, or the logs are those of another installation.

        """
        logs = self._client("logs")
        with _possible("logs:DescribeLogGroups and logs:FilterLogEvents"):
            pages = logs.get_paginator("describe_log_groups").paginate(
                logGroupNamePrefix=_LOG_GROUPS
            )
            groups = [group["logGroupName"] for page in pages for group in page["logGroups"]]
            if not groups:
                raise NotPossibleError(f"the account has no log groups {_LOG_GROUPS}*")
            lines = {group: [*self._lines(logs, group, application, since)] for group in groups}
        if not any(lines.values()):
            raise NotPossibleError("the logs have no line about the application")
        return [call for group in groups for call in logged_calls(group, lines[group])]

    def _lines(self, logs: Any, group: str, application: str, since: datetime) -> Iterator[str]:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            startTime=int(since.timestamp() * 1000),
            filterPattern=f'"{application}"',
        )
        for page in pages:
            yield from (event["message"] for event in page["events"])

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            with _possible(f"a client of {service}"):
                self._clients[service] = self._new_client(service)
        return self._clients[service]


def logged_calls(group: str, lines: Iterable[str]) -> list[LoggedCall]:
    """Return the throttled and refused calls in the log lines of a function, most frequent first.

    `group` is the name of the log group. Equal lines are counted; lines that are not JSON are
    ignored. The error of a traceback is its last line.
    """
    function = group.rpartition("-")[2]
    counts: Counter[tuple[str, str]] = Counter()
    for line in lines:
        try:
            members = json.loads(line)
        except ValueError:
            continue
        if isinstance(members, dict) and members.get("message") in MESSAGES:
            error = str(members.get("error", "")).strip().splitlines()
            counts[str(members["message"]), error[-1] if error else ""] += 1
    return [LoggedCall(function, *key, count) for key, count in counts.most_common()]


@contextmanager
def _possible(action: str) -> Iterator[None]:
    """Replace an error of AWS or of the credentials by NotPossibleError."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "an error")
        raise NotPossibleError(f"AWS refused {action}: {code}") from error
    except BotoCoreError as error:
        raise NotPossibleError(f"{action} is not possible: {error}") from error


def _exists(missing: str, call: Any, **parameters: Any) -> bool:
    """Return whether a resource exists; `missing` is the code of the error without it."""
    try:
        call(**parameters)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == missing:
            return False
        raise
    return True
