from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from devops_core.adapters.cloudformation import CloudFormationStacks
from devops_core.errors import AccessDeniedError, RefusedError, ThrottledError, UnreachableError
from devops_core.model.observed import Stack
from devops_core.model.stack_change import PropertyChange
from devops_core.naming import OPERATION_TAG
from tests.adapters.conftest import Aws
from tests.lab.moto.hooks import break_after, parameters, refuse, respond, send_twice

TEMPLATE = json.dumps(
    {
        "Resources": {"Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "a"}}},
        "Outputs": {"ClusterName": {"Value": "Shop"}, "Url": {"Value": "http://shop"}},
    }
)
ROLE = "arn:aws:iam::123456789012:role/stack"
STACK_ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/Shop/1"


@pytest.fixture
def client(aws: Aws) -> Any:
    return aws.client("cloudformation")


@pytest.fixture
def stacks(client: Any) -> CloudFormationStacks:
    return CloudFormationStacks(client, ROLE)


def request(operation: str = "01CREATE") -> dict[str, Any]:
    return {
        "StackName": "Shop",
        "TemplateBody": TEMPLATE,
        "Tags": [
            {"Key": "technicalTeam", "Value": "web"},
            {"Key": OPERATION_TAG, "Value": operation},
        ],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        "RoleARN": ROLE,
        "ClientRequestToken": operation,
        "OnFailure": "ROLLBACK",
    }


def test_a_stack_is_found_by_name_and_by_id(stacks: CloudFormationStacks) -> None:
    stack_id = stacks.create(request())

    assert stacks.describe("Shop") == stacks.describe(stack_id)
    assert stacks.describe(stack_id) == Stack(
        id=stack_id,
        status="CREATE_COMPLETE",
        operation="01CREATE",
        outputs={"ClusterName": "Shop", "Url": "http://shop"},
        tags={"technicalTeam": "web", OPERATION_TAG: "01CREATE"},
    )


def test_a_missing_stack_is_none(stacks: CloudFormationStacks) -> None:
    assert stacks.describe("Shop") is None


def test_a_deleted_stack_is_found_by_its_id(stacks: CloudFormationStacks) -> None:
    stack_id = stacks.create(request())

    stacks.delete(stack_id, "01DELETE")

    deleted = stacks.describe(stack_id)
    assert deleted is not None
    assert deleted.status == "DELETE_COMPLETE"
    assert stacks.describe("Shop") is None


def test_a_reason_of_the_stack_has_no_arn(stacks: CloudFormationStacks, client: Any) -> None:
    described = {
        "StackId": STACK_ID,
        "StackStatus": "DELETE_FAILED",
        "StackStatusReason": f"{STACK_ID} cannot be deleted",
    }
    respond(client, "DescribeStacks", {"Stacks": [described]})

    assert stacks.describe(STACK_ID) == Stack(
        id=STACK_ID,
        status="DELETE_FAILED",
        reason="cloudformation stack/Shop/1 cannot be deleted",
    )


def test_a_stack_of_another_owner_refuses_a_create(stacks: CloudFormationStacks) -> None:
    stacks.create(request("01OTHER"))

    with pytest.raises(RefusedError, match="a stack of this name exists"):
        stacks.create(request("02OURS"))


def test_a_repeated_create_returns_its_own_stack(stacks: CloudFormationStacks) -> None:
    assert stacks.create(request()) == stacks.create(request())


def test_a_create_that_is_sent_twice_makes_one_stack(
    stacks: CloudFormationStacks, client: Any
) -> None:
    sends = send_twice(client, "CreateStack")

    stack_id = stacks.create(request())

    assert sends[:2] == [1, 2]
    assert [stack["StackId"] for stack in client.describe_stacks()["Stacks"]] == [stack_id]


def test_a_token_that_was_used_for_nothing_is_refused(
    stacks: CloudFormationStacks, client: Any
) -> None:
    refuse(client, "CreateStack", "TokenAlreadyExistsException")

    with pytest.raises(RefusedError, match="a stack of this name exists"):
        stacks.create(request())


def test_an_invalid_template_is_refused_with_the_message_of_aws(
    stacks: CloudFormationStacks, client: Any
) -> None:
    refuse(client, "CreateStack", "ValidationError", "Unresolved resource dependencies [Foo]")

    with pytest.raises(RefusedError, match="Unresolved resource dependencies"):
        stacks.create(request())


def test_the_parameters_of_a_template_are_read(stacks: CloudFormationStacks, client: Any) -> None:
    told = [
        {"ParameterKey": "Cpu", "DefaultValue": "256", "NoEcho": False},
        {"ParameterKey": "Certificate", "DefaultValue": ""},
        {"ParameterKey": "VpcId", "Description": "Where it runs"},
    ]
    sent = respond(client, "ValidateTemplate", {"Parameters": told})

    template = {"TemplateBody": TEMPLATE}
    assert stacks.parameters(template) == {"Cpu": True, "Certificate": True, "VpcId": False}
    assert sent[0]["body"]["TemplateBody"] == TEMPLATE


def test_a_text_that_is_not_a_template_is_refused_with_the_message_of_aws(
    stacks: CloudFormationStacks, client: Any
) -> None:
    words = "Template format error: unsupported structure."
    refuse(client, "ValidateTemplate", "ValidationError", words)

    with pytest.raises(RefusedError, match="unsupported structure"):
        stacks.parameters({"TemplateBody": "-"})


def test_a_create_without_a_response_can_have_taken_effect(
    stacks: CloudFormationStacks, client: Any
) -> None:
    break_after(client, "CreateStack", ReadTimeoutError(endpoint_url="http://cloudformation"))

    with pytest.raises(UnreachableError):
        stacks.create(request())

    assert stacks.describe("Shop") is not None


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValidationError", f"Stack with id {STACK_ID} does not exist"),
        ("TokenAlreadyExistsException", ""),
    ],
)
def test_a_delete_of_a_missing_or_deleting_stack_succeeds(
    stacks: CloudFormationStacks, client: Any, code: str, message: str
) -> None:
    refuse(client, "DeleteStack", code, message)

    stacks.delete(STACK_ID, "01DELETE")


