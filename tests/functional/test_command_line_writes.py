"""The command line over the handlers: busy environments, and callers that may only write."""

from __future__ import annotations

import pytest

from tests.lab.client import Client
from tests.lab.command_line import Gateway, command
from tests.lab.fakes import FakeCloud


@pytest.mark.parametrize(
    "arguments",
    [
        ("deploy", "Shop", "--env=dev,qa", "--version=1.2"),
        ("promote", "Shop", "--from=dev"),
        ("swap", "Shop", "--version=1.0"),
        ("create", "Blog", "--team=payments", "--email=team@example.com"),
        ("delete", "Shop", "--yes"),
    ],
    ids=lambda each: each[0],
)
def test_a_caller_that_may_only_write_waits_for_the_end(
    promoted: FakeCloud, api: Client, arguments: tuple[str, ...]
) -> None:
    api.finished(api.deploy("1.1", "dev"))
    gateway = Gateway(api, write_only=True)
    result = command(promoted, api, gateway, *arguments)
    assert result.exit_code == 0, result.stderr
    assert len({call for call, _ in gateway.calls}) == 1
    statuses = [status for _, status in gateway.calls]
    # A swap whose idle slot is ready ends at once.
    assert statuses == ([200] if arguments[0] == "swap" else [202, 200])


def test_a_queued_deploy_starts_after_the_end_of_the_other_one(
    shop: FakeCloud, api: Client
) -> None:
    first = api.deploy("1.0", "dev")
    assert first.status == 202
    gateway = Gateway(api)
    deploy = ("deploy", "Shop", "--env=dev", "--version=1.1")
    assert command(shop, api, gateway, *deploy).exit_code == 3
    result = command(shop, api, gateway, *deploy, "--queue")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count(f"Waiting for the end of operation {first.id}") == 1
    assert api.status(first.id).operation["status"] == "SUCCEEDED"
    assert "DEV  1.1" in result.stdout
