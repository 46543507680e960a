"""status, ls, events: the requests and the output."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from tests.lab.prepared_service import (
    CALLER,
    OPERATION,
    PATH,
    Service,
    answer,
    operation,
    run,
    stack,
)

DEV = {
    "environment": "DEV",
    "status": "ACTIVE",
    "version": "1.1",
    "image": "123.dkr/shop:1.1",
    "digest": "sha256:0123456789abcdef",
    "url": "http://internal-Shop-dev.elb.example",
    "since": "2026-01-31T11:00:10.000Z",
    "by": CALLER,
    "tasks": {"desired": 2, "running": 1, "pending": 1, "healthy": 1},
    "rollout": {"state": "IN_PROGRESS", "reason": "deployment 7 in progress"},
    "messages": [{"time": "2026-01-31T11:59:59.5Z", "message": "(service dev) has started 1 task"}],
    "operation": {"id": OPERATION, "url": "https://x"},
}
GREEN = {
    "environment": "PROD-GREEN",
    "slot": "prod-2",
    "live": True,
    "status": "ACTIVE",
    "version": "1.0",
    "url": "http://internal-Shop-prod.elb.example",
    "drift": "the image is another one",
}
BLUE = {"environment": "PROD-BLUE", "slot": "prod-1", "live": False, "status": "DELETE_FAILED"}
SWAP = operation(
    "FAILED",
    "swap",
    switchedAt="2026-01-31T12:00:01Z",
    endedAt="2026-01-31T12:00:02Z",
    abortedBy="arn:aws:iam::123456789012:user/bob",
    reasons=["aborted by iam user/bob"],
    environments=[
        {"environment": "PROD-GREEN", "slot": "prod-2", "status": "FAILED", "version": "2",
         "url": "http://prod", "reason": "production was not switched"},
        {"environment": "PROD-BLUE", "slot": "prod-1", "status": "FAILED",
         "previousVersion": "1"},
    ],
    warmup=[{"path": "/", "status": 200, "seconds": 0.4},
            {"path": "/p", "seconds": 3.0, "reason": "no response: timed out"}],
)  # fmt: skip


def shown(width: int = 0) -> str:
    service = Service()
    found = stack(DEV, GREEN, BLUE) | {"repository": "123.dkr/shop", "description": "Web"}
    service.on("GET", "/stacks/Shop", answer(stack=found))
    result = run(service, "status", "Shop", width=width, environment={"NO_COLOR": "1"})
    assert result.exit_code == 0
    assert [each.url.query for each in service.requests] == [b"live=true", b"", b""]
    return re.sub("\x1b\\[[0-9;]*m", "", result.stdout)


def test_status_shows_the_pending_changes_of_the_specification() -> None:
    service = Service()
    service.on("GET", "/stacks/Shop", answer(stack=stack(DEV)))
    change = {"field": "cpu", "old": 256, "new": 512}
    pending = [{"environment": "PROD-GREEN", "changes": [change], "call": "POST /stacks/x"}]
    body = {"applicationName": "Shop", "pending": pending}
    service.on("GET", "/stacks/Shop/spec", answer(200, None, **body))
    shown = run(service, "status", "Shop").stdout
    assert "PROD-GREEN lacks these changes." in shown
    assert shown.endswith("  cpu\n    - 256\n    + 512\n")
    before = len(service.requests)
    assert "lacks" not in run(service, "status", "Shop", "--json").stdout
    assert len(service.requests) == before + 1


@pytest.mark.parametrize("refusal", [answer(403, errorMessage="no"), httpx.ReadError("reset")])
def test_status_does_not_need_the_specification(refusal: httpx.Response | Exception) -> None:
    service = Service()
    service.on("GET", "/stacks/Shop", answer(stack=stack(DEV)))
    service.on("GET", "/stacks/Shop/spec", refusal)
    result = run(service, "status", "Shop")
    assert (result.exit_code, result.stderr, len(service.requests)) == (0, "", 3)


def test_status_shows_what_runs_where() -> None:
    lines = [re.split(" {2,}", line.rstrip()) for line in shown().splitlines()]
    assert lines == [
        ["Shop", "payments, team@example.com, Web"],
        ["Images: 123.dkr/shop"],
        ["ENV", "SLOT", "LIVE", "VERSION", "DIGEST", "STATUS", "TASKS", "HEALTHY", "ROLLOUT",
         "SINCE", "BY", "URL"],
        ["DEV", "1.1", "0123456789ab", "ACTIVE", "1/2", "1", "IN_PROGRESS", "1 h", "user/alice",
         "http://internal-Shop-dev.elb.example"],
        ["PROD-GREEN", "prod-2", "live", "1.0", "ACTIVE", "http://internal-Shop-prod.elb.example"],
        ["PROD-BLUE", "prod-1", "idle", "DELETE_FAILED"],
        [f"DEV: operation {OPERATION} is in progress"],
        ["DEV: deployment 7 in progress"],
        ["2026-01-31 11:59:59Z DEV: (service dev) has started 1 task"],
        ["PROD-GREEN (prod-2): changed outside of the service: the image is another one"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("image", "named"),
    [
        ("123.dkr/shop:1", False),
        ("123.dkr/shop@sha256:12", False),
        ("123.dkr/shop-2:1", True),
        ("public.example/shop:1", True),
    ],
)
def test_status_names_an_image_of_another_repository(image: str, *, named: bool) -> None:
    service = Service()
    found = stack(GREEN | {"image": image}) | {"repository": "123.dkr/shop"}
    service.on("GET", "/stacks/Shop", answer(stack=found))
    out = run(service, "status", "Shop", width=200, environment={"NO_COLOR": "1"}).stdout
    assert (f"PROD-GREEN (prod-2): the image is {image}\n" in out) is named


def test_status_shows_the_listener_problems_once() -> None:
    problems = ["the production listener has group stickiness", "rule 10 forwards to prod-1"]
    service = Service()
    green = GREEN | {"listenerProblems": problems, "drift": "; ".join(problems)}
    service.on("GET", "/stacks/Shop", answer(stack=stack(green)))
    lines = run(service, "status", "Shop", width=200, environment={"NO_COLOR": "1"}).stdout
    remarks = [line for line in lines.splitlines() if "prod-2)" in line]
    assert remarks == [f"PROD-GREEN (prod-2): this prevents a swap: {each}" for each in problems]


def test_what_has_completed_needs_no_words() -> None:
    service = Service()
    done = DEV | {"rollout": {"state": "COMPLETED", "reason": "completed"}, "version": None}
    service.on("GET", "/stacks/Shop", answer(stack=stack(done)))
    out = run(service, "status", "Shop").stdout
    assert "COMPLETED" in out
    assert "has started 1 task" not in out
    assert "first image" in out


def test_on_a_narrow_terminal_nothing_is_broken() -> None:
    lines = shown(80).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[2].split() == [
        "ENV", "SLOT", "LIVE", "VERSION", "DIGEST", "STATUS", "TASKS", "HEALTHY",
    ]  # fmt: skip
    below = "DEV: rollout IN_PROGRESS  since 1 h  by user/alice  url"
    assert [line.rstrip() for line in lines[6:9]] == [
        below,
        "http://internal-Shop-dev.elb.example",
        "PROD-GREEN prod-2: url http://internal-Shop-prod.elb.example",
    ]
    assert not any(line.startswith("PROD-BLUE prod-1:") for line in lines)
    assert "URL" in shown(160)


def test_status_of_an_operation() -> None:
    service = Service()
    service.on("GET", PATH, answer(operation=SWAP))
    result = run(service, "status", "Shop", OPERATION)
    assert result.exit_code == 0
    assert [re.split(" {2,}", line.strip()) for line in result.stdout.splitlines()] == [
        ["swap of Shop FAILED", OPERATION],
        ["requested", f"2026-01-31 12:00:00Z by {CALLER}"],
        ["aborted by", "arn:aws:iam::123456789012:user/bob"],
        ["switched", "2026-01-31 12:00:01Z"],
        ["ended", "2026-01-31 12:00:02Z"],
        ["aborted by iam user/bob"],
        ["production was not switched"],
        ["ENV", "SLOT", "STATUS", "VERSION", "URL"],
        ["PROD-GREEN", "prod-2", "FAILED", "2", "http://prod"],
        ["PROD-BLUE", "prod-1", "FAILED", "1 -> first image"],
        ["warm-up /: 200, 0.4 s"],
        ["warm-up /p: no response: timed out, 3.0 s"],
    ]


def test_a_removed_environment_is_shown_as_deleted() -> None:
    service = Service()
    removed = {"environment": "QA", "status": "SUCCEEDED", "previousVersion": "1.0"}
    kept = {"environment": "DEV", "status": "SUCCEEDED", "version": "1.0", "previousVersion": "1.0"}
    update = operation("SUCCEEDED", kind="update", environments=[kept, removed])
    service.on("GET", PATH, answer(operation=update))
    lines = run(service, "status", "Shop", OPERATION).stdout.splitlines()
    assert ["QA", "SUCCEEDED", "1.0 -> deleted"] in [
        re.split(" {2,}", line.strip()) for line in lines
    ]
    event = {
        "time": "2026-01-31T12:00:00.000Z", "kind": "update", "applicationName": "Shop",
        "outcome": "SUCCEEDED", "environment": "QA", "previousVersion": "1.0", "caller": CALLER,
    }  # fmt: skip
    service.on("GET", "/stacks/Shop/events", answer(events=[event]))
    assert "1.0 -> deleted" in run(service, "events", "Shop").stdout


def test_status_of_an_operation_that_waits() -> None:
    service = Service()
    waits = operation(waitingFor="stack CREATE_IN_PROGRESS", deadline="2026-01-31T13:00:00Z")
    service.on("GET", PATH, answer(operation=waits))
    out = run(service, "status", "Shop", OPERATION).stdout
    assert "waiting for  stack CREATE_IN_PROGRESS\n" in out
    assert "deadline  2026-01-31 13:00:00Z\n" in out


@pytest.mark.parametrize("body", [{}, {"stack": []}, {"stack": {"environments": []}}])
def test_status_of_something_else_is_no_traceback(body: dict[str, Any]) -> None:
    service = Service()
    service.on("GET", "/stacks/Shop", answer(**body))
    result = run(service, "status", "Shop")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "contains no stack" in result.stderr


def test_status_of_what_is_not_there() -> None:
    result = run(Service(), "status", "Shop")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "(404 NOT_FOUND)" in result.stderr


def test_status_as_json_is_the_answer() -> None:
    service = Service()
    service.on("GET", "/stacks/Shop", answer(stack=stack(DEV)))
    assert json.loads(run(service, "status", "Shop", "--json").stdout) == {"stack": stack(DEV)}


def pages(name: str, path: str, *sizes: int) -> Service:
    """Return a service with a list of pages of these sizes."""
    service = Service()
    member = stack(DEV) if name == "stacks" else {"time": "2026-01-31T12:00:00Z", "kind": "swap"}
    found = []
    for at, size in enumerate(sizes):
        page: dict[str, Any] = {name: [member] * size}
        if at + 1 < len(sizes):
            page["nextToken"] = f"t{at + 1}"
        found.append(answer(**page))
    service.on("GET", path, *found)
    return service


def queries(service: Service) -> list[str]:
    return [each.url.query.decode() for each in service.requests]


def test_ls_goes_through_all_pages() -> None:
    service = pages("stacks", "/stacks", 2, 0, 1)
    result = run(service, "ls", "-l")
    assert result.exit_code == 0
    assert queries(service) == ["limit=100", "limit=100&nextToken=t1", "limit=100&nextToken=t2"]
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0][:3] == ["APPLICATION", "ENV", "VERSION"]
    assert lines[1:] == [["Shop", "DEV", "1.1", "ACTIVE", "1", "h", "payments", OPERATION]] * 3


COMMIT = "4f2a9c1b" * 5
MIXED = [
    stack(
        DEV | {"version": COMMIT}, GREEN, BLUE | {"status": "ACTIVE", "url": "http://x"},
        {"environment": "QA", "status": "CREATING", "operation": {"id": OPERATION}},
    ),
    stack(GREEN | {"version": "2"}, {"environment": "STAGE", "status": "DELETE_FAILED"})
    | {"applicationName": "Basket", "technicalTeam": "web"},
]  # fmt: skip


def listed(*arguments: str, width: int = 0) -> list[list[str]]:
    service = Service()
    service.on("GET", "/stacks", answer(stacks=MIXED))
    result = run(service, "ls", *arguments, width=width, environment={"NO_COLOR": "1"})
    assert result.exit_code == 0
    out = re.sub("\x1b\\[[0-9;]*m", "", result.stdout)
    assert not width or max(map(len, out.splitlines())) <= width
    return [re.split(" {2,}", line.rstrip()) for line in (out + result.stderr).splitlines()]


def test_ls_has_a_row_for_each_application() -> None:
    assert listed() == listed("--team=payments") == [
        ["APPLICATION", "DEV", "QA", "STAGE", "LIVE", "IDLE", "TEAM"],
        ["Shop", f"{COMMIT}*", "CREATING*", "1.0", "first image", "payments"],
        ["Basket", "DELETE_FAILED", "2", "web"],
        ["* an operation is in progress"],
    ]  # fmt: skip


def test_the_matrix_keeps_its_columns_in_place() -> None:
    service = Service()
    service.on("GET", "/stacks", answer(stacks=MIXED))
    heading, *rows = run(service, "ls").stdout.splitlines()
    for row, column, cell in ((0, "LIVE", "1.0"), (1, "LIVE", "2"), (1, "STAGE", "DELETE_FAILED")):
        assert rows[row][heading.index(column) :].startswith(cell)


def test_the_matrix_shortens_long_versions_on_a_narrow_terminal() -> None:
    lines = listed(width=90)
    assert lines[1] == ["Shop", f"{COMMIT[:11]}…*", "CREATING*", "1.0", "first image", "payments"]
    assert lines[0] == ["APPLICATION", "DEV", "QA", "STAGE", "LIVE", "IDLE", "TEAM"]


def test_the_matrix_moves_columns_below_a_very_narrow_terminal() -> None:
    assert listed(width=40)[0] == ["APPLICATION", "DEV", "QA"]
    assert ["Shop: live 1.0", "idle first image", "team payments"] in listed(width=50)


@pytest.mark.parametrize(
    "option", ["--long", "-l", "--env=dev", "--version=1.1", "--status=ACTIVE"]
)
def test_ls_can_have_a_row_for_each_environment(option: str) -> None:
    lines = listed(option)
    assert lines[0][:4] == ["APPLICATION", "ENV", "SLOT", "LIVE"]
    assert len(lines) == 7


def test_ls_passes_its_filters_on() -> None:
    service = pages("stacks", "/stacks", 0)
    result = run(
        service, "ls", "--team=a b", "--env=prod-green", "--version=1.1", "--status=active"
    )
    assert result.stdout == "No applications.\n"
    assert queries(service) == [
        "team=a%20b&environment=prod-green&version=1.1&status=ACTIVE&limit=100"
    ]


def test_ls_stops_at_the_limit_and_says_how_to_go_on() -> None:
    service = pages("stacks", "/stacks", 2, 1, 1)
    result = run(service, "ls", "--limit=3")
    assert queries(service) == ["limit=3", "limit=1&nextToken=t1"]
    assert len(result.stdout.splitlines()) == 4
    assert result.stderr.splitlines()[-1] == "There is more: --limit 6"


def test_ls_as_json_is_one_page() -> None:
    service = pages("stacks", "/stacks", 1, 1)
    result = run(service, "ls", "--json", "--limit=1", "--next-token=t0", "--team=a")
    assert queries(service) == ["team=a&limit=1&nextToken=t0"]
    assert json.loads(result.stdout)["nextToken"] == "t1"
    assert result.stderr == ""


def test_pages_that_do_not_go_on_end() -> None:
    service = Service()
    service.on("GET", "/stacks", answer(stacks=[], nextToken="t"))
    result = run(service, "ls")
    assert result.exit_code == 1
    assert len(service.requests) == 2


def test_a_limit_is_at_least_one() -> None:
    assert run(Service(), "ls", "--limit=0").exit_code == 2


def test_events_of_one_application_or_of_all() -> None:
    for arguments, path in (("events",), "/events"), (("events", "Shop"), "/stacks/Shop/events"):
        service = pages("events", path, 50, 50)
        result = run(service, *arguments)
        assert queries(service) == ["limit=50"]
        assert len(result.stdout.splitlines()) == 51
        assert "There is more: --limit 100" in result.stderr


def test_events_of_a_time() -> None:
    service = pages("events", "/stacks/Shop/events", 0)
    arguments = ("--since=2h", "--until=2026-01-31T12:00:00+02:00", f"--operation={OPERATION}")
    assert run(service, "events", "Shop", *arguments).stdout == "No events.\n"
    assert queries(service) == [
        f"since=2026-01-31T10%3A00%3A10.000Z&until=2026-01-31T10%3A00%3A00.000Z"
        f"&operation={OPERATION}&limit=50"
    ]


@pytest.mark.parametrize("option", ["--since=soon", "--until=99"])
def test_what_is_no_time_is_told(option: str) -> None:
    result = run(Service(), "events", option)
    assert result.exit_code == 2
    assert "is not a time" in result.stderr


def test_an_event_is_a_line_without_spaces_at_its_end() -> None:
    service = Service()
    event = {
        "time": "2026-01-31T11:59:59.999Z", "applicationName": "Shop", "operation": OPERATION,
        "kind": "deploy", "outcome": "FAILED", "environment": "DEV", "version": "1.1",
        "previousVersion": "1.0", "reason": "task exited",
        "caller": "arn:aws:sts::123456789012:assumed-role/ci/build-7",
    }  # fmt: skip
    service.on("GET", "/events", answer(events=[event, {"caller": "key-1"}]))
    lines = [re.split(" {2,}", line) for line in run(service, "events").stdout.splitlines()]
    assert lines[1] == [
        "2026-01-31 11:59:59Z", "Shop", "deploy", "DEV", "FAILED", "1.0 -> 1.1",
        "assumed-role/ci/build-7", "task exited",
    ]  # fmt: skip
    assert lines[2][-1] == "key-1"
    service.on("GET", "/stacks/Shop/events", answer(events=[event]))
    assert "Shop" not in run(service, "events", "Shop").stdout
