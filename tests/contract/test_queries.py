"""The contract accepts the same values of query parameters as the code, and no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from devops_core.errors import InvalidRequestError
from devops_core.requests.reads import LONGEST_PAGE
from tests.lab import values
from tools.contract.conformance import validator
from tools.contract.document import Node, operation
from tools.contract.schemas import QUERIES

_PARSERS: Mapping[str, Callable[[Mapping[str, str]], object]] = {
    called: declared.parse_query for called, declared in QUERIES.items()
}
_TIMES = [
    "2026-01-31T12:00:00Z", "2026-01-31t12:00:00.123456789z", "2026-01-31T12:00:00+02:00",
    "2026-01-31", "2026-01-31T12:00:00", "2026-01-31T12:00Z", "2026-02-30T12:00:00Z",
    "20260131T120000Z", "\uff12026-01-31T12:00:00Z",
    "2026-01-31T25:00:00Z", "2026-01-31 12:00:00Z", "yesterday", "2026-01-31T12:00:00 Z",
]  # fmt: skip
_VALUES: Mapping[str, list[str]] = {
    "team": [text for text in values.TAG_VALUES if isinstance(text, str)],
    "environment": ["dev", "prod-green", "prod-blue", "DEV", "PROD-GREEN", "prod", ""],
    "version": [text for text in values.VERSIONS if isinstance(text, str)],
    "status": ["ACTIVE", "CREATING", "DELETE_FAILED", "STACK_DELETED", "active", "IN_PROGRESS"],
    "limit": ["1", "50", "100", "0", "101", "-1", "1000", "9999", "1.5", "ten", "", " 1", "+1"],
    "nextToken": ["YmFza2V0", "YWI=", "", "?", "a b", "x" * 401],
    "live": ["true", "false", "True", "1", ""],
    "since": _TIMES,
    "until": _TIMES,
    "operation": ["01JN8EY4M00000000000000009", "01jn8ey4m00000000000000009", "17", ""],
}
_EACH = [
    (called, parameter)
    for called in _PARSERS
    for parameter in operation(called).parameters
    if parameter["in"] == "query"
]


def parses(called: str, query: Mapping[str, str]) -> bool:
    try:
        _PARSERS[called](query)
    except InvalidRequestError:
        return False
    return True


def typed(schema: Node, text: str) -> Any:
    """Return the value of a query's text in the schema of its parameter."""
    if schema.get("type") == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if schema.get("type") != "integer":
        return text
    return int(text) if text.removeprefix("-").isdecimal() and text.isascii() else text


@pytest.mark.parametrize(("called", "parameter"), _EACH, ids=lambda each: str(each)[:25])
def test_a_parameter_takes_the_same_values(called: str, parameter: Node) -> None:
    name, check = parameter["name"], validator(parameter["schema"])
    judged = set()
    for value in _VALUES[name]:
        told = check.is_valid(typed(parameter["schema"], value))
        assert told == parses(called, {name: value}), f"the contract says {told}: {name}={value}"
        judged.add(told)
    assert judged == {True, False}


@pytest.mark.parametrize("called", QUERIES)
def test_the_parameters_are_the_declared_ones(called: str) -> None:
    in_query = [each for each in operation(called).parameters if each["in"] == "query"]
    assert [each["name"] for each in in_query] == list(QUERIES[called].members)


@pytest.mark.parametrize("called", _PARSERS)
def test_nothing_is_required_and_what_is_not_known_is_refused(called: str) -> None:
    assert not any(
        each.get("required") for each in operation(called).parameters if each["in"] != "path"
    )
    assert parses(called, {})
    assert not parses(called, {"colour": "red"})


@pytest.mark.parametrize("called", _PARSERS)
def test_the_usual_values_are_told(called: str) -> None:
    told = {each["name"]: each["schema"].get("default") for _, each in _EACH if _ == called}
    parsed: Any = _PARSERS[called]({})
    if "limit" in told:
        page = getattr(parsed, "page", parsed)
        assert (told["limit"], page.after) == (page.limit, None)
    if "live" in told:
        assert told["live"] == parsed.live


def test_the_longest_page_is_told() -> None:
    (limit,) = (
        each for called, each in _EACH if called == "listEvents" and each["name"] == "limit"
    )
    assert limit["schema"]["maximum"] == LONGEST_PAGE
