"""Events of EventBridge, as AWS documents them.

CloudFormation User Guide, "CloudFormation Stack Status Change"; Amazon ECS Developer Guide,
"Amazon ECS service deployment state change events" and "Amazon ECS task state change events".
"""

from __future__ import annotations

from typing import Any

from tests.lab.fakes import ACCOUNT, REGION


def _event(source: str, kind: str, resources: list[str], detail: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "ddca6449-b258-46c0-8653-e0e3a6EXAMPLE",
        "source": source,
        "detail-type": kind,
        "account": ACCOUNT,
        "time": "2025-03-01T09:05:00Z",
        "region": REGION,
        "resources": resources,
        "detail": detail,
    }


def stack_status(application: str, status: str) -> dict[str, Any]:
    """Return the event of a stack with a new status."""
    arn = (
        f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{application}/"
        "5a1e2b30-0000-11f0-8000-0a1b2c3d4e5f"
    )
    return _event(
        "aws.cloudformation",
        "CloudFormation Stack Status Change",
        [arn],
        {
            "stack-id": arn,
            "status-details": {"status": status, "status-reason": ""},
            "client-request-token": "",
        },
    )


def deployment_state(application: str, service: str, name: str) -> dict[str, Any]:
    """Return the event of a deployment ("SERVICE_DEPLOYMENT_COMPLETED")."""
    return _event(
        "aws.ecs",
        "ECS Deployment State Change",
        [f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{application}/{service}"],
        {
            "eventType": "INFO",
            "eventName": name,
            "deploymentId": "ecs-svc/1234567890123",
            "updatedAt": "2025-03-01T09:05:00Z",
            "reason": "ECS deployment ecs-svc/1234567890123 completed.",
        },
    )


def task_stopped(application: str, service: str) -> dict[str, Any]:
    """Return the event of a task of a service that stopped."""
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{application}/0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    return _event(
        "aws.ecs",
        "ECS Task State Change",
        [arn],
        {
            "clusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{application}",
            "taskArn": arn,
            "group": f"service:{service}",
            "lastStatus": "STOPPED",
            "desiredStatus": "STOPPED",
            "stoppedReason": "Essential container in task exited",
            "version": 5,
        },
    )


DEPLOYMENT_COMPLETED = deployment_state("Shop", "dev", "SERVICE_DEPLOYMENT_COMPLETED")
