"""The command line over the handlers: busy environments, and callers that may only write."""

from __future__ import annotations

import json
from datetime import datetime

import httpx
import pytest
from typer.testing import Result

from tests.lab.client import Client
from tests.lab.fakes import FakeCloud
from tests.lab.prepared_service import run

_ROUTES = (
    "/stacks",
    "/stacks/deploy",
    "/stacks/deploytoprodBlue",
    "/stacks/swapProdBlueAndGreen",
    "/stacks/{applicationName}",
    "/stacks/{applicationName}/operations/{id}",
)
# The response of API Gateway to a call that IAM does not allow (serverless.yml).
_DENIED = {"errorMessage": "not authorized to perform: execute-api:Invoke", "code": "ACCESS_DENIED"}


class Gateway:
    """Replaces the network by the handlers; with `write_only` it denies all reads, as IAM does."""

    def __init__(self, api: Client, *, write_only: bool = False) -> None:
        self.calls: list[tuple[str, int]] = []
        self._api = api
        self._write_only = write_only

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self._write_only and request.method == "GET":
            return httpx.Response(403, json=_DENIED)
        path = request.url.path.removeprefix("/dev")
        resource, parameters = _match(path)
        reply = self._api.send(
            request.method,
            resource,
            json.loads(request.content) if request.content else None,
            headers=_headers(request),
            parameters=parameters,
            query=dict(request.url.params),
        )
        self.calls.append((f"{request.method} {path}", reply.status))
        return httpx.Response(reply.status, headers=dict(reply.headers), json=reply.body)


class SharedClock:
    """A clock of the command line that advances the clock of AWS; the schedule runs meanwhile."""

    def __init__(self, cloud: FakeCloud, api: Client) -> None:
        self._cloud = cloud
        self._api = api

    def monotonic(self) -> float:
        return self._cloud.clock.now().timestamp()

    def now(self) -> datetime:
        return self._cloud.clock.now()

    def pause(self, seconds: float) -> None:
        self._cloud.clock.pass_(seconds=seconds)
        self._api.tick()


def _headers(request: httpx.Request) -> dict[str, str]:
    names = {"idempotency-key": "Idempotency-Key", "prefer": "Prefer"}
    return {names[name]: value for name, value in request.headers.items() if name in names}


def _match(path: str) -> tuple[str, dict[str, str]]:
    """Return the route of a path, and its parameters."""
    if path in _ROUTES:
        return path, {}
    parts = path.split("/")
    parameters = {"applicationName": parts[2]} | ({"id": parts[4]} if len(parts) > 3 else {})
    return _ROUTES[-1 if len(parts) > 3 else -2], parameters


def command(cloud: FakeCloud, api: Client, gateway: Gateway, *arguments: str) -> Result:
    result = run(gateway, *arguments, clock=SharedClock(cloud, api))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


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
