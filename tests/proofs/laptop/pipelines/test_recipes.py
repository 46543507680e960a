"""Each recipe succeeds for a version that starts, and fails for one that does not.

The connections between a recipe and the service are lost for every second request.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.lab.dropping import DroppingProxy
from tests.lab.git import Repository
from tests.lab.laptop import recipes
from tests.lab.laptop.api import Api, create_body
from tests.lab.laptop.proxy import Moment
from tests.lab.laptop.recipes import Step
from tools.bench.serving import serving
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


class Case(NamedTuple):
    """A recipe, and the moment at which every second request is lost."""

    recipe: str
    moment: Moment


CASES = [Case(recipe, moment) for recipe in ALL for moment in Moment]


class Versions(NamedTuple):
    """Commits, which are the versions: `good` ones start, `bad` ones and `idle` ones crash."""

    good: Mapping[Case, str]
    bad: Mapping[Case, str]
    outputs: str
    idle: Mapping[str, str]


@pytest.fixture(scope="module")
def versions(home: Path) -> Versions:
    """The commits, in the order in which the tests deliver them."""
    commit = Repository(home).commit
    pairs = {case: (commit(), commit()) for case in CASES}
    good, bad = ({case: pair[n] for case, pair in pairs.items()} for n in (0, 1))
    return Versions(good, bad, commit(), {recipe: commit() for recipe in ALL})


@pytest.fixture(scope="module")
def application(api: Api, versions: Versions) -> Iterator[str]:
    """The application of the recipes, with the versions that they deliver."""
    api.succeed(api.post("/stacks", create_body(NAME, environments={"nonProd": ["dev", "stage"]})))
    for version in (*versions.good.values(), versions.outputs):
        api.push(NAME, version)
    for version in (*versions.bad.values(), *versions.idle.values()):
        api.push(NAME, version, "crash")
    yield NAME
    api.succeed(api.call("DELETE", "/stacks", {"stack": NAME}))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `devops` at the path of the recipes, installed as by the action."""
    there = tmp_path_factory.mktemp("runner")
    (there / "ci").symlink_to(recipes.RECIPES)
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


def operations(api: Api) -> list[tuple[str, str]]:
    """Return kind and status of the operations of the application, the oldest first."""
    found, token = list[tuple[str, str]](), ""
    while True:
        page = api.call("GET", f"/stacks/{NAME}/operations?limit=100{token}").body
        found += [(each["kind"], each["status"]) for each in page["operations"]]
        if "nextToken" not in page:
            return found[::-1]
        token = f"&nextToken={page['nextToken']}"


