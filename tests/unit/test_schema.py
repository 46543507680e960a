"""Declarations: empty values, defaults, and the values that they make."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from devops_core.errors import InvalidRequestError
from devops_core.requests import schema
from devops_core.requests.create import CREATE, CreateRequest
from devops_core.requests.delete import DELETE, DeleteRequest
from devops_core.requests.deploy import DEPLOY, DeployRequest
from devops_core.requests.promote import PROMOTE, PromoteRequest
from devops_core.requests.reads import EVENTS, OPERATIONS, STACK, STACKS
from devops_core.requests.swap import SWAP, SwapRequest
from tests.unit.test_requests_create import GOOD

NAMED = {"applicationName": "MyApp"}
BODIES: list[tuple[schema.Object[Any], dict[str, Any]]] = [
    (CREATE, GOOD),
    (DEPLOY, NAMED | {"environment": ["dev"], "version": "1"}),
    (PROMOTE, NAMED),
    (SWAP, NAMED),
    (DELETE, {"stack": "MyApp"}),
]
QUERIES: list[schema.Object[Any]] = [STACKS, STACK, OPERATIONS, EVENTS]


def places(declared: schema.Object[Any], prefix: str = "") -> Iterator[str]:
    """Yield every declared member, those of objects in objects included."""
    for name, member in declared.members.items():
        yield f"{prefix}{name}"
        if isinstance(member.type, schema.Object):
            yield from places(member.type, f"{prefix}{name}.")


FIELDS = [(declared, good, place) for declared, good in BODIES for place in places(declared)]
PARAMETERS = [(declared, place) for declared in QUERIES for place in places(declared)]


def put(body: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """Return a body with a value at a place."""
    changed = copy.deepcopy(body)
    *way, last = place.split(".")
    at = changed
    for step in way:
        at = at.setdefault(step, {})
    at[last] = value
    return changed


def faults(declared: schema.Object[Any], body: Any) -> list[str]:
    with pytest.raises(InvalidRequestError) as caught:
        declared.parse(body)
    return [error["field"] for error in caught.value.details["errors"]]


@pytest.mark.parametrize(
    ("declared", "good", "place"), FIELDS, ids=[f"{each[0].name}-{each[2]}" for each in FIELDS]
)
def test_an_empty_or_null_value_is_never_a_missing_one(
    declared: schema.Object[Any], good: dict[str, Any], place: str
) -> None:
    assert faults(declared, put(good, place, None)) == [place]
    if (declared, place) == (CREATE, "description"):
        assert CREATE.parse(put(good, place, "")).description == ""
    else:
        assert faults(declared, put(good, place, "")) == [place]


@pytest.mark.parametrize(
    ("declared", "place"), PARAMETERS, ids=[f"{each[0].name}-{each[1]}" for each in PARAMETERS]
)
def test_an_empty_parameter_is_never_a_missing_one(
    declared: schema.Object[Any], place: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        declared.parse_query({place: ""})
    assert [error["field"] for error in caught.value.details["errors"]] == [place]


def test_an_environment_variable_can_be_empty_and_a_tag_cannot() -> None:
    variables = CREATE.parse(put(GOOD, "service.environment.A", "")).service.environment
    assert variables == {"A": ""}
    assert faults(CREATE, put(GOOD, "tags.cost", "")) == ["tags.cost"]
    assert faults(CREATE, put(GOOD, "service.secrets.A", "")) == ["service.secrets.A"]


@pytest.mark.parametrize(
    ("declared", "request_class"),
    [
        (CREATE, CreateRequest),
        (DEPLOY, DeployRequest),
        (PROMOTE, PromoteRequest),
        (SWAP, SwapRequest),
        (DELETE, DeleteRequest),
    ],
    ids=lambda each: str(each)[:20],
)
def test_the_members_are_the_fields_of_the_request(
    declared: schema.Object[Any], request_class: Any
) -> None:
    attributes = {member.attribute or name for name, member in declared.members.items()}
    assert attributes == set(request_class._fields)
    assert declared.make is request_class


def test_the_defaults_are_valid_values() -> None:
    for declared, good in BODIES:
        for place in places(declared):
            *way, last = place.split(".")
            at: Any = declared
            for step in way:
                at = at.members[step].type
            default = at.members[last].default
            if default is not None:
                assert declared.parse(put(good, place, default)) == declared.parse(good)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), ("100", 100), ("01", None), ("+1", None), ("1.0", None), (" 1", None), ("٣", None),
     ("-1", None), ("9" * 5000, None)],
    ids=lambda each: str(each)[:10],
)  # fmt: skip
def test_a_number_of_a_query_is_written_as_in_json(text: str, number: int | None) -> None:
    try:
        assert OPERATIONS.parse_query({"limit": text}).limit == number
    except InvalidRequestError:
        assert number is None


def test_a_request_shares_nothing_with_the_declaration() -> None:
    first, second = CREATE.parse(GOOD), CREATE.parse(GOOD)
    assert first == second
    assert first.service.environment is not second.service.environment
