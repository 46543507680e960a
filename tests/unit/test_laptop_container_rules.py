"""The laptop cloud refuses the task definitions with several containers that ECS refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tools.laptop.container_rules import faults

CHECK = {"command": ["CMD", "true"]}


def container(name: str, **further: Any) -> dict[str, Any]:
    return {"name": name, "image": "image", **further}


def after(name: str, condition: str) -> dict[str, Any]:
    return {"dependsOn": [{"containerName": name, "condition": condition}]}


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ([container("a"), container("a")], "unique"),
        ([container(f"c{number}") for number in range(11)], "at most 10"),
        ([container("a", **after("b", "START"))], "not in the task definition"),
        ([container("a", **after("b", "COMPLETE")), container("b")], "is essential"),
        ([container("a", **after("b", "SUCCESS")), container("b")], "is essential"),
        ([container("a", **after("b", "HEALTHY")), container("b")], "no health check"),
        ([container("a", logConfiguration={"logDriver": "awsfirelens"})], "firelensConfiguration"),
        ([container("a", cpu=200), container("b", cpu=100)], "cpu of the containers, 300"),
        ([container("a", memory=400), container("b", memory=200)], "memory of the containers"),
    ],
)
def test_a_definition_that_breaks_a_rule_is_refused(
    containers: list[dict[str, Any]], expected: str
) -> None:
    definition = {"cpu": "256", "memory": "512", "containerDefinitions": containers}
    (message,) = faults(definition)
    assert expected in message


def test_a_definition_that_keeps_the_rules_has_no_faults() -> None:
    router = container("router", firelensConfiguration={"type": "fluentbit"}, cpu=56)
    once = container("once", essential=False)
    agent = container("agent", healthCheck=CHECK)
    logged = {"logConfiguration": {"logDriver": "awsfirelens"}, "cpu": 200}
    containers = [
        container("app", **logged, **after("agent", "HEALTHY")),
        container("other", **after("once", "SUCCESS")),
        router, once, agent,
    ]  # fmt: skip
    definition = {"cpu": "256", "memory": "0.5 GB", "containerDefinitions": containers}
    assert list(faults(definition)) == []
