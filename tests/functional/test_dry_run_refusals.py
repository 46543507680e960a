"""?dryRun=true: what would be refused is refused, and leaves as little behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from devops_core.errors import ThrottledError
from devops_core.naming import Environment
from tests.lab.callers import OTHER, OWNER, WRITES, denied
from tests.lab.client import Client, Reply, http_event
from tests.lab.dry import DryClient, plan, state
from tests.lab.fakes import FakeCloud

KEY = {"Idempotency-Key": "build-4711"}
Ask = Callable[[Client], Reply]


def refused(reply: Reply, status: int, code: str) -> str:
    """Hold how a call was refused; return the message."""
    assert (reply.status, reply.body["code"]) == (status, code), reply.body
    return str(reply.body["errorMessage"])


# --- who, what and whether ---


@pytest.mark.parametrize(
    ("ask", "field"),
    [
        (lambda api: api.create("1"), "applicationName"),
        (lambda api: api.deploy("", "dev"), "version"),
        (lambda api: api.promote(environment="prod"), "environment"),
        (lambda api: api.swap(version=""), "version"),
        (lambda api: api.delete("1"), "stack"),
    ],
    ids=["create", "deploy", "promote", "swap", "delete"],
)
def test_what_is_not_valid_is_refused(dry: DryClient, ask: Ask, field: str) -> None:
    reply = ask(dry)
    refused(reply, 400, "INVALID_REQUEST")
    assert [each["field"] for each in reply.body["errors"]] == [field]


@pytest.mark.parametrize("kind", WRITES)
def test_who_may_not_is_refused_and_not_on_record(owned: FakeCloud, kind: str) -> None:
    told = refused(WRITES[kind](DryClient(owned, OTHER)), 403, "FORBIDDEN")
    assert denied(owned) == []
    assert refused(WRITES[kind](Client(owned, OTHER)), 403, "FORBIDDEN") == told
    assert len(denied(owned)) == 1


def test_nor_for_a_create_or_an_abort(owned: FakeCloud) -> None:
    other = DryClient(owned, OTHER)
    refused(other.create("Depot"), 403, "FORBIDDEN")
    running = Client(owned, OWNER).deploy("1.1", "dev")
    told = refused(other.abort(running.id), 403, "FORBIDDEN")
    assert told.startswith(f"not allowed to abort the deploy {running.id} of Shop: requires ")
    assert denied(owned) == denied(owned, "Depot") == []


@pytest.mark.parametrize("kind", WRITES)
def test_an_application_that_there_is_not(dry: DryClient, kind: str) -> None:
    told = refused(WRITES[kind](dry), 409, "NO_SUCH_APPLICATION")
    assert told == "there is no application Shop (names are case-sensitive)"


@pytest.mark.parametrize("kind", WRITES)
def test_what_another_operation_holds_is_busy(promoted: FakeCloud, kind: str) -> None:
    running = Client(promoted).delete()
    reply = WRITES[kind](DryClient(promoted))
    refused(reply, 409, "BUSY")
    assert reply.body["operation"]["id"] == running.id


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda api: api.deploy("1.0", "da"), "NO_SUCH_ENVIRONMENT"),
        (lambda api: api.deploy("9.9", "dev"), "IMAGE_NOT_FOUND"),
        (lambda api: api.promote(), "NOT_DEPLOYABLE"),
        (lambda api: api.swap(), "NOT_READY"),
        (lambda api: api.swap(version="1.0"), "NOT_DEPLOYABLE"),
    ],
)
def test_what_is_not_so_is_refused_as_by_the_real_call(
    shop: FakeCloud, dry: DryClient, ask: Ask, code: str
) -> None:
    assert refused(ask(dry), 409, code) == refused(ask(Client(shop)), 409, code)


@pytest.mark.usefixtures("promoted")
def test_an_application_whose_listener_was_changed(cloud: FakeCloud, dry: DryClient) -> None:
    # Somebody else has broken the promise that they hold.
    cloud.wire.watchers.clear()
    listeners = cloud.load_balancer.listeners
    listener = cloud.stacks.estate.listener("Shop", "production")
    there, listeners[listener] = listeners[listener], []
    refused(dry.swap(), 409, "CONFLICT")
    refused(dry.promote(), 409, "CONFLICT")
    listeners[listener] = there


@pytest.mark.usefixtures("shop")
def test_trouble_with_aws_is_told(cloud: FakeCloud, dry: DryClient) -> None:
    cloud.wire.fail("images.digest", ThrottledError("AWS throttles DescribeImages"))
    assert dry.deploy("1.0", "dev").headers["Retry-After"] == "5"


def test_who_was_faster_is_told_of(shop: FakeCloud, api: Client) -> None:
    started: list[Reply] = []
    shop.wire.on("images.digest", lambda: started.append(api.delete()))
    body = {"applicationName": "Shop", "environment": ["dev"], "version": "9.9"}
    reply = api.send("POST", "/stacks/deploy", body, query={"dryRun": "true"})
    refused(reply, 409, "BUSY")
    assert reply.body["operation"]["id"] == started[0].id


# --- create ---


def test_a_name_that_is_taken(shop: FakeCloud, dry: DryClient, api: Client) -> None:
    for name in ("Shop", "SHOP", "shop"):
        told = refused(dry.create(name), 409, "ALREADY_EXISTS")
        assert told == refused(api.create(name), 409, "ALREADY_EXISTS")
        assert ("upper and lower case" in told) is (name != "Shop")
    assert plan(dry.create("Shop2"))["applicationName"] == "Shop2"
    assert len({name for name, _ in shop.tables.rows}) == 1


def test_an_application_that_is_being_created_names_the_operation(
    cloud: FakeCloud, dry: DryClient, api: Client
) -> None:
    running = api.create()
    reply = dry.create()
    told = refused(reply, 409, "ALREADY_EXISTS")
    assert told == f"the application Shop already exists: its operation {running.id} is in progress"
    assert reply.body["operation"]["id"] == running.id
    assert len(cloud.tables.in_progress()) == 1


@pytest.mark.parametrize("content", [b"", b"  \n", b"\xff", b"x" * 51_201, b"Description: none\n"])
def test_a_template_that_no_stack_can_be_made_of(
    cloud: FakeCloud, dry: DryClient, api: Client, content: bytes
) -> None:
    cloud.templates.versions["v2"] = content
    _hold_same(dry, api)


def test_a_template_that_is_missing(cloud: FakeCloud, dry: DryClient, api: Client) -> None:
    cloud.templates.versions.clear()
    assert "is missing" in _hold_same(dry, api)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Cpu": None, "Image": None}, "Parameters: [Image, Cpu] do not exist in the template"),
        ({"Colour": False, "Depth": True}, "Parameters: [Colour] must have values"),
        ({"Colour": False, "Depth": False}, "Parameters: [Colour, Depth] must have values"),
    ],
)
def test_a_template_of_other_parameters(
    cloud: FakeCloud,
    dry: DryClient,
    api: Client,
    change: Mapping[str, bool | None],
    message: str,
) -> None:
    declared = {**cloud.stacks.declared, **change}
    cloud.stacks.declared = {name: has for name, has in declared.items() if has is not None}
    assert _hold_same(dry, api) == message


def test_a_further_parameter_with_a_default_does_no_harm(cloud: FakeCloud, dry: DryClient) -> None:
    cloud.stacks.declared["Colour"] = True
    assert "Colour" not in plan(dry.create())["parameters"]


def test_a_stack_of_somebody_else(cloud: FakeCloud, dry: DryClient, api: Client) -> None:
    cloud.stacks.add_foreign("Shop")
    assert _hold_same(dry, api) == "a stack of this name exists: choose another name"


def test_a_template_that_cannot_be_read_now(cloud: FakeCloud, dry: DryClient) -> None:
    cloud.wire.fail("templates.read", ThrottledError("AWS throttles GetObject"))
    assert refused(dry.create(), 503, "THROTTLED") == "AWS throttles GetObject"


def test_a_taken_name_is_told_before_a_template_that_is_missing(
    shop: FakeCloud, dry: DryClient
) -> None:
    shop.templates.versions.clear()
    refused(dry.create(), 409, "ALREADY_EXISTS")


def _hold_same(dry: DryClient, api: Client) -> str:
    """Hold that a dry run of a create is refused with what the real one fails of; return it."""
    told = refused(dry.create(), 502, "REFUSED")
    failed = api.create(headers={"Prefer": "wait=25"})
    assert failed.status == 424
    assert failed.operation["reasons"] == [told]
    return told


# --- the parameter itself ---


@pytest.mark.parametrize(
    "query",
    [{"dryRun": value} for value in ("", "1", "yes", "True", "TRUE", " true", "true,true", "no")]
    + [{name: "true"} for name in ("dryrun", "DryRun", "dry_run", "dry-run", "DRY_RUN", "_dryRun")]
    + [{"dryRun": "true", "dryrun": "true"}],
    ids=str,
)
def test_what_is_nearly_a_dry_run_is_no_real_call(
    shop: FakeCloud, query: Mapping[str, str]
) -> None:
    before = state(shop)
    api = Client(shop)
    bodies = {"deploy": {"applicationName": "Shop", "environment": ["dev"], "version": "1.0"}}
    replies = [
        api.send("POST", "/stacks/deploy", bodies["deploy"], query=query),
        api.send("DELETE", "/stacks", {"stack": "Shop"}, query=query),
        api.send(
            "DELETE",
            "/stacks/{applicationName}/operations/{id}",
            parameters={"applicationName": "Shop", "id": "01JN8EY4M00000000000000009"},
            query=query,
        ),
    ]
    wrong = [name for name in query if name != "dryRun" or query[name] != "true"]
    problem = "must be dryRun=true or dryRun=false"
    for reply in replies:
        refused(reply, 400, "INVALID_REQUEST")
        assert reply.body["errors"] == [{"field": name, "message": problem} for name in wrong]
    assert api.send("DELETE", "/stacks", query={"stack": "Shop", **query}).status == 400
    assert state(shop) == before


def test_a_parameter_that_is_there_twice_is_refused(shop: FakeCloud) -> None:
    event = http_event("POST", "/stacks/swapProdBlueAndGreen", '{"applicationName": "Shop"}')
    event["queryStringParameters"] = {"dryRun": "false"}
    event["multiValueQueryStringParameters"] = {"dryRun": ["true", "false"]}
    refused(Client(shop).raw(event), 400, "INVALID_REQUEST")


def test_false_is_the_real_call(shop: FakeCloud, api: Client) -> None:
    query = {"dryRun": "false", "stack": "Shop"}
    first = api.send("DELETE", "/stacks", query=query, headers=KEY)
    assert first.status == 202
    assert shop.tables.in_progress() == [("Shop", first.id)]
    # It is the same request as the one without.
    assert api.send("DELETE", "/stacks", query={"stack": "Shop"}, headers=KEY).id == first.id


# --- Idempotency-Key ---


def test_a_key_is_neither_looked_up_nor_taken(shop: FakeCloud, dry: DryClient, api: Client) -> None:
    assert plan(dry.deploy("1.0", "dev", headers=KEY))["claims"] == ["DEV"]
    assert shop.tables.idempotency_records == {}
    real = api.deploy("1.1", "dev", headers=KEY)
    assert real.status == 202
    api.settle()
    assert plan(dry.deploy("1.2", "dev", headers=KEY))["environments"][0]["version"] == "1.2"
    assert api.deploy("1.1", "dev", headers=KEY).id == real.id


@pytest.mark.usefixtures("shop")
def test_a_key_that_is_none_is_refused(dry: DryClient) -> None:
    reply = dry.deploy("1.0", "dev", headers={"Idempotency-Key": "a b"})
    refused(reply, 400, "INVALID_REQUEST")
    assert reply.body["errors"][0]["field"] == "Idempotency-Key"


def test_rows_are_held_by_nobody_after_it(shop: FakeCloud, dry: DryClient) -> None:
    assert plan(dry.delete())["kind"] == "delete"
    rows = shop.tables.inventory_of("Shop").rows
    assert {name: row.claim for name, row in rows.items() if row.claim} == {}
    assert Environment.DEV in rows
