"""The acceptance test on a laptop cloud: it passes, finds broken parts, and removes everything."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from botocore.credentials import Credentials

from tests.lab.laptop.acceptance import Run
from tests.lab.laptop.api import Api
from tests.lab.laptop.estate import INVENTORY
from tests.lab.laptop.functions import Functions
from tests.lab.templates import APPLICATION
from tools.laptop.callers import ADMIN
from tools.laptop.cloud import ACCOUNT, REGION, Cloud

BUCKET = f"ecs-cf-bucket-{ACCOUNT}-{REGION}"
BREAKER = "DeploymentCircuitBreaker: { Enable: true, Rollback: true }"
WEIGHTS = "- { TargetGroupArn: !Ref prod2TargetGroup, Weight: 0 }\n"
STICKY = "            TargetGroupStickinessConfig: { Enabled: true, DurationSeconds: 60 }\n"
# A part of the application template, and its broken version.
BROKEN = {
    "template": ("  RepositoryUri:\n", "  OtherUri:\n"),
    "listener": (WEIGHTS, WEIGHTS + STICKY),
    "circuit breaker": (BREAKER, "DeploymentCircuitBreaker: { Enable: false, Rollback: false }"),
}
Start = Callable[..., Run]


@contextmanager
def template(api: Api, part: str, broken: str) -> Iterator[None]:
    """Replace a part of the application template of the installation."""
    text, bucket = APPLICATION.read_text(), api.client("s3")
    assert part in text
    bucket.put_object(Bucket=BUCKET, Key="application.yml", Body=text.replace(part, broken, 1))
    try:
        yield
    finally:
        bucket.put_object(Bucket=BUCKET, Key="application.yml", Body=text)


@pytest.fixture(scope="module")
def start(
    callers: tuple[Cloud, dict[str, Credentials]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Start]:
    """A function that starts a run in a directory; at the end no process remains."""
    cloud, users = callers
    started: list[Run] = []

    def begin(*arguments: str, directory: Path | None = None) -> Run:
        where = directory or tmp_path_factory.mktemp("acceptance")
        started.append(Run(cloud, users[ADMIN], where, *arguments, team="platform"))
        return started[-1]

    yield begin
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


@pytest.fixture(scope="module")
def runs(api: Api, functions: Functions, start: Start) -> Mapping[str, Run]:
    """Concurrent runs: one on the unchanged installation, and one for each broken part.

    An application keeps the template that its create has read. The permission is that of the
    function that only this run uses at that time, so this run comes first.
    """
    found = {}
    with functions.without("deployNonProd", "dynamodb:PutItem"):
        found["permission"] = start()
        found["permission"].end()
    for name, change in BROKEN.items():
        with template(api, *change):
            found[name] = start("--failing-limit", "0.25")
            found[name].wait_until_created()
    found["nothing"] = start()
    for each in found.values():
        each.end()
    return found


def test_it_passes(runs: Mapping[str, Run]) -> None:
    run = runs["nothing"]
    assert run.process.returncode == 0, run.output
    assert run.failed() == []
    unchecked = [each["step"] for each in run.report["checks"] if each["outcome"] == "unchecked"]
    assert unchecked == ["drift"]  # the drift check was not waited for
    swaps = [each for each in run.report["measures"] if "swap" in each["step"]]
    assert [each["failed"] for each in swaps] == [0, 0, 0]
    assert all(each["firstPage"] is not None and each["requests"] for each in swaps)
    assert run.report["logsUnread"] is None
    assert (run.report["region"], run.report["removal"]) == (REGION, "complete")


@pytest.mark.parametrize(
    ("broken", "step", "reason"),
    [
        ("permission", "deploy", "502: the service's role lacks the permission dynamodb:PutItem"),
        ("template", "create", "it lacks the outputs RepositoryUri"),
        ("listener", "promote", "409: the production listener does not allow a promote"),
        ("circuit breaker", "failing version", "still in progress after"),
    ],
)
def test_a_broken_part_fails_with_its_line_in_the_report(
    runs: Mapping[str, Run], broken: str, step: str, reason: str
) -> None:
    run = runs[broken]
    assert run.process.returncode == 1, run.output
    ((failed, why),) = run.failed()
    assert failed == step
    assert reason in why
    lines = (run.directory / "report.md").read_text().splitlines()
    failures = lines[lines.index("## Failed checks") : lines.index("## Durations")]
    assert [line for line in failures if line.startswith(f"- {step}: ") and reason in line]


def test_nothing_remains_of_any_run(api: Api, runs: Mapping[str, Run]) -> None:
    assert [name for name, run in runs.items() if run.pending] == []
    assert remaining(api) == []


def remaining(api: Api) -> list[str]:
    """Return the stacks, rows, repositories and active task definitions of acceptance tests."""
    stacks = api.client("cloudformation").describe_stacks()["Stacks"]
    families = api.client("ecs").list_task_definitions(status="ACTIVE")["taskDefinitionArns"]
    found = [
        *(each["StackName"] for each in stacks if each["StackStatus"] != "DELETE_COMPLETE"),
        *(row["applicationName"]["S"] for table in INVENTORY for row in api.items(table)),
        *(each["repositoryName"] for each in
          api.client("ecr").describe_repositories()["repositories"]),
        *families,
    ]  # fmt: skip
    return [each for each in found if "acceptance-" in each.lower()]


@pytest.mark.parametrize(
    ("number", "text", "code"),
    [
        (signal.SIGINT, "[ 2/13]", 130),
        (signal.SIGTERM, "[ 5/13]", 130),
        (signal.SIGKILL, "[ 3/13]", -signal.SIGKILL),
    ],
)
def test_nothing_remains_after_a_signal(
    api: Api, start: Start, number: signal.Signals, text: str, code: int
) -> None:
    run = start()
    run.wait_for(text)
    run.wait_until_created()
    run.process.send_signal(number)
    assert run.end() == code, run.output
    if number is signal.SIGKILL:
        name = run.pending["application"]
        assert name.lower() in str(remaining(api)).lower()
        removal = start("--remove", directory=run.directory)
        assert removal.end() == 0, removal.output
        assert f"{name} is removed." in removal.output
    assert run.pending == {}
    assert remaining(api) == []
