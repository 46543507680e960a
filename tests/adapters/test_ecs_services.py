from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from devops_core.adapters.ecs import EcsContainers
from devops_core.errors import ThrottledError
from devops_core.model.observed import Deployment, RunningService, StoppedTask
from tests.adapters.conftest import Aws
from tests.lab.moto.hooks import refuse, respond

NEW, OLD = "arn:task-definition/Shop-dev:2", "arn:task-definition/Shop-dev:1"
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def client(aws: Aws) -> Any:
    return aws.client("ecs")


@pytest.fixture
def containers(client: Any) -> EcsContainers:
    return EcsContainers(client)


def described(*deployments: dict[str, Any], status: str = "ACTIVE") -> dict[str, Any]:
    return {
        "serviceName": "dev",
        "status": status,
        "desiredCount": 2,
        "runningCount": 1,
        "pendingCount": 1,
        "healthCheckGracePeriodSeconds": 90,
        "deployments": list(deployments),
    }


def deployment(
    task_definition: str, status: str = "PRIMARY", state: str = "COMPLETED", failed: int = 0
) -> dict[str, Any]:
    return {
        "taskDefinition": task_definition,
        "status": status,
        "rolloutState": state,
        "rolloutStateReason": "ECS deployment circuit breaker: tasks failed to start.",
        "failedTasks": failed,
        "updatedAt": AT.astimezone(timezone(timedelta(hours=1))),
    }


def stopped(
    reason: str,
    *containers: dict[str, Any],
    task_definition: str = NEW,
    minutes: int = 0,
    code: str = "EssentialContainerExited",
) -> dict[str, Any]:
    return {
        "taskArn": f"arn:aws:ecs:eu-west-1:123456789012:task/Shop/{minutes:032x}",
        "taskDefinitionArn": task_definition,
        "stoppedReason": reason,
        "stopCode": code,
        "stoppedAt": AT + timedelta(minutes=minutes),
        "containers": list(containers),
    }


CRASH = {"name": "app", "exitCode": 1}
MEMORY = {"name": "app", "exitCode": 137, "reason": "OutOfMemoryError: memory usage"}
EXITED = "Essential container in task exited"
PULL = "CannotPullContainerError: repo/shop:9 not found"
HEALTH = (
    "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:eu-west-1:"
    "123456789012:targetgroup/Shop-dev/1)"
)
SCALED = "Scaling activity initiated by (deployment ecs-svc/1)"
BY_ECS = "ServiceSchedulerInitiated"
TASKS = [
    stopped(EXITED, CRASH, minutes=1),
    stopped(EXITED, CRASH, minutes=2),
    stopped("another version crashed", CRASH, task_definition=OLD, minutes=9),
    stopped(SCALED, minutes=8, code=BY_ECS),
    stopped(EXITED, MEMORY, {"name": "sidecar"}, minutes=3),
    stopped(HEALTH, {"name": "app", "exitCode": 143}, minutes=4, code=BY_ECS),
    stopped("", minutes=6),
    stopped(PULL, {"name": "app", "reason": PULL}, minutes=0),
]


def test_a_service_has_the_values_of_ecs(containers: EcsContainers, client: Any) -> None:
    rollout = deployment(NEW, state="IN_PROGRESS")
    new = {"taskDefinition": OLD, "status": "ACTIVE"}
    respond(client, "DescribeServices", {"services": [described(rollout, new, status="DRAINING")]})

    assert containers.services("Shop", ["dev"]) == {
        "dev": RunningService(
            name="dev",
            active=False,
            desired=2,
            running=1,
            pending=1,
            deployments=(
                Deployment(
                    task_definition=NEW,
                    primary=True,
                    state="IN_PROGRESS",
                    reason="ECS deployment circuit breaker: tasks failed to start.",
                    updated_at=AT,
                ),
                Deployment(task_definition=OLD, primary=False, state="IN_PROGRESS"),
            ),
            start_seconds=90,
        )
    }


def test_a_service_without_a_grace_period_has_none(containers: EcsContainers, client: Any) -> None:
    service = described()
    del service["healthCheckGracePeriodSeconds"]
    respond(client, "DescribeServices", {"services": [service]})

    assert containers.services("Shop", ["dev"])["dev"].start_seconds == 0


def test_the_reasons_of_stopped_tasks_have_the_newest_first(
    containers: EcsContainers, client: Any
) -> None:
    listed = respond(client, "ListTasks", {"taskArns": ["task/1", "task/2"]})
    respond(client, "DescribeTasks", {"tasks": TASKS})

    found = containers.stopped("Shop", "dev", NEW)
    assert tuple(task.reason for task in found) == (
        "Task failed ELB health checks in (target-group elasticloadbalancing targetgroup/"
        "Shop-dev/1)",
        f"{EXITED} (container app: exit code 137, OutOfMemoryError: memory usage)",
        f"{EXITED} (container app: exit code 1)",
    )
    assert b'"desiredStatus": "STOPPED"' in listed[0]["body"]
    assert b'"serviceName": "dev"' in listed[0]["body"]


def test_a_reason_is_not_repeated(containers: EcsContainers, client: Any) -> None:
    task = stopped(PULL, {"name": "app", "reason": PULL}, code="TaskFailedToStart")
    respond(client, "ListTasks", {"taskArns": ["task/1", "task/2"]})
    respond(client, "DescribeTasks", {"tasks": [task, task]})

    assert containers.stopped("Shop", "dev", NEW) == (
        StoppedTask(id="0" * 32, task_definition=NEW, reason=PULL, failed=("app",), started=False),
    )


