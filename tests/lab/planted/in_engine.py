"""Bugs in the engine and in the kinds: the in-memory half of the matrix must find them."""

# ruff: noqa: ARG001 - a faulty function has the parameters of the original function

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from devops_core.engine import reconcile, telemetry
from devops_core.engine.run import Outcome, RequestContext, Run
from devops_core.errors import AwsError, RefusedError, ThrottledError
from devops_core.kinds import releases, rollout, sources, update
from devops_core.kinds.kind import Kind, RowChanges
from devops_core.kinds.specification_change import Change
from devops_core.model.decisions import Act, Decision, Fail, Plan, State, Wait
from devops_core.model.expectation import Expectation
from devops_core.model.inventory import Application, Inventory, Row, Service
from devops_core.model.listeners import Listener
from devops_core.model.observed import Deployment, Observed, RunningService, Stack
from devops_core.model.operation import Event, Operation, Progress, Status
from devops_core.model.specification import (
    ApplicationRecord,
    EnvironmentSettings,
    RecordClaim,
    Specification,
)
from devops_core.model.stack_change import ChangeSet, ResourceChange, StackChange
from devops_core.model.steps import Deregister, Step, Switch, UpdateService
from devops_core.naming import PRODUCTION, SLOTS, Environment, Image
from devops_core.ports import Cloud
from devops_core.requests.promote import PromoteRequest
from devops_core.requests.swap import SwapRequest
from devops_core.requests.update import UpdateRequest
from devops_core.settings import Settings
from tests.lab.planted import Bug, bugs_among, in_matrix, planted_in


def _bug(
    function: str, *, why: str, stories: Sequence[str], kind: str | None = None
) -> Callable[[Callable[..., Any]], Bug]:
    return planted_in(function, why=why, arguments=in_matrix("memory", stories, kind))


# --- the engine ---


@_bug(
    "devops_core.engine.events:end",
    why="an operation that two workers end has two last events",
    stories=("create",),
)
def last_event_has_a_key_of_its_own(
    original: Callable[..., Event], operation: Operation, now: datetime
) -> Event:
    return replace(original(operation, now), key=f"END-{now.isoformat()}")


@_bug(
    "devops_core.engine.events:with_changes",
    why="the next event overwrites an earlier one",
    stories=("deploy-crashes",),
)
def events_are_not_counted(
    original: Callable[..., tuple[Operation, list[Event]]],
    before: Operation,
    after: Operation,
    now: datetime,
    own: Any = (),
) -> tuple[Operation, list[Event]]:
    _, events = original(before, after, now, own)
    return after, events


@_bug(
    "devops_core.engine.outbox:_send",
    why="a notification that EventBridge has not accepted is lost",
    stories=("deploy-notified",),
    kind="CRASH_BEFORE",
)
def notification_is_removed_before_it_is_sent(
    original: Callable[..., None], cloud: Cloud, batch: Sequence[Any]
) -> None:
    for due in batch:
        cloud.outbox.remove(due.key)
    original(cloud, batch)


@_bug(
    "devops_core.engine.reconcile:_take_lease",
    why="two workers execute the same step at the same time",
    stories=("reconcile-by-schedule",),
)
def acts_without_a_lease(original: Callable[..., Run], cloud: Cloud, kind: Kind, run: Run) -> Run:
    return run


@_bug(
    "devops_core.engine.reconcile:_take_lease",
    why="after a crash the next worker does not know the decision",
    stories=("deploy-hangs",),
)
def lease_does_not_record_the_decision(
    original: Callable[..., Run], cloud: Cloud, kind: Kind, run: Run
) -> Run:
    return original(cloud, kind, run._replace(state=run.state._replace(operation=run.saved)))


@_bug(
    "devops_core.engine.reconcile:_interrupted",
    why="the next worker repeats a call that can still take effect",
    stories=("deploy-one",),
    kind="LATE_LEASE",
)
def lease_is_released_after_a_timeout(
    original: Callable[..., Operation], cloud: Cloud, kind: Kind, run: Run, errors: list[AwsError]
) -> Operation:
    answered = [ThrottledError(error.message) for error in errors]
    return original(cloud, kind, run, answered)


@_bug(
    "devops_core.engine.reconcile:_not_observed",
    why="a missing permission blocks an application permanently",
    stories=("promote",),
    kind="ACCESS_DENIED",
)
def waits_forever_for_an_observation(
    original: Callable[..., Operation], cloud: Cloud, kind: Kind, run: Run, error: AwsError
) -> Operation:
    telemetry.operation_interrupted(cloud, run.saved, [error])
    waiting = replace(run.saved, waiting_for=error.message)
    run = run._replace(state=run.state._replace(operation=waiting))
    return reconcile._release_lease(cloud, kind, run)


