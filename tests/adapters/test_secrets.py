"""The tags of secrets and parameters; their values are never read."""

from __future__ import annotations

from typing import Any

import pytest

from devops_core.adapters.secrets import SecretTags
from devops_core.errors import AccessDeniedError, RefusedError
from devops_core.model.secret import Secret
from tests.adapters.conftest import Aws
from tests.lab.moto.hooks import refuse

OWNED = {"technicalTeam": "payments"}
TAGS = [{"Key": key, "Value": value} for key, value in OWNED.items()]
MISSING = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:payments/none-AbCdEf"


@pytest.fixture
def secrets(aws: Aws) -> Any:
    return aws.client("secretsmanager")


@pytest.fixture
def parameters(aws: Aws) -> Any:
    return aws.client("ssm")


@pytest.fixture
def adapter(secrets: Any, parameters: Any) -> SecretTags:
    return SecretTags(secrets, parameters)


def parameter(name: str) -> Secret:
    return Secret.parse(f"arn:aws:ssm:eu-west-1:123456789012:parameter/{name}")


def test_the_tags_of_a_secret(secrets: Any, adapter: SecretTags) -> None:
    arn = secrets.create_secret(Name="payments/db", SecretString="x", Tags=TAGS)["ARN"]

    assert adapter.tags(Secret.parse(arn)) == OWNED
    assert Secret.parse(arn).name == "payments/db"


def test_a_secret_without_tags_and_a_missing_one_have_none(
    secrets: Any, adapter: SecretTags
) -> None:
    arn = secrets.create_secret(Name="payments/db", SecretString="x")["ARN"]

    assert adapter.tags(Secret.parse(arn)) == {}
    assert adapter.tags(Secret.parse(MISSING)) == {}


@pytest.mark.parametrize("name", ["/payments/db", "password"])
def test_the_tags_of_a_parameter(parameters: Any, adapter: SecretTags, name: str) -> None:
    parameters.put_parameter(Name=name, Value="x", Type="SecureString", Tags=TAGS)

    assert adapter.tags(parameter(name.removeprefix("/"))) == OWNED


def test_a_missing_parameter_has_no_tags(adapter: SecretTags) -> None:
    assert adapter.tags(parameter("payments/none")) == {}


@pytest.mark.parametrize(
    ("code", "error"),
    [("AccessDeniedException", AccessDeniedError), ("ValidationException", RefusedError)],
)
def test_a_refusal_is_an_error(
    secrets: Any, adapter: SecretTags, code: str, error: type[Exception]
) -> None:
    refuse(secrets, "DescribeSecret", code)

    with pytest.raises(error):
        adapter.tags(Secret.parse(MISSING))
