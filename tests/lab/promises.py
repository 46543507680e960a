"""The promises of the service. Each is stated once here, over a `Snapshot` of an account.

`ALWAYS` has the promises that hold at any moment, `AT_CHANGE` those that hold just before a call
changes AWS, and `AT_REST` those that hold after all operations have ended. The name of a function
is the name of its promise; a broken promise is an AssertionError that begins with this name. A
reader lists the promises that it cannot check in `Snapshot.unchecked`, with the reasons.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Protocol

from devops_core.details.swap import CHECK_INTERVAL, SwapDetails
from devops_core.details.update import UpdateDetails
from devops_core.model.inventory import Row, RowStatus
from devops_core.model.operation import Event, Operation, Status
from devops_core.model.specification import secret_arns
from devops_core.model.swap_policy import ALL
from devops_core.naming import SLOTS, Environment, Image, environment_name, service_name
from tests.lab import swap_promises
from tests.lab.effective import effective_settings
from tests.lab.snapshot import (
    Action,
    ActiveSnapshot,
    Change,
    Listener,
    Snapshot,
    TaskDefinition,
    family_of,
    receiving,
    service_of,
)

# Listings with an entry for each event: those of its application and of all applications.
_LISTINGS = 2
# The outcomes of events, beside the end of an operation, that people learn by a notification.
_FOR_PEOPLE = ("AWAITING_APPROVAL", "RETURNING", "DRIFT")
# The calls of CloudWatch on the wires of the fakes and of moto.
_CHECKS = frozenset(
    {
        "monitoring.alarms", "monitoring.traffic",
        "cloudwatch.DescribeAlarms", "cloudwatch.GetMetricData",
    }
)  # fmt: skip
_ROLES: Mapping[Environment, Listener] = {
    Environment.PROD_GREEN: "production", Environment.PROD_BLUE: "test",
}  # fmt: skip
# The kinds of operation that make a change. A change of a service instead requires an operation
# with progress in this service.
_KINDS: Mapping[Action, tuple[str, ...]] = {
    Action.CREATE_STACK: ("create",),
    Action.UNPROTECT_STACK: ("create", "delete"),
    Action.CREATE_CHANGE_SET: ("update", "upgrade"),
    Action.EXECUTE_CHANGE_SET: ("update", "upgrade"),
    Action.DELETE_CHANGE_SET: ("update", "upgrade"),
    Action.CONTINUE_ROLLBACK: ("update", "upgrade"),
    Action.DELETE_STACK: ("create", "delete"),
    Action.MODIFY_LISTENER: ("swap",),
}
# Types of resources that deploys and swaps change.
_OF_RELEASES = (
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
)
# The kinds of operation that hold the record of the application while they change AWS.
_HOLD_RECORD = ("create", "update", "upgrade", "delete")
# The kinds of operation that apply the settings of a revision to existing services.
_APPLY_SETTINGS = ("deploy", "deploy-blue", "update")


class Broken(BaseException):
    """A promise is broken at an outgoing call. The service must not handle this as an error."""


@dataclass(frozen=True, slots=True)
class Context:
    """Facts that a snapshot does not have.

    `excused` has the applications whose production listener was changed by hand. `moved` has those
    with any listener changed by hand, `incomplete` those with a row removed by hand. In the
    families in `untidy`, task definitions may remain until the application is deleted. `switched`
    has the operations that moved the customers.
    """

    excused: Collection[str] = ()
    moved: Collection[str] = ()
    incomplete: Collection[str] = ()
    untidy: Container[str] = ()
    switched: Collection[str] = ()


class _Every(Container[str]):
    def __contains__(self, family: object) -> bool:
        return True


EVERY_FAMILY: Container[str] = _Every()

# A task definition that is not among those of a snapshot: some readers see only active ones.
_UNKNOWN = TaskDefinition("", active=False)

Check = Callable[[Snapshot, Context], None]


# --- at any moment ---


def production_forwards_to_one_slot_or_by_recorded_weights(
    snapshot: Snapshot, context: Context
) -> None:
    """A swap that holds production can split it, with the recorded weight or the next one."""
    for application in _applications(snapshot).difference(context.excused):
        weights = snapshot.weights(application, "production")
        if weights is not None:
            groups = receiving(weights)
            slots = [service_of(application, group) for group in groups]
            assert slots, f"{application} forwards to no target group"
            assert {*slots} <= {*SLOTS}, f"{application} forwards to {groups}"
            if len(slots) > 1:
                _hold_split(snapshot, application, weights)


def _hold_split(snapshot: Snapshot, application: str, weights: Mapping[str, int]) -> None:
    for row in snapshot.rows:
        operation = snapshot.operations.get(row.claim or "")
        if operation is None or row.environment is not Environment.PROD_GREEN:
            continue
        if operation.application != application or operation.kind != "swap" or operation.ended:
            continue
        shares = {service_of(application, group): weight for group, weight in weights.items()}
        details: SwapDetails = operation.details
        allowed = {details.weight, details.next_weight}
        if details.weight < details.policy.weights[-1]:
            # The call that ends the waits can be recorded after the shift began.
            allowed.add(details.policy.next_weight(details.weight))
        assert sum(shares.values()) == 100, f"{application} has the weights {shares}"
        recorded = shares[details.live] in allowed
        assert recorded, f"{application} has the weights {shares}, recorded are {allowed}"
        return
    forced = any("ended by force" in (row.drift or "") for row in snapshot.rows)
    assert forced, f"{application} forwards to both slots without a swap"


def production_listeners_refer_to_both_slots(snapshot: Snapshot, context: Context) -> None:
    """ELB checks the health of a target group only while a rule refers to it."""
    for application in _applications(snapshot).difference(context.moved, context.excused):
        for listener in _ROLES.values():
            weights = snapshot.weights(application, listener)
            if weights is not None:
                slots = sorted(service_of(application, group) for group in weights)
                assert slots == list(SLOTS), f"the {listener} listener refers to {slots}"


def each_operation_has_one_complete_log(snapshot: Snapshot, context: Context) -> None:
    """The log begins with the acceptance, has no gap, and has one last event after the end."""
    del context
    for operation in snapshot.operations.values():
        _hold_log(operation, snapshot.events.get(operation.id, ()))


def _hold_log(operation: Operation, events: Sequence[Event]) -> None:
    keys = [event.key for event in events]
    ends = [event for event in events if event.key == "END"]
    numbered = keys[: len(keys) - len(ends)]
    assert keys[:1] == ["000"], f"{_title(operation)} has no event of its acceptance"
    assert len(ends) == int(operation.ended), f"{_title(operation)} has {len(ends)} last events"
    timed = (operation.ended_at is not None) is operation.ended
    assert timed, f"{_title(operation)} has the end time {operation.ended_at}"
    complete = numbered == [f"{number:03d}" for number in range(len(numbered))]
    assert complete, f"{_title(operation)} has the events {keys}"
    for event in ends:
        same = event.outcome == operation.status
        assert same, f"the last event of {_title(operation)} is {event.outcome}"
    for event in events:
        own = event.application == operation.application
        assert own, f"{_title(operation)} has an event of {event.application}"
    moved = [event.outcome for event in events].count("SWITCHED")
    assert moved <= 1, f"{_title(operation)} has moved the customers {moved} times"


def each_event_belongs_to_an_operation(snapshot: Snapshot, context: Context) -> None:
    """The only events without an operation are those of refused calls, with caller and reason."""
    del context
    for identifier in snapshot.events.keys() - snapshot.operations.keys():
        for event in snapshot.events[identifier]:
            refusal = event.key == event.outcome == "DENIED" and event.caller and event.reason
            counted = event.count and event.first_time and event.last_time
            assert refusal, f"{event} belongs to no operation"
            assert counted, f"{event} has no number of calls"


def each_event_is_listed(snapshot: Snapshot, context: Context) -> None:
    del context
    expected = {
        (event.operation, event.key): _LISTINGS
        for some in snapshot.events.values()
        for event in some
    }
    assert snapshot.listed == expected, f"the listings have {snapshot.listed}, not {expected}"


def each_event_for_people_has_one_notification(snapshot: Snapshot, context: Context) -> None:
    """Exactly the notifications about events are in the outbox or were sent, none twice in it.

    These events are the end of an operation, a wait for an approval, a rollback and drift.
    """
    del context
    expected = {
        f"{event.operation}-{event.key}"
        for some in snapshot.events.values()
        for event in some
        if event.key == "END" or event.outcome in _FOR_PEOPLE
    }
    unsent = {*snapshot.outbox}
    assert len(unsent) == len(snapshot.outbox), f"the outbox has {snapshot.outbox}"
    known = unsent.union(snapshot.sent)
    assert known >= expected, f"{sorted(expected - known)} are neither in the outbox nor sent"
    assert known == expected, f"{sorted(known - expected)} have no event"


def no_claim_outlives_its_operation(snapshot: Snapshot, context: Context) -> None:
    del context
    for name, claim in _claims(snapshot):
        holder = snapshot.operations.get(claim)
        assert not (holder and holder.ended), f"the claim of {name} outlives {claim}"


def each_claim_is_that_of_an_operation(snapshot: Snapshot, context: Context) -> None:
    del context
    for name, claim in _claims(snapshot):
        known = claim in snapshot.operations
        assert known, f"the claim of {name} has the unknown operation {claim}"


def each_specification_belongs_to_an_application(snapshot: Snapshot, context: Context) -> None:
    """The record of an application does not outlive its rows. A person can remove a record."""
    del context
    left = sorted(snapshot.records.keys() - _applications(snapshot))
    assert not left, f"the specifications of {left} remain"


def given_up(operation: Operation) -> bool:
    """Return whether an update has failed while its stack could still receive the change."""
    details = operation.details
    failed = operation.status is Status.FAILED and isinstance(details, UpdateDetails)
    return failed and details.executed_at is not None and not details.changed


def the_present_revision_is_that_of_the_stack(snapshot: Snapshot, context: Context) -> None:
    """The present revision changes only if the stack has the environments of the new one.

    The stack can be ahead of it: until the update ends, and after an update that was given up. The
    next revision of other settings keeps the environments of the record.
    """
    del context
    for stack in snapshot.stacks:
        record = snapshot.records.get(stack.name)
        if record is None or record.stack is None or stack.environments is None:
            continue
        present = {*map(service_name, record.specification.environments)}
        ahead = [
            operation
            for operation in snapshot.operations.values()
            if operation.application == stack.name
            and isinstance(operation.details, UpdateDetails)
            and operation.details.stack
            and ((operation.spec or 0) > record.current or given_up(operation))
        ]
        name = f"revision {record.current} of {stack.name} has the environments {sorted(present)}"
        assert present == stack.environments or ahead, f"{name}, not {sorted(stack.environments)}"


ALWAYS: tuple[Check, ...] = (
    the_present_revision_is_that_of_the_stack,
    production_forwards_to_one_slot_or_by_recorded_weights,
    production_listeners_refer_to_both_slots,
    each_operation_has_one_complete_log,
    each_event_belongs_to_an_operation,
    each_event_is_listed,
    each_event_for_people_has_one_notification,
    no_claim_outlives_its_operation,
    each_claim_is_that_of_an_operation,
    each_specification_belongs_to_an_application,
    swap_promises.testers_see_the_new_release_until_the_last_step,
    swap_promises.both_slots_keep_their_tasks_from_the_first_shift_to_the_end,
    swap_promises.a_swap_keeps_ten_verdicts,
)


# --- after all operations have ended ---


def each_operation_ends(snapshot: Snapshot, context: Context) -> None:
    del context
    for operation in snapshot.operations.values():
        assert operation.ended, f"{_title(operation)} has not ended: {operation}"


def no_claim_remains(snapshot: Snapshot, context: Context) -> None:
    del context
    for name, claim in _claims(snapshot):
        raise AssertionError(f"{name} is claimed by {claim}")


def rows_of_production_follow_the_listeners(snapshot: Snapshot, context: Context) -> None:
    """If only the test listener was changed by hand, its row has the drift instead.

    An application has both rows, unless a person removed one; then the service exchanges no roles.
    """
    del context
    production = [row for row in snapshot.rows if row.environment in _ROLES and row.service]
    rows_by_name = Counter(row.application.name for row in production)
    for row in production:
        listener = _ROLES[row.environment]
        if rows_by_name[row.application.name] < len(_ROLES) or row.service is None:
            continue
        weights = snapshot.weights(row.application.name, listener)
        groups = None if weights is None else receiving(weights)
        follows = groups in (None, [row.service.target_group])
        drift = listener == "test" and row.drift
        assert follows or drift, f"{_name(row)} has {row.service.target_group}, not {groups}"


def rows_have_the_running_release(snapshot: Snapshot, context: Context) -> None:
    """Each row has the task definition and the image that its service runs.

    An image outside the application's own repository can run by its tag; ECS reports its digest.
    """
    del context
    for row, definition, arn in _running(snapshot):
        service = row.service
        assert service
        assert arn == service.task_definition, f"{_name(row)} runs {arn}"
        image = Image.parse(service.image)
        expected = {Image(image.repository, image.tag, service.digest).pinned}
        if image.repository != row.application.repository:
            expected.add(image.uri)
        assert definition.image in expected, f"{_name(row)} runs {definition.image}, not {expected}"


def rows_have_the_digest_of_the_running_tasks(snapshot: Snapshot, context: Context) -> None:
    """The digest of a row, if it has one, is that of the image of all running tasks."""
    del context
    for row, _, _ in _running(snapshot):
        assert row.service
        service = snapshot.services[row.application.name, row.service.name]
        if not row.service.digest or service.state != "COMPLETED":
            continue
        reported = {row.service.digest, *service.digests}
        assert reported == {row.service.digest}, f"{_name(row)} has digests {reported}"


def no_running_task_definition_is_deregistered(snapshot: Snapshot, context: Context) -> None:
    del context
    for row, definition, arn in _running(snapshot):
        assert definition.active, f"{_name(row)} runs {arn}, which is deregistered"


def tasks_have_the_settings_of_their_revision(snapshot: Snapshot, context: Context) -> None:
    """A service runs the settings of its environment in the revision of its row."""
    del context
    for row, definition, _ in _running(snapshot):
        service = row.service
        if service is None or service.spec is None:
            continue
        name, key = _name(row), (row.application.name, service.spec)
        assert key in snapshot.specifications, f"{name} runs revision {service.spec}, not stored"
        specification = snapshot.specifications[key]
        wanted = effective_settings(specification.document, row.environment)
        # Others belong to a template or to a person; a rollout keeps them.
        pinned = _pinned_sidecars(wanted, specification.digests).items()
        assert pinned <= definition.sidecars.items(), f"{name} has {definition.sidecars}"
        has = sorted(definition.secrets)
        assert definition.secrets == wanted["secrets"], f"{name} has the secrets {has}"
        variables = wanted["environment"].items()
        assert variables <= definition.variables.items(), f"{name} lacks variables"
        kept = definition.variables.keys() & {*wanted["unset"]}
        assert not kept, f"{name} has the variables {sorted(kept)}"
        for setting, has_value in _single_settings(definition).items():
            value = wanted.get(setting, has_value)
            assert value == has_value, f"{setting} of {name} is {has_value}, not {value}"


def _single_settings(definition: TaskDefinition) -> dict[str, Any]:
    cpu, memory = (int(each) if each else None for each in definition.size)
    return {"cpu": cpu, "memory": memory, "command": list(definition.command)}


def rows_have_the_hash_of_the_running_settings(snapshot: Snapshot, context: Context) -> None:
    """The hash of a row is that of the running task definition, which its registration recorded."""
    del context
    for row, definition, _ in _running(snapshot):
        assert row.service
        recorded = definition.spec_hash if definition.operation else ""
        has = row.service.spec_hash
        assert has is None or recorded in ("", has), f"{_name(row)} has the hash {has}"


def each_revision_belongs_to_an_application(snapshot: Snapshot, context: Context) -> None:
    """The revisions of a specification do not outlive its application."""
    del context
    for application, number in snapshot.specifications:
        assert application in _applications(snapshot), f"{application} has revision {number}"


def each_revision_is_stored(snapshot: Snapshot, context: Context) -> None:
    """An application has all revisions up to the latest one; its record also has the present one.

    A revision whose change of the stack failed is stored too.
    """
    del context
    for application, record in snapshot.records.items():
        numbers = sorted(number for name, number in snapshot.specifications if name == application)
        expected = list(range(1, record.next_revision))
        assert numbers == expected, f"{application} has the revisions {numbers}, not {expected}"
        stored = snapshot.specifications[application, record.current]
        assert record.specification == stored, f"the record of {application} is another revision"


def rows_are_those_of_the_specification(snapshot: Snapshot, context: Context) -> None:
    """An application has a row for each environment of its present revision, and no other."""
    for application, record in snapshot.records.items():
        if application in context.incomplete:
            continue
        rows = {row.environment for row in snapshot.rows if row.application.name == application}
        expected = {*record.specification.environments, *_ROLES}
        assert rows == expected, f"{application} has {sorted(rows)}, not {sorted(expected)}"


def no_change_set_remains_executable(snapshot: Snapshot, context: Context) -> None:
    """A change set remains only if its update was given up because it could not be read."""
    if context.untidy is EVERY_FAMILY:
        return
    for stack in snapshot.stacks:
        for name, change_set in stack.change_sets.items():
            assert change_set.execution != "AVAILABLE", f"{name} of {stack.name} remains"


def tasks_can_read_their_secrets(snapshot: Snapshot, context: Context) -> None:
    """The stack lets tasks read the secrets of their task definition and of their settings."""
    del context
    stacks = {stack.name: stack for stack in snapshot.stacks if stack.parameters}
    for row, definition, _ in _running(snapshot):
        stack = stacks.get(row.application.name)
        record = snapshot.records.get(row.application.name)
        if stack is None or record is None:
            continue
        settings = effective_settings(record.specification.document, row.environment)
        values = {*definition.secrets.values(), *settings["secrets"].values()}
        needed = {*secret_arns(value for value in values if value.startswith("arn:aws:"))}
        missing = needed - stack.secrets(environment_name(row.environment))
        assert not missing, f"{_name(row)} cannot read {sorted(missing)}"


def scalable_targets_are_those_of_the_rows(snapshot: Snapshot, context: Context) -> None:
    """Each service with scaling has its target, and no other service has one.

    A swap raises the limits for a while. A call that AWS refuses until the end of its operation has
    a warning, or an unknown result on record.
    """
    rows = {
        (row.application.name, row.service.name): (row, row.service)
        for row in snapshot.rows
        if row.service
    }
    refused = {
        operation.application
        for operation in snapshot.operations.values()
        if any(swap_promises.REFUSED_SCALING in warning for warning in operation.warnings)
    }
    for key, target in snapshot.targets.items():
        known = key in rows and rows[key][1].scaling is not None
        excused = key[0] in {*refused, *context.incomplete} or context.untidy is EVERY_FAMILY
        assert known or excused, f"{key} has the scalable target {target}"
    for key, (row, service) in rows.items():
        active = row.status is RowStatus.ACTIVE and not row.drift
        if service.scaling is None or not service.scaling_known or not active:
            continue
        found = snapshot.targets.get(key)
        assert found, f"{_name(row)} has no scalable target"
        policies = {name: service.scaling[name] for name in {*service.scaling} - {"min", "max"}}
        assert found.policies == policies, f"{_name(row)} has the policies {found.policies}"
        least, most = service.scaling["min"], service.scaling["max"]
        assert found.minimum >= least, f"{_name(row)} has the limits of {found}"
        assert found.maximum in (most, found.minimum), f"{_name(row)} has the limits of {found}"
        if row.application.name not in {*refused, *context.moved, *context.excused}:
            idle, kind = row.environment is Environment.PROD_BLUE, _last_kind(snapshot, *key)
            suspended = idle and kind in ("swap", "update")
            assert not kind or found.scales_in is not suspended, f"{_name(row)} has {found}"


def _last_kind(snapshot: Snapshot, application: str, service: str) -> str:
    """Return the kind of the last operation that has changed a service, "" for none on record.

    Operations of one service follow each other; the times of their ends depend on the clocks.
    """
    kinds = [
        operation.kind
        for operation in snapshot.operations.values()
        for part in operation.progress
        if (operation.application, part.service) == (application, service)
        if operation.ended and operation.kind != "repair"
        if part.status is Status.SUCCEEDED or (part.scales and part.scaled)
    ]
    return kinds[-1] if kinds else ""


def each_environment_is_in_service(snapshot: Snapshot, context: Context) -> None:
    """Each row is ACTIVE, and its rollout is complete with all tasks, in both slots too."""
    del context
    for row in snapshot.rows:
        assert row.status is RowStatus.ACTIVE, f"{_name(row)} is {row.status}"
        running = row.service and snapshot.services.get((row.application.name, row.service.name))
        assert running, f"{_name(row)} has no service"
        assert running.state == "COMPLETED", f"the rollout of {_name(row)} is not complete"
        assert running.running >= max(1, running.desired), f"{_name(row)} has {running}"


def production_has_two_rows(snapshot: Snapshot, context: Context) -> None:
    """Each application has one row for each role of production, and a row has no drift."""
    del context
    for application in _applications(snapshot):
        rows = [row for row in snapshot.rows if row.application.name == application]
        roles = sorted(row.environment for row in rows if row.environment in _ROLES)
        assert roles == sorted(_ROLES), f"{application} has {roles}"
        drifts = [row.drift for row in rows if row.drift]
        assert not drifts, f"{application} has drift: {drifts}"


def pages_are_those_of_the_release(snapshot: Snapshot, context: Context) -> None:
    """The page of each environment names its application, its service and its image."""
    del context
    for row in snapshot.rows:
        assert row.service
        page = snapshot.pages[row.url or ""]
        image, on_record = Image.parse(page["image"]), Image.parse(row.service.image)
        served = (page["application"], page["environment"], image.repository, image.digest)
        # ECS pins an image that has no digest in its row.
        digest = row.service.digest or image.digest
        expected = row.application.name, row.service.name, on_record.repository, digest
        assert served == expected, f"{_name(row)} serves {served}, not {expected}"


def no_stack_remains_without_a_row(snapshot: Snapshot, context: Context) -> None:
    del context
    known = {row.application.stack_id for row in snapshot.rows}
    for stack in snapshot.stacks:
        assert not stack.operation or stack.id in known, f"the stack {stack.name} remains"


def no_task_definition_remains_without_a_row(snapshot: Snapshot, context: Context) -> None:
    """A row knows its own task definitions and those of the stack of its application."""
    services = [row.service for row in snapshot.rows if row.service]
    known = {arn for each in services for arn in (each.task_definition, each.registered)}
    stacks = _applications(snapshot)
    for arn, definition in snapshot.task_definitions.items():
        unknown = arn not in known and definition.stack not in stacks
        remains = definition.active and definition.operation and unknown
        assert not remains or family_of(arn) in context.untidy, f"{arn} remains"


def an_operation_that_failed_before_its_switch_moved_no_customers(
    snapshot: Snapshot, context: Context
) -> None:
    for operation in _failed(snapshot):
        details = operation.details
        # The service returns customers also after a lost worker that may have moved them.
        recorded = operation.kind == "swap" and (details.shifted_at or details.returned_at)
        alone = recorded or operation.id not in context.switched
        assert alone, f"{_title(operation)} has moved the customers"


def a_failed_swap_has_returned_its_customers(snapshot: Snapshot, context: Context) -> None:
    """After the events of its shifts there is one of the return.

    If AWS blocks the last steps of a swap, it fails while all customers have the new release. An
    admin can end a swap by force.
    """
    del context
    for operation in _failed(snapshot):
        outcomes = [event.outcome for event in snapshot.events[operation.id]]
        shifts = {"SHIFTED", "SWITCHED"}.intersection(outcomes)
        all_moved = getattr(operation.details, "weight", 0) == ALL
        blocked = all_moved and not operation.details.returning and not operation.aborted_by
        forced = any("by force" in reason for reason in operation.reasons)
        returned = "RETURNED" in outcomes or blocked or forced
        assert not shifts or returned, f"{_title(operation)} has {outcomes}"


AT_REST: tuple[Check, ...] = (
    each_operation_ends,
    no_claim_remains,
    production_has_two_rows,
    rows_are_those_of_the_specification,
    rows_of_production_follow_the_listeners,
    rows_have_the_running_release,
    rows_have_the_digest_of_the_running_tasks,
    no_running_task_definition_is_deregistered,
    tasks_have_the_settings_of_their_revision,
    rows_have_the_hash_of_the_running_settings,
    each_revision_belongs_to_an_application,
    each_revision_is_stored,
    no_change_set_remains_executable,
    tasks_can_read_their_secrets,
    scalable_targets_are_those_of_the_rows,
    each_environment_is_in_service,
    pages_are_those_of_the_release,
    no_stack_remains_without_a_row,
    no_task_definition_remains_without_a_row,
    an_operation_that_failed_before_its_switch_moved_no_customers,
    a_failed_swap_has_returned_its_customers,
    swap_promises.each_record_is_small,
    swap_promises.production_has_the_weights_100_and_0,
    swap_promises.a_swap_ends_after_its_waits,
)


# --- before a change of AWS ---


@dataclass(frozen=True, slots=True)
class Acting:
    """A change of AWS with the operation that makes it."""

    change: Change
    operation: Operation
    snapshot: ActiveSnapshot


def only_the_holder_of_a_claim_changes_aws(snapshot: ActiveSnapshot, change: Change) -> Operation:
    """Return the operation that makes a change: in progress, with a claim and a lease.

    An update that a record has as sent excludes other workers as a lease does. An operation that
    can change the specification also holds the record of the application.
    """
    name = f"{change.action} for {change.application}"
    record = snapshot.records.get(change.application)
    # An update that only gives secrets to production holds no rows.
    claims = {*(row.claim for row in snapshot.rows), record.claim if record else None}
    holding = [
        operation
        for operation in snapshot.operations.values()
        if operation.application == change.application
        and not operation.ended
        and operation.id in claims
        and (operation.leased(snapshot.now) or _in_flight(operation, change, snapshot.now))
    ]
    assert holding, f"{name} without a held claim and lease"
    own = [operation for operation in holding if _concerns(operation, change)]
    assert own, f"{name} does not belong to {holding[0].kind} {holding[0].id}: {change}"
    # A person can remove the record.
    holds_record = record is None or record.claim == own[0].id
    required = own[0].kind in _HOLD_RECORD
    assert holds_record or not required, f"{name} without a held claim of the specification"
    return own[0]


def customers_move_only_to_a_ready_slot(acting: Acting, context: Context) -> None:
    """The rollout is complete, a target is healthy, and the live slot has no more tasks.

    This holds for each shift. The return to the previous release has no conditions.
    """
    del context
    change, snapshot = acting.change, acting.snapshot
    group = _gaining(acting)
    if group is None:
        return
    slot, live = service_of(change.application, group), acting.operation.details.idle
    if slot == live:
        return
    next_one = snapshot.services[change.application, slot]
    assert next_one.state == "COMPLETED", f"the rollout of {slot} is not complete"
    assert next_one.running >= 1, f"{slot} has no task"
    assert snapshot.healthy(group) >= 1, f"{slot} is not healthy"
    if (change.application, live) in snapshot.services:
        customers = snapshot.services[change.application, live]
        assert next_one.running >= customers.running, f"{slot} is smaller than {live}"
        # Its alarms have not seen the customers, and ask for scale-in.
        target = snapshot.targets.get((change.application, slot))
        refused = any(swap_promises.REFUSED_SCALING in each for each in acting.operation.warnings)
        protected = target is None or target.minimum >= customers.running or not target.scales_in
        assert protected or refused, f"{slot} can lose tasks: it has the scaling {target}"


def _gaining(acting: Acting) -> str | None:
    """Return the target group whose share of the customers a change increases, None for none."""
    change, snapshot = acting.change, acting.snapshot
    if change.listener != "production":
        return None
    present = snapshot.weights(change.application, "production") or {}
    increases = (
        group for group, weight in change.weights.items() if weight > present.get(group, 0)
    )
    return next(increases, None)


def a_count_takes_no_tasks_from_a_service_with_scaling(acting: Acting, context: Context) -> None:
    """Application Auto Scaling has set the present count, by the load."""
    del context
    change, snapshot = acting.change, acting.snapshot
    key = change.application, change.service or ""
    if change.count is None or key not in snapshot.targets or key not in snapshot.services:
        return
    present = snapshot.services[key].desired
    assert change.count >= present, f"{change.service} gets {change.count} of {present} tasks"


def only_a_promote_changes_the_idle_slot(acting: Acting, context: Context) -> None:
    """Beside a promote, only a create registers and updates the slots of production."""
    if _changes_slot(acting, context):
        kind = acting.operation.kind
        assert kind == "deploy-blue", f"a {kind} changes {acting.change.service}"


def no_rollout_changes_the_live_slot(acting: Acting, context: Context) -> None:
    if _changes_slot(acting, context):
        slot, application = acting.change.service, acting.change.application
        assert _live(acting.snapshot, application) != slot, f"{slot} is live"


def a_rollout_changes_only_the_image(acting: Acting, context: Context) -> None:
    """A deploy or a promote of the same settings keeps those of the running task definition."""
    del context
    change, definitions = acting.change, acting.snapshot.task_definitions
    if acting.operation.kind not in ("deploy", "deploy-blue") or not change.task_definition:
        return
    wanted = acting.operation.part(change.service or "").spec_hash
    rows = (row for row in acting.snapshot.rows if row.application.name == change.application)
    services = (row.service for row in rows if row.service)
    if wanted not in [each.spec_hash for each in services if each.name == change.service]:
        return
    service = acting.snapshot.services.get((change.application, change.service or ""))
    if service is None:
        return
    running = definitions.get(service.task_definition, _UNKNOWN)
    target = definitions.get(change.task_definition, _UNKNOWN)
    assert target.settings == running.settings, (
        f"{change.service} gets {target.settings}, not {running.settings}"
    )


def a_rollout_changes_only_settings_of_the_specification(acting: Acting, context: Context) -> None:
    """It sets those of its revision, removes those that only earlier ones have, and keeps others.

    Others are those of the template and of people who change the running task definition by hand.
    """
    del context
    change, operation = acting.change, acting.operation
    if operation.kind not in _APPLY_SETTINGS or not (change.task_definition and change.service):
        return
    part, definitions = operation.part(change.service), acting.snapshot.task_definitions
    base = definitions.get(part.previous or "")
    target = definitions.get(change.task_definition)
    rows = (row for row in acting.snapshot.rows if row.application.name == change.application)
    # An added environment has no service in its row yet.
    owned = [row.service.owned for row in rows if row.service and row.service.name == part.service]
    specification = acting.snapshot.specifications.get((change.application, operation.spec or 0))
    # A rollback restores the previous task definition.
    if base is None or target is None or target is base:
        return
    assert specification, f"{operation.kind} applies revision {operation.spec}, which is not stored"
    wanted = effective_settings(specification.document, part.environment)
    own = {*wanted["environment"], *wanted["secrets"], *wanted["unset"]}
    own |= {
        name.partition(".")[2]
        for name in chain(*owned)
        if name.startswith(("environment.", "secrets."))
    }
    for setting, before, after in (
        ("environment", base.variables, target.variables),
        ("secrets", base.secrets, target.secrets),
    ):
        kept = {name: value for name, value in before.items() if name not in own}
        expected = kept | wanted[setting]
        assert after == expected, f"{setting} of {part.service} is {after}, not {expected}"
    owned_sidecars = {
        name.partition(".")[2] for name in chain(*owned) if name.startswith("sidecar")
    }
    templates = {name: image for name, image in base.sidecars.items() if name not in owned_sidecars}
    expected = templates | _pinned_sidecars(wanted, specification.digests)
    assert target.sidecars == expected, (
        f"{part.service} has the sidecars {target.sidecars}, not {expected}"
    )


def _pinned_sidecars(wanted: Mapping[str, Any], digests: Mapping[str, str]) -> dict[str, str]:
    """Return the images of sidecars with the digests that a revision stores, by name."""
    pinned = {}
    for each in wanted.get("sidecars", ()):
        image, _, digest = each["image"].partition("@")
        repository = re.sub(":[^:/]+$", "", image)
        pinned[each["name"]] = f"{repository}@{digests.get(each['image'], digest)}"
    return pinned


def a_change_of_the_stack_concerns_only_its_environments(acting: Acting, context: Context) -> None:
    """An executed change set adds and removes whole environments, and else changes policies.

    That of an upgrade changes no service, no task definition and no load balancing.
    """
    del context
    change, details = acting.change, acting.operation.details
    if change.action is not Action.EXECUTE_CHANGE_SET:
        return
    assert details.stack, f"{_title(acting.operation)} has no change of the stack"
    (stack,) = (each for each in acting.snapshot.stacks if each.name == change.application)
    executed = stack.change_sets.get(f"op-{acting.operation.id}")
    own = [*map(service_name, (*details.stack.added, *details.stack.removed))]
    for action, logical_id, kind in executed.changes if executed else ():
        if acting.operation.kind == "upgrade":
            kept = action == "Modify" and kind.startswith(_OF_RELEASES)
            assert action != "Remove", f"an upgrade would remove {logical_id} ({kind})"
            assert not kept, f"an upgrade would modify {logical_id} ({kind})"
            continue
        whole = action in ("Add", "Remove") and any(map(logical_id.startswith, own))
        assert whole or kind == "AWS::IAM::RolePolicy", f"it would {action} {logical_id} ({kind})"


AT_CHANGE: tuple[Callable[[Acting, Context], None], ...] = (
    customers_move_only_to_a_ready_slot,
    swap_promises.a_shift_has_the_next_weight_or_returns_all,
    swap_promises.customers_move_only_with_approval_and_good_checks,
    swap_promises.the_test_listener_changes_after_the_bake,
    swap_promises.a_swap_takes_no_tasks_soon_after_a_shift,
    a_count_takes_no_tasks_from_a_service_with_scaling,
    only_a_promote_changes_the_idle_slot,
    no_rollout_changes_the_live_slot,
    a_rollout_changes_only_the_image,
    a_rollout_changes_only_settings_of_the_specification,
    a_change_of_the_stack_concerns_only_its_environments,
)


# --- the checks ---


def hold_always(snapshot: Snapshot, context: Context = Context()) -> None:
    """Check the promises that hold at any moment."""
    for check in ALWAYS:
        if check.__name__ not in snapshot.unchecked:
            _hold(check, snapshot, context)


def hold_at_rest(snapshot: Snapshot, context: Context = Context()) -> None:
    """Check all promises of a state in which all operations have ended."""
    hold_always(snapshot, context)
    for check in AT_REST:
        if check.__name__ not in snapshot.unchecked:
            _hold(check, snapshot, context)


def hold_accepted(status: int, operation: Mapping[str, Any] | None, known: Container[str]) -> None:
    """Check that a response about an operation is returned only if the operation is recorded."""
    if operation and status in (200, 202, 424):
        assert operation["id"] in known, "an operation is accepted, but not recorded"


def _hold(check: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return check(*arguments)
    except AssertionError as error:
        raise AssertionError(f"{check.__name__.replace('_', ' ')}: {error}") from error


class Wire(Protocol):
    """The part of a wire that `Watch` needs; `done` has the numbers of executed calls."""

    @property
    def done(self) -> set[int]: ...
    @property
    def watchers(self) -> list[Any]: ...


class Watch:
    """Checks of the promises at the outgoing calls of an account, just before they take effect.

    `look` returns a snapshot. `excused`, `moved` and `incomplete` are those of `Context`.
    `overruled` has the operations that were in progress when a listener was changed by hand, so
    that their records do not show whether they have moved the customers.
    """

    def __init__(
        self, wire: Wire, look: Callable[[], ActiveSnapshot], *, reads: bool = True
    ) -> None:
        self._wire = wire
        self._look = look
        self._reads = reads
        self._switches: dict[int, str] = {}
        self._checks: list[tuple[str, datetime]] = []
        self.excused: set[str] = set()
        self.moved: set[str] = set()
        self.incomplete: set[str] = set()
        self.overruled: set[str] = set()
        wire.watchers.append(self)

    @property
    def switches(self) -> list[str]:
        """The operations that moved the customers, once for each time."""
        done = self._wire.done
        return [operation for number, operation in self._switches.items() if number in done]

    def forget(self) -> None:
        """Forget the previous switches and checks."""
        self._switches.clear()
        self._checks.clear()

    def __call__(self, call: Any) -> None:
        """Check the promises at a call; `reads` is False if calls that only read are left out."""
        if not (call.writes or self._reads):
            return
        try:
            snapshot = self._look()
            if call.name in _CHECKS:
                self._checks.append((call.name, snapshot.now))
            hold_always(snapshot, Context(self.excused, self.moved))
            if call.changes_aws:
                self._hold_change(snapshot, snapshot.change(call))
        except Exception as error:
            # The service must not handle an error of this check as an error of AWS.
            raise Broken(f"at {call.name}: {error}") from error

    def hold_always(self) -> None:
        """Check the promises that hold at any moment."""
        hold_always(self._look(), Context(self.excused, self.moved))

    def hold_checks(self, most: int = 1) -> None:
        """Check that the swaps have asked CloudWatch at most `most` times in any minute."""
        for name, moment in self._checks:
            soon = [
                each
                for other, each in self._checks
                if other == name and timedelta() <= each - moment < CHECK_INTERVAL
            ]
            assert len(soon) <= most, f"at most {most} calls of {name} in a minute: {soon}"

    def hold_at_rest(self, *, tidy: bool = True) -> None:
        """Check all promises of a state in which all operations have ended.

        Without `tidy`, task definitions may remain until their application is deleted.
        """
        switched = set(self.switches) - self.overruled
        untidy = () if tidy else EVERY_FAMILY
        context = Context(self.excused, self.moved, self.incomplete, untidy, switched)
        hold_at_rest(self._look(), context)

    def _hold_change(self, snapshot: ActiveSnapshot, change: Change) -> None:
        operation = _hold(only_the_holder_of_a_claim_changes_aws, snapshot, change)
        acting, context = Acting(change, operation, snapshot), Context(moved=self.moved)
        for check in AT_CHANGE:
            _hold(check, acting, context)
        if _gaining(acting) is not None:
            self._switches[change.number] = operation.id


# --- parts of a snapshot ---


def _applications(snapshot: Snapshot) -> set[str]:
    return {row.application.name for row in snapshot.rows}


def _claims(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Yield the claimed rows and records, with the ids of the operations."""
    for row in snapshot.rows:
        if row.claim:
            yield _name(row), row.claim
    for application, record in snapshot.records.items():
        if record.claim:
            yield f"the specification of {application}", record.claim


