"""The application template on a laptop cloud, and a stack of it, changed with boto3 only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from tests.lab.laptop.api import Api, until
from tests.lab.templates import APPLICATION
from tools.laptop import processes
from tools.laptop.cloud import ACCOUNT, REGION

BUCKET, TEMPLATE = f"ecs-cf-bucket-{ACCOUNT}-{REGION}", "application.yml"
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
_FREE = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}


@contextmanager
def published(api: Api, template: str) -> Iterator[None]:
    """Make a template the newest one, then the present one again."""
    s3 = api.client("s3")
    s3.put_object(Bucket=BUCKET, Key=TEMPLATE, Body=template.encode())
    try:
        yield
    finally:
        s3.put_object(Bucket=BUCKET, Key=TEMPLATE, Body=APPLICATION.read_bytes())


class ApplicationStack:
    """The stack of an application, or a stack of its own with the parameters of an application.

    `model` is the application whose parameters it has.
    """

    def __init__(self, api: Api, name: str, model: str = "") -> None:
        self.api, self.name = api, name
        self.stacks = api.client("cloudformation")
        (described,) = self.stacks.describe_stacks(StackName=model or name)["Stacks"]
        values = {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}
        own = {"Environments": "dev", "RepositoryName": name.lower()}
        self._values = {**values, **(own if model else {})}
        content = api.client("s3").get_object(Bucket=BUCKET, Key=TEMPLATE)["Body"].read()
        self.template: str = content.decode()

    def create(self) -> None:
        self.stacks.create_stack(
            StackName=self.name,
            TemplateBody=self.template,
            Parameters=_given(self._values),
            Capabilities=_CAPABILITIES,
        )
        assert self.end() == "CREATE_COMPLETE"

    def delete(self) -> None:
        self.stacks.delete_stack(StackName=self.name)
        assert until(lambda: not self._exists(), pause=0.2)

    def _exists(self) -> bool:
        pages = self.stacks.get_paginator("list_stacks").paginate(
            StackStatusFilter=["DELETE_IN_PROGRESS", "DELETE_FAILED", "UPDATE_COMPLETE"]
        )
        return any(
            each["StackName"] == self.name for page in pages for each in page["StackSummaries"]
        )

    # --- Change sets ---

    def change(self, **parameters: str) -> str:
        """Create a change set with other parameters, and return its name."""
        name = f"op-{uuid4().hex}"
        self.stacks.create_change_set(
            StackName=self.name,
            ChangeSetName=name,
            TemplateBody=self.template,
            Parameters=self.parameters(**parameters),
            Capabilities=_CAPABILITIES,
        )
        return name

    def parameters(self, **changed: str) -> list[dict[str, Any]]:
        """Return the parameters of a change set: changed ones, and the previous other ones."""
        return _given(dict.fromkeys(self._values) | changed)

    def described(self, name: str, **page: str) -> dict[str, Any]:
        found: dict[str, Any] = self.stacks.describe_change_set(
            StackName=self.name, ChangeSetName=name, **page
        )
        return found

    def completed(self, name: str) -> list[tuple[str, str]]:
        """Wait for the end of the creation; return the action and the resource of each change."""
        assert until(lambda: self.described(name)["Status"] in ("CREATE_COMPLETE", "FAILED"))
        pages = self.stacks.get_paginator("describe_change_set").paginate(
            StackName=self.name, ChangeSetName=name
        )
        changes = [each["ResourceChange"] for page in pages for each in page["Changes"]]
        return [(each["Action"], each["LogicalResourceId"]) for each in changes]

    def execute(self, name: str) -> str:
        """Execute a change set; return the status of the stack at the end."""
        self.stacks.execute_change_set(
            StackName=self.name, ChangeSetName=name, ClientRequestToken=name
        )
        return self.end()

    def changed(self, **parameters: str) -> list[tuple[str, str]]:
        """Create and execute a change set, which must succeed; return its changes."""
        name = self.change(**parameters)
        changes = self.completed(name)
        assert self.execute(name) == "UPDATE_COMPLETE"
        return changes

    # --- The state of the stack ---

    @property
    def status(self) -> str:
        (stack,) = self.stacks.describe_stacks(StackName=self.name)["Stacks"]
        return str(stack["StackStatus"])

    def end(self) -> str:
        """Wait until the stack does not change; return its status."""
        assert until(lambda: not self.status.endswith("_IN_PROGRESS"))
        return self.status

    def outputs(self) -> dict[str, str]:
        (stack,) = self.stacks.describe_stacks(StackName=self.name)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def events(self, token: str) -> list[tuple[str, str, str]]:
        """Return resource, status and reason of the events of one update, oldest first."""
        pages = self.stacks.get_paginator("describe_stack_events").paginate(StackName=self.name)
        newest_first = [
            each
            for page in pages
            for each in page["StackEvents"]
            if each.get("ClientRequestToken") == token
        ]
        return [
            (
                each["LogicalResourceId"],
                each["ResourceStatus"],
                each.get("ResourceStatusReason", ""),
            )
            for each in reversed(newest_first)
        ]

    def resources(self) -> dict[str, tuple[str, str]]:
        """Return the id and the status of each resource, by logical id."""
        pages = self.stacks.get_paginator("list_stack_resources").paginate(StackName=self.name)
        return {
            each["LogicalResourceId"]: (each["PhysicalResourceId"], each["ResourceStatus"])
            for page in pages
            for each in page["StackResourceSummaries"]
        }

    def protect(self, *denials: dict[str, Any], free: bool = True) -> None:
        """Set the policy of the stack: denials, and with `free` all other updates are allowed."""
        statements = [*([_FREE] if free else []), *denials]
        policy = json.dumps({"Statement": statements})
        self.stacks.set_stack_policy(StackName=self.name, StackPolicyBody=policy)

    # --- The services ---

    def services(self, *names: str) -> dict[str, tuple[str, int, list[str], list[int]]]:
        """Return task definition, count, tasks and processes of services, by name."""
        ecs = self.api.client("ecs")
        found = ecs.describe_services(cluster=self.name, services=list(names))["services"]
        return {
            each["serviceName"]: (
                each["taskDefinition"],
                each["desiredCount"],
                sorted(
                    ecs.list_tasks(cluster=self.name, serviceName=each["serviceName"])["taskArns"]
                ),
                sorted(self.processes(each["serviceName"])),
            )
            for each in found
        }

    def processes(self, service: str) -> list[int]:
        """Return the ids of the processes of a service."""
        return processes.tasks(self.api.cloud.directory, self.name, service)


def _given(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return parameters of a call; one without a value keeps the previous value."""
    return [
        {"ParameterKey": key, "UsePreviousValue": True}
        if value is None
        else {"ParameterKey": key, "ParameterValue": value}
        for key, value in values.items()
    ]
