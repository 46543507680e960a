"""The output of a write for programs, and for people if the command does not wait for the end."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.cli.test_writes import DEPLOY, accepting
from tests.lab.prepared_service import API, OPERATION, PATH, Clock, Service, answer, operation, run


@pytest.mark.parametrize("arguments", [(), ("--no-wait",)])
def test_json_is_the_last_answer_as_it_came(arguments: tuple[str, ...]) -> None:
    service = Service()
    content = b'{"operation" :  ' + json.dumps(operation("SUCCEEDED")).encode() + b"}"
    service.on("POST", "/stacks/deploy", httpx.Response(200, content=content))
    result = run(service, *DEPLOY, "--json", *arguments)
    assert result.stdout_bytes == content + b"\n"
    assert result.exit_code == 0


def test_a_warning_is_printed_and_the_version_is_not_recommended_for_a_promote() -> None:
    service, reason = Service(), "no task was started: the service is scaled to 0"
    done = operation("SUCCEEDED")
    done["warnings"] = [f"DEV 1.1: {reason}"]
    done["environments"][0]["reason"] = reason
    service.on("POST", "/stacks/deploy", answer(operation=done))
    result = run(service, *DEPLOY)
    assert f"\nWarning: DEV 1.1: {reason}\n" in result.stdout
    assert "promote" not in result.stdout
    assert result.exit_code == 0


@pytest.mark.parametrize("lines", [["starting", "fatal: \x1b[2Jno database"], []])
def test_a_failure_has_the_log_of_the_container(lines: list[str]) -> None:
    service, failed = Service(), operation("FAILED")
    log: dict[str, Any] = {"group": "/ecs/Shop/dev", "stream": "app/app/0123"}
    failed["environments"][0]["containerLog"] = log | ({"lines": lines} if lines else {})
    service.on("POST", "/stacks/deploy", answer(operation=failed))
    output = run(service, *DEPLOY).stdout
    place = "  DEV: container log /ecs/Shop/dev app/app/0123"
    if lines:
        assert f"\n{place}:\n    starting\n    fatal: " in output
        assert "no database\n" in output
        assert "\x1b" not in output
    else:
        assert f"\n{place}\n" in output


DIGESTS = ["sha256:" + "0" * 64, "sha256:" + "1" * 64]


@pytest.mark.parametrize(("kind", "status", "printed"), [
    ("deploy", "SUCCEEDED", True), ("deploy-blue", "SUCCEEDED", True), ("swap", "SUCCEEDED", False),
    ("deploy", "FAILED", False),
])  # fmt: skip
def test_the_digest_of_a_rollout_is_printed_for_the_next_command(
    kind: str, status: str, *, printed: bool
) -> None:
    service, done = Service(), operation(status, kind=kind)
    done["environments"][0]["digest"] = DIGESTS[0]
    service.on("POST", "/stacks/deploy", answer(operation=done))
    result = run(service, *DEPLOY)
    assert (f"\nDigest: {DIGESTS[0]}\n" in result.stdout) is printed


@pytest.mark.parametrize(("live", "options"), [
    ("1.1", "--version 1.0"), ("1.0", f"--version 1.0 --digest {DIGESTS[1]}"),
])  # fmt: skip
def test_the_roll_back_names_the_digest_if_both_slots_run_the_same_version(
    live: str, options: str
) -> None:
    service, done = Service(), operation("SUCCEEDED", kind="swap")
    done["environments"] = [
        {"environment": "PROD-GREEN", "status": "SUCCEEDED", "version": live, "digest": DIGESTS[0]},
        {"environment": "PROD-BLUE", "status": "SUCCEEDED", "version": "1.0", "digest": DIGESTS[1]},
    ]
    service.on("POST", "/stacks/swapProdBlueAndGreen", answer(operation=done))
    result = run(service, "swap", "Shop", "--yes")
    assert f"until the next promote: devops swap Shop {options}\n" in result.stdout


def test_a_dry_run_has_the_warnings() -> None:
    plan = {"kind": "deploy", "applicationName": "Shop", "warnings": ["one", "two"]}
    service = Service()
    service.on("POST", "/stacks/deploy", answer(dryRun=True, plan=plan))
    result = run(service, *DEPLOY, "--dry-run")
    assert "\nWarning: one\nWarning: two\n" in result.stdout


def test_json_has_progress_on_stderr_alone() -> None:
    service = accepting()
    result = run(service, *DEPLOY, "--json")
    assert json.loads(result.stdout)["operation"]["status"] == "SUCCEEDED"
    assert "DEV: IN_PROGRESS, 1.1" in result.stderr


def test_json_has_the_outcome_on_stderr() -> None:
    """The log of a job then has the reasons and the warnings, and a file the response."""
    done = operation("SUCCEEDED", warnings=["no task was started"])
    service = Service()
    service.on("POST", "/stacks/deploy", answer(operation=done))
    result = run(service, *DEPLOY, "--json")
    assert json.loads(result.stdout)["operation"] == done
    assert "deploy of Shop SUCCEEDED" in result.stderr
    assert "\nWarning: no task was started\n" in result.stderr


def test_json_has_the_reason_for_no_operation_on_stderr() -> None:
    service = Service()
    service.on("POST", "/stacks/swapProdBlueAndGreen", answer(operation=None, message="is live"))
    result = run(service, "swap", "Shop", "--yes", "--json")
    assert json.loads(result.stdout) == {"operation": None, "message": "is live"}
    assert result.stderr == "is live\n"


def test_json_of_an_error_is_the_error() -> None:
    service = Service()
    service.on("POST", "/stacks/deploy", answer(409, errorMessage="busy", code="BUSY"))
    result = run(service, *DEPLOY, "--json")
    assert json.loads(result.stdout) == {"errorMessage": "busy", "code": "BUSY"}
    assert (result.exit_code, result.stderr) == (3, "Error: busy (409 BUSY)\n")


def test_json_of_no_answer_is_nothing() -> None:
    service = Service()
    service.on("POST", "/stacks/deploy", httpx.Response(502, html="<h1>Bad gateway</h1>"))
    result = run(service, *DEPLOY, "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "answered 502 with a body that is not the service's JSON" in result.stderr


def test_ctrl_c_stops_waiting_and_not_the_operation() -> None:
    service = accepting()
    service.on("GET", PATH, answer(operation=operation()))
    result = run(service, *DEPLOY, "--api", f"{API}/", clock=Clock(stop_at=2))
    assert result.exit_code == 130
    assert f"devops wait Shop {OPERATION} --api {API}/\n" in result.stderr
    assert f"devops abort Shop {OPERATION} --api {API}/\n" in result.stderr
    assert "DELETE" not in {each.method for each in service.requests}


def test_after_the_time_out_it_says_how_to_go_on() -> None:
    service, clock = accepting(), Clock()
    service.on("GET", PATH, answer(operation=operation()))
    result = run(service, *DEPLOY, "--timeout=1m", "--json", clock=clock)
    assert (result.exit_code, sum(clock.pauses)) == (5, 60)
    assert f"devops wait Shop {OPERATION}\n" in result.stderr
    assert json.loads(result.stdout)["operation"]["status"] == "IN_PROGRESS"


@pytest.mark.parametrize(
    ("status", "timeout", "warned"),
    [
        ("IN_PROGRESS", "91m", True),
        ("IN_PROGRESS", "2h", True),
        ("IN_PROGRESS", "90m", False),
        ("IN_PROGRESS", "10m", False),
        ("SUCCEEDED", "2h", False),
    ],
)
def test_a_timeout_after_the_deadline_of_the_operation_prints_a_notice(
    status: str, timeout: str, warned: bool
) -> None:
    times = {"requestedAt": "2026-01-31T12:00:00.000Z", "deadline": "2026-01-31T13:30:00.000Z"}
    service = accepting(**times)
    service.on("POST", "/stacks/deploy", answer(202, operation=operation(status, **times)))
    result = run(service, *DEPLOY, f"--timeout={timeout}", "--json")
    assert result.exit_code == 0
    notice = "The operation fails after 90 minutes, before --timeout."
    assert (notice in result.stderr) is warned
    assert json.loads(result.stdout)["operation"]["status"] == "SUCCEEDED"


def test_the_default_timeout_prints_no_notice() -> None:
    times = {"requestedAt": "2026-01-31T12:00:00.000Z", "deadline": "2026-01-31T12:30:00.000Z"}
    for further in ((), ("--timeout=60m",)):
        assert "before --timeout" not in run(accepting(**times), *DEPLOY, *further).stderr


def test_an_hour_is_long_enough_by_default() -> None:
    service, clock = accepting(), Clock()
    service.on("GET", PATH, answer(operation=operation()))
    assert run(service, *DEPLOY, clock=clock).exit_code == 5
    assert sum(clock.pauses) == 3600
