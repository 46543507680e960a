"""The largest specification fits into the resources of an application: sizes that AWS limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from devops_core import render
from devops_core.naming import PRODUCTION, environment_name
from devops_core.render import SECRETS_PARAMETER
from devops_core.requests import fields, specification_rules
from devops_core.requests.task_settings import MAX_SECRET_BYTES
from tests.infra.test_application_template import ALL, LONGEST_NAME
from tests.lab.templates import APPLICATION, Template, literal, load, of_type, unroll

# Characters of all inline policies of a role, without white space (IAM User Guide, "IAM and STS
# character limits").
MOST_OF_POLICIES = 10_240
# UTF-8 bytes of the value of a parameter (CloudFormation User Guide, "Understand CloudFormation
# quotas").
MOST_OF_PARAMETER = 4096
# The longest names that AWS has.
ACCOUNT, REGION, PARTITION = "123456789012", "ap-southeast-1", "aws-us-gov"
ROLE = f"arn:{PARTITION}:iam::{ACCOUNT}:role/"
# The shortest ARN of a secret: quotation marks and commas have the largest part then.
SHORTEST = f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/"
IMAGE = "x" * (fields.LONGEST_IMAGE + len("@sha256:") + 64)
# The members that ECS adds to a container (response of RegisterTaskDefinition).
ADDED = {"cpu": 0, "mountPoints": [], "volumesFrom": [], "systemControls": []}


@pytest.fixture(scope="module")
def template() -> Template:
    return unroll(load(APPLICATION), {"Environments": ALL})


def arns(size: int) -> list[str]:
    """Return as many ARNs as possible that have a size together, with commas."""
    count = size // (len(SHORTEST) + 3)
    return [f"{SHORTEST}{number:02}" for number in range(count)]


# The ECR of the installation, and ten further ones in allowedregistries; ten secretkeys
# (serverless/parameters-schema.js).
REPOSITORIES = [f"arn:{PARTITION}:ecr:{REGION}:{ACCOUNT}:repository/*"] * 11
KEYS = [f"arn:{PARTITION}:kms:{REGION}:{ACCOUNT}:key/{'x' * 36}"] * 10
LISTS = {
    **{f"{name}{SECRETS_PARAMETER}": arns(MAX_SECRET_BYTES) for name in (*ALL, "prod")},
    "ImageRepositories": REPOSITORIES,
    "SecretKeyArns": KEYS,
}
VALUES = {
    "AWS::StackName": LONGEST_NAME,
    "AWS::Region": REGION,
    "AWS::Partition": PARTITION,
    "AWS::AccountId": ACCOUNT,
    "Image": IMAGE,
    "Cpu": "16384",
    "Memory": "122880",
    "ContainerPort": "65535",
    "CpuArchitecture": "X86_64",
}


def filled(node: Any) -> Any:
    """Return a part of the template with the longest values."""
    if isinstance(node, list):
        return [filled(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "Fn::GetAtt" in node:
        return ROLE + "x" * (512 + 64)
    name = node.get("Ref")
    if name in LISTS:
        return LISTS[name]
    if name is not None and name not in VALUES:
        return "x" * 128
    if node.keys() & {"Ref", "Fn::Sub", "Fn::Join"}:
        return literal(node, VALUES)
    return {key: filled(value) for key, value in node.items()}


def compact(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def test_the_rest_of_a_task_definition_fits_into_its_reserve(template: Template) -> None:
    reserve = render.MAX_TASK_DEFINITION_BYTES - specification_rules.MAX_SETTINGS_BYTES
    for properties in of_type(template, "AWS::ECS::TaskDefinition").values():
        definition = filled({name: properties[name] for name in properties if name != "Tags"})
        definition["ContainerDefinitions"][0] |= ADDED
        definition["TaskRoleArn"] = ROLE + "x" * (512 + 64)
        assert compact(definition) < reserve


def test_the_policies_of_a_role_have_the_longest_lists(template: Template) -> None:
    names = {environment_name(PRODUCTION[0]), *ALL}
    secrets = {f"{name}{SECRETS_PARAMETER}" for name in names}
    assert secrets == LISTS.keys() - {"ImageRepositories", "SecretKeyArns"}
    for name, values in LISTS.items():
        unused = MOST_OF_PARAMETER - len(",".join(values))
        assert unused >= 0, name
        assert unused < len(SHORTEST) + 3 or name not in secrets, name
    assert MAX_SECRET_BYTES <= MOST_OF_PARAMETER
    separate = [*of_type(template, "AWS::IAM::RolePolicy").values()]
    for logical_id, role in of_type(template, "AWS::IAM::Role").items():
        own = [each for each in separate if _role_of(each) == logical_id]
        policies = [each["PolicyDocument"] for each in (*role.get("Policies", ()), *own)]
        assert len(policies) == 3, logical_id
        assert sum(compact(filled(each)) for each in policies) <= MOST_OF_POLICIES, logical_id


def _role_of(policy: Mapping[str, Any]) -> str:
    return str(literal(policy["RoleName"]["Ref"], {}))
