"""The AWS operations that the service calls, by service.

The Lambda package has service models with only the operations listed here
(docs/decisions/0002-botocore-without-boto3.md), so an adapter cannot call another operation.
"""

from __future__ import annotations

from collections.abc import Mapping

CALLED: Mapping[str, tuple[str, ...]] = {
    "application-autoscaling": (
        "DeleteScalingPolicy",
        "DeleteScheduledAction",
        "DeregisterScalableTarget",
        "DescribeScalableTargets",
        "PutScalingPolicy",
        "PutScheduledAction",
        "RegisterScalableTarget",
    ),
    "cloudformation": (
        "ContinueUpdateRollback",
        "CreateChangeSet",
        "CreateStack",
        "DeleteChangeSet",
        "DeleteStack",
        "DescribeChangeSet",
        "DescribeEvents",
        "DescribeStackEvents",
        "DescribeStacks",
        "ExecuteChangeSet",
        "GetTemplate",
        "UpdateTerminationProtection",
        "ValidateTemplate",
    ),
    "cloudwatch": ("DescribeAlarms", "GetMetricData"),
    "dynamodb": (
        "BatchGetItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactWriteItems",
        "UpdateItem",
    ),
    "ecr": ("DescribeImages", "DescribePullThroughCacheRules", "ListTagsForResource"),
    "ecs": (
        "DeregisterTaskDefinition",
        "DescribeServices",
        "DescribeTaskDefinition",
        "DescribeTasks",
        "ListTaskDefinitions",
        "ListTasks",
        "RegisterTaskDefinition",
        "UpdateService",
    ),
    "elbv2": (
        "DescribeRules",
        "DescribeTargetGroups",
        "DescribeTargetHealth",
        "ModifyListener",
    ),
    "events": ("PutEvents",),
    "logs": ("GetLogEvents",),
    "s3": ("GetObject", "HeadBucket", "HeadObject"),
    "secretsmanager": ("DescribeSecret",),
    "ssm": ("ListTagsForResource",),
}

# Operations that only the SDK calls: DescribeEndpoints if endpoint discovery is on
# (botocore.discovery), HeadBucket to find the region of a bucket, and CreateSession for a directory
# bucket (botocore.utils, S3RegionRedirectorv2 and S3ExpressIdentityResolver).
CALLED_BY_SDK: Mapping[str, tuple[str, ...]] = {
    "dynamodb": ("DescribeEndpoints",),
    "s3": ("CreateSession", "HeadBucket"),
}

MODELLED: Mapping[str, tuple[str, ...]] = {
    service: (*called, *CALLED_BY_SDK.get(service, ())) for service, called in CALLED.items()
}
