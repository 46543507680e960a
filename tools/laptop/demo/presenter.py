"""Prints the demonstration: the commands, the responses, and progress lines while it waits.

Every call is made by curl exactly as printed, so that a reader can repeat it.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.laptop.cloud import Cloud

OPERATION_TIMEOUT = 120.0  # seconds for one operation; the longest takes about ten
_WIDTH = 100


class DemoError(Exception):
    """A step of the demonstration did not have the expected result."""


@dataclass(frozen=True)
class Response:
    """An HTTP response: status and JSON body."""

    status: int
    body: Any


class Presenter:
    """Makes the calls of the demonstration and prints them with their results."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._step = ""
        self._steps = 0
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def step(self, title: str) -> None:
        """Begin a step; error messages contain its title."""
        self._steps += 1
        self._step = f"{self._steps}. {title}"
        rule = "─" * max(3, _WIDTH - len(self._step) - 4)
        self.print(f"\n{self._paint('1', f'── {self._step} {rule}')}")

    def print(self, text: str) -> None:
        """Print a line without buffering."""
        print(text, flush=True)

    def api(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *headers: str
    ) -> Response:
        """Call the service with curl and print the command and the response."""
        command = ["curl", "-sS", "-X", method, f"$API_URL{path}"]
        for header in headers:
            command += ["-H", header]
        if body is not None:
            command += ["-d", json.dumps(body)]
        return self._curl(command)

    def fetch(self, url: str) -> Any:
        """Fetch a page of an application; the emulator is the HTTP proxy to its load balancer."""
        response = self._curl(["curl", "-sS", "-x", "$AWS_ENDPOINT_URL", url])
        self.require(response.status == 200, f"{url} returns 200")
        return response.body

    def follow(self, response: Response) -> dict[str, Any]:
        """Poll an operation until it ends, and print a line when `waitingFor` changes."""
        operation: dict[str, Any] = response.body["operation"]
        url = operation["url"].replace(self._cloud.api_url, "$API_URL")
        command = ["curl", "-sS", url, "-H", "Prefer: wait=5"]
        began, printed = time.monotonic(), ""
        if operation["status"] == "IN_PROGRESS":
            self._show(command)
        while operation["status"] == "IN_PROGRESS":
            elapsed = time.monotonic() - began
            self.require(elapsed < OPERATION_TIMEOUT, f"it ends within {OPERATION_TIMEOUT:.0f} s")
            if operation.get("waitingFor", printed) != printed:
                printed = operation["waitingFor"]
                self.print(self._paint("2", f"  … {elapsed:4.1f} s  {printed}"))
            operation = self._run(command).body["operation"]
        self._print_outcome(operation, time.monotonic() - began)
        return operation

    def check(self, condition: bool, description: str) -> None:
        """Print that a condition is true; raise DemoError if it is not."""
        self.require(condition, description)
        self.print(f"  {self._paint('32', '✓')} {description}")

    def require(self, condition: bool, description: str) -> None:
        """Raise DemoError if a condition is not true; otherwise print nothing."""
        if not condition:
            raise DemoError(f"step {self._step}: expected that {description}")

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a heading and rows in aligned columns."""
        lines = [head, *rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
        for line in lines:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.print("  " + "  ".join(cells).rstrip())

    def _curl(self, command: list[str]) -> Response:
        self._show(command)
        response = self._run(command)
        self.print(f"{response.status} {_short(response.body)}")
        return response

    def _run(self, command: list[str]) -> Response:
        words = [self._expand(word) for word in command]
        done = subprocess.run(  # noqa: S603 - curl with our own arguments, no shell
            [*words, "-w", "\n%{http_code}"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise DemoError(f"step {self._step}: curl failed: {done.stderr.strip()}")
        text, _, status = done.stdout.rpartition("\n")
        try:
            return Response(int(status), json.loads(text))
        except ValueError as error:
            raise DemoError(f"step {self._step}: the response is not JSON: {text[:300]}") from error

    def _expand(self, word: str) -> str:
        for name in ("API_URL", "AWS_ENDPOINT_URL"):
            if word.startswith(f"${name}"):
                return self._cloud.environment[name] + word.removeprefix(f"${name}")
        return word

    def _show(self, command: Sequence[str]) -> None:
        self.print(self._paint("36", f"$ {' '.join(map(_quoted, command))}"))

    def _print_outcome(self, operation: Mapping[str, Any], seconds: float) -> None:
        self.print(f"  {operation['kind']} {operation['status']} after {seconds:.1f} s")
        for reason in operation.get("reasons", []):
            self.print(f"    {reason}")

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def _quoted(word: str) -> str:
    return f'"{word}"' if word.startswith("$") else shlex.quote(word)


def _short(body: Any) -> str:
    """Return a body as one line of JSON, with shortened operation and events."""
    if isinstance(body, dict) and isinstance(body.get("operation"), dict):
        named = {key: body["operation"][key] for key in ("id", "kind", "status")}
        body = {**body, "operation": named}
    if isinstance(body, dict) and len(body.get("events", [])) > 1:
        body = {**body, "events": [body["events"][0], "..."]}
    return json.dumps(body)
