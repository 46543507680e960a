"""CloudFormation has only the permissions of the service's role for stacks."""

from __future__ import annotations

import pytest

from tests.lab.laptop.api import Api, create_body
from tests.lab.laptop.functions import Functions

WAIT = {"Prefer": "wait=25"}


@pytest.mark.parametrize(
    "action",
    ["ec2:GetSecurityGroupsForVpc", "elasticloadbalancing:AddTags", "iam:PassRole"],
)
def test_a_create_fails_with_the_permission_that_the_stack_role_lacks(
    api: Api, functions: Functions, action: str
) -> None:
    body = create_body("Lacking", environments={"nonProd": ["dev"]})
    with functions.stacks_without(action):
        response = api.post("/stacks", body, **WAIT)
    assert response.status == 424, response.body
    reasons = response.operation["reasons"]
    assert any(f"not authorized to perform: {action}" in each for each in reasons)
    assert api.call("GET", "/stacks/Lacking").status == 404
