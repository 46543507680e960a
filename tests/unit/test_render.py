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
from devops_core.model.specification import (
    ApplicationRecord,
    EnvironmentSettings,
    FixedSettings,
    Specification,
)
from devops_core.naming import Image
from devops_core.settings import Settings
from tests.lab.builders import ID, operation
from tests.lab.environment import VARIABLES
from tests.lab.templates import ROOT, load, unroll

SETTINGS = Settings.from_environment(VARIABLES)
APPLICATION = Application(
    name="MyApp",
    technical_team="Core",
    tags={"technicalTeam": "Core", "cost": "7"},
)
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"  # noqa: S105 - a name
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter/team/key"
KEYS = tuple(f"arn:aws:kms:eu-west-1:123456789012:key/{number}" for number in range(2))
KEYS_NAME = "SecretKeyArns"
DIGEST = "sha256:" + "0" * 64
ENVIRONMENTS = {"nonProd": ["qa", "dev"], "da": True}
ROLE = "arn:aws:iam::123456789012:role/shop"
USUAL = FixedSettings()
NO_SETTINGS = EnvironmentSettings(hash="5e" * 32)
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


def record(
    service: Mapping[str, Any] = {},
    overrides: Mapping[str, Any] = {},
    fixed: FixedSettings = USUAL,
) -> ApplicationRecord:
    document = {
        "email": "a@example.com",
        "environments": ENVIRONMENTS,
        "service": service,
        "overrides": overrides,
    }
    return ApplicationRecord(Specification(1, document), 1, fixed)


def sent(
    of: ApplicationRecord | None = None,
    template: bytes = b"Resources: {}",
    url: str | None = None,
    settings: Settings = SETTINGS,
) -> dict[str, Any]:
    create = operation("create")
    return render.stack(create, APPLICATION, of or record(), settings, template, url)


def pairs(listed: list[dict[str, str]], key: str, value: str) -> dict[str, str]:
    assert all(set(each) == {key, value} for each in listed)
    return {each[key]: each[value] for each in listed}


def parameters(of: ApplicationRecord | None = None) -> dict[str, str]:
    return pairs(sent(of)["Parameters"], "ParameterKey", "ParameterValue")


