"""docs/api.md, the page that `make reference` generates, is complete."""

from __future__ import annotations

import re

import pytest

from tools.contract import markdown
from tools.contract.document import JSON, codes, operations
from tools.contract.reference import page

TEXT = page()


def test_it_has_every_call_with_every_status_and_code() -> None:
    for call in operations().values():
        section = re.split(r"^## ", TEXT.partition(f"```http\n{call.route}\n```")[2], flags=re.M)[0]
        assert re.findall(r"^\| \[(\d+)\]", section, re.M) == [str(each) for each in call.responses]
        for status, response in call.responses.items():
            if status >= 400:
                told = codes(response["content"][JSON]["schema"])
                assert {code for code in told if f"| `{code}` |" in TEXT} == told


def test_it_has_every_field_and_parameter() -> None:
    told = set(re.findall(r"^\| `([^`]+)` \|", TEXT, re.M))
    assert {"service.warmup", "environments.nonProd", "repouri", "stack", "Prefer"} <= told
    assert {"took.untilEnded", "warmup[].seconds", "errors[].field", "operation.id"} <= told
    assert {"Location", "Retry-After", "Authorization", "x-api-key"} <= told


def test_no_heading_is_there_twice() -> None:
    headings = re.findall(r"^#+ (.+)$", TEXT, re.M)
    assert len(set(headings)) == len(headings)


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert markdown.table(("A",), [("`a|b`",)]).splitlines() == ["| A |", "| --- |", "| `a\\|b` |"]
    assert markdown.table(("A",), []) == ""


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"a": [1, "é"], "b": {}}, '{"a": [1, "é"], "b": {}}'),
        ({"a": "x" * 80, "b": [1]}, '{\n  "a": "' + "x" * 80 + '",\n  "b": [1]\n}'),
        (["x" * 80, {"a": 1}], '[\n  "' + "x" * 80 + '",\n  {"a": 1}\n]'),
        ({"a": ["y" * 90]}, '{\n  "a": [\n    "' + "y" * 90 + '"\n  ]\n}'),
    ],
)
def test_what_fits_on_a_line_is_on_one(value: object, told: str) -> None:
    folded = markdown.folded("with `wait`", value)
    assert folded.startswith("<details><summary>Example: with <code>wait</code></summary>\n\n")
    assert f"```json\n{told}\n```" in folded


def test_an_anchor_is_the_one_that_code_hosts_make() -> None:
    assert markdown.anchor("Ask for the service's health: 200") == "ask-for-the-services-health-200"
