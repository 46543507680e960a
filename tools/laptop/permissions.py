"""What AWS asks IAM before it does a call: actions, resources and condition keys; no I/O.

Only the calls of the service's functions to ECS, CloudFormation and Elastic Load Balancing, for
which the emulator asks something else. Source: AWS Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_MACRO = "AWS::LanguageExtensions"
_TYPED_PARAMETERS = {
    "AWS::EC2::VPC::Id": "ec2:DescribeVpcs",
    "AWS::EC2::Subnet::Id": "ec2:DescribeSubnets",
    "AWS::EC2::SecurityGroup::Id": "ec2:DescribeSecurityGroups",
}


@dataclass(frozen=True)
class Call:
    """A call of the AWS API: what it does ("ecs:UpdateService"), with what, where.

    `parameters` are named as in the API; those of a query API are flat ("Tags.member.1.Key").
    """

    action: str
    parameters: Mapping[str, Any]
    region: str
    account: str

    def arn(self, resource: str) -> str:
        """Return the ARN of a resource of the called service."""
        service = self.action.partition(":")[0]
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True)
class Question:
    """May the caller do `action` on `resource`? `keys` are the condition keys of the request."""

    action: str
    resource: str = "*"
    keys: Mapping[str, Any] = field(default_factory=dict)


def questions(call: Call) -> list[Question] | None:
    """Return what AWS asks IAM about a call; None where the emulator asks the same."""
    ask = _ASKED.get(call.action)
    return list(ask(call)) if ask else None


def _anything(call: Call) -> Iterable[Question]:
    """For actions that know no resource; nor is one meant by a Describe of everything."""
    yield Question(call.action)


def _create_stack(call: Call) -> Iterable[Question]:
    stack = _stack(call)
    tags = _tag_keys(_stack_tags(call.parameters))
    yield Question(call.action, stack, _stack_keys(call) | tags)
    if tags:
        tags = tags | {"cloudformation:CreateAction": "CreateStack"}
        yield Question("cloudformation:TagResource", stack, tags)
    yield from _passed(call, "RoleARN", "cloudformation.amazonaws.com")
    template = str(call.parameters.get("TemplateBody", ""))
    if _MACRO in template:
        macro = f"arn:aws:cloudformation:{call.region}:aws:transform/LanguageExtensions"
        yield Question("cloudformation:CreateChangeSet", macro)
    for kind, action in _TYPED_PARAMETERS.items():
        if kind in template:
            yield Question(action)


def _delete_stack(call: Call) -> Iterable[Question]:
    yield Question(call.action, _stack(call), _stack_keys(call))
    yield from _passed(call, "RoleARN", "cloudformation.amazonaws.com")


def _describe_stack(call: Call) -> Iterable[Question]:
    yield Question(call.action, _stack(call))


def _register(call: Call) -> Iterable[Question]:
    # The number of the revision is not known yet.
    family = call.arn(f"task-definition/{call.parameters.get('family')}:*")
    tags = _tag_keys((tag["key"], tag["value"]) for tag in call.parameters.get("tags") or ())
    yield Question(call.action, family, tags)
    if tags:
        tags = tags | {"ecs:CreateAction": "RegisterTaskDefinition"}
        yield Question("ecs:TagResource", family, tags)
    for role in ("executionRoleArn", "taskRoleArn"):
        yield from _passed(call, role, "ecs-tasks.amazonaws.com")


def _update_service(call: Call) -> Iterable[Question]:
    keys = _cluster_key(call)
    if call.parameters.get("taskDefinition"):
        definition = _arn(call, "task-definition/", call.parameters["taskDefinition"])
        keys |= {"ecs:task-definition": definition}
    yield Question(call.action, _in_cluster(call, "service", call.parameters["service"]), keys)


def _describe_services(call: Call) -> Iterable[Question]:
    for name in call.parameters.get("services") or ():
        yield Question(call.action, _in_cluster(call, "service", name), _cluster_key(call))


def _describe_tasks(call: Call) -> Iterable[Question]:
    for name in call.parameters.get("tasks") or ():
        yield Question(call.action, _in_cluster(call, "task", name), _cluster_key(call))


def _list_tasks(call: Call) -> Iterable[Question]:
    yield Question(call.action, "*", _cluster_key(call))


def _modify_listener(call: Call) -> Iterable[Question]:
    yield Question(call.action, str(call.parameters.get("ListenerArn", "*")))


_ASKED: dict[str, Callable[[Call], Iterable[Question]]] = {
    "cloudformation:CreateStack": _create_stack,
    "cloudformation:DeleteStack": _delete_stack,
    "cloudformation:DescribeStackEvents": _describe_stack,
    "cloudformation:DescribeStacks": _describe_stack,
    "cloudformation:ValidateTemplate": _anything,
    "ecs:DeregisterTaskDefinition": _anything,
    "ecs:DescribeServices": _describe_services,
    "ecs:DescribeTaskDefinition": _anything,
    "ecs:DescribeTasks": _describe_tasks,
    "ecs:ListTaskDefinitions": _anything,
    "ecs:ListTasks": _list_tasks,
    "ecs:RegisterTaskDefinition": _register,
    "ecs:UpdateService": _update_service,
    "elasticloadbalancing:DescribeListeners": _anything,
    "elasticloadbalancing:DescribeTargetHealth": _anything,
    "elasticloadbalancing:ModifyListener": _modify_listener,
}
ACTIONS = frozenset(_ASKED)
# What AWS asks about along with another action.
ALONG = frozenset(
    {
        "cloudformation:CreateChangeSet",
        "cloudformation:TagResource",
        "ecs:TagResource",
        "iam:PassRole",
        *_TYPED_PARAMETERS.values(),
    }
)


def _arn(call: Call, prefix: str, name: str) -> str:
    return name if name.startswith("arn:") else call.arn(prefix + name)


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


def _stack_tags(parameters: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, key in parameters.items():
        if name.startswith("Tags.member.") and name.endswith(".Key"):
            yield key, parameters.get(name.removesuffix("Key") + "Value", "")


def _tag_keys(tags: Iterable[tuple[str, str]]) -> dict[str, Any]:
    named = dict(tags)
    if not named:
        return {}
    return {"aws:TagKeys": list(named)} | {f"aws:RequestTag/{k}": v for k, v in named.items()}


def _passed(call: Call, parameter: str, service: str) -> Iterable[Question]:
    role = call.parameters.get(parameter)
    if role:
        arn = role if role.startswith("arn:") else f"arn:aws:iam::{call.account}:role/{role}"
        yield Question("iam:PassRole", arn, {"iam:PassedToService": service})
