"""The validator, the contract and the command line agree whether a value is valid.

The values are generated from the declarations, and are near the values of the table in
test_request_rules.py.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple
from unicodedata import is_normalized

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.main import get_command

from devops_cli import options, rules
from devops_cli.main import app
from devops_core.naming import EcrRegistry
from devops_core.registries import AllowedRegistries
from devops_core.requests import fields, schema
from devops_core.requests.reads import EVENTS, STACKS
from tests.contract.test_request_rules import (
    ACCOUNT,
    BODIES,
    EVERYWHERE,
    FARGATE,
    FIELDS,
    FULL,
    LARGE_SETTINGS,
    LARGEST,
    MANY_ARNS,
    MINIMAL,
    NAMES,
    OVERRIDES,
    PARAMETERS,
    PINNED,
    QUERIES,
    SECRET,
    faults,
    named,
    paths,
    put,
)
from tests.lab.values import CHARACTERS
from tools.contract.conformance import validator
from tools.contract.document import Node, document, operation

# The operations of the contract with the declaration of each call.
_OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "create": ("createApplication",),
    "deploy": ("deploy",),
    "promote": ("promote",),
    "swap": ("swap",),
    "delete": ("deleteApplication",),
    "stacks": ("listApplications",),
    "stack": ("readApplication",),
    "specification": ("readSpecification",),
    "operations": ("listOperations",),
    "events": ("listEvents", "listApplicationEvents"),
}
_COMPLETE: Mapping[str, dict[str, Any]] = {
    **{call: {} for call in QUERIES},
    **MINIMAL,
    "create": FULL
    | {
        "environments": EVERYWHERE["environments"],
        "overrides": {
            name: {"environment": {"C": "x"}, "secrets": {"B": SECRET}} for name in OVERRIDES
        },
    },
    "deploy": MINIMAL["deploy"] | {"repouri": "nginx"},
    "promote": {"applicationName": "MyApp", "environment": "dev"},
    "swap": {"applicationName": "MyApp", "version": "1"},
}
_VALUES = {**FIELDS, **PARAMETERS}
_JSON: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2.5, 10**30, "x", "", [], {}, [None], [[]], {"a": 1}, {"a": {}},
)  # fmt: skip
ECR = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/agent:1"
_ENCODABLE = st.characters(exclude_categories=["Cs"])
_UNKNOWN = ("colour", "", "applicationname", "Stack")


class Inexpressible(NamedTuple):
    """A rule of the validator that JSON Schema cannot express.

    `words` are in the description that the contract has instead. `applies` finds the bodies that
    only the validator refuses; `body` is an example, `context` the rest of its request.
    """

    words: str
    calls: tuple[str, ...]
    body: Any
    applies: Callable[[Any], bool]
    context: Mapping[str, Any] = {}


def _numbers(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [number for member in value.values() for number in _numbers(member)]
    return [value]


def _differ_in_case_only(body: Any) -> bool:
    names = list(body.get("tags", ()))
    return len({name.lower() for name in names}) < len(names)


def _in_both(body: Any) -> bool:
    return any(
        set(each.get("environment", ())) & set(each.get("secrets", ())) for each in _settings(body)
    )


def _settings(body: Any) -> list[Any]:
    return [body.get("service", {}), *body.get("overrides", {}).values()]


def _unsets_own(body: Any) -> bool:
    return any(
        set(each.get("unset", ())) & {*each.get("environment", ()), *each.get("secrets", ())}
        for each in _settings(body)
    )


def _effective(body: Any) -> list[dict[str, Any]]:
    """Return the numbers of `service`, and of each environment with an override."""
    service, *overrides = _settings(body)
    return [service, *({**service, **override} for override in overrides)]


def _does_not_fit(body: Any) -> bool:
    return any(
        each.get("memory", 512) not in FARGATE[each.get("cpu", 256)] for each in _effective(body)
    )


def _has_large_secrets(body: Any) -> bool:
    return any(len(",".join(each.get("secrets", {}).values())) > 4096 for each in _settings(body))


def _has_large_settings(body: Any) -> bool:
    """Return whether the variables of an environment alone do not fit into a task definition."""
    pairs = [
        [{"name": name, "value": value} for name, value in each.get("environment", {}).items()]
        for each in _settings(body)
    ]
    return any(len(json.dumps(each, separators=(",", ":"))) > 61440 for each in pairs)


def _overrides_others(body: Any) -> bool:
    """Return whether a body has an override of an environment that it does not create."""
    chosen = body.get("environments", {})
    created = {"prod", *(chosen.get("nonProd") or ["dev"])}
    created |= {name for name in ("training", "da") if chosen.get(name)}
    return not set(body.get("overrides", ())) <= created


def _starts_too_long(body: Any) -> bool:
    return any(
        each.get("startSeconds", 60) >= 60 * each.get("rolloutMinutes", 30)
        for each in _effective(body)
    )


def _is_not_composed(body: Any) -> bool:
    """Return whether a body or a query has a tag or a team in another form than Unicode NFC."""
    texts = [*itertools.chain(*body.get("tags", {}).items()), body.get("team", "")]
    return not all(is_normalized("NFC", text) for text in texts if isinstance(text, str))


def _has_sidecars(body: Any) -> bool:
    return any(each.get("sidecars") for each in _settings(body))


def _never(body: Any) -> bool:
    """The rule depends on the rest of the request."""
    del body
    return False


def _scalings(body: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the parts of a body that have scaling, with it."""
    overrides = body.get("overrides")
    parts = [body.get("service"), *(overrides.values() if isinstance(overrides, dict) else ())]
    for part in parts:
        if isinstance(part, dict) and isinstance(part.get("scaling"), dict):
            yield part, part["scaling"]


