"""The AWS operations that the adapters call, by service: what a deploy package's models hold.

A cold process reads a service's model before its first call, and the whole of one describes up to
a hundred operations. The build keeps the part that is named here (`serverless/models.py`), so an
adapter cannot call what is not; a test holds this table to the adapters.
"""

from __future__ import annotations

from collections.abc import Mapping

CALLED: Mapping[str, tuple[str, ...]] = {
    "cloudformation": (
        "CreateStack",
        "DeleteStack",
        "DescribeStackEvents",
        "DescribeStacks",
        "ValidateTemplate",
    ),
    "dynamodb": (
        "BatchGetItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactWriteItems",
    ),
    "ecr": ("DescribeImages",),
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
    "elbv2": ("DescribeListeners", "DescribeTargetHealth", "ModifyListener"),
    "s3": ("GetObject", "HeadBucket", "HeadObject"),
}

# What the SDK calls by itself: DescribeEndpoints where endpoint discovery is switched on
# (botocore.discovery), HeadBucket to follow a bucket into its region, CreateSession for a
# directory bucket (botocore.utils, S3RegionRedirectorv2 and S3ExpressIdentityResolver).
CALLED_BY_SDK: Mapping[str, tuple[str, ...]] = {
    "dynamodb": ("DescribeEndpoints",),
    "s3": ("CreateSession", "HeadBucket"),
}

MODELLED: Mapping[str, tuple[str, ...]] = {
    service: (*called, *CALLED_BY_SDK.get(service, ())) for service, called in CALLED.items()
}
