"""The properties that replace a resource on the laptop cloud, compared with AWS's schemas."""

from __future__ import annotations

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tools.laptop.replacements import REPLACING_PROPERTIES


@pytest.mark.parametrize("kind", sorted(REPLACING_PROPERTIES))
def test_the_properties_are_those_of_the_published_schema(kind: str) -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", kind).schema
    published = {each.removeprefix("/properties/") for each in schema["createOnlyProperties"]}
    assert {*REPLACING_PROPERTIES[kind]} == published
