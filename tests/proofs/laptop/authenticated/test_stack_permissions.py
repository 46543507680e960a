"""CloudFormation has only the permissions of the service's role for stacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.lab.laptop.api import Api, create_body
from tests.lab.laptop.functions import Functions
from tests.lab.laptop.stacks import ApplicationStack
from tools.laptop.callers import ADMIN, create_user
from tools.laptop.client import until
from tools.laptop.cloud import ACCOUNT, REGION, Cloud, CloudError
from tools.laptop.deploy import deploy

BUCKET = f"ecs-cf-bucket-{ACCOUNT}-{REGION}"
WAIT = {"Prefer": "wait=25"}


@pytest.mark.parametrize(
    "action",
    ["ec2:GetSecurityGroupsForVpc", "elasticloadbalancing:AddTags", "iam:PassRole"],
)
def test_a_create_fails_with_the_permission_that_the_stack_role_lacks(
    api: Api, functions: Functions, action: str
) -> None:
    body = create_body("Lacking", environments={"nonProd": ["dev"]})
    with functions.stacks_without(action):
        response = api.post("/stacks", body, **WAIT)
    assert response.status == 424, response.body
    reasons = response.operation["reasons"]
    assert any(f"not authorized to perform: {action}" in each for each in reasons)
    assert api.call("GET", "/stacks/Lacking").status == 404


@pytest.mark.parametrize(
    "change",
    [
        {"RequiresCompatibilities": ["FARGATE", "EC2"]},
        {"ContainerDefinitions": [{"Name": "app", "Image": "app", "Privileged": True}]},
    ],
    ids=["EC2", "privileged"],
)
def test_a_stack_cannot_register_tasks_with_more_rights(
    api: Api, functions: Functions, change: dict[str, Any]
) -> None:
    properties = {
        "Family": "Trespass-dev",
        "RequiresCompatibilities": ["FARGATE"],
        "NetworkMode": "awsvpc",
        "Cpu": "256",
        "Memory": "512",
        "ContainerDefinitions": [{"Name": "app", "Image": "app"}],
    }
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}
    trespass = {**task, "Properties": {**properties, **change}}
    assert stack_problem(api, functions, task) == ""
    problem = stack_problem(api, functions, trespass)
    assert "not authorized to perform: ecs:RegisterTaskDefinition" in problem


POLICY = {"Version": "2012-10-17", "Statement": []}


@pytest.mark.parametrize(
    ("resource", "action"),
    [
        (
            {"Type": "AWS::IAM::Policy", "Properties": {"Roles": ["lambda"]}},
            "iam:GetRolePolicy",
        ),
        (
            {"Type": "AWS::IAM::Policy", "Properties": {"Users": ["pipeline"]}},
            "iam:PutUserPolicy",
        ),
        ({"Type": "AWS::IAM::ManagedPolicy", "Properties": {}}, "iam:CreatePolicy"),
    ],
    ids=["role", "user", "managed policy"],
)
def test_a_stack_cannot_change_principals_of_the_account(
    api: Api, functions: Functions, resource: dict[str, Any], action: str
) -> None:
    """A function's role has neither the path nor the boundary of applications."""
    named = {"Roles": [functions.role("create")]} if "Roles" in resource["Properties"] else {}
    properties = {"PolicyName": "more", "PolicyDocument": POLICY, **resource["Properties"], **named}
    problem = stack_problem(api, functions, {**resource, "Properties": properties})
    assert f"not authorized to perform: {action}" in problem


def test_only_the_writers_of_the_template_can_replace_it(
    callers: tuple[Cloud, dict[str, Credentials]],
) -> None:
    """The deploy has uploaded the template; the administrator is not in the list."""
    cloud, users = callers
    s3 = boto3.client(
        "s3",
        endpoint_url=cloud.endpoint,
        region_name=REGION,
        aws_access_key_id=users[ADMIN].access_key,
        aws_secret_access_key=users[ADMIN].secret_key,
    )
    template = {"Bucket": BUCKET, "Key": "application.yml"}
    content = s3.get_object(**template)["Body"].read()
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(**template, Body=b"Resources: {}")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(**template)
    assert s3.get_object(**template)["Body"].read() == content


def test_a_deploy_that_cannot_upload_the_template_changes_nothing(api: Api) -> None:
    stacks = api.client("cloudformation")

    def events() -> list[str]:
        pages = stacks.get_paginator("describe_stack_events").paginate(StackName="devops-ecs-dev")
        return [event["EventId"] for page in pages for event in page["StackEvents"]]

    before = events()
    others = {"templatewriters": [f"arn:aws:iam::{ACCOUNT}:user/{ADMIN}"]}
    with pytest.raises(CloudError, match=f"does not contain arn:aws:iam::{ACCOUNT}:root"):
        deploy(api.cloud, parameters=others)
    assert events() == before != []


