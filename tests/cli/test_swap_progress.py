"""A swap with a policy: its progress, its milestones, and the commands approve and finish."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from tests.lab.prepared_service import (
    NOW,
    OPERATION,
    PATH,
    Clock,
    Service,
    answer,
    operation,
    run,
    stack,
)

SWAP = "/stacks/swapProdBlueAndGreen"
LIST = "/stacks/Shop/operations"
WAIT = ("wait", "Shop", OPERATION)
POLICY = {
    "strategy": {"type": "canary", "percent": 10, "stepMinutes": 6},
    "bakeMinutes": 10,
    "alarms": ["errors"],
    "judge": {"errorRatePercent": 1, "minRequests": 50},
    "approval": {"before": "full", "timeoutMinutes": 60},
}
PARTS = [
    {"environment": "PROD-GREEN", "slot": "prod-2", "status": "IN_PROGRESS", "version": "1.1"},
    {"environment": "PROD-BLUE", "slot": "prod-1", "status": "IN_PROGRESS", "version": "1.0"},
]


def at(minutes: float) -> str:
    return (NOW + timedelta(minutes=minutes)).isoformat()


def swap(phase: str, weight: int, **members: Any) -> dict[str, Any]:
    facts = {"phase": phase, "weight": weight, "policy": POLICY, "environments": PARTS}
    return operation(kind="swap", deadline=at(100), **{**facts, **members})


def verdict(name: str, errors: int, **members: Any) -> dict[str, Any]:
    new = {"requests": 120, "errors": errors, "errorRatePercent": round(errors / 1.2, 2)}
    live = {"requests": 1080, "errors": 2, "errorRatePercent": 0.19}
    return {"time": at(1), "verdict": name, "new": new, "live": live} | members


PREPARING = swap("PREPARING", 0)
STEP = {"at": at(6), "weight": 100}
SHIFTED = swap("SHIFTED", 10, shiftedAt=at(0), nextStep=STEP)
GOOD = {**SHIFTED, "verdicts": [verdict("GOOD", 1)]}
STILL_GOOD = {**SHIFTED, "verdicts": [verdict("GOOD", 0)]}
BAD = {**SHIFTED, "verdicts": [verdict("GOOD", 1), verdict("BAD", 60, reason="too many errors")]}
AWAITING = swap("AWAITING_APPROVAL", 10, shiftedAt=at(0), approvalExpiresAt=at(60))
BAKING = swap("BAKING", 100, shiftedAt=at(0), switchedAt=at(6), approvedBy="bob",
              nextStep={"at": at(16)}, alarmStates={"errors": "OK", "latency": "ALARM"},
              ignoredAlarms=["latency"])  # fmt: skip
RETURNING = swap("RETURNING", 10, shiftedAt=at(0), reasons=["the new release is worse"])
ENDED = {**operation("SUCCEEDED", "swap", environments=PARTS), "policy": POLICY, "weight": 100}
FAILED = operation(
    "FAILED", "swap", environments=PARTS, policy=POLICY, weight=0, returnedAt=at(3),
    reasons=["the new release is worse"], affected={"requests": 360, "errors": 63, "minutes": 3},
)  # fmt: skip


def following(*operations: dict[str, Any]) -> Service:
    service = Service()
    service.on("GET", PATH, *(answer(operation=each) for each in operations))
    return service


def test_elsewhere_each_change_of_phase_weight_or_verdict_is_a_line() -> None:
    states = (PREPARING, SHIFTED, GOOD, STILL_GOOD, BAD, RETURNING, FAILED)
    result = run(following(*states), *WAIT)
    lines = [
        re.sub(r"^ *[\d.]+ (s|min( \d+ s)?) +", "", line) for line in result.stdout.split("\n")
    ]
    progress = lines[: lines.index(f"swap of Shop FAILED  {OPERATION}")]
    assert [line for line in progress if not line.startswith(("swap of", "PROD-"))] == [
        "phase: PREPARING, 0 percent of the requests",
        f"skip its waits: devops finish Shop {OPERATION}",
        "phase: SHIFTED, 10 percent of the requests, then 100 percent at 2026-01-31 12:06:10Z",
        "verdict: GOOD, new release 1 of 120 requests failed (0.83 percent),"
        " previous release 2 of 1080 requests failed (0.19 percent)",
        "verdict: BAD, too many errors, new release 60 of 120 requests failed (50.0 percent),"
        " previous release 2 of 1080 requests failed (0.19 percent)",
        "phase: RETURNING, 10 percent of the requests",
        "rolls back: the new release is worse",
    ]
    assert result.exit_code == 1
    assert "Requests of customers to the new release: 360 in 3 minutes, 63 failed" in lines


def on_a_terminal(*operations: dict[str, Any]) -> str:
    result = run(following(*operations), *WAIT, width=120, environment={"NO_COLOR": "1"})
    return re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", result.stdout)


def test_a_terminal_shows_both_releases_and_the_time_to_the_next_step() -> None:
    seen = on_a_terminal(GOOD, AWAITING, BAKING, RETURNING, ENDED)
    assert "Phase: SHIFTED, 10 percent of the requests, then 100 percent in 6 min" in seen
    assert re.search(r"new +1\.1 +120 +1 +0\.83 %", seen)
    assert re.search(r"previous +1\.0 +1080 +2 +0\.19 %", seen)
    assert "Verdict: GOOD at 2026-01-31 12:01:10Z" in seen
    assert (
        "AWAITING_APPROVAL, 10 percent of the requests, rolls back without an approval in" in seen
    )
    assert f"Approve it:       devops approve Shop {OPERATION}" in seen
    assert "Phase: BAKING, 100 percent of the requests, then the end in" in seen
    assert "Alarms: latency ALARM (ignored)" in seen
    assert "Rolls back: the new release is worse" in seen


def test_json_has_the_unchanged_response() -> None:
    result = run(following(GOOD, BAKING, ENDED), *WAIT, "--json")
    assert json.loads(result.stdout) == {"operation": ENDED}
    assert "phase: SHIFTED" in result.stderr


@pytest.mark.parametrize(
    ("until", "operations", "polls"),
    [
        ("switched", (PREPARING, SHIFTED, BAKING), 2),
        ("approval", (PREPARING, SHIFTED, AWAITING, BAKING), 3),
        ("approval", (BAKING, ENDED), 1),
        ("full", (SHIFTED, AWAITING, BAKING, ENDED), 3),
        ("end", (AWAITING, BAKING, ENDED), 3),
        ("switched", (PREPARING, {**PREPARING, "policy": None, "switchedAt": at(1)}), 2),
    ],
)
def test_a_milestone_ends_the_wait_with_success(
    until: str, operations: tuple[dict[str, Any], ...], polls: int
) -> None:
    service = following(*operations)
    result = run(service, *WAIT, "--until", until)
    assert result.exit_code == 0, result.stderr
    assert sum(call.endswith(OPERATION) for call in service.calls()) == polls
    assert ("The operation continues." in result.stdout) == (until != "end")


def test_the_wait_for_an_approval_that_the_policy_lacks_has_a_notice() -> None:
    without = {**SHIFTED, "policy": {**POLICY, "approval": None}}
    notice = "This operation has no approval: the wait ends with the operation.\n"
    for last, seen in ((without, notice), (SHIFTED, ""), (ENDED, "")):
        result = run(following(last, ENDED), *WAIT, "--until", "approval")
        assert (result.exit_code, result.stderr) == (0, seen)


@pytest.mark.parametrize("until", ["approval", "switched", "full", "end"])
@pytest.mark.parametrize("last", [RETURNING, {**SHIFTED, "abortedBy": "bob"}])
def test_a_swap_that_returns_its_customers_reaches_no_milestone(
    until: str, last: dict[str, Any]
) -> None:
    result = run(following(PREPARING, last, FAILED), *WAIT, "--until", until)
    assert result.exit_code == 1


def test_a_swap_stops_at_its_approval_and_names_the_next_commands() -> None:
    service = following(AWAITING)
    service.on("POST", SWAP, answer(202, operation=PREPARING))
    options = ("--canary=10", "--approve=full", "--until=approval")
    result = run(service, "swap", "Shop", "--version=1.1", *options)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-5:] == [
        "The operation continues.",
        f"Wait for its end: devops wait Shop {OPERATION}",
        f"Roll back:        devops abort Shop {OPERATION}",
        f"Approve it:       devops approve Shop {OPERATION}",
        f"Skip its waits:   devops finish Shop {OPERATION}",
    ]


def test_the_default_time_limit_is_that_of_the_swap() -> None:
    clock = Clock()
    service = following(AWAITING)
    assert run(service, *WAIT, clock=clock).exit_code == 5
    assert sum(clock.pauses) == pytest.approx(60 * (100 + 15) + 10)
    assert max(clock.pauses) == 15
    other = Clock()
    assert run(following(operation(deadline=at(100))), *WAIT, clock=other).exit_code == 5
    assert sum(other.pauses) == pytest.approx(3600)


@pytest.mark.parametrize(("command", "action"), [("approve", "continue"), ("finish", "finish")])
@pytest.mark.parametrize("identifier", [(), (OPERATION.lower(),)])
def test_approve_and_finish_send_their_action_and_wait(
    command: str, action: str, identifier: tuple[str, ...]
) -> None:
    service = following(BAKING, ENDED)
    deploy = operation(id="01JN8EY4M00000000000000009")
    service.on("GET", LIST, answer(operations=[deploy, AWAITING]))
    service.on("POST", PATH, answer(202, operation=BAKING))
    result = run(service, command, "Shop", *identifier)
    assert result.exit_code == 0, result.stderr
    assert service.body() == {"action": action}
    assert f"GET /dev{PATH}" in service.calls()


@pytest.mark.parametrize("command", ["approve", "finish"])
def test_there_may_be_no_swap_in_progress(command: str) -> None:
    service = Service()
    service.on("GET", LIST, answer(operations=[operation(), ENDED]))
    result = run(service, command, "Shop")
    assert (result.exit_code, result.stderr) == (
        3,
        "Error: no swap of Shop is in progress\nSee its state: devops status Shop\n",
    )


def test_an_approved_swap_that_rolls_back_fails() -> None:
    service = following(RETURNING, FAILED)
    service.on("POST", PATH, answer(202, operation=BAKING))
    assert run(service, "approve", "Shop", OPERATION).exit_code == 1


@pytest.mark.parametrize(("options", "query"), [((), b""), (("--force",), b"force=true")])
def test_an_abort_can_be_forced(options: tuple[str, ...], query: bytes) -> None:
    service = Service()
    service.on("DELETE", PATH, answer(operation=FAILED, message="stopped"))
    assert run(service, "abort", "Shop", OPERATION, *options).exit_code == 0
    assert service.sent("DELETE").url.query == query


@pytest.mark.parametrize(("version", "code"), [("1.0", 0), ("1.1", 1)])
def test_a_swap_to_the_previous_release_succeeds_when_the_swap_in_progress_returned(
    version: str, code: int
) -> None:
    """The service rolls back the swap in progress and returns it."""
    service = following(FAILED)
    service.on("POST", SWAP, answer(202, operation={**RETURNING, "abortedBy": "bob"}))
    assert run(service, "swap", "Shop", f"--version={version}").exit_code == code


def test_a_swap_back_during_a_swap_names_the_abort() -> None:
    service = Service()
    service.on("GET", LIST, answer(operations=[SHIFTED]))
    result = run(service, "swap", "Shop", "--back")
    assert result.exit_code == 3
    assert f"To return all customers: devops abort Shop {OPERATION}" in result.stderr


def test_status_shows_a_swap_in_progress() -> None:
    out = run(following(BAKING | {"verdicts": [verdict("GOOD", 1)]}), "status", "Shop", OPERATION)
    text = re.sub(" +", " ", out.stdout)
    for each in (
        "approved by bob", "shifted 2026-01-31 12:00:10Z", "Policy of the swap",
        "Phase: BAKING, 100 percent of the requests, then the end at 2026-01-31 12:16:10Z",
        "Verdict: GOOD",
    ):  # fmt: skip
        assert each in text


def status_during(found: dict[str, Any] | None) -> list[str]:
    """Return the lines of `devops status` below the table, during this operation."""
    service = Service() if found is None else following(found)
    held = {"operation": {"id": OPERATION, "url": "https://x"}, "status": "ACTIVE"}
    rows = [
        {"environment": "PROD-BLUE", "slot": "prod-2", "version": "1.1", "url": "http://b"} | held,
        {"environment": "PROD-GREEN", "slot": "prod-1", "version": "1.0", "url": "http://g"} | held,
    ]
    service.on("GET", "/stacks/Shop", answer(stack=stack(*rows)))
    result = run(service, "status", "Shop")
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.splitlines()[4:]


HELD = f"PROD-BLUE (prod-2), PROD-GREEN (prod-1): operation {OPERATION} is in progress"


def test_status_during_a_swap_shows_its_phase_and_the_next_commands() -> None:
    assert status_during({**AWAITING, "waitingFor": "an approval"}) == [
        HELD,
        f"swap of Shop IN_PROGRESS  {OPERATION}",
        "New release: 1.1, previous release: 1.0",
        "Phase: AWAITING_APPROVAL, 10 percent of the requests, rolls back without an approval at"
        " 2026-01-31 13:00:10Z",
        "Waiting for: an approval",
        f"Wait for its end: devops wait Shop {OPERATION}",
        f"Roll back:        devops abort Shop {OPERATION}",
        f"Approve it:       devops approve Shop {OPERATION}",
        f"Skip its waits:   devops finish Shop {OPERATION}",
    ]


def test_status_does_not_need_the_operation() -> None:
    assert status_during(None) == [HELD]
    assert status_during(ENDED) == [HELD, f"swap of Shop SUCCEEDED  {OPERATION}"]


@pytest.mark.parametrize("found", [operation(kind="delete"), operation(abortedBy="bob"), RETURNING])
def test_status_names_no_abort_without_an_effect(found: dict[str, Any]) -> None:
    assert status_during(found)[-1] == f"Wait for its end: devops wait Shop {OPERATION}"


def test_the_first_image_has_a_name_in_a_verdict() -> None:
    first = {**GOOD, "environments": [PARTS[0], {**PARTS[1], "version": None}]}
    lines = [re.split(" {2,}", line) for line in status_during(first)]
    assert ["previous", "first image", "1080", "2", "0.19 %"] in lines


@pytest.mark.parametrize(("minutes", "text"), [(1, "1 minute"), (3, "3 minutes")])
def test_the_requests_of_customers_have_their_minutes(minutes: int, text: str) -> None:
    affected = {"requests": 17, "errors": 3, "minutes": minutes}
    result = run(following(SHIFTED, {**FAILED, "affected": affected}), *WAIT)
    line = f"Requests of customers to the new release: 17 in {text}, 3 failed"
    assert line in result.stdout.splitlines()
