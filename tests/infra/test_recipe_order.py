"""The recipes push only missing images, and an older commit does not replace a newer release."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session

from tests.lab.git import Repository
from tests.lab.laptop import recipes

ECR = get_session().get_service_model("ecr")
IMAGE = ["012345678901.dkr.ecr.eu-west-1.amazonaws.com", "mydevopsapi", "abc"]
# A program that records its arguments. `aws ecr describe-images` has a prepared result.
_PROGRAM = """#!/bin/sh
echo "$(basename "$0") $*" >> "$RECORD"
case "$*" in
  "ecr describe-images"*) printf '%s\\n' "$ERROR" >&2; [ -z "$ERROR" ] || exit 254 ;;
  "ecr get-login-password") echo password ;;
  status*) cat "$STATUS"; exit "${EXIT:-0}" ;;
esac
"""


# `devops status` has a prepared response; the other commands are real.
_COMMAND_LINE = f"""
case "$1" in status) cat "$STATUS" ;; *) exec {sys.executable} -m devops_cli.main "$@" ;; esac
"""


def error(code: str) -> str:
    """Return the error message of the AWS CLI, which is that of the SDK."""
    return str(ClientError({"Error": {"Code": code, "Message": "x"}}, "DescribeImages"))


class Machine:
    """A build server with programs in place of aws, docker and devops."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("aws", "docker", "devops"):
            (folder / name).write_text(_PROGRAM)
            (folder / name).chmod(0o755)
        self._record = folder / "record"
        self._record.touch()

    def run(
        self, script: str, *arguments: str, at: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        own = {
            "PATH": f"{self._folder}:{os.environ['PATH']}",
            "RECORD": str(self._record),
            "STATUS": str(self._folder / "status"),
            "ERROR": "",
        }
        return subprocess.run(  # noqa: S603 - our own recipe
            [str(recipes.RECIPES / script), *arguments],
            cwd=at or self._folder,
            env=own | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def shell(self, line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a line of a recipe, with the real command line."""
        (self._folder / "devops").write_text(f"#!/bin/sh\n{_COMMAND_LINE}")
        (self._folder / "ci").symlink_to(recipes.RECIPES)
        response = {"operation": {"environments": [{"digest": f"sha256:{64 * '0'}"}]}}
        (self._folder / "deploy.json").write_text(json.dumps(response))
        own = {
            "PATH": f"{self._folder}:{os.environ['PATH']}",
            "HOME": str(self._folder),
            "PYTHONPATH": str(recipes.ROOT),
            "RECORD": str(self._record),
            "STATUS": str(self._folder / "status"),
            "ERROR": "",
        }
        return subprocess.run(  # noqa: S603 - a line of our own recipe
            ["bash", "-eo", "pipefail", "-c", line],  # noqa: S607 - the shell of the machine
            cwd=self._folder,
            env=own | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def status(self, *rows: Mapping[str, Any]) -> None:
        """Set the environments in the response of `devops status`."""
        self.respond({"stack": {"environments": rows}})

    def respond(self, response: Mapping[str, Any]) -> None:
        """Set the response of `devops status`."""
        (self._folder / "status").write_text(json.dumps(response))

    def calls(self) -> list[str]:
        return self._record.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


DESCRIBE = (
    "aws ecr describe-images --registry-id 012345678901 --repository-name mydevopsapi"
    " --image-ids imageTag=abc"
)


def test_an_image_that_ecr_has_is_not_built(machine: Machine) -> None:
    done = machine.run("push.sh", *IMAGE)
    assert (done.returncode, machine.calls()) == (0, [DESCRIBE]), done.stderr


def test_a_missing_image_is_built_and_pushed(machine: Machine) -> None:
    done = machine.run("push.sh", *IMAGE, ERROR=error("ImageNotFoundException"))
    assert done.returncode == 0, done.stderr
    name = f"{IMAGE[0]}/mydevopsapi:abc"
    first, *others, last = machine.calls()
    assert (first, last) == (DESCRIBE, f"docker push {name}")
    assert set(others) == {
        f"docker build --tag {name} .",
        "aws ecr get-login-password",
        f"docker login --username AWS --password-stdin {IMAGE[0]}",
    }


def other_errors() -> Iterator[str]:
    """Yield the other errors of DescribeImages, and those of all calls."""
    declared = [each.name for each in ECR.operation_model("DescribeImages").error_shapes]
    assert "ImageNotFoundException" in declared
    for name in [*declared, "AccessDeniedException", "ExpiredTokenException"]:
        if name != "ImageNotFoundException":
            yield error(name)
    yield 'Could not connect to the endpoint URL: "https://api.ecr.eu-west-1.amazonaws.com/"'
    yield "Unable to locate credentials. You can configure credentials by running aws configure."


@pytest.mark.parametrize("text", [*other_errors()])
def test_another_error_does_not_mean_a_missing_image(machine: Machine, text: str) -> None:
    done = machine.run("push.sh", *IMAGE, ERROR=text)
    assert (done.returncode, done.stderr) == (1, f"{text}\n")
    assert machine.calls() == [DESCRIBE]


@pytest.mark.parametrize("value", ["", " "], ids=repr)
@pytest.mark.parametrize("script", ["push.sh", "check-order.sh"])
@pytest.mark.parametrize("position", range(3))
def test_a_script_refuses_an_empty_argument(
    machine: Machine, script: str, position: int, value: str
) -> None:
    arguments = [*IMAGE]
    arguments[position] = value
    done = machine.run(script, *arguments)
    names = {"push.sh": ("REGISTRY", "REPOSITORY", "TAG")}.get(
        script, ("APPLICATION", "ENVIRONMENT", "COMMIT")
    )
    assert (done.returncode, done.stderr) == (2, f"{names[position]} is empty\n")
    assert machine.calls() == []


@pytest.mark.parametrize("script", ["push.sh", "check-order.sh"])
def test_a_script_requires_three_arguments(machine: Machine, script: str) -> None:
    for arguments in (IMAGE[:2], [*IMAGE, "x"]):
        done = machine.run(script, *arguments)
        assert (done.returncode, machine.calls()) == (2, [])
        assert done.stderr.startswith(f"usage: {script} ")


class History:
    """Commits: `old`, its successor `new`, and `other`, a successor of `old` on another branch."""

    def __init__(self, folder: Path) -> None:
        self.repository = Repository(folder)
        self.old = self.repository.commit()
        self.other = self.repository.commit()
        self.repository.back_to(self.old)
        self.new = self.repository.commit()


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "repository")


def check(
    machine: Machine, history: History, environment: str, running: str, commit: str
) -> subprocess.CompletedProcess[str]:
    """Check the order; the idle slot and the other environments run something else."""
    version = {"version": running} if running else {}
    rows: list[dict[str, Any]]
    name = "PROD-GREEN" if environment == "prod" else environment.upper()
    rows = [
        {"environment": "QA", "version": history.new},
        {"environment": "PROD-BLUE", "version": history.new, "live": False},
        {"environment": "PROD-GREEN", "version": history.new, "live": True},
    ]
    named = {"environment": name, **({"live": True} if environment == "prod" else {}), **version}
    machine.status(named, *[row for row in rows if row["environment"] != name])
    at = history.repository.folder
    return machine.run("check-order.sh", "Shop", environment, commit, at=at)


@pytest.mark.parametrize("environment", ["stage", "prod"])
def test_a_newer_commit_replaces_an_older_one(
    machine: Machine, history: History, environment: str
) -> None:
    for running in (history.old, ""):
        done = check(machine, history, environment, running, history.new)
        assert done.returncode == 0, done.stderr
    assert machine.calls() == ["devops status --json -- Shop"] * 2


@pytest.mark.parametrize("environment", ["stage", "prod"])
@pytest.mark.parametrize(
    ("running", "commit"), [("new", "old"), ("other", "old"), ("other", "new"), ("unknown", "new")]
)
def test_no_other_commit_is_replaced(
    machine: Machine, history: History, environment: str, running: str, commit: str
) -> None:
    """A commit that the checkout lacks can be newer."""
    version, replacing = getattr(history, running, "f" * 40), getattr(history, commit)
    done = check(machine, history, environment, version, replacing)
    assert done.returncode == 1
    text = f"{environment} runs {version}, which is not a predecessor of {replacing}\n"
    assert done.stderr.endswith(text)


def test_a_shallow_checkout_fails(machine: Machine, history: History, tmp_path: Path) -> None:
    shallow = history.repository.shallow_copy(tmp_path / "shallow")
    history.repository = shallow
    assert check(machine, history, "stage", history.old, history.new).returncode == 1


def test_a_repeated_deploy_is_possible(machine: Machine, history: History) -> None:
    assert check(machine, history, "stage", history.new, history.new).returncode == 0


def test_a_repeated_release_keeps_the_previous_release(machine: Machine, history: History) -> None:
    done = check(machine, history, "prod", history.new, history.new)
    assert (done.returncode, "is already live" in done.stderr) == (1, True)


@pytest.mark.parametrize("version", ["1.0.0.0", "main", "HEAD", "abc"])
def test_only_a_person_replaces_a_release_that_is_not_a_commit(
    machine: Machine, history: History, version: str
) -> None:
    done = check(machine, history, "prod", version, history.new)
    assert (done.returncode, "release" in done.stderr) == (1, True)
    assert check(machine, history, "stage", version, history.new).returncode == 0


def test_an_unknown_state_fails(machine: Machine, history: History) -> None:
    """For example, the service could not read the listener."""
    machine.status({"environment": "PROD-GREEN"}, {"environment": "PROD-BLUE"})
    for environment in ("prod", "stage"):
        done = machine.run("check-order.sh", "Shop", environment, history.new)
        assert (done.returncode, environment in done.stderr) == (1, True)


def test_an_error_of_the_service_is_the_only_message(machine: Machine, history: History) -> None:
    machine.respond({"errorMessage": "there is no application Shop", "code": "NOT_FOUND"})
    done = machine.run("check-order.sh", "Shop", "prod", history.new, EXIT="3")
    assert (done.returncode, done.stderr) == (3, "")


_VARIABLE = re.compile(r"\$\{?([A-Z][A-Z_]*)")
# The recipe or the runner sets these variables.
_SET = ("PATH", "AWS_WEB_IDENTITY_TOKEN_FILE", "RUNNER_TEMP", "GITHUB_OUTPUT", "GITHUB_PATH")


def lines() -> Iterator[tuple[str, str, str]]:
    """Yield each variable that a line of a recipe reads, with the recipe and the line."""
    for path in sorted(recipes.RECIPES.iterdir()):
        if path.suffix in (".md", ".sh"):
            continue
        for line in recipes.commands(path):
            for name in dict.fromkeys(_VARIABLE.findall(line)):
                if name not in _SET:
                    yield path.name, name, line


@pytest.mark.parametrize(("recipe", "name", "line"), [*lines()])
def test_an_empty_variable_of_a_recipe_fails_its_line(
    machine: Machine, recipe: str, name: str, line: str
) -> None:
    """The message contains the name of the variable, of the option or of the argument."""
    machine.status({"environment": "STAGE"}, {"environment": "PROD-GREEN", "live": True})
    variables = {each: "x" for each in _VARIABLE.findall(line) if each not in _SET} | {name: ""}
    done = machine.shell(line, **variables)
    assert done.returncode != 0, recipe
    names = {"GITHUB_SHA": "TAG", "GIT_COMMIT": "TAG", "CI_COMMIT_SHA": "TAG",
             "CODEBUILD_RESOLVED_SOURCE_VERSION": "TAG"}  # fmt: skip
    scripts = {"check-order": "COMMIT", "swap-until-approval": "VERSION"}
    named = (each for script, each in scripts.items() if script in line and name in names)
    argument = next(named, names.get(name, name))
    option = "--digest" if name == "DIGEST" else "--version"
    assert any(each in done.stderr for each in (f"{name}: ", f"{argument} is empty", f"'{option}'"))


def test_the_lines_of_all_recipes_are_looked_at() -> None:
    found = {recipe for recipe, _, _ in lines()}
    assert found == {path.name for path in recipes.RECIPES.iterdir()} - {
        "README.md", "deploy.sh", "push.sh", "check-order.sh", "swap-until-approval.sh",
        "swap-with-checks.sh", "continue-swap.sh",
    }  # fmt: skip
    assert {name for _, name, _ in lines()} >= {"REGISTRY", "DIGEST", "DEVOPS_ECS", "AWS_ID_TOKEN"}


@pytest.mark.parametrize("name", ["gitlab-ci.yml", "github-actions.yml"])
def test_the_deploys_and_the_releases_run_one_at_a_time(name: str) -> None:
    found = recipes.load(recipes.RECIPES / name)
    jobs, key = found.get("jobs", found), "concurrency" if "jobs" in found else "resource_group"
    groups = [job[key] for job in jobs.values() if isinstance(job, dict) and key in job]
    assert groups == ["stage", "production"]


def test_jenkins_runs_one_build_at_a_time() -> None:
    assert "options { disableConcurrentBuilds() }" in (recipes.RECIPES / "Jenkinsfile").read_text()
