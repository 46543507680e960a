"""The report of the acceptance test, and the comparisons, pages, options and record behind it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from devops_cli.failures import UsageError
from devops_cli.responses import Response
from tests.lab.templates import ROOT
from tools.acceptance import account, checks, options, pages, report, service
from tools.acceptance.checks import DEV, IDLE, LIVE, Expected, Image, Release
from tools.acceptance.pages import Fingerprint, PageError, Pages
from tools.acceptance.results import Check, LoggedCall, Measure, Outcome, Results
from tools.acceptance.state import Pending, State, locked

NOW = datetime(2026, 11, 29, 17, 30, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64
OK, FAILED, UNCHECKED = Outcome.PASSED, Outcome.FAILED, Outcome.UNCHECKED


def results(*found: Check, **members: Any) -> Results:
    made = Results("Acceptance-abc123", "eu-west-1", "0.1.0", NOW, ("repo:1", "repo:2"))
    made.checks = list(found)
    for name, value in members.items():
        setattr(made, name, value)
    return made


# --- the texts of the report ---


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("role arn:aws:iam::123456789012:role/ci/deploy: denied", "role <arn>: denied"),
        ("arn:aws-cn:ecs:cn-north-1:123456789012:service/a", "<arn>"),
        ("the account 123456789012 has", "the account <account> has"),
        ("version 1234567890123 and 12345678901", "version 1234567890123 and 12345678901"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:1", "<registry>/shop:1"),
        ("registry.corp.example:5000/team/app:1 is missing", "<registry>/team/app:1 is missing"),
        ("http://Shop-prod-1.eu-west-1.elb.amazonaws.com:8080 failed", "<address> failed"),
        ("abcde12345.execute-api.eu-west-1.amazonaws.com", "<address>"),
        ("aborted by iam user/alice", "aborted by <caller>"),
        ("sts assumed-role/ci/session; iam root", "<caller>; <caller>"),
        ("10.0.1.17:80 is unhealthy", "<address> is unhealthy"),
        ("owner team@example.com", "owner <email>"),
        ("subnet-0a1b2c3d4e5f60718 in vpc-0a1b2c3d", "<network> in <network>"),
        ("key AKIA" + "IOSFODNN7EXAMPLE", "key <key>"),
        ("public.ecr.aws/docker/library/nginx:1.26-alpine", None),
        ("the operation is FAILED: tasks failed to start", None),
        (f"digest {DIGEST}", None),
    ],
)
def test_a_published_text_has_no_accounts_and_addresses(text: str, shown: str | None) -> None:
    assert report.published(text) == (text if shown is None else shown)


def test_both_reports_are_published() -> None:
    private = "arn:aws:iam::123456789012:role/ci http://a.eu-west-1.elb.amazonaws.com iam user/eve"
    found = results(
        Check("create", "the operation succeeds", FAILED, private),
        remaining=private,
        logged=[LoggedCall("swap", "failed", private, 1)],
    )
    for text in (report.as_markdown(found), report.as_json(found)):
        assert not [each for each in ("123456789012", "elb.amazonaws", "eve") if each in text]
        assert "<arn> <address> <caller>" in text


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (results(Check("health", "a", OK)), "passed"),
        (results(Check("health", "a", UNCHECKED, "no rights")), "passed"),
        (results(Check("health", "a", OK), Check("swap", "b", FAILED, "c")), "failed"),
        (results(Check("health", "a", OK), remaining="no response"), "failed"),
        (results(Check("health", "a", OK), interrupted=True), "interrupted"),
    ],
)
def test_the_verdict_depends_on_all_results(found: Results, verdict: str) -> None:
    assert report.as_markdown(found).startswith(f"# Acceptance test: {verdict}\n")
    assert json.loads(report.as_json(found))["result"] == verdict


def test_the_markdown_has_a_line_for_each_result() -> None:
    found = results(
        Check("create", "the operation succeeds", OK),
        Check("swap", "no request fails", FAILED, "2 of 9\n requests failed"),
        Check("drift", "the drift check", UNCHECKED, "no rights"),
        seconds=61.4,
        version_unread="no rights",
        measures=[Measure("swap", 0.21, 1.0, 1.25, 2.04, 9, 2), Measure("create", 0.5)],
        logged=[LoggedCall("swap", "interrupted", "throttled", 3)],
    )
    lines = report.as_markdown(found).splitlines()
    assert {
        "| Date | 2026-11-29 17:30 UTC |",
        "| Region | eu-west-1 |",
        "| Service | not known: no rights |",
        "| Duration | 61 s |",
        "| Checks | 1 passed, 1 failed, 1 unchecked |",
        "| Removal | complete |",
        "- create: the operation succeeds",
        "- swap: no request fails (2 of 9 requests failed)",
        "- drift: the drift check (no rights)",
        "| swap | 0.2 | 1.0 | 1.2 | 2.0 | 9 | 2 |",
        "| create | 0.5 | - | - | - | - | - |",
        "- 3 x swap, `interrupted`: throttled",
    } <= set(lines)
    assert lines.index("## Failed checks") < lines.index("## Durations")


def test_logs_that_were_not_read_are_not_an_empty_list() -> None:
    lines = report.as_markdown(results(logs_unread="AWS refused logs")).splitlines()
    assert "Unchecked: AWS refused logs." in lines
    section = lines.index("## AWS calls that were throttled or refused")
    assert report.as_markdown(results()).splitlines()[section + 2] == "None."


def test_the_json_has_all_results() -> None:
    found = results(
        Check("swap", "no request fails", FAILED, "why"),
        measures=[Measure("swap", 0.2104, first_page=1.0)],
    )
    members = json.loads(report.as_json(found))
    assert members["checks"] == [
        {"step": "swap", "text": "no request fails", "outcome": "failed", "reason": "why"}
    ]
    assert members["measures"] == [
        {"step": "swap", "response": 0.21, "switched": None, "firstPage": 1.0, "ended": None,
         "requests": 0, "failed": 0}
    ]  # fmt: skip
    assert (members["format"], members["date"], members["removal"]) == (1, "2026-11-29", "complete")


# --- comparisons ---


def row(name: str, **members: Any) -> dict[str, Any]:
    tasks = {"desired": 1, "running": 1, "pending": 0, "healthy": 1}
    return {"environment": name, "status": "ACTIVE", "tasks": tasks} | members


STACK = {
    "environments": [
        row(DEV, version="1", digest=DIGEST),
        row(LIVE, slot="prod-1", live=True),
        row(IDLE, slot="prod-2", live=False, version="1", digest=DIGEST),
    ]
}
EXPECTED = {
    DEV: Expected(Release("1", DIGEST)),
    LIVE: Expected(Release(), "prod-1"),
    IDLE: Expected(Release("1", DIGEST), "prod-2"),
}


def changed(number: int, **members: Any) -> dict[str, Any]:
    rows = [dict(each) for each in STACK["environments"]]
    rows[number] |= members
    return {"environments": rows}


def test_the_expected_state_has_no_differences() -> None:
    assert [*checks.of_inventory(STACK, EXPECTED), *checks.of_tasks(STACK, EXPECTED)] == []


@pytest.mark.parametrize(
    ("stack", "fault"),
    [
        ({}, "the environments are missing"),
        (changed(0, version="2"), "DEV: version is 2, expected 1"),
        (changed(0, digest="sha256:b"), f"DEV: digest is sha256:b, expected {DIGEST}"),
        (changed(0, status="CREATING"), "DEV: status is CREATING, expected ACTIVE"),
        (changed(0, operation="01J"), "DEV: operation is 01J, expected none"),
        (changed(1, version="1"), "PROD-GREEN: version is 1, expected none"),
        (changed(1, slot="prod-2"), "PROD-GREEN: slot is prod-2, expected prod-1"),
        (changed(2, drift="moved"), "PROD-BLUE: drift is moved, expected none"),
    ],
)
def test_each_difference_of_the_inventory_is_found(stack: dict[str, Any], fault: str) -> None:
    assert next(checks.of_inventory(stack, EXPECTED)) == fault


@pytest.mark.parametrize(
    ("stack", "fault"),
    [
        (changed(0, tasks={}), "DEV: the state of the tasks is missing"),
        (changed(0, tasks={"desired": 2, "running": 2, "healthy": 1}),
         "DEV: 2 running and 1 healthy of 2 tasks"),
        (changed(0, tasks={"desired": 0, "running": 0, "healthy": 0}),
         "DEV: 0 running and 0 healthy of 0 tasks"),
        (changed(1, live=False), "PROD-GREEN: live is False"),
        (changed(2, live=None), "PROD-BLUE: live is None"),
    ],
)  # fmt: skip
def test_each_difference_of_the_tasks_is_found(stack: dict[str, Any], fault: str) -> None:
    assert [*checks.of_tasks(stack, EXPECTED)] == [fault]


OPERATION = {"status": "FAILED", "environments": [{"environment": DEV, "status": "FAILED"}]}
EVENTS = [
    {"outcome": "FAILED"},
    {"outcome": "FAILED", "environment": DEV},
    {"outcome": "ABORTING"},
    {"outcome": "ACCEPTED"},
]


@pytest.mark.parametrize(
    ("events", "faults"),
    [
        (EVENTS, []),
        (EVENTS[:-1], ["the first event is not ACCEPTED"]),
        (EVENTS[1:], ["the log has no end, the operation is FAILED"]),
        ([EVENTS[0], *EVENTS], ["the log has FAILED, FAILED, the operation is FAILED"]),
        ([{"outcome": "SUCCEEDED"}, *EVENTS[1:]],
         ["the log has SUCCEEDED, the operation is FAILED"]),
        ([EVENTS[0], *EVENTS[2:]], ["DEV: the log has no end, not FAILED"]),
        ([], ["the first event is not ACCEPTED", "the log has no end, the operation is FAILED",
              "DEV: the log has no end, not FAILED"]),
    ],
)  # fmt: skip
def test_the_log_must_have_the_result_of_the_operation(
    events: list[dict[str, str]], faults: list[str]
) -> None:
    assert [*checks.of_events(events, OPERATION)] == faults


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ({"status": "SUCCEEDED"}, None),
        ({"status": "FAILED", "reasons": ["a", "b"]}, "the operation is FAILED: a; b"),
        ({"status": "FAILED"}, "the operation is FAILED: without a reason"),
        ({"status": "IN_PROGRESS", "waitingFor": "tasks"},
         "the operation is IN_PROGRESS: waiting for tasks"),
        ({}, "the operation is missing: without a reason"),
    ],
)  # fmt: skip
def test_an_operation_that_did_not_succeed_has_its_reasons(
    operation: dict[str, Any], fault: str | None
) -> None:
    assert [*checks.of_operation(operation, "SUCCEEDED")] == ([fault] if fault else [])


def test_a_response_is_compared_with_the_contract_without_the_headers_of_api_gateway() -> None:
    headers = {"content-type": "application/json", "x-amzn-trace-id": "1", "date": "today"}
    required = {"cache-control": "no-store", "x-content-type-options": "nosniff",
                "x-request-id": "4a2393b9-9c12-4ae5-866c-addc493f9cb9"}  # fmt: skip
    body = {"errorMessage": "there is no operation", "code": "NOT_FOUND"}
    path = "/stacks/Shop/operations/01JN8EY4M00000000000000001"
    right = Response(404, b"", body, headers | required)
    assert service.contract_faults("GET", path, right) == []
    wrong = Response(404, b"", {"code": "NOT_FOUND"}, headers | required)
    (fault,) = service.contract_faults("GET", path, wrong)
    assert fault.startswith("GET /stacks/{applicationName}/operations/{id} 404: ")
    teapot = Response(418, b"", body, headers)
    assert service.contract_faults("GET", path, teapot) == [
        "GET /stacks/{applicationName}/operations/{id} 418 is not in the contract"
    ]


# --- pages ---


def test_a_fingerprint_has_status_server_and_body() -> None:
    page = Fingerprint.of(200, "nginx/1.26", b"a")
    assert page == Fingerprint.of(200, "nginx/1.26", b"a")
    others = [(404, "nginx/1.26", b"a"), (200, "nginx/1.27", b"a"), (200, "nginx/1.26", b"b")]
    assert all(Fingerprint.of(*each) != page for each in others)


def reader(*answers: httpx.Response | Exception) -> Pages:
    """Return a reader whose requests get some responses, the last one repeatedly."""
    left = list(answers)

    def respond(_: httpx.Request) -> httpx.Response:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    return Pages(transport=httpx.MockTransport(respond))


def page(text: str, status: int = 200) -> httpx.Response:
    return httpx.Response(status, text=text, headers={"server": "nginx"})


def test_a_stable_page_has_a_fingerprint() -> None:
    found = pages.stable(reader(page("one")).fetch, "http://shop.example")
    assert found == Fingerprint.of(200, "nginx", b"one")


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([page("one"), page("two")], "the page differs between two requests"),
        ([page("", 503)], "the page has the status 503"),
        ([httpx.ConnectTimeout("timed out")], "the page is not accessible from here: timed out"),
    ],
)
def test_a_page_that_cannot_be_compared_has_a_reason(
    answers: list[httpx.Response | Exception], reason: str
) -> None:
    with pytest.raises(PageError, match=reason):
        pages.stable(reader(*answers).fetch, "http://shop.example")


def watched(is_new: Callable[[Fingerprint], bool], *answers: httpx.Response | Exception) -> Any:
    with reader(*answers).watched("http://shop.example", is_new) as watch:
        watch.wait_for_new(5)
    return watch


def test_a_watched_page_counts_failures_and_has_the_time_of_the_first_new_page() -> None:
    new = Fingerprint.of(200, "nginx", b"new")
    answers = (page("old"), page("", 502), httpx.ConnectError("reset"), page("new"))
    watch = watched(lambda each: each == new, *answers)
    assert (watch.requests >= 4, watch.failed) == (True, 2)
    assert watch.first_new >= 3 * pages.INTERVAL


# --- options, record, logs ---


def test_the_default_images_differ_only_in_the_tag() -> None:
    found = options.parse([])
    assert found.first.repository == found.second.repository == found.failing.repository
    assert len({found.first.tag, found.second.tag, found.failing.tag}) == 3


def test_own_images_are_split_at_their_tag() -> None:
    found = options.parse(["--images", "host:5000/a/b:1.0", "c:2", "--tag", "k=v=w"])
    assert found.first == Image("host:5000/a/b", "1.0")
    assert str(found.failing) == "host:5000/a/b:devops-acceptance-missing"
    assert found.tags == {"k": "v=w"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--images", "a:1"],
        ["--images", "a", "b:1"],
        ["--images", "host:5000/a", "b:1"],
        ["--failing", "a@sha256:ab"],
        ["--tag", "k"],
        ["--limit", "soon"],
        ["--limit", "-1"],
        ["--drift", "nan"],
        ["--unknown"],
    ],
)
def test_invalid_options_end_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        options.parse(arguments)


def test_a_missing_address_ends_with_2_before_anything_is_created(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "tools.acceptance", "--directory", str(tmp_path / "new")],
        env={"PATH": os.defpath, "DEVOPS_CONFIG": str(tmp_path / "no-configuration")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: the address of the service is not configured\n")
    assert State(tmp_path / "new").read() is None


def test_the_record_survives_until_it_is_cleared(tmp_path: Path) -> None:
    pending = Pending("Acceptance-abc123", "https://api.example/dev", "test", "eu-west-1", NOW)
    with locked(tmp_path / "new") as state:
        assert state.read() is None
        state.write(pending)
    assert State(tmp_path / "new").read() == pending
    State(tmp_path / "new").clear()
    State(tmp_path / "new").clear()
    assert State(tmp_path / "new").read() is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"application": "A", "sent": "soon"}'])
def test_a_damaged_record_is_not_ignored(tmp_path: Path, text: str) -> None:
    (tmp_path / "pending.json").write_text(text)
    with pytest.raises(UsageError, match="is not valid"):
        State(tmp_path).read()


def test_the_log_lines_of_throttled_and_refused_calls_are_counted() -> None:
    lines = [
        json.dumps({"message": "interrupted", "error": "throttled"}),
        json.dumps({"message": "interrupted", "error": "throttled"}),
        json.dumps({"message": "failed", "error": "Traceback:\n  line\nAwsError: refused\n"}),
        json.dumps({"message": "answered", "status": 200}),
        "START RequestId: 1",
        "[1]",
    ]
    found = account.logged_calls("/aws/lambda/devops-ecs-dev-swap", lines)
    assert found == [
        LoggedCall("swap", "interrupted", "throttled", 2),
        LoggedCall("swap", "failed", "AwsError: refused", 1),
    ]
