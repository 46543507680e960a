"""The policy of a swap on the command line: the members of the request, and the plan."""

from __future__ import annotations

from typing import Any

import pytest

from devops_core.requests.swap import SWAP
from tests.lab.prepared_service import Service, answer, operation, run

PATH = "/stacks/swapProdBlueAndGreen"
NAMED = {"applicationName": "Shop", "version": "1.0"}


def swapping(**plan: Any) -> Service:
    service = Service()
    service.on("POST", PATH, answer(operation=operation("SUCCEEDED", "swap"), plan=plan))
    return service


def body(*options: str) -> dict[str, Any]:
    """Return the members of a swap beside the release; the service accepts the request."""
    service = swapping()
    result = run(service, "swap", "Shop", "--version=1.0", *options)
    assert result.exit_code == 0, result.stderr
    found = service.body()
    assert NAMED.items() <= found.items()
    SWAP.parse(found)
    return {name: value for name, value in found.items() if name not in NAMED}


@pytest.mark.parametrize(
    ("options", "members"),
    [
        ("", {}),
        ("--canary 10", {"strategy": {"type": "canary", "percent": 10}}),
        ("--linear 25 --step 2h",
         {"strategy": {"type": "linear", "percent": 25, "stepMinutes": 120}}),
        ("--all-at-once", {"strategy": {"type": "allAtOnce"}}),
        ("--bake 30m", {"bakeMinutes": 30}),
        ("--bake 90", {"bakeMinutes": 90}),
        ("--bake 0", {"bakeMinutes": 0}),
        ("--alarm a --alarm b,c", {"alarms": ["a", "b,c"]}),
        ("--judge", {"judge": {}}),
        ("--no-judge", {"judge": "off"}),
        ("--error-rate 0.5 --min-requests 100",
         {"judge": {"errorRatePercent": 0.5, "minRequests": 100}}),
        ("--approve shift", {"approval": {"before": "shift"}}),
        ("--approve full --approval-timeout 24h",
         {"approval": {"before": "full", "timeoutMinutes": 1440}}),
        ("--approve off", {"approval": "off"}),
        ("--ignore-alarms", {"ignoreAlarms": True}),
        ("--now --ignore-alarms",
         {"strategy": {"type": "allAtOnce"}, "bakeMinutes": 0, "alarms": [], "judge": "off",
          "approval": "off"}),
    ],
)  # fmt: skip
def test_each_option_becomes_a_member_and_no_other_is_sent(
    options: str, members: dict[str, Any]
) -> None:
    assert body(*options.split()) == members


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--canary 10 --linear 10", "--canary, --linear and --all-at-once exclude each other"),
        ("--canary 10 --all-at-once", "--canary, --linear and --all-at-once exclude each other"),
        ("--step 6m", "--step needs --canary or --linear"),
        ("--all-at-once --step 6m", "--step needs --canary or --linear"),
        ("--no-judge --error-rate 1", "--no-judge excludes --error-rate and --min-requests"),
        ("--approval-timeout 2h", "--approval-timeout needs --approve shift or --approve full"),
        ("--now --canary 10 --min-requests 5", "remove --canary, --min-requests"),
        ("--until full --no-wait", "--no-wait and --until exclude each other"),
        ("--canary 100", "Input should be less than or equal to 99"),
        ("--bake 90s", "'90s' is not a number of whole minutes"),
        ("--bake soon", "'soon' is not a duration"),
        ("--approve maybe", "'maybe' is not one of shift, full, off"),
        ("--until later", "'later' is not one of approval, switched, full, end"),
    ],
)
def test_a_contradiction_is_refused_before_a_request(options: str, message: str) -> None:
    service = swapping()
    result = run(service, "swap", "Shop", "--version=1.0", *options.split())
    assert (result.exit_code, service.requests) == (2, [])
    assert message in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("strategy", "text"),
    [
        ({"type": "canary", "percent": 10, "stepMinutes": 6},
         "10 percent of the requests, all after 6 minutes"),
        ({"type": "linear", "percent": 25, "stepMinutes": 1},
         "25 percent of the requests more, every 1 minute"),
        ({"type": "allAtOnce"}, "all requests at once"),
    ],
)  # fmt: skip
def test_a_dry_run_shows_the_policy(strategy: dict[str, Any], text: str) -> None:
    policy = {
        "strategy": strategy,
        "bakeMinutes": 30,
        "alarms": ["errors", "latency"],
        "judge": {"errorRatePercent": 1, "minRequests": 50},
        "approval": {"before": "full", "timeoutMinutes": 1440},
    }
    service = swapping(kind="swap", applicationName="Shop", policy=policy)
    result = run(service, "swap", "Shop", "--version=1.0", "--dry-run")
    assert result.stdout.splitlines()[-6:] == [
        "Policy of the swap",
        f"  strategy {text}",
        "  bake     30 minutes",
        "  alarms   errors, latency",
        "  judge    rolls back above 1 percent errors, in minutes with at least 50 requests",
        "  approval before 100 percent, within 1440 minutes",
    ]


def test_a_policy_without_checks_is_shown_as_such() -> None:
    policy = {"strategy": {"type": "allAtOnce"}, "bakeMinutes": 5, "alarms": [], "judge": "off"}
    result = run(swapping(kind="swap", policy=policy), "swap", "Shop", "--version=1.0", "--dry-run")
    lines = [line.split() for line in result.stdout.splitlines()[-3:]]
    assert lines == [["alarms", "none"], ["judge", "off"], ["approval", "none"]]
