"""Model values with only the required members, and with all members."""

from __future__ import annotations

from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from devops_core.details.create import CreateDetails
from devops_core.details.delete import DeleteDetails
from devops_core.details.swap import SwapDetails
from devops_core.details.update import UpdateDetails
from devops_core.details.upgrade import UpgradeDetails
from devops_core.model.claims import Claim, Closing, IdempotencyRecord
from devops_core.model.container_log import ContainerLog
from devops_core.model.inventory import Application, Row, RowStatus, Service
from devops_core.model.notification import EnvironmentResult, Notification
from devops_core.model.operation import Event, Operation, Progress, Status
from devops_core.model.specification import (
    ApplicationRecord,
    FixedSettings,
    RecordClaim,
    Revision,
    Specification,
    StackRecord,
)
from devops_core.model.stack_change import StackChange
from devops_core.model.steps import WarmedPage
from devops_core.model.swap_policy import Approval, Judge, SwapPolicy
from devops_core.model.template import Template
from devops_core.model.traffic import Requests, Verdict
from devops_core.naming import Environment
from devops_core.settings import TableNames

NOW = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)
NAMES = TableNames(
    non_production="NonProduction", production="Production", training_da="TrainingDA", log="Log"
)
DIGEST = "sha256:" + "0f" * 32

