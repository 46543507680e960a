"""The guard of upgrades, compared with the schemas of resources that AWS publishes."""

from __future__ import annotations

from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from devops_core.kinds.stack_guard import forbidden_changes
from devops_core.model.stack_change import ChangeSet, PropertyChange, ResourceChange
from tests.lab.templates import APPLICATION, load, unroll

TYPES = sorted(
    {
        resource["Type"]
        for resource in unroll(load(APPLICATION), {"Environments": ["dev"]})["Resources"].values()
    }
)
# All properties that the ARN of a type contains, beside the account and the region.
ARNS = {"AWS::IAM::Role": {"Path", "RoleName"}, "AWS::Logs::LogGroup": {"LogGroupName"}}


def schema(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", kind).schema
    return found


def properties(kind: str, member: str) -> set[str]:
    return {each.removeprefix("/properties/") for each in schema(kind).get(member, ())}


@pytest.mark.parametrize("kind", TYPES)
def test_the_id_of_a_resource_changes_only_with_its_replacement(kind: str) -> None:
    constant = properties(kind, "createOnlyProperties") | properties(kind, "readOnlyProperties")
    assert properties(kind, "primaryIdentifier") <= constant


@pytest.mark.parametrize("kind", sorted(ARNS))
def test_the_parts_of_an_arn_change_only_with_a_replacement(kind: str) -> None:
    assert "Arn" in properties(kind, "readOnlyProperties")
    assert ARNS[kind] <= properties(kind, "createOnlyProperties")


@pytest.mark.parametrize("kind", TYPES)
def test_the_guard_trusts_only_these_arns(kind: str) -> None:
    changed = ResourceChange("Modify", "Other", kind, "False")
    detail = PropertyChange("Value", "ResourceAttribute", "Other.Arn", dynamic=True)
    reader = ResourceChange("Modify", "Part", "AWS::ECS::TaskDefinition", "Conditional", (detail,))
    found = forbidden_changes(ChangeSet("CREATE_COMPLETE", changes=(changed, reader)))
    assert any("Part" in each for each in found) is (kind not in ARNS)
