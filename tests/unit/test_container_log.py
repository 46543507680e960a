"""The name of a container's log, and the bounds of its lines in a record."""

from __future__ import annotations

from typing import Any

import pytest

from devops_core.model.container_log import ContainerLog, bounded, container_log

TASK = 32 * "7"


def definition(**configuration: Any) -> dict[str, Any]:
    return {
        "containerDefinitions": [
            {"name": "router"},
            {"name": "app", "logConfiguration": configuration},
        ]
    }


OPTIONS = {"awslogs-group": "/ecs/Shop/dev", "awslogs-stream-prefix": "web"}


def test_the_stream_has_the_name_of_the_driver() -> None:
    found = container_log(definition(logDriver="awslogs", options=OPTIONS), "app", TASK)
    assert found == ContainerLog("/ecs/Shop/dev", f"web/app/{TASK}")


@pytest.mark.parametrize(
    ("configuration", "container"),
    [
        ({"logDriver": "awsfirelens", "options": OPTIONS}, "app"),
        ({"logDriver": "awslogs"}, "app"),
        ({"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/Shop/dev"}}, "app"),
        ({"logDriver": "awslogs", "options": {"awslogs-stream-prefix": "web"}}, "app"),
        ({}, "app"),
        ({"logDriver": "awslogs", "options": OPTIONS}, "router"),
        ({"logDriver": "awslogs", "options": OPTIONS}, "other"),
    ],
)
def test_other_containers_have_no_log(configuration: dict[str, Any], container: str) -> None:
    assert container_log(definition(**configuration), container, TASK) is None


@pytest.mark.parametrize(
    ("group", "own"),
    [("/ecs/Shop/dev", True), ("/ecs/Shop/", True), ("/ecs/Shop", False), ("/ecs/Shop-a/b", False),
     ("/ecs/shop/dev", False), ("/aws/ecs/Shop/dev", False)],
)  # fmt: skip
def test_a_group_belongs_to_one_application(group: str, own: bool) -> None:
    assert ContainerLog(group, "a/b/c").belongs_to("Shop") is own


def test_the_last_twenty_lines_are_kept() -> None:
    lines = [str(number) for number in range(25)]
    assert bounded(lines, 1) == tuple(lines[5:])
    assert bounded([], 1) == ()


def test_a_long_line_is_cut() -> None:
    (line,) = bounded(["x" * 501], 1)
    assert line == "x" * 499 + "…"
    assert bounded(["x" * 500], 1) == ("x" * 500,)


@pytest.mark.parametrize("containers", [1, 4, 5, 7, 0])
@pytest.mark.parametrize("character", ["x", "é", "\U0001f600"])
def test_the_lines_of_all_containers_fit_into_a_record(containers: int, character: str) -> None:
    lines = bounded([character * 499] * 20, containers)
    size = len("".join(lines).encode())
    assert lines
    assert size <= 4_096
    assert size * containers <= 16_384
    # One more line would not fit.
    assert size + len(lines[0].encode()) > min(4_096, 16_384 // max(1, containers))
