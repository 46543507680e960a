"""serverless.yml as the deploy tool compiles it, against the handlers and the design."""

from __future__ import annotations

import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest

from devops_cli import __version__
from devops_core.bootstrap import CLIENT_CONFIG
from devops_core.engine import sweep
from devops_core.http.triggers import changed_application, is_drift_check
from devops_core.model.operation import LEASE
from devops_core.settings import Settings
from tests.infra.conftest import Packaged
from tests.lab.templates import ROOT, Template, load, of_type
from tools.laptop.packages import GOOD

FUNCTIONS = {
    "create": ("create", ["POST /stacks"]),
    "deployNonProd": ("deploy_nonprod", ["POST /stacks/deploy"]),
    "deployProdBlue": ("deploy_prod_blue", ["POST /stacks/deploytoprodBlue"]),
    "swap": ("swap", ["POST /stacks/swapProdBlueAndGreen"]),
    "update": (
        "update",
        ["PUT /stacks/{applicationName}/spec", "PATCH /stacks/{applicationName}/spec"],
    ),
    "upgrade": ("upgrade", ["POST /stacks/{applicationName}/upgrade"]),
    "delete": ("delete", ["DELETE /stacks"]),
    "abort": ("abort", ["DELETE /stacks/{applicationName}/operations/{id}"]),
    "advance": ("advance", ["POST /stacks/{applicationName}/operations/{id}"]),
    "query": ("query", ["GET /stacks/{applicationName}/operations/{id}", "GET /health"]),
    "inventory": (
        "inventory",
        [
            "GET /stacks",
            "GET /stacks/{applicationName}",
            "GET /stacks/{applicationName}/spec",
            "GET /stacks/{applicationName}/operations",
            "GET /stacks/{applicationName}/events",
            "GET /events",
        ],
    ),
    "reconcile": ("reconcile", []),
}
TABLES = {
    "ECS_Inventory_NonProduction": "environment",
    "ECS_Inventory_Production": "environment",
    "ECS_Inventory_TrainingDA": "environment",
    "DevOpsLogsTable": "entry",
}
# Kept when the service is removed, but not when the deploy that makes it fails.
KEPT = "RetainExceptOnCreate"


@pytest.fixture(scope="module")
def template(packaged: Packaged) -> Template:
    return packaged.template


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    """serverless.yml as it is written."""
    return load(ROOT / "serverless.yml")


def routes(function: dict[str, Any]) -> list[str]:
    http = [event["http"] for event in function["events"] if "http" in event]
    return [f"{event['method'].upper()} /{event['path']}" for event in http]


def test_functions_handlers_and_routes_are_those_of_the_design(service: dict[str, Any]) -> None:
    found = {
        name: (function["handler"], routes(function))
        for name, function in service["functions"].items()
    }
    assert found == {
        name: (f"handlers/{module}.handle", paths) for name, (module, paths) in FUNCTIONS.items()
    }


def test_each_handler_is_deployed() -> None:
    modules = {path.stem for path in (ROOT / "handlers").glob("*.py")} - {"__init__"}
    assert modules == {module for module, _ in FUNCTIONS.values()}


def test_functions_run_on_arm_and_end_before_the_gateway_gives_up(template: Template) -> None:
    functions = of_type(template, "AWS::Lambda::Function")
    assert len(functions) == len(FUNCTIONS)
    for logical, function in functions.items():
        assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
        assert 512 <= function["MemorySize"] <= 1024
        assert function["Timeout"] == (60 if logical.startswith("Reconcile") else 29)
        assert len(function["FunctionName"]) <= 64  # Lambda API, CreateFunction


def test_a_run_of_the_schedule_ends_before_its_function(template: Template) -> None:
    functions = of_type(template, "AWS::Lambda::Function")
    timeout = timedelta(seconds=functions["ReconcileLambdaFunction"]["Timeout"])
    attempts = CLIENT_CONFIG.retries["total_max_attempts"]
    seconds = CLIENT_CONFIG.connect_timeout + CLIENT_CONFIG.read_timeout
    # The log lines, and the pauses between the attempts, take less than five seconds.
    assert sweep.BUDGET < sweep.LIMIT <= timeout - timedelta(seconds=5)
    assert attempts * seconds < sweep.LIMIT.seconds
    assert sweep.LIMIT < LEASE


def test_the_functions_can_read_their_environment(lambda_environment: dict[str, str]) -> None:
    settings = Settings.from_environment(lambda_environment)
    tables = settings.tables
    names = [tables.non_production, tables.production, tables.training_da, tables.log]
    assert names == list(TABLES)
    assert settings.template_bucket == "ecs-cf-bucket-012345678901-eu-west-1"
    assert settings.account == "012345678901"


def test_tables_are_kept_backed_up_and_encrypted(template: Template) -> None:
    tables = of_type(template, "AWS::DynamoDB::Table")
    assert {table["TableName"] for table in tables.values()} == set(TABLES)
    for logical, table in tables.items():
        resource = template["Resources"][logical]
        assert resource["DeletionPolicy"] == KEPT
        assert resource["UpdateReplacePolicy"] == "Retain"
        assert resource["Condition"] == "CreateDatastores"
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["SSESpecification"] == {"SSEEnabled": True}
        assert table["KeySchema"] == [
            {"AttributeName": "applicationName", "KeyType": "HASH"},
            {"AttributeName": TABLES[table["TableName"]], "KeyType": "RANGE"},
        ]


