"""The differences between two task definitions, or between any two JSON objects."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devops_core.model.differences import differences

APP = {
    "name": "app",
    "image": "shop@sha256:1",
    "portMappings": [{"containerPort": 80}],
    "environment": [
        {"name": "ENVIRONMENT", "value": "dev"},
        {"name": "LOG_LEVEL", "value": "info"},
    ],
    "secrets": [{"name": "TOKEN", "valueFrom": "arn:aws:ssm:eu-west-1:123456789012:parameter/a"}],
    "dockerLabels": {"com.example.team": "payments"},
}
SIDECAR = {"name": "sidecar", "image": "proxy:1"}
BLUEPRINT: dict[str, Any] = {
    "family": "Shop-dev",
    "cpu": "256",
    "requiresCompatibilities": ["FARGATE"],
    "containerDefinitions": [APP, SIDECAR],
}


def changed(**members: Any) -> dict[str, Any]:
    """Return the blueprint with other members of its first container; None removes one."""
    app = {name: value for name, value in {**APP, **members}.items() if value is not None}
    return BLUEPRINT | {"containerDefinitions": [app, SIDECAR]}


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (BLUEPRINT, []),
        (copy.deepcopy(BLUEPRINT), []),
        (
            changed(image="shop@sha256:2"),
            [{"field": "containerDefinitions.app.image", "old": "shop@sha256:1",
              "new": "shop@sha256:2"}],
        ),
        (
            BLUEPRINT | {"cpu": "512"} | {"memory": "1024"},
            [{"field": "cpu", "old": "256", "new": "512"}, {"field": "memory", "new": "1024"}],
        ),
        (
            {name: value for name, value in BLUEPRINT.items() if name != "cpu"},
            [{"field": "cpu", "old": "256"}],
        ),
        (
            changed(environment=[{"name": "LOG_LEVEL", "value": "debug"},
                                 {"name": "ENVIRONMENT", "value": "dev"}]),
            [{"field": "containerDefinitions.app.environment.LOG_LEVEL", "old": "info",
              "new": "debug"}],
        ),
        (
            changed(environment=[{"name": "COLOUR", "value": ""}]),
            [
                {"field": "containerDefinitions.app.environment.COLOUR", "new": ""},
                {"field": "containerDefinitions.app.environment.ENVIRONMENT", "old": "dev"},
                {"field": "containerDefinitions.app.environment.LOG_LEVEL", "old": "info"},
            ],
        ),
        (
            changed(secrets=[{"name": "TOKEN", "valueFrom": "arn:b"}]),
            [{"field": "containerDefinitions.app.secrets.TOKEN",
              "old": APP["secrets"][0]["valueFrom"], "new": "arn:b"}],  # type: ignore[index]
        ),
        (
            changed(dockerLabels={"com.example.team": "search"}),
            [{"field": "containerDefinitions.app.dockerLabels.com.example.team",
              "old": "payments", "new": "search"}],
        ),
        (
            changed(portMappings=[{"containerPort": 8080}]),
            [{"field": "containerDefinitions.app.portMappings",
              "old": [{"containerPort": 80}], "new": [{"containerPort": 8080}]}],
        ),
        (
            BLUEPRINT | {"containerDefinitions": [APP]},
            [{"field": "containerDefinitions.sidecar", "old": "proxy:1"}],
        ),
        (
            BLUEPRINT | {"containerDefinitions": [APP, SIDECAR | {"essential": False}]},
            [{"field": "containerDefinitions.sidecar.essential", "new": False}],
        ),
    ],
    ids=["same object", "equal object", "image", "additional member", "removed member", "variable",
         "variables", "secret", "label", "objects without names", "removed container",
         "member of a container"],
)  # fmt: skip
def test_finds_the_differences(new: dict[str, Any], expected: list[Any]) -> None:
    assert differences(BLUEPRINT, new) == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([{"name": "a", "x": 1}, {"name": "a", "x": 2}], [{"name": "a", "x": 1}]),
        ([{"name": "a"}, {"x": 1}], [{"name": "a"}]),
        ([{"name": 1, "x": 1}], [{"name": 1, "x": 2}]),
        ([{"name": "a", "x": 1}], ["a"]),
        ([{"name": "a", "x": 1}], {"a": 1}),
        ({"a": 1}, [{"name": "a", "x": 1}]),
        ([1, 2], [2, 1]),
        (None, 0),
    ],
)
def test_a_list_without_unique_names_is_compared_as_one_value(old: Any, new: Any) -> None:
    assert differences({"it": old}, {"it": new}) == [{"field": "it", "old": old, "new": new}]


def test_objects_with_different_members_are_not_represented_by_their_values() -> None:
    old, new = {"all": [{"name": "A", "value": "x"}]}, {"all": [{"name": "A", "valueFrom": "x"}]}
    assert differences(old, new) == [
        {"field": "all.A.value", "old": "x"},
        {"field": "all.A.valueFrom", "new": "x"},
    ]
    bare = {"all": [{"name": "A"}]}
    assert differences(bare, old) == [{"field": "all.A.value", "new": "x"}]
    assert differences({"all": []}, bare) == [{"field": "all.A", "new": {}}]


_NAMES = st.sampled_from(["name", "value", "image", "a", "b"])
_VALUES = st.recursive(
    st.none() | st.integers(0, 2) | st.sampled_from(["a", "b", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(_NAMES, inner, max_size=3)
        | st.lists(
            st.builds(
                lambda name, rest: {**rest, "name": name},
                st.sampled_from("abc"),
                st.dictionaries(_NAMES, inner, max_size=2),
            ),
            max_size=3,
        )
    ),
    max_leaves=12,
)
_OBJECTS = st.dictionaries(_NAMES, _VALUES, max_size=4)
_ENOUGH = settings(max_examples=400, deadline=None, database=None, derandomize=True)


def in_order(value: Any) -> Any:
    """Return a value whose lists of objects with unique names are sorted by name."""
    if isinstance(value, dict):
        return {name: in_order(each) for name, each in value.items()}
    if not isinstance(value, list):
        return value
    names = [each.get("name") if isinstance(each, dict) else None for each in value]
    inner = list(map(in_order, value))
    own = all(isinstance(name, str) for name in names) and len({*names}) == len(names)
    return sorted(inner, key=lambda each: str(each["name"])) if own else inner


@_ENOUGH
@given(_OBJECTS, _OBJECTS)
def test_equal_objects_and_no_others_have_no_differences(old: Any, new: Any) -> None:
    assert (differences(old, new) == []) == (in_order(old) == in_order(new))


@_ENOUGH
@given(_OBJECTS, _OBJECTS)
def test_exchanged_objects_have_exchanged_differences(old: Any, new: Any) -> None:
    turned = {"field": "field", "old": "new", "new": "old"}
    there = [
        {turned[name]: value for name, value in each.items()} for each in differences(old, new)
    ]
    assert differences(new, old) == there


@_ENOUGH
@given(_OBJECTS, _OBJECTS)
def test_each_difference_has_an_old_or_a_new_value(old: Any, new: Any) -> None:
    for each in differences(old, new):
        assert each.keys() > {"field"}
        assert len(each) < 3 or each["old"] != each["new"]
