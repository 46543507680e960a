"""Follows an operation as the command line does, on the simulated clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from devops_cli import follow
from devops_cli.failures import ApiError, UnreachableError
from devops_cli.responses import Response
from tests.lab.client import Reply
from tests.lab.timeline import Timeline

# Sends one GET request; None without a response.
Get = Callable[[str, Mapping[str, str], Mapping[str, str]], Reply | None]
_OPERATION = "/stacks/{applicationName}/operations/{id}"


class _Api:
    """`follow.Reader` over the handlers."""

    address = "https://api.example.com/dev"

    def __init__(self, get: Get) -> None:
        self._get = get

    def get(
        self, path: str, query: Mapping[str, Any] | None = None, *, attempts: int = 1
    ) -> Response:
        del attempts
        _, _, application, *rest = path.split("/")
        place = {"applicationName": application}
        if rest:
            reply = self._get(_OPERATION, place | {"id": rest[-1]}, query or {})
        else:
            reply = self._get("/stacks/{applicationName}", place, query or {})
        if reply is None:
            raise UnreachableError("no response")
        headers = {name.lower(): value for name, value in reply.headers.items()}
        response = Response(reply.status, b"", reply.body, headers)
        if response.is_error:
            raise ApiError(response)
        return response


class _Clock:
    """`clock.Clock` of the simulation."""

    def __init__(self, timeline: Timeline, now: Callable[[], datetime]) -> None:
        self._timeline, self.now = timeline, now

    def monotonic(self) -> float:
        return self._timeline.now

    def pause(self, seconds: float) -> None:
        self._timeline.sleep(seconds)


def end(timeline: Timeline, now: Callable[[], datetime], get: Get, accepted: Reply) -> Any:
    """Follow an accepted operation and return it after its end."""
    response = Response(accepted.status, b"", accepted.body)
    api, clock, hour = _Api(get), _Clock(timeline, now), timedelta(hours=1)
    *_, last = follow.follow(api, response, accepted.operation, clock, hour)
    return last.operation
