"""An application from create to delete, with `devops`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devops_cli.exits import Exit
from tests.lab.laptop.api import Api
from tests.lab.laptop.devops import PATIENCE, devops
from tools.laptop.cloud import Cloud

NAME = "ByHand"

Run = Callable[..., str]


@pytest.fixture(scope="module")
def run(cloud: Cloud) -> Run:
    """A function that runs a command, checks its exit code and returns its output."""

    def command(*arguments: str, code: int = Exit.SUCCEEDED) -> str:
        done = devops(cloud, *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        return done.stdout + done.stderr

    return command


@pytest.fixture(scope="module")
def application(api: Api, run: Run) -> Iterator[str]:
    output = run("create", NAME, "--team=platform", "--email=a@example.com", "--env=dev,qa")
    assert f"devops deploy {NAME} --env dev --version VERSION" in output
    for version, behaviour in (("1.0", ""), ("2.0", ""), ("3.0", "crash")):
        api.push(NAME, version, behaviour)
    yield NAME
    run("delete", NAME, "--yes")
    assert "404 NOT_FOUND" in run("status", NAME, code=Exit.CONFLICT)


def live(run: Run) -> Any:
    """Return the live version."""
    stack = json.loads(run("status", NAME, "--json"))["stack"]
    [version] = [each.get("version") for each in stack["environments"] if each.get("live")]
    return version


def test_a_version_is_deployed_promoted_swapped_and_swapped_back(
    application: str, run: Run
) -> None:
    for version in ("1.0", "2.0"):
        plan = run("deploy", application, "--env=dev,qa", f"--version={version}", "--dry-run")
        assert f":{version}\n" in plan
        assert f"promote {application} --from qa" in run(
            "deploy", application, "--env=dev,qa", f"--version={version}", "--timeout", PATIENCE
        )
        swap = f"devops swap {application} --version {version}"
        assert swap in run("promote", application)
        assert "live afterwards" in run("swap", application, "--dry-run")
        run("swap", application, "--version", version)
        assert live(run) == version
    assert "the swap changed nothing" in run("swap", application, "--version=2.0")
    assert "add --version, --back or --yes" in run("swap", application, code=Exit.USAGE)
    assert f"swap of {application} SUCCEEDED" in run("swap", application, "--back")
    assert live(run) == "1.0"
    assert "SWITCHED" in run("events", application, "--since=1h")
    assert re.search(rf"{application} +PROD-GREEN", run("ls", "--env=prod-green", "--version=1.0"))
    assert f"swap of {application} SUCCEEDED" in run("wait", application)


def test_a_version_that_crashes_fails(application: str, run: Run) -> None:
    command = ("deploy", application, "--env=dev", "--version=3.0", "--timeout", PATIENCE)
    output = run(*command, code=Exit.FAILED)
    assert "exit code 1" in output
    assert f"devops events {application} --operation" in output


def test_a_refusal_prints_its_code(application: str, run: Run) -> None:
    deploy = ("deploy", application, "--version=9.9")
    assert "IMAGE_NOT_FOUND" in run(*deploy, "--env=dev", code=Exit.CONFLICT)
    assert "NO_SUCH_ENVIRONMENT" in run(*deploy, "--env=stage", code=Exit.CONFLICT)
    checked_here = run("deploy", application, "--env=dev", "--version=a b", code=Exit.USAGE)
    assert "'a b' must be an image tag" in checked_here
    assert "  repouri: " in run(*deploy, "--env=dev", "--image=a b", code=Exit.USAGE)
    assert "no operation" in run("abort", application, code=Exit.CONFLICT)
