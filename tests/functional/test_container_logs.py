"""A failure contains the last log lines of the container that failed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devops_core.errors import (
    AccessDeniedError,
    AwsError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from devops_core.model.operation import LEASE
from tests.lab.callers import ADMIN, OTHER, OWNER
from tests.lab.client import Client, Reply
from tests.lab.fakes import Crash, FakeCloud
from tests.lab.fakes.task_service import CRASH, HANG, FakeService

READ = "logs.tail"
LINES = ["starting", "fatal: no database"]
ERRORS: list[AwsError] = [
    AccessDeniedError("the service's role lacks the permission logs:GetLogEvents"),
    RefusedError("The specified log stream does not exist."),
    ThrottledError("AWS throttles GetLogEvents"),
    UnreachableError("AWS does not respond"),
]


def log_of(reply: Reply, environment: str = "DEV") -> dict[str, Any]:
    found: dict[str, Any] = reply.environments[environment]["containerLog"]
    return found


def failed_deploy(shop: FakeCloud, api: Client, *environments: str) -> Reply:
    shop.push("bad", CRASH)
    failed = api.finished(api.deploy("bad", *(environments or ("dev",))))
    assert failed.operation["status"] == "FAILED"
    return failed


def change_log_options(shop: FakeCloud, **options: str) -> None:
    """Change the log configuration of the application's container in dev by hand."""
    service = shop.containers.service("Shop", "dev")
    request = json.loads(json.dumps(shop.containers.running("Shop", "dev").request))
    configuration = request["containerDefinitions"][0]["logConfiguration"]
    configuration["logDriver"] = options.pop("driver", "awslogs")
    configuration["options"].update(options)
    service.deploy(shop.containers.add(request), shop.clock.right())
    service.complete(shop.clock.right())


def test_a_failed_deploy_has_the_log_of_each_failed_environment(
    shop: FakeCloud, api: Client
) -> None:
    failed = failed_deploy(shop, api, "dev", "qa")
    for name in ("dev", "qa"):
        log = log_of(failed, name.upper())
        assert (log["group"], log["lines"]) == (f"/ecs/Shop/{name}", LINES)
        assert log["stream"].startswith("app/app/")
    # The lines are not in the reasons, in the events and in the log of the service.
    assert "fatal" not in json.dumps([failed.operation["reasons"], shop.lines], default=str)
    assert all("fatal" not in str(event) for event in shop.tables.events_of("Shop", failed.id))
    # A later read has the same log.
    assert log_of(api.status(failed.id)) == log_of(failed)


def test_a_failed_promote_has_the_log_of_its_slot(shop: FakeCloud, api: Client) -> None:
    shop.push("1.9")
    api.finished(api.deploy("1.9", "dev"))
    shop.push("1.9", CRASH)
    failed = api.finished(api.promote(environment="dev"))
    assert failed.operation["status"] == "FAILED"
    assert log_of(failed, "PROD-BLUE")["group"] == "/ecs/Shop/prod-2"


def failed_create(
    cloud: FakeCloud, api: Client, failing: tuple[str, ...] | None = None, **app: Any
) -> Reply:
    """Create Shop; the tasks of dev fail, and ECS does not describe the service any more.

    `app` has other members of the application's container.
    """
    broken = "devService (AWS::ECS::Service): ECS Deployment Circuit Breaker was triggered"
    cloud.stacks.create_failures = (broken,)
    made = cloud.stacks.estate.build("Shop", _parameters(), {})
    definition = made["devTaskDefinitionArn"]
    cloud.containers.task_definitions[definition].request["containerDefinitions"][-1].update(app)
    stopped = {definition: "exit code 1"}
    cloud.containers.services_["Shop", "dev"] = FakeService(
        "dev", "group", stopped=stopped, failed=failing
    )
    failed = api.finished(api.create())
    assert log_of(failed)["lines"] == LINES
    assert cloud.wire.count(READ) == 1
    return failed


@pytest.mark.parametrize("ports", [[{"containerPort": 80}], []])
def test_a_failed_create_has_the_log_although_its_stack_is_deleted(
    cloud: FakeCloud, api: Client, ports: list[Any]
) -> None:
    failed = failed_create(cloud, api, portMappings=ports)
    assert log_of(failed)["stream"].startswith("app/app/")


@pytest.mark.parametrize(
    ("failing", "container"), [(None, "app"), (("proxy",), "proxy"), ((), "app")]
)
def test_the_log_is_that_of_the_container_with_a_port_unless_only_others_failed(
    cloud: FakeCloud, api: Client, failing: tuple[str, ...] | None, container: str
) -> None:
    """After a failed health check, all containers can end with exit code 0."""
    options = {"awslogs-group": "/ecs/Shop/dev", "awslogs-stream-prefix": "side"}
    log = {"logDriver": "awslogs", "options": options}
    cloud.stacks.estate.sidecars = [{"name": "proxy", "image": "proxy", "logConfiguration": log}]
    prefix = "app" if container == "app" else "side"
    stream = log_of(failed_create(cloud, api, failing))["stream"]
    assert stream.startswith(f"{prefix}/{container}/")