MINIMAL_APPLICATION = Application(name="Shop", technical_team="web")
FULL_APPLICATION = Application(
    name="Shop",
    technical_team="web",
    creation="01CREATE",
    tags={"technicalTeam": "web", "cost centre": "4711"},
    stack_id="arn:aws:cloudformation:eu-west-1:123456789012:stack/Shop/1",
    repository="123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop",
    production_listener="arn:listener/production",
    test_listener="arn:listener/test",
)
MINIMAL_SERVICE = Service(
    name="dev",
    arn="arn:service/dev",
    target_group="arn:targetgroup/dev",
    container="app",
    task_definition="arn:task-definition/Shop-dev:1",
    registered="arn:task-definition/Shop-dev:2",
    blueprint={"family": "Shop-dev", "containerDefinitions": [{"name": "app", "cpu": 0}]},
    image="nginx:1",
)
FULL_SERVICE = replace(
    MINIMAL_SERVICE,
    name="prod-1",
    digest=DIGEST,
    version="1.2.0",
    deployed_at=NOW,
    deployed_by="ci",
    deployers=("arn:aws:iam::123456789012:role/ci",),
    was_live=True,
    live_definition="arn:aws:ecs:eu-west-1:123456789012:task-definition/Shop-prod-1:6",
    unverified="its rollout did not complete",
    spec=3,
    spec_hash="5e" * 32,
    owned=("environment.LEVEL", "command"),
    desired_count=2,
    scaling={"min": 2, "max": 5, "cpuPercent": 60},
    scaling_known=False,
    blueprint={"containerDefinitions": [{"linuxParameters": {"ratio": 0.5, "on": None}}]},
)
MINIMAL_ROW = Row(
    application=MINIMAL_APPLICATION, environment=Environment.DEV, status=RowStatus.CREATING
)
FULL_ROW = Row(
    application=FULL_APPLICATION,
    environment=Environment.PROD_GREEN,
    status=RowStatus.DELETE_FAILED,
    claim="01CLAIM",
    revision=7,
    url="http://shop.example.com",
    service=FULL_SERVICE,
    operation="01BEFORE",
    updated_at=NOW,
    updated_by="ci",
    drift="the ECS service does not exist any more",
)
MINIMAL_SPECIFICATION = Specification(1, {"email": "web@example.com"})
FULL_SPECIFICATION = Specification(
    3,
    {
        "description": "The shop",
        "email": "web@example.com",
        "environments": {"nonProd": ["dev", "qa"], "training": True, "da": True},
        "service": {
            "cpu": 512,
            "memory": 1024,
            "desiredCount": 2,
            "startSeconds": 90,
            "stopSeconds": 60,
            "rolloutMinutes": 45,
            "command": ["serve", "serve"],
            "environment": {"LOG_LEVEL": "debug", "EMPTY": ""},
            "secrets": {"PASSWORD": "arn:secret"},
            "taskRole": "arn:aws:iam::123456789012:role/shop",
            "warmup": ["/", "/a?b=c"],
            "registryCredentials": "arn:secret",
            "dependsOn": {"agent": "START"},
            "logs": {"driver": "awslogs"},
            "ephemeralStorageGiB": 30,
            "ulimits": {"nofile": {"soft": 1024, "hard": 2048}},
            "sidecars": [{"name": "agent", "image": "registry.example.com/agent:1"}],
        },
        "overrides": {"prod": {"secrets": {"CARD": "arn:secret"}, "unset": ["LOG_LEVEL"]}},
        "production": {
            "strategy": {"type": "canary", "percent": 5},
            "bakeMinutes": 10,
            "alarms": ["errors"],
            "judge": {"errorRatePercent": 0.5},
            "approval": {"before": "shift"},
        },
    },
    {"registry.example.com/agent:1": f"sha256:{'0' * 64}"},
    {"arn:aws:iam::123456789012:role/ci": 3},
)
FULL_TEMPLATE = Template(url="s3://templates/application.yml", version="v1", sha256="ab")
FULL_PAGE = WarmedPage(path="/", status=200, milliseconds=7, reason="slow")
MINIMAL_RECORD = ApplicationRecord(MINIMAL_SPECIFICATION, 1)
FULL_RECORD = ApplicationRecord(
    FULL_SPECIFICATION,
    3,
    fixed=FixedSettings(8080, "/", "ARM64"),
    claim="01CLAIM",
    stack=StackRecord(FULL_TEMPLATE, {"dev": ("arn:secret",), "prod": ()}),
    latest=4,
)
FULL_STACK_CHANGE = StackChange(
    parameters={"Environments": "dev,qa", "devSecretArns": ""},
    added=(Environment.QA,),
    removed=(Environment.DA,),
    permitted=("dev", "prod"),
)
FULL_POLICY = SwapPolicy(
    strategy="canary",
    percent=20,
    step_minutes=7,
    bake_minutes=30,
    alarms=("errors", "slow"),
    judge=Judge(0.5, 20),
    approval=Approval("full", 60),
)
FULL_VERDICT = Verdict(NOW, "BAD", Requests(100, 5), Requests(900, 1), "too many errors")
# The details with all members, by kind; operations of other kinds have no details.
FULL_DETAILS = {
    "create": CreateDetails(
        template=FULL_TEMPLATE,
        stack_id="arn:stack/Shop",
        undoing=True,
        containers={"dev": "app"},
        registers=("dev",),
        configures=("dev", "qa"),
    ),
    "swap": SwapDetails(
        live="prod-2",
        idle="prod-1",
        warmup=("/",),
        policy=FULL_POLICY,
        warmed=(FULL_PAGE,),
        weight=10,
        changed_at=NOW,
        shifted_at=NOW,
        switched_at=NOW,
        returning=("aborted by an admin",),
        returned_at=NOW,
        awaiting_at=NOW,
        approved_by="arn:aws:iam::123456789012:user/approver",
        approved_at=NOW,
        finished_by="arn:aws:iam::123456789012:user/finisher",
        finished_at=NOW,
        completing=True,
        lost_at=NOW,
        checked_at=NOW,
        unreadable=1,
        unhealthy=1,
        healthy=4,
        alarms={"errors": "OK", "slow": "ALARM"},
        ignored=("slow",),
        verdicts=(FULL_VERDICT,),
        baseline=Requests(1000, 2),
        received=Requests(300, 9),
        counted_minutes=3,
        counted_until=NOW,
        recent=Requests(90, 1),
        recent_minutes=2,
        spec=3,
        scaling={"min": 2, "max": 5, "cpuPercent": 60},
        idle_scaling={"min": 1, "max": 5, "cpuPercent": 60},
        minimums={"prod-2": 4},
        minimum_set_at=NOW,
        scale_in={"prod-1": False},
        scaling_failed_at=NOW,
        scaling_skipped=True,
        task_definition="arn:td/Shop-prod-2:7",
    ),
    "update": UpdateDetails(
        previous=2,
        pending=("environment.LEVEL",),
        stack=FULL_STACK_CHANGE,
        executed_at=NOW,
        undoing=True,
        continued=True,
        changed=True,
        containers={"qa": "app"},
    ),
    "upgrade": UpgradeDetails(
        stack=FULL_STACK_CHANGE._replace(template=FULL_TEMPLATE, kept=("Image",)),
        executed_at=NOW,
        undoing=True,
        continued=True,
        changed=True,
    ),
    "delete": DeleteDetails(stack_id="arn:stack/Shop", sent=True, cleared=True),
}
MINIMAL_PROGRESS = Progress(environment=Environment.DEV, service="dev")
FULL_PROGRESS = Progress(
    environment=Environment.PROD_BLUE,
    service="prod-2",
    status=Status.FAILED,
    url="http://shop.example.com:8080",
    image="repo/shop:1.2.0",
    digest=DIGEST,
    version="1.2.0",
    previous_version="1.1.0",
    previous="arn:task-definition/Shop-prod-2:1",
    obsolete="arn:task-definition/Shop-prod-2:0",
    target="arn:task-definition/Shop-prod-2:2",
    deployers=("arn:aws:iam::123456789012:role/ci",),
    desired_count=3,
    start_seconds=90,
    spec_hash="5e" * 32,
    keeps_image=True,
    scaling={"min": 2, "max": 5, "cpuPercent": 60},
    scaled=False,
    scalable=True,
    asked_at=NOW,
    sent=True,
    deregistered=True,
    digest_reported=True,
    remark="different digests",
    completed=True,
    unrestored=True,
    reason="Essential container in task exited",
    log=ContainerLog("/ecs/Shop/prod-2", "app/app/0123456789abcdef", ("one", "two")),
)