SCALING = {"min": 2, "max": 5, "cpuPercent": 60}


def _policy(body: Any) -> dict[str, Any]:
    """Return the policy in the body of a swap, or in a specification."""
    found: dict[str, Any] = body.get("production", {}) if "email" in body else body
    return found


def _has_short_waits(body: Any) -> bool:
    policy = _policy(body)
    steps, bake = policy.get("strategy", {}).get("stepMinutes", 6), policy.get("bakeMinutes", 6)
    return policy.get("judge", "off") != "off" and bool(min(steps, bake) < 6)


def _has_steps_without_meaning(body: Any) -> bool:
    strategy = _policy(body).get("strategy", {})
    return strategy.get("type") == "allAtOnce" and len(strategy) > 1


def _shifts_too_long(body: Any) -> bool:
    strategy = _policy(body).get("strategy", {})
    steps = (99 // strategy.get("percent", 10)) * strategy.get("stepMinutes", 6)
    return strategy.get("type") == "linear" and bool(steps > 10_080)


EXCEPTIONS = (
    Inexpressible(
        "`strategy.stepMinutes` and `bakeMinutes` are at least 6",
        ("create", "swap"),
        put(FULL, "production.bakeMinutes", 5),
        _has_short_waits,
    ),
    Inexpressible(
        "Not with `allAtOnce`",
        ("swap", "create"),
        {"applicationName": "MyApp", "strategy": {"type": "allAtOnce", "percent": 10}},
        _has_steps_without_meaning,
    ),
    Inexpressible(
        "All steps together last at most 10080 minutes",
        ("create", "swap"),
        put(FULL, "production.strategy", {"type": "linear", "percent": 9, "stepMinutes": 1000}),
        _shifts_too_long,
    ),
    Inexpressible(
        "of each ECS service, instead of `desiredCount`",
        ("create",),
        put(FULL, "service.scaling", SCALING),
        lambda body: any("desiredCount" in part for part, _ in _scalings(body)),
    ),
    Inexpressible(
        "The largest number of tasks, at least `min`",
        ("create",),
        put(FULL, "overrides.prod.scaling", SCALING | {"max": 1}),
        lambda body: any(each["min"] > each["max"] for _, each in _scalings(body)),
    ),
    Inexpressible(
        "at least one value that Application Auto Scaling keeps",
        ("create",),
        put(FULL, "overrides.prod.scaling", {"min": 1, "max": 2}),
        lambda body: any(each.keys() <= {"min", "max"} for _, each in _scalings(body)),
    ),
    Inexpressible(
        "must differ in more than upper and lower case",
        ("create",),
        put(FULL, "tags.Technicalteam", "x"),
        _differ_in_case_only,
    ),
    Inexpressible(
        "each letter as one character (Unicode NFC)",
        ("create", "stacks"),
        put(FULL, "tags.owner", "\u212bngstr\u00f6m"),
        _is_not_composed,
    ),
    Inexpressible(
        "must not also be in",
        ("create",),
        put(FULL, "service.environment.KEY", "x"),
        _in_both,
    ),
    Inexpressible(
        "Names of variables and secrets that this environment does not receive",
        ("create",),
        put(FULL, "overrides.prod.unset", ["COLOUR"]),
        _unsets_own,
    ),
    Inexpressible(
        "Fargate supports certain sizes for each `cpu`",
        ("create",),
        put(FULL, "overrides.stage.cpu", 4096),
        _does_not_fit,
    ),
    Inexpressible(
        "have at most 4096 bytes together",
        ("create",),
        put(FULL, "service.secrets", MANY_ARNS),
        _has_large_secrets,
    ),
    Inexpressible(
        "A specification has at most 65536 bytes",
        ("create",),
        put(LARGEST, "description", "x" * 6),
        lambda body: len(json.dumps(body, ensure_ascii=False).encode()) > 65536,
    ),
    Inexpressible(
        "of an environment have at most 61440 bytes in its task definition",
        ("create",),
        put(FULL, "service.environment", LARGE_SETTINGS | {"V": "x"}),
        _has_large_settings,
    ),
    Inexpressible(
        "Settings of single environments of the application",
        ("create",),
        put(FULL, "overrides.qa", {}),
        _overrides_others,
    ),
    Inexpressible(
        "Must be shorter than `rolloutMinutes`",
        ("create",),
        put(FULL, "service.startSeconds", 2700),
        _starts_too_long,
    ),
    Inexpressible(
        "without a fraction",
        ("create", "promote", "swap"),
        put(FULL, "service.desiredCount", 1.0),
        lambda body: any(isinstance(each, float) and each.is_integer() for each in _numbers(body)),
    ),
    Inexpressible(
        "with the tag",
        ("deploy",),
        MINIMAL["deploy"] | {"repouri": "a" * 184},
        lambda body: (
            len(body["repouri"]) > 183 or len(f"{body['repouri']}:{body['version']}") > 255
        ),
    ),
    Inexpressible(
        "A restart keeps the image",
        ("deploy",),
        {"applicationName": "MyApp", "environment": ["dev"], "restart": True, "repouri": "nginx"},
        lambda body: body.get("restart") is True and "repouri" in body,
    ),
    Inexpressible(
        "The unchanged `nextToken` of the previous page",
        ("operations", "stacks", "events"),
        {"nextToken": "abc"},
        lambda query: "nextToken" in query,
    ),
    Inexpressible(
        "must not be before `since`",
        ("events",),
        {"since": "2026-01-31T12:00:00Z", "until": "2025-01-31T12:00:00Z"},
        lambda query: {"since", "until"} <= query.keys(),
    ),
    Inexpressible(
        "The installation can restrict the [registries]",
        ("deploy",),
        MINIMAL["deploy"] | {"repouri": "nginx"},
        _never,
        {"registries": AllowedRegistries(EcrRegistry(ACCOUNT, "eu-west-1"), ())},
    ),
    *(
        Inexpressible(words, ("create",), put(FULL, "service.sidecars", [sidecar]), _has_sidecars)
        for words, sidecar in (
            ("In other registries with a digest", {"name": "a", "image": "envoy:1"}),
            ("Images in ECR need none", {"name": "a", "image": ECR, "registryCredentials": SECRET}),
            (
                "`CMD` and the words of a command",
                {"name": "a", "image": PINNED, "healthCheck": {"command": ["curl"]}},
            ),
            (
                "their ports differ from each other and from `containerPort`",
                {"name": "a", "image": PINNED, "ports": [8080]},
            ),
            ("`memory` together are less than those", {"name": "a", "image": PINNED, "cpu": 2048}),
            (
                "A log router needs `awsfirelens`",
                {"name": "a", "image": PINNED, "logRouter": {"type": "fluentd"}},
            ),
        )
    ),
    Inexpressible(
        "Further containers in each task",
        ("create",),
        put(FULL, "service.dependsOn", {"agent": "START"}),
        lambda body: any(each.get("dependsOn") or each.get("logs") for each in _settings(body)),
    ),
    Inexpressible("in this account", ("create",), FULL, _never, {"account": ACCOUNT[::-1]}),
    Inexpressible(
        "The installation can require", ("create",), FULL, _never, {"required_tags": ("owner",)}
    ),
)


def schemas(call: str) -> Iterator[Node]:
    """Yield the JSON Schema of each operation with a body or a query of a call."""
    for name in _OPERATIONS[call]:
        called = operation(name)
        if called.body:
            yield called.body["schema"]
        else:
            in_query = [each for each in called.parameters if each["in"] == "query"]
            properties = {each["name"]: each["schema"] for each in in_query}
            required = [each["name"] for each in in_query if each.get("required")]
            yield {"properties": properties, "required": required, "additionalProperties": False}


@cache
def _validators(call: str) -> list[Any]:
    return [validator(each) for each in schemas(call)]


def fits_contract(call: str, body: Any) -> bool:
    """Return whether the contract accepts a body, or a query whose values are text."""
    if call in QUERIES:
        (properties, *_) = (each["properties"] for each in schemas(call))
        body = {name: typed(properties.get(name, {}), text) for name, text in body.items()}
    (verdict,) = {each.is_valid(body) for each in _validators(call)}
    return bool(verdict)


def typed(node: Node, text: str) -> Any:
    """Return the JSON value of the text of a query, by the schema of its parameter."""
    if node.get("type") == "boolean":
        return {"true": True, "false": False}.get(text, text)
    is_number = node.get("type") == "integer" and re.fullmatch("0|-?[1-9][0-9]{0,99}", text)
    return int(text) if is_number else text


def agreed(call: str, body: Any) -> bool:
    """Assert that validator and contract agree about a body; return whether it is valid."""
    accepted, refusal = fits_contract(call, body), faults(call, body)
    if accepted and refusal:
        assert any(each.applies(body) for each in EXCEPTIONS if call in each.calls), (body, refusal)
    else:
        assert accepted or refusal, f"only the contract refuses {body}"
    return not refusal


def type_at(path: str) -> schema.Type:
    """Return the declared type of a field."""
    call, *steps = path.split(".")
    found: schema.Type = {**BODIES, **QUERIES}[call]
    for step in steps:
        assert isinstance(found, schema.Object)
        found = found.members[step].type if step in found.members else found.others[1]  # type: ignore[index]
    return found


def candidates(declared: schema.Type, known: Iterable[Any]) -> Iterator[Any]:
    """Yield values around the limits of a type; `known` are values to start from."""
    if isinstance(declared, schema.Text):
        yield from _texts(declared, [text for text in known if isinstance(text, str)])
    elif isinstance(declared, schema.Choice):
        for value in declared.values:
            yield from (value, value.upper(), value.lower(), f"{value} ", value[:-1])
    elif isinstance(declared, schema.Integer):
        allowed = [0] if declared.allowed is None else declared.allowed
        limits = {allowed[0], allowed[-1]} if isinstance(allowed, range) else allowed
        for number in limits:
            yield from (number - 1, number, number + 1, float(number), number + 0.5, str(number))
    elif isinstance(declared, schema.List) and isinstance(
        declared.item, schema.Text | schema.Choice
    ):
        yield from _lists(declared, list(itertools.chain.from_iterable(known)))


def _texts(declared: schema.Text, known: list[str]) -> Iterator[str]:
    """Yield reserved words, and known texts whose length is about a bound of the declaration."""
    words = re.findall(r"\(\?i:([a-z0-9|-]+)\)", declared.pattern)
    for word in [*declared.reserved, *"|".join(words).split("|")]:
        for changed in (word, word.lower(), word.upper(), word.title()):
            yield from (changed, f"{changed}1", f"{changed}:", f"{changed}:a", changed[:-1])
            yield from (
                f"{changed}-",
                f"{changed}-a",
                f"a-{changed}",
                f"a-{changed}1",
                f"a{changed}",
            )
    bounds = {int(bound) for bound in re.findall(r"(?<=[{,])\d+(?=[,}])", declared.pattern)}
    bounds |= {declared.longest or 1}
    for text in sorted(filter(None, known), key=len)[:3]:
        for at in {0, len(text) // 2, len(text) - 1}:
            for bound in bounds:
                counts = range(bound - 1, bound + 3)
                total = bound - len(text) + 1
                for count in (*counts, total, total + 1):
                    yield text[:at] + text[at] * count + text[at + 1 :]


def _lists(declared: schema.List, known: list[Any]) -> Iterator[list[Any]]:
    """Yield lists with too few, too many, repeated and invalid items."""
    valid = sorted({item for item in known if isinstance(item, str) and _accepts(declared, item)})
    for count in {0, 1, 2, declared.least, declared.most or 0, (declared.most or 0) + 1}:
        yield valid[:count]
    yield [valid[0], valid[0]]
    yield [*valid[:2], valid[0]]
    for item in (*_JSON, *candidates(declared.item, known)):
        yield [item]
        yield [valid[0], item]


def _accepts(declared: schema.List, item: str) -> bool:
    try:
        declared.item.accept(item)
    except schema.InvalidValueError:
        return False
    return True


def is_encodable(value: Any) -> bool:
    """Return whether a value has no halves of surrogate pairs, which JSON text cannot have."""
    return not re.search("[\ud800-\udfff]", str(value))


def values_of(path: str) -> Iterator[Any]:
    """Yield the values of the table and the generated ones."""
    known = [*_VALUES[path].valid, *itertools.chain(*_VALUES[path].invalid.values())]
    yield from filter(is_encodable, known)
    generated = candidates(type_at(path), _VALUES[path].valid)
    if path in PARAMETERS:
        yield from (str(value) for value in generated)
    else:
        yield from itertools.chain(generated, _JSON)


@pytest.mark.parametrize("path", _VALUES)
def test_a_field_accepts_the_same_values(path: str) -> None:
    call, _, field = path.partition(".")
    body = _COMPLETE[call]
    if field == "service.scaling":
        # It replaces the task count.
        service = {name: value for name, value in body["service"].items() if name != "desiredCount"}
        body = body | {"service": service}
    verdicts = {agreed(call, put(body, field, value)) for value in values_of(path)}
    assert verdicts == {True, False}


def near(path: str) -> st.SearchStrategy[str]:
    """Return texts that match the pattern, that differ from a valid text in one place, others."""
    texts = [each for each in _VALUES[path].valid if isinstance(each, str)] or ["x"]
    character = st.sampled_from(CHARACTERS)

    def edited(text: str, at: int, one: str, instead: bool) -> str:
        at %= len(text) + 1
        return text[:at] + one + text[at + instead :]

    found = st.text(character, max_size=8) | st.builds(
        edited, st.sampled_from(texts), st.integers(0, 300), character, st.booleans()
    )
    declared = type_at(path)
    if isinstance(declared, schema.Text):
        found |= st.from_regex(declared.pattern, fullmatch=True, alphabet=_ENCODABLE)
    return found.filter(is_encodable)


_PROPERTY = settings(
    max_examples=30, deadline=None, database=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip


@pytest.mark.parametrize("path", _VALUES)
def test_a_field_accepts_the_same_texts(path: str) -> None:
    call, _, field = path.partition(".")
    is_list = isinstance(type_at(path), schema.List)

    @_PROPERTY
    @given(near(path))
    def hold(value: str) -> None:
        agreed(call, put(_COMPLETE[call], field, [value] if is_list else value))

    hold()


@pytest.mark.parametrize("path", NAMES)
def test_an_object_accepts_the_same_names(path: str) -> None:
    call, _, field = path.partition(".")
    declared = type_at(path)
    assert isinstance(declared, schema.Object)
    assert declared.others
    known = [*NAMES[path].valid, *itertools.chain(*NAMES[path].invalid.values())]
    names = [*known, *candidates(declared.others[0], NAMES[path].valid)]
    value = SECRET if path.endswith("secrets") else "1"
    bodies = [named(MINIMAL[call], field, name, value) for name in filter(is_encodable, names)]
    assert {agreed(call, body) for body in bodies} == {True, False}


_OBJECTS = [
    path
    for path in (
        *BODIES,
        *QUERIES,
        *itertools.chain(*(paths(BODIES[each], each) for each in BODIES)),
    )
    if isinstance(type_at(path), schema.Object)
]


@pytest.mark.parametrize("path", _OBJECTS)
def test_an_object_requires_and_knows_the_same_members(path: str) -> None:
    call, _, field = path.partition(".")
    declared = type_at(path)
    assert isinstance(declared, schema.Object)
    at = _COMPLETE[call]
    for step in filter(None, field.split(".")):
        at = at.get(step, {})
    objects = [{name: at[name] for name in at if name != left_out} for left_out in (*at, None)]
    objects += [at | {name: "1"} for name in _UNKNOWN]
    for count in (declared.most or 0, (declared.most or 0) + 1) if declared.most else ():
        objects.append(at | {f"k{number}": "v" for number in range(count - len(at))})
    for each in objects:
        agreed(call, put(_COMPLETE[call], field, each) if field else each)
    for value in _JSON if call in BODIES else ():
        agreed(call, put(_COMPLETE[call], field, value) if field else value)


def test_memory_fits_cpu_in_the_contract() -> None:
    memory = type_at("create.service").members["memory"].type.allowed_with  # type: ignore[attr-defined]
    assert memory is not None
    other, allowed = memory
    sizes = {size for each in allowed.values() for size in each}
    near_sizes = [*sizes, *(size + step for size in sizes for step in (-1, 1, 512)), 0, None]
    for cpu, size in itertools.product([*allowed, 0, None], near_sizes):
        service = {name: value for name, value in ((other, cpu), ("memory", size)) if value}
        agreed("create", put(MINIMAL["create"], "service", service))
    # Generators of clients ignore the rule of the schema.
    assert "for 512: 1024 to 4096 in steps of 1024" in words()


@settings(_PROPERTY, max_examples=150)
@given(
    st.sampled_from(sorted(BODIES)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.sampled_from(CHARACTERS)),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["service", "tags", "cpu", "A", "a b"]), inner)
        ),
    ),
)
def test_any_json_value_is_judged_alike(call: str, body: Any) -> None:
    agreed(call, body)