def test_a_successful_operation_reads_no_log(shop: FakeCloud, api: Client) -> None:
    start = len(shop.wire.journal)
    done = api.finished(api.deploy("1.0", "dev"))
    assert "containerLog" not in done.environments["DEV"]
    assert READ not in shop.wire.names(start)


def test_a_log_is_read_once(shop: FakeCloud, api: Client) -> None:
    failed_deploy(shop, api)
    assert shop.wire.count(READ) == 1


@pytest.mark.parametrize("error", ERRORS)
def test_a_log_that_cannot_be_read_is_named(shop: FakeCloud, api: Client, error: AwsError) -> None:
    shop.wire.fail(READ, error)
    began = shop.clock.now()
    log = log_of(failed_deploy(shop, api))
    assert log.keys() == {"group", "stream"}
    # The operation did not wait for the log.
    assert shop.wire.count(READ) == 1
    shop.wire.heal()
    waited = shop.clock.now() - began
    began = shop.clock.now()
    shop.push("worse", CRASH)
    api.finished(api.deploy("worse", "dev"))
    assert waited <= shop.clock.now() - began


@pytest.mark.parametrize("error", ERRORS)
def test_a_failure_is_recorded_although_the_task_definition_cannot_be_read(
    shop: FakeCloud, api: Client, error: AwsError
) -> None:
    shop.wire.fail("containers.blueprint", error)
    failed = failed_deploy(shop, api)
    assert "exit code 1" in failed.environments["DEV"]["reason"]
    assert "containerLog" not in failed.environments["DEV"]


def test_an_operation_ends_after_a_crash_during_the_read(shop: FakeCloud, api: Client) -> None:
    shop.push("bad", CRASH)
    shop.wire.fail(READ, Crash(), times=1)
    with pytest.raises(Crash):
        api.finished(api.deploy("bad", "dev"))
    shop.clock.wait(LEASE.total_seconds())
    api.settle()
    (operation,) = [each for each in shop.tables.operations.values() if each.version == "bad"]
    assert operation.ended
    (part,) = operation.progress
    assert part.log
    assert part.log.lines == tuple(LINES)


def test_an_aborted_rollout_of_failing_tasks_has_a_log(shop: FakeCloud, api: Client) -> None:
    shop.push("slow", HANG)
    running = api.deploy("slow", "dev")
    service = shop.containers.service("Shop", "dev")
    service.stopped[service.primary.task_definition] = "exit code 1"
    service.primary.failed_tasks = 1
    api.abort(running.id)
    assert log_of(api.finished(running))["lines"] == LINES


def test_a_task_that_did_not_start_has_no_log(shop: FakeCloud, api: Client) -> None:
    shop.containers.service("Shop", "dev").starts = False
    failed = failed_deploy(shop, api)
    assert "containerLog" not in failed.environments["DEV"]


def test_the_installation_can_exclude_log_lines(shop: FakeCloud, api: Client) -> None:
    shop.settings = shop.settings._replace(container_logs=False)
    log = log_of(failed_deploy(shop, api))
    assert log.keys() == {"group", "stream"}
    assert shop.wire.count(READ) == 0


@pytest.mark.parametrize("group", ["/ecs/Other/dev", "/ecs/Shopping/dev", "/aws/lambda/x", "/ecs"])
def test_only_groups_of_the_application_are_read(shop: FakeCloud, api: Client, group: str) -> None:
    change_log_options(shop, **{"awslogs-group": group})
    log = log_of(failed_deploy(shop, api))
    assert log["group"] == group
    assert "lines" not in log
    assert shop.wire.count(READ) == 0


def test_another_log_driver_has_no_log(shop: FakeCloud, api: Client) -> None:
    change_log_options(shop, driver="awsfirelens")
    assert "containerLog" not in failed_deploy(shop, api).environments["DEV"]


def test_a_log_belongs_to_the_team_of_the_application(owned: FakeCloud) -> None:
    failed = failed_deploy(owned, Client(owned, OWNER))
    route, path = "/stacks/{applicationName}/operations", {"applicationName": "Shop"}
    for caller in (OWNER, ADMIN, OTHER):
        api = Client(owned, caller)
        texts = [
            json.dumps(reply.body)
            for reply in (api.status(failed.id), api.send("GET", route, parameters=path))
        ]
        assert ["containerLog" in text for text in texts] == [caller != OTHER] * 2
        assert ["no database" in text for text in texts] == [caller != OTHER] * 2


def _parameters() -> dict[str, str]:
    return {
        "Environments": "dev",
        "RepositoryName": "shop",
        "Cpu": "256",
        "Memory": "512",
        "Image": "start:1.0",
        "ContainerPort": "80",
    }
