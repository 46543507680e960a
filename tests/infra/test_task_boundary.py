"""No role of an application can do more than ECS needs to start a task."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.infra.conftest import Packaged
from tests.infra.reference import Statement, listed, resources, statements
from tests.infra.test_secret_access import KEYS, run
from tests.lab.templates import APPLICATION, Template, load, of_type, unroll

SAMPLES: dict[str, Any] = {
    "ImageRepositories": "arn:aws:ecr:eu-west-1:012345678901:repository/*",
    "SecretKeyArns": KEYS,
    **{
        f"{environment}SecretArns": [
            "arn:aws:secretsmanager:us-east-1:012345678901:secret:db-AbCdEf",
            "arn:aws:ssm:eu-west-1:012345678901:parameter/team/key",
        ]
        for environment in ("dev", "qa", "stage", "training", "da", "prod")
    },
}
# What would let a role out of its boundary: another one, none, another text of the policy, another
# policy of another role, or another principal that can assume it.
ESCAPES = [
    "iam:AttachRolePolicy",
    "iam:CreatePolicy",
    "iam:CreatePolicyVersion",
    "iam:DeletePolicyVersion",
    "iam:DeleteRolePermissionsBoundary",
    "iam:PutRolePermissionsBoundary",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "sts:AssumeRole",
]


@pytest.fixture(scope="module")
def service(packaged: Packaged, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The template of an installation with keys of secrets."""
    template, error = run(packaged, tmp_path_factory.mktemp("boundary"), {}, {}, KEYS)
    assert not error
    return template


@pytest.fixture(scope="module")
def application() -> Template:
    template = unroll(load(APPLICATION), {"Environments": ["dev", "da"]})
    groups = of_type(template, "AWS::Logs::LogGroup")
    log = "arn:aws:logs:eu-west-1:012345678901:log-group:/ecs/Shop/dev:*"
    SAMPLES.update(dict.fromkeys(groups, log))
    return template


def boundary(service: Template) -> list[Statement]:
    (policy,) = of_type(service, "AWS::IAM::ManagedPolicy").values()
    found = policy["PolicyDocument"]["Statement"]
    assert isinstance(found, list)
    return found


def allows(policy: list[Statement], action: str, arn: str) -> bool:
    return any(
        any(fnmatchcase(action, each) for each in listed(statement["Action"]))
        and any(fnmatchcase(arn, each) for each in resources(statement, {}))
        for statement in policy
    )


def test_every_role_of_an_application_has_the_boundary(application: Template) -> None:
    roles = of_type(application, "AWS::IAM::Role").values()
    assert {str(role.get("PermissionsBoundary")) for role in roles} == {
        str({"Ref": "PermissionsBoundary"})
    }
    assert "Default" not in application["Parameters"]["PermissionsBoundary"]


def test_the_boundary_lets_through_what_the_roles_of_an_application_need(
    service: Template, application: Template
) -> None:
    stopped = [
        (action, arn)
        for statement in statements(application)
        for action in listed(statement["Action"])
        for arn in resources(statement, SAMPLES)
        if not allows(boundary(service), action, arn)
    ]
    assert stopped == []


def test_the_boundary_lets_nothing_else_through(service: Template, application: Template) -> None:
    needed = {a for each in statements(application) for a in listed(each["Action"])}
    assert {a for each in boundary(service) for a in listed(each["Action"])} == needed
    assert not allows(
        boundary(service), "ssm:GetParameters", "arn:aws:ssm:eu-west-1:999:parameter/x"
    )
    log = "arn:aws:logs:eu-west-1:012345678901:log-group:/aws/lambda/x:*"
    assert not allows(boundary(service), "logs:PutLogEvents", log)


def test_the_stack_role_makes_no_role_without_the_boundary(service: Template) -> None:
    conditions = {
        action: statement.get("Condition")
        for statement in role_statements(service, "StackRole")
        for action in listed(statement["Action"])
    }
    only = {"StringEquals": {"iam:PermissionsBoundary": {"Ref": "TaskBoundary"}}}
    assert conditions["iam:CreateRole"] == conditions["iam:PutRolePolicy"] == only
    # An application that is older than the boundary can be deleted all the same.
    for action in ("iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy"):
        assert conditions[action] is None


@pytest.mark.parametrize("escape", ESCAPES)
def test_nothing_of_the_service_gets_around_the_boundary(service: Template, escape: str) -> None:
    allowed = {action for each in statements(service) for action in listed(each["Action"])}
    assert not [each for each in allowed if fnmatchcase(escape, each)]


def test_roles_are_made_and_passed_in_one_place_only(service: Template) -> None:
    place = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/devops-ecs/*"}
    for statement in statements(service):
        if {"iam:CreateRole", "iam:PutRolePolicy"} & set(listed(statement["Action"])):
            assert statement["Resource"] == place


def test_the_boundary_outlives_the_service_as_applications_may(service: Template) -> None:
    policy = service["Resources"]["TaskBoundary"]
    assert policy["DeletionPolicy"] == "RetainExceptOnCreate"
    assert policy["UpdateReplacePolicy"] == "Retain"
    # A name would be taken when the service is installed again.
    assert "ManagedPolicyName" not in policy["Properties"]


def role_statements(service: Template, role: str) -> list[Statement]:
    policies = of_type(service, "AWS::IAM::Role")[role]["Policies"]
    return [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]
