"""GET /health."""

from tests.lab.client import Client
from tests.lab.fakes import ACCOUNT, FakeCloud


def test_a_healthy_service_returns_200(cloud: FakeCloud, api: Client) -> None:
    reply = api.health()
    assert (reply.status, reply.body) == (200, {"status": "ok"})
    assert {call.name: call.args for call in cloud.wire.journal} == {
        "tables.check": (),
        "templates.check": (cloud.settings.template_bucket, cloud.settings.template),
    }


def test_an_unreadable_resource_is_named_without_the_account_number(
    cloud: FakeCloud, api: Client
) -> None:
    table = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/DevOpsLogsTable"
    cloud.tables.problems = {"DevOpsLogsTable": f"not found: {table}"}
    cloud.templates.problems = {"template": "the application template is missing"}
    reply = api.health()
    assert (reply.status, reply.body["code"]) == (503, "UNHEALTHY")
    assert reply.body["status"] == "failing"
    assert reply.body["failing"] == {
        "DevOpsLogsTable": "not found: dynamodb table/DevOpsLogsTable",
        "template": "the application template is missing",
    }
    assert reply.body["errorMessage"].startswith("not healthy: DevOpsLogsTable: not found")
