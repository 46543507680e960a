"""The IAM permissions that a call to AWS requires: actions, resources, condition keys; no I/O.

The rules cover the calls of the service's functions to ECS, CloudFormation, DynamoDB, ECR,
CloudWatch, CloudWatch Logs, Elastic Load Balancing, EventBridge and Application Auto Scaling, for
which the emulator checks other permissions than AWS. Source: AWS Service Authorization Reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tools.laptop.calls import Call, Permission, tag_keys
from tools.laptop.scaling_permissions import ADDITIONAL_SCALING_ACTIONS, SCALING_RULES
from tools.laptop.template_urls import TemplateObject

_MACRO = "AWS::LanguageExtensions"
_TYPED_PARAMETERS = {
    "AWS::EC2::VPC::Id": "ec2:DescribeVpcs",
    "AWS::EC2::Subnet::Id": "ec2:DescribeSubnets",
    "AWS::EC2::SecurityGroup::Id": "ec2:DescribeSecurityGroups",
}


def required_permissions(call: Call) -> list[Permission] | None:
    """Return the permissions that AWS requires for a call.

    None means that the emulator checks the same permissions as AWS.
    """
    rule = _RULES.get(call.action)
    return list(rule(call)) if rule else None


def leading_keys(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the condition key for the partition of an item in a table of the service."""
    item = parameters.get("Item") or parameters.get("Key") or _queried(parameters)
    partition = item.get("applicationName", {}).get("S")
    return {"dynamodb:LeadingKeys": [partition]} if partition else {}