def minimal_operation(kind: str = "deploy", identity: str = "01OPERATION") -> Operation:
    return Operation(
        id=identity,
        kind=kind,
        application="Shop",
        caller="ci",
        requested_at=NOW,
        deadline=NOW + timedelta(minutes=30),
    )


def full_operation(kind: str = "deploy") -> Operation:
    return replace(
        minimal_operation(kind),
        status=Status.FAILED,
        ended_at=NOW,
        revision=4,
        lease_until=NOW,
        throttles=1,
        paused_until=NOW,
        rests_until=NOW,
        progress=(MINIMAL_PROGRESS, FULL_PROGRESS),
        details=FULL_DETAILS.get(kind),
        version="1.2.0",
        spec=3,
        needs_approver=True,
        aborted_by="alice",
        events=3,
        waiting_for="stack CREATE_IN_PROGRESS",
        reasons=("one", "two"),
        warnings=("three",),
    )


def minimal_event(operation: Operation, key: str = "000") -> Event:
    return Event(
        key=key,
        operation=operation.id,
        kind=operation.kind,
        application=operation.application,
        caller=operation.caller,
        time=NOW,
        outcome="ACCEPTED",
    )


def full_event(operation: Operation) -> Event:
    return replace(
        minimal_event(operation, "END"),
        environment=Environment.PROD_BLUE,
        version="1.2.0",
        previous_version="1.1.0",
        image="repo/shop:1.2.0",
        digest=DIGEST,
        reason="no",
        count=2,
        first_time=NOW,
        last_time=NOW,
    )


def full_notification(operation: Operation) -> Notification:
    return Notification(
        id=f"{operation.id}-END",
        title="Operation ended",
        operation=operation.id,
        kind=operation.kind,
        application=operation.application,
        caller=operation.caller,
        time=NOW,
        outcome="FAILED",
        status=Status.FAILED,
        environments=(
            EnvironmentResult(Environment.PROD_BLUE, Status.FAILED, "1.2.0", "1.1.0"),
            EnvironmentResult(Environment.DEV, Status.SUCCEEDED),
        ),
        version="1.2.0",
        reason="no",
    )


def denied_event() -> Event:
    """Return an event without an operation."""
    return Event(
        key="DENIED",
        operation="01DENIED",
        kind="swap",
        application="Shop",
        caller="eve",
        time=NOW,
        outcome="DENIED",
        reason="not allowed to swap Shop: requires the team web or admins",
        count=1,
        first_time=NOW,
        last_time=NOW,
    )


def idempotency_record(operation: Operation, key: str = "build-17") -> IdempotencyRecord:
    return IdempotencyRecord(
        key=key,
        fingerprint="f00",
        application=operation.application,
        operation=operation.id,
        expires_at=int(NOW.timestamp()) + 86_400,
        creation="01CREATE",
        aborts=True,
    )


def rows(name: str = "Shop") -> list[Row]:
    """Return the rows of a new application."""
    application = replace(MINIMAL_APPLICATION, name=name)
    environments = (Environment.DEV, Environment.DA, Environment.PROD_BLUE, Environment.PROD_GREEN)
    return [
        Row(application=application, environment=environment, status=RowStatus.CREATING)
        for environment in environments
    ]


def create_claim(name: str = "Shop", identity: str = "01CREATE") -> Claim:
    operation = replace(minimal_operation("create", identity), application=name, spec=1)
    record = RecordClaim(seen=None, taken=True, new=MINIMAL_RECORD, revision=revision(operation))
    return Claim(operation=operation, event=minimal_event(operation), new=rows(name), record=record)


def revision(operation: Operation) -> Revision:
    """Return the first revision of a specification."""
    return Revision(MINIMAL_SPECIFICATION, operation.id, operation.caller, NOW)


def failed_closing(claim: Claim) -> Closing:
    """Return the end of a failed create, which removes its rows."""
    operation = replace(claim.operation, status=Status.FAILED, ended_at=NOW, reasons=("no",))
    rows = [replace(row, claim=operation.id) for row in claim.new]
    event = minimal_event(operation, "END")
    return Closing(operation=operation, event=event, removed=rows, ends_application=True)


def created_closing(claim: Claim) -> Closing:
    """Return the end of a successful create, which keeps its rows, complete and free."""
    operation = replace(claim.operation, status=Status.SUCCEEDED, ended_at=NOW)
    rows = [replace(row, status=RowStatus.ACTIVE, service=MINIMAL_SERVICE) for row in claim.new]
    event = minimal_event(operation, "END")
    return Closing(operation=operation, event=event, kept=rows, releases_record=True)


def unset_fields(value: Any) -> list[str]:
    """Return the members with their default value; a sample with all members has none."""
    if isinstance(value, tuple):
        defaults: dict[str, Any] = getattr(value, "_field_defaults", {})
        return [name for name, default in defaults.items() if getattr(value, name) == default]
    return [
        entry.name
        for entry in fields(value)
        if (entry.default is not MISSING and getattr(value, entry.name) == entry.default)
        or (entry.default_factory is not MISSING and not getattr(value, entry.name))
    ]
