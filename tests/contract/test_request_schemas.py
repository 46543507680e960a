"""The contract accepts the same request bodies as the code, and no others."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devops_core.errors import InvalidRequestError
from devops_core.requests import create, delete, deploy, promote, swap
from tests.lab import values
from tools.contract.conformance import validator
from tools.contract.document import Node, document, operation

CREATE, DEPLOY, PROMOTE, SWAP, DELETE = (
    "createApplication", "deploy", "promote", "swap", "deleteApplication",
)  # fmt: skip
_PARSERS: dict[str, Callable[[Any], object]] = {
    CREATE: create.CREATE.parse,
    DEPLOY: deploy.DEPLOY.parse,
    PROMOTE: promote.PROMOTE.parse,
    SWAP: swap.SWAP.parse,
    DELETE: delete.DELETE.parse,
}
_GOOD: dict[str, Node] = {
    CREATE: {
        "applicationName": "Shop",
        "description": "x",
        "email": "a@example.com",
        "environments": {"nonProd": ["dev"], "training": True, "da": False},
        "tags": {"technicalTeam": "payments", "cost": "1"},
        "service": {
            "containerPort": 80,
            "healthCheckPath": "/health",
            "cpu": 256,
            "memory": 512,
            "desiredCount": 1,
            "environment": {"LOG": "a"},
            "secrets": {"TOKEN": "arn:aws:ssm:eu-west-1:123456789012:parameter/b"},
            "warmup": ["/"],
        },
    },
    DEPLOY: {
        "applicationName": "Shop", "environment": ["dev"], "version": "1", "repouri": "nginx"
    },
    PROMOTE: {"applicationName": "Shop", "environment": "dev"},
    SWAP: {"applicationName": "Shop", "version": "1"},
    DELETE: {"stack": "Shop"},
}  # fmt: skip
# Of every field, values at its limits. The last step "*" stands for the key of a member.
_FIELDS: list[tuple[str, str, list[Any]]] = [
    (CREATE, "applicationName", values.NAMES),
    (CREATE, "description", values.TEXTS),
    (CREATE, "email", values.EMAILS),
    (CREATE, "environments", []),
    (CREATE, "environments.nonProd", values.ENVIRONMENTS),
    (CREATE, "environments.training", []),
    (CREATE, "environments.da", []),
    (CREATE, "tags", [{"technicalTeam": "x"}]),
    (CREATE, "tags.technicalTeam", values.TAG_VALUES),
    (CREATE, "tags.cost", values.TAG_VALUES),
    (CREATE, "tags.*", values.TAG_KEYS),
    (CREATE, "service", []),
    (CREATE, "service.containerPort", values.PORTS),
    (CREATE, "service.healthCheckPath", values.PATHS),
    (CREATE, "service.cpu", [0, 128, 255, 256, 1.5, "256"]),
    (CREATE, "service.memory", [512, 1.5, "512"]),
    (CREATE, "service.desiredCount", values.COUNTS),
    (CREATE, "service.environment", []),
    (CREATE, "service.environment.LOG", values.LONG_TEXTS),
    (CREATE, "service.environment.*", values.VARIABLES),
    (CREATE, "service.secrets", []),
    (CREATE, "service.secrets.TOKEN", values.SECRETS),
    (CREATE, "service.secrets.*", values.VARIABLES),
    (CREATE, "service.warmup", [*values.WARMUPS, *([page] for page in values.PAGES)]),
    (DEPLOY, "applicationName", values.NAMES),
    (DEPLOY, "environment", values.ENVIRONMENTS),
    (DEPLOY, "version", values.VERSIONS),
    (DEPLOY, "repouri", values.IMAGES),
    (PROMOTE, "applicationName", values.NAMES),
    (PROMOTE, "environment", values.ENVIRONMENT),
    (SWAP, "applicationName", values.NAMES),
    (SWAP, "version", values.VERSIONS),
    (DELETE, "stack", values.NAMES),
]


def parses(called: str, body: Any) -> bool:
    try:
        _PARSERS[called](body)
    except InvalidRequestError:
        return False
    return True


_VALIDATORS = {called: validator((operation(called).body or {})["schema"]) for called in _PARSERS}


def hold_equal(called: str, body: Any) -> bool:
    """Hold that code and contract judge a body alike; return how."""
    told = _VALIDATORS[called].is_valid(body)
    assert told == parses(called, body), f"the contract says {told}: {body}"
    return told


def changed(called: str, path: str, value: Any) -> Node:
    """Return a good body with another value at a place, or another key of a member."""
    body = copy.deepcopy(_GOOD[called])
    *way, last = path.split(".")
    at = body
    for step in way:
        at = at[step]
    if last == "*":
        _, some = at.popitem()
        at[value] = some
    else:
        at[last] = value
    return body


def near(told: list[Any]) -> st.SearchStrategy[str]:
    """Return texts that differ from some value in one place, and others."""
    texts = [value for value in told if isinstance(value, str)] or ["x"]
    character = st.sampled_from(values.CHARACTERS)

    def put(text: str, at: int, one: str, instead: bool) -> str:
        at %= len(text) + 1
        return text[:at] + one + text[at + instead :]

    edited = st.builds(put, st.sampled_from(texts), st.integers(0, 300), character, st.booleans())
    return edited | st.text(character, max_size=8)


_EACH = pytest.mark.parametrize(
    ("called", "path", "told"), _FIELDS, ids=lambda each: str(each)[:30]
)


@_EACH
def test_a_field_takes_the_same_values(called: str, path: str, told: list[Any]) -> None:
    further = [] if path.endswith("*") else values.WRONG
    judged = {hold_equal(called, changed(called, path, value)) for value in [*told, *further]}
    assert judged == {True, False}


@_EACH
def test_a_field_takes_the_same_texts(called: str, path: str, told: list[Any]) -> None:
    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    @given(near(told))
    def hold(value: str) -> None:
        hold_equal(called, changed(called, path, value))

    hold()


@pytest.mark.parametrize("called", _GOOD)
def test_the_same_fields_are_required_and_known(called: str) -> None:
    good = _GOOD[called]
    assert hold_equal(called, good)
    for name in good:
        hold_equal(called, {key: value for key, value in good.items() if key != name})
    for unknown in ("colour", "", "applicationname", "Stack"):
        assert not hold_equal(called, good | {unknown: 1})
    for body in values.WRONG:
        assert not hold_equal(called, body)


def test_every_field_is_looked_at() -> None:
    for called, good in _GOOD.items():
        looked = {path.split(".")[0] for operation_id, path, _ in _FIELDS if operation_id == called}
        assert looked == set(good) == set(_properties(called))
    of_service = {path.split(".")[1] for _, path, _ in _FIELDS if path.startswith("service.")}
    assert of_service == set(document()["components"]["schemas"]["Service"]["properties"])


def _properties(called: str) -> Iterable[str]:
    name = (operation(called).body or {})["schema"]["$ref"].rpartition("/")[2]
    found: Node = document()["components"]["schemas"][name]["properties"]
    return found


def test_every_size_of_fargate_is_in_the_contract_and_no_other() -> None:
    offered = {size for sizes in create.FARGATE_SIZES.values() for size in sizes}
    amounts = [*sorted(offered | {0, 511, 513, 1025, 1536, 9215, 31744, 65536, 131072}), None]
    sizes = itertools.product([*create.FARGATE_SIZES, 0, 3072, None], amounts)
    for cpu, memory in sizes:
        service = {"cpu": cpu, "memory": memory}
        given_ = {name: value for name, value in service.items() if value is not None}
        hold_equal(CREATE, changed(CREATE, "service", given_))


def test_the_sizes_of_fargate_are_also_in_words() -> None:
    """Generators ignore the rule of the schema."""
    assert "for 512: 1024 to 4096 in steps of 1024" in _words()


@pytest.mark.parametrize("count", [create.MAX_TAGS, create.MAX_TAGS + 1])
def test_as_many_tags_as_the_code_takes(count: int) -> None:
    tags = {"technicalTeam": "payments"} | {f"tag{n}": "x" for n in range(count - 1)}
    assert hold_equal(CREATE, changed(CREATE, "tags", tags)) == (count == create.MAX_TAGS)


@settings(
    max_examples=300, deadline=None, database=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
@given(
    st.sampled_from(sorted(_GOOD)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.sampled_from(values.CHARACTERS)),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["service", "tags", "cpu", "A", "a b"]), inner)
        ),
    ),
)
def test_any_json_is_judged_alike(called: str, body: Any) -> None:
    hold_equal(called, body)


@pytest.mark.parametrize(
    ("called", "path", "value", "rule"),
    [
        (
            CREATE,
            "tags",
            {"technicalTeam": "x", "Cost": "1", "cost": "2"},
            "differ in more than upper and lower case",
        ),
        (
            CREATE,
            "service",
            {"environment": {"A": "a"}, "secrets": {"A": values.SECRETS[2]}},
            "must not also be in `environment`",
        ),
        (CREATE, "service", {"desiredCount": 1.0}, "without a fraction"),
        (DEPLOY, "repouri", "a" * 254, "including the tag"),
    ],
)
def test_what_a_schema_cannot_say_is_said_in_words(
    called: str, path: str, value: Any, rule: str
) -> None:
    body = changed(called, path, value)
    assert _VALIDATORS[called].is_valid(body)
    assert not parses(called, body)
    assert rule in _words()


def test_secrets_of_another_account_are_excluded_in_words() -> None:
    create.CREATE.parse(_GOOD[CREATE], account="123456789012")
    with pytest.raises(InvalidRequestError):
        create.CREATE.parse(_GOOD[CREATE], account="000000000000")
    assert "in this account" in _words()


def _words() -> str:
    said = [document()["info"]["description"]]
    for schema in document()["components"]["schemas"].values():
        members = schema.get("properties", {}).values()
        said += [each.get("description", "") for each in (schema, *members)]
    return " ".join(" ".join(said).split())
