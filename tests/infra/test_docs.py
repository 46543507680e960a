"""The pages against the code: contents, routes, fields, errors, parameters, numbers."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from math import prod

import pytest

from devops_core import errors
from devops_core.engine import telemetry as metrics
from devops_core.http.request import MAX_BODY_BYTES, MAX_WAIT_SECONDS
from devops_core.model.operation import GRACE, LEASE
from tests.lab import emf
from tests.lab.kinds import KINDS, RULES
from tests.lab.markdown import internal_links, top_headings
from tests.lab.planted import in_adapters, in_engine, in_life, in_races, in_scaling, in_swaps
from tests.lab.surface import routes, subclasses
from tests.lab.templates import ROOT
from tools.contract import places

PAGES = {
    str(path.relative_to(ROOT / "docs")): path.read_text()
    for path in sorted((ROOT / "docs").rglob("*.md"))
}
TEXTS = {name: (ROOT / name).read_text() for name in ("README.md", "CHANGELOG.md")}
ENDPOINTS = {
    "createstack.md": "CreateRequest",
    "deploytononprod.md": "DeployRequest",
    "deploytoprodblue.md": "PromoteRequest",
    "swapbluegreen.md": "SwapRequest",
    "deletestack.md": "DeleteRequest",
}
SECTIONS = (
    "Shortest call", "Request", "Steps in AWS", "Result", "Errors", "Roll back", "Related pages",
)  # fmt: skip

_OPTIONAL = re.compile(r"#([a-z0-9]+): (.*)")


def rows(text: str, heading: str) -> Iterator[list[str]]:
    """Return the cells of the tables below a heading, without their head and rule."""
    section = re.split(r"^#+ ", text.partition(f"# {heading}\n")[2], flags=re.MULTILINE)[0]
    for table in re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE):
        for line in table.splitlines()[2:]:
            yield [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("name", sorted(PAGES.keys() - {"README.md"}))
def test_the_table_of_contents_of_the_folder_lists_the_page(name: str) -> None:
    """docs/README.md lists each page and the README.md of each folder, which lists the rest."""
    folder, _, file = name.rpartition("/")
    is_inner = folder and file != "README.md"
    contents, link = (f"{folder}/README.md", file) if is_inner else ("README.md", name)
    assert link in internal_links(PAGES[contents])


def test_the_readme_links_to_the_table_of_contents() -> None:
    assert "docs/README.md" in internal_links(TEXTS["README.md"])


@pytest.mark.parametrize("route", routes())
def test_every_route_has_a_page(route: str) -> None:
    pages = [name for name, text in PAGES.items() if f"\n\n`{route}`\n\n" in text]
    assert len(pages) == 1
    told = [line for line in TEXTS["README.md"].splitlines() if f"`{route}`" in line]
    assert any(f"docs/{pages[0]}" in line for line in told)


@pytest.mark.parametrize("page", ENDPOINTS)
def test_the_fields_of_a_page_are_derived(page: str) -> None:
    assert places.names(PAGES[page]) == [f"fields of {ENDPOINTS[page]}"]


@pytest.mark.parametrize("page", PAGES)
def test_each_mark_of_a_derived_text_is_on_its_own_line_and_once_on_the_page(page: str) -> None:
    """`places` does not see a mark in the middle of a line or inside of another derived text."""
    names = places.names(PAGES[page])
    marks = re.findall(r"<!-- derived: (.+?) -->", PAGES[page])
    assert marks == [mark for name in names for mark in (name, "end")]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("page", ENDPOINTS)
def test_a_guide_has_the_sections_of_a_guide_in_order(page: str) -> None:
    headings = top_headings(PAGES[page])
    assert [heading for heading in headings if heading in SECTIONS] == list(SECTIONS)


def test_the_rules_of_all_calls_are_only_on_the_page_of_operations() -> None:
    rule = "1 to 255 printable ASCII characters"
    assert [name for name, text in PAGES.items() if rule in text] == ["operations.md"]
    assert f"The maximum is {MAX_WAIT_SECONDS}" in " ".join(PAGES["operations.md"].split())


def documented() -> set[tuple[int, str]]:
    """Return `(status, code)` of every error in the tables of the pages."""
    told = set()
    for text in PAGES.values():
        for row in rows(text, "Errors"):
            told |= {(int(row[0]), code) for code in re.findall(r"[A-Z_]+", row[1])}
    return told


def test_every_error_is_documented_with_its_status() -> None:
    known = {(each.http_status, each.code) for each in subclasses(errors.DevOpsError)}
    assert known | {(424, "OPERATION_FAILED")} <= documented()
    assert "`UNHEALTHY`" in PAGES["operations.md"]


def test_every_documented_code_exists() -> None:
    source = "".join(path.read_text() for path in (ROOT / "devops_core").rglob("*.py"))
    ours = {code for status, code in documented() if status not in (403, 429, 504)}
    assert ours <= set(re.findall(r'"([A-Z_]+)"', source))


def test_the_parameters_are_those_of_the_file() -> None:
    told = {
        (key, row[1].strip("`") if len(row) == 3 else None)
        for row in rows(PAGES["install.md"], "Parameters")
        for key in re.findall(r"`([a-z0-9]+)`", row[0])
    }
    lines = (ROOT / "parameters.yml").read_text().splitlines()
    required = {(found[1], None) for line in lines if (found := re.match(r"([a-z0-9]+): ", line))}
    # An optional key stands behind a #, with its default.
    optional = {(found[1], found[2]) for line in lines if (found := _OPTIONAL.fullmatch(line))}
    assert len(required) == 13
    assert told == required | optional


def test_the_numbers_are_those_of_the_code() -> None:
    page = PAGES["operations.md"]
    text = " ".join(page.split())
    told = {
        kind: timedelta(minutes=int(row[1].split()[0]))
        for row in rows(page, "Deadlines")
        for kind in row[0].split(", ")
    }
    assert told == {name: rules.limit for name, rules in RULES.items()}
    assert f"ends after at most {LEASE.seconds} seconds" in text
    assert f"fails {GRACE.seconds // 60} minutes after its deadline" in text
    assert f"{MAX_BODY_BYTES // 1024} KiB" in text


def test_the_metrics_are_those_that_are_counted() -> None:
    told = [row for row in rows(PAGES["monitoring.md"], "Metrics") if len(row) == 5]
    assert [(row[0], row[1], row[2]) for row in told] == [
        (f"`{each.name}`", each.unit, ", ".join(f"`{name}`" for name in each.dimensions))
        for each in metrics.ALL
    ]
    sizes = {"Kind": len(KINDS), "Outcome": 2}
    combinations = {
        each.name: prod(map(sizes.__getitem__, each.dimensions)) for each in metrics.ALL
    }
    combinations["OperationDuration"] -= 1  # that of a repair is not counted
    assert f"There are at most {sum(combinations.values())}:" in PAGES["monitoring.md"]


def test_every_message_is_explained_and_printed() -> None:
    told = {row[0].strip("`") for row in rows(PAGES["monitoring.md"], "Log lines") if len(row) == 3}
    source = "".join(path.read_text() for path in (ROOT / "devops_core").rglob("*.py"))
    logged = re.findall(r'\.log\(\s*"([^"]+)"', source)
    measured = re.findall(r'(?:measure|reconcile_failed)\(\s*cloud,\s*"([^"]+)"', source)
    assert told == {*logged, *measured}


def test_the_lines_of_the_page_are_lines_that_cloudwatch_reads() -> None:
    (text,) = re.findall(r"^```json\n(.*?)^```$", PAGES["monitoring.md"], re.MULTILINE | re.DOTALL)
    ended, answered = map(json.loads, text.splitlines())
    assert emf.problems(ended) == []
    assert "_aws" not in answered
    assert {"operation", "applicationName", "caller"} <= ended.keys() & answered.keys()


def test_as_many_bugs_are_planted_as_the_page_says() -> None:
    planted = {
        "matrix": (*in_engine.BUGS, *in_adapters.BUGS, *in_scaling.BUGS, *in_swaps.BUGS),
        "races": in_races.BUGS,
        "state machine": in_life.BUGS,
    }
    page = (ROOT / "tests" / "proofs" / "README.md").read_text()
    for by_whom, some in planted.items():
        assert f"{len(some)} by the {by_whom}" in " ".join(page.split())


def test_the_changelog_and_the_readme_name_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## [{version}]" in TEXTS["CHANGELOG.md"]
    assert f"Version {version}," in TEXTS["README.md"]
