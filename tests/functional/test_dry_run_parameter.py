"""The query parameter dryRun, and its effect on keys, waits, logs and outgoing calls."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.lab.client import Client, Reply, http_event
from tests.lab.dry import DryClient, plan, state
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.task_service import HANG

KEY = {"Idempotency-Key": "build-4711"}


@pytest.mark.parametrize(
    "query",
    [{"dryRun": value} for value in ("", "1", "yes", "True", "TRUE", " true", "true,true", "no")]
    + [{name: "true"} for name in ("dryrun", "DryRun", "dry_run", "dry-run", "DRY_RUN", "_dryRun")]
    + [{"dryRun": "true", "dryrun": "true"}],
    ids=str,
)
def test_a_misspelled_parameter_starts_no_operation(
    shop: FakeCloud, api: Client, query: Mapping[str, str]
) -> None:
    before = state(shop)
    deploy = {"applicationName": "Shop", "environment": ["dev"], "version": "1.0"}
    parameters = {"applicationName": "Shop", "id": "01JN8EY4M00000000000000009"}
    operation = "/stacks/{applicationName}/operations/{id}"
    replies = [
        api.send("POST", "/stacks/deploy", deploy, query=query),
        api.send("DELETE", "/stacks", {"stack": "Shop"}, query=query),
        api.send("DELETE", operation, parameters=parameters, query=query),
    ]
    wrong = [name for name in query if name != "dryRun" or query[name] != "true"]
    problem = "must be dryRun=true or dryRun=false"
    for reply in replies:
        assert (reply.status, reply.body["code"]) == (400, "INVALID_REQUEST")
        assert reply.body["errors"] == [{"field": name, "message": problem} for name in wrong]
    assert api.send("DELETE", "/stacks", query={"stack": "Shop", **query}).status == 400
    assert state(shop) == before


@pytest.mark.usefixtures("shop")
def test_two_different_values_are_refused(api: Client) -> None:
    event = http_event("POST", "/stacks/swapProdBlueAndGreen", '{"applicationName": "Shop"}')
    event["queryStringParameters"] = {"dryRun": "false"}
    event["multiValueQueryStringParameters"] = {"dryRun": ["true", "false"]}
    reply = api.raw(event)
    assert (reply.status, reply.body["code"]) == (400, "INVALID_REQUEST")


def test_false_is_the_same_request_as_no_parameter(shop: FakeCloud, api: Client) -> None:
    query = {"dryRun": "false", "stack": "Shop"}
    first = api.send("DELETE", "/stacks", query=query, headers=KEY)
    assert first.status == 202
    assert shop.tables.in_progress() == [("Shop", first.id)]
    assert api.send("DELETE", "/stacks", query={"stack": "Shop"}, headers=KEY).id == first.id


def test_a_dry_run_ignores_the_idempotency_key(
    shop: FakeCloud, dry: DryClient, api: Client
) -> None:
    assert plan(dry.deploy("1.0", "dev", headers=KEY))["claims"] == ["DEV"]
    assert shop.tables.idempotency_records == {}
    real = api.finished(api.deploy("1.1", "dev", headers=KEY))
    assert plan(dry.deploy("1.2", "dev", headers=KEY))["environments"][0]["version"] == "1.2"
    assert api.deploy("1.1", "dev", headers=KEY).id == real.id


def test_a_dry_run_does_not_wait(shop: FakeCloud, dry: DryClient) -> None:
    shop.push("slow", HANG)
    reply = dry.deploy("slow", "dev", headers={"Prefer": "wait=25"})
    assert plan(reply)["claims"] == ["DEV"]
    assert "Preference-Applied" not in reply.headers


def test_the_log_line_names_the_dry_run(shop: FakeCloud, dry: DryClient) -> None:
    shop.lines.clear()
    dry.deploy("1.0", "dev")
    message, facts = shop.lines[0]
    assert message == "answered"
    assert (facts["status"], facts["kind"], facts["dryRun"]) == (200, "deploy", True)
    assert "operation" not in facts


def test_a_dry_run_of_a_create_reads_the_template_once_and_checks_the_name_first(
    cloud: FakeCloud, api: Client
) -> None:
    tags = {"technicalTeam": "payments"}
    body = {"applicationName": "Shop", "email": "team@example.com", "tags": tags}
    assert api.send("POST", "/stacks", body, query={"dryRun": "true"}).status == 200
    assert cloud.wire.names() == [
        "templates.read", "tables.inventory", "tables.reserved", "stacks.describe",
        "stacks.parameters",
    ]  # fmt: skip


def test_a_dry_run_that_loses_a_race_names_the_faster_operation(
    shop: FakeCloud, api: Client
) -> None:
    started: list[Reply] = []
    shop.wire.on("images.digest", lambda: started.append(api.delete()))
    body = {"applicationName": "Shop", "environment": ["dev"], "version": "9.9"}
    reply = api.send("POST", "/stacks/deploy", body, query={"dryRun": "true"})
    assert (reply.status, reply.body["code"]) == (409, "BUSY")
    assert reply.body["operation"]["id"] == started[0].id
