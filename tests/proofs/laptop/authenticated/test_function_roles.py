"""Permissions of the functions: each works with its role, and refuses without a permission."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from boto3 import Session
from botocore.exceptions import ClientError

from tests.lab.laptop.api import Api, Response, create_body, until, until_ended
from tests.lab.laptop.functions import Functions
from tools.laptop import callers
from tools.laptop.cloud import REGION

SWAP = "/stacks/swapProdBlueAndGreen"
PROMOTE = "/stacks/deploytoprodBlue"
PRODUCTION = "ECS_Inventory_Production"
INVENTORY = ("ECS_Inventory_NonProduction", PRODUCTION)
LOG = "DevOpsLogsTable"
LONG_AGO = "2020-01-01T00:00:00+00:00"  # the drift check skips a recently changed inventory


def deploy(api: Api, version: str, behaviour: str = "", **headers: str) -> Response:
    api.push("Signed", version, behaviour)
    body = {"applicationName": "Signed", "environment": ["dev"], "version": version}
    return api.post("/stacks/deploy", body, **headers)


def promote(api: Api, **headers: str) -> Response:
    return api.post(PROMOTE, {"applicationName": "Signed"}, **headers)


def swap(api: Api, **headers: str) -> Response:
    return api.post(SWAP, {"applicationName": "Signed"}, **headers)


def create(api: Api, name: str, **headers: str) -> Response:
    return api.post("/stacks", create_body(name, environments={"nonProd": ["dev"]}), **headers)


def delete(api: Api, name: str, **headers: str) -> Response:
    return api.call("DELETE", "/stacks", {"stack": name}, **headers)


def plan_of(answer: Response) -> dict[str, Any]:
    """Return the plan of a dry run."""
    assert answer.status == 200, answer.body
    plan: dict[str, Any] = answer.body["plan"]
    return plan


def abort(api: Api, version: str) -> Callable[[], Response]:
    """Start a deploy and return the call that aborts it."""
    running = deploy(api, version)
    assert running.status == 202, running.body
    return partial(api.call, "DELETE", running.operation["url"])


def production(api: Api, name: str = "Signed") -> dict[str, dict[str, Any]]:
    return {
        row["environment"]["S"]: row
        for row in api.items(PRODUCTION)
        if row["applicationName"]["S"] == name
    }


def record(api: Api, operation: str) -> dict[str, Any]:
    """Return an operation from the table, because a status read would advance it."""
    entry = f"OPERATION#{operation}"
    return next(item for item in api.items(LOG) if item["entry"]["S"] == entry)


def test_the_roles_have_all_permissions_from_create_to_delete(
    api: Api, functions: Functions
) -> None:
    before = functions.refusals()
    assert plan_of(api.post("/stacks?dryRun=true", create_body("Lived")))["kind"] == "create"
    assert until_ended(partial(create, api, "Lived")).status == 200
    api.push("Lived", "1")
    body = {"applicationName": "Lived", "environment": ["dev"], "version": "1"}
    assert plan_of(api.post("/stacks/deploy?dryRun=true", body))["claims"] == ["DEV"]
    assert until_ended(partial(api.post, "/stacks/deploy", body)).status == 200
    assert until_ended(partial(api.post, PROMOTE, {"applicationName": "Lived"})).status == 200
    assert until_ended(partial(api.post, SWAP, {"applicationName": "Lived"})).status == 200
    api.push("Lived", "2", "unhealthy")
    running = api.post("/stacks/deploy", body | {"version": "2"})
    back = plan_of(api.call("DELETE", f"{running.operation['url']}?dryRun=true"))
    assert [each["version"] for each in back["environments"]] == ["1"]
    stopped = until_ended(partial(api.call, "DELETE", running.operation["url"]))
    assert stopped.operation["reasons"][0] == "aborted by iam user/admin"
    gone = plan_of(api.call("DELETE", "/stacks?stack=Lived&dryRun=true"))
    assert len(gone["claims"]) == 3
    assert until_ended(partial(delete, api, "Lived")).status == 200
    assert api.call("GET", "/health").status == 200
    assert functions.refusals() == before


def test_the_schedule_ends_an_operation_with_its_own_role(
    api: Api, functions: Functions, application: str
) -> None:
    before = functions.refusals()
    answer = deploy(api, "5")
    operation = answer.operation["id"]

    def ended() -> bool:
        assert functions.invoke("reconcile", {"detail-type": "Scheduled Event"})[0]
        return bool(record(api, operation)["status"]["S"] != "IN_PROGRESS")

    assert until(ended, pause=0.5)
    assert record(api, operation)["status"]["S"] == "SUCCEEDED", application
    assert functions.refusals() == before


def test_the_role_of_the_schedule_can_detect_drift(
    api: Api, functions: Functions, application: str
) -> None:
    """The drift check follows the listeners of production after an exchange by hand."""
    before, rows = functions.refusals(), production(api)
    elb, tables = api.client("elbv2"), api.client("dynamodb")
    listeners = [rows["PROD-BLUE"][f"{use}Listener"]["S"] for use in ("production", "test")]
    found = elb.describe_listeners(ListenerArns=listeners)["Listeners"]
    actions = {each["ListenerArn"]: each["DefaultActions"] for each in found}
    for one, other in (listeners, reversed(listeners)):
        elb.modify_listener(ListenerArn=one, DefaultActions=actions[other])
    for table in INVENTORY:
        for row in api.items(table):
            if row["applicationName"]["S"] == application:
                tables.put_item(TableName=table, Item=row | {"updatedAt": {"S": LONG_AGO}})
    done, answer = functions.invoke("reconcile", {"detail-type": "Drift check"})
    assert (done, answer) == (True, {"operations": 1})
    assert production(api)["PROD-GREEN"]["slot"] == rows["PROD-BLUE"]["slot"]
    assert functions.refusals() == before


Prepare = Callable[[Api], Callable[[], Response]]  # returns the call
STEPS: list[tuple[str, str, Prepare, str]] = [
    (
        "create",
        "cloudformation:CreateStack",
        lambda api: partial(create, api, "Refused"),
        "SUCCEEDED",
    ),
    (
        "delete",
        "cloudformation:DeleteStack",
        lambda api: partial(delete, api, "Refused"),
        "SUCCEEDED",
    ),
    ("deployNonProd", "iam:PassRole", lambda api: partial(deploy, api, "6"), "SUCCEEDED"),
    ("deployNonProd", "ecs:UpdateService", lambda api: partial(deploy, api, "7"), "SUCCEEDED"),
    (
        "deployProdBlue",
        "ecs:RegisterTaskDefinition",
        lambda api: partial(promote, api),
        "SUCCEEDED",
    ),
    ("swap", "elasticloadbalancing:ModifyListener", lambda api: partial(swap, api), "SUCCEEDED"),
    ("abort", "ecs:UpdateService", lambda api: abort(api, "stopped"), "FAILED"),
    ("abort", "iam:PassRole", lambda api: abort(api, "stopped-later"), "FAILED"),
]


@pytest.mark.parametrize(("function", "action", "prepare", "end"), STEPS)
def test_a_step_waits_for_its_missing_permission_and_reports_it(
    api: Api,
    functions: Functions,
    application: str,
    function: str,
    action: str,
    prepare: Prepare,
    end: str,
) -> None:
    live, call = production(api)["PROD-GREEN"]["slot"], prepare(api)
    with functions.without(function, action):
        answer = call()
        assert answer.status == 202, answer.body
        assert answer.operation["status"] == "IN_PROGRESS"
        assert answer.operation["waitingFor"] == f"the service's role lacks the permission {action}"
        assert production(api, application)["PROD-GREEN"]["slot"] == live
    operation = api.wait_for_end(answer)
    assert operation["status"] == end
    assert "waitingFor" not in operation


Send = Callable[[Api], Response]
CLAIMS: list[tuple[str, Send]] = [
    ("create", lambda api: create(api, "Unclaimed")),
    ("deployNonProd", lambda api: deploy(api, "8")),
    ("deployProdBlue", promote),
    ("swap", swap),
    ("delete", lambda api: delete(api, "Signed")),
]


@pytest.mark.parametrize(("function", "send"), CLAIMS)
def test_an_operation_that_cannot_be_recorded_is_not_started(
    api: Api, functions: Functions, application: str, function: str, send: Send
) -> None:
    tables = (*INVENTORY, LOG)
    before = [api.items(table) for table in tables]
    with functions.without(function, "dynamodb:PutItem"):
        answer = send(api)
    assert (answer.status, answer.body["code"]) == (502, "ACCESS_DENIED"), application
    assert answer.body["errorMessage"] == "the service's role lacks the permission dynamodb:PutItem"
    assert [api.items(table) for table in tables] == before


def test_a_status_without_the_permission_to_read_it_is_502(
    api: Api, functions: Functions, application: str
) -> None:
    url = api.succeed(deploy(api, "9"))["url"]
    with functions.without("query", "dynamodb:GetItem"):
        answer = api.call("GET", url)
        health = api.call("GET", "/health")
    assert (answer.status, answer.body["code"]) == (502, "ACCESS_DENIED"), application
    assert (health.status, health.body["code"]) == (503, "UNHEALTHY")
    assert api.call("GET", url).operation["status"] == "SUCCEEDED"


def test_a_health_check_names_the_missing_permission(api: Api, functions: Functions) -> None:
    with functions.without("query", "s3:ListBucket"):
        answer = api.call("GET", "/health")
    assert answer.body["failing"] == {
        "bucket": "the service's role lacks the permission s3:ListBucket"
    }


def test_a_schedule_without_a_permission_fails_and_continues_with_it(functions: Functions) -> None:
    with functions.without("reconcile", "dynamodb:Query"):
        done, answer = functions.invoke("reconcile", {"detail-type": "Scheduled Event"})
    assert not done
    assert answer["errorMessage"] == "the service's role lacks the permission dynamodb:Query"
    assert functions.invoke("reconcile", {"detail-type": "Scheduled Event"})[0]


@pytest.mark.parametrize("function", ["delete", "reconcile", "create", "query", "abort"])
def test_a_function_can_delete_only_applications_and_their_names_from_the_log(
    api: Api, functions: Functions, application: str, function: str
) -> None:
    """`dynamodb:LeadingKeys` excludes the partitions of the service."""
    role = as_function(api, functions, function)
    table = role.client("dynamodb", endpoint_url=api.cloud.endpoint)
    for partition in ("EVENTS#", "WAITING#", f"IDEMPOTENCY#{application}"):
        entry = {"applicationName": {"S": partition}, "entry": {"S": "EVENT#1"}}
        with pytest.raises(ClientError, match="dynamodb:DeleteItem"):
            table.delete_item(TableName=LOG, Key=entry)
        delete = {"Delete": {"TableName": LOG, "Key": entry}}
        with pytest.raises(ClientError, match="dynamodb:DeleteItem"):
            table.transact_write_items(TransactItems=[delete])
    absent = [
        {"applicationName": {"S": partition}, "entry": {"S": "absent"}}
        for partition in ("NAMES#", application)
    ]
    for key in absent:
        table.delete_item(TableName=LOG, Key=key)
    both = [{"Delete": {"TableName": LOG, "Key": key}} for key in absent]
    table.transact_write_items(TransactItems=both)


@pytest.mark.parametrize("function", ["deployNonProd", "swap", "reconcile"])
def test_a_function_can_update_only_services_of_applications(
    api: Api, functions: Functions, application: str, function: str
) -> None:
    service = "prod-2" if function == "swap" else "dev"
    ecs, session = api.client("ecs"), as_function(api, functions, function)
    role = session.client("ecs", endpoint_url=api.cloud.endpoint)
    arn = ecs.describe_services(cluster=application, services=[service])["services"][0][
        "serviceArn"
    ]
    update = partial(role.update_service, cluster=application, service=service)
    assert update(desiredCount=1)["service"]["serviceName"] == service
    # Without ecsexec in parameters.yml.
    assert not update(enableExecuteCommand=False)["service"].get("enableExecuteCommand")
    with pytest.raises(ClientError, match="ecs:UpdateService"):
        update(enableExecuteCommand=True)
    tag = {"key": "devops:application", "value": application}
    ecs.untag_resource(resourceArn=arn, tagKeys=[tag["key"]])
    try:
        with pytest.raises(ClientError, match="ecs:UpdateService"):
            update(desiredCount=1)
    finally:
        ecs.tag_resource(resourceArn=arn, tags=[tag])


def as_function(api: Api, functions: Functions, name: str) -> Session:
    """Return a session with the permissions of a function."""
    iam, user = api.client("iam"), f"{name}-{uuid4().hex[:8]}"
    keys = callers.create_user(iam, user, *functions.statements(name))
    return Session(keys.access_key, keys.secret_key, region_name=REGION)


def test_a_failure_has_log_lines_if_the_functions_can_read_them(
    api: Api, functions: Functions, application: str
) -> None:
    """Without the permission the operation ends in the same way, and names the log."""
    assert application == "Signed"
    # The functions read the lines only once. On a busy machine this can take too long.
    for version in ("8.0-crash", "8.2-crash", "8.3-crash"):
        failed = api.wait_for_end(deploy(api, version, "crash"))
        (part,) = failed["environments"]
        if "lines" in part["containerLog"]:
            break
    assert part["containerLog"]["lines"] == [f"fatal: version {version} cannot start"]
    names = ("deployNonProd", "query", "reconcile")
    with ExitStack() as removed:
        for name in names:
            removed.enter_context(functions.without(name, "logs:GetLogEvents"))
        failed = api.wait_for_end(deploy(api, "8.1-crash", "crash"))
    (part,) = failed["environments"]
    assert failed["status"] == "FAILED"
    assert part["containerLog"].keys() == {"group", "stream"}
    denied = [line for line in functions.refusals() if "logs:GetLogEvents" in line]
    assert any(f"/ecs/Signed/dev:log-stream:{part['containerLog']['stream']}" in line
               for line in denied)  # fmt: skip
