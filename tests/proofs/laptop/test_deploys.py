"""Deploys over real HTTP with real processes: pages, refusals, races."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from tests.lab.laptop.api import Api, Response, until_ended


@pytest.fixture(scope="module")
def running(api: Api, application: str) -> str:
    """The application with 1.0 in dev."""
    api.push(application, "1.0")
    api.succeed(_deploy(api, application, "1.0"))
    return application


def _deploy(
    api: Api, application: str, version: str, *environments: str, **headers: str
) -> Response:
    body = {
        "applicationName": application,
        "environment": list(environments or ("dev",)),
        "version": version,
    }
    return api.post("/stacks/deploy", body, **headers)


def _row(api: Api, application: str, environment: str) -> dict[str, Any]:
    key = {"applicationName": {"S": application}, "environment": {"S": environment}}
    table = "ECS_Inventory_NonProduction"
    item = api.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    return {name: next(iter(value.values())) for name, value in item.items()}


def _served(api: Api, application: str, environment: str) -> str:
    page = api.fetch(_row(api, application, environment)["url"])
    assert page.status == 200
    version: str = page.body["version"]
    return version


def test_the_pushed_digest_runs_and_is_recorded(api: Api, running: str) -> None:
    digest = api.push(running, "1.1")
    operation = api.succeed(_deploy(api, running, "1.1", "dev", "qa"))
    assert {part["digest"] for part in operation["environments"]} == {digest}
    assert _row(api, running, "DEV")["digest"] == digest
    services = api.client("ecs").describe_services(cluster=running, services=["dev"])["services"]
    described = api.client("ecs").describe_task_definition(
        taskDefinition=services[0]["taskDefinition"]
    )
    assert described["taskDefinition"]["containerDefinitions"][0]["image"].endswith(digest)
    assert _served(api, running, "DEV") == _served(api, running, "QA") == "1.1"


def test_a_missing_image_is_refused_with_its_name(api: Api, running: str) -> None:
    answer = _deploy(api, running, "9.9")
    assert (answer.status, answer.body["code"]) == (409, "IMAGE_NOT_FOUND")
    assert f"{running.lower()}:9.9" in answer.body["errorMessage"]


def test_an_image_of_a_pull_through_cache_is_imported_by_its_first_deploy(
    api: Api, running: str
) -> None:
    ecr, repository = api.client("ecr"), "quay/team/tool"
    host = _row(api, running, "DEV")["image"].partition("/")[0]
    body = {"applicationName": running, "environment": ["qa"], "version": "3.1"}
    deploy = partial(api.post, "/stacks/deploy", body | {"repouri": f"{host}/{repository}"})
    assert deploy().body["code"] == "IMAGE_NOT_FOUND"
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    first = api.succeed(deploy())["environments"][0]
    # ECS reports the digest of the imported image.
    assert _served(api, running, "QA") == "3.1"
    second = api.succeed(deploy())["environments"][0]
    (image,) = ecr.describe_images(repositoryName=repository)["imageDetails"]
    assert first["digest"] == second["digest"] == image["imageDigest"]


def test_an_image_of_another_registry_is_promoted_by_the_digest_that_ecs_reports(
    api: Api, running: str
) -> None:
    image = "public.ecr.aws/nginx/nginx"
    body = {"applicationName": running, "environment": ["qa"], "version": "1.27"}
    operation = api.succeed(api.post("/stacks/deploy", body | {"repouri": image}))
    digest = operation["environments"][0]["digest"]
    assert _row(api, running, "QA")["digest"] == digest
    assert "warnings" not in operation
    ecs = api.client("ecs")
    (task,) = ecs.list_tasks(cluster=running, serviceName="qa")["taskArns"]
    (described,) = ecs.describe_tasks(cluster=running, tasks=[task])["tasks"]
    assert described["containers"][0]["imageDigest"] == digest
    promote = {"applicationName": running, "environment": "qa", "digest": digest}
    (part,) = api.succeed(api.post("/stacks/deploytoprodBlue", promote))["environments"]
    assert (part["version"], part["digest"]) == ("1.27", digest)
    services = ecs.describe_services(cluster=running, services=[part["slot"]])["services"]
    definition = ecs.describe_task_definition(taskDefinition=services[0]["taskDefinition"])
    (container,) = definition["taskDefinition"]["containerDefinitions"]
    assert container["image"] == f"{image}@{digest}"


@pytest.fixture(scope="module")
def two_digests(api: Api, running: str) -> list[str]:
    """The digests of the tags 8.0 and 8.1."""
    return [api.push(running, tag) for tag in ("8.0", "8.1")]


@pytest.mark.parametrize(
    ("reference", "version"),
    [(":8.1@{0}", "8.1"), ("@{0}", "8.1"), (":8.1", "8.0"), (":8.1@{1}", "8.0")],
    ids=["tag and another digest", "another digest", "another tag", "another tag and its digest"],
)
def test_a_version_in_the_own_ecr_cannot_get_other_bytes(
    api: Api, running: str, two_digests: list[str], reference: str, version: str
) -> None:
    repository = _row(api, running, "DEV")["image"].partition(":")[0]
    before = _row(api, running, "DEV")
    body = {"applicationName": running, "environment": ["dev"], "version": version}
    answer = api.post(
        "/stacks/deploy", body | {"repouri": repository + reference.format(*two_digests)}
    )
    assert answer.status == (400 if version == "8.0" else 409), answer.body
    assert "repouri" in answer.body["errorMessage"] or two_digests[1] in answer.body["errorMessage"]
    assert _row(api, running, "DEV") == before


def test_a_missing_environment_is_refused(api: Api, running: str) -> None:
    answer = _deploy(api, running, "1.0", "stage")
    assert (answer.status, answer.body["code"]) == (409, "NO_SUCH_ENVIRONMENT")


@pytest.mark.parametrize(
    ("behaviour", "reason", "line"),
    [
        pytest.param("crash", "exit code 1", "fatal: version 2.0-crash", id="crashes at start"),
        pytest.param("unhealthy", "failed ELB health checks", "listening", id="unhealthy"),
    ],
)
def test_a_version_that_does_not_start_fails_and_the_previous_one_runs(
    api: Api, running: str, behaviour: str, reason: str, line: str
) -> None:
    before = _row(api, running, "DEV")
    # The service reads the lines only once. On a busy machine this can take too long.
    for attempt in range(3):
        version = f"2.0-{behaviour}-{attempt}"
        api.push(running, version, behaviour)
        operation = api.wait_for_end(_deploy(api, running, version))
        assert operation["status"] == "FAILED"
        if "lines" in operation["environments"][0]["containerLog"]:
            break
    recorded = operation["environments"][0]["reason"]
    log = operation["environments"][0]["containerLog"]
    assert log["group"] == f"/ecs/{running}/dev"
    assert re.fullmatch(r"app/app/[0-9a-f-]{32,36}", log["stream"])
    assert log["lines"][-1].startswith(line)
    assert "circuit breaker" in recorded
    assert reason in recorded
    assert _row(api, running, "DEV")["version"] == before["version"]
    assert _served(api, running, "DEV") == before["version"]


def test_a_waiting_pipeline_gets_424_for_a_version_that_does_not_start(
    api: Api, running: str
) -> None:
    api.push(running, "2.1-crash", "crash")
    answer = until_ended(partial(_deploy, api, running, "2.1-crash"))
    assert (answer.status, answer.body["code"]) == (424, "OPERATION_FAILED")
    assert answer.headers["Preference-Applied"] == "wait=25"
    assert "circuit breaker" in answer.body["errorMessage"]


def test_one_of_simultaneous_callers_succeeds_and_the_others_get_its_operation(
    api: Api, running: str
) -> None:
    api.push(running, "1.2")
    with ThreadPoolExecutor(6) as callers:
        answers = list(callers.map(lambda _: _deploy(api, running, "1.2"), range(6)))
    won = [answer for answer in answers if answer.status == 202]
    lost = [answer for answer in answers if answer.status == 409]
    assert len(won) == 1
    assert len(lost) == 5
    assert {answer.body["code"] for answer in lost} == {"BUSY"}
    assert {answer.operation["id"] for answer in lost} == {won[0].operation["id"]}
    api.succeed(won[0])


def test_the_same_call_with_the_same_key_is_one_operation(api: Api, running: str) -> None:
    api.push(running, "1.3")
    with ThreadPoolExecutor(4) as callers:
        repeats = callers.map(
            lambda _: _deploy(api, running, "1.3", Idempotency_Key="deploy-1.3"), range(4)
        )
        answers = list(repeats)
    assert {answer.status for answer in answers} <= {200, 202}
    assert len({answer.operation["id"] for answer in answers}) == 1
    api.succeed(answers[0])
    other = _deploy(api, running, "1.0", Idempotency_Key="deploy-1.3")
    assert (other.status, other.body["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_the_response_to_a_failure_has_no_arn(api: Api, running: str) -> None:
    api.push(running, "2.2-unhealthy", "unhealthy")
    answer = until_ended(partial(_deploy, api, running, "2.2-unhealthy"))
    assert answer.status == 424
    text = json.dumps(answer.body | {"operation": answer.operation | {"caller": ""}})
    assert "arn:" not in text


def test_secrets_reach_the_task_by_reference_only(api: Api) -> None:
    secret = api.client("secretsmanager").create_secret(Name="e2e/password", SecretString="hush")
    name = "AppSecrets"
    service = {
        "environment": {"MODE": "test"},
        "secrets": {"PASSWORD": secret["ARN"]},
        "desiredCount": 2,
    }
    body = {
        "applicationName": name,
        "email": "team@example.com",
        "tags": {"technicalTeam": "platform"},
        "service": service,
    }
    api.succeed(api.post("/stacks", body))
    ecs = api.client("ecs")
    described = ecs.describe_services(cluster=name, services=["dev", "prod-1"])["services"]
    assert [service["runningCount"] for service in described] == [2, 2]
    for each in described:
        definition = ecs.describe_task_definition(taskDefinition=each["taskDefinition"])
        container = definition["taskDefinition"]["containerDefinitions"][0]
        assert {"name": "PASSWORD", "valueFrom": secret["ARN"]} in container["secrets"]
        assert {"name": "MODE", "value": "test"} in container["environment"]
    assert "hush" not in json.dumps(api.items("DevOpsLogsTable"))
    api.succeed(api.call("DELETE", "/stacks", {"stack": name}))
