"""The change sets of CloudFormation, which moto executes without comparing resources.

moto cannot expand the loops of the application template, so an execution gives moto the template
with the loops unrolled for the new environments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSResponse

from tests.lab.fakes import ACCOUNT, REGION
from tests.lab.fakes.change_sets import FakeChangeSet, changed_parameters, changes
from tests.lab.moto import responses
from tests.lab.moto.application_template import application_template
from tests.lab.moto.backends import backend
from tests.lab.moto.transport import Call

# The change sets of an account by stack id and name; they are part of its saved state.
ChangeSets = dict[tuple[str, str], FakeChangeSet]
Params = Mapping[str, Any]


def answer(change_sets: ChangeSets, call: Call, failures: tuple[str, ...]) -> AWSResponse | None:
    """Execute a call about a change set, and return its response; None for another call.

    With `failures` the validation of the change sets that have not been executed fails.
    """
    handler = _HANDLERS.get(call.operation) if call.service == "cloudformation" else None
    if handler is None:
        return None
    for each in change_sets.values():
        if failures and each.execution == "AVAILABLE":
            each.failures, each.execution = failures, "UNAVAILABLE"
            each.complete()
    return handler(change_sets, call.params)


def _create(change_sets: ChangeSets, params: Params) -> AWSResponse:
    stack, key = _stack(params), _key(params)
    if key in change_sets:
        words = f"ChangeSet {key[1]} cannot be created due to a mismatch with existing attributes"
        return responses.failure("cloudformation", 400, "AlreadyExistsException", words)
    before = parameters_of(stack)
    after = changed_parameters(before, params)
    where = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet"
    change_set_id = f"{where}/{key[1]}/{len(change_sets):032x}"
    change_set = FakeChangeSet(key[1], after, changes(before, after), id=change_set_id)
    change_set.complete()
    change_sets[key] = change_set
    members = f"<Id>{change_set_id}</Id><StackId>{key[0]}</StackId>"
    return responses.result("CreateChangeSet", members)


def _describe(change_sets: ChangeSets, params: Params) -> AWSResponse:
    change_set = change_sets.get(_key(params))
    if change_set is None:
        return _missing(params)
    described = change_set.described()
    members = "".join(
        "<member><Type>Resource</Type><ResourceChange>"
        f"<Action>{each.action}</Action><LogicalResourceId>{each.logical_id}</LogicalResourceId>"
        f"<ResourceType>{each.type}</ResourceType>"
        + (f"<Replacement>{each.replacement}</Replacement>" if each.replacement else "")
        + "</ResourceChange></member>"
        for each in described.changes
    )
    reason = f"<StatusReason>{escape(described.reason)}</StatusReason>" if described.reason else ""
    return responses.result(
        "DescribeChangeSet",
        f"<ChangeSetId>{change_set.id}</ChangeSetId><Status>{described.status}</Status>"
        f"<ExecutionStatus>{described.execution}</ExecutionStatus>{reason}"
        f"<Changes>{members}</Changes>",
    )


def _events(change_sets: ChangeSets, params: Params) -> AWSResponse:
    """Return the failed events of a change set by its id."""
    found = [each for each in change_sets.values() if each.id == params["ChangeSetName"]]
    if not found:
        return _missing(params)
    members = "".join(
        "<member><EventType>VALIDATION_ERROR</EventType>"
        "<ValidationFailureMode>FAIL</ValidationFailureMode>"
        f"<ValidationStatusReason>{escape(failure)}</ValidationStatusReason></member>"
        for failure in found[0].failures
    )
    return responses.result("DescribeEvents", f"<OperationEvents>{members}</OperationEvents>")


def _execute(change_sets: ChangeSets, params: Params) -> AWSResponse:
    change_set, stack = change_sets.get(_key(params)), _stack(params)
    if change_set is None:
        return _missing(params)
    if change_set.execution != "AVAILABLE":
        words = (
            f"ChangeSet [{change_set.name}] cannot be executed in its current execution status of"
            f" [{change_set.execution}]"
        )
        return responses.failure("cloudformation", 400, "InvalidChangeSetStatus", words)
    for key in [each for each in change_sets if each[0] == stack.stack_id]:
        if key[1] != change_set.name:
            del change_sets[key]
    change_set.before = parameters_of(stack)
    _update(stack, change_set.parameters)
    stack.status, change_set.execution = "UPDATE_COMPLETE", "EXECUTE_COMPLETE"
    return responses.result("ExecuteChangeSet", "")


def _continue_rollback(change_sets: ChangeSets, params: Params) -> AWSResponse:
    """Return a stack to the parameters from before its last execution."""
    stack = _stack(params)
    (executed,) = (
        each
        for (stack_id, _), each in change_sets.items()
        if stack_id == stack.stack_id and each.execution.startswith("EXECUTE_")
    )
    _update(stack, executed.before)
    stack.status, executed.execution = "UPDATE_ROLLBACK_COMPLETE", "EXECUTE_FAILED"
    return responses.result("ContinueUpdateRollback", "")


def _update(stack: Any, parameters: Mapping[str, str]) -> None:
    environments = parameters["Environments"].split(",")
    stack.update(application_template(environments).decode(), parameters={**parameters})


def _delete(change_sets: ChangeSets, params: Params) -> AWSResponse:
    change_sets.pop(_key(params), None)
    return responses.result("DeleteChangeSet", "")


def _missing(params: Params) -> AWSResponse:
    words = f"ChangeSet [{params['ChangeSetName']}] does not exist"
    return responses.failure("cloudformation", 404, "ChangeSetNotFound", words)


def _key(params: Params) -> tuple[str, str]:
    return params["StackName"], params["ChangeSetName"]


def _stack(params: Params) -> Any:
    """Return a stack of moto by its id; all calls of the service about change sets have the id."""
    return backend("cloudformation").stacks[params["StackName"]]


def parameters_of(stack: Any) -> dict[str, str]:
    """Return the parameters of a stack of moto; moto has lists, and lacks some defaults."""
    declared = stack.template_dict["Parameters"].items()
    defaults = {name: each["Default"] for name, each in declared if "Default" in each}
    return {
        name: ",".join(value) if isinstance(value, list) else str(value)
        for name, value in {**defaults, **stack.parameters}.items()
    }


_HANDLERS: Mapping[str, Callable[[ChangeSets, Params], AWSResponse]] = {
    "CreateChangeSet": _create,
    "DescribeChangeSet": _describe,
    "DescribeEvents": _events,
    "ExecuteChangeSet": _execute,
    "DeleteChangeSet": _delete,
    "ContinueUpdateRollback": _continue_rollback,
}
