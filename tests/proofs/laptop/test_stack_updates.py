"""The laptop cloud updates a stack with change sets as CloudFormation does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.lab.laptop.api import Api, until
from tests.lab.laptop.stacks import ApplicationStack
from tests.proofs.laptop.conftest import LEFT_ALONE

NAME = "Changed"
OF_QA = [
    "qaExecutionRole", "qaListener", "qaLoadBalancer", "qaLogGroup", "qaService", "qaTargetGroup",
    "qaTaskDefinition",
]  # fmt: skip
NO_CHANGES = (
    "The submitted information didn't contain changes. "
    "Submit different information to create a change set."
)
ARNS = [f"arn:aws:secretsmanager:eu-west-1:000000000000:secret:app/{name}-AbCdEf" for name in "ab"]


@pytest.fixture(scope="module")
def stack(api: Api) -> Iterator[ApplicationStack]:
    assert until(lambda: _is_created(api, LEFT_ALONE))
    created = ApplicationStack(api, NAME, LEFT_ALONE)
    created.create()
    yield created
    created.delete()


def _is_created(api: Api, name: str) -> bool:
    (stack,) = api.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return bool(stack["StackStatus"] == "CREATE_COMPLETE")


def denied(action: str, resource: str = "*", **condition: Any) -> dict[str, Any]:
    return {
        "Effect": "Deny", "Action": action, "Principal": "*", "Resource": resource, **condition
    }  # fmt: skip


def test_an_environment_is_added_and_removed_without_a_change_of_the_others(
    api: Api, stack: ApplicationStack
) -> None:
    ecs, names = api.client("ecs"), ("dev", "prod-1", "prod-2")
    # A deploy by hand: another task definition and two tasks, which the template does not have.
    (dev,) = ecs.describe_services(cluster=NAME, services=["dev"])["services"]
    found = ecs.describe_task_definition(taskDefinition=dev["taskDefinition"])["taskDefinition"]
    members = ("family", "networkMode", "cpu", "memory", "executionRoleArn", "containerDefinitions")
    newer = ecs.register_task_definition(**{each: found[each] for each in members})
    definition = newer["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=NAME, service="dev", taskDefinition=definition, desiredCount=2)
    assert until(lambda: len(stack.processes("dev")) == 2)
    ecs.get_waiter("services_stable").wait(cluster=NAME, services=["dev"])
    before, resources = stack.services(*names), stack.resources()

    change = stack.change(Environments="dev,qa")
    assert stack.completed(change) == [("Add", each) for each in OF_QA]
    assert stack.execute(change) == "UPDATE_COMPLETE"
    page = api.fetch(stack.outputs()["qaUrl"])
    assert (page.status, page.body["environment"]) == (200, "qa")
    assert stack.services(*names) == before
    assert {key: value for key, value in stack.resources().items() if key not in OF_QA} == resources
    events = stack.events(change)
    assert [status for name, status, _ in events if name == NAME] == [
        "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE",
    ]  # fmt: skip
    of_resources = [(name, status) for name, status, _ in events if name != NAME]
    assert sorted(of_resources) == sorted(
        (each, status) for each in OF_QA for status in ("CREATE_IN_PROGRESS", "CREATE_COMPLETE")
    )

    added = stack.resources()
    change = stack.change(Environments="dev")
    assert stack.completed(change) == [("Remove", each) for each in OF_QA]
    stack.stacks.execute_change_set(StackName=NAME, ChangeSetName=change, ClientRequestToken=change)
    assert until(lambda: stack.status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", pause=0.02)
    assert stack.end() == "UPDATE_COMPLETE"
    deleted = {(name, status) for name, status, _ in stack.events(change) if name != NAME}
    assert deleted == {
        (each, status) for each in OF_QA for status in ("DELETE_IN_PROGRESS", "DELETE_COMPLETE")
    }
    assert stack.services(*names) == before
    assert stack.resources() == resources
    assert until(lambda: stack.processes("qa") == [])
    _require_deleted(api, {name: added[name][0] for name in OF_QA})


def _require_deleted(api: Api, ids: dict[str, str]) -> None:
    """Check with the AWS API that the resources of an environment do not exist."""
    balancers, iam, logs = api.client("elbv2"), api.client("iam"), api.client("logs")
    with pytest.raises(ClientError, match="LoadBalancerNotFound"):
        balancers.describe_load_balancers(LoadBalancerArns=[ids["qaLoadBalancer"]])
    with pytest.raises(ClientError, match="TargetGroupNotFound"):
        balancers.describe_target_groups(TargetGroupArns=[ids["qaTargetGroup"]])
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(RoleName=ids["qaExecutionRole"])
    assert logs.describe_log_groups(logGroupNamePrefix=ids["qaLogGroup"])["logGroups"] == []
    (service,) = api.client("ecs").describe_services(cluster=NAME, services=["qa"])["services"]
    assert service["status"] == "INACTIVE"


def test_changed_secrets_change_only_the_policy_of_the_role(
    api: Api, stack: ApplicationStack
) -> None:
    iam, before = api.client("iam"), stack.services("dev", "prod-1", "prod-2")
    role = stack.resources()["devExecutionRole"][0]
    for arns, action in ((ARNS[:1], "Add"), (ARNS, "Modify")):
        assert stack.changed(devSecretArns=",".join(arns)) == [(action, "devSecrets")]
        policy = iam.get_role_policy(RoleName=role, PolicyName="read-secrets")["PolicyDocument"]
        assert policy["Statement"][0]["Resource"] == arns
    assert stack.changed(devSecretArns="") == [("Remove", "devSecrets")]
    assert "read-secrets" not in iam.list_role_policies(RoleName=role)["PolicyNames"]
    assert "devSecrets" not in stack.resources()
    assert stack.services("dev", "prod-1", "prod-2") == before


def test_a_change_set_is_first_in_progress_and_has_pages(stack: ApplicationStack) -> None:
    change = stack.change(Environments="dev,qa")
    first = stack.described(change)
    assert (first["Status"], first["ExecutionStatus"]) == ("CREATE_IN_PROGRESS", "UNAVAILABLE")
    assert first["Changes"] == []
    for call in (stack.stacks.execute_change_set, stack.stacks.delete_change_set):
        with pytest.raises(ClientError, match="InvalidChangeSetStatus"):
            call(StackName=NAME, ChangeSetName=change)
    assert len(stack.completed(change)) == len(OF_QA)
    page = stack.described(change)
    assert page["ExecutionStatus"] == "AVAILABLE"
    assert 0 < len(page["Changes"]) < len(OF_QA)
    rest = stack.described(change, NextToken=page["NextToken"])
    assert len(page["Changes"]) + len(rest["Changes"]) == len(OF_QA)
    (added, *_) = page["Changes"]
    assert added["ResourceChange"]["ResourceType"] == "AWS::IAM::Role"
    with pytest.raises(ClientError, match="AlreadyExists"):
        stack.stacks.create_change_set(
            StackName=NAME,
            ChangeSetName=change,
            UsePreviousTemplate=True,
            Capabilities=["CAPABILITY_IAM"],
        )
    stack.stacks.delete_change_set(StackName=NAME, ChangeSetName=change)
    with pytest.raises(ClientError, match="ChangeSetNotFound"):
        stack.described(change)


def test_a_modified_resource_has_its_cause_in_the_change_set(stack: ApplicationStack) -> None:
    change = stack.change(StartSeconds="7")
    assert set(stack.completed(change)) == {
        ("Modify", f"{name}Service") for name in ("dev", "prod1", "prod2")
    }
    (first, *_) = stack.described(change)["Changes"]
    assert first["ResourceChange"]["Replacement"] == "False"
    assert first["ResourceChange"]["Scope"] == ["Properties"]
    causes = {each.get("CausingEntity") for each in first["ResourceChange"]["Details"]}
    assert "StartSeconds" in causes
    stack.stacks.delete_change_set(StackName=NAME, ChangeSetName=change)


def test_a_change_set_without_changes_fails(stack: ApplicationStack) -> None:
    change = stack.change()
    assert stack.completed(change) == []
    found = stack.described(change)
    assert (found["Status"], found["StatusReason"]) == ("FAILED", NO_CHANGES)
    assert found["ExecutionStatus"] == "UNAVAILABLE"
    with pytest.raises(ClientError, match="InvalidChangeSetStatus"):
        stack.execute(change)
    stack.stacks.delete_change_set(StackName=NAME, ChangeSetName=change)


def test_a_change_set_without_a_failed_validation_has_no_failed_events(
    stack: ApplicationStack,
) -> None:
    name = stack.change()
    stack.completed(name)
    identifier = stack.described(name)["ChangeSetId"]
    events = {"StackName": stack.name, "Filters": {"FailedEvents": True}}
    assert stack.stacks.describe_events(ChangeSetName=identifier, **events)["OperationEvents"] == []
    with pytest.raises(ClientError, match="ChangeSetNotFound"):
        stack.stacks.describe_events(ChangeSetName=identifier + "0", **events)


def test_a_stack_in_progress_refuses_changes_and_its_deletion(stack: ApplicationStack) -> None:
    other = stack.change(devSecretArns=ARNS[0])
    change = stack.change(Environments="dev,qa")
    assert stack.completed(change)
    stack.stacks.execute_change_set(StackName=NAME, ChangeSetName=change)
    with pytest.raises(ClientError, match="is in UPDATE_IN_PROGRESS state and can not be updated"):
        stack.change(Environments="dev")
    with pytest.raises(ClientError, match="cannot be deleted while in status UPDATE_IN_PROGRESS"):
        stack.stacks.delete_stack(StackName=NAME)
    assert stack.end() == "UPDATE_COMPLETE"
    assert stack.described(change)["ExecutionStatus"] == "EXECUTE_COMPLETE"
    with pytest.raises(ClientError, match="ChangeSetNotFound"):
        stack.described(other)
    stack.changed(Environments="dev")


@pytest.mark.parametrize(
    ("policies", "parameters", "reason"),
    [
        (
            [denied("Update:Modify", "LogicalResourceId/devLog*")],
            {"LogRetentionDays": "7"},
            "Action denied by stack policy: Statement [#2] does not allow [Update:Modify] for"
            " resource [LogicalResourceId/devLogGroup];",
        ),
        (
            [denied("Update:*", Condition={"StringLike": {"ResourceType": "AWS::Logs::*"}})],
            {"LogRetentionDays": "7"},
            "does not allow [Update:Modify] for resource [LogicalResourceId/devLogGroup];",
        ),
        (
            [denied("Update:Replace", Condition={"StringEquals": {"ResourceType": [
                "AWS::ECS::TaskDefinition", "AWS::ECS::Service"]}})],
            {"Cpu": "512", "Memory": "1024"},
            "does not allow [Update:Replace] for resource [LogicalResourceId/devTaskDefinition];",
        ),
    ],
    ids=["resource", "type pattern", "type"],
)  # fmt: skip
def test_the_policy_of_a_stack_denies_an_update(
    stack: ApplicationStack, policies: list[Any], parameters: dict[str, str], reason: str
) -> None:
    before, resources = stack.services("dev", "prod-1", "prod-2"), stack.resources()
    stack.protect(*policies)
    change = stack.change(**parameters)
    assert stack.completed(change)
    assert stack.execute(change) == "UPDATE_ROLLBACK_COMPLETE"
    failed = [why for _, status, why in stack.events(change) if status == "UPDATE_FAILED"]
    assert len(failed) == 1
    assert reason in failed[0]
    assert stack.described(change)["ExecutionStatus"] == "EXECUTE_FAILED"
    assert stack.services("dev", "prod-1", "prod-2") == before
    assert {name: each for name, (each, _) in stack.resources().items()} == {
        name: each for name, (each, _) in resources.items()
    }
    stack.protect()


def test_the_policy_of_a_stack_denies_a_deletion_and_all_that_it_does_not_allow(
    api: Api, stack: ApplicationStack
) -> None:
    stack.changed(devSecretArns=ARNS[0])
    for statement, free, reason in (
        (denied("Update:Delete", "LogicalResourceId/devSecrets"), True, "[Update:Delete]"),
        (
            {**denied("Update:*"), "Effect": "Allow", "Resource": "LogicalResourceId/qa*"},
            False,
            "Action not allowed by stack policy",
        ),
    ):
        stack.protect(statement, free=free)
        change = stack.change(devSecretArns="")
        assert stack.completed(change) == [("Remove", "devSecrets")]
        assert stack.execute(change) == "UPDATE_ROLLBACK_COMPLETE"
        failed = [each for each in stack.events(change) if each[1] == "UPDATE_FAILED"]
        assert [name for name, _, _ in failed] == ["devSecrets"]
        assert reason in failed[0][2]
    role = stack.resources()["devExecutionRole"][0]
    assert "read-secrets" in api.client("iam").list_role_policies(RoleName=role)["PolicyNames"]
    stack.protect()
    assert stack.changed(devSecretArns="") == [("Remove", "devSecrets")]


@pytest.mark.parametrize(
    "policy",
    [
        "{",
        json.dumps({"Statement": []}),
        json.dumps({"Statement": [{**denied("Update:*"), "Principal": {"AWS": "*"}}]}),
        json.dumps({"Statement": [denied("Modify")]}),
        json.dumps({"Statement": [denied("Update:*", "devService")]}),
        json.dumps({"Statement": [denied("Update:*", Condition={"Bool": {"ResourceType": "*"}})]}),
    ],
)
def test_an_invalid_stack_policy_is_refused(stack: ApplicationStack, policy: str) -> None:
    with pytest.raises(ClientError, match="Error validating stack policy"):
        stack.stacks.set_stack_policy(StackName=NAME, StackPolicyBody=policy)


def test_a_failed_addition_is_rolled_back(api: Api, stack: ApplicationStack) -> None:
    before, resources = stack.services("dev", "prod-1", "prod-2"), stack.resources()
    ecs, taken = api.client("ecs"), {"cluster": NAME, "service": "qa"}
    definition = before["dev"][0]
    ecs.create_service(cluster=NAME, serviceName="qa", taskDefinition=definition, desiredCount=0)
    change = stack.change(Environments="dev,qa")
    assert stack.completed(change)
    assert stack.execute(change) == "UPDATE_ROLLBACK_COMPLETE"
    ecs.delete_service(**taken, force=True)
    events = stack.events(change)
    assert [name for name, status, _ in events if status == "CREATE_FAILED"] == ["qaService"]
    assert [status for name, status, _ in events if name == NAME] == [
        "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE",
    ]  # fmt: skip
    assert stack.services("dev", "prod-1", "prod-2") == before
    assert stack.resources() == resources
    assert "qaUrl" not in stack.outputs()


def test_a_failed_rollback_is_continued(api: Api, stack: ApplicationStack) -> None:
    """The role of dev is deleted by hand, so its policy cannot be rolled back."""
    iam, ecs, role = api.client("iam"), api.client("ecs"), stack.resources()["devExecutionRole"][0]
    stack.changed(devSecretArns=ARNS[0])
    found = iam.get_role(RoleName=role)["Role"]
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policies = {
        name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in names
    }
    change = stack.change(Environments="dev,qa", devSecretArns=ARNS[1])
    assert ("Modify", "devSecrets") in stack.completed(change)
    stack.stacks.execute_change_set(StackName=NAME, ChangeSetName=change, ClientRequestToken=change)
    started = ("qaService", "CREATE_IN_PROGRESS", "")
    assert until(lambda: started in stack.events(change), pause=0.01)
    for name in names:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    iam.delete_role(RoleName=role)
    assert until(lambda: bool(stack.services("qa")), pause=0.01)
    ecs.delete_service(cluster=NAME, service="qa", force=True)
    assert stack.end() == "UPDATE_ROLLBACK_FAILED"
    with pytest.raises(ClientError, match="is in UPDATE_ROLLBACK_FAILED state"):
        stack.change(devSecretArns="")

    iam.create_role(
        RoleName=role,
        Path=found["Path"],
        AssumeRolePolicyDocument=json.dumps(found["AssumeRolePolicyDocument"]),
    )
    for name, document in policies.items():
        if name != "read-secrets":
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
    stack.stacks.continue_update_rollback(StackName=NAME, ClientRequestToken=f"{change}-continue")
    assert until(lambda: stack.status == "UPDATE_ROLLBACK_COMPLETE")
    restored = iam.get_role_policy(RoleName=role, PolicyName="read-secrets")["PolicyDocument"]
    assert restored["Statement"][0]["Resource"] == ARNS[:1]
    assert stack.changed(devSecretArns="") == [("Remove", "devSecrets")]
