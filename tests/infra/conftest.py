"""The deploy tool's own view of the service: parameters checked, serverless.yml packaged."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.lab.templates import ROOT, Template
from tools.laptop.packages import NODE_MODULES, compiled_template, copy_service, package


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
    copy = copy_service(tmp_path_factory.mktemp("service"))
    done = package(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    return Packaged(compiled_template(copy), copy / ".serverless" / "devops-ecs.zip")


@pytest.fixture(scope="session")
def lambda_environment(packaged: Packaged) -> dict[str, str]:
    """The environment variables of a function, as Lambda sets them."""
    properties = packaged.template["Resources"]["CreateLambdaFunction"]["Properties"]
    variables = dict(properties["Environment"]["Variables"])
    assert variables["STACK_ROLE_ARN"] == {"Fn::GetAtt": ["StackRole", "Arn"]}
    variables["STACK_ROLE_ARN"] = "arn:aws:iam::012345678901:role/stack"
    assert variables["PERMISSIONS_BOUNDARY_ARN"] == {"Ref": "TaskBoundary"}
    variables["PERMISSIONS_BOUNDARY_ARN"] = "arn:aws:iam::012345678901:policy/devops-ecs/boundary"
    return {**variables, "AWS_REGION": "eu-west-1"}
