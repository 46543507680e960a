"""Specifications on the laptop cloud, judged with the AWS API and the processes of the tasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.laptop.api import Api, create_body
from tests.lab.laptop.stored_secrets import stored_secret
from tools.bench.swaps.load import load
from tools.bench.swaps.production import Production
from tools.bench.swaps.records import IDLE, LIVE, failed

NAME = "Settings"
SPEC = f"/stacks/{NAME}/spec"
CLIENTS = 10
FIRST, SECOND = "first", "second"
REQUESTS = 40  # on each listener, in each phase under load


@pytest.fixture(scope="module")
def shared(api: Api) -> str:
    """The ARN of a secret of the application's team."""
    return stored_secret(api, "settings/db", FIRST, "platform")


@pytest.fixture(scope="module")
def application(api: Api, shared: str) -> Iterator[str]:
    """An application with dev and qa, whose dev and production read the secret."""
    reads = {"secrets": {"DB": shared}}
    choice = {
        "environments": {"nonProd": ["dev", "qa"]},
        "overrides": {"dev": reads, "prod": reads},
    }
    api.succeed(api.post("/stacks", create_body(NAME, **choice)))
    yield NAME
    api.succeed(api.call("DELETE", "/stacks", {"stack": NAME}))


def patch(api: Api, change: dict[str, Any]) -> dict[str, Any]:
    """Return the successful end of an update."""
    return api.succeed(api.call("PATCH", SPEC, change))


