"""`devops init`: its tables against the models of AWS, its documents against the rules of create.

The judges are botocore's models and the declarations of the service.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.model import Shape
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devops_cli import documents
from devops_cli.translation import limits, service_members, task_members, written
from devops_cli.translation.facts import Described, Note
from devops_cli.translation.members import Table
from devops_cli.translation.translate import translate
from devops_core.requests import schema
from devops_core.requests.container_settings import RESERVED_VARIABLES
from devops_core.requests.create import CREATE
from tests.contract.test_request_rules import FIELDS, FULL, faults, put
from tests.lab import existing

SESSION = botocore.session.get_session()
# Each table with the client and the shapes that have its members.
TABLES: list[tuple[Table, str, tuple[str, ...]]] = [
    (task_members.TASK_DEFINITION, "ecs", ("TaskDefinition", "RegisterTaskDefinitionRequest")),
    (task_members.RUNTIME_PLATFORM, "ecs", ("RuntimePlatform",)),
    (task_members.APPLICATION, "ecs", ("ContainerDefinition",)),
    (task_members.SIDECAR, "ecs", ("ContainerDefinition",)),
    (task_members.PORT_MAPPING, "ecs", ("PortMapping",)),
    (task_members.HEALTH_CHECK, "ecs", ("HealthCheck",)),
    (task_members.LOG_CONFIGURATION, "ecs", ("LogConfiguration",)),
    (task_members.FIRELENS_CONFIGURATION, "ecs", ("FirelensConfiguration",)),
    (service_members.SERVICE, "ecs", ("Service", "CreateServiceRequest")),
    (service_members.DEPLOYMENT, "ecs", ("Deployment",)),
    (service_members.DEPLOYMENT_CONFIGURATION, "ecs", ("DeploymentConfiguration",)),
    (service_members.LOAD_BALANCER, "ecs", ("LoadBalancer",)),
    (service_members.AWSVPC_CONFIGURATION, "ecs", ("AwsVpcConfiguration",)),
    (service_members.TARGET_GROUP, "elbv2", ("TargetGroup",)),
    (service_members.ELB, "elbv2", ("LoadBalancer",)),
    (service_members.SCALABLE_TARGET, "application-autoscaling", ("ScalableTarget",)),
    (service_members.SCALING_POLICY, "application-autoscaling", ("ScalingPolicy",)),
    (
        service_members.TARGET_TRACKING,
        "application-autoscaling",
        ("TargetTrackingScalingPolicyConfiguration",),
    ),
]
# Shapes whose documents the service accepts as they are, with a name, a team and an address.
ACCEPTED = ["efs", "gpu", "scaled", "web", "windows"]


def shape(service: str, name: str) -> Any:
    return SESSION.get_service_model(service).shape_for(name)


def marks(notes: Iterator[Note] | Any) -> set[str]:
    """Return the fields of notes, as the service names them."""
    return {".".join(map(str, each.at)) for each in notes}


@pytest.mark.parametrize(
    ("table", "service", "shapes"), TABLES, ids=[each[2][0] for each in TABLES]
)
def test_a_table_has_exactly_the_members_of_its_shape(
    table: Table, service: str, shapes: tuple[str, ...]
) -> None:
    members = {name for each in shapes for name in shape(service, each).members}
    assert members == table.keys()


def test_each_treatment_has_one_result() -> None:
    for table, _, shapes in TABLES:
        for name, each in table.items():
            assert bool(each.field) != bool(each.reason), (shapes, name)
            assert not (each.field and each.remedy), (shapes, name)


def declared(path: str) -> bool:
    """Return whether a create has a field."""
    found: schema.Type = CREATE
    for name in path.split("."):
        if isinstance(found, schema.Objects):
            found = found.item
        if not isinstance(found, schema.Object) or name not in found.members:
            return False
        found = found.members[name].type
    return True


def test_each_field_of_a_table_exists() -> None:
    fields = {
        field
        for table, _, _ in TABLES
        for each in table.values()
        for field in each.field.split(", ")
        if field
    }
    assert len(fields) > 20
    assert [each for each in fields if not declared(each)] == []


@pytest.mark.parametrize("name", existing.ALL)
def test_a_shape_is_one_that_aws_describes(name: str) -> None:
    found = existing.described(name)
    lists = {
        ("elbv2", "TargetGroup"): found.target_groups,
        ("elbv2", "LoadBalancer"): found.load_balancers,
        ("application-autoscaling", "ScalableTarget"): found.scalable_targets,
        ("application-autoscaling", "ScalingPolicy"): found.scaling_policies,
        ("ecs", "TaskDefinition"): [found.definition],
        ("ecs", "RegisterTaskDefinitionRequest"): [existing.register_request(name)],
        ("ecs", "Service"): [found.service],
    }
    for (service, kind), values in lists.items():
        for each in values:
            expected: Shape = shape(service, kind)
            report = ParamValidator().validate(each, expected)
            assert not report.has_errors(), report.generate_report()


@pytest.mark.parametrize("name", existing.ALL)
def test_the_service_refuses_only_marked_fields(name: str) -> None:
    found = translate(existing.described(name), team="platform", email="team@example.com")
    refused = faults("create", found.document, {"account": existing.ACCOUNT, "partition": "aws"})
    assert {field for field, _ in refused} <= marks(found.notes), refused
    assert not (refused and name in ACCEPTED)


@pytest.mark.parametrize("name", existing.ALL)
def test_the_file_has_the_document_and_each_note_at_its_line(name: str, tmp_path: Any) -> None:
    described = existing.described(name)
    found = translate(described)
    content, lines = written.text(found, written.head(described))
    file = tmp_path / "app.yml"
    file.write_text(content)
    assert documents.read(str(file)).content == found.document
    shown = content.splitlines()
    assert max(map(len, shown)) <= 200
    for line, note in zip(lines, found.notes, strict=True):
        assert shown[line - 1].lstrip().startswith(f"# {note.place}"), note


def described(shape: Any) -> st.SearchStrategy[Any]:
    """Return values of a shape of AWS: all required members, and some of the others."""
    if shape.type_name == "structure":
        members = {name: described(inner) for name, inner in shape.members.items()}
        required = {name: members.pop(name) for name in shape.required_members}
        return st.fixed_dictionaries(required, optional=members)
    if shape.type_name == "list":
        return st.lists(described(shape.member), max_size=2)
    if shape.type_name == "map":
        return st.dictionaries(_WORDS, described(shape.value), max_size=2)
    if shape.type_name == "string" and shape.enum:
        return st.sampled_from(shape.enum)
    return _SCALARS.get(shape.type_name, _WORDS)


_WORDS = st.sampled_from(["", "a", "app", "PORT", "arn:aws:iam::012345678901:role/a", "x:1", "ü\n"])
_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "integer": st.integers(-1, 70_000),
    "double": st.floats(0, 100),
}


def containers_of(definition: dict[str, Any]) -> dict[str, Any]:
    """Return a definition with containers as ECS requires them: at least one, with other names."""
    found = [
        {**each, "name": f"c{n}", "image": each.get("image", "a")}
        for n, each in enumerate(definition.get("containerDefinitions", ()))
    ]
    return definition | {"containerDefinitions": found or [{"name": "c", "image": "a"}]}


@settings(
    max_examples=150, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(
    described(shape("ecs", "TaskDefinition")),
    described(shape("ecs", "Service")),
    st.lists(described(shape("elbv2", "TargetGroup")), max_size=1),
)
def test_no_member_of_any_description_is_dropped(
    definition: dict[str, Any], service: dict[str, Any], groups: list[dict[str, Any]]
) -> None:
    definition = containers_of(definition)
    for balanced in service.get("loadBalancers", ()):
        balanced["containerName"] = definition["containerDefinitions"][0]["name"]
    found = translate(Described(definition, service, target_groups=groups))
    written.text(found, [])
    places = {each.place for each in found.notes}
    parts = [
        (task_members.TASK_DEFINITION, definition, ""),
        (service_members.SERVICE, service, "service."),
    ]
    sidecars = {each["name"] for each in found.document["service"].get("sidecars", ())}
    for each in definition["containerDefinitions"]:
        table = task_members.SIDECAR if each["name"] in sidecars else task_members.APPLICATION
        parts.append((table, each, f"containerDefinitions.{each['name']}."))
    for table, values, prefix in parts:
        for name, value in values.items():
            if table[name].remedy and value and value not in table[name].usual:
                assert f"{prefix}{name}" in places


_OF_SERVICE = [
    (path.removeprefix("create."), values)
    for path, values in FIELDS.items()
    if path.startswith("create.service.")
]


@pytest.mark.parametrize(("path", "values"), _OF_SERVICE, ids=[each[0] for each in _OF_SERVICE])
def test_the_rules_of_the_command_line_are_those_of_the_service(path: str, values: Any) -> None:
    def notes(value: Any) -> list[Note]:
        return list(limits.invalid_values(put({}, path, value)["service"]))

    for value in values.valid:
        assert notes(value) == []
    for message, examples in values.invalid.items():
        for value in examples:
            if type(value) is values.json_type and not isinstance(value, dict | list):
                reasons = {each.reason for each in notes(value)}
                # The message of a choice also repeats its value.
                assert reasons == {message} or values.wrong_type in reasons, value


def test_a_complete_specification_has_no_invalid_value() -> None:
    assert list(limits.invalid_values(FULL["service"])) == []
    assert set(limits.rules()["reserved"]) == RESERVED_VARIABLES
    (found,) = limits.invalid_values({"sidecars": [{"name": "app"}]})
    assert found.at == ("service", "sidecars", 0, "name")
