"""A custom template that CloudFormation reads from its bucket, with names of roles."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.laptop.api import Api, create_body
from tests.lab.templates import APPLICATION
from tools.laptop.cloud import ACCOUNT, REGION

NAME = "Named"
TEMPLATE = {"Bucket": f"ecs-cf-bucket-{ACCOUNT}-{REGION}", "Key": "application.yml"}
ROLE = "      prod${Slot}ExecutionRole:\n        Type: AWS::IAM::Role\n        Properties:\n"
ROLE_NAME = (
    '          RoleName: !Join ["_", [!Ref "AWS::StackName", prod, !Ref Slot]]\n'
    "          # The remaining lines make the template larger than a request.\n"
)


@pytest.fixture
def template(api: Api) -> Iterator[str]:
    """The newest version of the template: larger than a request, with a role that has a name."""
    text = APPLICATION.read_text()
    assert text.count(ROLE) == 1
    text = text.replace(ROLE, ROLE + ROLE_NAME) + "# comment\n" * 5_120
    assert len(text.encode()) > 51_200
    s3 = api.client("s3")
    version = s3.put_object(**TEMPLATE, Body=text.encode())["VersionId"]
    yield text
    s3.delete_object(**TEMPLATE, VersionId=version)


def test_a_large_template_with_a_role_name_is_used(api: Api, template: str) -> None:
    body = create_body(NAME, environments={"nonProd": ["dev"]})
    planned = api.post("/stacks?dryRun=true", body)
    assert planned.status == 200, planned.body
    operation = api.succeed(api.post("/stacks", body))
    assert operation["template"]["version"] == planned.body["plan"]["template"]["version"]
    stacks, iam = api.client("cloudformation"), api.client("iam")
    assert stacks.get_template(StackName=NAME, TemplateStage="Original")["TemplateBody"] == template
    roles = [role["RoleName"] for role in iam.list_roles(PathPrefix="/devops-ecs/")["Roles"]]
    assert {f"{NAME}_prod_1", f"{NAME}_prod_2"} <= set(roles)
    api.push(NAME, "1.0")
    deploy = {"applicationName": NAME, "environment": ["dev"], "version": "1.0"}
    api.succeed(api.post("/stacks/deploy", deploy))
    api.succeed(api.post("/stacks/deploytoprodBlue", {"applicationName": NAME}))
    api.succeed(api.call("DELETE", "/stacks", {"stack": NAME}))