@pytest.mark.parametrize(
    "message",
    [
        f"Stack [{STACK_ID}] does not exist",
        "the protection cannot be changed in this state",
    ],
)
def test_a_protection_that_cannot_be_changed_does_not_stop_a_delete(
    stacks: CloudFormationStacks, client: Any, message: str
) -> None:
    """It cannot be changed in DELETE_IN_PROGRESS and DELETE_COMPLETE (User Guide)."""
    refuse(client, "UpdateTerminationProtection", "ValidationError", message)

    stacks.unprotect(STACK_ID)


def test_a_denied_change_of_the_protection_is_an_error(
    stacks: CloudFormationStacks, client: Any
) -> None:
    refuse(client, "UpdateTerminationProtection", "AccessDenied", status=403)

    with pytest.raises(AccessDeniedError):
        stacks.unprotect(STACK_ID)


def test_the_protection_of_a_stack_is_disabled(stacks: CloudFormationStacks, client: Any) -> None:
    sent = respond(client, "UpdateTerminationProtection", {"StackId": STACK_ID})

    stacks.unprotect(STACK_ID)

    assert sent[0]["body"]["StackName"] == STACK_ID
    assert sent[0]["body"]["EnableTerminationProtection"] == "false"


def test_a_delete_has_its_token_and_the_role_of_this_installation(
    stacks: CloudFormationStacks, client: Any
) -> None:
    sent = respond(client, "DeleteStack", {})

    stacks.delete(STACK_ID, "01DELETE")

    assert sent[0]["body"]["ClientRequestToken"] == "01DELETE"
    assert sent[0]["body"]["StackName"] == STACK_ID
    assert sent[0]["body"]["RoleARN"] == ROLE


