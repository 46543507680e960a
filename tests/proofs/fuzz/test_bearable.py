"""What is generated stays valid or not, and comes to mean something."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from tests.lab.values import IMAGES, NAMES, VERSIONS, WRONG
from tests.proofs.fuzz.bearable import COME_AND_GO, THERE, hurry, keep_to_the_words, lead
from tools.contract.conformance import validator
from tools.contract.document import document, operations, resolved

CALLS = range(40)
BODIES = {each.id: each.body for each in operations().values() if each.body}


def led(body: Any, number: int) -> Any:
    changed = copy.deepcopy(body)
    lead(changed, number)
    return changed


@pytest.mark.parametrize(
    ("called", "member"),
    [
        (called, member)
        for called, body in BODIES.items()
        for member in resolved(body["schema"])["properties"]
    ],
)
def test_what_is_valid_stays_so_and_what_is_not_is_left_alone(called: str, member: str) -> None:
    body = BODIES[called]
    valid = validator(body["schema"])
    good = next(iter(body["examples"].values()))["value"]
    counts = [{"desiredCount": count} for count in (0, 1, 2, 3, 100, 101, "3", True, 2.5)]
    for number, value in enumerate([*NAMES, *VERSIONS, *IMAGES, *WRONG, *counts]):
        before = good | {member: value}
        after = led(before, number)
        assert valid.is_valid(after) == valid.is_valid(before)
        if not valid.is_valid(before):
            assert after[member] == value


def test_names_are_those_of_applications_that_are_there_and_some_come_and_go() -> None:
    deploy = {"applicationName": "Anything", "environment": ["dev"], "version": "7"}
    assert {led(deploy, number)["applicationName"] for number in CALLS} == {*THERE, *COME_AND_GO}
    assert {led(deploy, number)["version"] for number in CALLS} == {"7", "1.0.0.0", "1.0.0.1"}
    create = {"applicationName": "Anything", "email": "a@example.com"}
    assert {led(create, number)["applicationName"] for number in CALLS} == {*COME_AND_GO}
    assert {led({"stack": "Anything"}, number)["stack"] for number in CALLS} == {*COME_AND_GO}
    assert led(["Anything"], 1) == ["Anything"]


def test_most_of_the_dry_runs_become_real_calls() -> None:
    tried = [led({"dryRun": "true"}, number)["dryRun"] for number in CALLS]
    assert (tried.count("true"), tried.count("false")) == (10, 30)
    for other in ("false", "", "True", None, 1, ["true"]):
        assert all(led({"dryRun": other}, number) == {"dryRun": other} for number in CALLS)


def test_a_name_that_a_link_has_brought_is_kept() -> None:
    for name in (*THERE, *COME_AND_GO):
        path = {"applicationName": name, "id": "01JN8EYDN00000000000000001"}
        assert all(led(path, number) == path for number in CALLS)


def test_nobody_waits_for_long_and_most_keys_are_new() -> None:
    seen = []
    for number in CALLS:
        headers = {"Prefer": "wait=25", "Idempotency-Key": "build"}
        hurry(headers, number)
        assert headers["Prefer"] in ("wait=1", "wait=2")
        seen.append(headers["Idempotency-Key"])
    assert seen.count("build") == len(CALLS) // 8
    assert len(set(seen)) == len(CALLS) - len(CALLS) // 8 + 1
    for other in ({"Prefer": "respond-async"}, {"Idempotency-Key": "a b"}, {}):
        unchanged = dict(other)
        hurry(unchanged, 1)
        assert unchanged == other


@pytest.mark.parametrize(
    ("body", "query", "stack"),
    [(None, {}, COME_AND_GO[0]), ({"stack": "Shop"}, {}, "Shop"), (None, {"stack": "Shop"}, "Shop"),
     ({"stack": "Shop"}, {"stack": "Store"}, "Shop")],
)  # fmt: skip
def test_a_delete_names_one_application(body: Any, query: dict[str, Any], stack: str) -> None:
    keep_to_the_words("deleteApplication", body, query)
    assert query == {"stack": stack}


def test_a_create_keeps_to_what_no_schema_says() -> None:
    arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/x"
    service = {"cpu": 512.0, "environment": {"A": "a", "B": "b"}, "secrets": {"B": arn, "C": arn}}
    keep_to_the_words("createApplication", {"service": service}, {})
    assert service == {
        "cpu": 512,
        "environment": {"A": "a", "B": "b"},
        "secrets": {"C": "arn:aws:ssm:eu-west-1:000000000000:parameter/x"},
    }
    assert type(service["cpu"]) is int


@pytest.mark.parametrize(("length", "kept"), [(253, True), (254, False)])
def test_an_image_is_no_longer_with_its_tag_than_ecs_takes(length: int, kept: bool) -> None:
    body = {"applicationName": "Shop", "repouri": "a" * length, "version": "1"}
    keep_to_the_words("deploy", body, {})
    assert ("repouri" in body) == kept


def test_a_list_goes_on_only_where_the_service_said_and_no_time_is_before_since() -> None:
    early, late = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
    query = {"since": late, "until": early, "nextToken": "YmFza2V0", "limit": 3}
    keep_to_the_words("listEvents", None, query)
    assert query == {"since": early, "until": late, "limit": 3}
    for kept in ({"since": late}, {"until": early}, {"since": early, "until": late}, {}):
        unchanged = dict(kept)
        keep_to_the_words("listEvents", None, unchanged)
        assert unchanged == kept


def test_any_json_is_borne() -> None:
    chance = random.Random(1)  # noqa: S311 - no secret
    members = [*document()["components"]["schemas"]["CreateRequest"]["properties"], "stack"]
    for number in range(500):
        lead({name: chance.choice(WRONG) for name in members}, number)
