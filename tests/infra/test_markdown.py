"""The pages as a whole: links, signed calls, length."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.lab import markdown
from tests.lab.templates import ROOT

TEXTS = {path: path.read_text() for path in markdown.PAGES}
LINKS = [(path, target) for path, text in TEXTS.items() for target in markdown.internal_links(text)]
# The documentation for users. docs/api.md is generated and can have any length. The pages of the
# top folder are for contributors, except README.md.
LONGEST = 46_050
COUNTED = [
    path
    for path in TEXTS
    if path == ROOT / "README.md" or (path.is_relative_to(ROOT / "docs") and path.name != "api.md")
]
# Files that cite a page by its path, for example in a comment.
CITING = [
    path
    for pattern in (
        "Makefile", "*.yml", "*.toml", "*.txt", "docs/openapi.yml", "cloudformation/*",
        "serverless/*", "devops_cli/**/*.py", "devops_core/**/*.py", "handlers/*.py",
        "tests/**/*.py", "tools/**/*.py",
    )
    for path in sorted(ROOT.glob(pattern))
    if path.is_file() and path != Path(__file__)
]  # fmt: skip
_CITATION = re.compile(r"(?<![\w/.{}])docs/[\w/.-]+\.md(?:#[\w-]+)?")


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_all_pages_are_found() -> None:
    names = {named(path) for path in TEXTS}
    assert {"README.md", "CONTRIBUTING.md", "docs/ci/README.md", "tests/README.md"} <= names
    assert len(LINKS) > 100


@pytest.mark.parametrize("page", TEXTS, ids=named)
def test_every_internal_link_resolves(page: Path) -> None:
    found = {target: markdown.problem_of_link(page, target) for at, target in LINKS if at == page}
    assert {target: problem for target, problem in found.items() if problem} == {}


def test_every_page_that_a_file_cites_exists() -> None:
    missing = [
        f"{named(path)}: {citation}"
        for path in CITING
        for citation in _CITATION.findall(path.read_text())
        if markdown.problem_of_link(ROOT / "README.md", citation)
    ]
    assert missing == []


@pytest.mark.parametrize("name", ["docs/architecture.md", "CONTRIBUTING.md", "tests/README.md"])
def test_every_path_on_a_page_for_developers_exists(name: str) -> None:
    text = TEXTS[ROOT / name]
    assert markdown.repository_paths(text)
    assert markdown.missing_paths(text) == []


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("`devops_core/kinds/swap.py`", []),
        ("`devops_core/kinds`, `tools/laptop/`", []),
        ("`pytest -q tests/unit/test_errors.py::test_text`", []),
        ("`make test ARGS=tests/infra`", []),
        ("`devops_core/kinds/<kind>.py`, `tools/*/requirements.txt`", []),
        ("`POST /stacks/deploy`, `python.org/a`, devops_core/nothing.py", []),
        ("`devops_core/kinds/nothing.py`", ["devops_core/kinds/nothing.py"]),
        ("`kinds/swap.py`", ["kinds/swap.py"]),
        ("`tests/nothing`, `engine/`", ["tests/nothing", "engine/"]),
        ("`pytest -q tests/unit/test_nothing.py::test_text`", ["tests/unit/test_nothing.py"]),
        ("`make test ARGS=tests/nothing`", ["tests/nothing"]),
    ],
)
def test_a_path_that_does_not_exist_is_found(code: str, missing: list[str]) -> None:
    assert markdown.missing_paths(f"Change {code}.") == missing


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("docs/install.md", None),
        ("docs/install.md#parameters", None),
        ("docs/nothing.md", "there is no docs/nothing.md"),
        ("docs/install.md#nothing", "docs/install.md has no heading #nothing"),
        ("../README.md", "there is no ../README.md"),
    ],
)
def test_a_broken_link_is_found(target: str, problem: str | None) -> None:
    assert markdown.problem_of_link(ROOT / "README.md", target) == problem


def test_anchors_and_links_are_those_of_code_hosts() -> None:
    text = "# `GET` it: *now*\n\n## Twice\n\n## Twice\n\n```\n# no heading, [no](link)\n```\n"
    assert markdown.anchors(text) == {"get-it-now", "twice", "twice-1"}
    links = f"{text}[`a`](b.md#c) ![d](e.svg) [f](https://example.com) `[g](h)` [i](#j)"
    assert markdown.internal_links(links) == ["b.md#c", "e.svg", "#j"]


@pytest.mark.parametrize("page", TEXTS, ids=named)
def test_every_documented_query_can_be_signed_by_old_versions_of_curl(page: Path) -> None:
    """All calls: on AWS each one is signed, by options of curl or by a function of that name."""
    commands = markdown.curl_commands(TEXTS[page])
    assert [problem for each in commands if (problem := markdown.problem_of_query(each))] == []


def test_queries_are_documented() -> None:
    commands = [each for text in TEXTS.values() for each in markdown.curl_commands(text)]
    assert any("--aws-sigv4" in each for each in commands)
    assert sum("?" in each for each in commands) > 5


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("limit=1&operation=$OPERATION", None),
        ("team=a%20b&version=1.0", None),
        ("operation=$OPERATION&limit=1", "not sorted: operation=$OPERATION&limit=1"),
        ("team=a+b", "not encoded: team=a+b"),
        ("team=a b", "not encoded: team=a b"),
        ("team=a/b&version=1:2", "not encoded: team=a/b, version=1:2"),
        ("team=a%2fb", "not encoded: team=a%2fb"),
        ("dryRun", "not encoded: dryRun"),
    ],
)
def test_a_query_that_cannot_be_signed_is_found(query: str, problem: str | None) -> None:
    page = f'```sh\n$ curl -sS \\\n    "$API_URL/stacks?{query}" -d "a?b c"\n```\n'
    (command,) = markdown.curl_commands(page)
    assert markdown.problem_of_query(command) == problem


def test_lines_of_tables_are_no_words() -> None:
    assert markdown.words("| a page | 1,100 |\n| --- | ---: |\n\n```sh\nmake test\n```\n") == 6


def test_the_documentation_has_a_limited_length() -> None:
    counts = {named(path): markdown.words(TEXTS[path]) for path in COUNTED}
    for name, count in sorted(counts.items(), key=lambda each: -each[1]):
        print(f"{count:6,} {name}")
    print(f"{sum(counts.values()):6,} in total, at most {LONGEST:,}")
    assert sum(counts.values()) <= LONGEST