def _failed(snapshot: Snapshot) -> Iterator[Operation]:
    return (each for each in snapshot.operations.values() if each.status is Status.FAILED)


def _running(snapshot: Snapshot) -> Iterator[tuple[Row, TaskDefinition, str]]:
    """Yield the rows whose service exists, with the task definition that it runs."""
    for row in snapshot.rows:
        service = row.service and snapshot.services.get((row.application.name, row.service.name))
        if service and service.active:
            definition = snapshot.task_definitions.get(service.task_definition, _UNKNOWN)
            yield row, definition, service.task_definition


def _title(operation: Operation) -> str:
    return f"{operation.kind} {operation.id} of {operation.application}"


def _name(row: Row) -> str:
    return f"{row.environment} of {row.application.name}"


def _live(snapshot: Snapshot, application: str) -> str | None:
    """Return the service that production forwards to, None for more than one target group."""
    groups = receiving(snapshot.weights(application, "production") or {})
    return service_of(application, groups[0]) if len(groups) == 1 else None


def _in_flight(operation: Operation, change: Change, now: datetime) -> bool:
    """Return whether the record of an operation has this update as sent."""
    if change.action is not Action.UPDATE_SERVICE:
        return False
    parts = [part for part in operation.progress if part.service == change.service]
    return any(
        part.update_in_flight(now)
        and change.task_definition == (None if part.only_counts else part.target)
        for part in parts
    )


def _concerns(operation: Operation, change: Change) -> bool:
    """Return whether a change is part of an operation."""
    if change.action in _KINDS:
        return operation.kind in _KINDS[change.action]
    return change.service in {part.service for part in operation.progress}


def _changes_slot(acting: Acting, context: Context) -> bool:
    """Return whether a rollout in a slot begins, after a create and without a manual change."""
    change = acting.change
    rollout = change.service in SLOTS and change.task_definition is not None
    update = change.action is Action.UPDATE_SERVICE
    usual = acting.operation.kind != "create" and change.application not in context.moved
    return update and rollout and usual