@_bug(
    "devops_core.engine.reconcile:give_up",
    why="the stack of the create remains without a record",
    stories=("create",),
    kind="ACCESS_DENIED",
)
def rows_are_removed_when_a_create_is_given_up(
    original: Callable[..., Operation], cloud: Cloud, kind: Kind, run: Run, reason: str
) -> Operation:
    operation = run.state.operation
    failed = replace(
        operation,
        progress=operation.failed_everywhere(reason),
        reasons=(*operation.reasons, reason),
    )
    return reconcile.finish(cloud, kind, run, Fail(failed))


@_bug(
    "devops_core.engine.steps:_refused",
    why="an operation fails although its step was executed",
    stories=("deploy-one",),
    kind="LOST_REPLY",
)
def lost_reply_counts_as_a_refusal(
    original: Callable[..., State | None], state: State, step: Step, error: AwsError, now: datetime
) -> State | None:
    return original(state, step, RefusedError(error.message), now)


@_bug(
    "devops_core.engine.accept:_claim",
    why="a retry of a pipeline deploys twice",
    stories=("deploy-same", "deploy-one"),
    kind="CRASH_BEFORE",
)
def idempotency_key_is_not_recorded(
    original: Callable[..., Outcome],
    cloud: Cloud,
    plan: Plan,
    operation: Operation,
    context: RequestContext,
    inventory: Inventory,
) -> Outcome:
    return original(cloud, plan, operation, context._replace(key=None), inventory)


# --- observations ---


@_bug(
    "devops_core.observe.rollout:during",
    why="every crash leaves a task definition",
    stories=("deploy-one",),
    kind="CRASH_AFTER",
)
def registered_task_definition_is_not_found(
    original: Callable[..., Observed], cloud: Cloud, operation: Operation, inventory: Inventory
) -> Observed:
    return replace(original(cloud, operation, inventory), registered={})


@_bug(
    "devops_core.observe.swap:before",
    why="the live slot is taken for the idle one",
    stories=("swap",),
)
def listeners_are_mistaken_for_each_other(
    original: Callable[..., Observed], cloud: Cloud, request: SwapRequest, inventory: Inventory
) -> Observed:
    observed = original(cloud, request, inventory)
    return replace(observed, production=observed.test, test=observed.production)


@_bug(
    "devops_core.observe.rollout:_active",
    why="ECS refuses the rollback, and the event log does not have the cause",
    stories=("abort-deploy-inactive",),
)
def deregistered_task_definition_counts_as_active(
    original: Callable[..., bool], cloud: Cloud, operation: Operation, task_definition: str
) -> bool:
    return True


# --- kinds ---


@_bug(
    "devops_core.model.specification:Specification.settings",
    why="an image in dev receives the secrets of production",
    stories=("create-configured",),
)
def secrets_of_production_are_in_every_environment(
    original: Callable[..., EnvironmentSettings], self: Specification, environment: Environment
) -> EnvironmentSettings:
    del environment
    return original(self, Environment.PROD_GREEN)


@_bug(
    "devops_core.kinds.promote:plan",
    why="a promote changes the live slot",
    stories=("promote",),
)
def same_slot_is_always_expected_to_be_idle(
    original: Callable[..., Plan],
    request: PromoteRequest,
    inventory: Inventory,
    observed: Observed,
    draft: Operation,
) -> Plan:
    return original(request, inventory, replace(observed, production=SLOTS[0]), draft)


@_bug(
    "devops_core.kinds.promote:_tested",
    why="a version that has never started reaches production",
    stories=("promote-unverified",),
)
def version_without_a_started_task_is_promoted(
    original: Callable[..., tuple[Row, Service]], request: PromoteRequest, inventory: Inventory
) -> tuple[Row, Service]:
    row, service = original(request, inventory)
    return row, replace(service, unverified=None)


@_bug(
    "devops_core.kinds.swap:rows_after",
    why="the inventory names the idle slot as live",
    stories=("swap",),
    kind="ACCESS_DENIED",
)
def rows_are_exchanged_without_a_switch(
    original: Callable[..., RowChanges],
    state: State,
    held: Sequence[Row],
    now: datetime,
    *,
    keep_rows: bool,
) -> RowChanges:
    switched = replace(state.observed, production=state.operation.details.live)
    return original(state._replace(observed=switched), held, now, keep_rows=keep_rows)


