"""What a write would do: the plan of a dry run, of which nothing is done and nothing recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from devops_core import render
from devops_core.decide import decide
from devops_core.decide.decision import Decision, Done, Fail
from devops_core.errors import AlreadyExistsError, RefusedError
from devops_core.model import (
    Inventory,
    Kind,
    Operation,
    Progress,
    Status,
    Template,
    other_slot,
)
from devops_core.naming import Environment
from devops_core.operations import templates
from devops_core.operations.act import State, next_task_definition
from devops_core.operations.differences import Difference, differences
from devops_core.operations.observe import observe
from devops_core.operations.plan import Plan
from devops_core.ports import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a write would do, in the words of the operation that it would be.

    `claims` are the environments whose rows it would hold, `parts` what each service would come
    to. `definitions` has by service what would be different in its next task definition.
    `production` are the slot that is live now and the one that would be. `template` and
    `parameters` are what a create would send, without the ARNs of secrets: no answer tells them.
    """

    kind: Kind
    application: str
    message: str | None = None
    claims: tuple[Environment, ...] = ()
    parts: tuple[Progress, ...] = ()
    definitions: Mapping[str, Sequence[Difference]] = field(default_factory=dict)
    production: tuple[str, str] | None = None
    template: Template | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


def planned(kind: Kind, application: str, plan: Plan) -> Preview:
    """Return what a plan comes to."""
    operation = plan.operation
    if operation is None:
        return Preview(kind=kind, application=application, message=plan.message)
    return Preview(
        kind=kind,
        application=application,
        claims=tuple(row.environment for row in (*plan.taken, *plan.new)),
        parts=operation.progress,
        definitions=_definitions(plan, operation),
        production=_production(operation),
    )


def created(cloud: Cloud, plan: Plan, operation: Operation) -> Preview:
    """Return what a create comes to, once CloudFormation would take it.

    Raises AlreadyExistsError, and RefusedError for what would let the stack fail at once.
    """
    _check_name(cloud, operation.application)
    template, content = templates.newest(cloud)
    first, *_ = plan.new
    request = templates.rendered(cloud, operation, first.application, content)
    pairs = request["Parameters"]
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in pairs}
    _check_parameters(parameters, cloud.stacks.parameters(request["TemplateBody"]))
    parameters.pop(render.SECRETS_PARAMETER)
    preview = planned(operation.kind, operation.application, plan)
    return replace(preview, template=template, parameters=parameters)


def aborted(cloud: Cloud, operation: Operation, caller: str) -> Preview:
    """Return what an abort comes to, as AWS is seen at this moment."""
    preview = Preview(kind=operation.kind, application=operation.application)
    if operation.ended:
        return replace(preview, message="nothing to do: it was aborted before, and has ended")
    inventory, _ = cloud.tables.inventory(operation.application)
    observed = observe(cloud, operation, inventory)
    asked = replace(operation, aborted_by=operation.aborted_by or caller)
    decision = decide(asked, observed, cloud.clock.now())
    late = _too_late(decision)
    live = observed.production
    return replace(
        preview,
        message=_what_becomes_of(decision.operation, late=late),
        claims=tuple(row.environment for row in inventory.held_by(operation.id)),
        parts=_taken_back(decision.operation, inventory),
        production=(live, operation.live if late and operation.live else live) if live else None,
    )


def _definitions(plan: Plan, operation: Operation) -> dict[str, list[Difference]]:
    """Return by service what would be different in the task definition to be registered."""
    if operation.kind not in (Kind.DEPLOY, Kind.DEPLOY_BLUE):
        return {}
    inventory = Inventory({row.environment: row for row in plan.taken})
    state = State(operation, inventory, plan.observed)
    now = {row.service.name: row.service.blueprint for row in plan.taken if row.service}
    return {
        part.service: differences(
            now[part.service], render.blueprint(next_task_definition(state, part, {}))
        )
        for part in operation.progress
        if part.wanted is None
    }


def _production(operation: Operation) -> tuple[str, str] | None:
    """Return which slot is live, and which one would be."""
    if operation.kind is Kind.DEPLOY_BLUE:
        live = other_slot(operation.progress[0].service)
        return live, live
    return (operation.idle, operation.live) if operation.idle and operation.live else None


def _check_name(cloud: Cloud, name: str) -> None:
    """Raise what a claim, or CloudFormation, would answer to a name that is taken."""
    tables, stacks = cloud.tables, cloud.stacks
    (inventory, _), there, stack = cloud.together(
        [
            partial(tables.inventory, name),
            partial(tables.reserved, name),
            partial(stacks.describe, name),
        ]
    )
    if inventory.rows or there:
        holders = (row.claim for row in inventory.rows.values() if row.claim)
        raise AlreadyExistsError.of(name, there or name, next(holders, None))
    if stack:
        raise RefusedError("a stack of this name exists")


def _check_parameters(given: Mapping[str, str], declared: Mapping[str, bool]) -> None:
    """Raise what CreateStack answers to parameters that are not those of the template."""
    unknown = [name for name in given if name not in declared]
    if unknown:
        raise RefusedError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [name for name, optional in declared.items() if not optional and name not in given]
    if missing:
        raise RefusedError(f"Parameters: [{', '.join(missing)}] must have values")


def _too_late(decision: Decision) -> bool:
    """Whether an operation is finished all the same, however it is aborted."""
    if isinstance(decision, Fail):
        return False
    return isinstance(decision, Done) or decision.operation.switched_at is not None


def _what_becomes_of(operation: Operation, *, late: bool) -> str:
    if late:
        return "too far on to be stopped: the operation would be finished, not turned back"
    does = {
        Kind.CREATE: "what was created would be deleted",
        Kind.SWAP: "production would not be switched",
    }.get(operation.kind, "would go back to the version before")
    kept = [part.environment for part in operation.progress if part.status is Status.SUCCEEDED]
    return f"{does}; already done, and left so: {', '.join(kept)}" if kept else does


def _taken_back(operation: Operation, inventory: Inventory) -> tuple[Progress, ...]:
    """Return what each service comes to that is not left as it is."""
    if operation.kind is Kind.CREATE:
        return operation.progress
    if operation.kind is Kind.SWAP:
        return ()
    services = {row.service.name: row.service for row in inventory.rows.values() if row.service}
    return tuple(
        replace(
            part,
            image=services[part.service].image,
            digest=services[part.service].digest,
            version=services[part.service].version,
            previous_version=part.version,
        )
        for part in operation.progress
        if part.status is not Status.SUCCEEDED and part.service in services
    )
