"""Calls of the service over the client of the command line, each compared with the contract."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from devops_cli import follow
from devops_cli.client import ATTEMPTS, Api
from devops_cli.clock import Clock
from devops_cli.failures import ApiError, TimedOutError
from devops_cli.responses import IN_PROGRESS, Object, Response, get_object, get_objects, get_text
from devops_cli.writing import Call
from tools.acceptance.checks import reasons
from tools.contract import conformance, document

_CONTENT_TYPE = "Content-Type"
_NOT_FOUND, _CONFLICT = 404, 409
# The beginning of `waitingFor` if the role of the service lacks a permission.
_NO_PERMISSION = "the service's role lacks the permission"
# An operation that has to end by itself, because nothing can end it earlier.
_NO_LIMIT = timedelta(days=1)


@dataclass(frozen=True)
class Course:
    """A write and its operation, from the request to the end.

    `status` is that of the response. `operation` is the ended operation, empty if the service
    refused the write. `problem` is the reason of a refusal, or of an abort after the time limit.
    `response` is the time until the response, in seconds.
    """

    status: int
    operation: Object
    problem: str
    response: float

    @property
    def switched(self) -> float | None:
        """Seconds until the production listener changed; None without a switch."""
        return _number(get_object(self.operation, "took"), "untilSwitched")

    @property
    def ended(self) -> float | None:
        """Seconds until the end of the operation; None without an end."""
        return _number(get_object(self.operation, "took"), "untilEnded")


@dataclass(frozen=True)
class Limits:
    """The times after which an operation is aborted.

    `operation` is for each operation, `failing` for the deploy of a version that does not start,
    `permission` for an operation that waits for a missing permission of the service.
    """

    operation: timedelta
    failing: timedelta
    permission: timedelta


class Service:
    """An installation of the service; implements `follow.Reader`.

    `out` prints a line when an operation waits for another condition. `faults` has the differences
    between the responses and the contract since the last `take_faults`.
    """

    def __init__(self, api: Api, clock: Clock, limits: Limits, out: Callable[[str], None]) -> None:
        self.address = api.address
        self.clock = clock
        self._api = api
        self._limits, self._out = limits, out
        self.faults: list[str] = []

    def get(
        self, path: str, query: Mapping[str, Any] | None = None, *, attempts: int = ATTEMPTS
    ) -> Response:
        """Send a GET request.

        Raises:
            CliError: no response was received, or it is an error.

        """
        return self._send(Call("GET", path), query or {}, attempts=attempts)

    def run(self, call: Call, limit: timedelta | None = None) -> Course:
        """Send a write and wait for the end of its operation; abort it after the time limit.

        `limit` replaces the limit of the operations.

        Raises:
            CliError: no response was received, or the operation cannot be read.

        """
        return self.finish(*self.start(call), limit)

    def start(self, call: Call) -> tuple[Response, float]:
        """Send a write and return the response, also a refusal, and the seconds until it.

        Raises:
            CliError: no response was received.

        """
        started = self.clock.monotonic()
        try:
            response = self._send(call, call.query, key=str(uuid.uuid4()))
        except ApiError as error:
            response = error.response
        return response, self.clock.monotonic() - started

    def finish(self, response: Response, seconds: float, limit: timedelta | None = None) -> Course:
        """Wait for the end of the operation of a response; abort it after the time limit.

        `seconds` is the time until the response.

        Raises:
            CliError: the operation cannot be read.

        """
        started = self.clock.monotonic()
        # A refusal with 409 can name the operation of another call.
        if not get_object(response.body, "operation") or response.status == _CONFLICT:
            problem = response.error_message if response.is_error else "the call started nothing"
            return Course(response.status, {}, f"{response.status}: {problem}", seconds)
        operation, problem = response.required_operation, ""
        try:
            operation = self._end(response, operation, limit or self._limits.operation)
        except TimedOutError:
            operation = self._operation(operation).required_operation
        if get_text(operation, "status") == IN_PROGRESS:
            waited = self.clock.monotonic() - started
            problem = f"still in progress after {waited:.0f} s, {reasons(operation)}"
            operation = self.abort(operation)
        return Course(response.status, operation, problem, seconds)

    def abort(self, operation: Object) -> Object:
        """Abort an operation, if this is still possible; return it after its end.

        It is still in progress if the service lacks a permission for longer than the limit.

        Raises:
            CliError: the abort was refused, or the operation cannot be read.

        """
        path = follow.operation_path(
            get_text(operation, "applicationName"), get_text(operation, "id")
        )
        try:
            response = self._send(Call("DELETE", path), {})
        except ApiError as error:
            if get_text(error.response.body, "code") not in ("ALREADY_ENDED", "NOT_ABORTABLE"):
                raise
            response = self._operation(operation)
        return self._end(response, response.required_operation, _NO_LIMIT)

    def stack(self, name: str) -> Object | None:
        """Return an application with the state of AWS; None if it does not exist."""
        response = self._read(f"/stacks/{quote(name, safe='')}", {"live": "true"})
        return None if response is None else response.required("stack", "applicationName")

    def operations(self, name: str) -> Sequence[Object] | None:
        """Return the newest operations of an application; None if it never existed."""
        response = self._read(f"/stacks/{quote(name, safe='')}/operations", {"limit": 100})
        return None if response is None else get_objects(response.body, "operations")

    def events(self, operation: Object) -> Sequence[Object]:
        """Return the events of an operation, newest first."""
        name = get_text(operation, "applicationName")
        query = {"operation": get_text(operation, "id"), "limit": 100}
        response = self._read(f"/stacks/{quote(name, safe='')}/events", query)
        return [] if response is None else get_objects(response.body, "events")

    def take_faults(self) -> list[str]:
        """Return the differences from the contract since the last call, without repetitions."""
        found, self.faults = list(dict.fromkeys(self.faults)), []
        return found

    def _operation(self, operation: Object) -> Response:
        return self.get(follow.operation_url(operation, self.address))

    def _read(self, path: str, query: Mapping[str, Any]) -> Response | None:
        try:
            return self.get(path, query)
        except ApiError as error:
            if error.response.status == _NOT_FOUND:
                return None
            raise

    def _end(self, response: Response, operation: Object, limit: timedelta) -> Object:
        """Return an operation after its end, or while it waits too long for a permission."""
        denied: float | None = None
        shown = ""
        for snapshot in follow.follow(self, response, operation, self.clock, limit):
            operation, now = snapshot.operation, self.clock.monotonic()
            waiting = get_text(operation, "waitingFor")
            if waiting not in ("", shown):
                self._out(f"        waiting for {waiting}")
                shown = waiting
            if not waiting.startswith(_NO_PERMISSION):
                denied = None
            elif denied is None:
                denied = now
            elif now - denied >= self._limits.permission.total_seconds():
                break
        return operation

    def _send(
        self, call: Call, query: Mapping[str, Any], *, key: str = "", attempts: int = ATTEMPTS
    ) -> Response:
        try:
            response = self._api.send(
                call.method, call.path, query, call.body, key=key, attempts=attempts
            )
        except ApiError as error:
            self._compare(call, error.response)
            raise
        self._compare(call, response)
        return response

    def _compare(self, call: Call, response: Response) -> None:
        """Record the differences between a response and the contract."""
        path = call.path.removeprefix(self.address)
        self.faults += contract_faults(call.method, path, response)


def contract_faults(method: str, path: str, response: Response) -> list[str]:
    """Return the differences between a response and the contract.

    API Gateway adds headers, so only those of the contract are compared.
    """
    route = _route(path)
    operation = document.operations().get((method, route))
    found = operation.responses.get(response.status) if operation else None
    known = (found or {}).get("headers", {})
    received = {name.lower(): value for name, value in response.headers.items()}
    names = [name for name in (_CONTENT_TYPE, *known) if name.lower() in received]
    headers = {name: received[name.lower()] for name in names}
    return conformance.problems(method, route, response.status, headers, response.body)


def _route(path: str) -> str:
    """Return the path of the contract that matches a path."""
    for _, route in document.operations():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route), path):
            return route
    return path


def _number(members: Object, name: str) -> float | None:
    value = members.get(name)
    return float(value) if isinstance(value, int | float) else None
