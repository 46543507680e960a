"""The deploy tool's own view of the service: parameters checked, serverless.yml packaged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from .templates import ROOT, Template

NODE_MODULES = ROOT / "node_modules"

# A complete parameters file; tests change single lines of it.
GOOD = {
    "apiname": "devops-ecs",
    "stage": "dev",
    "accountid": '"012345678901"',
    "vpc": "vpc-0123456789abcdef0",
    "subnet1": "subnet-0123456789abcdef1",
    "subnet2": "subnet-0123456789abcdef2",
    "elbsubnet1": "subnet-0123456789abcdef3",
    "elbsubnet2": "subnet-0123456789abcdef4",
    "sg": "sg-0123456789abcdef1",
    "elbsg": "sg-0123456789abcdef2",
    "region": "eu-west-1",
    "repouri": "012345678901.dkr.ecr.eu-west-1.amazonaws.com/start:1.0",
    "cftemplate": "s3://ecs-cf-bucket-012345678901-eu-west-1/application.yml",
}


def parameters_file(directory: Path, values: Mapping[str, str]) -> Path:
    path = directory / "parameters.yml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in values.items()))
    return path


def run_node(*arguments: str, parameters: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run node in the project; `parameters` becomes the PARAMETERS variable."""
    if not NODE_MODULES.is_dir():
        pytest.fail("node_modules is missing: run `make setup` or `npm ci`")
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    if parameters:
        environment["PARAMETERS"] = str(parameters)
    return subprocess.run(  # noqa: S603 - the arguments are those of the tests
        ["node", *arguments],  # noqa: S607 - the node of the developer
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


class Packaged(NamedTuple):
    """What `npx serverless package` wrote: the stack's template and the Lambda package."""

    template: Template
    archive: Path


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """Package a copy of the service, so that a deploy in the working tree is not disturbed."""
    if not NODE_MODULES.is_dir():
        pytest.fail("node_modules is missing: run `make setup` or `npm ci`")
    copy = tmp_path_factory.mktemp("service")
    for directory in ("serverless", "handlers", "devops_core", "cloudformation", "tests/infra"):
        shutil.copytree(ROOT / directory, copy / directory)
    for file in ("serverless.yml", "package.json", "requirements.txt"):
        shutil.copy(ROOT / file, copy / file)
    (copy / "node_modules").symlink_to(NODE_MODULES)
    parameters_file(copy, GOOD)
    environment = {key: os.environ[key] for key in os.environ if not key.startswith("AWS_")}
    done = subprocess.run(  # noqa: S603 - fixed arguments
        [str(NODE_MODULES / ".bin" / "serverless"), "package"],
        cwd=copy,
        env={**environment, "PARAMETERS": "parameters.yml"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    output = copy / ".serverless"
    template = json.loads((output / "cloudformation-template-update-stack.json").read_text())
    return Packaged(template, output / "devops-ecs.zip")


@pytest.fixture(scope="session")
def lambda_environment(packaged: Packaged) -> dict[str, str]:
    """The environment variables of a function, as Lambda sets them."""
    properties = packaged.template["Resources"]["CreateLambdaFunction"]["Properties"]
    variables = dict(properties["Environment"]["Variables"])
    assert variables["STACK_ROLE_ARN"] == {"Fn::GetAtt": ["StackRole", "Arn"]}
    variables["STACK_ROLE_ARN"] = "arn:aws:iam::012345678901:role/stack"
    return {**variables, "AWS_REGION": "eu-west-1"}
