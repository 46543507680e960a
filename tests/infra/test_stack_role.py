"""serverless/stack-role.yml against the permissions of CloudFormation's resource handlers."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.infra import reference
from tests.infra.conftest import Packaged
from tests.infra.reference import Statement, listed
from tests.lab.templates import APPLICATION, ROOT, load, unroll
from tools.laptop.stack_permissions import (
    UNNEEDED,
    Resource,
    handler_permissions,
    iam_calls,
    resource_handlers,
)

APPLICATION_TYPES = sorted(
    {
        resource["Type"]
        for resource in unroll(load(APPLICATION), {"Environments": ["dev"]})["Resources"].values()
    }
)


CHANGING = ("Delete", "BatchDelete", "Modify", "Set", "Update")
# A listener has no tag of the template's. An IAM role is known by its path, and by its boundary.
NOT_BY_TAG = {"elasticloadbalancing:DeleteListener", "iam:DeleteRole", "iam:DeleteRolePolicy"}


@pytest.mark.parametrize(
    ("kind", "handler"),
    [
        *((kind, handler) for kind in APPLICATION_TYPES for handler in ("create", "delete")),
        # The only resource that an update of an application's stack modifies.
        ("AWS::IAM::RolePolicy", "update"),
    ],
)
def test_the_stack_role_has_the_permissions_of_the_resource_handlers(
    kind: str, handler: str
) -> None:
    permissions = handler_permissions(Resource(kind, {}, "eu-west-1", "012345678901"), handler)
    assert permissions
    allowed = [action for each in statements() for action in listed(each["Action"])]
    missing = [
        permission.action
        for permission in permissions
        if not any(fnmatchcase(permission.action, each) for each in allowed)
    ]
    assert missing == []


@pytest.mark.parametrize("kind", APPLICATION_TYPES)
@pytest.mark.parametrize("handler", ["create", "read", "delete"])
def test_the_list_of_handlers_has_the_actions_of_the_current_schemas(
    kind: str, handler: str
) -> None:
    """cfn-lint has its own copy of the schemas, which can be newer."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", kind).schema
    actions = {*schema["handlers"][handler]["permissions"]} - set(UNNEEDED)
    allowed = [action for each in statements() for action in listed(each["Action"])]
    assert [one for one in actions if not any(fnmatchcase(one, each) for each in allowed)] == []


def test_the_additional_iam_calls_are_actions_of_the_current_schemas() -> None:
    for (kind, handler), calls in iam_calls().items():
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", kind).schema
        assert {*calls} <= {*schema["handlers"][handler]["permissions"]}


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in iam_calls()}))
def test_a_template_cannot_change_users_groups_and_managed_policies(kind: str) -> None:
    """The role of CloudFormation lacks the actions; a create refuses these types as well."""
    allowed = {action for each in statements() for action in listed(each["Action"])}
    for handler in ("create", "delete"):
        assert not allowed & {*iam_calls()[kind, handler]}


def test_a_policy_requires_the_permission_for_each_user_and_group() -> None:
    properties = {"Users": ["Ann", "Bob"], "Groups": ["Admins"]}
    resource = Resource("AWS::IAM::Policy", properties, "eu-west-1", "012345678901")
    assert [
        (each.action, each.resource) for each in handler_permissions(resource, "create") or ()
    ] == [
        ("iam:PutUserPolicy", "arn:aws:iam::012345678901:user/Ann"),
        ("iam:PutUserPolicy", "arn:aws:iam::012345678901:user/Bob"),
        ("iam:PutGroupPolicy", "arn:aws:iam::012345678901:group/Admins"),
    ]


def test_each_exception_is_an_action_of_a_handler() -> None:
    listed_actions = {
        action
        for kind in APPLICATION_TYPES
        for actions in resource_handlers()[kind]["handlers"].values()
        for action in actions
    }
    assert set(UNNEEDED) <= listed_actions


def test_actions_that_change_a_resource_require_the_tag_of_an_application() -> None:
    tag = {"aws:ResourceTag/devops:application": "false"}
    without_tag = [
        action
        for statement in statements()
        for action in listed(statement["Action"])
        if action.partition(":")[2].startswith(CHANGING)
        and statement.get("Condition", {}).get("Null") != tag
    ]
    assert set(without_tag) == NOT_BY_TAG


TASKS = {"RequiresCompatibilities": ["FARGATE"], "ContainerDefinitions": [{"Name": "app"}]}


def in_subnets(*numbers: int, public: str = "DISABLED", **properties: Any) -> dict[str, Any]:
    """Return a service in subnets: the first (0) or second (1) of parameters.yml, another (2)."""
    network = {"Subnets": [*numbers], "AssignPublicIp": public}
    return {"NetworkConfiguration": {"AwsvpcConfiguration": network}, **properties}