@pytest.mark.parametrize("exception", EXCEPTIONS, ids=lambda each: each.words)
def test_an_exception_is_a_rule_in_words(exception: Inexpressible) -> None:
    call = exception.calls[0]
    assert fits_contract(call, exception.body)
    assert faults(call, exception.body, exception.context)
    assert exception.context or exception.applies(exception.body)
    assert exception.words in words()


def words() -> str:
    """Return the descriptions of the contract."""
    components = document()["components"]
    nodes = [document()["info"], *components["parameters"].values()]
    for each in components["schemas"].values():
        nodes += [each, *each.get("properties", {}).values()]
    return " ".join(" ".join(each.get("description", "") for each in nodes).split())


@pytest.mark.parametrize("call", _OPERATIONS)
def test_the_contract_has_the_declared_members_and_defaults(call: str) -> None:
    declared = {**BODIES, **QUERIES}[call]
    for node in schemas(call):
        name = node.get("$ref", "").rpartition("/")[2]
        properties = (document()["components"]["schemas"][name] if name else node)["properties"]
        assert list(properties) == list(declared.members)
        for member, each in declared.members.items():
            if each.default not in (None, {}):
                assert properties[member]["default"] == each.default
                assert faults(call, _COMPLETE[call] | {member: _as_sent(call, each.default)}) == []


