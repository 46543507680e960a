"""Arbitrary responses never cause a traceback, and never control the terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import Result

from devops_cli.exits import Exit
from tests.cli.hostile import (
    ANSWERS,
    CONTROLS,
    LAST,
    LONG_AGO,
    Answer,
    encoded,
    raw_answers,
)
from tests.lab.prepared_service import OPERATION, operation, run, stack
from tests.lab.raw_server import raw_server

CHECKED = settings(
    max_examples=200, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
LIMIT = "--timeout=20s"
DEPLOY = ("deploy", "Shop", "--env=dev", "--version=1.1")
WRITES = (
    ("create", "Shop", "--team=a", "--email=a@example.com", LIMIT),
    (*DEPLOY, LIMIT),
    (*DEPLOY, "--json", LIMIT),
    (*DEPLOY, "--no-wait"),
    ("promote", "Shop", LIMIT),
    ("swap", "Shop", "--version=1.1", LIMIT),
    ("delete", "Shop", "--yes", LIMIT),
    ("abort", "Shop", OPERATION, LIMIT),
)
READS = (
    ("abort", "Shop", LIMIT),
    (*DEPLOY, "--dry-run"),
    ("wait", "Shop", LIMIT),
    ("wait", "Shop", OPERATION, LIMIT),
    ("wait", "Shop", OPERATION, "--json", LIMIT),
    ("status", "Shop"),
    ("set", "Shop", "environment.A=1", "--env=dev", LIMIT),
    ("spec", "Shop"),
    ("spec", "Shop", "--effective=dev"),
    ("swap", "Shop", "--back", LIMIT),
    ("status", "Shop", "--json"),
    ("status", "Shop", OPERATION),
    ("ls",),
    ("events", "Shop", "--limit=5"),
)
# The result of an operation that has ended: for people, and with --json.
_OUTCOME = re.compile(
    r"^.* of .* (?:FAILED|SUCCEEDED).*  \S|\"status\": *\"(?:FAILED|SUCCEEDED)", re.MULTILINE
)
# The codes of colours and of the display of the progress.
_OWN_CODES = re.compile(r"\x1b\[(?:[0-9;]*m|1A|2K|\?25[lh])|\r")


class Hostile:
    """A service with given responses, in turn; the last one is repeated."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._answers = list(answers)
        self.count = 0

    def __call__(self, _: httpx.Request) -> httpx.Response:
        self.count += 1
        return self._answers[min(self.count, len(self._answers)) - 1].response()


def check(result: Result, *, terminal: bool = False) -> None:
    """Check the exit code, the message and the characters of a command."""
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in list(Exit)
    out, err = result.stdout, result.stderr
    if terminal:
        out, err = _OWN_CODES.sub("", out), _OWN_CODES.sub("", err)
    if result.exit_code != Exit.SUCCEEDED and not _OUTCOME.search(out):
        assert re.search(r"^Error: .*\w", err, re.MULTILINE), err
    shown = out + err
    controls = {each for each in shown if unicodedata.category(each) in {"Cc", "Cf", "Cs", "Zl"}}
    assert controls <= {"\n"}


@CHECKED
@given(st.sampled_from((*WRITES, *READS)), st.lists(ANSWERS, min_size=1, max_size=3))
def test_any_response_ends_with_a_message_and_an_exit_code(
    arguments: tuple[str, ...], answers: list[Answer]
) -> None:
    check(run(Hostile(answers), *arguments))


@CHECKED
@given(st.sampled_from((*WRITES, *READS)), st.lists(ANSWERS, min_size=1, max_size=3))
def test_no_response_controls_a_terminal(arguments: tuple[str, ...], answers: list[Answer]) -> None:
    arguments = tuple(each for each in arguments if each != "--json")
    check(run(Hostile(answers), *arguments, width=80), terminal=True)


@CHECKED
@given(st.sampled_from(WRITES), ANSWERS, st.lists(ANSWERS, max_size=2))
def test_after_an_accepted_write_the_message_names_the_operation_or_the_key(
    arguments: tuple[str, ...], answer: Answer, later: list[Answer]
) -> None:
    accepted = answer._replace(status=202)
    result = run(Hostile([accepted, *later]), *arguments)
    check(result)
    if result.exit_code != Exit.SUCCEEDED:
        output = result.stdout + result.stderr
        assert re.search(r"--idempotency-key \S|devops wait \S", output) or _OUTCOME.search(output)