def test_a_protected_stack_is_not_deleted(stacks: CloudFormationStacks, client: Any) -> None:
    refuse(client, "DeleteStack", "ValidationError", "TerminationProtection is enabled")

    with pytest.raises(RefusedError, match="TerminationProtection is enabled"):
        stacks.delete(STACK_ID, "01DELETE")


def test_a_stack_that_cannot_be_read_is_not_treated_as_missing(
    stacks: CloudFormationStacks, client: Any
) -> None:
    refuse(client, "DescribeStacks", "AccessDenied", status=403)
    refuse(client, "DescribeStackEvents", "Throttling", "Rate exceeded")

    with pytest.raises(AccessDeniedError):
        stacks.describe("Shop")
    with pytest.raises(ThrottledError):
        stacks.failures(STACK_ID, "01CREATE")


def event(
    status: str, reason: str = "", name: str = "Service", call: str | None = "01CREATE"
) -> dict[str, Any]:
    whole = name == "Shop"
    found = {
        "StackId": STACK_ID,
        "EventId": f"{name}-{status}",
        "StackName": "Shop",
        "LogicalResourceId": name,
        "PhysicalResourceId": STACK_ID if whole else name.lower(),
        "ResourceType": "AWS::CloudFormation::Stack" if whole else "AWS::ECS::Service",
        "Timestamp": datetime(2026, 1, 31, tzinfo=UTC),
        "ResourceStatus": status,
        "ClientRequestToken": call,
        "ResourceStatusReason": reason,
    }
    return {name: value for name, value in found.items() if value}


# The API gives the newest event first.
NEWEST = [
    event("ROLLBACK_COMPLETE", name="Shop"),
    event("DELETE_FAILED", "still in use", name="Balancer"),
    event("DELETE_COMPLETE", name="Service"),
    event("ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create", name="Shop"),
    event("CREATE_FAILED", "Resource creation cancelled", name="Other"),
]
OLDEST = [
    event("CREATE_FAILED", "arn:aws:ecs:eu-west-1:123456789012:service/dev did not start"),
    event("CREATE_FAILED", "of another call", name="Foreign", call="02OTHER"),
    event("CREATE_FAILED", "without a token", name="Nameless", call=None),
    event("CREATE_FAILED", name="Silent"),
    event("CREATE_IN_PROGRESS", "Resource creation Initiated", name="Service"),
    event("CREATE_IN_PROGRESS", "User Initiated", name="Shop"),
]


def test_failures_have_the_oldest_first_and_no_cancelled_resources(
    stacks: CloudFormationStacks, client: Any
) -> None:
    respond(
        client,
        "DescribeStackEvents",
        {"StackEvents": NEWEST, "NextToken": "more"},
        {"StackEvents": OLDEST},
    )

    assert stacks.failures(STACK_ID, "01CREATE") == (
        "Nameless (AWS::ECS::Service): without a token",
        "Service (AWS::ECS::Service): ecs service/dev did not start",
        "Balancer (AWS::ECS::Service): still in use",
    )


def test_failures_of_earlier_calls_without_a_token_do_not_count(
    stacks: CloudFormationStacks, client: Any
) -> None:
    """The call of another tool has no token; CloudFormation repeats failed deletions."""
    events = [
        event("DELETE_COMPLETE", name="Balancer"),
        event("DELETE_FAILED", "is in use", name="Group"),
        event("DELETE_FAILED", "is in use", name="Balancer", call=None),
        event("UPDATE_IN_PROGRESS", "User Initiated", name="Shop"),
        event("UPDATE_FAILED", "of another tool", name="Service", call=None),
    ]
    respond(client, "DescribeStackEvents", {"StackEvents": events})

    assert stacks.failures(STACK_ID, "01CREATE") == ("Group (AWS::ECS::Service): is in use",)