def _as_sent(call: str, default: Any) -> Any:
    return str(default).lower() if call in QUERIES else default


# The options that the command line checks, with the type that the service declares. The service
# checks the other options.
_CHECKED: Mapping[tuple[str, str], schema.Type] = {
    **{
        (command, "name"): fields.APPLICATION
        for command in (
            "abort", "apply", "approve", "create", "delete", "deploy", "diff", "events", "finish",
            "init", "promote", "restart", "scale", "set", "spec", "status", "swap", "unset",
            "upgrade", "wait",
        )
    },
    ("deploy", "version"): fields.VERSION,
    ("promote", "version"): fields.VERSION,
    ("promote", "digest"): fields.DIGEST,
    ("swap", "version"): fields.VERSION,
    ("swap", "digest"): fields.DIGEST,
    ("create", "team"): fields.TEAM,
    ("doctor", "team"): fields.TEAM,
    ("init", "team"): fields.TEAM,
    ("ls", "team"): fields.TEAM,
    ("ls", "version"): fields.VERSION,
    ("promote", "source"): fields.DEPLOYABLE_ENVIRONMENT,
    ("spec", "effective"): schema.Choice({name: name for name in OVERRIDES}),
    ("ls", "env"): STACKS.members["environment"].type,
    ("abort", "operation_id"): EVENTS.members["operation"].type,
    ("approve", "operation_id"): EVENTS.members["operation"].type,
    ("finish", "operation_id"): EVENTS.members["operation"].type,
    ("events", "operation"): EVENTS.members["operation"].type,
    ("status", "operation_id"): EVENTS.members["operation"].type,
    ("wait", "operation_id"): EVENTS.members["operation"].type,
}  # fmt: skip


