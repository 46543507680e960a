"""Each recipe succeeds for a version that starts, and fails for one that does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lab.laptop import recipes
from tests.lab.laptop.api import Api, create_body
from tests.lab.laptop.recipes import Step
from tools.laptop import deploy
from tools.laptop.cloud import Cloud

NAME = "MyDevOpsAPI"
Recipe = Callable[[str], list[Step]]
ALL: Mapping[str, Recipe] = {
    "curl": recipes.curl,
    "github": recipes.github,
    "gitlab": recipes.gitlab,
    "jenkins": recipes.jenkins,
    "codebuild": recipes.codebuild,
}


@pytest.fixture(scope="module")
def application(api: Api) -> Iterator[str]:
    """The application of the recipes, with the versions that they deliver."""
    api.succeed(api.post("/stacks", create_body(NAME, environments={"nonProd": ["dev", "stage"]})))
    for recipe in ALL:
        api.push(NAME, f"{recipe}-good")
        api.push(NAME, f"{recipe}-bad", "crash")
    yield NAME
    api.succeed(api.call("DELETE", "/stacks", {"stack": NAME}))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `devops` at the path of the recipes, installed as by the action."""
    there = tmp_path_factory.mktemp("runner")
    install, _ = recipes.action({"application": NAME})
    done = install.run({"RUNNER_TEMP": str(there)}, there)
    assert done.returncode == 0, done.stderr
    (there / ".devops").symlink_to(there / "devops-ecs")
    return there


@pytest.fixture
def environment(cloud: Cloud, home: Path) -> dict[str, str]:
    commands = home / "devops-ecs" / "bin"
    return {
        **cloud.environment,
        "DEVOPS_API": cloud.api_url,
        "DEVOPS_CONFIG": str(home / "config"),
        "HOME": str(home),
        "PATH": f"{commands}:/usr/local/bin:/usr/bin:/bin",
        "RUNNER_TEMP": str(home),
        "no_proxy": "*",
    }


def runs(api: Api, environment: str) -> str | None:
    stack = api.call("GET", f"/stacks/{NAME}").body["stack"]
    row = next(row for row in stack["environments"] if row["environment"] == environment)
    version: str | None = row.get("version")
    return version


@pytest.mark.usefixtures("application")
@pytest.mark.parametrize("recipe", ALL)
def test_a_recipe_succeeds_for_a_good_version_and_fails_for_one_that_crashes(
    api: Api, home: Path, environment: dict[str, str], recipe: str
) -> None:
    good, bad = f"{recipe}-good", f"{recipe}-bad"
    for step in ALL[recipe](good):
        done = step.run(environment, home)
        assert done.returncode == 0, f"{step.script}\n{done.stdout}\n{done.stderr}"
    assert runs(api, "DEV") == good
    delivered = "PROD-GREEN" if recipe != "curl" else "DEV"
    assert runs(api, delivered) == good

    steps = [step for step in ALL[recipe](bad) if "install" not in step.script]
    done = steps[0].run(environment, home)

    assert done.returncode == 1, f"{steps[0].script}\n{done.stdout}\n{done.stderr}"
    assert "exit code 1" in done.stdout + done.stderr
    assert runs(api, "DEV") == good
    assert runs(api, delivered) == good


@pytest.mark.parametrize(
    "version", ['1.0", "environment": ["qa"], "x": "', "a\nPrefer: wait=0", "@/etc/hostname", "-x"]
)
def test_the_service_refuses_a_hostile_version_of_the_script(
    application: str, home: Path, environment: dict[str, str], version: str
) -> None:
    (step,) = recipes.curl(version, application)
    done = step.run(environment, home)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["errors"][0]["field"] == "version"


@pytest.fixture
def without_tasks(cloud: Cloud, application: str) -> Iterator[None]:
    """Scale dev and stage to 0."""
    ecs = deploy.client(cloud, "ecs")
    for service in ("dev", "stage"):
        ecs.update_service(cluster=application, service=service, desiredCount=0)
    yield
    for service in ("dev", "stage"):
        ecs.update_service(cluster=application, service=service, desiredCount=1)


@pytest.mark.usefixtures("without_tasks")
@pytest.mark.parametrize("recipe", ALL)
def test_a_recipe_warns_that_no_task_was_started_and_does_not_release_the_version(
    api: Api, home: Path, environment: dict[str, str], recipe: str
) -> None:
    bad = f"{recipe}-bad"
    first, *later = [step for step in ALL[recipe](bad) if "install" not in step.script]
    # Another run on the build server than that of the test before.
    done = replace(first, variables={**first.variables, "BUILD_ID": "18"}).run(environment, home)
    assert done.returncode == 0, f"{first.script}\n{done.stdout}\n{done.stderr}"
    warning = f"DEV {bad}: no task was started: the service is scaled to 0"
    output = done.stderr if recipe == "curl" else done.stdout
    prefix = {"curl": '"warnings": ["', "github": "::warning::"}.get(recipe, "Warning: ")
    assert f"{prefix}{warning}" in output
    assert runs(api, "DEV") == bad
    for step in later[:1]:
        done = step.run(environment, home)
        assert done.returncode == 3, f"{step.script}\n{done.stdout}\n{done.stderr}"
        assert "is not verified (no task was started" in done.stdout + done.stderr