@pytest.mark.parametrize(
    ("kind", "properties", "allowed"),
    [
        ("TaskDefinition", TASKS, True),
        ("TaskDefinition", {**TASKS, "RequiresCompatibilities": ["FARGATE", "EC2"]}, False),
        ("TaskDefinition", {**TASKS, "RequiresCompatibilities": ["EC2"]}, False),
        ("TaskDefinition", {**TASKS, "RequiresCompatibilities": None}, False),
        ("TaskDefinition", {**TASKS, "ContainerDefinitions": [{"Privileged": False}]}, True),
        ("TaskDefinition", {**TASKS, "ContainerDefinitions": [{}, {"Privileged": True}]}, False),
        ("TaskDefinition", {**TASKS, "ContainerDefinitions": [{"Privileged": "true"}]}, False),
        ("Service", in_subnets(0, 1), True),
        ("Service", in_subnets(0, EnableExecuteCommand=False), True),
        ("Service", in_subnets(0, 2), False),
        ("Service", {}, False),
        ("Service", in_subnets(0, 1, EnableExecuteCommand=True), False),
        ("Service", in_subnets(0, 1, public="ENABLED"), False),
    ],
)
def test_tasks_run_on_fargate_in_the_subnets_of_the_installation(
    packaged: Packaged, kind: str, properties: dict[str, Any], allowed: bool
) -> None:
    resources = packaged.template["Resources"]
    policy = resources["StackRole"]["Properties"]["Policies"][0]
    known = resources["CreateLambdaFunction"]["Properties"]["Environment"]["Variables"]["SUBNETS"]
    named = [*known.split(","), "subnet-0fedcba9876543210"]
    network = properties.get("NetworkConfiguration", {}).get("AwsvpcConfiguration", {})
    if network:
        subnets = [named[number] for number in network["Subnets"]]
        network = {"AwsvpcConfiguration": {**network, "Subnets": subnets}}
        properties = {**properties, "NetworkConfiguration": network}
    create = {"Service": "ecs:CreateService", "TaskDefinition": "ecs:RegisterTaskDefinition"}[kind]
    resource = Resource(f"AWS::ECS::{kind}", properties, "eu-west-1", "012345678901")
    (needed,) = (
        each for each in handler_permissions(resource, "create") or () if each.action == create
    )
    (statement,) = (
        each for each in policy["PolicyDocument"]["Statement"] if create in listed(each["Action"])
    )
    conditions = statement["Condition"]
    assert allowed == all(
        reference.holds(operator, key, listed(value), needed.keys)
        for operator, keys in conditions.items()
        for key, value in keys.items()
    )


@pytest.mark.parametrize(
    ("keys", "allowed"),
    [
        ({}, True),
        ({"ecs:enable-execute-command": "true"}, False),
        ({"ecs:auto-assign-public-ip": "true"}, False),
        (
            {"ecs:subnet": ["arn:aws:ec2:eu-west-1:012345678901:subnet/subnet-0fedcba9876543210"]},
            False,
        ),
        ({"aws:ResourceTag/devops:application": None}, False),
    ],
)
def test_an_update_of_a_service_has_the_limits_of_its_create(
    packaged: Packaged, keys: dict[str, Any], allowed: bool
) -> None:
    policy = packaged.template["Resources"]["StackRole"]["Properties"]["Policies"][0]
    (statement,) = (
        each
        for each in policy["PolicyDocument"]["Statement"]
        if "ecs:UpdateService" in listed(each["Action"])
    )
    given = {"aws:ResourceTag/devops:application": "Shop"} | keys
    found = {name: value for name, value in given.items() if value is not None}
    assert allowed == all(
        reference.holds(operator, key, listed(value), found)
        for operator, each in statement["Condition"].items()
        for key, value in each.items()
    )


@pytest.mark.parametrize(
    ("action", "key", "creating"),
    [
        (
            "ecs:TagResource",
            "ecs:CreateAction",
            {"CreateCluster", "CreateService", "RegisterTaskDefinition"},
        ),
        (
            "elasticloadbalancing:AddTags",
            "elasticloadbalancing:CreateAction",
            {"CreateLoadBalancer", "CreateTargetGroup", "CreateListener"},
        ),
    ],
)
def test_tags_are_set_only_by_the_call_that_creates_the_resource(
    action: str, key: str, creating: set[str]
) -> None:
    """A tag on an existing resource would allow the role to change that resource."""
    (tagging,) = (each for each in statements() if action in listed(each["Action"]))
    assert set(tagging["Condition"]["StringEquals"][key]) == creating


def statements() -> list[Statement]:
    return reference.statements(load(ROOT / "serverless" / "stack-role.yml"))
