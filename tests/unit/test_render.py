"""The requests to AWS, checked by the service models of the SDK."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from devops_core import render
from devops_core.model.inventory import Application
from devops_core.model.service_spec import ServiceOverride, ServiceSpec
from devops_core.naming import Image
from devops_core.settings import Settings
from tests.lab.builders import ID, operation, part
from tests.lab.environment import VARIABLES
from tests.lab.templates import ROOT, load, unroll

SETTINGS = Settings.from_environment(VARIABLES)
APPLICATION = Application(
    name="MyApp",
    technical_team="Core",
    email="a@example.com",
    tags={"technicalTeam": "Core", "cost": "7"},
)
PARTS = (part("da"), part("qa"), part("dev"), part("prod-1"), part("prod-2"))
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"  # noqa: S105 - a name
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter/team/key"
DIGEST = "sha256:" + "0" * 64
DEFAULTS = ServiceSpec()
BASE: dict[str, Any] = {
    "family": "MyApp-dev",
    "executionRoleArn": "arn:aws:iam::123456789012:role/devops-ecs/x",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [
        {
            "name": "app",
            "image": "start:1.0",
            "environment": [
                {"name": "APPLICATION", "value": "MyApp"},
                {"name": "ENVIRONMENT", "value": "dev"},
            ],
            "secrets": [{"name": "KEY", "valueFrom": PARAMETER}],
        },
        {"name": "sidecar", "image": "proxy:2"},
    ],
}


@cache
def model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def faults(service: str, call: str, request: Mapping[str, Any]) -> str:
    shape = model(service).operation_model(call).input_shape
    return str(ParamValidator().validate(request, shape).generate_report())


def sent(
    spec: ServiceSpec = DEFAULTS,
    template: bytes = b"Resources: {}",
    overrides: Mapping[str, ServiceOverride] = {},
    url: str | None = None,
) -> dict[str, Any]:
    create = operation("create", *PARTS, service=spec, overrides=overrides)
    return render.stack(create, APPLICATION, SETTINGS, template, url)


def pairs(listed: list[dict[str, str]], key: str, value: str) -> dict[str, str]:
    assert all(set(each) == {key, value} for each in listed)
    return {each[key]: each[value] for each in listed}


def parameters(
    spec: ServiceSpec = DEFAULTS, overrides: Mapping[str, ServiceOverride] = {}
) -> dict[str, str]:
    return pairs(sent(spec, overrides=overrides)["Parameters"], "ParameterKey", "ParameterValue")


def test_the_request_of_create_stack_matches_its_model() -> None:
    assert faults("cloudformation", "CreateStack", sent()) == ""


def test_a_wrong_member_does_not_match_the_model() -> None:
    assert "Unknown parameter" in faults("cloudformation", "CreateStack", {"Name": "x"})


def test_the_stack_is_tagged_with_the_operation_and_all_tags() -> None:
    assert pairs(sent()["Tags"], "Key", "Value") == {
        "technicalTeam": "Core", "cost": "7", "devops:operation": ID,
    }  # fmt: skip


def test_the_stack_has_a_token_and_the_service_role_and_rolls_back() -> None:
    request = sent()

    assert request["StackName"] == "MyApp"
    assert request["ClientRequestToken"] == ID
    assert request["RoleARN"] == VARIABLES["STACK_ROLE_ARN"]
    assert request["OnFailure"] == "ROLLBACK"
    assert request["Capabilities"] == ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    assert request["EnableTerminationProtection"] is True


def test_a_stack_update_changes_no_resource_that_operations_change() -> None:
    """A Deny has priority over an Allow (User Guide, "Prevent updates to stack resources")."""
    template = load(ROOT / "cloudformation" / "application.yml")
    unrolled = unroll(template, {"Environments": ["dev", "training"]})
    types = {resource["Type"] for resource in unrolled["Resources"].values()}
    allow, deny = json.loads(sent()["StackPolicyBody"])["Statement"]
    refused = deny["Condition"]["StringEquals"]["ResourceType"]

    assert (allow["Effect"], allow["Action"], allow["Resource"]) == ("Allow", "Update:*", "*")
    assert (deny["Effect"], deny["Resource"]) == ("Deny", "*")
    assert deny["Action"] == ["Update:Modify", "Update:Replace"]
    assert allow["Principal"] == deny["Principal"] == "*"
    assert types - {*refused} == {
        "AWS::ECR::Repository", "AWS::ECS::Cluster", "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::IAM::Role", "AWS::IAM::RolePolicy", "AWS::Logs::LogGroup",
    }  # fmt: skip
    assert {*refused} <= types


def test_the_parameters_are_those_of_the_request_and_the_installation() -> None:
    spec = ServiceSpec(
        container_port=8080, health_check_path="/up?full=1", cpu=512, memory=1024,
        architecture="ARM64", start_seconds=0,
    )  # fmt: skip

    assert parameters(spec) == {
        "Environments": "dev,qa,da",
        "RepositoryName": "myapp",
        "VpcId": "vpc-1",
        "Subnets": "subnet-1,subnet-2",
        "LoadBalancerSubnets": "subnet-3,subnet-4",
        "SecurityGroup": "sg-1",
        "LoadBalancerSecurityGroup": "sg-2",
        "Image": VARIABLES["INITIAL_IMAGE"],
        "ContainerPort": "8080",
        "HealthCheckPath": "/up?full=1",
        "Cpu": "512",
        "Memory": "1024",
        "CpuArchitecture": "ARM64",
        "StartSeconds": "0",
        "LogRetentionDays": "90",
        "ProductionScheme": "internet-facing",
        "CertificateArn": VARIABLES["CERTIFICATE_ARN"],
        "PermissionsBoundary": VARIABLES["PERMISSIONS_BOUNDARY_ARN"],
        "ImageRepositories": "arn:aws:ecr:eu-west-1:123456789012:repository/*",
        "devSecretArns": "",
        "qaSecretArns": "",
        "daSecretArns": "",
        "prodSecretArns": "",
    }


def test_the_template_declares_every_parameter_and_requires_no_other() -> None:
    declared = load(ROOT / "cloudformation" / "application.yml")["Parameters"]

    assert set(parameters()) <= set(declared)
    required = {name for name, parameter in declared.items() if "Default" not in parameter}
    assert required <= set(parameters())


def test_the_parameters_have_each_secret_once_without_its_json_key() -> None:
    spec = ServiceSpec(
        secrets={"A": f"{SECRET}:user::", "B": f"{SECRET}:password::", "C": SECRET, "D": PARAMETER}
    )

    given = parameters(spec)
    names = ("devSecretArns", "qaSecretArns", "daSecretArns", "prodSecretArns")
    assert [given[name] for name in names] == [f"{SECRET},{PARAMETER}"] * 4


def test_each_environment_can_read_only_its_own_secrets() -> None:
    spec = ServiceSpec(secrets={"A": f"{SECRET}:user::", "B": PARAMETER})
    live = f"{SECRET}-live"
    overrides = {
        "prod": ServiceOverride({"A": f"{live}:user::", "CARD": f"{live}:card::"}),
        "qa": ServiceOverride({"C": SECRET}),
        "da": ServiceOverride(),
    }

    given = parameters(spec, overrides)

    assert {name: value for name, value in given.items() if name.endswith("SecretArns")} == {
        "devSecretArns": f"{SECRET},{PARAMETER}",
        "qaSecretArns": f"{SECRET},{PARAMETER}",
        "daSecretArns": f"{SECRET},{PARAMETER}",
        "prodSecretArns": f"{live},{PARAMETER}",
    }


def test_the_image_is_that_of_the_container_behind_the_load_balancer() -> None:
    router, app = {"name": "log-router", "image": "fluent:1"}, BASE["containerDefinitions"][0]
    base = BASE | {"containerDefinitions": [router, app]}

    request = render.task_definition(base, "app", Image("repo", "1.1", DIGEST), {})

    assert request["containerDefinitions"] == [router, app | {"image": f"repo@{DIGEST}"}]


def test_the_template_is_sent_without_changes() -> None:
    template = "# é\r\nResources: {}\n"

    assert sent(template=template.encode())["TemplateBody"] == template


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        (b"#" * 51_201, "the template has 51201 bytes; over 51200 its bucket needs versioning"),
        (b"#" * 1_000_001, "the template has 1000001 bytes; the maximum is 1000000"),
        (b"\xff\xfe", "can't decode byte 0xff"),
        (b" \n", "the template is empty"),
    ],
    ids=["too large without a version", "too large", "not UTF-8", "empty"],
)
def test_refuses_a_template_that_create_stack_refuses(template: bytes, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        sent(template=template)


URL = "https://bucket.s3.eu-west-1.amazonaws.com/application.yml?versionId=1"


@pytest.mark.parametrize(("size", "member"), [(51_200, "TemplateBody"), (51_201, "TemplateURL"),
                                              (1_000_000, "TemplateURL")])  # fmt: skip
def test_a_template_that_is_too_large_for_a_request_is_sent_by_its_url(
    size: int, member: str
) -> None:
    content = b"#" * size
    request = sent(template=content, url=URL)
    given = {name: request[name] for name in ("TemplateBody", "TemplateURL") if name in request}
    assert given == {member: URL if member == "TemplateURL" else content.decode()}
    assert faults("cloudformation", "CreateStack", request) == ""
    assert sent(template=b"a", url=URL)["TemplateBody"] == "a"


def test_the_sizes_of_templates_are_those_of_the_api() -> None:
    for call in ("CreateStack", "ValidateTemplate"):
        members = model("cloudformation").operation_model(call).input_shape.members
        body, url = members["TemplateBody"], members["TemplateURL"]
        assert f"maximum length of {render.MAX_TEMPLATE_BODY:,} bytes" in body.documentation
        assert "(max size: 1 MB)" in url.documentation
    assert render.MAX_TEMPLATE_BYTES == 1_000_000


def test_names_of_roles_require_the_parameter_of_the_installation() -> None:
    assert sent()["Capabilities"] == ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    create = operation("create", *PARTS, service=DEFAULTS, overrides={})
    settings = SETTINGS._replace(named_roles=True)
    request = render.stack(create, APPLICATION, settings, b"Resources: {}")
    assert request["Capabilities"] == ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
    assert faults("cloudformation", "CreateStack", request) == ""


def test_the_shipped_template_fits() -> None:
    size = (ROOT / "cloudformation" / "application.yml").stat().st_size

    assert size <= render.MAX_TEMPLATE_BODY


@pytest.mark.parametrize("spec", [None, ServiceSpec(environment={"A": "1"}, secrets={"B": SECRET})],
                         ids=["a deploy", "a create with variables"])  # fmt: skip
def test_the_request_of_register_task_definition_matches_its_model(
    spec: ServiceSpec | None,
) -> None:
    image = Image("repo", "1.1", DIGEST)

    request = render.task_definition(BASE, "app", image, {"devops:operation": ID}, spec)

    assert faults("ecs", "RegisterTaskDefinition", request) == ""


def test_a_deploy_changes_only_the_image_of_the_first_container_and_the_tags() -> None:
    request = render.task_definition(BASE, "app", Image("repo", "1.1", DIGEST), {"k": "v"})

    first, second = request["containerDefinitions"]
    assert first == BASE["containerDefinitions"][0] | {"image": f"repo@{DIGEST}"}
    assert second == BASE["containerDefinitions"][1]
    assert request["tags"] == [{"key": "k", "value": "v"}]
    assert {**request, "containerDefinitions": 0, "tags": 0} == {
        **BASE, "containerDefinitions": 0, "tags": 0,
    }  # fmt: skip


def test_a_create_keeps_the_image_and_the_variables_of_the_template() -> None:
    spec = ServiceSpec(environment={"COLOUR": "blue"}, secrets={"TOKEN": SECRET})

    (first, _) = render.task_definition(BASE, "app", None, {}, spec)["containerDefinitions"]

    assert first["image"] == "start:1.0"
    assert pairs(first["environment"], "name", "value") == {
        "APPLICATION": "MyApp", "ENVIRONMENT": "dev", "COLOUR": "blue",
    }  # fmt: skip
    assert pairs(first["secrets"], "name", "valueFrom") == {"KEY": PARAMETER, "TOKEN": SECRET}


def test_a_name_is_a_variable_or_a_secret() -> None:
    spec = ServiceSpec(environment={"KEY": "plain"}, secrets={"ENVIRONMENT": SECRET})

    (first, _) = render.task_definition(BASE, "app", None, {}, spec)["containerDefinitions"]

    assert pairs(first["environment"], "name", "value") == {
        "APPLICATION": "MyApp", "KEY": "plain",
    }  # fmt: skip
    assert pairs(first["secrets"], "name", "valueFrom") == {"ENVIRONMENT": SECRET}


def test_rendering_does_not_change_the_blueprint() -> None:
    before = repr(BASE)

    render.task_definition(
        BASE, "app", Image("repo"), {"k": "v"}, ServiceSpec(environment={"A": "1"})
    )

    assert repr(BASE) == before


def test_a_blueprint_has_the_members_that_can_be_registered_again() -> None:
    described = BASE | {
        "taskDefinitionArn": "arn", "revision": 3, "status": "ACTIVE", "volumes": [],
        "requiresAttributes": [{"name": "x"}], "compatibilities": ["FARGATE"],
    }  # fmt: skip

    assert render.blueprint(described) == BASE


def test_a_blueprint_has_every_member_that_the_sdk_accepts() -> None:
    described = model("ecs").shape_for("TaskDefinition").members
    accepted = model("ecs").operation_model("RegisterTaskDefinition").input_shape.members
    # AWS has ended Elastic Inference, so an accelerator cannot be registered.
    again = (set(described) & set(accepted)) - {"inferenceAccelerators"}

    assert set(render.blueprint(dict.fromkeys(described, "x"))) >= again
