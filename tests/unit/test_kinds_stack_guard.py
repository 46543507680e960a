"""The changes that an upgrade of a stack must not make."""

from __future__ import annotations

import pytest

from devops_core.kinds.stack_guard import forbidden_changes
from devops_core.model.stack_change import ChangeSet, PropertyChange, ResourceChange
from tests.lab.fakes.change_sets import dependents

ELB = "AWS::ElasticLoadBalancingV2"
PROTECTED = (
    "AWS::ECS::Service", "AWS::ECS::TaskDefinition", f"{ELB}::Listener", f"{ELB}::TargetGroup",
)  # fmt: skip
PERMANENT = (
    "AWS::ECR::Repository", "AWS::ECS::Cluster", f"{ELB}::LoadBalancer", "AWS::Logs::LogGroup",
)  # fmt: skip
VERBS = {"False": "Modify", "True": "Replace", "Conditional": "Possibly replace"}
IMAGE = PropertyChange("ContainerDefinitions", "ParameterReference", "Image")
ROLE = ResourceChange("Modify", "prod1ExecutionRole", "AWS::IAM::Role", "False")


def forbidden(*changes: ResourceChange) -> list[str]:
    return forbidden_changes(ChangeSet("CREATE_COMPLETE", "AVAILABLE", changes=changes))


@pytest.mark.parametrize(
    "change",
    [
        ROLE,
        ResourceChange("Add", "Topic", "AWS::SNS::Topic"),
        ResourceChange("Add", "worker", "AWS::ECS::Service"),
        ResourceChange("Modify", "Repository", "AWS::ECR::Repository", "False"),
        ResourceChange("Modify", "ProductionLoadBalancer", f"{ELB}::LoadBalancer", "False"),
        ResourceChange("Modify", "devLogGroup", "AWS::Logs::LogGroup", "False"),
    ],
)
def test_new_resources_and_changes_in_place_are_allowed(change: ResourceChange) -> None:
    assert forbidden(change) == []


@pytest.mark.parametrize("resource_type", PROTECTED)
@pytest.mark.parametrize("replacement", ["False", "True", "Conditional"])
def test_a_release_is_never_changed(resource_type: str, replacement: str) -> None:
    verb = VERBS[replacement]
    change = ResourceChange("Modify", "prod1Part", resource_type, replacement, (IMAGE,))
    assert forbidden(change) == [
        f"{verb} prod1Part ({resource_type}): ContainerDefinitions by the parameter Image"
    ]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            ResourceChange("Remove", "Cluster", "AWS::ECS::Cluster"),
            "Remove Cluster (AWS::ECS::Cluster)",
        ),
        (ROLE._replace(replacement="True"), "Replace prod1ExecutionRole (AWS::IAM::Role)"),
        (
            ROLE._replace(replacement="Conditional"),
            "Possibly replace prod1ExecutionRole (AWS::IAM::Role)",
        ),
        (ROLE._replace(replacement=""), "Modify prod1ExecutionRole (AWS::IAM::Role)"),
        (ROLE._replace(action="Import"), "Import prod1ExecutionRole (AWS::IAM::Role)"),
        (ROLE._replace(action="Dynamic"), "Dynamic prod1ExecutionRole (AWS::IAM::Role)"),
        (
            ResourceChange("Add", "Rule", f"{ELB}::ListenerRule"),
            f"Add Rule ({ELB}::ListenerRule)",
        ),
        (
            ResourceChange("Add", "Scaling", "AWS::ApplicationAutoScaling::ScalableTarget"),
            "Add Scaling (AWS::ApplicationAutoScaling::ScalableTarget)",
        ),
    ],
)
def test_removals_replacements_and_unknown_changes_are_forbidden(
    change: ResourceChange, text: str
) -> None:
    assert forbidden(change) == [text]


def test_references_to_a_resource_that_is_changed_in_place_are_no_changes() -> None:
    assert forbidden(*reversed(dependents("prod1")), ROLE) == []


def test_a_reference_to_two_resources_that_are_changed_in_place_is_no_change() -> None:
    """The service refers to the role too, which no other resource causes to be listed."""
    definition, service = dependents("prod1")
    role = PropertyChange("Role", "ResourceReference", "prod1ExecutionRole", dynamic=True)
    service = service._replace(details=(*service.details, role))
    assert forbidden(ROLE, definition, service) == []