def secret_parameters(of: ApplicationRecord) -> dict[str, str]:
    return {name: value for name, value in parameters(of).items() if name.endswith("SecretArns")}


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
    wanted = record(
        {"cpu": 512, "memory": 1024, "startSeconds": 0},
        fixed=FixedSettings(
            container_port=8080, health_check_path="/up?full=1", architecture="ARM64"
        ),
    )

    assert parameters(wanted) == {
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


def test_the_usual_parameters_are_those_of_the_template() -> None:
    declared = load(ROOT / "cloudformation" / "application.yml")["Parameters"]
    given = parameters()

    for name in ("Cpu", "Memory", "StartSeconds", "ContainerPort", "HealthCheckPath"):
        assert given[name] == str(declared[name]["Default"])
    assert given["CpuArchitecture"] == "X86_64"


def test_the_parameters_of_the_stack_have_no_override() -> None:
    """All services share them, so an override is a task definition after the stack."""
    wanted = record(
        {"cpu": 512, "memory": 1024},
        {
            "dev": {"cpu": 1024, "memory": 4096, "startSeconds": 5},
            "prod": {"cpu": 2048, "memory": 8192, "startSeconds": 300},
        },
    )
    given = parameters(wanted)

    assert (given["Cpu"], given["Memory"], given["StartSeconds"]) == ("512", "1024", "60")


def test_the_parameters_have_each_secret_once_without_its_json_key() -> None:
    secrets = {
        "A": f"{SECRET}:user::", "B": f"{SECRET}:password::", "C": SECRET, "D": PARAMETER,
    }  # fmt: skip

    given = secret_parameters(record({"secrets": secrets}))

    names = ("devSecretArns", "qaSecretArns", "daSecretArns", "prodSecretArns")
    assert given == dict.fromkeys(names, f"{SECRET},{PARAMETER}")


@pytest.mark.parametrize(
    ("template", "given"),
    [
        ((ROOT / "cloudformation" / "application.yml").read_text(), ",".join(KEYS)),
        ('{"Description": "#1", "Parameters": {"SecretKeyArns": {}}}', ",".join(KEYS)),
        ("Parameters: {SecretKeyArns: {Type: CommaDelimitedList, Default: ''}}", ",".join(KEYS)),
        ("# SecretKeyArns: removed\nParameters: {OtherSecretKeyArns: {}}", None),
        ("Resources: {}", None),
    ],
    ids=["the project's", "JSON", "flow style", "a comment", "another template"],
)
def test_a_template_with_their_parameter_receives_the_keys_of_secrets(
    template: str, given: str | None
) -> None:
    request = sent(template=template.encode(), settings=SETTINGS._replace(secret_keys=KEYS))

    assert pairs(request["Parameters"], "ParameterKey", "ParameterValue").get(KEYS_NAME) == given
    without = sent(template=template.encode(), settings=SETTINGS._replace(secret_keys=()))
    assert KEYS_NAME not in pairs(without["Parameters"], "ParameterKey", "ParameterValue")


def test_each_environment_can_read_only_its_own_secrets() -> None:
    live = f"{SECRET}-live"
    overrides = {
        "prod": {"secrets": {"A": f"{live}:user::", "CARD": f"{live}:card::"}},
        "qa": {"secrets": {"C": SECRET}},
        "dev": {"unset": ["A"]},
        "da": {"environment": {"B": "plain"}},
        "stage": {"secrets": {"D": f"{SECRET}-stage"}},
    }

    given = secret_parameters(
        record({"secrets": {"A": f"{SECRET}:user::", "B": PARAMETER}}, overrides)
    )

    assert given == {
        "devSecretArns": PARAMETER,
        "qaSecretArns": f"{SECRET},{PARAMETER}",
        "daSecretArns": SECRET,
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
    request = sent(settings=SETTINGS._replace(named_roles=True))
    assert request["Capabilities"] == ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
    assert faults("cloudformation", "CreateStack", request) == ""


def test_the_shipped_template_fits() -> None:
    size = (ROOT / "cloudformation" / "application.yml").stat().st_size

    assert size <= render.MAX_TEMPLATE_BODY


ALL_SETTINGS = EnvironmentSettings(
    hash="5e" * 32,
    cpu=512,
    memory=1024,
    desired_count=2,
    environment={"A": "1"},
    secrets={"B": SECRET},
    command=("serve", "--port", "80"),
    start_seconds=90,
    stop_seconds=0,
    task_role=ROLE,
    unset=("ENVIRONMENT",),
)


def rendered(
    settings: EnvironmentSettings | None = NO_SETTINGS,
    *owned: str,
    base: Mapping[str, Any] = BASE,
    image: Image | None = None,
) -> dict[str, Any]:
    return render.task_definition(base, "app", image, {"k": "v"}, settings, owned)


def container(settings: EnvironmentSettings, *owned: str, **present: Any) -> dict[str, Any]:
    """Return the rendered container; `present` are members of the running one."""
    app, sidecar = BASE["containerDefinitions"]
    base = BASE | {"containerDefinitions": [app | present, sidecar]}
    first, second = rendered(settings, *owned, base=base)["containerDefinitions"]
    assert second == sidecar
    found: dict[str, Any] = first
    return found


def changed(**settings: Any) -> EnvironmentSettings:
    return NO_SETTINGS._replace(**settings)


def variables(of: Mapping[str, Any]) -> dict[str, str]:
    return pairs(of["environment"], "name", "value")


def references(of: Mapping[str, Any]) -> dict[str, str]:
    return pairs(of["secrets"], "name", "valueFrom")


@pytest.mark.parametrize("settings", [None, NO_SETTINGS, ALL_SETTINGS],
                         ids=["none", "no members", "all members"])  # fmt: skip
def test_the_request_of_register_task_definition_matches_its_model(
    settings: EnvironmentSettings | None,
) -> None:
    request = rendered(settings, "command", "taskRole", image=Image("repo", "1.1", DIGEST))

    assert faults("ecs", "RegisterTaskDefinition", request) == ""


def test_without_settings_only_the_image_of_the_first_container_and_the_tags_change() -> None:
    request = render.task_definition(BASE, "app", Image("repo", "1.1", DIGEST), {"k": "v"})

    first, second = request["containerDefinitions"]
    assert first == BASE["containerDefinitions"][0] | {"image": f"repo@{DIGEST}"}
    assert second == BASE["containerDefinitions"][1]
    assert request["tags"] == [{"key": "k", "value": "v"}]
    assert {**request, "containerDefinitions": 0, "tags": 0} == {
        **BASE, "containerDefinitions": 0, "tags": 0,
    }  # fmt: skip


def test_settings_without_members_change_only_the_tags() -> None:
    request = rendered()

    assert request.pop("tags") == [
        {"key": "k", "value": "v"}, {"key": "devops:spec", "value": NO_SETTINGS.hash},
    ]  # fmt: skip
    assert request == BASE


def test_settings_add_to_the_values_of_the_template() -> None:
    wanted = changed(environment={"COLOUR": "blue"}, secrets={"TOKEN": SECRET})
    first = container(wanted)

    assert first["image"] == "start:1.0"
    assert variables(first) == {"APPLICATION": "MyApp", "ENVIRONMENT": "dev", "COLOUR": "blue"}
    assert references(first) == {"KEY": PARAMETER, "TOKEN": SECRET}


def test_a_name_is_a_variable_or_a_secret() -> None:
    first = container(changed(environment={"KEY": "plain"}, secrets={"ENVIRONMENT": SECRET}))

    assert variables(first) == {"APPLICATION": "MyApp", "KEY": "plain"}
    assert references(first) == {"ENVIRONMENT": SECRET}


@pytest.mark.parametrize(
    ("owned", "name"),
    [
        ("environment.COLOUR", "COLOUR"),
        ("environment.spring.profiles.active", "spring.profiles.active"),
    ],
)
def test_a_variable_that_the_specification_lacks_is_removed_if_it_owned_it(
    owned: str, name: str
) -> None:
    present = [{"name": name, "value": "1"}, {"name": "BY_HAND", "value": "2"}]

    assert variables(container(NO_SETTINGS, owned, environment=present)) == {"BY_HAND": "2"}
    assert variables(container(NO_SETTINGS, environment=present)) == {name: "1", "BY_HAND": "2"}


def test_a_secret_that_the_specification_lacks_is_removed_if_it_owned_it() -> None:
    present = [{"name": "TOKEN", "valueFrom": SECRET}, {"name": "KEY", "valueFrom": PARAMETER}]

    assert references(container(NO_SETTINGS, "secrets.TOKEN", secrets=present)) == {
        "KEY": PARAMETER
    }
    assert references(container(NO_SETTINGS, secrets=present)) == {
        "KEY": PARAMETER, "TOKEN": SECRET,
    }  # fmt: skip


def test_an_owned_name_that_remains_has_the_new_value() -> None:
    first = container(
        changed(environment={"COLOUR": "red"}),
        "environment.COLOUR",
        environment=[{"name": "COLOUR", "value": "blue"}],
    )

    assert variables(first) == {"COLOUR": "red"}


def test_a_variable_can_become_a_secret_and_back() -> None:
    plain = {"environment": [{"name": "TOKEN", "value": "1"}], "secrets": []}
    first = container(changed(secrets={"TOKEN": SECRET}), "environment.TOKEN", **plain)
    assert (variables(first), references(first)) == ({}, {"TOKEN": SECRET})

    hidden = {"environment": [], "secrets": [{"name": "TOKEN", "valueFrom": SECRET}]}
    first = container(changed(environment={"TOKEN": "1"}), "secrets.TOKEN", **hidden)
    assert (variables(first), references(first)) == ({"TOKEN": "1"}, {})


def test_unset_removes_variables_and_secrets_of_any_owner() -> None:
    first = container(changed(unset=("ENVIRONMENT", "KEY", "ABSENT")))

    assert variables(first) == {"APPLICATION": "MyApp"}
    assert references(first) == {}


def test_a_container_without_variables_receives_no_empty_members() -> None:
    bare = {"name": "app", "image": "start:1.0"}
    base = BASE | {"containerDefinitions": [bare]}

    (first,) = rendered(base=base)["containerDefinitions"]

    assert first == bare


def test_values_of_the_task_keep_their_order_and_others_follow_by_name() -> None:
    """The order of a document does not change the task definition."""
    environment = {"B": "1", "A": "2", "ENVIRONMENT": "moved"}
    first = container(changed(environment=environment))
    other = container(changed(environment=dict(reversed(environment.items()))))

    assert [pair["name"] for pair in first["environment"]] == [
        "APPLICATION", "A", "B", "ENVIRONMENT",
    ]  # fmt: skip
    assert first == other


REMOVABLE: list[tuple[str, str, dict[str, Any], Any]] = [
    ("command", "command", {"command": ("serve", "now")}, ["serve", "now"]),
    ("stopSeconds", "stopTimeout", {"stop_seconds": 5}, 5),
    ("stopSeconds", "stopTimeout", {"stop_seconds": 0}, 0),
    (
        "ulimits",
        "ulimits",
        {"ulimits": {"nofile": {"soft": 5, "hard": 9}}},
        [{"name": "nofile", "softLimit": 5, "hardLimit": 9}],
    ),
]


@pytest.mark.parametrize(("setting", "member", "wanted", "value"), REMOVABLE)
def test_a_setting_of_the_container_is_set_kept_and_removed(
    setting: str, member: str, wanted: dict[str, Any], value: Any
) -> None:
    present = {member: ["old"] if setting == "command" else 30}

    assert container(changed(**wanted))[member] == value
    assert container(changed(**wanted), setting, **present)[member] == value
    assert container(NO_SETTINGS, **present)[member] == present[member]
    assert member not in container(NO_SETTINGS, setting, **present)
    assert member not in container(NO_SETTINGS, setting)


def test_a_task_role_is_set_kept_and_removed() -> None:
    present = BASE | {"taskRoleArn": "arn:old"}

    assert rendered(changed(task_role=ROLE))["taskRoleArn"] == ROLE
    assert rendered(changed(task_role=ROLE), "taskRole", base=present)["taskRoleArn"] == ROLE
    assert rendered(base=present)["taskRoleArn"] == "arn:old"
    assert "taskRoleArn" not in rendered(NO_SETTINGS, "taskRole", base=present)


def test_the_ephemeral_storage_is_set_kept_and_removed() -> None:
    setting, present = "ephemeralStorageGiB", BASE | {"ephemeralStorage": {"sizeInGiB": 21}}
    wanted = changed(ephemeral_storage=50)

    assert rendered(wanted)["ephemeralStorage"] == {"sizeInGiB": 50}
    assert rendered(wanted, setting, base=present)["ephemeralStorage"] == {"sizeInGiB": 50}
    assert rendered(base=present)["ephemeralStorage"] == {"sizeInGiB": 21}
    assert "ephemeralStorage" not in rendered(NO_SETTINGS, setting, base=present)


def test_the_size_is_text_and_remains_without_a_setting() -> None:
    sized = rendered(changed(cpu=1024, memory=2048))
    assert (sized["cpu"], sized["memory"]) == ("1024", "2048")
    larger = rendered(changed(memory=2048))
    assert (larger["cpu"], larger["memory"]) == (BASE["cpu"], "2048")


def test_the_count_and_the_start_are_no_members_of_a_task_definition() -> None:
    service = changed(desired_count=9, start_seconds=9, rollout_minutes=90, warmup=("/",))

    assert rendered(service) == rendered()


def test_the_hash_of_the_settings_is_a_tag() -> None:
    tags = pairs(rendered(ALL_SETTINGS)["tags"], "key", "value")

    assert tags == {"k": "v", "devops:spec": ALL_SETTINGS.hash}
    assert pairs(rendered(None)["tags"], "key", "value") == {"k": "v"}


def test_settings_change_only_the_container_behind_the_load_balancer() -> None:
    router, app = {"name": "log-router", "image": "fluent:1"}, BASE["containerDefinitions"][0]
    base = BASE | {"containerDefinitions": [router, app]}

    first, second = rendered(ALL_SETTINGS, base=base)["containerDefinitions"]

    assert first == router
    assert second["stopTimeout"] == 0


def test_the_same_settings_again_change_nothing() -> None:
    once = rendered(ALL_SETTINGS)
    tags = once.pop("tags")

    again = rendered(ALL_SETTINGS, *ALL_SETTINGS.owned, base=once)

    assert again == once | {"tags": tags}


def test_the_removal_of_all_settings_restores_the_removable_ones() -> None:
    wanted = ALL_SETTINGS._replace(cpu=None, memory=None, unset=())
    once = rendered(wanted)

    back = rendered(NO_SETTINGS, *wanted.owned, base=once)

    assert back == rendered()


def test_rendering_does_not_change_the_blueprint() -> None:
    before = repr(BASE)

    rendered(ALL_SETTINGS, "secrets.KEY", "environment.APPLICATION", image=Image("repo"))

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


def test_the_settings_of_a_task_definition_have_the_names_of_a_specification() -> None:
    app, sidecar = BASE["containerDefinitions"]
    environment = [{"name": "LEVEL", "value": "info"}, {"name": "EMPTY"}]
    ulimits = [{"name": "nofile", "softLimit": 5, "hardLimit": 9}]
    own = {**app, "environment": environment, "stopTimeout": 60, "ulimits": ulimits}
    storage = {"ephemeralStorage": {"sizeInGiB": 30}, "containerDefinitions": [sidecar, own]}
    found = render.settings_of({**BASE, **storage}, "app")
    assert found == {
        "cpu": 256,
        "memory": 512,
        # ECS accepts a variable without a value (ECS API, KeyValuePair).
        "environment": {"LEVEL": "info", "EMPTY": ""},
        "secrets": {"KEY": PARAMETER},
        "stopSeconds": 60,
        "ephemeralStorageGiB": 30,
        "ulimits": {"nofile": {"soft": 5, "hard": 9}},
        "sidecars": [{"name": "sidecar", "image": "proxy:2", "essential": True}],
    }
