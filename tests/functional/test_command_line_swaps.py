"""The command line over the handlers: swaps in steps, their approval, end and return."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.lab.client import Client
from tests.lab.command_line import Gateway, command
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.monitoring import Metrics

CANARY = ("--canary=10", "--step=6m", "--bake=10m")


class Team:
    """A team that uses the command line for the application Shop."""

    def __init__(self, cloud: FakeCloud, api: Client) -> None:
        self.cloud = cloud
        self.api = api
        self.gateway = Gateway(api)

    def devops(self, *arguments: str, code: int = 0) -> str:
        """Run a command; return its output."""
        result = command(self.cloud, self.api, self.gateway, *arguments)
        assert result.exit_code == code, (result.stdout, result.stderr)
        return result.stdout + result.stderr

    def swap(self) -> Mapping[str, Any]:
        """Return the newest operation."""
        reply = self.api.send(
            "GET", "/stacks/{applicationName}/operations", parameters={"applicationName": "Shop"}
        )
        found: Mapping[str, Any] = reply.body["operations"][0]
        return found


@pytest.fixture
def team(promoted: FakeCloud, api: Client) -> Team:
    return Team(promoted, api)


def test_a_swap_in_steps_is_followed_to_its_end(team: Team) -> None:
    said = team.devops("swap", "Shop", "--version=1.0", *CANARY)
    phases = [
        line.partition("phase: ")[2].partition(" percent")[0]
        for line in said.splitlines()
        if "phase: " in line
    ]
    assert phases == ["SHIFTED, 10", "BAKING, 100"]
    assert team.swap()["status"] == "SUCCEEDED"
    back = "To return to the previous release, until the next promote: devops swap Shop --back"
    assert back in said


@pytest.mark.parametrize(
    ("until", "weight"), [("switched", 10), ("full", 100)]
)  # fmt: skip
def test_a_milestone_ends_the_wait(team: Team, until: str, weight: int) -> None:
    team.devops("swap", "Shop", "--version=1.0", *CANARY, f"--until={until}")
    assert (team.swap()["status"], team.swap()["weight"]) == ("IN_PROGRESS", weight)
    team.devops("wait", "Shop")
    assert team.swap()["status"] == "SUCCEEDED"


@pytest.mark.parametrize(("before", "weight"), [("shift", 0), ("full", 10)])
def test_one_job_stops_at_the_approval_and_another_one_continues(
    team: Team, before: str, weight: int
) -> None:
    said = team.devops(
        "swap", "Shop", "--version=1.0", *CANARY, f"--approve={before}", "--until=approval"
    )
    swap = team.swap()
    assert (swap["phase"], swap["weight"]) == ("AWAITING_APPROVAL", weight)
    assert f"devops approve Shop {swap['id']}" in said
    team.devops("approve", "Shop", swap["id"])
    assert (team.swap()["id"], team.swap()["status"]) == (swap["id"], "SUCCEEDED")
    # A repeated job has the same result.
    team.devops("approve", "Shop", swap["id"])


def test_a_swap_without_an_approval_in_time_fails(team: Team) -> None:
    said = team.devops(
        "swap", "Shop", "--version=1.0", "--approve=shift", "--approval-timeout=20m", code=1
    )
    assert "phase: AWAITING_APPROVAL" in said
    assert team.swap()["status"] == "FAILED"


def test_finish_ends_all_waits(team: Team) -> None:
    team.devops("swap", "Shop", "--version=1.0", *CANARY, "--approve=full", "--until=switched")
    team.devops("finish", "Shop")
    swap = team.swap()
    assert swap["status"] == "SUCCEEDED"
    assert swap["finishedBy"] == swap["approvedBy"]
    team.devops("finish", "Shop", swap["id"])
    # Nothing was approved or finished in an ended swap without waits.
    team.devops("swap", "Shop", "--back")
    team.devops("finish", "Shop", team.swap()["id"], code=3)


def test_an_abort_returns_all_customers(team: Team) -> None:
    team.devops("swap", "Shop", "--version=1.0", *CANARY, "--until=full")
    said = team.devops("abort", "Shop")
    assert "all customers have the previous release" in said.replace("get", "have")
    assert team.swap()["status"] == "FAILED"
    assert "returnedAt" in team.swap()


def test_a_return_to_other_settings_of_the_same_image_succeeds(team: Team) -> None:
    api, cloud = team.api, team.cloud
    assert api.swap(version="1.0").status == 200
    api.patch({"service": {"environment": {"MODE": "new"}}})
    api.settle()
    api.finished(api.promote())
    release = ("--version=1.0", f"--digest={cloud.images.pushed['shop', '1.0']}")
    team.devops("swap", "Shop", *release, "--spec=2", *CANARY, "--until=switched")
    team.devops("swap", "Shop", *release, "--spec=1")
    assert (team.swap()["status"], cloud.live("Shop")) == ("FAILED", "prod-2")


def test_the_emergency_call_ignores_the_policy_of_the_specification(team: Team) -> None:
    policy = {
        "strategy": {"type": "linear"}, "bakeMinutes": 60, "alarms": ["missing"], "judge": {},
        "approval": {"before": "shift"},
    }  # fmt: skip
    assert team.api.patch({"production": policy}).status == 200
    team.devops("swap", "Shop", "--version=1.0", code=3)
    before = team.cloud.clock.now()
    team.devops("swap", "Shop", "--version=1.0", "--now")
    assert team.cloud.clock.now() == before
    assert team.swap()["status"] == "SUCCEEDED"


def test_the_live_view_shows_the_verdict_and_the_reason_of_a_rollback(team: Team) -> None:
    monitoring = team.cloud.monitoring
    monitoring.states["errors"] = "OK"
    team.devops(
        "swap", "Shop", "--version=1.0", "--canary=10", "--alarm=errors", "--until=switched"
    )
    monitoring.states["errors"] = "ALARM"
    said = team.devops("wait", "Shop", code=1)
    assert "Alarms: errors ALARM" in said
    swap = team.swap()
    assert (swap["status"], swap["weight"]) == ("FAILED", 0)
    assert swap["reasons"][0] in said


def test_a_forced_start_ignores_an_alarm(team: Team) -> None:
    alarm = ("swap", "Shop", "--version=1.0", "--alarm=missing")
    assert "the alarm missing does not exist" in team.devops(*alarm, code=3)
    assert "Warning: ignored: the alarm missing" in team.devops(*alarm, "--ignore-alarms")
    events = team.devops("events", "Shop", "--operation", team.swap()["id"])
    assert "SWITCHED" in events


def test_the_live_view_compares_both_releases(team: Team) -> None:
    estate, metrics = team.cloud.stacks.estate, team.cloud.monitoring.metrics
    metrics[estate.target_group("Shop", "prod-2")] = lambda _minute: Metrics(100, 1)
    metrics[estate.target_group("Shop", "prod-1")] = lambda _minute: Metrics(900, 9)
    said = team.devops("swap", "Shop", "--version=1.0", "--canary=10", "--judge")
    assert (
        "verdict: GOOD, new release 2 of 200 requests failed (1.0 percent), previous release"
        in said
    )
    assert said.count("verdict: GOOD") == 1
    assert re.search(
        r"new +1\.0 +\d+00 +\d +1\.0 %", team.devops("status", "Shop", team.swap()["id"])
    )


def test_the_live_view_has_the_reason_of_a_rollback(team: Team) -> None:
    estate, metrics = team.cloud.stacks.estate, team.cloud.monitoring.metrics
    metrics[estate.target_group("Shop", "prod-2")] = lambda _minute: Metrics(100, 50)
    metrics[estate.target_group("Shop", "prod-1")] = lambda _minute: Metrics(900, 9)

    said = team.devops("swap", "Shop", "--version=1.0", "--canary=10", "--judge", code=1)
    assert "Verdict: BAD" in said
    assert "Requests of customers to the new release:" in said
    assert team.swap()["reasons"][0] in said