def test_a_stack_that_failed_before_its_resources_has_its_own_reason(
    stacks: CloudFormationStacks, client: Any
) -> None:
    why = "Transform AWS::LanguageExtensions failed with: no such loop"
    events = [
        event("ROLLBACK_COMPLETE", name="Shop"),
        event("ROLLBACK_IN_PROGRESS", why, name="Shop"),
        event("CREATE_IN_PROGRESS", "User Initiated", name="Shop"),
    ]
    respond(client, "DescribeStackEvents", {"StackEvents": events})

    assert stacks.failures(STACK_ID, "01CREATE") == (f"Shop (AWS::CloudFormation::Stack): {why}",)


def test_the_pages_of_events_are_bounded(stacks: CloudFormationStacks, client: Any) -> None:
    page = {"StackEvents": [event("CREATE_FAILED", "again")], "NextToken": "more"}
    sent = respond(client, "DescribeStackEvents", *[page] * 50)

    assert len(stacks.failures(STACK_ID, "01CREATE")) == 1
    assert len(sent) == 20


def test_the_resources_that_a_cleanup_could_not_delete_have_their_reasons(
    stacks: CloudFormationStacks, client: Any
) -> None:
    newest_first = [
        event("DELETE_FAILED", "The following resource(s) failed to delete", name="Shop"),
        event("DELETE_COMPLETE", name="Retried"),
        event("DELETE_FAILED", "in use", name="Retried"),
        event("DELETE_FAILED", "protected", name="Balancer"),
        event("DELETE_FAILED", "protected", name="Balancer"),
        event("CREATE_FAILED", "did not start"),
        event("DELETE_FAILED", "of another call", name="Foreign", call="02OTHER"),
    ]
    respond(client, "DescribeStackEvents", {"StackEvents": newest_first})

    assert stacks.undeleted(STACK_ID, "01CREATE") == ("Balancer (AWS::ECS::Service): protected",)


def test_a_repeated_deletion_has_the_reason_of_its_last_attempt(
    stacks: CloudFormationStacks, client: Any
) -> None:
    """The reason of each attempt has other ids, so the texts differ."""
    newest_first = [
        event("DELETE_FAILED", "Resource deletion cancelled", name="Balancer"),
        event("DELETE_FAILED", "protected (Service: Elb, Request ID: 3)", name="Balancer"),
        event("DELETE_FAILED", "protected (Service: Elb, Request ID: 2)", name="Balancer"),
        event("DELETE_FAILED", "protected (Service: Elb, Request ID: 1)", name="Balancer"),
        event("CREATE_FAILED", "did not start"),
    ]
    respond(client, "DescribeStackEvents", *[{"StackEvents": newest_first}] * 2)
    last = "Balancer (AWS::ECS::Service): protected (Service: Elb, Request ID: 3)"

    assert stacks.undeleted(STACK_ID, "01CREATE") == (last,)
    assert stacks.failures(STACK_ID, "01CREATE") == (
        "Service (AWS::ECS::Service): did not start",
        last,
    )


def test_a_successful_stack_has_no_failures(stacks: CloudFormationStacks) -> None:
    assert stacks.failures(stacks.create(request()), "01CREATE") == ()


# --- change sets ---

PARAMETERS_TEMPLATE = json.dumps(
    {
        "Parameters": {"Name": {"Type": "String", "Default": "a"}, "Other": {"Type": "String"}},
        "Resources": {
            "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Ref": "Name"}}}
        },
    }
)


@pytest.fixture
def changeable(stacks: CloudFormationStacks) -> str:
    """The id of a stack with two parameters."""
    own = request() | {
        "TemplateBody": PARAMETERS_TEMPLATE,
        "Parameters": [{"ParameterKey": "Other", "ParameterValue": "x"}],
    }
    return stacks.create(own)


