"""`make template-check` accepts the project's template, and finds violations of the contract."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from devops_core.template_contract import required_outputs
from tests.lab.templates import APPLICATION, ROOT
from tools.template_check import faults, main, sent_parameters

TEXT = APPLICATION.read_text()
ROUTER = """\
          ContainerDefinitions:
            - Name: log-router
              Image: fluent-bit
            - Name: app
              Image: !Ref Image
"""
FIRST = """\
          ContainerDefinitions:
            - Name: app
              Image: !Ref Image
"""
ROLE_NAME = (
    "each RoleName must be the Ref of a role of the template, or the Fn::Sub or Fn::Join of the"
    " stack's name, an underscore and further characters"
)
LISTENER = "must be a listener of the load balancer Example-prod"


def test_the_template_of_the_project_fulfils_the_contract() -> None:
    assert main([str(APPLICATION)]) == 0


def test_the_page_names_every_parameter_and_every_output() -> None:
    page = (ROOT / "docs" / "custom-template.md").read_text()
    prose = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    named = {word for text in re.findall(r"`([^`]+)`", prose) for word in text.split("<service>")}
    sent = {each for each in sent_parameters(APPLICATION.read_bytes()) if "Secret" not in each}
    outputs = {each.removeprefix("dev") for each in required_outputs(["dev"])}
    assert sent | outputs <= named


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "  ProductionListenerArn:\n    Value: !Ref ProductionListener",
            "  ProductionListenerArn:\n    Value: !ImportValue other",
            ["ProductionListenerArn must not be the value of another stack (Fn::ImportValue)"],
        ),
        (
            '      Name: !Sub "${AWS::StackName}-prod"\n      Type: application',
            "      Name: other-prod\n      Type: application",
            [f"ProductionListenerArn {LISTENER}", f"TestListenerArn {LISTENER}"],
        ),
        (
            "    Value: !Ref TestListener",
            "    Value: !Ref ProductionListener",
            ["TestListenerArn must differ from ProductionListenerArn"],
        ),
        ("  TestUrl:", "  TesterUrl:", ["it lacks the outputs TestUrl"]),
        (
            "      ClusterName: !Ref AWS::StackName",
            "      ClusterName: !Sub ${AWS::StackName}s",
            ["ClusterName must be the cluster Example"],
        ),
        (
            '        Family: !Join ["-", [!Ref AWS::StackName, !Sub "prod-${Slot}"]]',
            '        Family: !Join ["-", [!Ref AWS::StackName, !Sub "slot-${Slot}"]]',
            ["prod1TaskDefinitionArn must be a task definition of the family Example-prod-1"],
        ),
        (
            "            - ContainerName: app\n              ContainerPort: !Ref ContainerPort\n"
            '              TargetGroupArn:\n                Ref: !Sub "prod${Slot}TargetGroup"',
            "            - ContainerName: web\n              ContainerPort: !Ref ContainerPort\n"
            '              TargetGroupArn:\n                Ref: !Sub "prod${Slot}TargetGroup"',
            ["the task definition of prod-1 has no container web"],
        ),
        (
            "                Resource: !Ref prodSecretArns",
            "                Resource: !Ref qaSecretArns",
            [
                "prod1ExecutionRole: prod-1 must not read qaSecretArns",
                "prod2ExecutionRole: prod-2 must not read qaSecretArns",
            ],
        ),
        (
            '                Resource:\n                  Ref: !Sub "${Environment}SecretArns"',
            "                Resource: !Ref prodSecretArns",
            [f"{name}ExecutionRole: {name} must not read prodSecretArns" for name in ("dev", "da")],
        ),
        (
            "          ExecutionRoleArn:\n"
            '            Fn::GetAtt: [!Sub "${Environment}ExecutionRole", Arn]',
            "          ExecutionRoleArn: !GetAtt prod1ExecutionRole.Arn",
            ["prod1ExecutionRole: dev must not read prodSecretArns"],
        ),
        (
            "            - PolicyName: write-logs",
            "            - PolicyName: more\n              PolicyDocument:\n"
            "                Version: '2012-10-17'\n                Statement:\n"
            "                  - Effect: Allow\n                    Action: ssm:GetParameters\n"
            "                    Resource: !Ref stageSecretArns\n"
            "            - PolicyName: write-logs",
            ["devExecutionRole: dev must not read stageSecretArns"],
        ),
        ("  HealthCheckPath:\n", "  HealthPath:\n", ["Parameters: HealthCheckPath is missing"]),
        (
            "\nConditions:\n",
            "  Colour:\n    Type: String\n\nConditions:\n",
            ["Parameters: Colour needs a default, because the service does not send it"],
        ),
        ("Path: /devops-ecs/", "Path: /", ["devExecutionRole: Path must be /devops-ecs/"]),
        (
            "          PermissionsBoundary: !Ref PermissionsBoundary",
            "          RoleName: fixed",
            [
                "devExecutionRole: PermissionsBoundary must be the parameter PermissionsBoundary",
                ROLE_NAME,
            ],
        ),
        (
            '          RoleName:\n            Ref: !Sub "${Environment}ExecutionRole"',
            "          RoleName: role-of-another-application",
            [ROLE_NAME],
        ),
        (
            '          RoleName:\n            Ref: !Sub "${Environment}ExecutionRole"',
            "          RoleName: !ImportValue role-of-another-application",
            [ROLE_NAME],
        ),
        (
            "          RequiresCompatibilities: [FARGATE]",
            "          RequiresCompatibilities: [FARGATE, EC2]",
            ["devTaskDefinition: RequiresCompatibilities must be [FARGATE]"],
        ),
        (
            "            - Name: app\n              Image: !Ref Image",
            "            - Name: app\n              Privileged: true\n"
            "              Image: !Ref Image",
            ["devTaskDefinition: Privileged is not allowed"],
        ),
        (
            "              AssignPublicIp: DISABLED\n              Subnets: !Ref Subnets",
            "              AssignPublicIp: ENABLED\n              Subnets: [subnet-1]",
            [
                "devService: Subnets must be the parameter Subnets",
                "devService: AssignPublicIp is not allowed",
            ],
        ),
        (
            "          LaunchType: FARGATE\n",
            "          LaunchType: FARGATE\n          EnableExecuteCommand: true\n",
            ["devService: EnableExecuteCommand is not allowed"],
        ),
        (
            "\nResources:\n",
            "\nResources:\n  Scaling:\n    Type: AWS::ApplicationAutoScaling::ScalableTarget\n",
            ["AWS::ApplicationAutoScaling::ScalableTarget: serverless/stack-role.yml lacks "],
        ),
        (
            "\nResources:\n",
            "\nResources:\n  Files:\n    Type: AWS::EFS::FileSystem\n",
            ["AWS::EFS::FileSystem: serverless/stack-role.yml may lack its permissions"],
        ),
    ],
)
def test_a_violation_is_found(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    assert old in TEXT
    path = tmp_path / "application.yml"
    path.write_text(TEXT.replace(old, new))
    found = faults(path)
    for fault in expected:
        assert any(each.startswith(fault) for each in found), found


def test_a_log_router_may_stand_first(tmp_path: Path) -> None:
    path = tmp_path / "application.yml"
    assert FIRST in TEXT
    path.write_text(TEXT.replace(FIRST, ROUTER))
    assert faults(path) == []


def test_a_template_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "application.yml"
    path.write_text(TEXT + "#" * 1_000_000)
    (fault,) = faults(path)
    assert "the maximum is 1000000" in fault


def test_a_template_that_is_sent_by_its_url_has_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "application.yml"
    path.write_text(TEXT + "#" * 51_200)
    assert faults(path) == []


def test_the_faults_of_cfn_lint_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "application.yml"
    path.write_text(TEXT.replace("RetentionInDays", "RetentionDays"))
    assert main([str(path)]) == 1
    assert "RetentionDays" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [
        "a: [",
        "text",
        "Resources: []",
        "Resources:\n  A: {Properties: {}}\n",
        '{"Resources": {}, "Outputs": {"Fn::ForEach::Services": ["Service"]}}',
    ],
    ids=["YAML", "text", "resources", "type", "loop"],
)
def test_a_malformed_template_has_the_faults_of_cfn_lint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    template = tmp_path / "template.yml"
    template.write_text(content)
    assert main([str(template)]) == 1
    assert f"- {template}:" in capsys.readouterr().out


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.yml")]) == 2
    assert capsys.readouterr().out == f"{tmp_path / 'none.yml'}: the file does not exist\n"
