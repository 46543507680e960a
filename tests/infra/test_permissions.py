"""The permissions of the Lambda functions and of the stack role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from devops_core.adapters.dynamodb import items
from tests.infra.conftest import Packaged
from tests.infra.reference import holds, listed, statements
from tests.lab.templates import Template, of_type


@pytest.fixture(scope="module")
def template(packaged: Packaged) -> Template:
    return packaged.template


def test_no_statement_allows_whole_services(template: Template) -> None:
    actions = [a for statement in statements(template) for a in listed(statement["Action"])]
    wild = [action for action in actions if action.endswith("*")]
    assert all(action.endswith(("Describe*", "List*")) for action in wild)


def test_roles_are_passed_to_the_services_they_are_for(template: Template) -> None:
    passing = [each for each in statements(template) if "iam:PassRole" in listed(each["Action"])]
    assert passing
    for statement in passing:
        assert statement["Resource"] != "*"
        assert statement["Condition"]["StringEquals"]["iam:PassedToService"] in {
            "cloudformation.amazonaws.com",
            "ecs-tasks.amazonaws.com",
        }


def test_stacks_are_made_with_the_stack_role_and_only_own_ones_deleted(template: Template) -> None:
    conditions = {
        action: statement.get("Condition")
        for statement in statements(template)
        if "transform" not in str(statement["Resource"])
        for action in listed(statement["Action"])
    }
    role = {"Fn::GetAtt": ["StackRole", "Arn"]}
    assert conditions["cloudformation:CreateStack"] == {
        "StringEquals": {"cloudformation:RoleArn": role},
        "Null": {"aws:RequestTag/devops:operation": "false"},
    }
    assert conditions["cloudformation:DeleteStack"] == {
        "StringEquals": {"cloudformation:RoleArn": role},
        "Null": {"aws:ResourceTag/devops:operation": "false"},
    }


def test_who_creates_stacks_and_the_stack_role_may_expand_the_template(template: Template) -> None:
    macro = {"Fn::Sub": "arn:${AWS::Partition}:cloudformation:${AWS::Region}:aws:transform/"
             "LanguageExtensions"}  # fmt: skip
    roles = [
        role
        for role, properties in of_type(template, "AWS::IAM::Role").items()
        for policy in properties.get("Policies", ())
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Resource"] == macro
        and "cloudformation:CreateChangeSet" in listed(statement["Action"])
    ]
    assert sorted({*roles}) == [
        "CreateRole", "QueryRole", "ReconcileRole", "StackRole", "UpdateRole", "UpgradeRole",
    ]  # fmt: skip


def test_the_stack_role_is_for_cloudformation_alone(template: Template) -> None:
    (trust,) = of_type(template, "AWS::IAM::Role")["StackRole"]["AssumeRolePolicyDocument"][
        "Statement"
    ]
    assert trust["Principal"] == {"Service": "cloudformation.amazonaws.com"}


OTHERS = [
    *(items.EVENTS, items.WAITING, "IDEMPOTENCY#caller build-1"),
    *(items.CURSOR["applicationName"], items.SWEEP_POSITION["applicationName"]),
]


# The DynamoDB Developer Guide does not document the key for the actions of a transaction ("Using
# IAM with DynamoDB transactions", "Using IAM policy conditions"): each action can have its own key,
# all actions the same keys, or none of them a key.
@pytest.mark.parametrize(
    ("partitions", "allowed"),
    [
        ([items.NAMES], True),
        (["Shop"], True),
        ([items.NAMES, "Shop"], True),
        (None, True),
        *(([other], False) for other in OTHERS),
        *((["Shop", other], False) for other in OTHERS),
    ],
)
@pytest.mark.parametrize("role", ["DeleteRole", "CreateRole", "AbortRole", "QueryRole"])
def test_an_application_is_removed_in_a_transaction(
    template: Template, role: str, partitions: list[str] | None, allowed: bool
) -> None:
    keys = {} if partitions is None else {"dynamodb:LeadingKeys": partitions}
    (condition,) = conditions(template, role, "dynamodb:DeleteItem")
    assert fulfilled(condition, keys) == allowed


@pytest.mark.parametrize(
    ("partitions", "allowed"),
    [(["Shop"], True), (None, False), *(([other], False) for other in (items.NAMES, *OTHERS))],
)
def test_revisions_are_found_only_in_applications(
    template: Template, partitions: list[str] | None, allowed: bool
) -> None:
    keys = {} if partitions is None else {"dynamodb:LeadingKeys": partitions}
    for role in ("DeleteRole", "QueryRole", "ReconcileRole"):
        (condition,) = conditions(template, role, "dynamodb:Query")
        assert fulfilled(condition, keys) == allowed


def conditions(template: Template, role: str, action: str) -> list[Mapping[str, Any]]:
    """Return the conditions of an action in the policy of a role."""
    policy = template["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"]
    return [
        each["Condition"]
        for each in policy["Statement"]
        if action in each["Action"] and "Condition" in each
    ]


def fulfilled(condition: Mapping[str, Any], keys: Mapping[str, Any]) -> bool:
    """Return whether the condition keys of a request fulfil a condition."""
    return all(
        holds(operator, key, listed(values), keys)
        for operator, each in condition.items()
        for key, values in each.items()
    )
