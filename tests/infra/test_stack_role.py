"""serverless/stack-role.yml against what CloudFormation's resource handlers ask for."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from .templates import APPLICATION, ROOT, load, unroll

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


@pytest.mark.parametrize("kind", APPLICATION_TYPES)
@pytest.mark.parametrize("handler", ["create", "read", "delete"])
def test_the_stack_role_may_do_what_the_handlers_of_a_resource_do(kind: str, handler: str) -> None:
    role = load(ROOT / "serverless" / "stack-role.yml")["Resources"]["StackRole"]
    (policy,) = role["Properties"]["Policies"]
    actions = [statement["Action"] for statement in policy["PolicyDocument"]["Statement"]]
    allowed = [one for each in actions for one in (each if isinstance(each, list) else [each])]
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", kind).schema["handlers"]
    needed = set(handlers[handler]["permissions"]) - NOT_NEEDED
    missing = [one for one in needed if not any(fnmatchcase(one, each) for each in allowed)]
    assert missing == []
