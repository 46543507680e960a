"""The permissions that the role of each function grants."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.infra.reference import holds, listed
from tests.lab.fakes import ACCOUNT, REGION, settings
from tests.lab.templates import Template
from tools.laptop.calls import Permission

_OWN_LOG = ("logs:CreateLogStream", "logs:PutLogEvents")
_PSEUDO = {"Partition": "aws", "Region": REGION, "AccountId": ACCOUNT}


@dataclass(frozen=True, slots=True)
class Grant:
    """One action on one pattern of resources, under conditions."""

    action: str
    resource: str
    conditions: Mapping[str, Mapping[str, Sequence[str]]]

    def allows(self, permission: Permission) -> bool:
        """Whether the grant includes a permission."""
        return (
            self.action == permission.action
            and matches(self.resource, permission.resource)
            and all(
                holds(operator, key, values, permission.keys)
                for operator, keys in self.conditions.items()
                for key, values in keys.items()
            )
        )

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


def grants(template: Template, function: str) -> list[Grant]:
    """Return the grants of a function's role, except those for its own log."""
    resources = template["Resources"]
    logical = f"{function[0].upper()}{function[1:]}"
    (role, attribute) = resources[f"{logical}LambdaFunction"]["Properties"]["Role"]["Fn::GetAtt"]
    assert attribute == "Arn"
    (policy,) = resources[role]["Properties"]["Policies"]
    return [
        grant
        for statement in policy["PolicyDocument"]["Statement"]
        for grant in _grants(statement)
        if grant.action not in _OWN_LOG
    ]


def _grants(statement: Mapping[str, Any]) -> Iterator[Grant]:
    assert statement["Effect"] == "Allow"
    conditions = {
        operator: {key: [_text(each) for each in listed(value)] for key, value in keys.items()}
        for operator, keys in statement.get("Condition", {}).items()
    }
    for action in statement["Action"]:
        for resource in listed(statement["Resource"]):
            yield Grant(action, _text(resource), conditions)


def _text(value: Any) -> str:
    """Return an ARN with its pseudo parameters filled in."""
    if value == {"Fn::GetAtt": ["StackRole", "Arn"]}:
        return settings().stack_role
    text = value["Fn::Sub"] if isinstance(value, dict) else str(value)
    # The account and region of a bucket are in its name.
    text = re.sub(r"ecs-cf-bucket-[0-9]{12}-[a-z0-9-]+", settings().template_bucket, text)
    return re.sub(r"\$\{AWS::(\w+)\}", lambda found: _PSEUDO[found[1]], text)


def matches(pattern: str, resource: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), resource) is not None
