"""The changes keep valid calls valid and invalid calls invalid."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from devops_core.requests.swap import SWAP
from devops_core.requests.task_settings import MAX_SECRET_BYTES
from tests.lab.values import IMAGES, NAMES, VERSIONS, WRONG
from tests.proofs.fuzz.adapted_calls import (
    PATCHES,
    PERMANENT,
    TEMPORARY,
    WAITING,
    follow_descriptions,
    follow_specification,
    shorten_waits,
    use_existing_names,
)
from tools.contract.conformance import validator
from tools.contract.document import document, operations, resolved

CALLS = range(40)
BODIES = {each.id: each.body for each in operations().values() if each.body}


def adapted(body: Any, number: int) -> Any:
    changed = copy.deepcopy(body)
    use_existing_names(changed, number)
    return changed


@pytest.mark.parametrize(
    ("called", "member"),
    [
        (called, member)
        for called, body in BODIES.items()
        for member in resolved(body["schema"]).get("properties", ())
    ],
)
def test_a_valid_body_remains_valid_and_an_invalid_one_is_unchanged(
    called: str, member: str
) -> None:
    body = BODIES[called]
    valid = validator(body["schema"])
    good = next(iter(body["examples"].values()))["value"]
    counts = [{"desiredCount": count} for count in (0, 1, 2, 3, 100, 101, "3", True, 2.5)]
    for number, value in enumerate([*NAMES, *VERSIONS, *IMAGES, *WRONG, *counts]):
        before = good | {member: value}
        after = adapted(before, number)
        assert valid.is_valid(after) == valid.is_valid(before)
        if not valid.is_valid(before):
            assert after[member] == value


def test_names_are_those_of_permanent_and_temporary_applications() -> None:
    deploy = {"applicationName": "Anything", "environment": ["dev"], "version": "7"}
    assert {adapted(deploy, number)["applicationName"] for number in CALLS} == {
        *PERMANENT,
        *TEMPORARY,
    }
    assert {adapted(deploy, number)["version"] for number in CALLS} == {"7", "1.0.0.0", "1.0.0.1"}
    create = {"applicationName": "Anything", "email": "a@example.com"}
    assert {adapted(create, number)["applicationName"] for number in CALLS} == {*TEMPORARY}
    assert {adapted({"stack": "Anything"}, number)["stack"] for number in CALLS} == {*TEMPORARY}
    assert adapted(["Anything"], 1) == ["Anything"]


def test_most_of_the_dry_runs_become_real_calls() -> None:
    dry_runs = [adapted({"dryRun": "true"}, number)["dryRun"] for number in CALLS]
    assert (dry_runs.count("true"), dry_runs.count("false")) == (10, 30)
    for other in ("false", "", "True", None, 1, ["true"]):
        assert all(adapted({"dryRun": other}, number) == {"dryRun": other} for number in CALLS)


def test_a_known_name_is_unchanged() -> None:
    for name in (*PERMANENT, *TEMPORARY):
        path = {"applicationName": name, "id": "01JN8EYDN00000000000000001"}
        assert all(adapted(path, number) == path for number in CALLS)


def test_waits_are_short_and_most_keys_are_unique() -> None:
    keys = []
    for number in CALLS:
        headers = {"Prefer": "wait=25", "Idempotency-Key": "build"}
        shorten_waits(headers, number)
        assert headers["Prefer"] in ("wait=1", "wait=2")
        keys.append(headers["Idempotency-Key"])
    assert keys.count("build") == len(CALLS) // 8
    assert len(set(keys)) == len(CALLS) - len(CALLS) // 8 + 1
    for other in ({"Prefer": "respond-async"}, {"Idempotency-Key": "a b"}, {}):
        unchanged = dict(other)
        shorten_waits(unchanged, 1)
        assert unchanged == other


@pytest.mark.parametrize(
    ("body", "query", "stack"),
    [(None, {}, TEMPORARY[0]), ({"stack": "Shop"}, {}, "Shop"), (None, {"stack": "Shop"}, "Shop"),
     ({"stack": "Shop"}, {"stack": "Store"}, "Shop")],
)  # fmt: skip
def test_a_delete_names_one_application(body: Any, query: dict[str, Any], stack: str) -> None:
    follow_descriptions("deleteApplication", body, query)
    assert query == {"stack": stack}


@pytest.mark.parametrize("query", [{"force": "true"}, {"force": "true", "dryRun": "false"}])
def test_no_operation_ends_by_force(query: dict[str, str]) -> None:
    follow_descriptions("abortOperation", None, query)
    assert query == {"force": "true", "dryRun": "true"}


def test_a_create_follows_the_descriptions() -> None:
    arn = "arn:aws-cn:ssm:eu-west-1:123456789012:parameter/x"
    service = {
        "cpu": 512.0,
        "memory": 1024,
        "environment": {"A": "a", "B": "b"},
        "secrets": {"B": arn, "C": arn},
    }
    overrides = {"prod": {"secrets": {"A": arn, "D": arn}}, "qa": {}, "da": {"secrets": {}}}
    body = {"service": service, "overrides": overrides, "environments": {"da": True}}
    follow_descriptions("createApplication", body, {})
    own = "arn:aws:ssm:eu-west-1:000000000000:parameter/x"
    assert service == {
        "cpu": 512,
        "memory": 1024,
        "environment": {"A": "a", "B": "b"},
        "secrets": {"C": own},
    }
    assert overrides == {"prod": {"secrets": {"D": own}}, "da": {"secrets": {}}}
    assert type(service["cpu"]) is int


def test_the_secrets_of_an_environment_fit_into_a_parameter() -> None:
    arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/"
    general = {f"S{number}": f"{arn}{number}{'x' * 500}" for number in range(9)}
    own = dict(general)
    body = {"service": {"secrets": general}, "overrides": {"prod": {"secrets": own}}}
    follow_descriptions("createApplication", body, {})
    kept = [*general.values(), *own.values()]
    assert 0 < len(",".join(kept)) <= MAX_SECRET_BYTES


def test_a_replaced_specification_keeps_what_is_fixed() -> None:
    settings = {"cpu": 512, "memory": 1024, "containerPort": 81, "secrets": {"A": "arn"}}
    for application, kept in ((PERMANENT[0], {"da", "prod"}), (TEMPORARY[0], {"prod"})):
        body: dict[str, Any] = {
            "applicationName": application,
            "tags": {"technicalTeam": "x"},
            "email": "a@example.com",
            "service": dict(settings),
            "overrides": {"da": dict(settings), "prod": {"memory": 512}},
        }
        query = {"remove": "dev"}
        follow_descriptions("replaceSpecification", body, query)
        headers: dict[str, Any] = {}
        follow_specification("replaceSpecification", application, headers, body, query, 1)
        assert headers == {"If-Match": "*"}
        assert query == {"dryRun": "true"}
        assert body.keys() == {"email", "environments", "service", "overrides"}
        assert body["service"] == {"cpu": 512, "memory": 1024}
        assert body["overrides"].keys() == kept
        assert body["overrides"]["prod"] == {}


def test_half_of_the_patches_are_valid() -> None:
    bodies = [{"any": number} for number in CALLS]
    for number, body in enumerate(bodies):
        follow_specification("patchSpecification", PERMANENT[0], {}, body, {}, number)
    assert sum("any" in body for body in bodies) == len(CALLS) // 2
    assert all(body in PATCHES for body in bodies if "any" not in body)
    assert all(each in bodies for each in PATCHES)


def test_most_calls_expect_the_present_revision() -> None:
    sent = []
    for number in CALLS:
        headers = {"If-Match": '"7"'}
        shorten_waits(headers, number)
        sent.append(headers["If-Match"])
    assert (sent.count("*"), sent.count('"7"')) == (30, 10)


def test_tags_and_teams_are_in_unicode_nfc() -> None:
    body = {"tags": {"technicalTeam": "\u212b", "\u2126": "x", "owner": "größe"}}
    query = {"team": "\u212b"}
    follow_descriptions("createApplication", body, query)
    assert body == {"tags": {"technicalTeam": "x", "owner": "größe"}}
    assert query == {}


def test_keys_of_tags_differ_in_more_than_case() -> None:
    tags = {"\u015e": "a", "TechnicalTeam": "b", "technicalTeam": "c", "\u015f": "d", "owner": "e"}
    follow_descriptions("createApplication", {"tags": tags}, {})
    assert tags == {"\u015e": "a", "technicalTeam": "c", "owner": "e"}


@pytest.mark.parametrize(
    ("service", "seconds"),
    [
        ({"startSeconds": 1800}, 1799),
        ({"startSeconds": 7200, "rolloutMinutes": 60}, 1799),
        ({"startSeconds": 1799}, 1799),
    ],
)
def test_a_start_is_shorter_than_a_rollout(service: dict[str, int], seconds: int) -> None:
    follow_descriptions("createApplication", {"service": service}, {})
    assert service["startSeconds"] == seconds


@pytest.mark.parametrize(
    ("repository", "tag", "kept"),
    [("a" * 183, "", True), ("a" * 184, "", False), ("a" * 183, ":1", True),
     ("a" * 184, ":1", False), ("a" * 125, f":{'t' * 127}", True),
     ("a" * 126, f":{'t' * 127}", False)],
)  # fmt: skip
def test_an_image_has_at_most_the_length_that_ecs_allows(
    repository: str, tag: str, kept: bool
) -> None:
    body = {"applicationName": "Shop", "repouri": f"{repository}{tag}", "version": "1"}
    follow_descriptions("deploy", body, {})
    assert ("repouri" in body) == kept


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ({"min": 9, "max": 3.0}, {"min": 2, "max": 2, "cpuPercent": 50}),
        ({"min": 1, "max": 1, "memoryPercent": 70.0}, {"min": 1, "max": 1, "memoryPercent": 70}),
        ({"min": 1, "max": 100, "cpuPercent": 1}, {"min": 1, "max": 2, "cpuPercent": 1}),
    ],
)
@pytest.mark.parametrize("called", ["createApplication", "replaceSpecification"])
def test_scaling_has_valid_limits_a_value_and_no_count(
    called: str, given: dict[str, Any], used: dict[str, Any]
) -> None:
    service, override = ({"scaling": dict(given), "desiredCount": 2} for _ in range(2))
    body = {"service": service, "overrides": {"prod": override}}
    follow_descriptions(called, body, {})
    assert body == {"service": {"scaling": used}, "overrides": {"prod": {"scaling": used}}}


_LINEAR = {"type": "linear", "percent": 1.0, "stepMinutes": 1440}
_JUDGED = {"judge": {"minRequests": 5.0, "errorRatePercent": 0.5}, "bakeMinutes": 0.0}


@pytest.mark.parametrize(
    ("policy", "query", "used"),
    [
        ({}, {}, {}),
        (
            {"strategy": _LINEAR, **_JUDGED, "approval": {"before": "full"}, "alarms": ["a"]},
            {},
            {"strategy": {"type": "allAtOnce"}, "judge": "off", "bakeMinutes": 0, "alarms": ["a"]},
        ),
        (
            {"strategy": _LINEAR, **_JUDGED, "approval": {"before": "full"}},
            {"dryRun": "true"},
            {
                "strategy": {"type": "linear", "percent": 1, "stepMinutes": 100},
                "judge": {"minRequests": 5, "errorRatePercent": 0.5},
                "bakeMinutes": 6,
                "approval": {"before": "full"},
            },
        ),
        (
            {"strategy": {"type": "allAtOnce", "percent": 5, "stepMinutes": 1}},
            {"dryRun": "true"},
            {"strategy": {"type": "allAtOnce"}},
        ),
        ({"approval": "off", "judge": "off"}, {}, {"judge": "off"}),
        (
            {"approval": "off", "judge": "off", "alarms": []},
            {"dryRun": "true"},
            {"approval": "off", "judge": "off", "alarms": []},
        ),
    ],
)
def test_a_policy_is_valid_and_a_real_swap_does_not_wait(
    policy: Any, query: dict[str, str], used: Any
) -> None:
    swap = {"applicationName": "Shop", **copy.deepcopy(policy)}
    document = {"production": copy.deepcopy(policy)}
    follow_descriptions("swap", swap, dict(query))
    follow_descriptions("replaceSpecification", document, dict(query))
    assert swap == {"applicationName": "Shop", **used}
    assert document == {"production": used}
    SWAP.parse(swap)


def test_swaps_of_one_application_wait_for_an_approval() -> None:
    swap = {"applicationName": WAITING, "bakeMinutes": 1440, "approval": "off", "version": "9"}
    follow_descriptions("swap", swap, {})
    assert swap == {
        "applicationName": WAITING,
        "strategy": {"type": "canary", "percent": 10, "stepMinutes": 1},
        "bakeMinutes": 0,
        "judge": "off",
        "approval": {"before": "shift", "timeoutMinutes": 600},
    }
    SWAP.parse(swap)


def test_numbers_are_whole() -> None:
    body: dict[str, Any] = {"applicationName": "Shop", "spec": 328.0}
    follow_descriptions("promote", body, {})
    assert (body["spec"], type(body["spec"])) == (328, int)


def test_a_restart_names_no_image() -> None:
    body = {"applicationName": "Shop", "restart": True, "repouri": "shop"}
    follow_descriptions("deploy", body, {})
    assert body == {"applicationName": "Shop", "restart": True}


def test_a_list_has_a_valid_period_and_no_token() -> None:
    early, late = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
    query = {"since": late, "until": early, "nextToken": "YmFza2V0", "limit": 3}
    follow_descriptions("listEvents", None, query)
    assert query == {"since": early, "until": late, "limit": 3}
    for kept in ({"since": late}, {"until": early}, {"since": early, "until": late}, {}):
        unchanged = dict(kept)
        follow_descriptions("listEvents", None, unchanged)
        assert unchanged == kept


def test_any_json_is_accepted() -> None:
    chance = random.Random(1)  # noqa: S311 - not for security
    members = [*document()["components"]["schemas"]["CreateRequest"]["properties"], "stack"]
    for number in range(500):
        use_existing_names({name: chance.choice(WRONG) for name in members}, number)
