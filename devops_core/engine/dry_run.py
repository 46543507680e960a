"""Dry runs: the plan of a write, without any change in AWS or in the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from devops_core import observe, render, templates
from devops_core.errors import AlreadyExistsError, NotAbortableError, RefusedError
from devops_core.kinds.kind import Kind
from devops_core.model.decisions import Done, Fail, Plan, State, claimed_record
from devops_core.model.differences import Difference, differences
from devops_core.model.inventory import Inventory
from devops_core.model.operation import Operation, Progress, Status
from devops_core.model.stack_change import ResourceChange, StackChange
from devops_core.model.template import Template
from devops_core.naming import Environment
from devops_core.ports import Cloud


class DryRun(NamedTuple):
    """The plan of a write.

    `claims` are the environments whose rows it would hold, `progress` the planned release of each
    service. `definitions` has the differences of each service's next task definition, `changed`
    those of its settings, `settings` the settings of the tasks of a new one. `warnings` are those
    of the operation. `production` is the live slot, now and after the operation. `stack` is the
    change of the stack. `changes` are those of the specification, `pending` those that production
    receives with its next release. `policy` is that of a swap, by the names of the contract.
    `template` and `parameters` are the input of CreateStack, without the ARNs of secrets.
    `resources` are the changes of an upgrade.
    """

    kind: str
    application: str
    message: str | None = None
    claims: tuple[Environment, ...] = ()
    progress: tuple[Progress, ...] = ()
    definitions: Mapping[str, Sequence[Difference]] = {}
    changed: Mapping[str, Sequence[Difference]] = {}
    settings: Mapping[str, Mapping[str, Any]] = {}
    warnings: tuple[str, ...] = ()
    production: tuple[str, str] | None = None
    policy: Mapping[str, Any] = {}
    changes: Sequence[Difference] = ()
    pending: Sequence[Difference] = ()
    stack: StackChange | None = None
    template: Template | None = None
    parameters: Mapping[str, str] = {}
    resources: Sequence[ResourceChange] = ()


def of_request(cloud: Cloud, kind: Kind, application: str, plan: Plan) -> DryRun:
    """Return the plan of a request.

    For a create it raises AlreadyExistsError, and RefusedError if the stack would fail at once.
    """
    operation = plan.operation
    if operation is None:
        return DryRun(kind.name, application, message=plan.message)
    following = _next_blueprints(kind, plan, operation)
    planned = DryRun(
        kind.name,
        application,
        claims=tuple(row.environment for row in (*plan.taken, *plan.new)),
        progress=operation.progress,
        definitions=_definitions(kind, plan, following),
        changed=_changed_settings(plan, operation, following),
        settings={part.service: kind.settings(plan, part) for part in operation.progress},
        warnings=operation.warnings,
        production=plan.production,
        policy=plan.policy,
        changes=plan.changes,
        pending=plan.pending,
        stack=plan.stack,
    )
    if plan.stack and plan.stack.template:
        return _with_change_set(cloud, plan, operation, planned)
    return _with_stack_request(cloud, plan, operation, planned) if kind.creates else planned


def of_abort(cloud: Cloud, operation: Operation, caller: str) -> DryRun:
    """Return the plan of an abort, by the present observation of AWS."""
    controller = observe.load_controller(operation.kind)
    kind, rules = controller.kind, controller.kind.abort
    if rules is None:
        raise NotAbortableError(kind.abort_refusal)
    planned = DryRun(kind.name, operation.application)
    if operation.ended:
        return planned._replace(message="nothing to do: an earlier abort has ended the operation")
    inventory, _ = cloud.tables.inventory(operation.application, revision=operation.spec)
    aborted = replace(operation, aborted_by=operation.aborted_by or caller)
    observed = controller.during(cloud, aborted, inventory)
    decision = kind.decide(aborted, observed, cloud.clock.now())
    after = decision.operation
    parts = after.progress
    # An operation can have no environments.
    succeeded = bool(parts) and all(part.status is Status.SUCCEEDED for part in parts)
    completes = isinstance(decision, Done) or (
        not isinstance(decision, Fail) and (succeeded or rules.committed(after))
    )
    live = observed.production
    return planned._replace(
        message=(
            "too late for an abort: the operation would be completed"
            if completes
            else rules.effect(rules.planned, after)
        ),
        claims=tuple(row.environment for row in inventory.held_by(operation.id)),
        progress=rules.restored(after, inventory),
        production=(live, rules.live_slot(after) or live) if live else None,
    )


def of_advance(cloud: Cloud, kind: Kind, operation: Operation, action: str) -> DryRun:
    """Return the plan of a call that moves a waiting operation on."""
    inventory, _ = cloud.tables.inventory(operation.application)
    return DryRun(
        kind.name,
        operation.application,
        message=f"the call would {action} the {kind.name}",
        claims=tuple(row.environment for row in inventory.held_by(operation.id)),
        progress=operation.progress,
    )


def _next_blueprints(kind: Kind, plan: Plan, operation: Operation) -> dict[str, dict[str, Any]]:
    """Return the task definitions to register for running services, by service."""
    if kind.task_definition is None:
        return {}
    inventory = Inventory({row.environment: row for row in plan.taken}, claimed_record(plan))
    state = State(operation, inventory, plan.observed)
    running = {row.service.name for row in plan.taken if row.service}
    return {
        part.service: render.blueprint(kind.task_definition(state, part, {}))
        for part in operation.progress
        if part.target is None and part.service in running
    }


def _definitions(
    kind: Kind, plan: Plan, following: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[Difference]]:
    """Return the differences between the running and the next task definition by service."""
    running = {row.service.name: row.service.blueprint for row in plan.taken if row.service}
    if kind.task_definition is None:
        return _exchanged(plan, running)
    return {name: differences(running[name], following[name]) for name in following}


def _changed_settings(
    plan: Plan, operation: Operation, following: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[Difference]]:
    """Return the differences between the running and the next settings by service.

    Their names are those of a specification. The plan of a kind without rollouts observes no
    services, and its settings do not change.
    """
    parts = {part.service: part for part in operation.progress}
    found = {}
    for service in (row.service for row in plan.taken if row.service):
        part, running = parts.get(service.name), plan.services.get(service.name)
        if part is None or running is None:
            continue
        present = {"desiredCount": running.desired, "startSeconds": running.start_seconds}
        count = part.desired_count
        if part.scaling:
            # Application Auto Scaling moves the present count into the limits.
            count = min(max(running.desired, part.scaling["min"]), part.scaling["max"])
        wanted = {"desiredCount": count, "startSeconds": part.start_seconds}
        changed = {name: value for name, value in wanted.items() if value is not None}
        target = following.get(service.name, service.blueprint)
        before, after = (
            render.settings_of(each, service.container) for each in (service.blueprint, target)
        )
        found[service.name] = differences(
            {**before, **present, **_named(service.scaling if part.scales else None)},
            {**after, **present, **changed, **_named(part.scaling)},
        )
    return found


def _named(scaling: Mapping[str, int] | None) -> dict[str, Any]:
    """Return the member of a scaling, nothing without it."""
    return {"scaling": scaling} if scaling else {}


def _exchanged(plan: Plan, running: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Difference]]:
    """Return the differences between the task definitions of two slots that exchange their roles.

    Differences that consist only of the names of the slots are left out, such as that of the log
    group.
    """
    now, afterwards = plan.production or ("", "")
    if now == afterwards or not {now, afterwards} <= running.keys():
        return {}
    found = differences(running[now], running[afterwards])
    return {
        afterwards: [
            each
            for each in found
            if str(each.get("old")).replace(now, afterwards) != str(each.get("new"))
        ]
    }


def _with_change_set(cloud: Cloud, plan: Plan, operation: Operation, planned: DryRun) -> DryRun:
    """Return the plan of an upgrade with the resources and the parameters that it changes."""
    # Only the dry run of an upgrade needs it.
    from devops_core.engine import preview

    change, stack = plan.stack, plan.observed.stack
    if change is None or stack is None:
        raise ValueError(f"the kind {planned.kind} plans an upgrade without a stack")
    values = {
        name: value
        for name, value in change.parameters.items()
        if not name.endswith(render.SECRETS_PARAMETER)
    }
    present = {name: stack.parameters[name] for name in values if name in stack.parameters}
    planned = planned._replace(template=change.template, changes=differences(present, values))
    found = preview.change_set(cloud, plan, operation)
    if found is None:
        message = "CloudFormation still computes the changes of resources: repeat the dry run"
        return planned._replace(message=message)
    forbidden = plan.forbidden(found) if plan.forbidden else ()
    warnings = []
    if forbidden:
        warnings.append(f"the upgrade would fail, because it would {'; '.join(forbidden)}")
    if found.empty and change.parameters:
        warnings.append("no resource uses the changed parameters: the upgrade would change nothing")
    return planned._replace(resources=found.changes, warnings=tuple(warnings))


def _with_stack_request(cloud: Cloud, plan: Plan, operation: Operation, planned: DryRun) -> DryRun:
    """Return the plan with the template and the parameters of the stack."""
    _require_free_name(cloud, operation.application)
    template, content = plan.observed.template, plan.observed.template_content
    if template is None or content is None:
        template, content = templates.newest(cloud)
    application, record = plan.new[0].application, plan.record and plan.record.new
    if record is None:
        raise ValueError(f"the kind {planned.kind} plans a stack without a specification")
    request = templates.stack_request(cloud, operation, application, record, template, content)
    pairs = request["Parameters"]
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in pairs}
    source = {name: request[name] for name in request if name.startswith("Template")}
    _require_declared(parameters, cloud.stacks.parameters(source))
    shown = {
        name: value
        for name, value in parameters.items()
        if not name.endswith(render.SECRETS_PARAMETER)
    }
    return planned._replace(template=template, parameters=shown)


def _require_free_name(cloud: Cloud, name: str) -> None:
    """Raise the error of a claim, or of CloudFormation, for a name in use."""
    tables, stacks = cloud.tables, cloud.stacks
    (inventory, _), reserved, stack = cloud.gather(
        [
            partial(tables.inventory, name),
            partial(tables.reserved, name),
            partial(stacks.describe, name),
        ]
    )
    if inventory.rows or reserved:
        holders = (row.claim for row in inventory.rows.values() if row.claim)
        raise AlreadyExistsError.of(name, reserved or name, next(holders, None))
    if stack:
        raise RefusedError("a stack of this name exists: choose another name")


def _require_declared(given: Mapping[str, str], declared: Mapping[str, bool]) -> None:
    """Raise the error of CreateStack for parameters that do not match the template."""
    unknown = [name for name in given if name not in declared]
    if unknown:
        raise RefusedError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [name for name, optional in declared.items() if not optional and name not in given]
    if missing:
        raise RefusedError(f"Parameters: [{', '.join(missing)}] must have values")