@pytest.mark.parametrize(
    ("details", "text"),
    [
        ((PropertyChange("Tags", "Automatic", "Nested"),), "Tags"),
        ((PropertyChange("Tags", "ParameterReference"),), "Tags"),
        ((PropertyChange("Tags"), IMAGE), "Tags, ContainerDefinitions by the parameter Image"),
    ],
)
def test_a_forbidden_change_names_its_properties_and_their_known_causes(
    details: tuple[PropertyChange, ...], text: str
) -> None:
    change = ROLE._replace(replacement="True", details=details)
    assert forbidden(change) == [f"Replace prod1ExecutionRole (AWS::IAM::Role): {text}"]


def test_references_to_a_replaced_resource_are_changes() -> None:
    found = forbidden(ROLE._replace(replacement="True"), *dependents("prod1"))
    assert found == [
        "Replace prod1ExecutionRole (AWS::IAM::Role)",
        "Possibly replace prod1TaskDefinition (AWS::ECS::TaskDefinition):"
        " ExecutionRoleArn by the attribute prod1ExecutionRole.Arn",
        "Modify prod1Service (AWS::ECS::Service):"
        " TaskDefinition by the resource prod1TaskDefinition",
    ]


@pytest.mark.parametrize(
    "detail",
    [
        IMAGE,
        PropertyChange("Tags", "ResourceAttribute", "prod1ExecutionRole.RoleId", dynamic=True),
        PropertyChange("Tags", "ResourceAttribute", "prod1ExecutionRole.Arn"),
        PropertyChange("Tags", "DirectModification", dynamic=True),
    ],
)
def test_one_other_reason_is_a_change(detail: PropertyChange) -> None:
    definition, _ = dependents("prod1")
    both = definition._replace(details=(*definition.details, detail))
    assert len(forbidden(ROLE, both)) == 1


@pytest.mark.parametrize("resource_type", [*PROTECTED, *PERMANENT])
@pytest.mark.parametrize(
    ("action", "replacement"), [("Remove", ""), ("Modify", "True"), ("Modify", "Conditional")]
)
def test_the_parts_of_an_application_are_never_removed_or_replaced(
    resource_type: str, action: str, replacement: str
) -> None:
    part = ResourceChange(action, "prod1Part", resource_type, replacement)
    verb = VERBS.get(replacement, action)
    assert forbidden(ROLE, part) == [f"{verb} prod1Part ({resource_type})"]


@pytest.mark.parametrize("resource_type", PERMANENT)
def test_a_resource_that_the_stack_policy_does_not_protect_is_not_replaced_by_a_reference(
    resource_type: str,
) -> None:
    details = (PropertyChange("Name", "ResourceReference", "prod1ExecutionRole", dynamic=True),)
    in_place = ResourceChange("Modify", "Part", resource_type, "False", details)
    assert forbidden(ROLE, in_place) == []
    conditional = in_place._replace(replacement="Conditional")
    assert forbidden(ROLE, conditional) == [
        f"Possibly replace Part ({resource_type}): Name by the resource prod1ExecutionRole"
    ]


@pytest.mark.parametrize(
    ("resource_type", "attribute", "allowed"),
    [
        ("AWS::IAM::Role", "Arn", True),
        ("AWS::Logs::LogGroup", "Arn", True),
        ("AWS::Lambda::Version", "Arn", False),
        ("AWS::IAM::Role", "RoleId", False),
        (f"{ELB}::LoadBalancer", "DNSName", False),
        ("AWS::SSM::Parameter", "Value", False),
    ],
)
def test_only_attributes_that_cannot_change_in_place_keep_their_value(
    resource_type: str, attribute: str, *, allowed: bool
) -> None:
    changed = ResourceChange("Modify", "Other", resource_type, "False")
    cause = f"Other.{attribute}"
    detail = PropertyChange("TaskRoleArn", "ResourceAttribute", cause, dynamic=True)
    definition = ResourceChange(
        "Modify", "prod1TaskDefinition", "AWS::ECS::TaskDefinition", "Conditional", (detail,)
    )
    assert (forbidden(changed, definition) == []) is allowed


def test_another_change_of_a_resource_that_is_also_listed_as_a_reference_is_forbidden() -> None:
    _, service = dependents("prod1")
    assert len(forbidden(ROLE, *dependents("prod1"), service._replace(details=()))) == 1


def test_a_static_replacement_is_not_the_result_of_a_reference() -> None:
    definition, service = dependents("prod1")
    assert len(forbidden(ROLE, definition._replace(replacement="True"), service)) == 2
