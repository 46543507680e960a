"""CloudFormation: the stacks of the applications."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from devops_core.adapters.aws.errors import message, translated
from devops_core.errors import RefusedError, redact
from devops_core.model.observed import Stack
from devops_core.model.stack_change import ChangeSet, PropertyChange, ResourceChange
from devops_core.naming import OPERATION_TAG

# Pages of DescribeStackEvents with up to 100 events each; a create of an application's stack has a
# few hundred events.
_MAX_PAGES = 20
# Failures of a change set in the record of an operation: an item of DynamoDB has a maximum size.
_MAX_FAILURES = 20
# The reason of resources that CloudFormation cancelled because another resource failed.
_CANCELLED = re.compile(r"resource (creation|update|deletion) cancelled", re.IGNORECASE)


class CloudFormationStacks:
    """`ports.aws.Stacks` over CloudFormation."""

    def __init__(self, client: Any, role: str) -> None:
        self._client = client
        self._role = role

    @translated()
    def create(self, request: Mapping[str, Any]) -> str:
        """Create a stack and return its id; RefusedError if another stack has this name."""
        exceptions = self._client.exceptions
        try:
            return str(self._client.create_stack(**request)["StackId"])
        except (exceptions.AlreadyExistsException, exceptions.TokenAlreadyExistsException) as error:
            # The stack is our own if the response to an earlier call of this operation was lost.
            stack = self.describe(request["StackName"])
            if stack and stack.operation == _tagged_operation(request.get("Tags", ())):
                return stack.id
            raise RefusedError("a stack of this name exists: choose another name") from error

    @translated()
    def parameters(self, template: Mapping[str, str]) -> Mapping[str, bool]:
        """Return the names of a template's parameters and whether each has a default.

        CloudFormation does not expand macros for this call (API reference, ValidateTemplate).
        RefusedError has the reason if the template is invalid.
        """
        found = self._client.validate_template(**template)["Parameters"]
        return {each["ParameterKey"]: "DefaultValue" in each for each in found}

    @translated()
    def unprotect(self, stack_id: str) -> None:
        """Disable the termination protection of a stack.

        CloudFormation refuses this for a stack that is being deleted or does not exist (User Guide,
        "Protect CloudFormation stacks from being deleted"). A refusal is not an error here, because
        the DeleteStack call that follows has the same reason, or succeeds.
        """
        try:
            self._client.update_termination_protection(
                StackName=stack_id, EnableTerminationProtection=False
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise

    @translated()
    def delete(self, stack_id: str, token: str) -> None:
        """Start to delete a stack; returns without an error if it does not exist.

        The call names this installation's role. Without it, CloudFormation would use the role that
        created the stack, which may have been removed with an earlier installation.
        """
        try:
            self._client.delete_stack(
                StackName=stack_id, ClientRequestToken=token, RoleARN=self._role
            )
        except self._client.exceptions.TokenAlreadyExistsException:
            # CloudFormation has already accepted this delete; `describe` returns its progress.
            return
        except ClientError as error:
            if not _is_missing(error):
                raise

    @translated()
    def describe(self, name_or_id: str) -> Stack | None:
        """Return a stack, or None if it does not exist; a stack id also finds a deleted stack."""
        try:
            (stack,) = self._client.describe_stacks(StackName=name_or_id)["Stacks"]
        except ClientError as error:
            if _is_missing(error):
                return None
            raise
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}
        reason = stack.get("StackStatusReason")
        return Stack(
            id=stack["StackId"],
            status=stack["StackStatus"],
            operation=_tagged_operation(stack.get("Tags", ())),
            reason=redact(reason) if reason else None,
            outputs=outputs,
            parameters={
                each["ParameterKey"]: each.get("ParameterValue", "")
                for each in stack.get("Parameters", ())
            },
            tags={each["Key"]: each["Value"] for each in stack.get("Tags", ())},
        )

    @translated()
    def template(self, stack_id: str) -> str:
        """Return the template of a stack as it was sent, before its transforms.

        The SDK returns a JSON template as an object.
        """
        body = self._client.get_template(StackName=stack_id, TemplateStage="Original")[
            "TemplateBody"
        ]
        return body if isinstance(body, str) else json.dumps(body)

    @translated()
    def create_change_set(self, request: Mapping[str, Any]) -> None:
        """Create a change set; returns without an error if an earlier call has created it."""
        with contextlib.suppress(self._client.exceptions.AlreadyExistsException):
            self._client.create_change_set(**request)

    @translated()
    def change_set(self, stack_id: str, name: str) -> ChangeSet | None:
        """Return a change set with the changes of all pages.

        None if it, or its stack, does not exist.
        """
        changes: list[ResourceChange] = []
        more: dict[str, str] = {}
        while True:
            try:
                page = self._client.describe_change_set(
                    StackName=stack_id, ChangeSetName=name, **more
                )
            except self._client.exceptions.ChangeSetNotFoundException:
                return None
            except ClientError as error:
                if _is_missing(error):
                    return None
                raise
            changes += map(_resource_change, page.get("Changes", ()))
            if not page.get("NextToken"):
                break
            more = {"NextToken": page["NextToken"]}
        return ChangeSet(
            status=page["Status"],
            execution=page.get("ExecutionStatus", "UNAVAILABLE"),
            reason=redact(page.get("StatusReason", "")),
            changes=tuple(changes),
            id=page.get("ChangeSetId", ""),
            description=page.get("Description", ""),
        )

    @translated()
    def change_set_failures(self, stack_id: str, change_set_id: str) -> tuple[str, ...]:
        """Return the failures of resources in the validation of a change set and in its hooks.

        DescribeChangeSet does not have them (CloudFormation User Guide, "Validate stack
        deployments"). The call names the stack and the id of the change set, because it does not
        accept a name alone (aws-cloudformation/cloudformation-cli issue 1116).
        """
        events: list[Mapping[str, Any]] = []
        more: dict[str, str] = {}
        for _ in range(_MAX_PAGES):
            page = self._client.describe_events(
                StackName=stack_id,
                ChangeSetName=change_set_id,
                Filters={"FailedEvents": True},
                **more,
            )
            events += page.get("OperationEvents", ())
            if not page.get("NextToken"):
                break
            more = {"NextToken": page["NextToken"]}
        found = tuple(dict.fromkeys(filter(None, map(_operation_failure, events))))
        further = len(found) - _MAX_FAILURES
        counted = (f"and {further} further failures",) if further > 0 else ()
        return (*found[:_MAX_FAILURES], *counted)

    @translated()
    def execute_change_set(self, stack_id: str, name: str, token: str) -> None:
        """Start the update of a stack; RefusedError if the change set cannot be executed now."""
        with contextlib.suppress(self._client.exceptions.TokenAlreadyExistsException):
            self._client.execute_change_set(
                StackName=stack_id, ChangeSetName=name, ClientRequestToken=token
            )

    @translated()
    def delete_change_set(self, stack_id: str, name: str) -> None:
        """Delete a change set; returns without an error if it does not exist.

        The API reference of DeleteChangeSet has no such error; another call of the service has it.
        """
        with contextlib.suppress(self._client.exceptions.ChangeSetNotFoundException):
            self._client.delete_change_set(StackName=stack_id, ChangeSetName=name)

    @translated()
    def continue_rollback(self, stack_id: str, token: str) -> None:
        """Continue a failed rollback with this installation's role, as `delete`."""
        with contextlib.suppress(self._client.exceptions.TokenAlreadyExistsException):
            self._client.continue_update_rollback(
                StackName=stack_id, ClientRequestToken=token, RoleARN=self._role
            )

    def failures(self, stack_id: str, token: str) -> tuple[str, ...]:
        """Return the reasons of failed resources in calls with `token`, the oldest first.

        Without a failed resource, returns the reasons of the stack itself: a failed transform stops
        the stack before it has resources. CloudFormation repeats a failed deletion, so a resource
        that was deleted later has not failed.
        """
        events = _unresolved(_of_call(self._events(stack_id), token))
        own = [event for event in events if event.get("PhysicalResourceId") == event["StackId"]]
        failed = [
            event
            for event in events
            if event["ResourceStatus"].endswith("_FAILED") and event not in own
        ]
        ended = [
            event
            for event in own
            if event["ResourceStatus"].endswith(("_FAILED", "ROLLBACK_IN_PROGRESS"))
        ]
        return tuple(dict.fromkeys(_failure(event) for event in failed or ended))

    def undeleted(self, stack_id: str, token: str) -> tuple[str, ...]:
        """Return the reasons of resources that calls with `token` could not delete."""
        events = _unresolved(_of_call(self._events(stack_id), token))
        failed = [
            event
            for event in events
            if event["ResourceStatus"] == "DELETE_FAILED"
            and event.get("PhysicalResourceId") != event["StackId"]
        ]
        return tuple(dict.fromkeys(map(_failure, failed)))

    @translated()
    def _events(self, stack_id: str) -> list[Mapping[str, Any]]:
        """Return the events of a stack, the oldest first (the API returns the newest first)."""
        events: list[Mapping[str, Any]] = []
        more: dict[str, str] = {}
        for _ in range(_MAX_PAGES):
            page = self._client.describe_stack_events(StackName=stack_id, **more)
            events += page["StackEvents"]
            if not page.get("NextToken"):
                break
            more = {"NextToken": page["NextToken"]}
        return events[::-1]


def _of_call(events: Sequence[Mapping[str, Any]], token: str) -> list[Mapping[str, Any]]:
    """Return the events of calls with a token, the oldest first.

    An event without a token belongs to the call before it; the first event of a call has its token.
    """
    own, belongs = [], False
    for event in events:
        belongs = event["ClientRequestToken"] == token if "ClientRequestToken" in event else belongs
        if belongs:
            own.append(event)
    return own


def _unresolved(events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the events of a call with a reason, without those that do not count.

    These are cancellations, and failed deletions that CloudFormation repeated. The reason of each
    attempt can have another request id.
    """
    explained = [
        event
        for event in events
        if (reason := event.get("ResourceStatusReason")) and not _CANCELLED.search(reason)
    ]
    deleted = {
        event["LogicalResourceId"]
        for event in events
        if event["ResourceStatus"] == "DELETE_COMPLETE"
    }
    last = {
        event["LogicalResourceId"]: event
        for event in explained
        if event["ResourceStatus"] == "DELETE_FAILED"
    }
    return [
        event
        for event in explained
        if event["ResourceStatus"] != "DELETE_FAILED"
        or (event["LogicalResourceId"] not in deleted and event is last[event["LogicalResourceId"]])
    ]


def _resource_change(change: Mapping[str, Any]) -> ResourceChange:
    resource = change["ResourceChange"]
    return ResourceChange(
        action=resource["Action"],
        logical_id=resource["LogicalResourceId"],
        type=resource["ResourceType"],
        replacement=resource.get("Replacement", ""),
        details=tuple(map(_property_change, resource.get("Details", ()))),
    )


def _property_change(detail: Mapping[str, Any]) -> PropertyChange:
    target = detail.get("Target", {})
    return PropertyChange(
        name=target.get("Name") or target.get("Attribute", ""),
        source=detail.get("ChangeSource", ""),
        cause=detail.get("CausingEntity", ""),
        dynamic=detail.get("Evaluation") == "Dynamic",
    )


def _is_missing(error: ClientError) -> bool:
    # The API has no separate error code for "Stack with id ... does not exist".
    return "does not exist" in message(error)


def _tagged_operation(tags: Sequence[Mapping[str, str]]) -> str | None:
    return next((tag["Value"] for tag in tags if tag["Key"] == OPERATION_TAG), None)


def _operation_failure(event: Mapping[str, Any]) -> str | None:
    """Return the failure in an event of DescribeEvents, None for a warning and other events."""
    modes = event.get("ValidationFailureMode"), event.get("HookFailureMode")
    if "WARN" in modes or event.get("ValidationStatus") == "SKIPPED":
        return None
    reason, hook = event.get("ValidationStatusReason"), event.get("HookStatusReason")
    if not reason and not hook:
        return None
    text = redact(reason) if reason else f"{event.get('HookType', 'hook')}: {redact(hook or '')}"
    name, path = event.get("LogicalResourceId"), event.get("ValidationPath")
    resource = f"{name} ({event.get('ResourceType', 'resource')}): " if name else ""
    return f"{resource}{text}" + (f" (at {path})" if path else "")


def _failure(event: Mapping[str, Any]) -> str:
    reason = redact(event["ResourceStatusReason"])
    return f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}"
