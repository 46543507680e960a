"""Tells a story in the terminal: the command, its answer, and a line while something takes time.

Every call is made by curl, as printed, so that a reader can repeat it.
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

PATIENCE = 120.0  # seconds for one operation; the longest takes about ten
_WIDTH = 100


class StoryError(Exception):
    """A step went otherwise than it is told."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status and JSON body."""

    status: int
    body: Any


class Narrator:
    """Prints the story and makes its calls."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._step = ""
        self._steps = 0
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def step(self, title: str) -> None:
        """Begin a step; its title is named if anything in it is not as told."""
        self._steps += 1
        self._step = f"{self._steps}. {title}"
        rule = "─" * max(3, _WIDTH - len(self._step) - 4)
        self.say(f"\n{self._paint('1', f'── {self._step} {rule}')}")

    def say(self, text: str) -> None:
        """Print a line at once."""
        print(text, flush=True)

    def api(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *headers: str
    ) -> Answer:
        """Call the service with curl, printed as a person would type it."""
        command = ["curl", "-sS", "-X", method, f"$API_URL{path}"]
        for header in headers:
            command += ["-H", header]
        if body is not None:
            command += ["-d", json.dumps(body)]
        return self._curl(command)

    def fetch(self, url: str) -> Any:
        """Fetch a page of an application through its load balancer: the emulator is the proxy."""
        answer = self._curl(["curl", "-sS", "-x", "$AWS_ENDPOINT_URL", url])
        self.require(answer.status == 200, f"{url} answers 200")
        return answer.body

    def follow(self, answer: Answer) -> dict[str, Any]:
        """Ask for an operation until it has ended, with a line whenever it comes further."""
        operation: dict[str, Any] = answer.body["operation"]
        url = operation["url"].replace(self._cloud.api_url, "$API_URL")
        command = ["curl", "-sS", url, "-H", "Prefer: wait=5"]
        began, told = time.monotonic(), ""
        if operation["status"] == "IN_PROGRESS":
            self._show(command)
        while operation["status"] == "IN_PROGRESS":
            self.require(time.monotonic() - began < PATIENCE, f"it ends within {PATIENCE:.0f} s")
            if operation.get("waitingFor", told) != told:
                told = operation["waitingFor"]
                self.say(self._paint("2", f"  … {time.monotonic() - began:4.1f} s  {told}"))
            operation = self._run(command).body["operation"]
        self._outcome(operation, time.monotonic() - began)
        return operation

    def expect(self, true: bool, what: str) -> None:
        """Tell that something is as it should be; StoryError names the step when it is not."""
        self.require(true, what)
        self.say(f"  {self._paint('32', '✓')} {what}")

    def require(self, true: bool, what: str) -> None:
        """Go on without a word if something is as it should be."""
        if not true:
            raise StoryError(f"step {self._step}: expected that {what}")

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print rows in columns; the last column is cut to the width of the page."""
        lines = [head, *rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
        for line in lines:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.say("  " + "  ".join(cells).rstrip())

    def _curl(self, command: list[str]) -> Answer:
        self._show(command)
        answer = self._run(command)
        self.say(f"{answer.status} {_short(answer.body)}")
        return answer

    def _run(self, command: list[str]) -> Answer:
        words = [self._expand(word) for word in command]
        done = subprocess.run(  # noqa: S603 - curl with words of ours, no shell
            [*words, "-w", "\n%{http_code}"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise StoryError(f"step {self._step}: curl failed: {done.stderr.strip()}")
        text, _, status = done.stdout.rpartition("\n")
        try:
            return Answer(int(status), json.loads(text))
        except ValueError as error:
            raise StoryError(f"step {self._step}: the answer is not JSON: {text[:300]}") from error

    def _expand(self, word: str) -> str:
        for name in ("API_URL", "AWS_ENDPOINT_URL"):
            if word.startswith(f"${name}"):
                return self._cloud.environment[name] + word.removeprefix(f"${name}")
        return word

    def _show(self, command: Sequence[str]) -> None:
        self.say(self._paint("36", f"$ {' '.join(map(_quoted, command))}"))

    def _outcome(self, operation: Mapping[str, Any], seconds: float) -> None:
        self.say(f"  {operation['kind']} {operation['status']} after {seconds:.1f} s")
        for reason in operation.get("reasons", []):
            self.say(f"    {reason}")

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def _quoted(word: str) -> str:
    return f'"{word}"' if word.startswith("$") else shlex.quote(word)


def _short(body: Any) -> str:
    """Return an answer as one line, without what a reader of the story does not need."""
    if isinstance(body, dict) and isinstance(body.get("operation"), dict):
        named = {key: body["operation"][key] for key in ("id", "kind", "status")}
        body = {**body, "operation": named}
    if isinstance(body, dict) and len(body.get("events", [])) > 1:
        body = {**body, "events": [body["events"][0], "..."]}
    return json.dumps(body)