def change_request(stack_id: str, value: str = "b") -> dict[str, Any]:
    return {
        "StackName": stack_id,
        "ChangeSetName": "op-1",
        "ChangeSetType": "UPDATE",
        "ClientToken": "1",
        "TemplateBody": PARAMETERS_TEMPLATE,
        "Parameters": [
            {"ParameterKey": "Name", "ParameterValue": value},
            {"ParameterKey": "Other", "UsePreviousValue": True},
        ],
        "Capabilities": ["CAPABILITY_IAM"],
        "RoleARN": ROLE,
    }


def test_a_stack_has_its_parameters(stacks: CloudFormationStacks, changeable: str) -> None:
    found = stacks.describe(changeable)

    assert found is not None
    assert found.parameters == {"Name": "a", "Other": "x"}


def test_the_template_is_the_one_that_was_sent(
    stacks: CloudFormationStacks, changeable: str
) -> None:
    assert json.loads(stacks.template(changeable)) == json.loads(PARAMETERS_TEMPLATE)


def test_a_yaml_template_is_unchanged(stacks: CloudFormationStacks, client: Any) -> None:
    respond(client, "GetTemplate", {"TemplateBody": "# comment\nResources: {}\n"})

    assert stacks.template(STACK_ID) == "# comment\nResources: {}\n"


def test_a_change_set_updates_a_stack(stacks: CloudFormationStacks, changeable: str) -> None:
    # moto knows the stack of a new change set only by its name.
    stacks.create_change_set(change_request("Shop"))
    change_set = stacks.change_set(changeable, "op-1")

    assert change_set is not None
    assert (change_set.status, change_set.execution) == ("CREATE_COMPLETE", "AVAILABLE")
    stacks.execute_change_set(changeable, "op-1", "1")
    found = stacks.describe(changeable)
    assert found is not None
    assert (found.status, found.parameters["Name"]) == ("UPDATE_COMPLETE", "b")


def test_an_existing_change_set_is_that_of_an_earlier_call(
    stacks: CloudFormationStacks, client: Any
) -> None:
    refuse(client, "CreateChangeSet", "AlreadyExistsException", "ChangeSet op-1 already exists")

    stacks.create_change_set(change_request(STACK_ID))


def test_a_missing_change_set_is_none(
    stacks: CloudFormationStacks, client: Any, changeable: str
) -> None:
    refuse(client, "DescribeChangeSet", "ChangeSetNotFound", "ChangeSet [op-1] does not exist")

    assert stacks.change_set(changeable, "op-1") is None


def test_a_change_set_has_the_changes_of_all_pages(
    stacks: CloudFormationStacks, client: Any
) -> None:
    def page(name: str, token: str | None) -> dict[str, Any]:
        resource = {
            "Action": "Modify",
            "LogicalResourceId": name,
            "ResourceType": "AWS::IAM::RolePolicy",
            "Replacement": "False",
        }
        further = {"NextToken": token} if token else {}
        return {
            "Status": "CREATE_COMPLETE",
            "ExecutionStatus": "AVAILABLE",
            "Changes": [{"Type": "Resource", "ResourceChange": resource}],
            **further,
        }

    respond(client, "DescribeChangeSet", page("devSecrets", "more"), page("qaSecrets", None))
    change_set = stacks.change_set(STACK_ID, "op-1")

    assert change_set is not None
    assert [each.logical_id for each in change_set.changes] == ["devSecrets", "qaSecrets"]


