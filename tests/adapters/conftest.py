"""AWS in this process (moto), and the adapters over it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from moto import mock_aws

from devops_core.adapters.aws.models import MODELLED
from devops_core.adapters.aws.session import new_session
from devops_core.adapters.dynamodb.outbox import DynamoOutbox
from devops_core.adapters.dynamodb.tables import DynamoTables
from devops_core.bootstrap import AwsCloud
from devops_core.details import details_type
from devops_core.settings import Settings
from serverless import models
from tests.lab.moto.create_tables import create_tables
from tests.lab.samples import NAMES, NOW

REGION = "eu-west-1"
ENVIRONMENT = {
    "ACCOUNT_ID": "123456789012",
    "AWS_REGION": "eu-west-1",
    "API_STAGE": "dev",
    "NONPRODUCTION_TABLE": "NonProduction",
    "PRODUCTION_TABLE": "Production",
    "TRAININGDA_TABLE": "TrainingDA",
    "LOG_TABLE": "Log",
    "TEMPLATE_URL": "s3://templates/application.yml",
    "TEMPLATE_BUCKET": "templates",
    "INITIAL_IMAGE": "nginx:1",
    "VPC_ID": "vpc-1",
    "SUBNETS": "subnet-1,subnet-2",
    "LOAD_BALANCER_SUBNETS": "subnet-3,subnet-4",
    "SECURITY_GROUP": "sg-1",
    "LOAD_BALANCER_SECURITY_GROUP": "sg-2",
    "STACK_ROLE_ARN": "arn:aws:iam::123456789012:role/stack",
    "ALLOWED_REGISTRIES": "*",
    "AUTH": "iam",
    "PERMISSIONS_BOUNDARY_ARN": "arn:aws:iam::123456789012:policy/boundary",
}
# Operations that only the tests call, to prepare and to inspect AWS.
_CALLED_BY_TESTS = {
    "application-autoscaling": (),
    "cloudformation": (),
    "cloudwatch": ("PutMetricAlarm", "PutMetricData", "SetAlarmState"),
    "dynamodb": ("CreateTable",),
    "ecr": ("CreateRepository", "PutImage"),
    "ecs": ("CreateCluster", "CreateService"),
    "elbv2": ("CreateListener", "CreateLoadBalancer", "CreateTargetGroup"),
    "events": (),
    "logs": ("CreateLogGroup", "CreateLogStream", "PutLogEvents"),
    "s3": ("CreateBucket", "PutBucketVersioning", "PutObject"),
    "secretsmanager": ("CreateSecret",),
    "ssm": ("PutParameter",),
}


class Time:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.value = NOW

    def now(self) -> datetime:
        return self.value


class Aws:
    """Makes clients of the mocked AWS, with one attempt, so that a fault reaches the adapter."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def client(self, service: str, attempts: int = 1) -> Any:
        config = Config(retries={"mode": "standard", "total_max_attempts": attempts})
        # The trimmed models have only the services of the adapters, so not EC2.
        session = self._session if service in MODELLED else botocore.session.get_session()
        return session.create_client(service, region_name=REGION, config=config)


@pytest.fixture(scope="session")
def service_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write trimmed models like those of the package, from the installed botocore."""
    folder = tmp_path_factory.mktemp("service_models")
    operations = {name: (*kept, *_CALLED_BY_TESTS[name]) for name, kept in MODELLED.items()}
    data = models.read_folder(Path(botocore.__file__).with_name("data"))
    for name, content in models.trim_models(*data, operations).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="session")
def session(service_models: Path) -> Any:
    """Return one session for all tests, over trimmed models as in the package."""
    return new_session(service_models)


@pytest.fixture
def aws(session: Any) -> Iterator[Aws]:
    with mock_aws():
        yield Aws(session)


@pytest.fixture
def cloud() -> Iterator[AwsCloud]:
    with mock_aws():
        yield AwsCloud(Settings.from_environment(ENVIRONMENT))


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def dynamodb(aws: Aws) -> Any:
    client = aws.client("dynamodb")
    create_tables(client, NAMES)
    return client


@pytest.fixture
def tables(dynamodb: Any, time: Time) -> DynamoTables:
    return DynamoTables(dynamodb, NAMES, time.now, details_type)


@pytest.fixture
def outbox(dynamodb: Any) -> DynamoOutbox:
    return DynamoOutbox(dynamodb, NAMES.log)
