"""The change sets of CloudFormation, which moto executes without comparing resources.

moto cannot expand the loops of the application template, so an execution gives moto the template
with the loops unrolled for the new environments. An update that fails changes nothing in moto,
because moto cannot roll back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSResponse
from moto.cloudformation.models import Event

from devops_core.model.stack_change import PropertyChange
from tests.lab.fakes import ACCOUNT, REGION
from tests.lab.fakes.change_sets import FakeChangeSet, changed_parameters, changes
from tests.lab.moto import responses
from tests.lab.moto.application_template import application_template
from tests.lab.moto.backends import backend
from tests.lab.moto.transport import Call

# The state of a stack whose rollback has failed.
_STUCK = "UPDATE_ROLLBACK_FAILED"

Params = Mapping[str, Any]


@dataclass(slots=True)
class ChangeSets:
    """The change sets of an account by stack id and name; they are part of its saved state.

    With `failing`, updates fail and are rolled back; the next `failing_rollbacks` rollbacks fail.
    `invalid` has the failures in the validation of the change sets that were not executed yet.
    """

    found: dict[tuple[str, str], FakeChangeSet] = field(default_factory=dict)
    failing: bool = False
    failing_rollbacks: int = 0
    invalid: tuple[str, ...] = ()

    def of_stack(self, stack_id: str) -> dict[str, FakeChangeSet]:
        """Return the change sets of a stack by name."""
        return {name: each for (stack, name), each in self.found.items() if stack == stack_id}

    def validate(self) -> None:
        """End the validation of the change sets that were not executed yet."""
        for each in self.found.values():
            if self.invalid and each.execution == "AVAILABLE":
                each.failures, each.execution = self.invalid, "UNAVAILABLE"
                each.complete()


# Returns whether a stack, by its id, is changing.
InProgress = Callable[[str], bool]


def answer(change_sets: ChangeSets, call: Call, in_progress: InProgress) -> AWSResponse | None:
    """Execute a call about a change set, and return its response; None for another call."""
    handler = _HANDLERS.get(call.operation) if call.service == "cloudformation" else None
    if handler is None:
        return None
    stack = backend("cloudformation").stacks.get(call.params["StackName"])
    if stack is None:
        return _invalid(f"Stack [{call.params['StackName']}] does not exist")
    change_sets.validate()
    return handler(change_sets, call.params, stack, in_progress(stack.stack_id))


def _create(change_sets: ChangeSets, params: Params, stack: Any, in_progress: bool) -> AWSResponse:
    key = _key(params)
    if key in change_sets.found:
        words = f"ChangeSet {key[1]} cannot be created due to a mismatch with existing attributes"
        return responses.failure("cloudformation", 400, "AlreadyExistsException", words)
    if in_progress or stack.status == _STUCK:
        return _invalid(f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated")
    assert {each["Key"]: each["Value"] for each in params["Tags"]} == stack.tags
    if "TemplateBody" in params:
        assert json.loads(params["TemplateBody"]) == json.loads(stack.template), "another template"
    before = parameters_of(stack)
    after = changed_parameters(before, params)
    where = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet"
    change_set_id = f"{where}/{key[1]}/{len(change_sets.found):032x}"
    description = params.get("Description", "")
    change_set = FakeChangeSet(
        key[1], after, changes(before, after), id=change_set_id, description=description
    )
    change_set.complete()
    change_sets.found[key] = change_set
    members = f"<Id>{change_set_id}</Id><StackId>{key[0]}</StackId>"
    return responses.result("CreateChangeSet", members)


def _describe(
    change_sets: ChangeSets, params: Params, stack: Any, in_progress: bool
) -> AWSResponse:
    del stack
    change_set = change_sets.found.get(_key(params))
    if change_set is None:
        return _missing(params)
    described = change_set.described()
    members = "".join(
        "<member><Type>Resource</Type><ResourceChange>"
        f"<Action>{each.action}</Action><LogicalResourceId>{each.logical_id}</LogicalResourceId>"
        f"<ResourceType>{each.type}</ResourceType>"
        + (f"<Replacement>{each.replacement}</Replacement>" if each.replacement else "")
        + f"<Details>{''.join(map(_detail, each.details))}</Details></ResourceChange></member>"
        for each in described.changes
    )
    reason = f"<StatusReason>{escape(described.reason)}</StatusReason>" if described.reason else ""
    executing = in_progress and described.execution.startswith("EXECUTE_")
    execution = "EXECUTE_IN_PROGRESS" if executing else described.execution
    return responses.result(
        "DescribeChangeSet",
        f"<ChangeSetId>{change_set.id}</ChangeSetId><Status>{described.status}</Status>"
        f"<Description>{described.description}</Description>"
        f"<ExecutionStatus>{execution}</ExecutionStatus>{reason}"
        f"<Changes>{members}</Changes>",
    )


def _detail(detail: PropertyChange) -> str:
    """Return a property of a changed resource."""
    evaluation = "Dynamic" if detail.dynamic else "Static"
    return (
        f"<member><Target><Attribute>Properties</Attribute><Name>{detail.name}</Name></Target>"
        f"<Evaluation>{evaluation}</Evaluation><ChangeSource>{detail.source}</ChangeSource>"
        f"<CausingEntity>{detail.cause}</CausingEntity></member>"
    )


def _events(change_sets: ChangeSets, params: Params, stack: Any, in_progress: bool) -> AWSResponse:
    """Return the failed events of a change set by its id."""
    del stack, in_progress
    ids = {each.id: each for each in change_sets.found.values()}
    change_set = ids.get(params["ChangeSetName"])
    if change_set is None:
        return _missing(params)
    members = "".join(
        "<member><EventType>VALIDATION_ERROR</EventType>"
        "<ValidationFailureMode>FAIL</ValidationFailureMode>"
        f"<ValidationStatusReason>{escape(failure)}</ValidationStatusReason></member>"
        for failure in change_set.failures
    )
    return responses.result("DescribeEvents", f"<OperationEvents>{members}</OperationEvents>")


def _execute(change_sets: ChangeSets, params: Params, stack: Any, in_progress: bool) -> AWSResponse:
    change_set = change_sets.found.get(_key(params))
    if change_set is None:
        return _missing(params)
    if change_set.execution != "AVAILABLE" or in_progress:
        words = (
            f"ChangeSet [{change_set.name}] cannot be executed in its current execution status of"
            f" [{change_set.execution}]"
        )
        return responses.failure("cloudformation", 400, "InvalidChangeSetStatus", words)
    for name in change_sets.of_stack(stack.stack_id):
        if name != change_set.name:
            del change_sets.found[stack.stack_id, name]
    if change_sets.failing:
        changed = change_set.effects
        services = [each for each in changed if each.type == "AWS::ECS::Service"]
        failed = (services or changed)[0]
        statuses = {"Add": "CREATE_FAILED", "Modify": "UPDATE_FAILED", "Remove": "DELETE_FAILED"}
        status = statuses[failed.action]
        _add_event(stack, failed.logical_id, failed.type, status, "it was not stable")
        change_set.execution = "EXECUTE_FAILED"
        _roll_back(change_sets, stack)
    else:
        _update(stack, change_set.parameters)
        stack.status, change_set.execution = "UPDATE_COMPLETE", "EXECUTE_COMPLETE"
    return responses.result("ExecuteChangeSet", "")


def _continue_rollback(
    change_sets: ChangeSets, params: Params, stack: Any, in_progress: bool
) -> AWSResponse:
    del params
    if in_progress or stack.status != _STUCK:
        return _invalid(
            f"Stack:{stack.stack_id} is in {stack.status} state and can not be rolled back"
        )
    _roll_back(change_sets, stack)
    return responses.result("ContinueUpdateRollback", "")


def _roll_back(change_sets: ChangeSets, stack: Any) -> None:
    """End a rollback; the stack still has the parameters from before its update."""
    stack.status = "UPDATE_ROLLBACK_COMPLETE"
    if change_sets.failing_rollbacks:
        change_sets.failing_rollbacks -= 1
        stack.status = _STUCK
        listener = "AWS::ElasticLoadBalancingV2::Listener"
        _add_event(stack, "prodListener", listener, "UPDATE_FAILED", "it is in use")


def _add_event(stack: Any, logical_id: str, resource: str, status: str, reason: str) -> None:
    stack.events.append(
        Event(
            stack_id=stack.stack_id,
            stack_name=stack.name,
            logical_resource_id=logical_id,
            physical_resource_id=logical_id,
            resource_type=resource,
            resource_status=status,
            resource_status_reason=reason,
            resource_properties=None,
        )
    )


def _update(stack: Any, parameters: Mapping[str, str]) -> None:
    before, environments = _environments(parameters_of(stack)), _environments(parameters)
    definitions = {name: _task_definition(stack, name) for name in before}
    stack.update(application_template(environments).decode(), parameters={**parameters})
    for name in before:
        if name not in environments:
            _remove(f"{stack.name}-{name}", f"{stack.name}:{name}", definitions[name])


def _environments(parameters: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(parameters["Environments"].split(","))


def _task_definition(stack: Any, environment: str) -> str:
    """Return the ARN of the task definition of an environment in the template."""
    arn: str = stack.resource_map[f"{environment}TaskDefinition"].arn
    return arn


def _remove(group: str, service: str, task_definition: str) -> None:
    """Remove the resources of an environment that moto leaves."""
    groups, ecs = backend("elbv2").target_groups, backend("ecs")
    for arn in [arn for arn, each in groups.items() if each.name == group]:
        del groups[arn]
    ecs.services.pop(service)
    ecs.deregister_task_definition(task_definition)


def _delete(change_sets: ChangeSets, params: Params, stack: Any, in_progress: bool) -> AWSResponse:
    del stack
    change_set = change_sets.found.pop(_key(params), None)
    assert not (in_progress and change_set and change_set.execution.startswith("EXECUTE_"))
    return responses.result("DeleteChangeSet", "")


def _missing(params: Params) -> AWSResponse:
    words = f"ChangeSet [{params['ChangeSetName']}] does not exist"
    return responses.failure("cloudformation", 404, "ChangeSetNotFound", words)


def _invalid(words: str) -> AWSResponse:
    return responses.failure("cloudformation", 400, "ValidationError", words)


def _key(params: Params) -> tuple[str, str]:
    """Return the id of a stack and the name of a change set; all calls of the service have both."""
    return params["StackName"], params["ChangeSetName"]


def parameters_of(stack: Any) -> dict[str, str]:
    """Return the parameters of a stack of moto; moto has lists, and lacks some defaults."""
    declared = stack.template_dict["Parameters"].items()
    defaults = {name: each["Default"] for name, each in declared if "Default" in each}
    return {
        name: ",".join(value) if isinstance(value, list) else str(value)
        for name, value in {**defaults, **stack.parameters}.items()
    }


_HANDLERS: Mapping[str, Callable[[ChangeSets, Params, Any, bool], AWSResponse]] = {
    "CreateChangeSet": _create,
    "DescribeChangeSet": _describe,
    "DescribeEvents": _events,
    "ExecuteChangeSet": _execute,
    "DeleteChangeSet": _delete,
    "ContinueUpdateRollback": _continue_rollback,
}
