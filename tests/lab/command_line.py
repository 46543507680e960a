"""Runs `devops` over the handlers of the service: the path from an option to a fake of AWS."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from typer.testing import Result

from tests.lab.client import HANDLED, Client
from tests.lab.fakes import FakeCloud
from tests.lab.prepared_service import run

# The response of API Gateway to a call that IAM does not allow (serverless.yml).
_DENIED = {"errorMessage": "not authorized to perform: execute-api:Invoke", "code": "ACCESS_DENIED"}
_HEADERS = ("Idempotency-Key", "Prefer", "If-Match")


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
        resource, parameters = _match(request.method, path)
        reply = self._api.send(
            request.method,
            resource,
            json.loads(request.content) if request.content else None,
            headers={name: request.headers[name] for name in _HEADERS if name in request.headers},
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


def command(
    cloud: FakeCloud, api: Client, gateway: Gateway, *arguments: str | Path, **further: Any
) -> Result:
    """Run a command; `further` are arguments of `prepared_service.run`."""
    words = map(str, arguments)
    result = run(gateway, *words, clock=SharedClock(cloud, api), **further)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def _match(method: str, path: str) -> tuple[str, dict[str, str]]:
    """Return the route of a path, and its parameters; a route without parameters comes first."""
    routes = sorted(
        (route for verb, route in HANDLED if verb == method), key=lambda each: "{" in each
    )
    for route in routes:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route)
        if found := re.fullmatch(pattern, path):
            return route, found.groupdict()
    raise AssertionError(f"there is no route {method} {path}")