@CHECKED
@given(st.sampled_from((*WRITES, *READS)), st.lists(raw_answers(), min_size=1, max_size=2))
def test_any_bytes_of_a_server_end_with_a_message_and_an_exit_code(
    arguments: tuple[str, ...], answers: list[bytes]
) -> None:
    given_bytes = iter([*answers, *[answers[-1]] * 1000])
    with raw_server(lambda: next(given_bytes)) as port:
        environment = {"DEVOPS_API": f"http://127.0.0.1:{port}/dev"}
        check(run(None, *arguments, environment=environment))


DEEP = b"[" * 900 + b"]" * 900


@pytest.mark.parametrize(
    ("arguments", "headers", "members"),
    [
        (DEPLOY, {"Location": "https:"}, {}),
        (DEPLOY, {"Date": ", ".join(2 * ["Sat, 31 Jan 2026 12:00:00 GMT"])}, {}),
        (DEPLOY, {}, {"applicationName": "\ud800"}),
        (DEPLOY, {}, {"id": ["1"]}),
        (DEPLOY, {}, {"status": {}}),
        (DEPLOY, {}, {"status": "SUCCEEDED", "took": {"untilEnded": "?"}}),
        (("status", "Shop", OPERATION), {}, {"endedAt": LONG_AGO}),
        (("status", "Shop", OPERATION), {}, {"switchedAt": LAST}),
        (("status", "Shop", OPERATION), {}, {"reasons": ["deep"]}),
        (("status", "Shop", OPERATION), {}, {"waitingFor": ["deep"]}),
    ],
)
def test_a_response_that_the_contract_does_not_allow_causes_no_traceback(
    arguments: tuple[str, ...], headers: dict[str, str], members: dict[str, Any]
) -> None:
    content = encoded({"operation": operation(**members)})
    content = content.replace(b'"?"', b"1e999").replace(b'"deep"', DEEP)
    answer = Answer(301 if "Location" in headers else 200, tuple(
        (name.encode(), value.encode()) for name, value in headers.items()
    ), content)  # fmt: skip
    check(run(Hostile([answer]), *arguments))


@pytest.mark.parametrize("status", [200, 202, 307, 408, 500, 502, 503, 504])
def test_without_a_readable_response_to_a_write_the_message_names_the_key(status: int) -> None:
    for content in (b"", b"<html>", b"{}", b'{"operation": {"id": "1"}}', b'{"operation": {"id'):
        result = run(Hostile([Answer(status, (), content)]), *DEPLOY)
        assert result.exit_code == Exit.FAILED
        assert re.search(r"may have accepted .*\n.* --idempotency-key [0-9a-f-]{36}", result.stderr)


@pytest.mark.parametrize(("status", "code"), [(400, 2), (403, 4), (409, 3), (429, 1), (502, 1)])
def test_a_refused_write_was_not_accepted(status: int, code: int) -> None:
    content = b'{"errorMessage": "no", "code": "REFUSED"}'
    result = run(Hostile([Answer(status, (), content)]), *DEPLOY)
    assert result.exit_code == code
    assert "may have accepted" not in result.stderr


def test_characters_that_the_output_cannot_encode_are_replaced() -> None:
    body = encoded({"stack": stack() | {"description": "\u2603"}})
    content = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    with raw_server(lambda: content) as port:
        done = subprocess.run(
            [sys.executable, "-m", "devops_cli.main", "status", "Shop"],
            env={
                "DEVOPS_API": f"http://127.0.0.1:{port}/dev",
                "DEVOPS_CONFIG": "/nowhere",
                "PYTHONIOENCODING": "ascii",
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            },
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "team@example.com, ?\n" in done.stdout


@pytest.mark.parametrize("control", CONTROLS)
def test_json_has_no_control_characters(control: str) -> None:
    body = {"stack": {"applicationName": "Shop", "description": control}}
    result = run(Hostile([Answer(200, (), encoded(body))]), "status", "Shop", "--json")
    check(result)
    if result.exit_code == Exit.SUCCEEDED:
        assert json.loads(result.stdout) == body
