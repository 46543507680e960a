"""Specifications: the effective settings of an environment, and their hash."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devops_core.model.specification import (
    EnvironmentSettings,
    Specification,
    merged_settings,
    named_environments,
    secret_arn,
    secret_arns,
    settings_hash,
)
from devops_core.naming import Environment, environment_name

DEV, GREEN, BLUE = Environment.DEV, Environment.PROD_GREEN, Environment.PROD_BLUE
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"  # noqa: S105 - a name
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter/team/key"
MAPS: dict[str, Any] = {"environment": {}, "secrets": {}, "unset": []}
# A value of each setting, and another one.
VALUES: dict[str, tuple[Any, Any]] = {
    "cpu": (256, 512),
    "memory": (512, 1024),
    "environment": ({"A": "1"}, {"A": "2"}),
    "secrets": ({"A": "arn:1"}, {"A": "arn:2"}),
    "command": (["serve"], ["serve", "now"]),
    "startSeconds": (0, 60),
    "stopSeconds": (0, 30),
    "taskRole": ("arn:1", "arn:2"),
    "desiredCount": (1, 2),
    "rolloutMinutes": (30, 60),
    "warmup": (["/"], ["/a"]),
}
OTHERS = ("desiredCount", "rolloutMinutes", "warmup")


def merged(service: dict[str, Any], dev: dict[str, Any]) -> dict[str, Any]:
    return merged_settings({"service": service, "overrides": {"dev": dev}}, "dev")


def hash_of(service: dict[str, Any], dev: dict[str, Any] | None = None) -> str:
    return settings_hash(merged(service, dev or {}))


def specification(document: dict[str, Any]) -> Specification:
    return Specification(1, {"email": "a@example.com", **document})


MERGED: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("no settings", {}, {}, {}),
    ("the general value", {"cpu": 256}, {}, {"cpu": 256}),
    ("the value of the environment", {}, {"cpu": 256}, {"cpu": 256}),
    ("both values", {"cpu": 256, "memory": 512}, {"cpu": 512}, {"cpu": 512, "memory": 512}),
    ("zero replaces a value", {"stopSeconds": 30}, {"stopSeconds": 0}, {"stopSeconds": 0}),
    ("a list replaces a list", {"command": ["a", "b"]}, {"command": ["c"]}, {"command": ["c"]}),
    ("an empty list replaces a list", {"warmup": ["/"]}, {"warmup": []}, {"warmup": []}),
    ("variables are added", {"environment": {"A": "1"}}, {"environment": {"B": "2"}},
     {"environment": {"A": "1", "B": "2"}}),
    ("a variable replaces a variable", {"environment": {"A": "1"}}, {"environment": {"A": ""}},
     {"environment": {"A": ""}}),
    ("no variables keep the general ones", {"environment": {"A": "1"}}, {"environment": {}},
     {"environment": {"A": "1"}}),
    ("secrets are added", {"secrets": {"A": "1"}}, {"secrets": {"B": "2"}},
     {"secrets": {"A": "1", "B": "2"}}),
    ("a secret replaces a variable", {"environment": {"A": "1", "B": "2"}}, {"secrets": {"A": "3"}},
     {"environment": {"B": "2"}, "secrets": {"A": "3"}}),
    ("a variable replaces a secret", {"secrets": {"A": "1", "B": "2"}}, {"environment": {"A": "3"}},
     {"environment": {"A": "3"}, "secrets": {"B": "2"}}),
    ("a removed variable", {"environment": {"A": "1", "B": "2"}}, {"unset": ["A"]},
     {"environment": {"B": "2"}, "unset": ["A"]}),
    ("a removed secret", {"secrets": {"A": "1", "B": "2"}}, {"unset": ["B"]},
     {"secrets": {"A": "1"}, "unset": ["B"]}),
    ("an unknown name, to remove the template's", {}, {"unset": ["B", "A"]}, {"unset": ["A", "B"]}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("service", "dev", "expected"), [case[1:] for case in MERGED], ids=[case[0] for case in MERGED]
)
def test_an_override_takes_precedence(
    service: dict[str, Any], dev: dict[str, Any], expected: dict[str, Any]
) -> None:
    before = json.dumps([service, dev])

    assert merged(service, dev) == MAPS | expected
    assert json.dumps([service, dev]) == before


def test_an_override_of_another_environment_does_not_count() -> None:
    document = {"service": {"cpu": 256}, "overrides": {"qa": {"cpu": 512, "unset": ["A"]}}}

    assert merged_settings(document, "dev") == MAPS | {"cpu": 256}
    assert merged_settings({}, "dev") == MAPS


@pytest.mark.parametrize("name", VALUES)
def test_the_hash_depends_on_the_settings_of_running_tasks(name: str) -> None:
    first, second = VALUES[name]
    differs = name not in OTHERS

    assert (hash_of({name: first}) != hash_of({})) is differs
    assert (hash_of({name: first}) != hash_of({name: second})) is differs
    assert hash_of({name: first}) == hash_of({}, {name: first})
    assert hash_of({name: first}, {name: second}) == hash_of({name: second})


def test_the_hash_depends_on_removed_names() -> None:
    """The template, or another tool, can have set them."""
    assert hash_of({}, {"unset": ["A"]}) != hash_of({})
    assert hash_of({}, {"unset": ["A", "B"]}) == hash_of({}, {"unset": ["B", "A"]})


def test_the_hash_distinguishes_a_variable_and_a_secret() -> None:
    assert hash_of({"environment": {"A": "x"}}) != hash_of({"secrets": {"A": "x"}})


@pytest.mark.parametrize("empty", [{"environment": {}}, {"secrets": {}}, {"warmup": []}])
def test_an_empty_value_has_the_hash_of_no_value(empty: dict[str, Any]) -> None:
    assert hash_of(empty) == hash_of({}) == hash_of({}, {**empty, "unset": []})


def test_the_hash_has_a_fixed_form() -> None:
    """It is stored in rows and tags: another form would make all releases outdated."""
    service = {**{name: values[0] for name, values in VALUES.items()}, "secrets": {"B": "\u00e9"}}
    text = (
        r'{"command":["serve"],"cpu":256,"environment":{"A":"1"},"memory":512,'
        r'"secrets":{"B":"\u00e9"},"startSeconds":0,"stopSeconds":0,"taskRole":"arn:1",'
        r'"unset":["C"]}'
    )

    assert hash_of(service, {"unset": ["C"]}) == hashlib.sha256(text.encode()).hexdigest()
    assert hash_of({}) == hashlib.sha256(b"{}").hexdigest()


def test_the_hash_does_not_depend_on_the_email_and_the_revision() -> None:
    one = Specification(1, {"email": "a@example.com", "service": {"cpu": 256}})
    two = Specification(2, {"email": "b@example.com", "description": "x", "service": {"cpu": 256}})

    assert one.settings(DEV) == two.settings(DEV)


def test_the_settings_have_the_values_of_the_document() -> None:
    service = {name: values[1] for name, values in VALUES.items()}
    of = specification({"service": {**service, "secrets": {"B": "arn"}}, "overrides": {
        "dev": {"unset": ["C"]},
    }})  # fmt: skip

    assert of.settings(DEV) == EnvironmentSettings(
        hash=settings_hash(merged_settings(of.document, "dev")),
        cpu=512,
        memory=1024,
        desired_count=2,
        environment={"A": "2"},
        secrets={"B": "arn"},
        command=("serve", "now"),
        start_seconds=60,
        stop_seconds=30,
        task_role="arn:2",
        unset=("C",),
        rollout_minutes=60,
        warmup=("/a",),
    )


def test_a_specification_without_settings_names_none() -> None:
    found = specification({}).settings(DEV)

    assert found == EnvironmentSettings(hash=hash_of({}))
    assert found.rollout_minutes == 30


def test_both_slots_have_the_settings_of_production() -> None:
    of = specification({"overrides": {"prod": {"cpu": 512}, "dev": {"cpu": 1024}}})

    assert of.settings(GREEN) == of.settings(BLUE)
    assert [of.settings(each).cpu for each in (GREEN, DEV, Environment.QA)] == [512, 1024, None]


OWNED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({}, ()),
    ({"cpu": 1, "memory": 1, "start_seconds": 1, "desired_count": 1, "unset": ("A",)}, ()),
    ({"environment": {"b": "", "A": ""}}, ("environment.A", "environment.b")),
    ({"environment": {"a.b": ""}}, ("environment.a.b",)),
    ({"secrets": {"B": "arn"}, "environment": {"A": ""}}, ("environment.A", "secrets.B")),
    ({"command": ("a",)}, ("command",)),
    ({"stop_seconds": 0}, ("stopSeconds",)),
    ({"ephemeral_storage": 21}, ("ephemeralStorageGiB",)),
    ({"ulimits": {"nofile": {"soft": 5, "hard": 9}}}, ("ulimits",)),
    ({"ulimits": {}}, ()),
    ({"task_role": "arn", "stop_seconds": 1, "command": ("a",)},
     ("command", "stopSeconds", "taskRole")),
]  # fmt: skip


@pytest.mark.parametrize(("members", "owned"), OWNED)
def test_the_next_rollout_removes_only_settings_that_have_no_running_value(
    members: dict[str, Any], owned: tuple[str, ...]
) -> None:
    assert EnvironmentSettings(hash="", **members).owned == owned


ENVIRONMENTS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["DEV"]),
    ({"nonProd": []}, ["DEV"]),
    ({"nonProd": ["qa"]}, ["QA"]),
    ({"nonProd": ["stage", "dev", "qa"]}, ["DEV", "QA", "STAGE"]),
    ({"training": True}, ["DEV", "TRAINING"]),
    ({"da": True, "training": False}, ["DEV", "DA"]),
    ({"da": True, "training": True, "nonProd": ["qa"]}, ["QA", "TRAINING", "DA"]),
]


@pytest.mark.parametrize(("members", "names"), ENVIRONMENTS)
def test_the_environments_are_in_order(members: dict[str, Any], names: list[str]) -> None:
    expected = tuple(map(Environment, names))

    assert named_environments(members) == expected
    assert specification({"environments": members}).environments == expected


def test_a_specification_without_environments_has_dev() -> None:
    assert specification({}).environments == (DEV,)


def test_a_specification_has_owners_and_a_description() -> None:
    described = specification({"description": "The shop"})

    assert (described.email, described.description) == ("a@example.com", "The shop")
    assert specification({}).description == ""


def test_the_arn_of_a_secret_has_no_key_stage_and_version() -> None:
    assert secret_arn(f"{SECRET}:user:AWSCURRENT:") == SECRET
    assert [secret_arn(each) for each in (SECRET, PARAMETER)] == [SECRET, PARAMETER]
    assert secret_arns([PARAMETER, f"{SECRET}:b::", f"{SECRET}:a::"]) == [SECRET, PARAMETER]


# --- properties ---

_ENOUGH = settings(max_examples=200, deadline=None, database=None, derandomize=True)

NAMES = st.sampled_from(["A", "B", "C", "spring.profiles.active"])
TEXT = st.text(max_size=3)
SOURCES = st.dictionaries(NAMES, st.tuples(st.sampled_from(["environment", "secrets"]), TEXT))
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "cpu": st.sampled_from([256, 512]),
        "startSeconds": st.integers(0, 2),
        "stopSeconds": st.integers(0, 2),
        "desiredCount": st.integers(1, 2),
        "command": st.lists(TEXT, min_size=1, max_size=2),
        "taskRole": TEXT,
    },
)


@st.composite
def general_settings(draw: st.DrawFn) -> dict[str, Any]:
    """Draw settings in which a name is a variable or a secret."""
    found: dict[str, Any] = dict(draw(SETTINGS))
    for name, (member, value) in draw(SOURCES).items():
        found.setdefault(member, {})[name] = value
    return found


@st.composite
def overrides(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an override, which does not remove the names that it sets."""
    found = draw(general_settings())
    own = {*found.get("environment", {}), *found.get("secrets", {})}
    unset = draw(st.lists(NAMES.filter(lambda name: name not in own), unique=True))
    return found | ({"unset": unset} if unset else {})


