"""Updates that change the stack, on the laptop cloud: environments and the secrets of tasks.

The AWS API and the processes of the tasks are the judges, and customers use production meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.laptop.api import Api
from tests.lab.laptop.stored_secrets import stored_secret
from tools.bench.swaps.load import load
from tools.bench.swaps.production import Production
from tools.bench.swaps.records import failed

NAME = "Growing"
SPEC = f"/stacks/{NAME}/spec"
CLIENTS = 6
REQUESTS = 40  # on each listener, in each phase under load


@pytest.fixture(scope="module")
def secret(api: Api) -> str:
    """The ARN of a secret of the application's team."""
    return stored_secret(api, "growing/db", "first", "platform")


@pytest.fixture(scope="module")
def production(api: Api) -> Iterator[Production]:
    """An application with dev, and a release in each slot."""
    own = Production(api, NAME)
    own.create()
    yield own
    api.succeed(api.call("DELETE", "/stacks", {"stack": NAME}))
    assert balancers(api) == set()


def patched(api: Api, change: dict[str, Any], query: str = "") -> dict[str, Any]:
    """Return the successful end of an update."""
    return api.succeed(api.call("PATCH", f"{SPEC}{query}", change, Prefer="wait=25"))


def state(api: Api) -> dict[str, tuple[Any, ...]]:
    """Return the task definition, the count and the tasks of each service."""
    ecs = api.client("ecs")
    arns = ecs.list_services(cluster=NAME)["serviceArns"]
    found = ecs.describe_services(cluster=NAME, services=arns)["services"]
    return {
        each["serviceName"]: (
            each["taskDefinition"],
            each["desiredCount"],
            sorted(ecs.list_tasks(cluster=NAME, serviceName=each["serviceName"])["taskArns"]),
        )
        for each in found
    }


def balancers(api: Api) -> set[str]:
    """Return the names of the load balancers of the application."""
    found = api.client("elbv2").describe_load_balancers()["LoadBalancers"]
    names = (each["LoadBalancerName"] for each in found)
    return {name for name in names if name.startswith(f"{NAME}-")}


def listeners(api: Api) -> list[Any]:
    """Return the actions of the listeners of production."""
    elb = api.client("elbv2")
    (found,) = elb.describe_load_balancers(Names=[f"{NAME}-prod"])["LoadBalancers"]
    described = elb.describe_listeners(LoadBalancerArn=found["LoadBalancerArn"])["Listeners"]
    return sorted((each["Port"], str(each["DefaultActions"])) for each in described)


def readable(api: Api, service: str) -> list[str]:
    """Return the secrets that the execution role of a service can read."""
    definition = api.client("ecs").describe_task_definition(taskDefinition=state(api)[service][0])
    role = definition["taskDefinition"]["executionRoleArn"].rpartition("/")[2]
    iam = api.client("iam")
    if "read-secrets" not in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        return []
    policy = iam.get_role_policy(RoleName=role, PolicyName="read-secrets")["PolicyDocument"]
    (statement,) = policy["Statement"]
    resource = statement["Resource"]
    return [resource] if isinstance(resource, str) else list(resource)


def test_environments_and_secrets_change_under_load(
    api: Api, production: Production, secret: str
) -> None:
    """Each change keeps the tasks of the other services, and no request of a customer fails."""
    before, actions = state(api), listeners(api)
    with load(api, production.url, CLIENTS) as customers:
        customers.wait(REQUESTS)
        added = patched(
            api,
            {
                "environments": {"nonProd": ["dev", "qa"]},
                "overrides": {"qa": {"environment": {"LEVEL": "debug"}, "desiredCount": 2}},
            },
        )
        customers.wait(REQUESTS)
        with_qa = state(api)
        assert added["stack"] == {"added": ["QA"]}
        assert {name: with_qa[name] for name in before} == before
        assert (with_qa["qa"][1], len(with_qa["qa"][2])) == (2, 2)
        assert balancers(api) == {f"{NAME}-{each}" for each in ("dev", "qa", "prod")}

        version = production.deploy()
        deployed = {"applicationName": NAME, "environment": ["qa"], "version": version}
        api.succeed(api.post("/stacks/deploy", deployed))

        secrets = patched(api, {"overrides": {"prod": {"secrets": {"DB": secret}}}})
        customers.wait(REQUESTS)
        assert secrets["stack"] == {"secrets": ["prod"]}
        assert readable(api, "prod-1") == readable(api, "prod-2") == [secret]
        assert readable(api, "dev") == []
        assert {name: state(api)[name] for name in ("prod-1", "prod-2")} == {
            name: before[name] for name in ("prod-1", "prod-2")
        }

        removed = patched(
            api,
            {"environments": {"nonProd": ["dev"]}, "overrides": {"qa": None}},
            "?remove=qa",
        )
        customers.wait(REQUESTS)
        assert removed["stack"] == {"removed": ["QA"]}
        assert set(state(api)) == {"dev", "prod-1", "prod-2"}
        assert balancers(api) == {f"{NAME}-{each}" for each in ("dev", "prod")}
    assert failed(customers.requests) == []
    assert listeners(api) == actions
    active = api.client("ecs").list_task_definitions(familyPrefix=f"{NAME}-qa", status="ACTIVE")
    assert active["taskDefinitionArns"] == []


def test_a_promoted_release_reads_its_new_secret(
    api: Api, production: Production, secret: str
) -> None:
    api.succeed(production.promote())
    definition = api.client("ecs").describe_task_definition(
        taskDefinition=state(api)[production.roles()[1]][0]
    )["taskDefinition"]
    assert definition["containerDefinitions"][0]["secrets"] == [{"name": "DB", "valueFrom": secret}]
    address = production.url.replace("http://", "")
    answer = api.fetch(f"http://{address}:8080/?variable=DB")
    assert answer.body["variables"] == {"DB": "first"}


def test_a_change_that_the_stack_policy_denies_is_rolled_back(
    api: Api, production: Production
) -> None:
    """A person has changed the policy of the stack, so that it cannot get further resources."""
    assert production.application == NAME
    before = state(api)
    stacks = api.client("cloudformation")
    policy = stacks.get_stack_policy(StackName=NAME)["StackPolicyBody"]
    stacks.set_stack_policy(
        StackName=NAME,
        StackPolicyBody=policy.replace('"Update:Replace"]', '"Update:Replace", "Update:Delete"]'),
    )
    patched(api, {"environments": {"nonProd": ["dev", "stage"]}})
    failure = api.wait_for_end(
        api.call("PATCH", f"{SPEC}?remove=stage", {"environments": {"nonProd": ["dev"]}})
    )
    assert failure["status"] == "FAILED"
    assert "stack policy" in str(failure["reasons"])
    (found,) = stacks.describe_stacks(StackName=NAME)["Stacks"]
    assert found["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert {name: state(api)[name] for name in before} == before
    stacks.set_stack_policy(StackName=NAME, StackPolicyBody=policy)
    patched(api, {"environments": {"nonProd": ["dev"]}}, "?remove=stage")
    assert state(api) == before
