"""Every policy of both templates, against AWS's Service Authorization Reference."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.conftest import Packaged
from tests.infra.reference import Statement, faults, overlap, statements
from tests.lab.templates import APPLICATION, Template, load, of_type, unroll

ROLE = "arn:aws:iam::012345678901:role/Stack"
LOG_GROUP = "arn:aws:logs:eu-west-1:012345678901:log-group:/ecs/Shop/dev:*"
SAMPLES = {
    "SecretArns": [
        "arn:aws:secretsmanager:eu-west-1:012345678901:secret:db-AbCdEf",
        "arn:aws:ssm:eu-west-1:012345678901:parameter/team/key",
    ]
}


def samples(template: Template) -> dict[str, Any]:
    """Return an ARN for each resource that a policy may name."""
    roles = dict.fromkeys(of_type(template, "AWS::IAM::Role"), ROLE)
    return SAMPLES | roles | dict.fromkeys(of_type(template, "AWS::Logs::LogGroup"), LOG_GROUP)


def test_aws_knows_what_the_service_is_allowed(packaged: Packaged) -> None:
    template = packaged.template
    assert [f for each in statements(template) for f in faults(each, samples(template))] == []


def test_aws_knows_what_an_application_is_allowed() -> None:
    template = unroll(load(APPLICATION), {"Environments": ["dev"]})
    assert [f for each in statements(template) for f in faults(each, samples(template))] == []


QUEUE = "arn:aws:sqs:eu-west-1:012345678901:queue"
TABLE = "arn:aws:dynamodb:eu-west-1:012345678901:table/Shop"
WRONG: list[tuple[Statement, str]] = [
    ({"Action": "dynamodb:ReadItem", "Resource": TABLE}, "dynamodb:ReadItem is no action"),
    ({"Action": "nosuch:Read", "Resource": "*"}, "nosuch:Read is no action"),
    ({"Action": "dynamodb:PutItem", "Resource": "*"},
     "dynamodb:PutItem knows a resource, and is allowed on all"),
    ({"Action": "dynamodb:PutItem", "Resource": QUEUE}, f"dynamodb:PutItem is not for {QUEUE}"),
    ({"Action": "dynamodb:PutItem", "Resource": [TABLE, QUEUE]}, f"{QUEUE} is of no action"),
    ({"Action": "ecs:DeregisterTaskDefinition", "Resource": TABLE},
     "ecs:DeregisterTaskDefinition knows no resource, and is allowed on some"),
    ({"Action": "iam:TagRole", "Resource": ROLE,
      "Condition": {"StringEquals": {"iam:PermissionsBoundary": "x"}}},
     "iam:TagRole knows no iam:PermissionsBoundary"),
    ({"Action": "ecs:RegisterTaskDefinition", "Resource": "arn:aws:ecs:*:*:task-definition/*",
      "Condition": {"Null": {"ecs:cluster": "false"}}},
     "ecs:RegisterTaskDefinition knows no ecs:cluster"),
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