SOME = (DEV, Environment.QA, GREEN)
DOCUMENTS = st.builds(
    lambda service, others: {"service": service, "overrides": others},
    general_settings(),
    st.fixed_dictionaries({}, optional={environment_name(each): overrides() for each in SOME}),
)


def reversed_members(value: Any) -> Any:
    """Return JSON with the members of all objects in the reverse order."""
    if isinstance(value, dict):
        return {name: reversed_members(value[name]) for name in reversed(value)}
    return value


@_ENOUGH
@given(DOCUMENTS)
def test_the_order_of_a_document_does_not_matter(document: dict[str, Any]) -> None:
    one, other = specification(document), specification(reversed_members(document))

    for environment in SOME:
        assert one.settings(environment) == other.settings(environment)
        assert one.settings(environment).owned == other.settings(environment).owned


@_ENOUGH
@given(DOCUMENTS, overrides(), st.sampled_from(SOME))
def test_an_override_changes_only_its_own_environment(
    document: dict[str, Any], override: dict[str, Any], changed: Environment
) -> None:
    others = document["overrides"] | {environment_name(changed): override}
    before, after = specification(document), specification(document | {"overrides": others})

    for environment in set(SOME) - {changed}:
        assert before.settings(environment) == after.settings(environment)


@_ENOUGH
@given(DOCUMENTS)
def test_a_name_is_a_variable_or_a_secret_or_removed(document: dict[str, Any]) -> None:
    for environment in SOME:
        found = specification(document).settings(environment)
        names = [*found.environment, *found.secrets, *found.unset]
        assert len(names) == len(set(names))