def running(api: Api, service: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the task definition of an ECS service, and its tags."""
    ecs = api.client("ecs")
    (found,) = ecs.describe_services(cluster=NAME, services=[service])["services"]
    (primary,) = (each for each in found["deployments"] if each["status"] == "PRIMARY")
    assert (primary["rolloutState"], primary["taskDefinition"]) == (
        "COMPLETED", found["taskDefinition"],
    )  # fmt: skip
    described = ecs.describe_task_definition(
        taskDefinition=found["taskDefinition"], include=["TAGS"]
    )
    tags = {each["key"]: each["value"] for each in described["tags"]}
    return described["taskDefinition"], tags


def variables(definition: dict[str, Any]) -> dict[str, str]:
    """Return the variables of a task definition that the template does not set."""
    (container,) = definition["containerDefinitions"]
    own = {each["name"]: each["value"] for each in container["environment"]}
    return {name: own[name] for name in own if name not in ("APPLICATION", "ENVIRONMENT", "PORT")}


def page(api: Api, environment: str, *names: str) -> dict[str, str | None]:
    """Return the values of variables in the process of an environment."""
    balancers = api.client("elbv2").describe_load_balancers(Names=[f"{NAME}-{environment}"])
    (name,) = (each["DNSName"] for each in balancers["LoadBalancers"])
    query = "&".join(f"variable={name}" for name in names)
    answer = api.fetch(f"http://{name}/?{query}")
    assert answer.status == 200
    values: dict[str, str | None] = answer.body["variables"]
    return values


def test_each_environment_has_exactly_its_settings(api: Api, application: str, shared: str) -> None:
    assert application == NAME
    before = {slot: running(api, slot)[0]["taskDefinitionArn"] for slot in ("prod-1", "prod-2")}
    done = patch(
        api,
        {
            "service": {"environment": {"LEVEL": "info", "EXTRA": "1"}},
            "overrides": {
                "dev": {"environment": {"LEVEL": "debug"}, "unset": ["EXTRA"]},
                "qa": {"cpu": 512, "memory": 1024, "desiredCount": 2, "command": ["serve", "-v"]},
                "prod": {"environment": {"LEVEL": "warn"}},
            },
        },
    )
    assert (done["kind"], done["spec"]) == ("update", 2)
    view = api.call("GET", SPEC)
    assert view.headers["ETag"] == '"2"'
    effective = {each["environment"]: each for each in view.body["environments"]}

    (dev, dev_tags), (qa, qa_tags) = running(api, "dev"), running(api, "qa")
    assert variables(dev) == {"LEVEL": "debug"}
    assert variables(qa) == {"LEVEL": "info", "EXTRA": "1"}
    assert dev["containerDefinitions"][0]["secrets"] == [{"name": "DB", "valueFrom": shared}]
    assert not qa["containerDefinitions"][0].get("secrets")
    assert (dev["cpu"], dev["memory"]) == ("256", "512")
    assert (qa["cpu"], qa["memory"]) == ("512", "1024")
    assert qa["containerDefinitions"][0]["command"] == ["serve", "-v"]
    assert "command" not in dev["containerDefinitions"][0]
    (service,) = api.client("ecs").describe_services(cluster=NAME, services=["qa"])["services"]
    assert (service["desiredCount"], service["runningCount"]) == (2, 2)
    # Both tags have the form of a SHA-256, and they differ.
    hashes = {tags["devops:spec"] for tags in (dev_tags, qa_tags)}
    assert {len(each) for each in hashes} == {64}
    assert len(hashes) == 2

    assert page(api, "dev", "LEVEL", "EXTRA", "DB") == {
        "LEVEL": "debug",
        "EXTRA": None,
        "DB": "first",
    }
    assert page(api, "qa", "LEVEL", "EXTRA", "DB") == {"LEVEL": "info", "EXTRA": "1", "DB": None}
    # Production waits for a promote and a swap.
    after = {slot: running(api, slot)[0]["taskDefinitionArn"] for slot in ("prod-1", "prod-2")}
    assert after == before
    assert not effective["DEV"]["outdated"]
    (pending,) = view.body["pending"]
    assert (pending["environment"], pending["call"]) == (
        "PROD-GREEN", "POST /stacks/deploytoprodBlue",
    )  # fmt: skip


def test_a_restart_gives_new_tasks_the_new_value_of_a_secret(
    api: Api, application: str, shared: str
) -> None:
    ecs = api.client("ecs")
    before, tasks = (
        running(api, "dev")[0],
        ecs.list_tasks(cluster=NAME, serviceName="dev")["taskArns"],
    )
    api.client("secretsmanager").put_secret_value(SecretId=shared, SecretString=SECOND)
    assert page(api, "dev", "DB") == {"DB": "first"}
    body = {"applicationName": application, "environment": ["dev"], "restart": True}
    api.succeed(api.post("/stacks/deploy", body))
    after = running(api, "dev")[0]
    assert page(api, "dev", "DB") == {"DB": "second"}
    assert after["taskDefinitionArn"] != before["taskDefinitionArn"]
    assert after["containerDefinitions"] == before["containerDefinitions"]
    assert not {*tasks} & {*ecs.list_tasks(cluster=NAME, serviceName="dev")["taskArns"]}


def test_a_failed_update_keeps_the_previous_settings_until_a_good_one(
    api: Api, application: str
) -> None:
    assert application == NAME
    before = running(api, "dev")[0]
    change = {"overrides": {"dev": {"command": ["exit", "3"], "environment": {"LEVEL": "trace"}}}}
    failure = api.wait_for_end(api.call("PATCH", SPEC, change))
    assert (failure["kind"], failure["status"]) == ("update", "FAILED")
    assert "exit code 3" in str(failure)
    assert running(api, "dev")[0]["taskDefinitionArn"] == before["taskDefinitionArn"]
    assert page(api, "dev", "LEVEL") == {"LEVEL": "debug"}
    view = {each["environment"]: each for each in api.call("GET", SPEC).body["environments"]}
    assert (view["DEV"]["outdated"], view["QA"]["outdated"]) == (True, False)
    patch(api, {"overrides": {"dev": {"command": ["serve"]}}})
    assert page(api, "dev", "LEVEL") == {"LEVEL": "trace"}
    assert running(api, "dev")[0]["containerDefinitions"][0]["command"] == ["serve"]
    view = {each["environment"]: each for each in api.call("GET", SPEC).body["environments"]}
    assert not view["DEV"]["outdated"]


def test_customers_receive_a_setting_only_after_the_swap_and_no_request_fails(api: Api) -> None:
    production = Production(api, "Configured")
    production.create()
    spec = f"/stacks/{production.application}/spec"
    before = production.live

    def served(port: int, since: int) -> set[tuple[str, str | None]]:
        """Return the versions and settings of the responses that began after a phase."""
        return {
            (each.version, each.setting) for each in customers.requests[since:] if each.port == port
        }

    def settled() -> int:
        """Wait until all requests of the previous phase have ended; return the position."""
        customers.wait(CLIENTS)
        position = len(customers.requests)
        customers.wait(REQUESTS)
        return position

    with load(api, production.url, CLIENTS, variable="LEVEL") as customers:
        customers.wait(REQUESTS)
        api.succeed(
            api.call("PATCH", spec, {"overrides": {"prod": {"environment": {"LEVEL": "new"}}}})
        )
        settled()
        version = production.deploy()
        settled()
        api.succeed(production.promote())
        idle_since = settled()
        assert {setting for _, setting in served(LIVE, 0)} == {None}
        assert served(LIVE, 0) == {(before, None)}
        assert served(IDLE, idle_since) == {(version, "new")}
        production.idle = version
        production.swap(version)
        swapped = settled()
        assert served(LIVE, swapped) == {(version, "new")}
        assert served(IDLE, swapped) == {(before, None)}
        production.swap(before)
        back = settled()
        assert served(LIVE, back) == {(before, None)}
        assert served(IDLE, back) == {(version, "new")}
        count = {"overrides": {"prod": {"desiredCount": 3}}}
        slots = [production.state(slot) for slot in production.roles()]
        api.succeed(api.call("PATCH", spec, count))
        settled()
        after = [production.state(slot) for slot in production.roles()]
    assert [(each.desired, each.running) for each in slots] == [(1, 1)] * 2
    assert [(each.desired, each.running) for each in after] == [(3, 3)] * 2
    assert [each.definition for each in after] == [each.definition for each in slots]
    requests = customers.requests
    assert failed(requests) == []
    assert len(requests) > 10 * REQUESTS
    api.succeed(api.call("DELETE", "/stacks", {"stack": production.application}))