@pytest.fixture(scope="module")
def stack(api: Api) -> Iterator[ApplicationStack]:
    """The stack of an application, which has the role of the service."""
    name = "Granted"
    api.succeed(api.post("/stacks", create_body(name, environments={"nonProd": ["dev"]})))
    yield ApplicationStack(api, name)
    api.succeed(api.call("DELETE", "/stacks", {"stack": name}))


def test_an_update_has_only_the_permissions_of_the_stack_role(
    functions: Functions, stack: ApplicationStack
) -> None:
    secrets = [f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{each}" for each in "ab"]
    assert stack.changed(devSecretArns=secrets[0]) == [("Add", "devSecrets")]
    change = stack.change(devSecretArns=secrets[1])
    assert stack.completed(change) == [("Modify", "devSecrets")]
    with functions.stacks_without("iam:PutRolePolicy"):
        # The rollback has nothing to do, because the policy has not changed.
        assert stack.execute(change) == "UPDATE_ROLLBACK_COMPLETE"
    failed = [reason for _, status, reason in stack.events(change) if status == "UPDATE_FAILED"]
    assert len(failed) == 1
    assert "not authorized to perform: iam:PutRolePolicy" in failed[0]
    assert stack.changed(devSecretArns="") == [("Remove", "devSecrets")]


def test_a_change_set_requires_its_own_permissions(api: Api, stack: ApplicationStack) -> None:
    allowed = {
        "Effect": "Allow",
        "Action": ["cloudformation:CreateChangeSet", "cloudformation:DescribeChangeSet"],
        "Resource": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack.name}/*",
        "Condition": {"StringLike": {"cloudformation:ChangeSetName": "op-*"}},
    }
    macro = {
        "Effect": "Allow",
        "Action": "cloudformation:CreateChangeSet",
        "Resource": f"arn:aws:cloudformation:{REGION}:aws:transform/LanguageExtensions",
    }
    typed = {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}
    user = create_user(api.client("iam"), "changer", allowed, macro, typed)
    limited = boto3.client(
        "cloudformation",
        endpoint_url=api.cloud.endpoint,
        region_name=REGION,
        aws_access_key_id=user.access_key,
        aws_secret_access_key=user.secret_key,
    )

    def create(name: str) -> None:
        limited.create_change_set(
            StackName=stack.name,
            ChangeSetName=name,
            TemplateBody=stack.template,
            Parameters=stack.parameters(Environments="dev,qa"),
            Capabilities=["CAPABILITY_IAM"],
        )

    with pytest.raises(ClientError, match="AccessDenied"):
        create("other")
    create("op-1")
    found = limited.describe_change_set(StackName=stack.name, ChangeSetName="op-1")
    assert found["ChangeSetName"] == "op-1"
    for call in (limited.execute_change_set, limited.delete_change_set):
        with pytest.raises(ClientError, match="AccessDenied"):
            call(StackName=stack.name, ChangeSetName="op-1")
    for read in (limited.get_template, limited.continue_update_rollback):
        with pytest.raises(ClientError, match="AccessDenied"):
            read(StackName=stack.name)
    assert stack.completed("op-1")
    stack.stacks.delete_change_set(StackName=stack.name, ChangeSetName="op-1")


def stack_problem(api: Api, functions: Functions, resource: dict[str, Any]) -> str:
    """Return the reason why a stack with this resource fails; "" if it is created."""
    stacks = api.client("cloudformation")
    stack = stacks.create_stack(
        StackName="Trespass",
        TemplateBody=json.dumps({"Resources": {"It": resource}}),
        RoleARN=functions.stack_role()["Arn"],
        OnFailure="DO_NOTHING",
        Capabilities=["CAPABILITY_IAM"],
    )["StackId"]

    def status() -> str:
        (described,) = stacks.describe_stacks(StackName=stack)["Stacks"]
        name: str = described["StackStatus"]
        return name

    assert until(lambda: not status().endswith("IN_PROGRESS"))
    created = status() == "CREATE_COMPLETE"
    events = stacks.describe_stack_events(StackName=stack)["StackEvents"]
    stacks.delete_stack(StackName=stack)
    assert until(lambda: status() == "DELETE_COMPLETE")
    reasons = [each.get("ResourceStatusReason", "") for each in events]
    return "" if created else " ".join(reasons)
