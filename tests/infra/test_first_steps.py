"""docs/first-steps-on-aws.md: its commands and the template of its network."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import botocore.session
import pytest
import yaml
from botocore import xform_name

from tests.lab.first_steps import NETWORK, aws_commands, blocks
from tests.lab.templates import ROOT, load
from tools.laptop.packages import GOOD

# Commands of the AWS CLI that are not operations of a service, with their options.
_OWN = {
    ("cloudformation", "deploy"): {"stack-name", "template-file", "parameter-overrides"},
    ("ecr", "get-login-password"): set(),
}
_GLOBAL = {"query", "output"}
NETWORK_KEYS = ("vpc", "subnet1", "subnet2", "elbsubnet1", "elbsubnet2", "sg", "elbsg")


def option(member: str) -> str:
    return str(xform_name(member, "-"))


@pytest.mark.parametrize(
    ("service", "operation", "options"), [*aws_commands()], ids=lambda each: str(each)[:30]
)
def test_each_aws_command_is_one_of_the_cli(
    service: str, operation: str, options: list[str]
) -> None:
    if (service, operation) in _OWN:
        assert set(options) == _OWN[service, operation]
        return
    model = botocore.session.Session().get_service_model(service.removesuffix("api"))
    names = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(names[operation]).input_shape
    members = {option(each) for each in shape.members} if shape else set()
    assert set(options) <= members | _GLOBAL
    required = {option(each) for each in shape.required_members} if shape else set()
    assert required <= set(options)


def test_the_commands_fill_in_all_parameters(tmp_path: Path) -> None:
    (commands,) = (each for each in blocks() if each.startswith("put()"))
    (tmp_path / "parameters.yml").write_text((ROOT / "parameters.yml").read_text())
    outputs = "".join(f"{key}\t{GOOD[key]}\n" for key in NETWORK_KEYS)
    subprocess.run(  # noqa: S603 - the commands of the page
        ["bash", "-euc", 'aws() { printf "%s" "$OUTPUTS"; }\n' + commands],  # noqa: S607
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin",
            "OUTPUTS": outputs,
            "ACCOUNT": "012345678901",
            "AWS_REGION": "eu-west-1",
            "REGISTRY": "012345678901.dkr.ecr.eu-west-1.amazonaws.com",
        },
        check=True,
        timeout=30,
    )
    text = (tmp_path / "parameters.yml").read_text()
    found = yaml.safe_load(text)
    expected = {key: value.strip('"') for key, value in GOOD.items()} | {
        "productionscheme": "internet-facing",
        "repouri": "012345678901.dkr.ecr.eu-west-1.amazonaws.com/first-image:1",
    }
    assert found == expected


def test_the_outputs_of_the_network_are_parameters() -> None:
    assert tuple(load(NETWORK)["Outputs"]) == NETWORK_KEYS


def test_lint_checks_the_network() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (line,) = re.findall(r"^\t\$\(TOOLS\)/cfn-lint (.*)$", makefile, re.MULTILINE)
    checked = {path for pattern in line.split() for path in ROOT.glob(pattern)}
    assert NETWORK in checked
