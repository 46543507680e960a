"""The Lambda functions of the service: invocations, and removed permissions of their roles."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.lab.laptop.api import Api

PREFIX = "devops-ecs-dev-"


class Functions:
    """The functions by their names in serverless.yml."""

    def __init__(self, api: Api) -> None:
        self._lambda, self._iam = api.client("lambda"), api.client("iam")
        self._log = api.cloud.directory / "cloud.log"

    def invoke(self, name: str, event: Mapping[str, Any]) -> tuple[bool, Any]:
        """Invoke a function as AWS does; return its success and its response."""
        answer = self._lambda.invoke(FunctionName=PREFIX + name, Payload=json.dumps(event))
        return "FunctionError" not in answer, json.load(answer["Payload"])

    def refusals(self) -> list[str]:
        """Return the lines of the emulator's log about calls of functions that IAM refused."""
        lines = self._log.read_text().splitlines()
        return [line for line in lines if "denied:" in line and ":assumed-role/" in line]

    def statements(self, name: str) -> list[dict[str, Any]]:
        """Return the statements of a function's role."""
        role = self.role(name)
        return [
            statement
            for each in self._iam.list_role_policies(RoleName=role)["PolicyNames"]
            for statement in self._iam.get_role_policy(RoleName=role, PolicyName=each)[
                "PolicyDocument"
            ]["Statement"]
        ]

    @contextmanager
    def without(self, name: str, action: str) -> Iterator[None]:
        """Remove a permission from a function's role during the context."""
        with self._role_without(self.role(name), action):
            yield

    @contextmanager
    def stacks_without(self, action: str) -> Iterator[None]:
        """Remove a permission from CloudFormation's role during the context."""
        with self._role_without(self.stack_role()["RoleName"], action):
            yield

    def stack_role(self) -> dict[str, Any]:
        """Return CloudFormation's role for the stacks of applications."""
        pages = self._iam.get_paginator("list_roles").paginate()
        roles: list[dict[str, Any]] = [each for page in pages for each in page["Roles"]]
        (role,) = (each for each in roles if "-StackRole-" in each["RoleName"])
        return role

    @contextmanager
    def _role_without(self, role: str, action: str) -> Iterator[None]:
        policies = {
            each: self._iam.get_role_policy(RoleName=role, PolicyName=each)["PolicyDocument"]
            for each in self._iam.list_role_policies(RoleName=role)["PolicyNames"]
        }
        less = {each: _without(document, action) for each, document in policies.items()}
        assert less != policies, f"{role} has no {action}"
        try:
            self._put(role, less)
            yield
        finally:
            self._put(role, policies)

    def role(self, name: str) -> str:
        """Return the name of a function's role."""
        about = self._lambda.get_function_configuration(FunctionName=PREFIX + name)
        role: str = about["Role"].rpartition("/")[2]
        return role

    def _put(self, role: str, policies: Mapping[str, Any]) -> None:
        for name, document in policies.items():
            self._iam.put_role_policy(
                RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document)
            )


def _without(document: Mapping[str, Any], action: str) -> dict[str, Any]:
    statements = []
    for statement in document["Statement"]:
        actions = statement["Action"]
        left = [
            each for each in (actions if isinstance(actions, list) else [actions]) if each != action
        ]
        if left:
            statements.append({**statement, "Action": left})
    return {**document, "Statement": statements}
