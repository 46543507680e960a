"""The recipes for swaps with an approval: one stops at it, one decides, one does both."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.lab.laptop import recipes
from tests.lab.laptop.recipes import Step

STOPS, CONTINUES = "swap-until-approval.sh", "swap-with-checks.sh"
DECIDES = "continue-swap.sh"
WORKFLOW = recipes.RECIPES / "github-actions-approval.yml"
OPERATION = "01JN8EY4M00000000000000001"
RELEASE = ["Shop", "1.0", "sha256:0"]
SWAP = [
    "swap", "--version=1.0", "--digest=sha256:0", "--canary=10", "--bake=30m", "--approve=full",
    "--until=approval",
]  # fmt: skip
END = ["--json", "--", "Shop"]
# Records each argument; a swap has a prepared response and exit code.
_PROGRAM = """#!/bin/bash
printf '%s\\0' "$@" '' >> "$RECORD"
[ "$1" != swap ] || { printf %s "$RESPONSE"; exit "${EXIT:-0}"; }
[ "$1" != approve ] || exit "${APPROVE_EXIT:-0}"
"""


class Machine:
    """A build server with a program in place of devops."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "devops").write_text(_PROGRAM)
        (folder / "devops").chmod(0o755)

    def run(
        self, script: str, *arguments: str, operation: Any = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        own = {
            "PATH": f"{self._folder}:{os.environ['PATH']}",
            "RECORD": str(self._folder / "record"),
            "RESPONSE": json.dumps({"operation": operation}),
        }
        return subprocess.run(  # noqa: S603 - our own recipe
            [str(recipes.RECIPES / script), *arguments],
            cwd=self._folder,
            env=own | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def run_job(self, job: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the scripts of a job of the workflow, without the installation."""
        (self._folder / "ci").unlink(missing_ok=True)
        (self._folder / "ci").symlink_to(recipes.RECIPES)
        steps = recipes.load(WORKFLOW)["jobs"][job]["steps"]
        (script,) = (
            each["run"] for each in steps if each.get("name", "Install devops") != "Install devops"
        )
        own = {
            "PATH": f"{self._folder}:{os.environ['PATH']}",
            "RECORD": str(self._folder / "record"),
            "RUNNER_TEMP": str(self._folder),
            "GITHUB_OUTPUT": str(self._folder / "outputs"),
        }
        return Step(script).run(own | variables, self._folder)

    def outputs(self) -> str:
        """Return the outputs of a job."""
        return (self._folder / "outputs").read_text()

    def calls(self) -> list[list[str]]:
        """Return the arguments of each call."""
        record = self._folder / "record"
        text = record.read_text() if record.exists() else ""
        return [call.split("\0") for call in text.split("\0\0")[:-1]]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_pipeline_stops_at_the_approval_with_the_id(machine: Machine) -> None:
    done = machine.run(STOPS, *RELEASE, "--judge", operation={"id": OPERATION})
    assert (done.returncode, done.stdout) == (0, f"{OPERATION}\n"), done.stderr
    assert machine.calls() == [[*SWAP, "--judge", *END]]


@pytest.mark.parametrize(("check", "command", "code"), [("true", "approve", 0),
                                                        ("false", "abort", 1)])  # fmt: skip
def test_a_pipeline_continues_after_its_checks(
    machine: Machine, check: str, command: str, code: int
) -> None:
    done = machine.run(CONTINUES, *RELEASE, check, "a b", operation={"id": OPERATION})
    assert done.returncode == code, done.stderr
    assert machine.calls() == [[*SWAP, *END], [command, "--", "Shop", OPERATION]]


@pytest.mark.parametrize(("check", "command", "code"), [("true", "approve", 0),
                                                        ("false", "abort", 1)])  # fmt: skip
def test_a_second_job_approves_or_aborts_by_its_check(
    machine: Machine, check: str, command: str, code: int
) -> None:
    done = machine.run(DECIDES, "Shop", OPERATION, check, "a b")
    assert done.returncode == code, done.stderr
    assert machine.calls() == [[command, "--", "Shop", OPERATION]]


@pytest.mark.parametrize(("code", "commands"), [("4", ["approve", "abort"]), ("1", ["approve"])])
def test_customers_return_at_once_if_the_job_must_not_approve(
    machine: Machine, code: str, commands: list[str]
) -> None:
    done = machine.run(DECIDES, "Shop", OPERATION, "true", APPROVE_EXIT=code)
    assert done.returncode == int(code), done.stderr
    assert machine.calls() == [[each, "--", "Shop", OPERATION] for each in commands]


@pytest.mark.parametrize("position", range(2))
@pytest.mark.parametrize("value", ["", " "], ids=repr)
def test_a_second_job_refuses_an_empty_or_missing_argument(
    machine: Machine, position: int, value: str
) -> None:
    arguments = ["Shop", OPERATION]
    arguments[position] = value
    for given in ([*arguments, "true"], ["Shop", OPERATION][:position], ["Shop", OPERATION]):
        done = machine.run(DECIDES, *given)
        assert (done.returncode, machine.calls()) == (2, [])
    name = ("APPLICATION", "OPERATION")[position]
    assert machine.run(DECIDES, *arguments, "true").stderr == f"{name} is empty\n"


def test_the_first_job_of_the_workflow_stops_at_the_approval(machine: Machine) -> None:
    release = {"GITHUB_SHA": "1.0", "DIGEST": "sha256:0"}
    response = json.dumps({"operation": {"id": OPERATION}})
    done = machine.run_job("production", RESPONSE=response, **release)
    assert (done.returncode, machine.outputs()) == (0, f"operation={OPERATION}\n"), done.stderr
    assert machine.calls() == [[*SWAP, "--json", "--", "MyDevOpsAPI"]]


def test_the_first_job_of_the_workflow_fails_with_its_swap(machine: Machine) -> None:
    release = {"GITHUB_SHA": "1.0", "DIGEST": "sha256:0"}
    assert machine.run_job("production", RESPONSE="", EXIT="1", **release).returncode == 1


@pytest.mark.parametrize(("job", "command"), [("approve", "approve"), ("return", "abort")])
def test_the_other_jobs_of_the_workflow_approve_and_abort(
    machine: Machine, job: str, command: str
) -> None:
    done = machine.run_job(job, OPERATION=OPERATION)
    assert done.returncode == 0, done.stderr
    assert machine.calls() == [[command, "--", "MyDevOpsAPI", OPERATION]]
    assert machine.run_job(job, OPERATION="").returncode != 0
    assert len(machine.calls()) == 1


def test_the_jobs_of_the_workflow_replace_the_one_for_production() -> None:
    """A rejected or failed approval must not leave the customers split until its time limit.

    Source: GitHub Docs, "Reviewing deployments": a rejected job fails; "Expressions", `always`.
    """
    other = recipes.load(recipes.RECIPES / "github-actions.yml")["jobs"]
    jobs = recipes.load(WORKFLOW)["jobs"]
    needs = {name: job["needs"] for name, job in jobs.items()}
    assert needs == {"production": "test", "approve": "production",
                     "return": ["production", "approve"]}  # fmt: skip
    assert "test" in other
    # The promote is the same.
    same = {**other["production"], **jobs["production"]}
    assert same["steps"][:3] == other["production"]["steps"][:3] == jobs["production"]["steps"][:3]
    started = "needs.production.outputs.operation != ''"
    assert jobs["approve"]["if"] == started
    assert jobs["return"]["if"] == f"always() && {started} && needs.approve.result != 'success'"
    # A reviewer decides only about the approval, never about the return.
    environments = {name: job["environment"] for name, job in jobs.items()}
    assert len(set(environments.values())) == 3
    for name in ("approve", "return"):
        assert jobs[name]["env"]["OPERATION"] == "${{ needs.production.outputs.operation }}"


@pytest.mark.parametrize("script", [STOPS, CONTINUES])
def test_a_version_that_is_already_live_needs_no_approval(machine: Machine, script: str) -> None:
    check = ["false"] if script == CONTINUES else []
    done = machine.run(script, *RELEASE, *check)
    assert (done.returncode, done.stdout.strip()) == (0, "")
    assert machine.calls() == [[*SWAP, *END]]


@pytest.mark.parametrize("script", [STOPS, CONTINUES])
def test_a_failed_swap_fails_the_job_without_checks(machine: Machine, script: str) -> None:
    check = ["touch", "checked"] if script == CONTINUES else []
    done = machine.run(script, *RELEASE, *check, operation={"id": OPERATION}, EXIT="1")
    assert done.returncode == 1
    assert machine.calls() == [[*SWAP, *END]]


@pytest.mark.parametrize("script", [STOPS, CONTINUES])
@pytest.mark.parametrize("position", range(3))
@pytest.mark.parametrize("value", ["", " "], ids=repr)
def test_an_empty_or_missing_argument_is_refused(
    machine: Machine, script: str, position: int, value: str
) -> None:
    arguments = [*RELEASE]
    arguments[position] = value
    for given in ([*arguments, "true"], RELEASE[:position]):
        done = machine.run(script, *given)
        assert (done.returncode, machine.calls()) == (2, [])


@pytest.mark.parametrize("value", ["-x", "$(id)`id`", "a b  c\t*", "' '\"", "--help"])
def test_each_value_is_one_argument(machine: Machine, value: str) -> None:
    done = machine.run(CONTINUES, value, value, value, "true", value, operation={"id": OPERATION})
    assert done.returncode == 0, done.stderr
    swap, approve = machine.calls()
    assert (swap[1:3], swap[-1]) == ([f"--version={value}", f"--digest={value}"], value)
    assert approve == ["approve", "--", value, OPERATION]
