"""The signed calls with curl and the policies for callers in the documentation."""

from __future__ import annotations

import json
import os
import re
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.lab.laptop.api import Api
from tests.lab.laptop.routes import ROUTES
from tools.laptop import callers
from tools.laptop.callers import ADMIN, file_of
from tools.laptop.cloud import ACCOUNT, API_ID, API_STAGE

ROOT = Path(__file__).parents[4]
PAGES = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
_COMMAND = re.compile(r"^\$ (.*(?:\n    .*)*)", re.MULTILINE)
SIGNING = [
    (page, command)
    for page in PAGES
    for command in _COMMAND.findall((ROOT / page).read_text())
    if "--aws-sigv4" in command and ("/health" in command or command.startswith("curl()"))
]
_JSON = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
POLICIES = [
    (page, text)
    for page in PAGES
    for text in _JSON.findall((ROOT / page).read_text())
    if '"execute-api:Invoke"' in text
]
# The API and the stage of the pages.
_EXAMPLE = "abcde12345/dev/"
# The API of the pages: arn:aws:execute-api:eu-west-1:012345678901:abcde12345/dev/...
_API = re.compile(r"\d{12}:[a-z0-9]{10}/dev/")


def test_pages_have_signed_calls() -> None:
    assert {"docs/install.md", "docs/laptop.md"} <= {page for page, _ in SIGNING}


@pytest.mark.parametrize("command", [pytest.param(text, id=page) for page, text in SIGNING])
def test_a_signed_call_of_a_page_succeeds(api: Api, command: str) -> None:
    """Run a command with the environment of a user, without a session token."""
    if command.startswith("curl()"):
        command += '\ncurl -sS "$API_URL/health"'
    environment = file_of(api.cloud.directory, ADMIN)
    done = subprocess.run(  # noqa: S603 - a command of our pages
        ["/bin/sh", "-c", f"set -a; . '{environment}'; {command}"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout) == {"status": "ok"}


def test_pages_have_a_policy_for_a_reader_and_for_a_pipeline() -> None:
    assert [page for page, _ in POLICIES] == ["docs/install.md", "docs/security.md"]


def test_the_policy_of_a_reader_allows_exactly_the_reads() -> None:
    """An application can have the name GET, so that the path of a write can contain `/GET/`."""
    statement = json.loads(POLICIES[0][1])["Statement"][0]
    (allowed,) = [arn.rpartition(":")[2] for arn in statement["Resource"]]
    called = {(m, path) for m, path in ROUTES if fnmatchcase(f"{_EXAMPLE}{m}{path}", allowed)}
    assert called == {(m, path) for m, path in ROUTES if m == "GET"}
    assert not fnmatchcase(f"{_EXAMPLE}DELETE/stacks/GET/operations/1", allowed)


@pytest.mark.parametrize(("page", "text"), POLICIES, ids=[page for page, _ in POLICIES])
def test_a_policy_allows_only_its_routes(api: Api, page: str, text: str) -> None:
    document = json.loads(_API.sub(f"{ACCOUNT}:{API_ID}/{API_STAGE}/", text))
    (statement,) = document["Statement"]
    name = f"reader-of-{Path(page).stem}-{POLICIES.index((page, text))}"
    caller = Api(api.cloud, callers.create_user(api.client("iam"), name, statement))
    allowed = [arn.partition(f"/{API_STAGE}/")[2] for arn in statement["Resource"]]
    answers = {(m, path): caller.call(m, path).body.get("code") for m, path in ROUTES}
    passed = {route for route, code in answers.items() if code != "ACCESS_DENIED"}
    assert passed == {
        (m, path)
        for m, path in ROUTES
        if any(fnmatchcase(m + path, pattern) for pattern in allowed)
    }
    assert passed
