"""The outputs of a stack and of a template name only the application's own resources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from devops_core.naming import APPLICATION_NAME
from devops_core.template_contract import (
    Account,
    container_faults,
    foreign_outputs,
    missing_outputs,
    policy_faults,
    template_faults,
)
from tests.lab.templates import APPLICATION, SMALL, load

SERVICES = ("dev", "prod-1")
ACCOUNT = Account("aws", "eu-west-1", "123456789012")
STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/Shop/0000"
ECS = "arn:aws:ecs:eu-west-1:123456789012"
ELB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012"
OUTPUTS = {
    "ClusterName": "Shop",
    "RepositoryUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop",
    "ProductionListenerArn": f"{ELB}:listener/app/Shop-prod/50dc6c495c0c9188/f2f7dc8efc522ab2",
    "TestListenerArn": f"{ELB}:listener/app/Shop-prod/50dc6c495c0c9188/a1b2c3d4e5f60718",
    "ProductionUrl": "https://shop.example.com",
    "TestUrl": "http://internal-Shop-prod-1.eu-west-1.elb.amazonaws.com:8080",
    "devServiceArn": f"{ECS}:service/Shop/dev",
    "devTaskDefinitionArn": f"{ECS}:task-definition/Shop-dev:1",
    "devTargetGroupArn": f"{ELB}:targetgroup/Shop-dev/73e2d6bc24d8a067",
    "devUrl": "http://internal-Shop-dev-1.eu-west-1.elb.amazonaws.com",
    "prod1ServiceArn": f"{ECS}:service/Shop/prod-1",
    "prod1TaskDefinitionArn": f"{ECS}:task-definition/Shop-prod-1:1",
    "prod1TargetGroupArn": f"{ELB}:targetgroup/Shop-prod-1/73e2d6bc24d8a067",
}
LISTENER = "must be a listener of the load balancer Shop-prod"


def test_the_account_is_that_of_the_stack() -> None:
    assert Account.of_stack(STACK) == ACCOUNT


def test_outputs_of_the_application_have_no_fault() -> None:
    assert foreign_outputs("Shop", SERVICES, ACCOUNT, OUTPUTS) == ()


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("ClusterName", "Other", "must be the cluster Shop"),
        ("RepositoryUri", OUTPUTS["RepositoryUri"] + "-2", "must be the ECR repository shop"),
        (
            "RepositoryUri",
            "123456789012.dkr.ecr.eu-west-1.example.com/shop",
            "must be the ECR repository shop",
        ),
        ("ProductionListenerArn", f"{ELB}:listener/app/Other-prod/1/2", LISTENER),
        ("ProductionListenerArn", f"{ELB}:listener/app/Shop-dev/1/2", LISTENER),
        ("ProductionListenerArn", f"{ELB}:listener/net/Shop-prod/1/2", LISTENER),
        ("TestListenerArn", f"{ELB}:listener-rule/app/Shop-prod/1/2/3", LISTENER),
        (
            "TestListenerArn",
            OUTPUTS["TestListenerArn"].replace("eu-west-1", "us-east-1"),
            LISTENER,
        ),
        (
            "TestListenerArn",
            OUTPUTS["TestListenerArn"].replace("123456789012", "999999999999"),
            LISTENER,
        ),
        (
            "TestListenerArn",
            OUTPUTS["TestListenerArn"].replace("arn:aws:", "arn:aws-cn:"),
            LISTENER,
        ),
        (
            "TestListenerArn",
            OUTPUTS["ProductionListenerArn"],
            "must differ from ProductionListenerArn",
        ),
        ("ProductionUrl", "http://169.254.169.254/latest", "must be a URL without a path"),
        ("TestUrl", "file:///etc/passwd", "must be a URL without a path"),
        ("devUrl", "http://user@example.com", "must be a URL without a path"),
        (
            "devServiceArn",
            f"{ECS}:service/Other/dev",
            "must be the service dev of the cluster Shop",
        ),
        ("devServiceArn", f"{ECS}:service/Shop/qa", "must be the service dev of the cluster Shop"),
        (
            "devTaskDefinitionArn",
            f"{ECS}:task-definition/Shop-qa:1",
            "must be a task definition of the family Shop-dev",
        ),
        (
            "prod1TargetGroupArn",
            f"{ELB}:targetgroup/Shop-prod-2/1",
            "must be the target group Shop-prod-1",
        ),
        (
            "prod1TargetGroupArn",
            f"{ELB}:targetgroup/Shop-x-prod-1/1",
            "must be the target group Shop-prod-1",
        ),
    ],
)
def test_an_output_of_another_resource_is_a_fault(key: str, value: str, fault: str) -> None:
    faults = foreign_outputs("Shop", SERVICES, ACCOUNT, OUTPUTS | {key: value})
    assert faults == (f"{key} {fault}",)


def test_the_missing_outputs_of_each_service_are_named() -> None:
    without = {key: value for key, value in OUTPUTS.items() if not key.startswith("prod1")}
    assert missing_outputs(without, SERVICES) == (
        "prod1ServiceArn", "prod1TaskDefinitionArn", "prod1TargetGroupArn",
    )  # fmt: skip


# --- the text of a template ---


def faults(template: str) -> tuple[str, ...]:
    return template_faults(template, "Shop", SERVICES, ACCOUNT)


def as_json(value: Any) -> str:
    return json.dumps(value, indent=1)


@pytest.mark.parametrize(
    "template",
    [APPLICATION.read_text(), SMALL, as_json(load(APPLICATION)), json.dumps(load(APPLICATION))],
    ids=["YAML", "flow style", "JSON", "JSON in one line"],
)
def test_the_text_of_a_correct_template_has_no_fault(template: str) -> None:
    assert faults(template) == ()


def with_listener(value: str) -> str:
    changed = SMALL.replace("{Value: !Ref ProductionListener}", value)
    assert changed != SMALL
    return changed


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            SMALL.replace("TestListenerArn", "TestListener").replace("ServiceArn", "Service"),
            ("it lacks the outputs TestListenerArn, devServiceArn, prod1ServiceArn",),
        ),
        (
            with_listener(f"{{Value: '{ELB}:listener/app/Other-prod/1/2'}}"),
            (f"ProductionListenerArn {LISTENER}",),
        ),
        (
            with_listener(f'\n    Value: !Sub "{ELB}:listener/app/Other-prod/1/2"\n'),
            (f"ProductionListenerArn {LISTENER}",),
        ),
        (
            with_listener("\n    Value: !ImportValue other-listener"),
            ("ProductionListenerArn must not be the value of another stack (Fn::ImportValue)",),
        ),
        (
            with_listener("\n    Value:\n      Fn::ImportValue: other-listener"),
            ("ProductionListenerArn must not be the value of another stack (Fn::ImportValue)",),
        ),
        (
            as_json(
                {
                    "Outputs": load(APPLICATION)["Outputs"]
                    | {"ProductionListenerArn": {"Value": ELB}}
                }
            ),
            (f"ProductionListenerArn {LISTENER}",),
        ),
    ],
    ids=["missing", "literal ARN", "in Sub", "import", "long import", "literal ARN in JSON"],
)
def test_the_text_of_a_template_shows_a_violation(template: str, expected: tuple[str, ...]) -> None:
    assert faults(template) == expected


def test_a_literal_of_the_application_has_no_fault() -> None:
    assert faults(with_listener(f"{{Value: '{OUTPUTS['ProductionListenerArn']}'}}")) == ()


@pytest.mark.parametrize(
    "value",
    [
        f'{{Value: !Join ["", ["{ELB}:listener/app/", !Ref "AWS::StackName", "-prod/1/2"]]}}',
        '{Value: !Join [":", ["arn:aws:elasticloadbalancing", !Ref "AWS::Region"]]}',
        f'{{Value: !Sub "{ELB}:listener/app/${{AWS::StackName}}-prod/1/2"}}',
        f"{{Value: !Ref Listener, Description: No ImportValue of {ELB}:listener/app/NAME/1/2}}",
        f"{{Value: !Ref Listener}} # before: {ELB}:listener/app/Old-prod/1/2",
    ],
    ids=["Join", "Join of parts", "Sub", "description", "comment"],
)
def test_a_part_of_an_arn_has_no_fault(value: str) -> None:
    assert faults(with_listener(value)) == ()


def test_a_comment_between_sections_does_not_end_the_outputs() -> None:
    assert faults(SMALL.replace("  TestUrl", "# a comment\n\n  TestUrl")) == ()


@pytest.mark.parametrize(
    "template",
    [
        "Outputs:\n  Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://b/o}}",
        "Transform: AWS::Serverless-2016-10-31\nOutputs: {}",
        "Outputs: {RepositoryUri: {Value: a}}",
        '{"Outputs": [',
        '{"Outputs": []}',
        '{"Outputs": {"Fn::ForEach::Services": ["Service"]}}',
        '{"Outputs": {"Fn::ForEach::Services": {"Service": []}}}',
        '{"Outputs": {"Fn::ForEach::Services": null}}',
        '{"Outputs": ' + "[" * 20_000,
    ],
)
def test_outputs_that_the_text_does_not_show_are_not_faults(template: str) -> None:
    assert faults(template) == ()


def test_a_template_without_outputs_lacks_all() -> None:
    (fault,) = faults("Resources: {}")
    assert fault.startswith("it lacks the outputs RepositoryUri, ProductionListenerArn, ")


# --- policies of roles ---

WHOLE = APPLICATION.read_text()
TYPE = "IAM resources must have the type AWS::IAM::Role or AWS::IAM::RolePolicy"
ROLE = (
    "each RoleName must be the Ref of a role of the template; a role with a name requires"
    " namedroles in parameters.yml"
)
NAME = (
    "each RoleName must be the Ref of a role of the template, or the Fn::Sub or Fn::Join of the"
    " stack's name, an underscore and further characters"
)
HIDDEN = "each Type must be a text without escapes and variables"
SECRETS = '          RoleName:\n            Ref: !Sub "${Environment}ExecutionRole"\n'
ROLES = """\
Parameters:
  Other: {Type: String, Default: role-of-another-stack}