@_bug(
    "devops_core.kinds.releases:rows_after",
    why="the inventory has a version that does not run",
    stories=("deploy-crashes",),
)
def failed_rollout_changes_the_row(
    original: Callable[..., RowChanges],
    state: State,
    held: Sequence[Row],
    now: datetime,
    *,
    keep_rows: bool,
) -> RowChanges:
    progress = tuple(
        replace(part, status=Status.SUCCEEDED) if part.target else part
        for part in state.operation.progress
    )
    state = state._replace(operation=replace(state.operation, progress=progress))
    return original(state, held, now, keep_rows=keep_rows)


@_bug(
    "devops_core.kinds.sources:source",
    why="a deploy reverts a change that a person made in the console",
    stories=("deploy-resized",),
)
def outside_changes_are_reverted(
    original: Callable[..., sources.Source],
    row: Row,
    service: Service,
    settings: EnvironmentSettings,
    inventory: Inventory,
    observed: Observed,
    now: datetime,
) -> sources.Source:
    return sources.Source(row, service)


@_bug(
    "devops_core.render:stack",
    why="CloudFormation refuses a repeated CreateStack, and the stack of the first one remains",
    stories=("create-unseen",),
    kind="LOST_REPLY",
)
def each_create_stack_has_a_token_of_its_own(
    original: Callable[..., dict[str, Any]],
    operation: Operation,
    application: Application,
    record: ApplicationRecord,
    settings: Settings,
    template: bytes,
    url: str | None = None,
) -> dict[str, Any]:
    request = original(operation, application, record, settings, template, url)
    return {**request, "ClientRequestToken": f"{operation.id}-{operation.revision}"}


@_bug(
    "devops_core.kinds.create:_undo",
    why="a failed create leaves its stack",
    stories=("create-fails",),
)
def rolled_back_stack_counts_as_deleted(
    original: Callable[..., Decision], operation: Operation, observed: Observed, now: datetime
) -> Decision:
    if observed.stack and observed.stack.status.endswith("_COMPLETE"):
        observed = replace(observed, stack=None)
    return original(operation, observed, now)


@_bug(
    "devops_core.kinds.delete:decide",
    why="the rows are removed before the stack, and its failed deletion remains unnoticed",
    stories=("delete-fails",),
)
def delete_ends_when_it_begins(
    original: Callable[..., Decision], operation: Operation, observed: Observed, now: datetime
) -> Decision:
    if observed.stack and observed.stack.status.startswith("DELETE_"):
        observed = replace(observed, stack=None)
    return original(operation, observed, now)


@_bug(
    "devops_core.kinds.rollout:deregistration",
    why="no further task of the running version can start",
    stories=("deploy-same",),
)
def running_task_definition_is_deregistered(
    original: Callable[..., Deregister | None], part: Progress
) -> Deregister | None:
    if part.status is Status.SUCCEEDED:
        # Without a target to compare with, the obsolete one seems unused.
        part = replace(part, target=None)
    return original(part)


@_bug(
    "devops_core.kinds.rollout:_follow_rollout",
    why="the inventory has the previous version, and the new one runs",
    stories=("abort-deploy",),
)
def late_rollout_is_not_reverted(
    original: Callable[..., rollout.Advance],
    part: Progress,
    service: RunningService,
    primary: Deployment,
    active: bool | None,
    limit: str | None,
) -> rollout.Advance:
    advance = original(part, service, primary, active, limit)
    if isinstance(advance.step, UpdateService):
        return rollout._failed_rollout(part, advance.part.reason or "")
    return advance


@_bug(
    "devops_core.kinds.swap:decide",
    why="customers have fewer tasks than before, or none",
    stories=("swap-raised",),
)
def switches_before_the_idle_slot_is_ready(
    original: Callable[..., Decision], operation: Operation, observed: Observed, now: datetime
) -> Decision:
    decision = original(operation, observed, now)
    if isinstance(decision, Wait):
        return Act(operation, (Switch(Listener.PRODUCTION, operation.details.live),))
    return decision


@_bug(
    "devops_core.kinds.swap:decide",
    why="a tester sees the live version instead of the next one",
    stories=("swap-back",),
)
def listener_of_testers_is_not_switched(
    original: Callable[..., Decision], operation: Operation, observed: Observed, now: datetime
) -> Decision:
    if observed.production == operation.details.live:
        observed = replace(observed, test=operation.details.idle)
    decision = original(operation, observed, now)
    if isinstance(decision, Act) and isinstance(decision.steps[0], Switch):
        return Act(decision.operation, decision.steps[:1])
    return decision