def test_a_change_has_its_properties_and_their_causes(
    stacks: CloudFormationStacks, client: Any
) -> None:
    details = [
        {
            "Target": {"Attribute": "Properties", "Name": "ExecutionRoleArn",
                       "RequiresRecreation": "Always"},
            "Evaluation": "Dynamic",
            "ChangeSource": "ResourceAttribute",
            "CausingEntity": "devExecutionRole.Arn",
        },
        {"Target": {"Attribute": "Tags", "RequiresRecreation": "Never"}, "Evaluation": "Static"},
    ]  # fmt: skip
    resource = {
        "Action": "Modify",
        "LogicalResourceId": "devTaskDefinition",
        "ResourceType": "AWS::ECS::TaskDefinition",
        "Replacement": "Conditional",
        "Details": details,
    }
    page = {
        "Status": "CREATE_COMPLETE",
        "ExecutionStatus": "AVAILABLE",
        "Description": "dry run",
        "Changes": [{"Type": "Resource", "ResourceChange": resource}],
    }
    respond(client, "DescribeChangeSet", page)
    change_set = stacks.change_set(STACK_ID, "dry-run")

    assert change_set is not None
    assert change_set.description == "dry run"
    (change,) = change_set.changes
    assert (change.replacement, change.details) == (
        "Conditional",
        (
            PropertyChange(
                "ExecutionRoleArn", "ResourceAttribute", "devExecutionRole.Arn", dynamic=True
            ),
            PropertyChange("Tags"),
        ),
    )


def test_an_empty_change_set_has_a_reason(stacks: CloudFormationStacks, client: Any) -> None:
    reason = "The submitted information didn't contain changes."
    respond(
        client,
        "DescribeChangeSet",
        {"Status": "FAILED", "ExecutionStatus": "UNAVAILABLE", "StatusReason": reason},
    )
    change_set = stacks.change_set(STACK_ID, "op-1")

    assert change_set is not None
    assert change_set.empty


# The path of a change set's ARN is its name and a UUID.
CHANGE_SET_ID = STACK_ID.replace("stack/Shop", "changeSet/op-1")


def validation(name: str, **changes: Any) -> dict[str, Any]:
    """Return an event of a failed validation (API reference, OperationEvent)."""
    return {
        "EventType": "VALIDATION_ERROR",
        "LogicalResourceId": name,
        "ResourceType": "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "ValidationName": "NAME_CONFLICT_VALIDATION",
        "ValidationFailureMode": "FAIL",
        "ValidationStatus": "FAILED",
        "ValidationStatusReason": "Resource with identifier 'Shop-da' already exists",
        "ValidationPath": f"/Resources/{name}/Properties/Name",
        **changes,
    }


def test_a_change_set_has_an_id(stacks: CloudFormationStacks, changeable: str) -> None:
    stacks.create_change_set(change_request("Shop"))
    change_set = stacks.change_set(changeable, "op-1")

    assert change_set is not None
    assert ":changeSet/op-1/" in change_set.id


def test_the_failures_of_a_change_set_name_resource_path_and_reason(
    stacks: CloudFormationStacks, client: Any
) -> None:
    sent = respond(
        client,
        "DescribeEvents",
        {"OperationEvents": [validation("daLoadBalancer")], "NextToken": "more"},
        {"OperationEvents": [validation("qaLoadBalancer", ValidationPath="")]},
    )
    words = (
        "(AWS::ElasticLoadBalancingV2::LoadBalancer): Resource with identifier 'Shop-da' already"
        " exists"
    )

    assert stacks.change_set_failures(STACK_ID, CHANGE_SET_ID) == (
        f"daLoadBalancer {words} (at /Resources/daLoadBalancer/Properties/Name)",
        f"qaLoadBalancer {words}",
    )
    first, second = (each["body"] for each in sent)
    assert (first["StackName"], first["ChangeSetName"]) == (STACK_ID, CHANGE_SET_ID)
    assert first["Filters.FailedEvents"] == "true"
    assert second["NextToken"] == "more"


def test_the_failures_of_a_change_set_include_those_of_hooks(
    stacks: CloudFormationStacks, client: Any
) -> None:
    hook = {
        "EventType": "HOOK_INVOCATION_ERROR",
        "LogicalResourceId": "daService",
        "ResourceType": "AWS::ECS::Service",
        "HookType": "Company::Rules::Hook",
        "HookFailureMode": "FAIL",
        "HookStatus": "HOOK_COMPLETE_FAILED",
        "HookStatusReason": "no public address",
    }
    respond(client, "DescribeEvents", {"OperationEvents": [hook]})

    assert stacks.change_set_failures(STACK_ID, CHANGE_SET_ID) == (
        "daService (AWS::ECS::Service): Company::Rules::Hook: no public address",
    )


