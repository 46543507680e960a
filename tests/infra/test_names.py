"""The names of the resources, stacks and addresses of two applications never collide."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from hypothesis import example, given
from hypothesis import strategies as st

from devops_core.naming import (
    APPLICATION_NAME,
    DEPLOYABLE,
    SLOTS,
    family,
    repository_name,
    service_name,
)
from tests.lab.templates import APPLICATION, literal, load, of_type, unroll

ENVIRONMENTS = [*map(service_name, DEPLOYABLE)]
TEMPLATE = unroll(load(APPLICATION), {"Environments": ENVIRONMENTS})
# Policies are part of their roles, so other roles can have the same ones.
_WITHOUT_OWN_NAME = {"AWS::IAM::RolePolicy"}
# The rules of AWS that its resource schemas do not contain: ELBv2 API, CreateLoadBalancer and
# CreateTargetGroup; ECS API, CreateCluster, CreateService and RegisterTaskDefinition;
# CloudFormation API, CreateStack.
_RULES = {
    "AWS::ElasticLoadBalancingV2::LoadBalancer":
        r"(?!(?i:internal)-)[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?",
    "AWS::ElasticLoadBalancingV2::TargetGroup": r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?",
    "AWS::ECS::Cluster": r"[A-Za-z0-9_-]{1,255}",
    "AWS::ECS::Service": r"[A-Za-z0-9_-]{1,255}",
    "AWS::ECS::TaskDefinition": r"[A-Za-z0-9_-]{1,255}",
    "stack": r"[A-Za-z][A-Za-z0-9-]{0,127}",
    # RFC 1123, section 2.1: the first label of an address.
    "address": r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?",
}  # fmt: skip


class Name(NamedTuple):
    """A name, and the resource type or other namespace in which it must be unique."""

    space: str
    text: str


def declared(application: str) -> Iterator[tuple[str, str, str]]:
    """Yield the type, the property and the value of each name in the application template."""
    values = {"AWS::StackName": application, "RepositoryName": repository_name(application)}
    for resource in TEMPLATE["Resources"].values():
        if resource["Type"] in _WITHOUT_OWN_NAME:
            continue
        for key, node in resource["Properties"].items():
            if key == "Family" or key.endswith("Name"):
                yield resource["Type"], key, literal(node, values)


def names(application: str) -> Iterator[Name]:
    """Yield the names of an application in lower case, because some of AWS ignore the case."""
    yield Name("stack", application.lower())
    for kind, _, text in declared(application):
        # Names of services are unique in their cluster.
        own = f"{application}/{text}" if kind == "AWS::ECS::Service" else text
        yield Name(kind, own.lower())
        if kind == "AWS::ElasticLoadBalancingV2::LoadBalancer":
            # ELB adds an id of its own after these names.
            yield Name("address of ELB", text.lower())
            yield Name("address of ELB", f"internal-{text}".lower())
    yield Name("address", application.lower())
    for each in ("idle", "prod", *ENVIRONMENTS, *SLOTS):
        yield Name("address", f"{application}-{each}".lower())


def related(name: str) -> st.SearchStrategy[str]:
    """Return names that begin or end like another name."""
    words = ["a", "1", "internal", "deploy", "idle", "prod", *ENVIRONMENTS, *SLOTS]
    longer = [*(f"{name}-{word}" for word in words), *(f"{word}-{name}" for word in words)]
    parts = [name[:end] for end in range(2, len(name))] + [name[at:] for at in range(1, len(name))]
    valid = [each for each in longer + parts if APPLICATION_NAME.fullmatch(each)]
    return st.sampled_from(valid or [name])


APPLICATIONS = st.from_regex(APPLICATION_NAME, fullmatch=True)


@given(APPLICATIONS)
@example("A" * 22)
@example("A" * 20 + "-b")
def test_aws_accepts_all_names_of_an_application(application: str) -> None:
    for kind, key, text in declared(application):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
        rule: dict[str, Any] = schema["properties"][key]
        assert re.search(rule.get("pattern", ""), text), (kind, text)
        assert rule.get("minLength", 1) <= len(text) <= rule.get("maxLength", 255), (kind, text)
        assert re.fullmatch(_RULES.get(kind, ".*"), text), (kind, text)
    for space, text in names(application):
        if space in ("stack", "address"):
            assert re.fullmatch(_RULES[space], text), (space, text)


def test_names_that_cloudformation_generates_fit() -> None:
    # CloudFormation User Guide, "Name type": stack, logical id and 12 or 13 random characters.
    roles = of_type(TEMPLATE, "AWS::IAM::Role")
    assert not any("RoleName" in properties for properties in roles.values())
    assert max(len(f"{'A' * 22}-{logical}-{'x' * 13}") for logical in roles) <= 64


@given(st.data())
def test_two_applications_have_no_common_name(data: st.DataObject) -> None:
    first = data.draw(APPLICATIONS)
    second = data.draw(st.one_of(APPLICATIONS, related(first)))
    if first.lower() != second.lower():
        assert not {*names(first)} & {*names(second)}


def test_no_combination_of_words_has_a_common_name() -> None:
    words = ["a", "b", "dev", "qa", "stage", "training", "da", "prod", "1", "2", "idle", "internal"]
    combined = ("-".join(each) for n in (1, 2, 3, 4) for each in itertools.product(words, repeat=n))
    valid = [name for name in combined if APPLICATION_NAME.fullmatch(name)]
    assert {"a-b", "prod-1", "a-1-b", "dev-a", "a-dev-prod-b"} <= {*valid}
    owners = Counter(name for application in valid for name in {*names(application)})
    assert [name for name, count in owners.items() if count > 1] == []


@pytest.mark.parametrize("refused", ["shop-idle", "internal-shop", *map("shop-{}".format, SLOTS)])
def test_these_checks_find_the_collisions_of_refused_names(refused: str) -> None:
    assert not APPLICATION_NAME.fullmatch(refused)
    assert {*names("shop")} & {*names(refused)}


@pytest.mark.parametrize("service", [*ENVIRONMENTS, *SLOTS])
def test_the_service_and_the_template_use_the_same_names(service: str) -> None:
    texts = {(kind, text) for kind, _, text in declared("my-Shop")}
    assert ("AWS::ECS::TaskDefinition", family("my-Shop", service)) in texts
    assert ("AWS::ECS::Service", service) in texts
    assert ("AWS::ECR::Repository", "my-shop") in texts


def test_a_role_of_an_application_has_no_pattern_that_contains_its_name() -> None:
    policies = [
        properties[key]
        for kind, key in (
            ("AWS::IAM::Role", "Policies"),
            ("AWS::IAM::RolePolicy", "PolicyDocument"),
        )
        for properties in of_type(TEMPLATE, kind).values()
        if key in properties
    ]
    assert policies
    assert "AWS::StackName" not in json.dumps(policies)
