"""The page about other deployment tools: its example, its table of settings and its commands."""

from __future__ import annotations

import json
import re
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from typer.main import get_command

from devops_cli.main import app
from devops_cli.translation.facts import SERVICE, Described
from devops_cli.translation.translate import translate
from devops_core.errors import InvalidRequestError
from devops_core.requests import schema
from devops_core.requests.create import CREATE
from tests.infra.test_docs import PAGES, rows
from tests.lab import existing
from tests.lab.templates import ROOT

PAGE = PAGES["moving.md"]
FOLDER = ROOT / "docs" / "examples" / "moving"
TASK, SERVICE_FILE, BODY = (
    json.loads((FOLDER / name).read_text())
    for name in ("task-definition.json", "service.json", "create.json")
)
ACCOUNT = "012345678901"
# Settings of tasks that other tools do not have.
_OWN = {"rolloutMinutes", "warmup"}


def faults(body: Any) -> dict[str, str]:
    """Return the faults of a create in the account of the example."""
    try:
        CREATE.parse(body, account=ACCOUNT, partition="aws", required_tags=("costCenter",))
    except InvalidRequestError as error:
        return {each["field"]: each["message"] for each in error.details["errors"]}
    return {}


def translated() -> dict[str, Any]:
    """Return the settings of the create by the rows of the page's table, except the health check.

    The target group has its path, and the example does not contain a target group.
    """
    (container,) = TASK["containerDefinitions"]
    (port,) = container["portMappings"]
    at = f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter"
    secrets = {each["name"]: each["valueFrom"] for each in container["secrets"]}
    return {
        "containerPort": port["containerPort"],
        "cpu": int(TASK["cpu"]),
        "memory": int(TASK["memory"]),
        "architecture": TASK["runtimePlatform"]["cpuArchitecture"],
        "desiredCount": SERVICE_FILE["desiredCount"],
        "startSeconds": SERVICE_FILE["healthCheckGracePeriodSeconds"],
        "environment": {each["name"]: each["value"] for each in container["environment"]},
        "secrets": {
            name: source if source.startswith("arn:") else f"{at}{source}"
            for name, source in secrets.items()
        },
    }


@pytest.mark.parametrize(
    ("operation", "values"), [("RegisterTaskDefinition", TASK), ("CreateService", SERVICE_FILE)]
)
def test_the_example_has_the_form_of_ecs(operation: str, values: Any) -> None:
    model = botocore.session.get_session().get_service_model("ecs")
    shape = model.operation_model(operation).input_shape
    report = ParamValidator().validate(values, shape)
    assert not report.has_errors(), report.generate_report()


def test_the_translated_example_is_a_valid_create() -> None:
    assert faults(BODY) == {}
    service = dict(BODY["service"])
    assert service.pop("healthCheckPath")
    assert service == translated()
    assert (
        BODY["tags"].items()
        >= {each["key"]: each["value"] for each in SERVICE_FILE["tags"]}.items()
    )


def test_the_untranslated_values_are_not_valid() -> None:
    raw = {"cpu": TASK["cpu"], "environment": TASK["containerDefinitions"][0]["environment"]}
    raw |= {"secrets": {"MAIL_KEY": "/orders/mail-key"}}
    found = faults(BODY | {"service": raw})
    assert {"service.cpu", "service.environment", "service.secrets.MAIL_KEY"} <= found.keys()


def test_the_table_has_each_setting_of_a_task() -> None:
    service = CREATE.members["service"].type
    assert isinstance(service, schema.Object)
    targets = " ".join(row[1] for row in rows(PAGE, "Settings"))
    named = set(re.findall(r"`service\.(\w+)`", targets))
    assert named == service.members.keys() - _OWN
    others = set(re.findall(r"`(applicationName|tags|overrides)`", targets))
    assert others == {"applicationName", "tags", "overrides"} <= CREATE.members.keys()


@pytest.mark.parametrize(
    "field",
    ["entryPoint", "volumes", "ephemeralStorage", "capacityProviders",
     "serviceConnect"],
)  # fmt: skip
def test_there_is_no_field_for_these_settings(field: str) -> None:
    """The page lists them; a new field must change the page."""
    found = faults(BODY | {"service": BODY["service"] | {field: "x"}})
    assert found == {f"service.{field}": "is not a known field"}


def leaves(value: Any) -> int:
    """Return the number of values in a document; a list of texts or numbers is one."""
    if isinstance(value, dict):
        return sum(map(leaves, value.values()))
    if isinstance(value, list) and isinstance(value[0], dict):
        return sum(map(leaves, value))
    return 1


def coverage(name: str) -> list[str]:
    """Return the row of a public task definition: its settings, and the members without one.

    A note of a whole object is about such a member; the other notes are at values to check. The
    image of the application and security groups are in all rows.
    """
    found = translate(existing.described(name), team="shop", email="team@example.com")
    objects = [
        each.place.split(".") for each in found.notes
        if each.at == SERVICE or isinstance(each.at[-1], int)
    ]  # fmt: skip
    members = {next(part for part in reversed(each) if not part.isdigit()) for each in objects}
    named = [f"`{each}`" for each in sorted(members - {"image", "securityGroups"})]
    title = existing.ALL[name]["title"]
    return [title, str(leaves(found.document["service"])), ", ".join(named)]


def test_the_coverage_of_public_task_definitions_is_that_of_the_command() -> None:
    expected = [coverage(name) for name in existing.ALL]
    for row in expected:
        print(f"| {' | '.join(row)} |")
    assert list(rows(PAGE, "Write the file")) == expected


def test_the_old_example_is_translated_by_the_command() -> None:
    health = {"HealthCheckPath": BODY["service"]["healthCheckPath"]}
    registered = TASK | {
        "taskDefinitionArn": f"arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/o:1"
    }
    described = Described(registered, SERVICE_FILE, target_groups=[health])
    found = translate(described, BODY["applicationName"], team="orders", email=BODY["email"])
    assert found.document == {name: BODY[name] for name in BODY if name != "environments"}


def test_the_new_commands_exist() -> None:
    commands: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
    named = re.findall(r"`devops (\w+)", PAGE)
    assert {"deploy", "promote", "swap", "status"} <= set(named) <= commands.keys()
    options = {option for each in commands.values() for one in each.params for option in one.opts}
    assert {"--dry-run", "--timeout", "--image", "--env", "--version"} <= options