def test_the_failures_of_a_change_set_exclude_warnings_and_events_without_a_reason(
    stacks: CloudFormationStacks, client: Any
) -> None:
    events = [
        validation("daService", ValidationFailureMode="WARN"),
        validation("daService", ValidationStatus="SKIPPED"),
        validation("daService", ValidationStatusReason=""),
        {"EventType": "STACK_EVENT", "OperationStatus": "FAILED"},
    ]
    respond(client, "DescribeEvents", {"OperationEvents": events})

    assert stacks.change_set_failures(STACK_ID, CHANGE_SET_ID) == ()


def test_the_failures_of_a_change_set_are_limited(
    stacks: CloudFormationStacks, client: Any
) -> None:
    events = [validation(f"da{number}") for number in range(100)]
    page = {"OperationEvents": events, "NextToken": "more"}
    sent = respond(client, "DescribeEvents", *[page] * 50)
    found = stacks.change_set_failures(STACK_ID, CHANGE_SET_ID)

    assert len(sent) == 20
    assert len(found) == 21
    assert found[-1] == "and 80 further failures"


def test_an_event_can_lack_its_resource(stacks: CloudFormationStacks, client: Any) -> None:
    event = validation("daService")
    del event["LogicalResourceId"], event["ResourceType"]
    respond(client, "DescribeEvents", {"OperationEvents": [event]})

    (found,) = stacks.change_set_failures(STACK_ID, CHANGE_SET_ID)
    assert found.startswith("Resource with identifier")


def test_a_denied_read_of_the_failures_of_a_change_set_is_an_error(
    stacks: CloudFormationStacks, client: Any
) -> None:
    refuse(client, "DescribeEvents", "AccessDenied", "not authorized", status=403)

    with pytest.raises(AccessDeniedError):
        stacks.change_set_failures(STACK_ID, CHANGE_SET_ID)


def test_a_repeated_execution_is_no_error(stacks: CloudFormationStacks, client: Any) -> None:
    words = "Token 1 was already used"
    refuse(client, "ExecuteChangeSet", "TokenAlreadyExistsException", words)

    stacks.execute_change_set(STACK_ID, "op-1", "1")


def test_a_change_set_that_cannot_be_executed_is_refused(
    stacks: CloudFormationStacks, client: Any
) -> None:
    words = "ChangeSet [op-1] cannot be executed in its current execution status of [OBSOLETE]"
    refuse(client, "ExecuteChangeSet", "InvalidChangeSetStatus", words)

    with pytest.raises(RefusedError, match="OBSOLETE"):
        stacks.execute_change_set(STACK_ID, "op-1", "1")


def test_a_change_set_is_deleted(stacks: CloudFormationStacks, changeable: str) -> None:
    stacks.create_change_set(change_request("Shop"))

    stacks.delete_change_set(changeable, "op-1")

    assert stacks.change_set(changeable, "op-1") is None


def test_a_missing_change_set_is_deleted(stacks: CloudFormationStacks, client: Any) -> None:
    refuse(client, "DeleteChangeSet", "ChangeSetNotFound", "ChangeSet [op-1] does not exist")

    stacks.delete_change_set(STACK_ID, "op-1")


def test_a_rollback_continues_with_the_role_of_this_installation(
    stacks: CloudFormationStacks, client: Any
) -> None:
    sent = parameters(client, "ContinueUpdateRollback")
    respond(client, "ContinueUpdateRollback", {})

    stacks.continue_rollback(STACK_ID, "1-rollback")

    assert sent == [{"StackName": STACK_ID, "ClientRequestToken": "1-rollback", "RoleARN": ROLE}]