def test_the_log_table_finds_open_operations_and_forgets_old_entries(template: Template) -> None:
    table = of_type(template, "AWS::DynamoDB::Table")["LogTable"]
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "OpenOperations"
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["open", "entry"]
    assert index["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["deadline"]}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}


def test_buckets_are_closed_versioned_and_encrypted(template: Template) -> None:
    buckets = of_type(template, "AWS::S3::Bucket")
    buckets.pop("ServerlessDeploymentBucket")
    assert {bucket["BucketName"] for bucket in buckets.values()} == {
        "ecs-bucket-012345678901-eu-west-1",
        "ecs-cf-bucket-012345678901-eu-west-1",
    }
    for bucket in buckets.values():
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert "BucketEncryption" in bucket
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}


def test_remove_keeps_the_template_bucket_and_takes_the_reserved_one(template: Template) -> None:
    assert template["Resources"]["TemplateBucket"]["DeletionPolicy"] == KEPT
    assert template["Resources"]["TemplateBucketPolicy"]["DeletionPolicy"] == KEPT
    assert "DeletionPolicy" not in template["Resources"]["EcsBucket"]


def test_log_groups_have_a_retention(template: Template) -> None:
    groups = of_type(template, "AWS::Logs::LogGroup")
    assert len(groups) == len(FUNCTIONS) + 1  # and the access log of the API
    assert {group["RetentionInDays"] for group in groups.values()} == {30}


def test_reconcile_is_woken_by_events_every_minute_and_for_drift(template: Template) -> None:
    rules = of_type(template, "AWS::Events::Rule").values()
    reconcile = {"Fn::GetAtt": ["ReconcileLambdaFunction", "Arn"]}
    assert all(rule["Targets"][0]["Arn"] == reconcile for rule in rules)
    schedules = {
        rule["ScheduleExpression"]: json.loads(rule["Targets"][0].get("Input", "{}"))
        for rule in rules
        if "ScheduleExpression" in rule
    }
    assert changed_application(schedules["rate(1 minute)"]) is None
    assert not is_drift_check(schedules.pop("rate(1 minute)"))
    assert is_drift_check(schedules.pop("rate(5 minutes)"))
    assert schedules == {}
    patterns = [rule["EventPattern"] for rule in rules if "EventPattern" in rule]
    assert sorted(pattern["detail-type"][0] for pattern in patterns) == [
        "CloudFormation Stack Status Change",
        "ECS Deployment State Change",
        "ECS Task State Change",
    ]


def test_every_state_that_ends_or_fails_a_stack_triggers_reconcile(template: Template) -> None:
    (pattern,) = (
        rule["EventPattern"]
        for rule in of_type(template, "AWS::Events::Rule").values()
        if rule.get("EventPattern", {}).get("source") == ["aws.cloudformation"]
    )
    # While a create rolls back, its cluster still has the stopped tasks with their reasons.
    assert set(pattern["detail"]["status-details"]["status"]) == {
        f"{phase}_{end}"
        for phase in ("CREATE", "ROLLBACK", "UPDATE", "UPDATE_ROLLBACK", "DELETE")
        for end in ("COMPLETE", "FAILED")
    } | {"ROLLBACK_IN_PROGRESS"}


def test_the_gateway_answers_errors_in_the_form_of_the_service(template: Template) -> None:
    responses = of_type(template, "AWS::ApiGateway::GatewayResponse")
    kinds = {response["ResponseType"] for response in responses.values()}
    assert kinds == {
        "ACCESS_DENIED",
        "DEFAULT_4XX",
        "DEFAULT_5XX",
        "MISSING_AUTHENTICATION_TOKEN",
        "THROTTLED",
    }
    for response in responses.values():
        body = response["ResponseTemplates"]["application/json"]
        assert '"errorMessage"' in body
        assert '"code"' in body
        headers = response["ResponseParameters"]
        assert headers["gatewayresponse.header.Cache-Control"] == "'no-store'"
        assert headers["gatewayresponse.header.X-Content-Type-Options"] == "'nosniff'"
    # The deployment has only the methods that exist before it, so it waits for them.
    (deployment,) = (
        resource
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::ApiGateway::Deployment"
    )
    assert "ApiGatewayMethodHealthGet" in deployment["DependsOn"]
    waits = template["Resources"]["ApiGatewayMethodHealthGet"]["DependsOn"]
    assert set(responses) <= set(waits)


def test_the_package_has_only_the_modules_that_the_functions_import(packaged: Packaged) -> None:
    files = zipfile.ZipFile(packaged.archive).namelist()
    top = {file.split("/")[0].split("-")[0] for file in files}
    assert top <= {
        "handlers",
        "devops_core",
        # added by serverless/finish.py
        "service_models",
        "__pycache__",
    }
    assert not [file for file in files if file.endswith((".so", ".yml", ".md"))]


def test_the_functions_require_only_the_sdk_which_is_pinned() -> None:
    """The build adds no other package to the archive."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    (requirement,) = [line for line in lines if line and not line.startswith("#")]
    assert requirement.startswith("botocore==")


def test_the_stack_has_the_facts_for_the_checks_of_the_command_line(template: Template) -> None:
    outputs = {name: each["Value"] for name, each in template["Outputs"].items()}
    expected = {
        "Version": __version__,
        "Vpc": GOOD["vpc"],
        "TaskSubnets": f"{GOOD['subnet1']},{GOOD['subnet2']}",
        "LoadBalancerSubnets": f"{GOOD['elbsubnet1']},{GOOD['elbsubnet2']}",
        "ProductionScheme": "internal",
        "RequiredTags": "technicalTeam,",
    }
    assert {name: outputs[name] for name in expected} == expected
