"""serverless/stack-role.yml against what CloudFormation's resource handlers ask for."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.infra import reference
from tests.infra.reference import Statement, listed
from tests.lab.templates import APPLICATION, ROOT, load, unroll

# What handlers declare for properties that the application template does not set.
NOT_NEEDED = {
    "cognito-idp:DescribeUserPoolClient",  # a listener that signs users in
    "ec2:DescribeIpamPools",  # Ipv4IpamPoolId
    "ecr:PutLifecyclePolicy",
    "ecr:SetRepositoryPolicy",
    "elasticloadbalancing:ModifyCapacityReservation",  # MinimumLoadBalancerCapacity
    "elasticloadbalancing:ModifyListenerAttributes",
    "elasticloadbalancing:RegisterTargets",  # Targets: ECS registers them
    "firehose:TagDeliveryStream",  # DataProtectionPolicy
    "iam:AttachRolePolicy",  # ManagedPolicyArns
    "kms:CreateGrant",  # keys of one's own, and the next two
    "kms:DescribeKey",
    "kms:RetireGrant",
    "logs:CreateLogDelivery",
    "logs:PutBearerTokenAuthentication",
    "logs:PutDataProtectionPolicy",
    "logs:PutIndexPolicy",
    "logs:PutResourcePolicy",
    "s3:REST.PUT.OBJECT",
}
APPLICATION_TYPES = sorted(
    {
        resource["Type"]
        for resource in unroll(load(APPLICATION), {"Environments": ["dev"]})["Resources"].values()
    }
)


CHANGING = ("Delete", "BatchDelete", "Modify", "Set", "Update")
# A listener has no tag of the template's. An IAM role is known by its path, and by its boundary.
NOT_BY_TAG = {"elasticloadbalancing:DeleteListener", "iam:DeleteRole", "iam:DeleteRolePolicy"}


@pytest.mark.parametrize("kind", APPLICATION_TYPES)
@pytest.mark.parametrize("handler", ["create", "read", "delete"])
def test_the_stack_role_may_do_what_the_handlers_of_a_resource_do(kind: str, handler: str) -> None:
    allowed = [action for each in statements() for action in listed(each["Action"])]
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", kind).schema["handlers"]
    needed = set(handlers[handler]["permissions"]) - NOT_NEEDED
    missing = [one for one in needed if not any(fnmatchcase(one, each) for each in allowed)]
    assert missing == []


def test_what_changes_something_asks_for_the_tag_of_an_application() -> None:
    tag = {"Null": {"aws:ResourceTag/devops:application": "false"}}
    untold = [
        action
        for statement in statements()
        for action in listed(statement["Action"])
        if action.partition(":")[2].startswith(CHANGING) and statement.get("Condition") != tag
    ]
    assert set(untold) == NOT_BY_TAG


def test_a_tag_is_put_only_on_what_ecs_is_making() -> None:
    (tagging,) = (each for each in statements() if "ecs:TagResource" in listed(each["Action"]))
    making = {"CreateCluster", "CreateService", "RegisterTaskDefinition"}
    assert set(tagging["Condition"]["StringEquals"]["ecs:CreateAction"]) == making


def statements() -> list[Statement]:
    return reference.statements(load(ROOT / "serverless" / "stack-role.yml"))
