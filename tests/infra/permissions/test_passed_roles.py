"""The roles that the functions pass to tasks: those of applications, and those of `taskroles`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.infra.permissions.courses import FUNCTIONS
from tests.infra.permissions.granted import grants
from tests.infra.reference import VALUES
from tests.lab.fakes import ACCOUNT
from tests.lab.templates import Template, literal, of_type
from tools.laptop.calls import Permission
from tools.security.compiled import compile_template

# The account of the parameters of the tests.
OWN = "012345678901"
PATTERN = f"arn:aws:iam::{OWN}:role/teams/payments/tasks-*"
# Characters of all inline policies of a role, without white space (IAM User Guide, "IAM and STS
# character limits").
LONGEST = 10240
# Almost the limit of taskroles (serverless/contradictions.js).
LARGEST = 950
# The longest names that AWS has.
LONG = {**VALUES, "AWS::Partition": "aws-us-gov", "AWS::Region": "ap-southeast-1"}
PASSING = {"create", "deployNonProd", "deployProdBlue", "update", "abort", "query", "reconcile"}


def roles() -> Iterator[str]:
    """Yield patterns, as many as the list can have."""
    for number in range((LARGEST - len(PATTERN)) // (len(PATTERN) + 5)):
        yield f"{PATTERN}{number:02}"


@pytest.fixture(scope="module")
def template() -> Template:
    listed = json.dumps({"payments": [PATTERN, *roles()], "*": [PATTERN]})
    return compile_template({"taskroles": listed})


def _passed(template: Template, function: str, role: str, service: str) -> bool:
    asked = Permission("iam:PassRole", role, {"iam:PassedToService": service})
    return any(grant.allows(asked) for grant in grants(template, function))


@pytest.mark.parametrize("function", sorted({*FUNCTIONS.values(), "reconcile"}))
def test_a_function_passes_only_listed_roles_to_tasks(template: Template, function: str) -> None:
    tasks = "ecs-tasks.amazonaws.com"
    role = f"arn:aws:iam::{OWN}:role/teams/payments/tasks-web"
    application = f"arn:aws:iam::{ACCOUNT}:role/devops-ecs/Shop-devExecutionRole-1"
    assert _passed(template, function, role, tasks) == (function in PASSING)
    assert _passed(template, function, application, tasks) == (function in PASSING)
    for other in ("teams/payments/admin", "tasks-web", "teams/search/tasks-web"):
        assert not _passed(template, function, f"arn:aws:iam::{OWN}:role/{other}", tasks)
    assert not _passed(template, function, role, "ec2.amazonaws.com")
    assert not _passed(template, function, role, "lambda.amazonaws.com")


def test_a_role_is_in_each_policy_once(template: Template) -> None:
    text = json.dumps(template["Resources"]["UpdateRole"])
    assert text.count(f'"{PATTERN}"') == 1


def test_the_policies_of_a_role_fit_with_the_largest_list(template: Template) -> None:
    sizes = {
        name: len(json.dumps(_resolved(role.get("Policies", [])), separators=(",", ":")))
        for name, role in of_type(template, "AWS::IAM::Role").items()
    }
    assert max(sizes.values()) > LARGEST
    assert {name: size for name, size in sizes.items() if size > LONGEST} == {}


def _resolved(node: Any) -> Any:
    """Return a part of a template with ARNs in the place of functions."""
    if isinstance(node, list):
        return [_resolved(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "Fn::Sub" in node:
        return literal(node, LONG)
    if "Fn::GetAtt" in node or "Ref" in node:
        return f"arn:aws:iam::{OWN}:role/{'x' * 64}"
    return {name: _resolved(each) for name, each in node.items()}
