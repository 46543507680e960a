"""The part of an update that changes the stack: the change set, its execution and its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from devops_core.kinds import stack_update
from devops_core.model.decisions import Act, After, Fail, Wait
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation, Status
from devops_core.model.stack_change import ChangeSet, ResourceChange, StackChange
from devops_core.model.steps import (
    ContinueRollback,
    CreateChangeSet,
    DeleteChangeSet,
    Deregister,
    ExecuteChangeSet,
)
from devops_core.naming import Environment
from tests.lab.builders import (
    NOW,
    Summary,
    acts,
    fails,
    operation,
    outputs,
    overdue,
    part,
    stack,
    summary,
    waits,
)

SERVICE, POLICY, ROLE = "AWS::ECS::Service", "AWS::IAM::RolePolicy", "AWS::IAM::Role"
BEFORE = {"Environments": "dev,qa", "Image": "first"}
AFTER = {"Environments": "da,dev", "Image": "first"}
CHANGE = StackChange({"Environments": "dev,da"}, (Environment.DA,), (Environment.QA,), ("dev",))
CHANGES = (
    ResourceChange("Add", "daService", SERVICE),
    ResourceChange("Remove", "qaService", SERVICE),
)


def updating(**changes: Any) -> Operation:
    """Return an update that adds da, removes qa and rolls out to dev."""
    parts = part("da"), part("qa", url="http://qa"), part("dev")
    return operation("update", *parts, **{"stack": CHANGE, **changes})


LATE = overdue("update")
TOO_LATE = LATE + timedelta(minutes=60)
NEW = updating()
EXECUTED = updating(executed_at=NOW)
FAILING = updating(executed_at=NOW, reasons=("daService: no capacity",))
CONTINUED = replace(FAILING, details=FAILING.details._replace(continued=True))
OLD, DONE_STACK = stack(parameters=BEFORE), stack("UPDATE_COMPLETE", parameters=AFTER)
READY = ChangeSet("CREATE_COMPLETE", "AVAILABLE", changes=CHANGES)
EMPTY = ChangeSet("FAILED", reason="The submitted information didn't contain changes.")
SAME = ChangeSet("FAILED", reason="No updates are to be performed.")
INVALID = ChangeSet("FAILED", reason="the template is invalid")
CONFLICT = "daLoadBalancer (AWS::…::LoadBalancer): already exists"
CONFLICTING = INVALID._replace(failures=(CONFLICT,))
OBSOLETE = READY._replace(execution="OBSOLETE")
FOREIGN = READY._replace(
    changes=(*CHANGES, ResourceChange("Modify", "prod1Service", SERVICE, "False"))
)
CREATE, EXECUTE = acts(CreateChangeSet()), acts(ExecuteChangeSet())
DELETE, CONTINUE = acts(DeleteChangeSet()), acts(ContinueRollback())
LOST = fails("the stack of the application does not exist any more")
ABORTED = {"aborted_by": "alice"}


def seen(status: str, change_set: ChangeSet | None = None, **changes: Any) -> Observed:
    """Return an observation of a stack without the change."""
    return Observed(stack=stack(status, parameters=BEFORE), change_set=change_set, **changes)


def executing(execution: str) -> ChangeSet:
    return READY._replace(execution=execution)


COMPLETE = Observed(stack=DONE_STACK, containers={"da": "app"})
CASES: list[tuple[str, Operation, Observed, datetime, Summary]] = [
    ("the stack does not exist: fail", NEW, Observed(), NOW, LOST),
    ("the stack was deleted: fail", NEW, seen("DELETE_COMPLETE"), NOW, LOST),
    ("the stack is in deletion: fail", EXECUTED, seen("DELETE_IN_PROGRESS"), NOW, LOST),
    ("no change set: create it", NEW, seen("CREATE_COMPLETE"), NOW, CREATE),
    ("an earlier update was rolled back: create it", NEW, seen("UPDATE_ROLLBACK_COMPLETE"), NOW,
     CREATE),
    ("another tool changes the stack: wait", NEW, seen("UPDATE_IN_PROGRESS"), NOW,
     waits("stack UPDATE_IN_PROGRESS")),
    ("the change set is in creation: wait", NEW,
     seen("CREATE_COMPLETE", ChangeSet("CREATE_IN_PROGRESS")), NOW,
     waits("change set CREATE_IN_PROGRESS")),
    ("the change set is not yet executable: wait", NEW,
     seen("CREATE_COMPLETE", ChangeSet("CREATE_COMPLETE")), NOW,
     waits("change set CREATE_COMPLETE")),
    ("the change set has the expected changes: execute it", NEW, seen("CREATE_COMPLETE", READY),
     NOW, EXECUTE),
    ("the change set has other changes: delete it", NEW, seen("CREATE_COMPLETE", FOREIGN), NOW,
     DELETE),
    ("the change set has failed: delete it", NEW, seen("CREATE_COMPLETE", INVALID), NOW, DELETE),
    ("the change set is obsolete: delete it", NEW, seen("CREATE_COMPLETE", OBSOLETE), NOW, DELETE),
    ("the change set is empty: observe the stack", NEW, seen("UPDATE_COMPLETE", EMPTY), NOW,
     waits("an observation of the stack")),
    ("the change set would change nothing: observe the stack", NEW, seen("UPDATE_COMPLETE", SAME),
     NOW, waits("an observation of the stack")),
    ("aborted before the creation: fail", updating(**ABORTED), seen("CREATE_COMPLETE"), NOW,
     fails("aborted by alice")),
    ("aborted before the execution: delete the change set", updating(**ABORTED),
     seen("CREATE_COMPLETE", READY), NOW, DELETE),
    ("no change set at the deadline: fail", NEW, seen("UPDATE_IN_PROGRESS"), LATE,
     fails("the change set was not executed within the time limit")),
    ("not executed at the deadline: delete the change set", NEW, seen("CREATE_COMPLETE", READY),
     LATE, DELETE),
    ("the record of the execution is missing: wait for the stack", updating(**ABORTED),
     seen("UPDATE_IN_PROGRESS", executing("EXECUTE_IN_PROGRESS")), NOW,
     waits("stack UPDATE_IN_PROGRESS")),
    ("the change set is deleted: fail", updating(undoing=True, reasons=("why",)),
     seen("CREATE_COMPLETE"), NOW, fails("why")),
    ("the change set is not deleted: delete it again", updating(undoing=True, reasons=("why",)),
     seen("CREATE_COMPLETE", READY), NOW, DELETE),
    ("an executed change set remains: fail", updating(undoing=True, reasons=("why",)),
     seen("UPDATE_ROLLBACK_COMPLETE", executing("EXECUTE_FAILED")), NOW, fails("why")),
    ("another operation's success removes it: fail", updating(undoing=True, reasons=("why",)),
     seen("UPDATE_COMPLETE", executing("EXECUTE_COMPLETE")), NOW, fails("why")),
    ("the stack is changing: wait", EXECUTED, seen("UPDATE_IN_PROGRESS"), LATE,
     waits("stack UPDATE_IN_PROGRESS")),
    ("the stack is cleaning up: wait", EXECUTED,
     Observed(stack=stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", parameters=AFTER)), NOW,
     waits("stack UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")),
    ("the stack is rolling back: wait", FAILING, seen("UPDATE_ROLLBACK_IN_PROGRESS"), NOW,
     waits("stack UPDATE_ROLLBACK_IN_PROGRESS")),
    ("the stack changes just before the limit: wait", EXECUTED, seen("UPDATE_IN_PROGRESS"),
     TOO_LATE - timedelta(seconds=1), waits("stack UPDATE_IN_PROGRESS")),
    ("the stack changes at the limit: fail", EXECUTED, seen("UPDATE_IN_PROGRESS"), TOO_LATE,
     fails("the stack is still UPDATE_IN_PROGRESS after the time limit")),
    ("the rollback failed: continue it", FAILING, seen("UPDATE_ROLLBACK_FAILED"), NOW, CONTINUE),
    ("the call that continues it was lost: repeat it", CONTINUED, seen("UPDATE_ROLLBACK_FAILED"),
     NOW, CONTINUE),
    ("the rollback failed again: fail", CONTINUED,
     seen("UPDATE_ROLLBACK_FAILED", rollback_failures=("daListener: in use",)), NOW,
     fails("daService: no capacity; daListener: in use; the stack is UPDATE_ROLLBACK_FAILED: remove"
           " the cause, then call ContinueUpdateRollback in CloudFormation, if necessary with the"
           " resources to skip")),
    ("failures of a rollback that was not continued: continue it", FAILING,
     seen("UPDATE_ROLLBACK_FAILED", rollback_failures=("daListener: in use",)), NOW, CONTINUE),
    ("the stack was rolled back: fail", FAILING, seen("UPDATE_ROLLBACK_COMPLETE"), NOW,
     fails("daService: no capacity")),
    ("the reasons are new: fail with them", EXECUTED,
     seen("UPDATE_ROLLBACK_COMPLETE", stack_failures=("daService: limit",)), NOW,
     fails("daService: limit")),
    ("the call was lost: execute the change set", EXECUTED, seen("CREATE_COMPLETE", READY), NOW,
     EXECUTE),
    ("the call was lost, and the operation is aborted: delete the change set",
     updating(executed_at=NOW, **ABORTED), seen("CREATE_COMPLETE", READY), NOW, DELETE),
    ("the call was lost until the deadline: delete the change set", EXECUTED,
     seen("CREATE_COMPLETE", READY), LATE, DELETE),
    ("the update is not visible yet: wait", EXECUTED,
     seen("CREATE_COMPLETE", executing("EXECUTE_IN_PROGRESS")), NOW + timedelta(seconds=59),
     waits("CloudFormation to show the update")),
    ("the update never becomes visible: fail", EXECUTED, seen("CREATE_COMPLETE"),
     NOW + timedelta(seconds=60), fails("the stack is CREATE_COMPLETE without the change")),
    ("the update failed without a rollback: fail", EXECUTED,
     Observed(stack=stack("UPDATE_FAILED", parameters=BEFORE, reason="it is not valid")), NOW,
     fails("it is not valid")),
    ("the new services are not observed: wait", EXECUTED, Observed(stack=DONE_STACK), NOW,
     waits("an observation of the new services")),
    ("the template lacks outputs: fail", EXECUTED,
     replace(COMPLETE, contract_faults=("daUrl is missing", "daServiceArn is missing")), NOW,
     fails("the stack lacks parts of the new environments: daUrl is missing; daServiceArn is"
           " missing")),
    ("task definitions of a removed environment remain: deregister them", EXECUTED,
     replace(COMPLETE, orphans={"qa": ("qa:7",)}), NOW, acts(Deregister("qa", "qa:7"))),
    ("an empty change set remains: delete it", EXECUTED, replace(COMPLETE, change_set=EMPTY), NOW,
     DELETE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("update", "observed", "now", "expected"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_decides(update: Operation, observed: Observed, now: datetime, expected: Summary) -> None:
    decision = stack_update.decide(update, observed, now)
    assert not isinstance(decision, Operation)
    assert summary(decision) == expected


# The observation, and the reason that a failure will have as soon as the change set is deleted.
REASONS: list[tuple[Operation, Observed, str]] = [
    (NEW, seen("CREATE_COMPLETE", FOREIGN),
     "the change set was not executed, because it would Modify prod1Service (AWS::ECS::Service)"),
    (NEW, seen("CREATE_COMPLETE", INVALID), "CloudFormation: the template is invalid"),
    (NEW, seen("CREATE_COMPLETE", CONFLICTING), CONFLICT),
    (NEW, seen("CREATE_COMPLETE", OBSOLETE),
     "the change set is OBSOLETE, because another tool changed the stack"),
    (updating(**ABORTED), seen("CREATE_COMPLETE", READY), "aborted by alice"),
    (updating(executed_at=NOW, **ABORTED), seen("CREATE_COMPLETE", READY),
     "the change set was not executed"),
]  # fmt: skip


@pytest.mark.parametrize(("update", "observed", "reason"), REASONS)
def test_a_change_set_is_deleted_for_a_reason(
    update: Operation, observed: Observed, reason: str
) -> None:
    decision = stack_update.decide(update, observed, NOW)
    assert isinstance(decision, Act)
    assert decision.operation.reasons == (reason,)
    assert decision.operation.details.undoing
    # The next worker deletes it again, and does not add a reason.
    following = stack_update.decide(decision.operation, replace(observed, change_set=None), NOW)
    assert isinstance(following, Fail)
    assert following.operation.reasons == (reason,)


def test_a_failure_leaves_no_environment_open() -> None:
    decision = stack_update.decide(NEW, Observed(), NOW)
    assert isinstance(decision, Fail)
    assert {each.status for each in decision.operation.progress} == {Status.FAILED}
    assert {each.reason for each in decision.operation.progress} == {"the stack was not changed"}


def test_each_call_that_changes_the_stack_is_recorded_first() -> None:
    created = stack_update.decide(NEW, seen("CREATE_COMPLETE"), NOW)
    executed = stack_update.decide(NEW, seen("CREATE_COMPLETE", READY), NOW)
    continued = stack_update.decide(FAILING, seen("UPDATE_ROLLBACK_FAILED"), NOW)
    for decision in (created, executed, continued):
        assert isinstance(decision, Act)
        assert decision.after is After.SAVE
    assert executed.operation.details.executed_at == NOW  # type: ignore[union-attr]
    assert continued.operation.details.continued  # type: ignore[union-attr]


def test_the_change_is_recorded_before_the_rollouts() -> None:
    """The next worker would register again, because it does not search registrations before."""
    observed = replace(COMPLETE, orphans={"qa": ("qa:7",)})
    decision = stack_update.decide(EXECUTED, observed, NOW)
    assert isinstance(decision, Act)
    assert decision.after is After.SAVE


def test_an_empty_change_set_counts_as_executed() -> None:
    decision = stack_update.decide(NEW, seen("UPDATE_COMPLETE", EMPTY), NOW)
    assert isinstance(decision, Wait)
    assert decision.operation.details.executed_at == NOW


def test_the_first_reasons_of_a_failure_are_kept() -> None:
    failures = ("daService: limit",)
    rolling_back = seen("UPDATE_ROLLBACK_IN_PROGRESS", stack_failures=failures)
    first = stack_update.decide(EXECUTED, rolling_back, NOW)
    assert isinstance(first, Wait)
    assert first.operation.reasons == failures
    later = replace(rolling_back, stack_failures=("daListener: cancelled",))
    second = stack_update.decide(first.operation, later, NOW)
    assert isinstance(second, Wait)
    assert second.operation.reasons == failures


def test_the_rollouts_follow_the_change_of_the_stack() -> None:
    services = ("da", "dev", "prod-1", "prod-2")
    complete = stack("UPDATE_COMPLETE", parameters=AFTER, outputs=outputs(*services))
    observed = replace(COMPLETE, stack=complete, undeleted=("qaLoadBalancer: in use",))
    update = replace(FAILING, warnings=("an earlier warning",))
    changed = stack_update.decide(update, observed, NOW)
    assert isinstance(changed, Operation)
    assert changed.details.changed
    assert changed.reasons == ()
    added, removed, other = changed.progress
    assert (added.status, added.previous, added.url) == (Status.IN_PROGRESS, "da:1", "http://da")
    assert (removed.status, removed.url) == (Status.SUCCEEDED, None)
    assert other == part("dev")
    earlier, warning = changed.warnings
    assert earlier == "an earlier warning"
    assert warning == (
        "CloudFormation could not delete resources of QA, and does not manage them any more: delete"
        " them by hand: qaLoadBalancer: in use"
    )


def test_resources_that_a_rollback_could_not_delete_are_a_warning() -> None:
    remaining = ("daLoadBalancer: in use", "daLogGroup: denied")
    failures = ("daService: limit", *remaining)
    rolled_back = seen(
        "UPDATE_ROLLBACK_COMPLETE", READY, stack_failures=failures, undeleted=remaining
    )
    update = replace(EXECUTED, warnings=("an earlier warning",))
    executed = replace(rolled_back, change_set=executing("EXECUTE_FAILED"))
    decision = stack_update.decide(update, executed, NOW)
    assert isinstance(decision, Fail)
    assert decision.operation.reasons == ("daService: limit",)
    assert decision.operation.warnings == (
        "an earlier warning",
        "CloudFormation could not delete resources that the failed update had created, and does not"
        " manage them any more: delete them by hand: daLoadBalancer: in use; daLogGroup: denied",
    )


# A further change, and the text that names it if the update does not expect it.
RESOURCES: list[tuple[ResourceChange, str | None]] = [
    (ResourceChange("Add", "daLoadBalancer", "AWS::…::LoadBalancer"), None),
    (ResourceChange("Add", "daSecrets", POLICY), None),
    (ResourceChange("Remove", "qaSecrets", POLICY), None),
    (ResourceChange("Add", "devSecrets", POLICY), None),
    (ResourceChange("Modify", "devSecrets", POLICY, "False"), None),
    (ResourceChange("Remove", "devSecrets", POLICY), None),
    (ResourceChange("Modify", "devSecrets", POLICY, "True"), "Modify devSecrets (AWS::IAM::Role"),
    (ResourceChange("Modify", "devSecrets", POLICY, "Conditional"), "Modify devSecrets"),
    (ResourceChange("Import", "devSecrets", POLICY), "Import devSecrets"),
    (ResourceChange("Modify", "stageSecrets", POLICY, "False"), "Modify stageSecrets"),
    (ResourceChange("Modify", "devRole", ROLE, "False"), "Modify devRole (AWS::IAM::Role)"),
    (ResourceChange("Modify", "daService", SERVICE, "False"), "Modify daService"),
    (ResourceChange("Remove", "daService", SERVICE), "Remove daService"),
    (ResourceChange("Add", "qaService", SERVICE), "Add qaService"),
    (ResourceChange("Add", "databaseService", SERVICE), "Add databaseService"),
    (ResourceChange("Dynamic", "daService", SERVICE), "Dynamic daService"),
    (ResourceChange("Remove", "Cluster", "AWS::ECS::Cluster"), "Remove Cluster"),
]


@pytest.mark.parametrize(("resource", "unexpected"), RESOURCES)
def test_a_change_set_has_only_expected_changes(
    resource: ResourceChange, unexpected: str | None
) -> None:
    found = stack_update.unexpected_changes(CHANGE, READY._replace(changes=(*CHANGES, resource)))
    assert len(found) == (unexpected is not None)
    assert all(each.startswith(unexpected or "") for each in found)


def test_the_policies_of_both_slots_are_those_of_production() -> None:
    permitted = StackChange(permitted=("prod",))
    changes = [ResourceChange("Modify", f"prod{n}Secrets", POLICY, "False") for n in (1, 2)]
    assert stack_update.unexpected_changes(permitted, READY._replace(changes=(*changes,))) == []


def test_a_change_set_without_an_expected_service_is_not_executed() -> None:
    policy = ResourceChange("Add", "daSecrets", POLICY)
    assert stack_update.unexpected_changes(CHANGE, READY._replace(changes=(policy,))) == [
        "not Add the service of DA",
        "not Remove the service of QA",
    ]


# Parameters of a stack, and whether it has the change.
@pytest.mark.parametrize(
    ("parameters", "applied"),
    [
        ({"Environments": "dev,da"}, True),
        ({"Environments": "da,dev", "devSecretArns": "b"}, True),
        ({"Environments": "dev"}, False),
        ({"Environments": "dev,da,qa"}, False),
        ({}, False),
    ],
)
def test_the_order_of_a_list_parameter_has_no_meaning(
    parameters: dict[str, str], applied: bool
) -> None:
    assert CHANGE.applied(parameters) is applied


def test_a_missing_list_parameter_is_empty() -> None:
    assert StackChange({"devSecretArns": ""}).applied({})
    assert not StackChange({"devSecretArns": "a"}).applied({})