@_bug(
    "devops_core.observe.rollout:_digests",
    why="a promote runs another image than the tested one",
    stories=("deploy-foreign",),
)
def digest_of_another_service_is_recorded(
    original: Callable[..., tuple[str, ...]],
    cloud: Cloud,
    operation: Operation,
    service: str,
    task_definition: str,
    container: str,
) -> tuple[str, ...]:
    other = SLOTS[0]
    primary = cloud.containers.services(operation.application, [other])[other].primary
    assert primary
    return original(cloud, operation, other, primary.task_definition, container)


@_bug(
    "devops_core.model.expectation:Expectation.matches",
    why="other bytes than the approved ones reach production",
    stories=("promote-unexpected",),
)
def expectation_of_a_digest_is_ignored(
    original: Callable[..., bool], self: Expectation, service: Service
) -> bool:
    return original(self._replace(digest=None), service)


@_bug(
    "devops_core.model.expectation:Expectation.matches",
    why="a swap to a rebuilt version changes nothing and reports success",
    stories=("swap-rebuilt",),
)
def release_is_compared_by_its_version(
    original: Callable[..., bool], self: Expectation, service: Service
) -> bool:
    return original(self._replace(digest=None) if self.version else self, service)


# --- revisions of the specification ---


@_bug(
    "devops_core.kinds.update:plan",
    why="two updates change the specification and the environments at the same time",
    stories=("update-one",),
)
def update_does_not_claim_the_specification(
    original: Callable[..., Plan],
    request: UpdateRequest,
    inventory: Inventory,
    observed: Observed,
    draft: Operation,
) -> Plan:
    plan = original(request, inventory, observed, draft)
    return plan._replace(record=plan.record and plan.record._replace(taken=False))


@_bug(
    "devops_core.engine.reconcile:_holds_record",
    why="after a failed update the specification cannot be changed any more",
    stories=("update-crashes",),
)
def failed_update_keeps_its_claim_of_the_specification(
    original: Callable[..., bool], inventory: Inventory, operation: Operation
) -> bool:
    failed_update = operation.kind == "update" and operation.status is Status.FAILED
    return original(inventory, operation) and not failed_update


@_bug(
    "devops_core.engine.reconcile:_holds_record",
    why="after a refused deletion of the stack the delete cannot be repeated",
    stories=("delete-fails",),
)
def failed_delete_keeps_its_claim_of_the_specification(
    original: Callable[..., bool], inventory: Inventory, operation: Operation
) -> bool:
    return original(inventory, operation) and operation.kind != "delete"


@_bug(
    "devops_core.kinds.releases:_target_image",
    why="the inventory has the new version, and the previous image runs",
    stories=("deploy-outdated",),
)
def old_image_is_in_the_new_task_definition(
    original: Callable[..., Image | None], part: Progress
) -> Image | None:
    return None


@_bug(
    "devops_core.kinds.releases:_target_image",
    why="an update deploys other bytes if the tag of the running image has moved",
    stories=("update-one",),
)
def update_names_the_image_by_its_tag(
    original: Callable[..., Image | None], part: Progress
) -> Image | None:
    return original(replace(part, digest_reported=part.keeps_image))


@_bug(
    "devops_core.container_definitions:_application",
    why="a rollout removes the variables of other tools and of people",
    stories=("update-by-hand",),
)
def variables_of_others_are_removed(
    original: Callable[..., dict[str, Any]],
    container: Mapping[str, Any],
    settings: EnvironmentSettings,
    owned: Sequence[str],
    logs: Mapping[str, Any] | None,
) -> dict[str, Any]:
    template = ("APPLICATION", "ENVIRONMENT", "PORT")
    kept = [each for each in container["environment"] if each["name"] in template]
    return original({**container, "environment": kept}, settings, owned, logs)


@_bug(
    "devops_core.container_definitions:_application",
    why="tasks keep a variable that the specification no longer has",
    stories=("update-one",),
)
def removed_variables_remain(
    original: Callable[..., dict[str, Any]],
    container: Mapping[str, Any],
    settings: EnvironmentSettings,
    owned: Sequence[str],
    logs: Mapping[str, Any] | None,
) -> dict[str, Any]:
    del owned
    return original(container, settings, (), logs)


@_bug(
    "devops_core.model.specification:Specification._pinned",
    why="a tag that moves changes the sidecars of the next tasks",
    stories=("update-sidecar",),
)
def sidecar_image_is_not_pinned(
    original: Callable[..., str], self: Specification, reference: str
) -> str:
    return original(Specification(self.revision, self.document), reference)


@_bug(
    "devops_core.model.specification:merged_settings",
    why="an environment runs the settings of the others",
    stories=("update-three",),
)
def overrides_are_not_applied(
    original: Callable[..., dict[str, Any]], document: Mapping[str, Any], environment: str
) -> dict[str, Any]:
    return original({**document, "overrides": {}}, environment)


