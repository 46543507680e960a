"""A fake service with prepared responses, and a function that runs `devops` against it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from botocore.credentials import Credentials
from typer.testing import CliRunner, Result

from devops_cli import clock as clocks
from devops_cli.config import Profile
from devops_cli.main import app
from devops_cli.runtime import Runtime, console

API = "https://abcde12345.execute-api.eu-west-1.amazonaws.com/dev"
OPERATION = "01JN8EY4M00000000000000001"
NOW = datetime(2026, 1, 31, 12, 0, 10, tzinfo=UTC)
KEYS = Credentials("AKIDEXAMPLE", "not-a-secret")
CALLER = "arn:aws:iam::123456789012:user/alice"


class Service:
    """Replaces the network: returns the responses of a path in turn, the last one repeatedly.

    A path without responses returns 404, as for an application that does not exist.
    """

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self._answers: dict[tuple[str, str], list[httpx.Response | BaseException]] = {}

    def on(self, method: str, path: str, *answers: httpx.Response | BaseException) -> None:
        self._answers[method, path] = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path.removeprefix("/dev")
        left = self._answers.get((request.method, path))
        if not left:
            return answer(404, errorMessage=f"there is no {path}", code="NOT_FOUND")
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, BaseException):
            raise found
        return found

    def calls(self) -> list[str]:
        return [f"{each.method} {each.url.path}" for each in self.requests]

    def sent(self, method: str) -> httpx.Request:
        """Return the one request of a method."""
        [found] = [each for each in self.requests if each.method == method]
        return found

    def body(self) -> Any:
        """Return the body of the one POST."""
        return json.loads(self.sent("POST").content)


class Clock:
    """A clock that a pause moves forward; `stop_at` is the pause in which Ctrl-C is pressed."""

    def __init__(self, stop_at: int = 0) -> None:
        self.pauses: list[float] = []
        self._stop_at = stop_at

    def monotonic(self) -> float:
        return 1000 + sum(self.pauses)

    def now(self) -> datetime:
        return NOW + timedelta(seconds=sum(self.pauses))

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) == self._stop_at:
            raise KeyboardInterrupt


class Source:
    """Credentials and a region, as a session of boto3 has them."""

    def __init__(
        self, credentials: Credentials | None, region_name: str | None = None, ca_bundle: str = ""
    ) -> None:
        self.credentials = credentials
        self.region_name, self.ca_bundle = region_name, ca_bundle
        self.profiles: list[Profile] = []

    def get_credentials(self) -> Credentials | None:
        return self.credentials


def answer(
    status: int = 200, headers: Mapping[str, str] | None = None, **body: Any
) -> httpx.Response:
    return httpx.Response(status, headers=headers, json=body)


def operation(status: str = "IN_PROGRESS", kind: str = "deploy", **members: Any) -> dict[str, Any]:
    """Return an operation that was asked for ten seconds ago."""
    return {
        "id": OPERATION,
        "kind": kind,
        "applicationName": "Shop",
        "status": status,
        "url": f"{API}/stacks/Shop/operations/{OPERATION}",
        "caller": CALLER,
        "requestedAt": "2026-01-31T12:00:00.000Z",
        "environments": [{"environment": "DEV", "status": status, "version": "1.1"}],
    } | members


def stack(*environments: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "applicationName": "Shop",
        "technicalTeam": "payments",
        "email": "team@example.com",
        "environments": list(environments),
    }


PATH = f"/stacks/Shop/operations/{OPERATION}"


def run(
    service: Callable[[httpx.Request], httpx.Response] | None,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    clock: clocks.Clock | None = None,
    source: Source | None = None,
    width: int = 0,
    interactive: bool = False,
    typed: str = "",
    api: str = API,
) -> Result:
    """Run `devops` with these arguments; with a width on a terminal with that many columns.

    `service` replaces the network; None uses the network. Without an `api` the variable for the
    address is not set.
    """
    address = {"DEVOPS_API": api} if api else {}
    environment = {**address, "DEVOPS_CONFIG": "/nowhere", "TERM": "xterm"} | dict(
        environment or {}
    )
    source = source or Source(None)

    def credentials(profile: Profile) -> Source:
        source.profiles.append(profile)
        return source

    runtime = Runtime(
        environment=environment,
        out=console(environment, terminal=bool(width), width=width),
        err=console(environment, terminal=bool(width), width=width, stderr=True),
        clock=clock or Clock(),
        credentials=credentials,
        transport=httpx.MockTransport(service) if service else None,
        interactive=interactive,
    )
    return CliRunner().invoke(app, list(arguments), obj=runtime, input=typed, prog_name="devops")
