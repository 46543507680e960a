"""Operations end although ECS allows only one RegisterTaskDefinition call in each second.

ECS limits the calls of an account with token buckets, and answers ThrottlingException ("Request
throttling for the Amazon ECS API", Amazon ECS Developer Guide).
"""

from __future__ import annotations

from datetime import datetime

from devops_core.errors import ThrottledError
from tests.lab.client import Client
from tests.lab.fakes import Call, FakeCloud

ALL = ("dev", "qa", "stage", "training", "da")
ENVIRONMENTS = {"nonProd": ["dev", "qa", "stage"], "training": True, "da": True}


def _limit(cloud: FakeCloud) -> list[datetime]:
    """Allow one registration in each second; return the times of the refused ones."""
    allowed: list[datetime] = []
    refused: list[datetime] = []

    def limit(call: Call) -> None:
        if call.name != "containers.register":
            return
        now = cloud.clock.right()
        if allowed and (now - allowed[-1]).total_seconds() < 1:
            refused.append(now)
            raise ThrottledError("AWS throttles RegisterTaskDefinition")
        allowed.append(now)

    cloud.wire.before.append(limit)
    return refused


def test_a_create_and_a_deploy_of_all_environments_end(cloud: FakeCloud, api: Client) -> None:
    refused = _limit(cloud)
    service = {"environment": {"LEVEL": "info"}}
    created = api.finished(api.create(environments=ENVIRONMENTS, service=service))
    assert created.operation["status"] == "SUCCEEDED"
    assert refused
    refused.clear()
    cloud.push("1.0")
    deployed = api.finished(api.deploy("1.0", *ALL))
    assert deployed.operation["status"] == "SUCCEEDED"
    assert refused
    for name in ALL:
        family = f"Shop-{name}"
        active = [each for each in cloud.containers.task_definitions.values()
                  if each.family == family and each.active]  # fmt: skip
        assert len(active) == 2, "the stack's one, and one of the deploy"