SIDECAR_STOPPED = {"name": "sidecar", "exitCode": 143}


@pytest.mark.parametrize(
    ("reason", "code", "ended", "failed"),
    [
        (EXITED, "EssentialContainerExited", [CRASH, SIDECAR_STOPPED], ("app",)),
        (EXITED, "EssentialContainerExited", [SIDECAR_STOPPED, CRASH], ("app",)),
        (EXITED, "EssentialContainerExited", [MEMORY, SIDECAR_STOPPED], ("app",)),
        (EXITED, "EssentialContainerExited", [{"name": "app", "exitCode": 0}], ()),
        (EXITED, "EssentialContainerExited",
         [{"name": "app", "exitCode": 137}, {"name": "sidecar", "exitCode": 2}], ("sidecar",)),
        (HEALTH, BY_ECS, [{"name": "app", "exitCode": 143}, {"name": "sidecar"}], ()),
    ],
)  # fmt: skip
def test_the_failed_containers_of_a_task_did_not_end_by_a_signal_of_ecs(
    containers: EcsContainers,
    client: Any,
    reason: str,
    code: str,
    ended: list[dict[str, Any]],
    failed: tuple[str, ...],
) -> None:
    respond(client, "ListTasks", {"taskArns": ["task/1"]})
    respond(client, "DescribeTasks", {"tasks": [stopped(reason, *ended, code=code)]})

    (task,) = containers.stopped("Shop", "dev", NEW)
    assert (task.failed, task.started) == (failed, True)


def test_without_listed_tasks_there_are_no_reasons(containers: EcsContainers, client: Any) -> None:
    respond(client, "ListTasks", {"taskArns": []})

    assert containers.stopped("Shop", "dev", NEW) == ()


def running(digest: str | None, *, container: str = "app", **changes: Any) -> dict[str, Any]:
    """Return a running task with a container."""
    image = {"imageDigest": digest} if digest else {}
    return {
        "taskDefinitionArn": NEW,
        "lastStatus": "RUNNING",
        "containers": [{"name": "sidecar", "imageDigest": SIDECAR}, {"name": container} | image],
    } | changes


DIGESTS = [f"sha256:{digit * 64}" for digit in "12"]
SIDECAR = f"sha256:{'9' * 64}"


@pytest.mark.parametrize(
    ("tasks", "digests"),
    [
        ([running(DIGESTS[0]), running(DIGESTS[0])], (DIGESTS[0],)),
        ([running(DIGESTS[1]), running(DIGESTS[0])], tuple(DIGESTS)),
        ([running(DIGESTS[0]), running(None)], ("", DIGESTS[0])),
        ([running(DIGESTS[0]), running(DIGESTS[1], taskDefinitionArn=OLD)], (DIGESTS[0],)),
        ([running(DIGESTS[0]), running(None, lastStatus="PROVISIONING")], (DIGESTS[0],)),
        ([running(DIGESTS[0], container="other")], ()),
        ([], ()),
    ],
    ids=[
        "equal",
        "different",
        "missing",
        "of an old task",
        "of a new task",
        "no container",
        "none",
    ],
)
def test_the_digests_are_those_of_the_container_in_the_running_tasks(
    containers: EcsContainers, client: Any, tasks: list[dict[str, Any]], digests: tuple[str, ...]
) -> None:
    listed = respond(client, "ListTasks", {"taskArns": [f"task/{n}" for n in range(len(tasks))]})
    described = respond(client, "DescribeTasks", {"tasks": tasks})

    assert containers.digests("Shop", "dev", NEW, "app") == digests
    assert json.loads(listed[0]["body"]) == {
        "cluster": "Shop", "serviceName": "dev", "desiredStatus": "RUNNING",
    }  # fmt: skip
    assert len(described) == bool(tasks)


def test_the_digests_of_more_than_a_hundred_tasks_are_read(
    containers: EcsContainers, client: Any
) -> None:
    """ListTasks returns and DescribeTasks accepts at most 100 (ECS API)."""
    pages = {"taskArns": ["task/1"], "nextToken": "second"}, {"taskArns": ["task/2"]}
    listed = respond(client, "ListTasks", *pages)
    tasks = [{"tasks": [running(digest)]} for digest in DIGESTS]
    respond(client, "DescribeTasks", *tasks)

    assert containers.digests("Shop", "dev", NEW, "app") == tuple(DIGESTS)
    assert [json.loads(each["body"]).get("nextToken") for each in listed] == [None, "second"]


def test_a_throttled_read_is_an_error(containers: EcsContainers, client: Any) -> None:
    refuse(client, "DescribeServices", "ThrottlingException", "Rate exceeded")

    with pytest.raises(ThrottledError):
        containers.services("Shop", ["dev"])


def test_the_newest_messages_of_a_service_are_in_utc_and_without_arns(
    containers: EcsContainers, client: Any
) -> None:
    local = AT.astimezone(timezone(timedelta(hours=1)))
    group = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/Shop-dev/1"
    events = [{"createdAt": local, "message": f"(service Shop) registered targets in {group}"}]
    respond(client, "DescribeServices", {"services": [described() | {"events": events}]})
    ((time, text),) = containers.services("Shop", ["dev"])["dev"].messages
    assert time == AT
    assert text.startswith("(service Shop) registered targets in ")
    assert "arn:" not in text