@_bug(
    "devops_core.kinds.releases:_released",
    why="each update rolls out again, and a promote is refused",
    stories=("update-one",),
)
def row_keeps_the_hash_of_its_previous_settings(
    original: Callable[..., Service], state: State, service: Service, part: Progress, now: datetime
) -> Service:
    return replace(original(state, service, part, now), spec_hash=service.spec_hash)


@_bug(
    "devops_core.kinds.update:_sizes",
    why="the slots of production run settings that no promote has applied",
    stories=("update-one",),
)
def update_rolls_out_production(
    original: Callable[..., list[Any]], wanted: Change, inventory: Inventory, observed: Observed
) -> list[Any]:
    return [
        update._Rollout(
            sources.Source(row, service),
            releases.reconfigured(row, service, inventory.specification.settings(row.environment)),
        )
        for row, service in inventory.usable(*PRODUCTION)
    ]


@_bug(
    "devops_core.kinds.delete:_after_stack",
    why="the next application of this name has the revisions of the deleted one",
    stories=("delete-revisions",),
)
def revisions_remain_after_a_delete(
    original: Callable[..., Decision], operation: Operation, observed: Observed
) -> Decision:
    return original(operation.with_details(cleared=True), observed)


# --- changes of the stack ---


@_bug(
    "devops_core.kinds.update:_record_claim",
    why="the specification has environments that do not exist, if the stack fails",
    stories=("update-stack-fails",),
)
def revision_is_present_before_its_stack(
    original: Callable[..., RecordClaim],
    record: ApplicationRecord | None,
    wanted: Change,
    draft: Operation,
) -> RecordClaim:
    return original(record, wanted._replace(restacks=False), draft)


@_bug(
    "devops_core.kinds.stack_update:unexpected_changes",
    why="CloudFormation returns a live service to its first task definition",
    stories=("update-unexpected",),
)
def unexpected_changes_are_executed(
    original: Callable[..., list[str]], change: StackChange, change_set: ChangeSet
) -> list[str]:
    return []


@_bug(
    "devops_core.kinds.stack_guard:_is_allowed",
    why="an upgrade returns the customers to the first slot",
    stories=("upgrade-forbidden",),
)
def upgrade_changes_a_listener(original: Callable[..., bool], change: ResourceChange) -> bool:
    return original(change) or change.type.endswith("::Listener")


@_bug(
    "devops_core.kinds.update:rows_after",
    why="deploys name an environment that does not exist",
    stories=("update-stack-fails",),
)
def rows_of_added_environments_remain(
    original: Callable[..., RowChanges],
    state: State,
    held: Sequence[Row],
    now: datetime,
    *,
    keep_rows: bool,
) -> RowChanges:
    rows = original(state, held, now, keep_rows=keep_rows)
    return rows if state.operation.details.changed else rows._replace(removed=())


@_bug(
    "devops_core.kinds.update:rows_after",
    why="an environment runs that the service does not know any more",
    stories=("update-removes-fails",),
)
def row_is_removed_although_the_stack_failed(
    original: Callable[..., RowChanges],
    state: State,
    held: Sequence[Row],
    now: datetime,
    *,
    keep_rows: bool,
) -> RowChanges:
    rows, change = original(state, held, now, keep_rows=keep_rows), state.operation.details.stack
    gone = [row for row in held if change and row.environment in change.removed]
    kept = [row for row in rows.kept if row.environment not in {each.environment for each in gone}]
    return rows._replace(kept=kept, removed=[*rows.removed, *gone])


@_bug(
    "devops_core.kinds.stack_plan:_running_secrets",
    why="ECS cannot restart a task of the live slot",
    stories=("update-secrets-again",),
)
def running_tasks_lose_their_secrets(
    original: Callable[..., list[str]], row: Row, observed: Observed
) -> list[str]:
    return []


@_bug(
    "devops_core.kinds.stack_update:_after_failed_rollback",
    why="an update whose rollback fails does not end",
    stories=("update-rollback-fails",),
)
def rollback_is_continued_again_and_again(
    original: Callable[..., Decision], operation: Operation, observed: Observed, stack: Stack
) -> Decision:
    return original(operation.with_details(continued=False), observed, stack)


@_bug(
    "devops_core.kinds.stack_update:_discard",
    why="a person can execute a change that the service has given up",
    stories=("abort-change-set", "update-unexpected"),
)
def change_set_remains_after_a_failure(
    original: Callable[..., Decision], operation: Operation, observed: Observed
) -> Decision:
    return original(operation, replace(observed, change_set=None))


BUGS = bugs_among(list(globals().values()))
