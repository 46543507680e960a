"""Single settings, merge patches and differences of specifications."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devops_cli import specifications
from devops_core.requests.update import merged
from tests.lab.prepared_service import Service, run

CHECKED = settings(max_examples=300, deadline=None, derandomize=True, database=None)
NAMES = st.sampled_from(["a", "b", "service", "overrides", "environment"])
DOCUMENTS = st.recursive(
    st.integers(0, 2) | st.text("xy", max_size=2) | st.lists(st.integers(0, 1), max_size=2),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
).filter(lambda value: isinstance(value, dict))
FIXED = {"containerPort": 80}


def changed(document: dict[str, Any], text: str, *environments: str) -> Any:
    setting, value = specifications.parse_assignment(text, [*environments])
    return specifications.with_setting(document, setting, value, [*environments])


def without(document: dict[str, Any], text: str, *environments: str) -> Any:
    setting = specifications.parse_setting(text, [*environments])
    return specifications.without_setting(document, setting, [*environments])


@CHECKED
@given(DOCUMENTS, DOCUMENTS)
def test_a_merge_patch_changes_one_document_into_the_other(old: Any, new: Any) -> None:
    """The service judges it."""
    patch = specifications.merge_patch(old, new)
    assert merged(old, patch) == new
    assert bool(patch) == (old != new)


@CHECKED
@given(DOCUMENTS, DOCUMENTS)
def test_documents_differ_if_there_are_differences(old: Any, new: Any) -> None:
    assert bool([*specifications.differences(old, new)]) == (old != new)


@pytest.mark.parametrize(
    ("text", "environments", "expected"),
    [
        ("cpu=512", (), {"service": {"cpu": 512}}),
        ("cpu=512", ("dev", "prod"), {"overrides": {"dev": {"cpu": 512}, "prod": {"cpu": 512}}}),
        ("environment.A=", (), {"service": {"environment": {"A": ""}}}),
        ("environment.a.b=x=y", ("qa",), {"overrides": {"qa": {"environment": {"a.b": "x=y"}}}}),
        ("environment.A=8080", (), {"service": {"environment": {"A": "8080"}}}),
        ('command=["a", "b"]', (), {"service": {"command": ["a", "b"]}}),
        ("warmup=[]", (), {"service": {"warmup": []}}),
        ("taskRole=arn:x", (), {"service": {"taskRole": "arn:x"}}),
        ("description=The shop", (), {"description": "The shop"}),
        ("production.bakeMinutes=30", (), {"production": {"bakeMinutes": 30}}),
        ("production.judge=off", (), {"production": {"judge": "off"}}),
        ('production.judge={"minRequests": 5}', (), {"production": {"judge": {"minRequests": 5}}}),
        ('production.alarms=["a b"]', (), {"production": {"alarms": ["a b"]}}),
        (
            'production.strategy={"type": "canary"}',
            (),
            {"production": {"strategy": {"type": "canary"}}},
        ),
    ],
)
def test_a_value_has_the_type_of_its_setting(
    text: str, environments: tuple[str, ...], expected: dict[str, Any]
) -> None:
    assert changed({}, text, *environments) == expected


def test_a_name_is_a_variable_or_a_secret() -> None:
    before = {"service": {"environment": {"A": "1"}}, "overrides": {"dev": {"unset": ["A", "B"]}}}
    assert changed(before, "secrets.A=arn:x")["service"] == {"secrets": {"A": "arn:x"}}
    assert changed(before, "environment.A=2", "dev")["overrides"] == {
        "dev": {"environment": {"A": "2"}, "unset": ["B"]}
    }
    assert before["overrides"] == {"dev": {"unset": ["A", "B"]}}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ({"environment": {"A": "2"}}, None),
        ({"environment": {"A": "2", "B": "3"}}, {"environment": {"B": "3"}}),
        ({}, {"unset": ["A"]}),
        ({"unset": ["A"]}, {"unset": ["A"]}),
        # The secret replaces the general variable already.
        ({"secrets": {"A": "arn:x"}}, {"secrets": {"A": "arn:x"}}),
    ],
)
def test_an_environment_loses_its_own_value_first(
    override: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    before = {"service": {**FIXED, "environment": {"A": "1"}}, "overrides": {"dev": override}}
    after = without(before, "environment.A", "dev")
    assert after["service"] == before["service"]
    assert after.get("overrides", {}).get("dev") == expected


def test_a_member_of_the_policy_of_swaps_is_removed() -> None:
    before = {"email": "a", "production": {"bakeMinutes": 5, "judge": "off"}}
    after = without(before, "production.judge")
    assert after == {"email": "a", "production": {"bakeMinutes": 5}}
    assert without(after, "production.bakeMinutes") == {"email": "a"}
    assert without({"email": "a"}, "production.approval") == {"email": "a"}


def test_a_removal_leaves_no_empty_parts() -> None:
    before = {"service": {**FIXED, "cpu": 256}, "overrides": {"qa": {"cpu": 512}}, "email": "a"}
    assert without(before, "cpu", "qa") == {"service": {**FIXED, "cpu": 256}, "email": "a"}
    assert without(without(before, "cpu"), "cpu", "qa") == {"service": FIXED, "email": "a"}
    assert without(before, "environment.X", "qa") == before
    assert without(before | {"description": "x"}, "description") == before


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("set", "cpu"), "'cpu' has no value: write it as cpu=VALUE"),
        (("set", "cpu=many"), "cpu must be a whole number, not 'many'"),
        (("set", "cpu=010"), "cpu must be a whole number"),
        (("set", "command=serve"), "command must be a JSON list, as in command='["),
        (("set", "containerPort=80"), "containerPort is fixed since the create"),
        (("set", "environment=x"), "environment has several values: name one of them"),
        (("set", "environment.=x"), "environment has several values: name one of them"),
        (("set", "cpu.x=1"), "cpu is a single setting: write it without .x"),
        (("set", "LEVEL=debug"), "For the variable LEVEL, write environment.LEVEL."),
        (("set", "service.cpu=1"), "Settings are named without service"),
        (("set", "environments=qa"), "use devops apply"),
        (("set", "volumes=[]"), "'volumes' is not one of"),
        (("set", "sidecars=agent"), "sidecars must be JSON: a list or an object"),
        (("set", "logs.driver=awslogs"), "logs is set as a whole, as JSON"),
        (("unset", "scaling.cpuPercent"), "Or use devops scale."),
        (("set", "email=a@b.example", "--env=qa"), "email is the same in all environments"),
        (("set", "production=1"), "production has several values: name one of"),
        (("set", "production.bake=1"), "name one of production.alarms, production.approval,"),
        (("set", "production.bakeMinutes=1.5"), "production.bakeMinutes must be a whole number"),
        (("set", "production.judge={"), "production.judge must be JSON"),
        (("set", "production.strategy.percent=5"), "production.strategy is set as a whole"),
        (("set", "production.bakeMinutes=9", "--env=prod"), "the same in all environments"),
        (("set", "cpu=1", "--env=live"), "prod has the settings of both slots"),
        (("unset", "containerPort"), "containerPort is fixed since the create"),
        (("unset", "cpu=1"), "'cpu=1' is not one of"),
    ],
)
def test_a_wrong_setting_is_refused_before_a_request(
    arguments: tuple[str, ...], problem: str
) -> None:
    service = Service()
    word, *rest = arguments
    result = run(service, word, "Shop", *rest, "--yes")
    assert (result.exit_code, service.requests) == (2, [])
    assert problem in " ".join(result.stderr.replace("│", " ").split())