@_ENOUGH
@given(DOCUMENTS, st.sampled_from(SOME))
def test_unset_removes_the_names_that_an_environment_inherits(
    document: dict[str, Any], environment: Environment
) -> None:
    before = specification(document).settings(environment)
    inherited = [*before.environment, *before.secrets]
    name = environment_name(environment)
    override = document["overrides"].get(name, {})
    cleared = {
        member: value
        for member, value in override.items()
        if member not in ("environment", "secrets")
    }
    unset = sorted({*override.get("unset", ()), *inherited})
    others = document["overrides"] | {name: cleared | {"unset": unset}}

    after = specification(document | {"overrides": others}).settings(environment)

    assert (after.environment, after.secrets, after.unset) == ({}, {}, tuple(unset))


@_ENOUGH
@given(DOCUMENTS)
def test_equal_hashes_mean_equal_settings_of_the_tasks(document: dict[str, Any]) -> None:
    of = specification(document)
    uncounted: dict[str, Any] = {"hash": "", "desired_count": None}
    found = [of.settings(environment) for environment in SOME]

    for one in found:
        for other in found:
            same = one._replace(**uncounted) == other._replace(**uncounted)
            assert (one.hash == other.hash) is same


@_ENOUGH
@given(DOCUMENTS)
def test_a_document_has_the_same_settings_after_its_storage(document: dict[str, Any]) -> None:
    stored = json.loads(json.dumps(document, sort_keys=True))

    for environment in SOME:
        assert specification(stored).settings(environment) == specification(document).settings(
            environment
        )