def run_until_failure(
    steps: list[Step], environment: Mapping[str, str], home: Path
) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run steps, without the installation, until one fails; return its result and all output."""
    output = ""
    for step in [step for step in steps if "install" not in step.script]:
        done = step.run(environment, home)
        output += f"{step.script}\n{done.stdout}\n{done.stderr}\n"
        if done.returncode:
            break
    return done, output


def checks_the_order(step: Step) -> bool:
    return "ci/check-order.sh MyDevOpsAPI" in step.script or step.variables.get("ORDER", "-") != "-"


def runs(api: Api, environment: str) -> str | None:
    stack = api.call("GET", f"/stacks/{NAME}").body["stack"]
    row = next(row for row in stack["environments"] if row["environment"] == environment)
    version: str | None = row.get("version")
    return version


@pytest.fixture
def specification(api: Api, home: Path, application: str) -> Iterator[Callable[[str], None]]:
    """A function that changes a variable in the files of the recipes, which a test removes."""
    read = api.call("GET", f"/stacks/{application}/spec").body["specification"]
    files = [home / "app.yml", home / "app.json"]

    def change(value: str) -> None:
        service = {**read["service"], "environment": {"GREETING": value}}
        for file in files:
            file.write_text(json.dumps({**read, "service": service}))

    yield change
    for file in files:
        file.unlink()


@pytest.mark.usefixtures("application")
@pytest.mark.parametrize("case", CASES, ids=lambda each: f"{each.recipe}-{each.moment.value}")
def test_a_recipe_succeeds_for_a_good_version_and_fails_for_one_that_crashes(
    cloud: Cloud,
    api: Api,
    home: Path,
    environment: dict[str, str],
    versions: Versions,
    case: Case,
    specification: Callable[[str], None],
) -> None:
    """Although every second request is lost, each call starts one operation."""
    specification(f"{case.recipe} {case.moment.value}")
    good, bad, recipe = versions.good[case], versions.bad[case], ALL[case.recipe]
    delivered = "PROD-GREEN" if case.recipe != "curl" else "DEV"
    earlier = len(operations(api))
    with serving(DroppingProxy(cloud.endpoint, case.moment)) as proxy:
        address = cloud.api_url.replace(cloud.endpoint, proxy.url)
        behind = environment | {"API_URL": address, "DEVOPS_API": address}
        done, output = run_until_failure(recipe(good), behind, home)
        assert done.returncode == 0, output
        assert (runs(api, "DEV"), runs(api, delivered)) == (good, good)
        release = ["deploy-blue", "swap"] if case.recipe != "curl" else []
        kinds = ["update", "deploy", *release]
        assert operations(api)[earlier:] == [(kind, "SUCCEEDED") for kind in kinds]

        done, output = run_until_failure(recipe(bad), behind, home)
        assert done.returncode == 1, output
        assert "exit code 1" in output
        assert (runs(api, "DEV"), runs(api, delivered)) == (good, good)
        assert operations(api)[earlier + len(kinds) :] == [("deploy", "FAILED")]
    assert proxy.dropped >= len(kinds)


@pytest.mark.usefixtures("application")
@pytest.mark.parametrize("recipe", [each for each in ALL if each != "curl"])
def test_a_late_job_of_an_older_commit_changes_nothing(
    api: Api, home: Path, environment: dict[str, str], versions: Versions, recipe: str
) -> None:
    """Both jobs fail at their check, for example if a person repeats them."""
    before, steps = operations(api), ALL[recipe](versions.good[CASES[0]])
    starts = [number for number, step in enumerate(steps) if checks_the_order(step)]
    assert len(starts) == 2
    for start, environment_name in zip(starts, ("stage", "prod"), strict=True):
        done, output = run_until_failure(steps[start:], environment, home)
        assert done.returncode == 1, output
        assert f"{environment_name} runs" in output
        assert "which is not a predecessor of" in output
    assert operations(api) == before


@pytest.mark.usefixtures("application")
def test_the_outputs_of_the_action_are_those_of_the_operation(
    api: Api, home: Path, environment: dict[str, str], versions: Versions
) -> None:
    """After the recipe for GitHub has released the version of this test."""
    steps = recipes.github(versions.outputs)
    (home / "summary").unlink(missing_ok=True)
    done, output = run_until_failure(steps, environment, home)
    assert done.returncode == 0, output
    rows = api.call("GET", f"/stacks/{NAME}").body["stack"]["environments"]
    idle = next(row for row in rows if row["environment"] == "PROD-BLUE")
    live = next(row for row in rows if row["environment"] == "PROD-GREEN")
    for name, url in (("promote", idle["url"]), ("unnamed", live["url"])):
        lines = (home / f"{name}.outputs").read_text().splitlines()
        found = dict(line.split("=", 1) for line in lines)
        assert (found["version"], found["digest"]) == (live["version"], live["digest"])
        assert found["url"] == url
        operation = api.call("GET", f"/stacks/{NAME}/operations/{found['operation']}").body
        assert operation["operation"]["kind"] == {"promote": "deploy-blue"}.get(name, "swap")
    assert (home / "summary").read_text().count("SUCCEEDED") >= 3


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
    api: Api, home: Path, environment: dict[str, str], versions: Versions, recipe: str
) -> None:
    bad = versions.idle[recipe]
    # Another run on the build server than that of the tests before.
    steps = [
        replace(step, variables={**step.variables, "BUILD_ID": "18"}) for step in ALL[recipe](bad)
    ]
    done, output = run_until_failure(steps, environment, home)
    warning = f"DEV {bad}: no task was started: the service is scaled to 0"
    prefix = {"curl": '"warnings": ["', "github": "::warning::"}.get(recipe, "Warning: ")
    assert f"{prefix}{warning}" in output
    assert runs(api, "DEV") == bad
    assert done.returncode == (0 if recipe == "curl" else 3), output
    assert recipe == "curl" or "is not verified (no task was started" in output