def parser_of(parameter: Any) -> Callable[[str], str] | None:
    """Return the parser that the declaration of an option or an argument has."""
    parser: Callable[[str], str] | None
    parser = getattr(parameter.type_descriptor.parameter_info, "parser", None)
    return parser


@cache
def parsers() -> dict[tuple[str, str], Callable[[str], str]]:
    """Return the parsers of options whose rules are in rules.json."""
    commands = get_command(app).commands  # type: ignore[attr-defined]
    found = {}
    for command in commands:
        for each in commands[command].params:
            parser = parser_of(each)
            if parser and parser.__module__ == rules.__name__:
                found[command, each.name] = parser
    return found


def test_the_command_line_checks_these_options() -> None:
    assert parsers().keys() == _CHECKED.keys()


def of_option(parse: Callable[[str], Any], value: str) -> Any:
    """Return the value that the command line sends; None if it refuses the option."""
    try:
        return parse(value)
    except typer.BadParameter:
        return None


def _agrees(parse: Callable[[str], str], declared: schema.Type, value: str) -> None:
    """Assert that an option accepts the values of the service.

    Exceptions: an option also accepts an environment in any case and with spaces around it, and
    the id of an operation in lower case. It sends the spelling of the service.
    """
    try:
        declared.accept(value)
    except schema.InvalidValueError:
        sent = of_option(parse, value)
        if sent is not None:
            assert sent.upper() == value.strip().upper()
            declared.accept(sent)
    else:
        assert of_option(parse, value) == value


