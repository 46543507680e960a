"""Each function has the permissions that it needs, and no others."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from devops_core.naming import DEPLOYABLE, SLOTS, family, service_name
from tests.infra.conftest import Packaged
from tests.infra.permissions import courses
from tests.infra.permissions.courses import FUNCTIONS, Used
from tests.infra.permissions.granted import Grant, grants, matches
from tests.lab.fakes import ACCOUNT, REGION, settings
from tools.laptop.calls import Permission

_FUNCTIONS = sorted({*FUNCTIONS.values(), "reconcile"})
TESTS = [*map(service_name, DEPLOYABLE)]
_BALANCING = "elasticloadbalancing"
Keys = Mapping[str, str | list[str]]


@pytest.fixture(scope="module")
def used() -> Used:
    return courses.used()


def _refused(allowed: Collection[Grant], asked: Collection[Permission]) -> list[str]:
    return sorted(
        {
            f"{permission.action} on {permission.resource}"
            for permission in asked
            if not any(grant.allows(permission) for grant in allowed)
        }
    )


def _unused(allowed: Collection[Grant], asked: Collection[Permission]) -> list[str]:
    return sorted(
        str(grant) for grant in allowed if not any(grant.allows(permission) for permission in asked)
    )


@pytest.mark.parametrize("function", _FUNCTIONS)
def test_a_function_has_the_permissions_that_it_needs(
    packaged: Packaged, used: Used, function: str
) -> None:
    refused = _refused(grants(packaged.template, function), used[function])
    assert not refused, "\n".join(refused)


@pytest.mark.parametrize("function", _FUNCTIONS)
def test_a_function_has_no_other_permissions(packaged: Packaged, used: Used, function: str) -> None:
    unused = _unused(grants(packaged.template, function), used[function])
    assert not unused, "\n".join(unused)


@pytest.mark.parametrize("name", ["Shop", "my-shop", "prod-1-x", "a-dev-b", "x-prod-2x", "dev"])
def test_no_name_of_an_application_makes_a_service_that_of_another_environment(
    packaged: Packaged, name: str
) -> None:
    ecs, elb = (f"arn:aws:{service}:{REGION}:{ACCOUNT}" for service in ("ecs", _BALANCING))
    changeable = {
        function: {
            each
            for each in (*TESTS, *SLOTS, "prod")
            for action, resource in (
                ("ecs:RegisterTaskDefinition", f"{ecs}:task-definition/{family(name, each)}:1"),
                ("ecs:UpdateService", f"{ecs}:service/{name}/{each}"),
                (f"{_BALANCING}:ModifyListener", f"{elb}:listener/app/{name}-{each}/1/2"),
            )
            if any(
                grant.action == action and matches(grant.resource, resource)
                for grant in grants(packaged.template, function)
            )
        }
        for function in ("deployNonProd", "deployProdBlue", "swap")
    }
    assert changeable == {
        "deployNonProd": {*TESTS},
        "deployProdBlue": {*SLOTS},
        "swap": {*SLOTS, "prod"},
    }


_ECS, _STACK = f"arn:aws:ecs:{REGION}:{ACCOUNT}", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}"
_TASK_DEFINITION = f"{_ECS}:task-definition/Shop-dev:1"
_FARGATE = {"ecs:compute-compatibility": ["FARGATE"]}
_BUCKET = f"arn:aws:s3:::{settings().template_bucket}"
_ROLE = {"cloudformation:RoleArn": settings().stack_role}


@pytest.mark.parametrize(
    ("action", "resource", "own", "hostile"),
    [
        ("ecs:UpdateService", f"{_ECS}:service/Shop/dev",
         {"aws:ResourceTag/devops:application": "Shop"}, {"aws:ResourceTag/team": "others"}),
        # Without ecsexec.
        ("ecs:UpdateService", f"{_ECS}:service/Shop/dev",
         {"aws:ResourceTag/devops:application": "Shop", "ecs:enable-execute-command": "false"},
         {"aws:ResourceTag/devops:application": "Shop", "ecs:enable-execute-command": "true"}),
        ("ecs:RegisterTaskDefinition", _TASK_DEFINITION, _FARGATE, {}),
        ("ecs:RegisterTaskDefinition", _TASK_DEFINITION, _FARGATE,
         {"ecs:compute-compatibility": ["EC2", "FARGATE"]}),
        ("ecs:RegisterTaskDefinition", _TASK_DEFINITION, _FARGATE | {"ecs:privileged": "false"},
         _FARGATE | {"ecs:privileged": "true"}),
        ("ecs:TagResource", _TASK_DEFINITION, {"ecs:CreateAction": "RegisterTaskDefinition"}, {}),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/devops-ecs/Shop-dev",
         {"iam:PassedToService": "ecs-tasks.amazonaws.com"},
         {"iam:PassedToService": "ec2.amazonaws.com"}),
        ("s3:GetObject", f"{_BUCKET}/application.yml", {"s3:ResourceAccount": ACCOUNT},
         {"s3:ResourceAccount": "210987654321"}),
        ("s3:ListBucket", _BUCKET, {"s3:ResourceAccount": ACCOUNT},
         {"s3:ResourceAccount": "210987654321"}),
        ("cloudformation:DeleteStack", f"{_STACK}:stack/Shop/1",
         _ROLE | {"aws:ResourceTag/devops:operation": "01"}, _ROLE),
        ("cloudformation:CreateStack", f"{_STACK}:stack/Shop/1",
         _ROLE | {"aws:RequestTag/devops:operation": "01"},
         {"aws:RequestTag/devops:operation": "01"}),
    ],
)  # fmt: skip
def test_no_function_can_make_a_call_outside_the_conditions(
    packaged: Packaged, action: str, resource: str, own: Keys, hostile: Keys
) -> None:
    """The own call has the condition keys of the service, the other one those of an attacker."""
    allowed = [
        [
            function
            for function in _FUNCTIONS
            if any(
                grant.allows(Permission(action, resource, keys))
                for grant in grants(packaged.template, function)
            )
        ]
        for keys in (own, hostile)
    ]
    assert allowed[0]
    assert allowed[1] == []
