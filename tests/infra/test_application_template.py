"""cloudformation/application.yml: names, order, roles and outputs, for every choice."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from moto.ecr.policy_validation import EcrLifecyclePolicyValidator

from devops_core import naming, render
from devops_core.details.create import CreateDetails
from devops_core.model.inventory import Application
from devops_core.model.operation import Operation, Progress
from devops_core.model.specification import ApplicationRecord, Specification
from devops_core.naming import Environment
from devops_core.requests.container_settings import RESERVED_VARIABLES
from devops_core.settings import Settings
from tests.lab.templates import APPLICATION, Template, literal, load, of_type, references, unroll

ALL = ["dev", "qa", "stage", "training", "da"]
LONGEST_NAME = "A" + "b" * 21
SLOTS = ["prod-1", "prod-2"]


@pytest.fixture(scope="module", params=[["dev"], ["dev", "qa", "stage"], ALL], ids=len)
def environments(request: pytest.FixtureRequest) -> list[str]:
    chosen = request.param
    assert isinstance(chosen, list)
    return chosen


@pytest.fixture(scope="module")
def template(environments: list[str]) -> Template:
    return unroll(load(APPLICATION), {"Environments": environments})


def name(node: Any) -> Any:
    return literal(node, {"AWS::StackName": LONGEST_NAME})


def test_fits_into_a_create_stack_call() -> None:
    assert APPLICATION.stat().st_size <= render.MAX_TEMPLATE_BODY


def test_every_reference_has_a_target(template: Template) -> None:
    known = {*template["Resources"], *template["Parameters"]}
    used = {*references(template["Resources"]), *references(template["Outputs"])}
    assert {target for target in used if not target.startswith("AWS::")} <= known


def test_no_placeholder_of_a_loop_is_left(template: Template) -> None:
    text = json.dumps([template["Conditions"], template["Resources"], template["Outputs"]])
    assert "${Environment}" not in text
    assert "${Slot}" not in text


def test_loops_have_names_of_their_own() -> None:
    """cfn-language-discussion RFC 0009, constraint 3: else the transform fails."""
    template = load(APPLICATION)
    loops = [
        (key.removeprefix("Fn::ForEach::"), content[0])
        for section in ("Conditions", "Resources", "Outputs")
        for key, content in template[section].items()
        if key.startswith("Fn::ForEach::")
    ]
    names = [loop for loop, _ in loops]
    unrolled = unroll(template, {"Environments": ALL})
    taken = {*template["Parameters"], *unrolled["Resources"], *unrolled["Outputs"]}
    assert len(set(names)) == len(names) == 5
    assert not taken & {*names, *(identifier for _, identifier in loops)}


def test_a_substitution_in_a_loop_names_nothing_but_the_loop() -> None:
    template = load(APPLICATION)
    text = json.dumps([template["Conditions"], template["Resources"], template["Outputs"]])
    mixed = [
        found
        for found in re.findall(r'"Fn::Sub": "([^"]*)"', text)
        if re.search(r"\$\{(Environment|Slot)\}", found)
        and re.sub(r"\$\{(Environment|Slot)\}", "", found).count("${")
    ]
    assert mixed == []


def test_logical_names_are_alphanumeric(template: Template) -> None:
    logical = [*template["Resources"], *template["Outputs"]]
    assert [each for each in logical if not re.fullmatch(r"[A-Za-z0-9]+", each)] == []


@pytest.mark.parametrize(
    "kind", ["LoadBalancer", "TargetGroup"]
)  # ELBv2 API: CreateLoadBalancer, CreateTargetGroup
def test_names_at_the_load_balancer_fit_in_32_characters(template: Template, kind: str) -> None:
    found = of_type(template, f"AWS::ElasticLoadBalancingV2::{kind}")
    names = [name(properties["Name"]) for properties in found.values()]
    assert len(set(names)) == len(names)
    assert [each for each in names if not re.fullmatch(r"[A-Za-z0-9-]{1,32}", each)] == []


def test_each_environment_and_slot_has_a_service(
    template: Template, environments: list[str]
) -> None:
    services = of_type(template, "AWS::ECS::Service")
    assert {name(service["ServiceName"]) for service in services.values()} == {
        *environments,
        *SLOTS,
    }


def test_services_deploy_without_loss_and_roll_back(template: Template) -> None:
    for service in of_type(template, "AWS::ECS::Service").values():
        assert service["DeploymentConfiguration"] == {
            "MinimumHealthyPercent": 100,
            "MaximumPercent": 200,
            "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
        }
        assert service["HealthCheckGracePeriodSeconds"] == {"Ref": "StartSeconds"}
        assert service["PropagateTags"] == "SERVICE"


def test_no_update_undoes_a_scaled_service(template: Template) -> None:
    services = of_type(template, "AWS::ECS::Service").values()
    assert not any("DesiredCount" in service for service in services)


def test_a_service_waits_for_the_listener_of_its_target_group(template: Template) -> None:
    listeners = of_type(template, "AWS::ElasticLoadBalancingV2::Listener")
    forwards = {
        target: listener
        for listener, properties in listeners.items()
        for target in references(properties["DefaultActions"])
    }
    for logical, service in of_type(template, "AWS::ECS::Service").items():
        (target,) = references(service["LoadBalancers"][0]["TargetGroupArn"])
        waits_for = {
            *references(service),
            *template["Resources"][logical].get("DependsOn", []),
        }
        assert forwards[target] in waits_for


def test_production_starts_with_slot_1_live_and_slot_2_on_the_test_listener(
    template: Template,
) -> None:
    listeners = of_type(template, "AWS::ElasticLoadBalancingV2::Listener")
    production, test = listeners["ProductionListener"], listeners["TestListener"]
    assert production["DefaultActions"] == [_forward("prod1", "prod2")]
    assert test["DefaultActions"] == [_forward("prod2", "prod1")]
    assert production["Port"] == {"Fn::If": ["HasCertificate", 443, 80]}
    assert (test["Port"], test["Protocol"]) == (8080, "HTTP")


def _forward(receiving: str, idle: str) -> dict[str, Any]:
    groups = [
        {"TargetGroupArn": {"Ref": f"{slot}TargetGroup"}, "Weight": weight}
        for slot, weight in ((receiving, 100), (idle, 0))
    ]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


def test_environments_are_internal(template: Template, environments: list[str]) -> None:
    balancers = of_type(template, "AWS::ElasticLoadBalancingV2::LoadBalancer")
    schemes = {logical: properties["Scheme"] for logical, properties in balancers.items()}
    assert schemes.pop("ProductionLoadBalancer") == {"Ref": "ProductionScheme"}
    assert schemes == {f"{each}LoadBalancer": "internal" for each in environments}


def test_slots_are_made_like_environments() -> None:
    """The two loops say the same twice, because Fn::ForEach takes one list; so hold them equal."""
    resources = load(APPLICATION)["Resources"]
    loops = {}
    for loop, prefix, called in [
        ("EnvironmentResources", "${Environment}", {"Ref": "Environment"}),
        ("SlotResources", "prod${Slot}", {"Fn::Sub": "prod-${Slot}"}),
    ]:
        text = json.dumps(resources[f"Fn::ForEach::{loop}"][2])
        text = text.replace(json.dumps(called), '"NAME"')
        loops[loop] = json.loads(text.replace(prefix, "ID"))
    environment, slot = loops["EnvironmentResources"], loops["SlotResources"]
    # The slots share one list of secrets.
    for loop, secrets, condition in [
        (environment, {"Ref": {"Fn::Sub": "IDSecretArns"}}, {"Fn::Sub": "IDHasSecrets"}),
        (slot, {"Ref": "prodSecretArns"}, "prodHasSecrets"),
    ]:
        policy = loop["IDSecrets"]["Properties"]["PolicyDocument"]
        assert policy["Statement"][0].pop("Resource") == secrets
        assert loop["IDSecrets"].pop("Condition") == condition
    # A slot has no load balancer of its own; how its service waits for a listener is tested above.
    del environment["IDLoadBalancer"], environment["IDListener"]
    listener = environment["IDService"]["Properties"]["Tags"].pop()
    assert listener["Key"] == "devops:listener"
    del slot["IDService"]["DependsOn"]
    assert slot == environment


def test_the_condition_of_a_resource_in_a_loop_is_not_its_first_member() -> None:
    """Stack creation fails otherwise (CloudFormation Template Reference, "Fn::ForEach")."""
    resources = load(APPLICATION)["Resources"]
    loops = [body[2] for name, body in resources.items() if name.startswith("Fn::ForEach::")]
    conditional = [each for loop in loops for each in loop.values() if "Condition" in each]
    assert len(conditional) == 2
    assert all(next(iter(each)) == "Type" for each in conditional)


def test_repository_is_immutable_scanned_and_goes_with_the_stack(template: Template) -> None:
    repository = of_type(template, "AWS::ECR::Repository")["Repository"]
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["EmptyOnDelete"] is True


def test_only_images_without_a_tag_expire(template: Template) -> None:
    """The service deploys only tagged images from ECR, and a tag cannot move to another image."""
    repository = of_type(template, "AWS::ECR::Repository")["Repository"]
    text = repository["LifecyclePolicy"]["LifecyclePolicyText"]
    EcrLifecyclePolicyValidator(text).validate()
    (rule,) = json.loads(text)["rules"]
    assert rule["selection"]["tagStatus"] == "untagged"
    assert rule["action"] == {"type": "expire"}
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert "ImageTagMutabilityExclusionFilters" not in repository


def test_execution_roles_can_pull_log_and_read_the_given_secrets_only(template: Template) -> None:
    roles = of_type(template, "AWS::IAM::Role")
    assert set(roles) == {
        f"{logical.removesuffix('TaskDefinition')}ExecutionRole"
        for logical in of_type(template, "AWS::ECS::TaskDefinition")
    }
    for role in roles.values():
        assert "RoleName" not in role  # else the stack would need CAPABILITY_NAMED_IAM
        assert role["Path"] == "/devops-ecs/"
        statements = [
            each for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"]
        ]
        unscoped = [each["Action"] for each in statements if each["Resource"] == "*"]
        assert unscoped == ["ecr:GetAuthorizationToken"]


def test_log_groups_end_and_belong_to_one_service(template: Template) -> None:
    groups = of_type(template, "AWS::Logs::LogGroup")
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())
    assert len({name(group["LogGroupName"]) for group in groups.values()}) == len(groups)


def test_everything_that_can_be_tagged_names_its_application(template: Template) -> None:
    untagged = [
        logical
        for logical, resource in template["Resources"].items()
        if {"Key": "devops:application", "Value": {"Ref": "AWS::StackName"}}
        not in resource["Properties"].get("Tags", [])
    ]
    # A listener costs nothing, and the name of its load balancer says whose it is. The policy of a
    # role cannot have tags.
    listeners = of_type(template, "AWS::ElasticLoadBalancingV2::Listener")
    policies = of_type(template, "AWS::IAM::RolePolicy")
    assert sorted(untagged) == sorted([*listeners, *policies])


def test_outputs_are_those_that_the_service_reads(
    template: Template, environments: list[str]
) -> None:
    per_service = ("ServiceArn", "TaskDefinitionArn", "TargetGroupArn")
    expected = {
        *(
            naming.output_key(each, what)
            for each in [*environments, *SLOTS]
            for what in per_service
        ),
        *(naming.output_key(each, "Url") for each in environments),
        *("ClusterName", "RepositoryUri", "ProductionListenerArn", "TestListenerArn"),
        *("ProductionUrl", "TestUrl"),
    }
    assert set(template["Outputs"]) == expected


def test_names_agree_with_those_of_the_service(template: Template, environments: list[str]) -> None:
    assert [Environment(each.upper()) in naming.DEPLOYABLE for each in environments]
    assert list(naming.SLOTS) == SLOTS
    families = {
        name(each["Family"]) for each in of_type(template, "AWS::ECS::TaskDefinition").values()
    }
    services = [*environments, *SLOTS]
    assert families == {naming.family(LONGEST_NAME, service) for service in services}


def test_the_service_gives_the_parameters_that_the_template_takes(
    environments: list[str], lambda_environment: dict[str, str]
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    operation = Operation(
        id="01J0000000000000000000000A",
        kind="create",
        application="Shop",
        caller="alice",
        requested_at=now,
        deadline=now,
        progress=tuple(
            Progress(environment=Environment(each.upper()), service=each) for each in environments
        ),
        details=CreateDetails(),
    )
    chosen = {
        "nonProd": [each for each in environments if each in ("dev", "qa", "stage")],
        "training": "training" in environments,
        "da": "da" in environments,
    }
    document = {"email": "web@example.com", "environments": chosen}
    sent = render.stack(
        operation,
        Application(name="Shop", technical_team="web"),
        ApplicationRecord(Specification(1, document), 1),
        Settings.from_environment(lambda_environment),
        APPLICATION.read_bytes(),
    )
    given = {each["ParameterKey"]: each["ParameterValue"] for each in sent["Parameters"]}
    taken = load(APPLICATION)["Parameters"]
    assert set(given) <= set(taken)
    assert {each for each, declared in taken.items() if "Default" not in declared} <= set(given)
    for each, value in given.items():
        allowed = taken[each].get("AllowedValues")
        assert allowed is None or value in [str(choice) for choice in allowed]
        assert re.fullmatch(taken[each].get("AllowedPattern", ".*"), value)


def test_the_variables_that_the_template_sets_are_not_the_application_s(template: Template) -> None:
    set_here = {
        variable["Name"]
        for definition in of_type(template, "AWS::ECS::TaskDefinition").values()
        for container in definition["ContainerDefinitions"]
        for variable in container["Environment"]
    }
    assert set_here == {"APPLICATION", "ENVIRONMENT", "PORT"}
    assert set_here <= RESERVED_VARIABLES
