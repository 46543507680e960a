"""The page about troubleshooting against the texts and codes that the service writes."""

from __future__ import annotations

import re

import pytest
import yaml

from devops_core import errors
from tests.infra.test_docs import PAGES, rows
from tests.lab.surface import subclasses
from tests.lab.templates import ROOT

PAGE = PAGES["troubleshooting.md"]
# Texts of CloudFormation, ECS and Fargate, which the service passes on.
FROM_AWS = {
    "/Resources/",
    "already exists",
    "CannotPullContainerError",
    "do not exist in the template",
    "ECS Deployment Circuit Breaker was triggered",
    "Essential container in task exited",
    "failed container health checks",
    "failed ELB health checks",
    "limit",
    "LimitExceeded",
    "ResourceInitializationError",
    "Unable to assume the service linked role",
    "TerminationProtection is enabled",
    "use the DescribeEvents API",
}
# Tables whose first column quotes texts.
QUOTING = ("Failed operations", "Waiting operations", "Drift", "Installation")


def source() -> str:
    """Return the source of the service, with each text in one piece."""
    paths = [*(ROOT / "devops_core").rglob("*.py"), *(ROOT / "serverless").glob("*.*")]
    text = "\n".join(path.read_text() for path in sorted(paths))
    return re.sub(r"""["'`](?: \+)?\s+f?["'`]""", "", text)


def quoted() -> list[str]:
    cells = [row[0] for heading in QUOTING for row in rows(PAGE, heading)]
    return sorted({text for cell in cells for text in re.findall(r"`([^`]+)`", cell)})


def test_each_quoted_text_is_written_by_the_service_or_by_aws() -> None:
    written = source()
    assert [text for text in quoted() if text not in written and text not in FROM_AWS] == []


def test_each_text_of_aws_is_quoted() -> None:
    assert set(quoted()) >= FROM_AWS


def remedies() -> list[list[str]]:
    """Return the rows with a remedy for a code: of this page, and of the tables of errors."""
    of_calls = [row for text in PAGES.values() for row in rows(text, "Errors") if row[-1]]
    return [*rows(PAGE, "Refused calls"), *of_calls]


def test_each_error_code_has_a_remedy() -> None:
    explained = {
        (int(row[0]), code) for row in remedies() for code in re.findall(r"[A-Z_]{4,}", row[1])
    }
    known = {(each.http_status, each.code) for each in subclasses(errors.DevOpsError)}
    assert explained >= known


@pytest.mark.parametrize("status", ["403", "413", "429", "504"])
def test_each_code_of_api_gateway_has_a_remedy(status: str) -> None:
    document = yaml.safe_load((ROOT / "docs" / "openapi.yml").read_text())
    explained = " ".join(row[1] for row in remedies() if row[0] == status)
    used = {
        response["$ref"].rpartition("/")[2]
        for path in document["paths"].values()
        for call in path.values()
        if isinstance(call, dict)
        for code, response in call.get("responses", {}).items()
        if code == status and "$ref" in response
    }
    codes = set()
    for name in used:
        schema = document["components"]["responses"][name]["content"]["application/json"]["schema"]
        codes |= set(schema["properties"]["code"]["enum"])
    assert codes
    # API Gateway uses DEFAULT_4XX and DEFAULT_5XX for responses that have no code of their own.
    assert {code for code in codes if f"`{code}`" not in explained} <= {"DEFAULT_4XX"}
