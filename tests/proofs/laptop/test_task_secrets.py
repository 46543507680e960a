"""A task receives the secrets of its environment only, and only those that its role can read."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.lab.laptop.api import Api, create_body
from tests.lab.laptop.stored_secrets import TAG, stored_secret, tagged
from tools.laptop import deploy
from tools.laptop.client import until

ACTIONS = ["secretsmanager:GetSecretValue", "ssm:GetParameters"]
VALUE = "hush"
OWN = {"StringEquals": {f"aws:ResourceTag/{TAG}": f"${{aws:PrincipalTag/{TAG}}}"}}
NAMED = {"StringEquals": {f"aws:PrincipalTag/{TAG}": "payments"}}


def policy(*resources: str, **condition: Any) -> str:
    statement = {"Effect": "Allow", "Action": ACTIONS, "Resource": resources, **condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def created_role(api: Api, read: str, boundary: str | None, team: str | None) -> str:
    """Create an execution role with a policy, a boundary and the tag of a team."""
    iam, name = api.client("iam"), f"task-{uuid4().hex}"
    limit = {}
    if boundary:
        document = {"PolicyName": f"{name}-boundary", "PolicyDocument": boundary}
        limit = {"PermissionsBoundary": iam.create_policy(**document)["Policy"]["Arn"]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}", Tags=tagged(team), **limit)
    iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=read)
    return str(role["Role"]["Arn"])


def started(api: Api, role: str, secret: str) -> dict[str, Any]:
    """Start a task with a secret; return it as soon as it runs or has stopped."""
    ecs = api.client("ecs")
    container = {
        "name": "app",
        "image": deploy.INITIAL_IMAGE,
        "portMappings": [{"containerPort": 8000}],
        "secrets": [{"name": "DB", "valueFrom": secret}],
    }
    registered = ecs.register_task_definition(
        family=f"task-{uuid4().hex}",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        executionRoleArn=role,
        containerDefinitions=[container],
    )
    ecs.create_cluster(clusterName="secrets")
    definition = registered["taskDefinition"]["taskDefinitionArn"]
    (task,) = ecs.run_task(cluster="secrets", taskDefinition=definition)["tasks"]
    arns = {"cluster": "secrets", "tasks": [task["taskArn"]]}

    def done() -> bool:
        (found,) = ecs.describe_tasks(**arns)["tasks"]
        task.update(found)
        return task["lastStatus"] in ("RUNNING", "STOPPED")

    assert until(done)
    ecs.stop_task(cluster="secrets", task=task["taskArn"])
    return dict(task)


@pytest.mark.parametrize(
    ("boundary", "role", "owner", "starts"),
    [
        (None, None, None, True),
        (policy("*"), None, None, True),
        (policy("arn:aws:s3:::bucket"), None, None, False),
        (policy("*", Condition=OWN), "payments", "payments", True),
        (policy("*", Condition=OWN), "payments", "search", False),
        (policy("*", Condition=OWN), "payments", None, False),
        (policy("*", Condition=OWN), None, "payments", False),
        (policy("*", Condition=OWN), None, None, False),
        (policy("*", Condition=NAMED), "payments", None, True),
        (policy("*", Condition=NAMED), "search", None, False),
    ],
    ids=[
        "no boundary", "all", "other actions", "own tag", "tag of another team", "no tag",
        "role without a team", "no tags", "named team", "another team",
    ],
)  # fmt: skip
def test_the_boundary_of_its_role_limits_the_secrets_of_a_task(
    api: Api, boundary: str | None, role: str | None, owner: str | None, starts: bool
) -> None:
    arn = stored_secret(api, f"vault/{uuid4().hex}", VALUE, owner)
    task = started(api, created_role(api, policy(arn), boundary, role), arn)
    assert (task["lastStatus"] == "RUNNING") is starts, task
    if not starts:
        assert f"not authorized to perform: {ACTIONS[0]}" in task["stoppedReason"]


def test_a_task_needs_a_role_that_can_read_its_secret(api: Api) -> None:
    arn, other = (stored_secret(api, f"vault/{uuid4().hex}", VALUE, None) for _ in range(2))
    task = started(api, created_role(api, policy(other), None, None), f"{arn}:user::")
    assert "not authorized" in task["stoppedReason"]


def test_a_task_needs_a_role_that_can_read_its_parameter(api: Api) -> None:
    name, allowed = f"payments/{uuid4().hex}", policy("arn:aws:ssm:*:*:parameter/payments/*")
    api.client("ssm").put_parameter(Name=f"/{name}", Value="x", Type="String", Tags=tagged("a"))
    arn = f"arn:aws:ssm:{api.client('ssm').meta.region_name}:000000000000:parameter/{name}"
    for boundary, team, status in (
        (None, None, "RUNNING"),
        (policy("*", Condition=OWN), "a", "RUNNING"),
        (policy("*", Condition=OWN), "b", "STOPPED"),
    ):
        role = created_role(api, allowed, boundary, team)
        assert started(api, role, arn)["lastStatus"] == status
    denied = created_role(api, policy("arn:aws:ssm:*:*:parameter/other/*"), None, None)
    assert f"perform: {ACTIONS[1]}" in started(api, denied, arn)["stoppedReason"]


@pytest.mark.parametrize("kind", ["secret", "parameter"])
def test_a_task_needs_a_role_that_can_use_the_key_of_its_secret(api: Api, kind: str) -> None:
    key = api.client("kms").create_key()["KeyMetadata"]["Arn"]
    name = f"vault/{uuid4().hex}"
    if kind == "secret":
        service, manager = "secretsmanager", api.client("secretsmanager")
        arn = manager.create_secret(Name=name, SecretString=VALUE, KmsKeyId=key)["ARN"]
    else:
        service, store = "ssm", api.client("ssm")
        store.put_parameter(Name=f"/{name}", Value=VALUE, Type="SecureString", KeyId=key)
        arn = f"arn:aws:ssm:{store.meta.region_name}:000000000000:parameter/{name}"
    read = json.loads(policy(arn))["Statement"]
    region = api.client("kms").meta.region_name
    for via, resource, starts in (
        (f"{service}.{region}.*", key, True),
        (f"{service}.{region}.*", f"{key}x", False),
        (f"s3.{region}.*", key, False),
    ):
        condition = {"StringLike": {"kms:ViaService": [via]}}
        use = {"Action": "kms:Decrypt", "Resource": resource, "Condition": condition}
        statements = [*read, {"Effect": "Allow", **use}]
        allowed = json.dumps({"Version": "2012-10-17", "Statement": statements})
        task = started(api, created_role(api, allowed, None, None), arn)
        assert (task["lastStatus"] == "RUNNING") is starts, task
    task = started(api, created_role(api, policy(arn), None, None), arn)
    assert "not authorized to perform: kms:Decrypt" in task["stoppedReason"]


def test_dev_receives_no_secret_of_production(api: Api) -> None:
    test, live = (
        stored_secret(api, f"shop/{name}-{uuid4().hex}", VALUE, None) for name in ("test", "live")
    )
    body = create_body(
        "Split",
        service={"secrets": {"DB": test}},
        overrides={"prod": {"secrets": {"DB": live, "CARDS": live}}},
    )
    api.succeed(api.post("/stacks", body))
    expected = {
        "dev": {"DB": test},
        "prod-1": {"DB": live, "CARDS": live},
        "prod-2": {"DB": live, "CARDS": live},
    }
    assert {name: references(api, name) for name in expected} == expected
    assert {name: readable(api, name) for name in expected} == {
        "dev": [test], "prod-1": [live], "prod-2": [live],
    }  # fmt: skip
    api.push("Split", "2.0")
    deployed = {"applicationName": "Split", "environment": ["dev"], "version": "2.0"}
    api.succeed(api.post("/stacks/deploy", deployed))
    api.succeed(api.post("/stacks/deploytoprodBlue", {"applicationName": "Split"}))
    assert {name: references(api, name) for name in expected} == expected
    api.succeed(api.call("DELETE", "/stacks", {"stack": "Split"}))


def definition_of(api: Api, service: str) -> dict[str, Any]:
    ecs = api.client("ecs")
    (found,) = ecs.describe_services(cluster="Split", services=[service])["services"]
    described = ecs.describe_task_definition(taskDefinition=found["taskDefinition"])
    return dict(described["taskDefinition"])


def references(api: Api, service: str) -> dict[str, str]:
    (container,) = definition_of(api, service)["containerDefinitions"]
    return {each["name"]: each["valueFrom"] for each in container["secrets"]}


def readable(api: Api, service: str) -> list[str]:
    """Return the secrets in the policies of a service's execution role."""
    name = definition_of(api, service)["executionRoleArn"].rpartition("/")[2]
    iam = api.client("iam")
    documents = [
        iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"]
        for each in iam.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    return [
        arn
        for document in documents
        for statement in document["Statement"]
        if ACTIONS[0] in statement["Action"]
        for arn in statement["Resource"]
    ]
