"""The steps of the recipes that call the service, read from their files and run as by a runner."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
RECIPES = ROOT / "docs" / "ci"
ACTION = ROOT / "action.yml"

_OUTPUT = re.compile(r"\$\{\{\s*steps\.(\w+)\.outputs\.(\w+)\s*\}\}")
_EXPRESSION = re.compile(r"\$\{\{\s*([\w.]+)\s*\}\}")
_JENKINS_STAGE = re.compile(r"stage\('(\w+)'\) \{(.*?)\n    \}", re.DOTALL)
_JENKINS_STEP = re.compile(r"^\s*sh (?:'''(.*?)'''|'([^'\n]*)')$", re.MULTILINE | re.DOTALL)
# The variables of earlier jobs in a file.
_VARIABLES = "set -a; . ./{}; set +a\n"


@dataclass(frozen=True)
class Step:
    """A script and the variables of its runner."""

    script: str
    variables: Mapping[str, str] = field(default_factory=dict)
    shell: tuple[str, ...] = ("bash", "-eo", "pipefail")

    def run(self, environment: Mapping[str, str], at: Path) -> subprocess.CompletedProcess[str]:
        """Run it in a folder."""
        return subprocess.run(  # noqa: S603 - the steps of our own recipes
            [*self.shell, "-c", self.script],
            cwd=at,
            env={
                "PATH": os.environ["PATH"],
                **environment,
                **{name: _with_outputs(value, at) for name, value in self.variables.items()},
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


def _with_outputs(value: str, at: Path) -> str:
    """Return a value with the last outputs of earlier steps of GitHub Actions."""

    def output(found: re.Match[str]) -> str:
        lines = (at / f"{found[1]}.outputs").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)[found[2]]

    return _OUTPUT.sub(output, value)


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def commands(path: Path) -> list[str]:
    """Return the commands of a recipe."""
    if path.suffix != ".yml":
        return [one or several for several, one in _JENKINS_STEP.findall(path.read_text())]
    found = load(path)
    parts = [*found.get("phases", {}).values(), *found.get("jobs", {}).values(), *found.values()]
    lines = []
    for part in [each for each in parts if isinstance(each, dict)]:
        for key in ("commands", "before_script", "script", "after_script"):
            lines += part.get(key, [])
        lines += [step["run"] for step in part.get("steps", []) if "run" in step]
    return lines


def curl(version: str, application: str = "MyDevOpsAPI") -> list[Step]:
    """Return the only step: the unchanged script, for one environment."""
    script = shlex.join([str(RECIPES / "deploy.sh"), application, "dev", version])
    return [Step(script, {"BUILD_ID": "17"})]


def github(version: str) -> list[Step]:
    """Return the steps of the action, for each use in the workflow."""
    jobs = load(RECIPES / "github-actions.yml")["jobs"]
    uses = [step for job in jobs.values() for step in job["steps"] if "devops-ecs@" in str(step)]
    known = {"github.sha": version} | {
        f"needs.{job}.outputs.{name}": value
        for job in jobs
        for name, value in jobs[job].get("outputs", {}).items()
    }
    return [
        step
        for use in uses
        for step in action(_expressions(use["with"], known), use.get("id", "unnamed"))
    ]


def action(inputs: Mapping[str, str], identity: str = "unnamed") -> Iterator[Step]:
    """Yield the steps of the action for its inputs; its outputs are in "<identity>.outputs"."""
    told = load(ACTION)
    given = {name: each.get("default", "") for name, each in told["inputs"].items()} | dict(inputs)
    known = {f"inputs.{name}": value for name, value in given.items()}
    for step in told["runs"]["steps"]:
        assert step["shell"] == "bash"
        variables = _expressions(step.get("env", {}), known)
        files = {
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": f"{identity}.outputs",
            "GITHUB_STEP_SUMMARY": "summary",
        }
        yield Step(step["run"], variables | files)


def gitlab(version: str) -> list[Step]:
    """Return the scripts of the jobs that call the service; a job has the variables of others."""
    jobs = load(RECIPES / "gitlab-ci.yml")
    first, second = (jobs[name] for name in ("deploy", "release"))
    before = _VARIABLES.format(first["artifacts"]["reports"]["dotenv"])
    scripts = "\n".join(first["script"]), before + "\n".join(second["script"])
    return [Step(script, {"CI_COMMIT_SHA": version}) for script in scripts]


def jenkins(version: str) -> list[Step]:
    """Return the shell steps of the stages that call the service."""
    stages = dict(_JENKINS_STAGE.findall((RECIPES / "Jenkinsfile").read_text()))
    assert list(stages) == ["Build", "Test", "Production"]
    scripts = [
        one or several
        for name in ("Test", "Production")
        for several, one in _JENKINS_STEP.findall(stages[name])
    ]
    return [Step(script, {"GIT_COMMIT": version}, ("sh", "-xe")) for script in scripts]


def codebuild(version: str) -> list[Step]:
    """Return the commands of the two projects after the push; one shell runs those of a project."""
    first, second = (load(RECIPES / name) for name in ("buildspec.yml", "buildspec-release.yml"))
    push, *commands = first["phases"]["build"]["commands"]
    assert push.startswith("ci/push.sh ")
    [exported] = first["env"]["exported-variables"]
    commands.append(f"export -p | grep ' {exported}=' > exported.env")
    later = _VARIABLES.format("exported.env") + "\n".join(second["phases"]["build"]["commands"])
    scripts = "\n".join(commands), later
    return [Step(each, {"CODEBUILD_RESOLVED_SOURCE_VERSION": version}) for each in scripts]


def _expressions(values: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, str]:
    """Return values with replaced expressions of GitHub Actions, except outputs of steps."""

    def replaced(found: re.Match[str]) -> str:
        return found[0] if _OUTPUT.fullmatch(found[0]) else known[found[1]]

    return {name: _EXPRESSION.sub(replaced, str(value)) for name, value in values.items()}
