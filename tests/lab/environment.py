"""The environment variables of an installation."""

from __future__ import annotations

VARIABLES = {
    "ACCOUNT_ID": "123456789012",
    "AWS_REGION": "eu-west-1",
    "API_STAGE": "dev",
    "PUBLIC_URL": "https://deploy.example.com/dev/",
    "NONPRODUCTION_TABLE": "ECS_Inventory_NonProduction",
    "PRODUCTION_TABLE": "ECS_Inventory_Production",
    "TRAININGDA_TABLE": "ECS_Inventory_TrainingDA",
    "LOG_TABLE": "DevOpsLogsTable",
    "TEMPLATE_URL": "s3://ecs-cf-bucket/application.yml",
    "TEMPLATE_BUCKET": "ecs-cf-bucket",
    "INITIAL_IMAGE": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/start:1.0",
    "VPC_ID": "vpc-1",
    "SUBNETS": "subnet-1,subnet-2",
    "LOAD_BALANCER_SUBNETS": "subnet-3,subnet-4",
    "SECURITY_GROUP": "sg-1",
    "LOAD_BALANCER_SECURITY_GROUP": "sg-2",
    "STACK_ROLE_ARN": "arn:aws:iam::123456789012:role/stacks-role",
    "PERMISSIONS_BOUNDARY_ARN": "arn:aws:iam::123456789012:policy/boundary",
    "REQUIRED_TAGS": "costCentre, owner,",
    "LOG_RETENTION_DAYS": "90",
    "PRODUCTION_SCHEME": "internet-facing",
    "CERTIFICATE_ARN": "arn:aws:acm:eu-west-1:123456789012:certificate/1",
    "ALLOWED_REGISTRIES": "*",
    "AUTH": "iam",
    "MAX_VCPUS": "64",
    "ECS_EXEC": "true",
    "SECRET_KEYS": (
        "arn:aws:kms:eu-west-1:123456789012:key/1,arn:aws:kms:eu-west-1:123456789012:key/2"
    ),
    "ACCESS_POLICY": '{"teams": {"payments": ["arn:aws:iam::123456789012:role/payments-*"]}}',
}