Resources:
  Second: {Type: AWS::IAM::Role, Properties: {Path: /devops-ecs/}}
  Own:
    Type: AWS::IAM::Role
    Properties: {Path: /devops-ecs/}
"""


def with_resource(text: str) -> str:
    """Return the application template with one more resource, given in flow style."""
    return WHOLE.replace("\nResources:\n", f"\nResources:\n  Extra: {text}\n")


@pytest.mark.parametrize(
    "template",
    [WHOLE, SMALL, as_json(load(APPLICATION)), json.dumps(load(APPLICATION))],
    ids=["YAML", "flow style", "JSON", "JSON in one line"],
)
def test_a_template_with_policies_for_its_own_roles_has_no_fault(template: str) -> None:
    assert policy_faults(template) == ()


@pytest.mark.parametrize("name", ["Own", "Second"])
@pytest.mark.parametrize("reference", ["!Ref {}", "{{Ref: {}}}", '\n        Ref: "{}"\n'])
def test_each_style_of_a_reference_has_no_fault(name: str, reference: str) -> None:
    template = ROLES + (
        "  Policy:\n    Type: AWS::IAM::RolePolicy\n    Properties:\n"
        f"      RoleName: {reference.format(name)}\n      PolicyName: extra # for {name}\n"
    )
    assert policy_faults(template) == ()


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (with_resource("{Type: AWS::IAM::Policy, Properties: {Roles: [other]}}"), (TYPE,)),
        (with_resource("{Type: AWS::IAM::ManagedPolicy, Properties: {Roles: [other]}}"), (TYPE,)),
        (with_resource("{Type: AWS::IAM::UserPolicy, Properties: {UserName: admin}}"), (TYPE,)),
        (with_resource("{Type: AWS::IAM::GroupPolicy}"), (TYPE,)),
        (with_resource("{Type: AWS::IAM::InstanceProfile, Properties: {Roles: [a]}}"), (TYPE,)),
        (with_resource("{Type: AWS::IAM::RoleX}"), (TYPE,)),
        (with_resource("{Type: !Sub AWS::IAM::${Kind}}"), (HIDDEN, TYPE)),
        (with_resource('{Type: "AWS::${Kind}"}'), (HIDDEN,)),
        (with_resource('{Type: "AWS::\\x49AM::Policy"}'), (HIDDEN,)),
        (with_resource('{"\\u0054ype": AWS::IAM::Policy}'), (HIDDEN, TYPE)),
        (with_resource('{Type: "AWS::I\\\n  AM::Policy"}'), (TYPE,)),
        (with_resource("{Type: AWS::IAM::RolePolicy}"), (ROLE,)),
        (WHOLE.replace(SECRETS, "          RoleName: role-of-another-stack\n"), (ROLE,)),
        (WHOLE.replace(SECRETS, "          RoleName: !Ref Image\n"), (ROLE,)),
        (WHOLE.replace(SECRETS, "          RoleName: !ImportValue other\n"), (ROLE,)),
        (WHOLE.replace(SECRETS, '          RoleName: !Sub "${Image}"\n'), (ROLE,)),
        (WHOLE.replace(SECRETS, "          ? RoleName\n          : other\n"), (ROLE,)),
        (WHOLE.replace(SECRETS, '          "Role\\x4eame": other\n'), (HIDDEN, ROLE)),
        (WHOLE.replace(SECRETS, "          # RoleName: !Ref Own\n"), (ROLE,)),
    ],
)  # fmt: skip
def test_a_policy_for_a_role_of_another_stack_is_a_fault(
    template: str, expected: tuple[str, ...]
) -> None:
    assert template != WHOLE
    assert policy_faults(template) == expected


@pytest.mark.parametrize(
    "template",
    [
        ROLES + "  P: {Type: AWS::IAM::RolePolicy, Properties: {RoleName: !Ref Other}}\n",
        # A parameter or a variable that looks like a role.
        ROLES + "    Metadata: {Other: {Type: AWS::IAM::Role}}\n"
        "  P: {Type: AWS::IAM::RolePolicy, Properties: {RoleName: !Ref Other}}\n",
        ROLES + "    Metadata:\n      ${X}her:\n        Type: AWS::IAM::Role\n"
        "  Fn::ForEach::Loop:\n  - X\n  - [Ot]\n  - ${X}P:\n      Type: AWS::IAM::RolePolicy\n"
        '      Properties: {RoleName: {Ref: !Sub "${X}her"}}\n',
        ROLES + "  Fn::ForEach::Loop:\n  - Own\n  - [role-of-another-stack]\n"
        "  - ${Own}P: {Type: AWS::IAM::RolePolicy, Properties: {RoleName: !Ref Own}}\n",
    ],
    ids=["parameter", "metadata", "loop", "loop variable"],
)
def test_a_parameter_or_a_variable_is_not_a_role(tmp_path: Path, template: str) -> None:
    path = tmp_path / "template.yml"
    path.write_text(template)
    assert policy_faults(template) == (ROLE,)
    assert policy_faults(as_json(load(path))) == (ROLE,)


def with_named_role(name: str, path: Path) -> list[str]:
    """Return the application template with a named role: in YAML, and if possible in JSON."""
    text = with_resource(f"{{Type: AWS::IAM::Role, Properties: {{Path: /, RoleName: {name}}}}}")
    path.write_text(text)
    return [text, as_json(load(path))]


@pytest.mark.parametrize(
    "name",
    [
        '!Sub "${AWS::StackName}_task"',
        "!Sub '${AWS::StackName}_${Image}'",
        '{"Fn::Sub": "${AWS::StackName}_task"}',
        '!Join ["_", [!Ref AWS::StackName, !Ref Image]]',
        '{"Fn::Join": ["_", [{"Ref": "AWS::StackName"}, task]]}',
    ],
)
def test_a_role_can_have_a_name_of_its_stack_if_the_installation_allows_it(
    tmp_path: Path, name: str
) -> None:
    for template in with_named_role(name, tmp_path / "template.yml"):
        assert policy_faults(template, named_roles=True) == ()
        assert policy_faults(template) == (ROLE,)


@pytest.mark.parametrize(
    "name",
    [
        "fixed",
        '!Sub "${AWS::StackName}"',
        '!Sub "${AWS::StackName}-task"',
        '!Sub "${AWS::StackName}_"',
        '!Sub "a${AWS::StackName}_task"',
        '!Sub "${Image}_task"',
        '!Sub ["${AWS::StackName}_task", {"AWS::StackName": other}]',
        '!Join ["-", [!Ref "AWS::StackName", task]]',
        '!Join ["_", [task, !Ref "AWS::StackName"]]',
        '!Join ["_", [!Ref "AWS::StackName"]]',
        '!Join ["_", [!Ref "Image", task]]',
        "!ImportValue other",
    ],
)
def test_a_name_that_roles_of_other_stacks_can_have_is_a_fault(tmp_path: Path, name: str) -> None:
    for template in with_named_role(name, tmp_path / "template.yml"):
        assert policy_faults(template, named_roles=True) == (NAME,)


def test_a_policy_refers_to_its_role_also_if_roles_can_have_names() -> None:
    named = '          RoleName: !Sub "${AWS::StackName}_task"\n'
    assert policy_faults(WHOLE.replace(SECRETS, named), named_roles=True) == (NAME,)
    assert policy_faults(WHOLE, named_roles=True) == ()


def test_no_application_and_no_generated_role_has_a_name_that_another_stack_can_give() -> None:
    assert not APPLICATION_NAME.fullmatch("shop_task")
    # CloudFormation generates "<stack>-<logical id>-<random>".
    assert not "shop-2-Role-1A2B".startswith("shop_")


# --- the container of a service ---

BLUEPRINT = {"containerDefinitions": [{"name": "log-router"}, {"name": "web"}]}


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ("web", ()),
        ("app", ("the task definition of dev has no container app",)),
        (None, ("the service dev has no load balancer entry for its target group",)),
    ],
)
def test_the_load_balancer_entry_names_a_container(
    container: str | None, expected: tuple[str, ...]
) -> None:
    assert container_faults("dev", BLUEPRINT, container) == expected
