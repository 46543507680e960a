"""The permissions of the Lambda functions and of the stack role."""

from __future__ import annotations

import pytest

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
    assert sorted(roles) == ["CreateRole", "QueryRole", "ReconcileRole", "StackRole"]


def test_the_stack_role_is_for_cloudformation_alone(template: Template) -> None:
    (trust,) = of_type(template, "AWS::IAM::Role")["StackRole"]["AssumeRolePolicyDocument"][
        "Statement"
    ]
    assert trust["Principal"] == {"Service": "cloudformation.amazonaws.com"}


@pytest.mark.parametrize(
    ("keys", "allowed"),
    [
        ({"dynamodb:LeadingKeys": ["NAMES#"]}, True),
        ({"dynamodb:LeadingKeys": ["Shop"]}, False),
        ({"dynamodb:LeadingKeys": ["NAMES#", "Shop"]}, False),
        # The DynamoDB Developer Guide does not document the key for the actions of a transaction
        # ("Using IAM with DynamoDB transactions", "Using IAM policy conditions").
        ({}, True),
    ],
    ids=["the partition", "another", "both", "no key"],
)
def test_a_delete_removes_the_reserved_name_in_a_transaction(
    template: Template, keys: dict[str, list[str]], allowed: bool
) -> None:
    policy = template["Resources"]["DeleteRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    (condition,) = (
        each["Condition"]
        for each in policy["Statement"]
        if "dynamodb:DeleteItem" in each["Action"] and "Condition" in each
    )
    assert allowed == all(
        holds(operator, key, listed(values), keys)
        for operator, each in condition.items()
        for key, values in each.items()
    )