def _queried(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the partition key that a Query names in its condition."""
    pair = re.match(r"(#\w+) = (:\w+)", parameters.get("KeyConditionExpression", ""))
    if not pair:
        return {}
    name = parameters["ExpressionAttributeNames"][pair[1]]
    return {name: parameters["ExpressionAttributeValues"][pair[2]]}


def _query(call: Call) -> Iterable[Permission]:
    index = call.parameters.get("IndexName")
    table = _table(call, call.parameters) + (f"/index/{index}" if index else "")
    yield Permission(call.action, table, leading_keys(call.parameters))


def _delete_item(call: Call) -> Iterable[Permission]:
    yield Permission(call.action, _table(call, call.parameters), leading_keys(call.parameters))


def _transact_write_items(call: Call) -> Iterable[Permission]:
    # A transaction requires the permissions of its actions (DynamoDB Developer Guide, "Using IAM
    # with DynamoDB transactions").
    for item in call.parameters.get("TransactItems") or ():
        for kind, action in item.items():
            yield Permission(f"dynamodb:{kind}Item", _table(call, action), leading_keys(action))


def _any_resource(call: Call) -> Iterable[Permission]:
    """For actions without resource-level permissions, and for Describe calls without names."""
    yield Permission(call.action)


def _create_stack(call: Call) -> Iterable[Permission]:
    stack = _stack(call)
    tags = tag_keys(_stack_tags(call.parameters))
    yield Permission(call.action, stack, _stack_keys(call) | tags)
    if tags:
        tags = tags | {"cloudformation:CreateAction": "CreateStack"}
        yield Permission("cloudformation:TagResource", stack, tags)
    # The User Guide requires these actions to set a policy ("Prevent updates to stack resources")
    # and to enable the protection ("Protect CloudFormation stacks from being deleted"). Whether
    # CreateStack checks them is not documented; the laptop cloud does.
    if "StackPolicyBody" in call.parameters:
        yield Permission("cloudformation:SetStackPolicy", stack)
    if str(call.parameters.get("EnableTerminationProtection")).lower() == "true":
        yield Permission("cloudformation:UpdateTerminationProtection", stack)
    yield from _pass_role(call, "RoleARN", "cloudformation.amazonaws.com")
    yield from _processed_template(call)


def _create_change_set(call: Call) -> Iterable[Permission]:
    stack, tags = _stack(call), tag_keys(_stack_tags(call.parameters))
    yield Permission(call.action, stack, _stack_keys(call) | _change_set_key(call) | tags)
    if tags:
        tags = tags | {"cloudformation:CreateAction": "CreateChangeSet"}
        yield Permission("cloudformation:TagResource", stack, tags)
        # The Service Authorization Reference has change sets among the resources of this action.
        name = call.parameters.get("ChangeSetName", "")
        yield Permission("cloudformation:TagResource", call.arn(f"changeSet/{name}/*"), tags)
    yield from _pass_role(call, "RoleARN", "cloudformation.amazonaws.com")
    yield from _processed_template(call)


def _processed_template(call: Call) -> Iterable[Permission]:
    """Yield what CloudFormation does with a template with the permissions of the caller."""
    yield from _template_object(call)
    url = call.parameters.get("TemplateURL")
    template = call.template_at(url) if url else str(call.parameters.get("TemplateBody", ""))
    if _MACRO in template:
        macro = f"arn:aws:cloudformation:{call.region}:aws:transform/LanguageExtensions"
        yield Permission("cloudformation:CreateChangeSet", macro)
    for kind, action in _TYPED_PARAMETERS.items():
        if kind in template:
            yield Permission(action)


def _validate_template(call: Call) -> Iterable[Permission]:
    yield Permission(call.action)
    yield from _template_object(call)


def _template_object(call: Call) -> Iterable[Permission]:
    """CloudFormation reads a template at a URL with the permissions of the caller."""
    if url := call.parameters.get("TemplateURL"):
        bucket, key, version = TemplateObject.parse(url)
        action = "s3:GetObjectVersion" if version else "s3:GetObject"
        owner = {"s3:ResourceAccount": call.account}
        yield Permission(action, f"arn:aws:s3:::{bucket}/{key}", owner)


def _stack_with_role(call: Call) -> Iterable[Permission]:
    """For calls that can pass a role to an existing stack."""
    yield Permission(call.action, _stack(call), _stack_keys(call))
    yield from _pass_role(call, "RoleARN", "cloudformation.amazonaws.com")


def _one_change_set(call: Call) -> Iterable[Permission]:
    yield Permission(call.action, _stack(call), _change_set_key(call))


def _events(call: Call) -> Iterable[Permission]:
    """For DescribeEvents: the Service Authorization Reference has stacks and change sets."""
    yield Permission(call.action, _stack(call))
    if name := call.parameters.get("ChangeSetName"):
        yield Permission(call.action, _arn(call, "changeSet/", name))


def _one_stack(call: Call) -> Iterable[Permission]:
    yield Permission(call.action, _stack(call))


def _register(call: Call) -> Iterable[Permission]:
    # The revision number is not known before the call.
    family = call.arn(f"task-definition/{call.parameters.get('family')}:*")
    tags = tag_keys((tag["key"], tag["value"]) for tag in call.parameters.get("tags") or ())
    compute = task_definition_keys(
        call.parameters.get("requiresCompatibilities"),
        [each.get("privileged") for each in call.parameters.get("containerDefinitions") or ()],
    )
    yield Permission(call.action, family, tags | compute)
    if tags:
        tags = tags | {"ecs:CreateAction": "RegisterTaskDefinition"}
        yield Permission("ecs:TagResource", family, tags)
    for role in ("executionRoleArn", "taskRoleArn"):
        yield from _pass_role(call, role, "ecs-tasks.amazonaws.com")


def task_definition_keys(
    compatibilities: Sequence[str] | None, privileged: Iterable[bool | str | None]
) -> dict[str, Any]:
    """Return the condition keys of a task definition: its compute types and its privileges."""
    keys: dict[str, Any] = {"ecs:privileged": _flag(*privileged)}
    if compatibilities:
        keys["ecs:compute-compatibility"] = list(compatibilities)
    return keys


def service_keys(network: Mapping[str, Any], execute_command: bool | str | None) -> dict[str, Any]:
    """Return the condition keys of a service: its network and its use of ECS Exec.

    `network` is the configuration of awsvpc, with the names of the API.
    """
    keys: dict[str, Any] = {}
    if network.get("subnets"):
        keys["ecs:subnet"] = list(network["subnets"])
        keys["ecs:auto-assign-public-ip"] = _flag(network.get("assignPublicIp") == "ENABLED")
    if execute_command is not None:
        keys["ecs:enable-execute-command"] = _flag(execute_command)
    return keys


def _flag(*values: bool | str | None) -> str:
    """Return "true" if one value is true; CloudFormation also has texts."""
    return str(any(str(value).lower() == "true" for value in values)).lower()


def _update_service(call: Call) -> Iterable[Permission]:
    service = _in_cluster(call, "service", call.parameters["service"])
    network = call.parameters.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    keys = _cluster_key(call) | service_keys(network, call.parameters.get("enableExecuteCommand"))
    name = call.parameters.get("taskDefinition")
    if not name:
        yield Permission(call.action, service, keys)
        return
    definition = _arn(call, "task-definition/", name)
    yield Permission(call.action, service, keys | {"ecs:task-definition": definition})
    # With a task definition, the Service Authorization Reference lists iam:PassRole as a dependent
    # action of UpdateService.
    for role in call.task_roles(definition):
        yield _passed(call, role, "ecs-tasks.amazonaws.com")


def _describe_services(call: Call) -> Iterable[Permission]:
    for name in call.parameters.get("services") or ():
        yield Permission(call.action, _in_cluster(call, "service", name), _cluster_key(call))


def _describe_tasks(call: Call) -> Iterable[Permission]:
    for name in call.parameters.get("tasks") or ():
        yield Permission(call.action, _in_cluster(call, "task", name), _cluster_key(call))


def _list_tasks(call: Call) -> Iterable[Permission]:
    yield Permission(call.action, "*", _cluster_key(call))


def _modify_listener(call: Call) -> Iterable[Permission]:
    yield Permission(call.action, str(call.parameters.get("ListenerArn", "*")))
    # ELB reads the client of the user pool with the permissions of the caller (ELB User Guide,
    # "Authenticate users using an Application Load Balancer", "Prepare to use Amazon Cognito").
    for name, value in call.parameters.items():
        if name.endswith(".AuthenticateCognitoConfig.UserPoolArn"):
            yield Permission("cognito-idp:DescribeUserPoolClient", value)


def _describe_alarms(call: Call) -> Iterable[Permission]:
    # The reference requires alarms as the resource; the call can name several.
    yield Permission(call.action, call.arn("alarm:*"))


def _put_events(call: Call) -> Iterable[Permission]:
    for entry in call.parameters.get("Entries") or ():
        bus = _arn(call, "event-bus/", entry.get("EventBusName") or "default")
        keys = {"events:source": "Source", "events:detail-type": "DetailType"}
        yield Permission(call.action, bus, {key: entry.get(name) for key, name in keys.items()})


def _get_log_events(call: Call) -> Iterable[Permission]:
    group, stream = call.parameters.get("logGroupName"), call.parameters.get("logStreamName")
    yield Permission(call.action, call.arn(f"log-group:{group}:log-stream:{stream}"))


_RULES: dict[str, Callable[[Call], Iterable[Permission]]] = {
    **SCALING_RULES,
    "cloudformation:ContinueUpdateRollback": _stack_with_role,
    "cloudformation:CreateChangeSet": _create_change_set,
    "cloudformation:CreateStack": _create_stack,
    "cloudformation:DeleteChangeSet": _one_change_set,
    "cloudformation:DeleteStack": _stack_with_role,
    "cloudformation:DescribeChangeSet": _one_change_set,
    "cloudformation:DescribeEvents": _events,
    "cloudformation:DescribeStackEvents": _one_stack,
    "cloudformation:DescribeStackResources": _one_stack,
    "cloudformation:DescribeStacks": _one_stack,
    "cloudformation:ExecuteChangeSet": _one_change_set,
    "cloudformation:GetTemplate": _one_stack,
    "cloudformation:ListStackResources": _one_stack,
    "cloudformation:UpdateTerminationProtection": _one_stack,
    "cloudformation:ValidateTemplate": _validate_template,
    "cloudwatch:DescribeAlarms": _describe_alarms,
    "cloudwatch:GetMetricData": _any_resource,
    "dynamodb:DeleteItem": _delete_item,
    "dynamodb:Query": _query,
    "dynamodb:TransactWriteItems": _transact_write_items,
    "ecr:DescribePullThroughCacheRules": _any_resource,
    "ecs:DeregisterTaskDefinition": _any_resource,
    "ecs:DescribeServices": _describe_services,
    "ecs:DescribeTaskDefinition": _any_resource,
    "ecs:DescribeTasks": _describe_tasks,
    "ecs:ListTaskDefinitions": _any_resource,
    "ecs:ListTasks": _list_tasks,
    "ecs:RegisterTaskDefinition": _register,
    "ecs:UpdateService": _update_service,
    "elasticloadbalancing:DescribeRules": _any_resource,
    "elasticloadbalancing:DescribeTargetGroups": _any_resource,
    "elasticloadbalancing:DescribeTargetHealth": _any_resource,
    "elasticloadbalancing:ModifyListener": _modify_listener,
    "events:PutEvents": _put_events,
    "logs:GetLogEvents": _get_log_events,
}
ACTIONS = frozenset(_RULES)
# Actions that AWS checks in addition to the action of a call.
ADDITIONAL_ACTIONS = frozenset(
    {
        "cloudformation:SetStackPolicy",
        "cloudformation:TagResource",
        "cognito-idp:DescribeUserPoolClient",
        "dynamodb:ConditionCheckItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "ecs:TagResource",
        "iam:PassRole",
        "s3:GetObject",
        "s3:GetObjectVersion",
        *_TYPED_PARAMETERS.values(),
        *ADDITIONAL_SCALING_ACTIONS,
    }
)


def _arn(call: Call, prefix: str, name: str) -> str:
    return name if name.startswith("arn:") else call.arn(prefix + name)


def _table(call: Call, parameters: Mapping[str, Any]) -> str:
    return call.arn(f"table/{parameters['TableName']}")


def _in_cluster(call: Call, kind: str, name: str) -> str:
    cluster = _cluster(call).rpartition("/")[2]
    return _arn(call, f"{kind}/{cluster}/", name)


def _cluster(call: Call) -> str:
    return _arn(call, "cluster/", call.parameters.get("cluster") or "default")


def _cluster_key(call: Call) -> dict[str, Any]:
    return {"ecs:cluster": _cluster(call)}


def _stack(call: Call) -> str:
    name = call.parameters.get("StackName")
    if not name:
        return "*"
    return name if name.startswith("arn:") else call.arn(f"stack/{name}/*")


def _stack_keys(call: Call) -> dict[str, Any]:
    keys = {"RoleARN": "cloudformation:RoleArn", "TemplateURL": "cloudformation:TemplateUrl"}
    return {key: call.parameters[name] for name, key in keys.items() if name in call.parameters}


def _change_set_key(call: Call) -> dict[str, Any]:
    """Return the condition key with the name of a change set; the id contains the name."""
    name = call.parameters.get("ChangeSetName", "")
    return {"cloudformation:ChangeSetName": name.split("/")[1] if "/" in name else name}


def _stack_tags(parameters: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, key in parameters.items():
        if name.startswith("Tags.member.") and name.endswith(".Key"):
            yield key, parameters.get(name.removesuffix("Key") + "Value", "")


def _pass_role(call: Call, parameter: str, service: str) -> Iterable[Permission]:
    role = call.parameters.get(parameter)
    if role:
        yield _passed(call, role, service)


def _passed(call: Call, role: str, service: str) -> Permission:
    arn = role if role.startswith("arn:") else f"arn:aws:iam::{call.account}:role/{role}"
    return Permission("iam:PassRole", arn, {"iam:PassedToService": service})
