"""The AWS operations that the service calls, by service.

botocore reads the model of a service before the first call, and a whole model describes up to a
hundred operations. The Lambda package has models with only the operations listed here (see
`serverless/models.py`), so an adapter cannot call another operation. A test compares this list
with the calls of the adapters.
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
