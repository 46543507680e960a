"""The application template, as far as moto can make a stack of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from tests.infra.templates import APPLICATION, Template, load, unroll

# What moto cannot make of the template's roles and logs, nothing here asks for.
_LEFT_OUT = ("AWS::IAM::Role", "AWS::Logs::LogGroup")
_NAMES_THEM = ("ExecutionRoleArn", "LogConfiguration")


def application_template(environments: Sequence[str]) -> bytes:
    """Return the template with its loops unrolled: moto answers 500 to Fn::ForEach.

    The tab makes PyYAML give up, which moto asks first and which takes a second for as much
    JSON; then moto asks the JSON parser.
    """
    unrolled = _plain(unroll(_loaded(), {"Environments": environments}))
    del unrolled["Transform"]
    resources = {
        name: resource
        for name, resource in unrolled["Resources"].items()
        if resource["Type"] not in _LEFT_OUT
    }
    for resource in resources.values():
        if resource["Type"] == "AWS::ECS::Service":
            # CloudFormation starts one task where the template says nothing, moto none.
            resource["Properties"]["DesiredCount"] = 1
    return b"\t" + json.dumps(unrolled | {"Resources": resources}).encode()


@cache
def _loaded() -> Template:
    return load(APPLICATION)


def _plain(node: Any) -> Any:
    """Return a part of the template with names where moto takes no Fn::Sub."""
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if not isinstance(node, dict):
        return node
    if isinstance(name := node.get("Ref"), dict):
        return {"Ref": name["Fn::Sub"]}
    if isinstance(path := node.get("Fn::GetAtt"), list) and isinstance(path[0], dict):
        return {"Fn::GetAtt": [path[0]["Fn::Sub"], *path[1:]]}
    return {key: _plain(value) for key, value in node.items() if key not in _NAMES_THEM}
