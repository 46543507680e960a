"""Existing ECS services of different shapes, as AWS describes them.

Each shape is a public one; its names and values are our own. `source` is a page about it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from devops_cli.translation.facts import Described

ALL: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in sorted(Path(__file__).parent.glob("*.json"))
}
ACCOUNT, REGION = "012345678901", "eu-west-1"


def described(name: str) -> Described:
    """Return the descriptions of a shape."""
    return Described(
        **{key: value for key, value in ALL[name].items() if key not in ("title", "source")}
    )


def register_request(name: str) -> dict[str, Any]:
    """Return the members of a task definition that RegisterTaskDefinition accepts."""
    described_only = {
        "taskDefinitionArn", "revision", "status", "compatibilities", "requiresAttributes",
    }  # fmt: skip
    definition = ALL[name]["definition"]
    return {key: value for key, value in definition.items() if key not in described_only}
