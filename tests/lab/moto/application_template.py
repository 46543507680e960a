"""The application template without the parts that moto cannot create."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests.lab.templates import APPLICATION, Template, load, unroll

# moto cannot create all roles and log groups of the template. No story reads roles, and a log that
# cannot be read is missing in a failure.
_LEFT_OUT = ("AWS::IAM::Role", "AWS::IAM::RolePolicy", "AWS::Logs::LogGroup")
_NAMES_THEM = ("ExecutionRoleArn",)
_LOG_GROUP = "awslogs-group"


@cache
def application_template(environments: tuple[str, ...]) -> bytes:
    """Return the template with its loops unrolled, because moto fails at Fn::ForEach.

    moto parses a template as YAML first, which takes a second for this JSON. The tab at the
    beginning makes that attempt fail at once.
    """
    unrolled = _plain(unroll(_loaded(), {"Environments": environments}))
    del unrolled["Transform"]
    resources = {
        name: resource
        for name, resource in unrolled["Resources"].items()
        if resource["Type"] not in _LEFT_OUT
    }
    for resource in resources.values():
        if resource["Type"] == "AWS::ECS::TaskDefinition":
            for container in resource["Properties"]["ContainerDefinitions"]:
                options = container["LogConfiguration"]["Options"]
                group = unrolled["Resources"][options[_LOG_GROUP]["Ref"]]
                options[_LOG_GROUP] = group["Properties"]["LogGroupName"]
        if resource["Type"] == "AWS::ECS::Service":
            # Without a count, CloudFormation starts one task, moto none.
            resource["Properties"]["DesiredCount"] = 1
        if resource["Type"] == "AWS::ElasticLoadBalancingV2::Listener":
            _forward_to_one_group(resource["Properties"])
    return b"\t" + json.dumps(unrolled | {"Resources": resources}).encode()


def _forward_to_one_group(listener: dict[str, Any]) -> None:
    """Leave the receiving group; moto's stacks cannot have weights, so `completion` adds them."""
    for action in listener["DefaultActions"]:
        if "ForwardConfig" in action:
            first, *_ = action.pop("ForwardConfig")["TargetGroups"]
            action["TargetGroupArn"] = first["TargetGroupArn"]


@cache
def _loaded() -> Template:
    return load(APPLICATION)


def _plain(node: Any) -> Any:
    """Return a part of the template with names in place of Fn::Sub that moto cannot resolve."""
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if not isinstance(node, dict):
        return node
    if isinstance(name := node.get("Ref"), dict):
        return {"Ref": name["Fn::Sub"]}
    if isinstance(path := node.get("Fn::GetAtt"), list) and isinstance(path[0], dict):
        return {"Fn::GetAtt": [path[0]["Fn::Sub"], *path[1:]]}
    return {key: _plain(value) for key, value in node.items() if key not in _NAMES_THEM}
