"""The application of the fake account, Shop: its inventory and its ECS services."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from devops_core.model.inventory import Application, Row, RowStatus, Service
from devops_core.model.operation import Operation, Progress, Status
from devops_core.model.specification import ApplicationRecord, Specification
from devops_core.naming import Environment, service_name
from devops_core.settings import TableNames

ACCOUNT, REGION = "123456789012", "eu-west-1"
TABLES = TableNames(
    non_production="ECS_Inventory_NonProduction",
    production="ECS_Inventory_Production",
    training_da="ECS_Inventory_TrainingDA",
    log="DevOpsLogsTable",
)
# The environment variables of the functions in serverless.yml.
ENVIRONMENT = {
    "ACCOUNT_ID": ACCOUNT,
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "API_STAGE": "dev",
    "NONPRODUCTION_TABLE": TABLES.non_production,
    "PRODUCTION_TABLE": TABLES.production,
    "TRAININGDA_TABLE": TABLES.training_da,
    "LOG_TABLE": TABLES.log,
    "TEMPLATE_URL": "s3://templates/application.yml",
    "TEMPLATE_BUCKET": "templates",
    "INITIAL_IMAGE": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/start:1.0",
    "VPC_ID": "vpc-1",
    "SUBNETS": "subnet-1,subnet-2",
    "LOAD_BALANCER_SUBNETS": "subnet-1,subnet-2",
    "SECURITY_GROUP": "sg-1",
    "LOAD_BALANCER_SECURITY_GROUP": "sg-2",
    "STACK_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/stack",
    "ALLOWED_REGISTRIES": "*",
    "AUTH": "iam",
    "PERMISSIONS_BOUNDARY_ARN": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
}
APPLICATION = "Shop"
OPERATION = "01K00000000000000000000000"
CALLER = f"arn:aws:iam::{ACCOUNT}:user/alice"

ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{APPLICATION}/1"
DIGEST = "sha256:" + "0f" * 32
NOW = datetime.now(UTC).replace(microsecond=0)
RECORD = ApplicationRecord(Specification(1, {"email": "web@example.com"}), 1)
VERSIONS = {Environment.PROD_GREEN: "1.0", Environment.PROD_BLUE: "2.0", Environment.DEV: "3.0"}
_ELB = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}"
_REPOSITORY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop"


def running(name: str, rolled_out: str | None = None) -> dict[str, Any]:
    """Return a service as in DescribeServices; with `rolled_out` during its rollout."""
    deployment = {
        "status": "PRIMARY",
        "taskDefinition": rolled_out or task_definition(name),
        "rolloutState": "IN_PROGRESS" if rolled_out else "COMPLETED",
        "desiredCount": 1,
        "runningCount": 1,
        "failedTasks": 0,
        "updatedAt": NOW.timestamp(),
    }
    return {
        "serviceName": name,
        "status": "ACTIVE",
        "desiredCount": 1,
        "runningCount": 1,
        "pendingCount": 0,
        "deployments": [deployment],
    }


def row(environment: Environment) -> Row:
    """Return the inventory row of an environment."""
    name = service_name(environment)
    return Row(
        application=Application(
            name=APPLICATION,
            technical_team="web",
            tags={"technicalTeam": "web"},
            stack_id=STACK,
            repository=_REPOSITORY,
            production_listener=listener("production"),
            test_listener=listener("test"),
        ),
        environment=environment,
        status=RowStatus.ACTIVE,
        operation=OPERATION,
        service=Service(
            name=name,
            arn=f"{ECS}:service/{APPLICATION}/{name}",
            target_group=target_group(name),
            container="app",
            task_definition=task_definition(name),
            blueprint=_blueprint(name),
            image=f"{_REPOSITORY}:{VERSIONS[environment]}",
            digest="sha256:" + VERSIONS[environment][0] * 64,
            version=VERSIONS[environment],
            was_live=environment is Environment.PROD_GREEN,
            spec=RECORD.current,
            spec_hash=RECORD.specification.settings(environment).hash,
        ),
    )


def _blueprint(name: str) -> dict[str, Any]:
    return {
        "family": f"{APPLICATION}-{name}",
        "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/devops-ecs/execution",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [
            {
                "name": "app",
                "image": f"{_REPOSITORY}:1.0",
                "essential": True,
                "portMappings": [{"containerPort": 80, "protocol": "tcp"}],
                "environment": [{"name": "LEVEL", "value": "info"}],
            }
        ],
    }


def ended_operation() -> Operation:
    """Return an operation that has succeeded."""
    part = Progress(
        environment=Environment.DEV, service="dev", status=Status.SUCCEEDED, version="3.0"
    )
    return Operation(
        id=OPERATION,
        kind="deploy",
        application=APPLICATION,
        caller=CALLER,
        requested_at=NOW,
        deadline=NOW + timedelta(minutes=30),
        progress=(part,),
        status=Status.SUCCEEDED,
        ended_at=NOW,
        version="3.0",
    )


def listener(name: str) -> str:
    """Return the ARN of the listener `production` or `test`."""
    return f"{_ELB}:listener/app/{APPLICATION}/{name}"


def target_group(name: str) -> str:
    """Return the ARN of a service's target group."""
    return f"{_ELB}:targetgroup/{APPLICATION}-{name}/1"


def task_definition(name: str) -> str:
    """Return the ARN of the task definition of a service."""
    return f"{ECS}:task-definition/{APPLICATION}-{name}:1"
