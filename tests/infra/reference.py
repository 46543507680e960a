"""The statements of a template's policies, and their resources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from tests.lab.templates import Template, literal, of_type

Statement = Mapping[str, Any]
VALUES = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "012345678901",
    "AWS::StackName": "Shop",
}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(template: Template) -> list[Statement]:
    """Return the statements of all policies and boundaries of a template.

    They include the optional ones, which are the first value of Fn::If.
    """
    documents = [policy["PolicyDocument"] for policy in _policies(template)]
    found = [statement for document in documents for statement in listed(document["Statement"])]
    return [each["Fn::If"][1] if "Fn::If" in each else each for each in found]


def resources(statement: Statement, samples: Mapping[str, Any]) -> list[str]:
    """Return the ARNs of a statement; `samples` has those of each Ref and Fn::GetAtt."""
    found = []
    for node in listed(statement["Resource"]):
        name = node.get("Ref") or node.get("Fn::GetAtt") if isinstance(node, dict) else None
        if isinstance(name, list):
            name = literal(name[0], VALUES)
        found += listed(samples[name] if name else literal(node, VALUES))
    return found


def holds(operator: str, key: str, values: Sequence[str], keys: Mapping[str, Any]) -> bool:
    """Return whether a condition holds for the condition keys of a request.

    Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Multivalued context
    keys". A negated operator, ForAllValues and IfExists are true without the key. A key with
    several values requires a set operator; without one its result is not defined, so the test
    fails.
    """
    if operator == "Null":
        return (key not in keys) == (values[0] == "true")
    if operator.endswith("IfExists") and key not in keys:
        return True
    quantifier, _, comparison = operator.removesuffix("IfExists").rpartition(":")
    actual = keys.get(key)
    assert isinstance(actual, list) <= bool(quantifier), f"{operator} for {key}, a list"
    if actual is None:
        return quantifier == "ForAllValues" or "Not" in comparison
    if quantifier:
        assert quantifier == "ForAllValues"
        return all(_compares(comparison, each, values) for each in listed(actual))
    return _compares(comparison, actual, values)


def _compares(comparison: str, actual: str, values: Sequence[str]) -> bool:
    if comparison in ("StringEquals", "Bool"):
        return actual in values
    if comparison == "StringLike":
        return any(fnmatchcase(actual, value) for value in values)
    if comparison == "StringNotLike":
        return not any(fnmatchcase(actual, value) for value in values)
    assert comparison == "StringNotEqualsIgnoreCase", comparison
    return actual.lower() not in [value.lower() for value in values]


def _policies(template: Template) -> Iterator[Mapping[str, Any]]:
    for role in of_type(template, "AWS::IAM::Role").values():
        yield from role.get("Policies", ())
    for kind in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy"):
        yield from of_type(template, kind).values()
