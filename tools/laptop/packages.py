"""Copies the service with test parameters and builds its Lambda package with `serverless`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.laptop.cloud import ROOT

NODE_MODULES = ROOT / "node_modules"

# Valid values for all required parameters; tests change single values.
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
# The files that a deploy reads, and a folder that must not be part of the package.
_FOLDERS = ("serverless", "handlers", "devops_core", "cloudformation", "tests/infra")
_FILES = ("serverless.yml", "package.json", "requirements.txt")


def parameters_file(directory: Path, values: Mapping[str, str]) -> Path:
    """Write parameters.yml into a directory; return the file."""
    path = directory / "parameters.yml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in values.items()))
    return path


def copy_service(copy: Path) -> Path:
    """Copy the service to a folder, to protect the working tree; return the folder."""
    for directory in _FOLDERS:
        shutil.copytree(ROOT / directory, copy / directory)
    for file in _FILES:
        shutil.copy(ROOT / file, copy / file)
    (copy / "node_modules").symlink_to(NODE_MODULES)
    parameters_file(copy, GOOD)
    return copy


def compiled_template(copy: Path) -> dict[str, Any]:
    """Return the CloudFormation template that `serverless package` has written in a copy."""
    file = copy / ".serverless" / "cloudformation-template-update-stack.json"
    template: dict[str, Any] = json.loads(file.read_text())
    return template


def package(copy: Path) -> subprocess.CompletedProcess[str]:
    """Run `serverless package` in a copy of the service; its output is in `.serverless`."""
    if not NODE_MODULES.is_dir():
        raise FileNotFoundError("node_modules is missing: run `make setup` or `npm ci`")
    environment = {key: os.environ[key] for key in os.environ if not key.startswith("AWS_")}
    # `python3` is then the interpreter of the tests, so that they can use the bytecode.
    path = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    return subprocess.run(  # noqa: S603 - fixed arguments
        [str(NODE_MODULES / ".bin" / "serverless"), "package"],
        cwd=copy,
        env={**environment, "PATH": path, "PARAMETERS": "parameters.yml"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