def _near_type(declared: schema.Type) -> Iterator[str]:
    """Yield the table's values of a type, generated ones, and known ones with another character."""
    known = [each for path, each in _VALUES.items() if type_at(path) is declared]
    valid = list(itertools.chain(*(each.valid for each in known)))
    invalid = itertools.chain(*(itertools.chain(*each.invalid.values()) for each in known))
    yield from (*valid, *invalid, *candidates(declared, valid))
    for text, character in itertools.product(valid, CHARACTERS):
        yield from (text + character, character + text, text[:1] + character + text[1:])


@pytest.mark.parametrize("option", _CHECKED, ids="-".join)
def test_an_option_accepts_the_same_values(option: tuple[str, str]) -> None:
    for value in _near_type(_CHECKED[option]):
        _agrees(parsers()[option], _CHECKED[option], value)


def test_the_option_env_accepts_the_same_environments() -> None:
    for value in _near_type(fields.DEPLOYABLE_ENVIRONMENT):
        _agrees(
            lambda text: options.environments([text], "")[0], fields.DEPLOYABLE_ENVIRONMENT, value
        )


def test_the_command_line_has_the_messages_of_the_service() -> None:
    with pytest.raises(typer.BadParameter) as refused:
        parsers()["deploy", "version"]("1 2")
    assert (
        str(refused.value) == f"'1 2' {faults('swap', MINIMAL['swap'] | {'version': '1 2'})[0][1]}"
    )
