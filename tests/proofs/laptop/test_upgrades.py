"""Upgrades of stacks on the laptop cloud, from earlier versions of the application template.

The AWS API and the processes of the tasks are the judges, and customers use production meanwhile.
`templates` has two earlier versions. Their stacks also have the parameters that a create sends
today, which they do not use.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.laptop.api import Api
from tests.lab.laptop.stacks import ApplicationStack, published
from tests.lab.templates import APPLICATION
from tools.bench.swaps.load import load
from tools.bench.swaps.production import Production
from tools.bench.swaps.records import failed

NAME, REFUSED = "Upgraded", "Refused"
CLIENTS = 6
REQUESTS = 40  # on each listener, in each phase under load
SERVICES = ("dev", "prod-1", "prod-2")
_TEMPLATES = Path(__file__).parent / "templates"


@pytest.fixture(scope="module")
def production(api: Api) -> Iterator[Production]:
    """An application of the earlier template, with a release in each slot."""
    own = Production(api, NAME)
    with published(api, earlier("one-policy-for-secrets.yml")):
        own.create()
    yield own
    api.succeed(api.call("DELETE", "/stacks", {"stack": NAME}))


@pytest.fixture(scope="module")
def refused(api: Api) -> Iterator[Production]:
    """An application whose listeners forward to one slot each."""
    own = Production(api, REFUSED)
    with published(api, earlier("one-slot-in-each-listener.yml")):
        own.create()
    yield own
    # The earlier template does not let CloudFormation delete the listeners before the target groups
    # of a swap, so the first delete fails.
    delete = {"stack": REFUSED}
    api.wait_for_end(api.call("DELETE", "/stacks", delete))
    api.succeed(api.call("DELETE", "/stacks", delete))


def earlier(name: str) -> str:
    """Return an earlier template, which also declares the parameters of the present one."""
    old = (_TEMPLATES / name).read_text()
    own, new = declarations(old), declarations(APPLICATION.read_text())
    missing = "".join(text for parameter, text in new.items() if parameter not in own)
    assert missing
    return old.replace("\nParameters:\n", f"\nParameters:\n{missing}", 1)


def declarations(template: str) -> dict[str, str]:
    """Return the text of each parameter by its name."""
    section = template.partition("\nParameters:\n")[2].partition("\nConditions:\n")[0]
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if line.startswith("  ") and line[2:3].isalpha():
            name = line.strip().removesuffix(":")
        if name and line.startswith("  ") and not line.strip().startswith("#"):
            found[name] = found.get(name, "") + f"{line}\n"
    return found


def state(api: Api, application: str) -> dict[str, Any]:
    """Return what an upgrade must not change: services with their tasks, listeners, groups."""
    elb, stack = api.client("elbv2"), ApplicationStack(api, application)
    balancers = [
        each["LoadBalancerArn"]
        for each in elb.describe_load_balancers()["LoadBalancers"]
        if each["LoadBalancerName"].startswith(f"{application}-")
    ]
    listeners = [
        each
        for balancer in balancers
        for each in elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
    ]
    return {
        "services": stack.services(*SERVICES),
        "listeners": {
            each["ListenerArn"]: (each["Port"], str(each["DefaultActions"])) for each in listeners
        },
        "targets": {
            each["TargetGroupArn"]: targets(api, each["TargetGroupArn"])
            for each in elb.describe_target_groups()["TargetGroups"]
            if each["TargetGroupName"].startswith(f"{application}-")
        },
        "ids": {name: each for name, (each, _) in stack.resources().items()},
    }


def targets(api: Api, group: str) -> list[tuple[str, str]]:
    """Return the address and the health of each target of a group."""
    found = api.client("elbv2").describe_target_health(TargetGroupArn=group)
    return [
        (str(each["Target"]), each["TargetHealth"]["State"])
        for each in found["TargetHealthDescriptions"]
    ]


def upgrade(api: Api, application: str, query: str = "") -> Any:
    return api.call("POST", f"/stacks/{application}/upgrade{query}", {}, Prefer="wait=25")


def test_an_upgrade_changes_only_roles_and_the_repository(api: Api, production: Production) -> None:
    before = state(api, NAME)
    plan = upgrade(api, NAME, "?dryRun=true").body["plan"]
    assert "warnings" not in plan
    shown = {each["resource"]: each for each in plan["resources"]}
    for name in ("dev", "prod1", "prod2"):
        assert shown[f"{name}ExecutionRole"]["properties"] == ["Policies"]
        # Listed because they refer to the role.
        assert shown[f"{name}TaskDefinition"]["properties"] == ["ExecutionRoleArn"]
        assert shown[f"{name}Service"]["properties"] == ["TaskDefinition"]
    assert shown["Repository"]["properties"] == ["LifecyclePolicy"]
    assert {each["action"] for each in shown.values()} == {"Modify"}
    assert state(api, NAME) == before
    assert change_sets(api, NAME) == []

    with load(api, production.url, CLIENTS) as customers:
        customers.wait(REQUESTS)
        done = api.succeed(upgrade(api, NAME))
        customers.wait(REQUESTS)
    assert customers.requests
    assert failed(customers.requests) == []
    assert done["kind"] == "upgrade"
    assert state(api, NAME) == before
    assert may_create_repositories(api)
    ecr = api.client("ecr")
    assert (
        "untagged" in ecr.get_lifecycle_policy(repositoryName=NAME.lower())["lifecyclePolicyText"]
    )
    again = upgrade(api, NAME)
    assert (again.status, again.body["operation"]) == (200, None)


def test_an_upgraded_application_is_released_and_grows(api: Api, production: Production) -> None:
    if not may_create_repositories(api):
        api.succeed(upgrade(api, NAME))
    production.release()
    production.swap(production.idle)
    before = state(api, NAME)
    change = {"environments": {"nonProd": ["dev", "qa"]}}
    added = api.succeed(api.call("PATCH", f"/stacks/{NAME}/spec", change, Prefer="wait=25"))
    assert added["stack"] == {"added": ["QA"]}
    after = state(api, NAME)
    assert {name: after["ids"][name] for name in before["ids"]} == before["ids"]
    assert after["services"] == before["services"]
    assert {arn: after["listeners"][arn] for arn in before["listeners"]} == before["listeners"]


def test_an_upgrade_that_would_reset_the_listeners_is_refused(
    api: Api, refused: Production
) -> None:
    """The live slot is prod-2, and the template would return the customers to prod-1."""
    assert refused.roles() == ("prod-2", "prod-1")
    before = state(api, REFUSED)
    expected = "Modify ProductionListener (AWS::ElasticLoadBalancingV2::Listener): DefaultActions"
    plan = upgrade(api, REFUSED, "?dryRun=true").body["plan"]
    (warning,) = plan["warnings"]
    assert expected in warning
    response = upgrade(api, REFUSED)
    assert response.status == 424, response.body
    (reason,) = response.operation["reasons"]
    assert reason.startswith("the change set was not executed, because it would ")
    assert expected in reason
    assert state(api, REFUSED) == before
    assert change_sets(api, REFUSED) == []
    refused.release()
    refused.swap(refused.idle)


def change_sets(api: Api, application: str) -> list[str]:
    found = api.client("cloudformation").list_change_sets(StackName=application)["Summaries"]
    return [each["ChangeSetName"] for each in found]


def may_create_repositories(api: Api) -> bool:
    """Return whether the execution role of dev has the permissions of the present template."""
    iam, role = api.client("iam"), ApplicationStack(api, NAME).resources()["devExecutionRole"][0]
    policy = iam.get_role_policy(RoleName=role, PolicyName="pull-image")["PolicyDocument"]
    return "ecr:CreateRepository" in str(policy)
