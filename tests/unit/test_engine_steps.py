"""The results of the steps: the state after each result, and the errors that stop the worker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest

from devops_core.engine.steps import applied
from devops_core.errors import (
    AccessDeniedError,
    AwsError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from devops_core.model.decisions import State
from devops_core.model.inventory import Inventory
from devops_core.model.listeners import Listener
from devops_core.model.observed import Observed
from devops_core.model.operation import GRACE, Operation, Status
from devops_core.model.stack_change import ChangeSet
from devops_core.model.steps import (
    AllowScaleIn,
    ApplyScaling,
    ContinueRollback,
    CreateChangeSet,
    CreateStack,
    DeleteChangeSet,
    DeleteStack,
    Deregister,
    ExecuteChangeSet,
    ReadTemplate,
    Register,
    RemoveRevisions,
    RemoveScaling,
    ScaleService,
    SetMinimum,
    Step,
    Switch,
    UpdateService,
    WarmedPage,
    WarmUp,
)
from tests.lab.builders import (
    ID,
    NOW,
    STACK_ID,
    TEMPLATE,
    deployment,
    operation,
    part,
    production,
    rolling,
    service,
    slot,
    stack,
    swapping,
    typed,
)

REFUSED = RefusedError("AWS refuses the call")
DENIED = AccessDeniedError("the role lacks a permission")
THROTTLED = ThrottledError("AWS throttles")
UNREACHABLE = UnreachableError("no response")
ERRORS = (REFUSED, DENIED, THROTTLED, UNREACHABLE)

READ_TEMPLATE = ReadTemplate()
CREATE_STACK = CreateStack()
DELETE_STACK = DeleteStack(ID)
CREATE_CHANGE_SET = CreateChangeSet()
EXECUTE_CHANGE_SET = ExecuteChangeSet()
DELETE_CHANGE_SET = DeleteChangeSet()
CONTINUE_ROLLBACK = ContinueRollback()
REMOVE_REVISIONS = RemoveRevisions()
REGISTER = Register("dev")
UPDATE = UpdateService("dev", "new")
SCALE = ScaleService("prod-2", 3)
SCALING = {"min": 2, "max": 5, "cpuPercent": 60}
APPLY_SCALING = ApplyScaling("dev", SCALING)
REMOVE_SCALING = RemoveScaling("dev")
RAISE_MINIMUM = SetMinimum("prod-2", SCALING, 4)
RESTORE_MINIMUM = SetMinimum("prod-2", SCALING, 2)
SUSPEND = AllowScaleIn("prod-1", allowed=False)
DEREGISTER = Deregister("dev", "dev:7")
WARM_UP = WarmUp("/a")
SWITCH = Switch(Listener.PRODUCTION, "prod-2")
SWITCH_TEST = Switch(Listener.TEST, "prod-1")

AVAILABLE = ChangeSet("CREATE_COMPLETE", "AVAILABLE")
OLD, NEW = service(deployment("old")), service(deployment("new"))
QA = service(deployment("qa"), name="qa")
FIRST, SECOND = WarmedPage("/", 200, 1), WarmedPage("/a", None, 2, "no response")
ORPHANS = {"dev": ("dev:7", "dev:8"), "qa": ("qa:1",)}
SENDING = operation("deploy", rolling(sent=False), rolling("qa", sent=False))


def state(current: Operation, seen: Observed | None = None) -> State:
    return State(current, Inventory({}), seen or Observed())


def sending(**changes: Any) -> State:
    """Return a deploy to dev and qa after two updates, with changes to the progress in dev."""
    return state(SENDING.with_progress("dev", **changes))


def scaling(**changes: Any) -> State:
    """Return a deploy to dev with scaling, with changes to the progress in dev."""
    progress: dict[str, Any] = {"scaling": SCALING, "scaled": False, "scalable": True, "sent": True}
    return state(operation("deploy", part(**{"target": "new", **progress, **changes}), part("qa")))


def deleting(status: str, failures: tuple[str, ...] = ()) -> State:
    seen = Observed(stack=stack(status), stack_failures=failures)
    return state(operation("delete", stack_id=STACK_ID), seen)


def updating(
    status: str, change_set: ChangeSet | None = None, *reasons: str, **details: Any
) -> State:
    seen = Observed(stack=stack(status), change_set=change_set)
    return state(operation("update", reasons=reasons, previous=1, **details), seen)


def undoing(reason: str) -> State:
    return state(operation("create", undoing=True, reasons=(reason,)))


def moment(before: State, *, overdue: bool) -> datetime:
    """Return the deadline of an operation, or the last moment before it."""
    deadline = before.operation.deadline
    return deadline if overdue else deadline - timedelta(microseconds=1)


def services(*changed: Any, **members: Any) -> Observed:
    return Observed(services={each.name: each for each in changed}, **members)


RESULTS: list[tuple[str, State, Step, Any, State]] = [
    ("the template is recorded, and its content is kept", state(operation("create")),
     READ_TEMPLATE, (TEMPLATE, b"content"),
     state(operation("create", template=TEMPLATE), Observed(template_content=b"content"))),
    ("the new stack is in creation", state(operation("create")), CREATE_STACK, STACK_ID,
     state(operation("create"), Observed(stack=stack("CREATE_IN_PROGRESS")))),
    ("the deleted stack is in deletion, without earlier failures",
     deleting("DELETE_FAILED", ("earlier",)), DELETE_STACK, None,
     deleting("DELETE_IN_PROGRESS")),
    ("a new change set is pending", updating("CREATE_COMPLETE"), CREATE_CHANGE_SET, None,
     updating("CREATE_COMPLETE", ChangeSet("CREATE_PENDING"))),
    ("an executed change set updates the stack", updating("CREATE_COMPLETE", AVAILABLE),
     EXECUTE_CHANGE_SET, None, updating("UPDATE_IN_PROGRESS", AVAILABLE)),
    ("a deleted change set does not exist", updating("CREATE_COMPLETE", AVAILABLE),
     DELETE_CHANGE_SET, None, updating("CREATE_COMPLETE")),
    ("a continued rollback is in progress", updating("UPDATE_ROLLBACK_FAILED"), CONTINUE_ROLLBACK,
     None, updating("UPDATE_ROLLBACK_IN_PROGRESS")),
    ("removed revisions are recorded", deleting("DELETE_COMPLETE"), REMOVE_REVISIONS, None,
     state(operation("delete", stack_id=STACK_ID, cleared=True),
           Observed(stack=stack("DELETE_COMPLETE")))),
    ("the registered task definition is the target", state(operation("deploy", part(), part("qa"))),
     REGISTER, "dev:2", state(operation("deploy", part(target="dev:2"), part("qa")))),
    ("the updated service replaces its observation", state(SENDING, services(OLD, QA)), UPDATE,
     NEW, state(SENDING, services(NEW, QA))),
    ("a service that was not observed is added", state(SENDING), UPDATE, NEW,
     state(SENDING, services(NEW))),
    ("the scaled service replaces its observation", state(swapping(), production("prod-1")),
     SCALE, slot("prod-2", 3),
     state(swapping(), production("prod-1", services={
         "prod-1": slot("prod-1"), "prod-2": slot("prod-2", 3),
     }))),
    ("an applied scaling is recorded", scaling(), APPLY_SCALING, None, scaling(scaled=True)),
    ("a removed scaling is recorded", scaling(scaling=None), REMOVE_SCALING, None,
     scaling(scaling=None, scaled=True)),
    ("a raised minimum is recorded", state(swapping()), RAISE_MINIMUM, NOW,
     state(swapping(minimums={"prod-2": 4}, minimum_set_at=NOW))),
    ("a restored minimum is recorded", state(swapping(minimums={"prod-2": 4})), RESTORE_MINIMUM,
     NOW, state(swapping(minimums={"prod-2": 2}, minimum_set_at=NOW))),
    ("a suspended slot is recorded", state(swapping(scale_in={"prod-2": True})), SUSPEND, None,
     state(swapping(scale_in={"prod-2": True, "prod-1": False}))),
    ("a deregistered task definition leaves the orphans",
     state(operation("delete", part(), part("qa")), Observed(orphans=ORPHANS)), DEREGISTER, None,
     state(operation("delete", part(deregistered=True), part("qa")),
           Observed(orphans={"dev": ("dev:8",), "qa": ("qa:1",)}))),
    ("a fetched page is added to the others", state(swapping(warmed=(FIRST,))), WARM_UP, SECOND,
     state(swapping(warmed=(FIRST, SECOND)))),
    ("the switch of production is recorded with its time",
     state(swapping(), production("prod-1", "prod-2")), SWITCH, NOW,
     state(swapping(weight=100, changed_at=NOW, shifted_at=NOW, switched_at=NOW, completing=True),
           production("prod-2", "prod-2", shares={"prod-2": 100, "prod-1": 0}))),
    ("the switch of the test listener changes only the observation",
     state(swapping(), production("prod-2", "prod-2")), SWITCH_TEST, NOW,
     state(swapping(), production("prod-2", "prod-1"))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "step", "result", "after"),
    [case[1:] for case in RESULTS],
    ids=[case[0] for case in RESULTS],
)
@pytest.mark.parametrize("overdue", [False, True])
def test_a_result_changes_the_state(
    before: State, step: Step, result: Any, after: State, overdue: bool
) -> None:
    assert applied(before, [step], [result], moment(before, overdue=overdue)) == (after, [])


NOT_SCALED = f"the release runs, but its scaling was not changed: {REFUSED.message}"

NOT_COUNTED = f"the release runs, but its task count was not changed: {REFUSED.message}"


def warning(name: str, error: AwsError = REFUSED) -> str:
    return f"the scaling of {name} could not be changed: {error.message}"


REFUSALS: list[tuple[str, State, Step, State]] = [
    ("a refused template undoes the create", state(operation("create")), READ_TEMPLATE,
     undoing(REFUSED.message)),
    ("a refused stack undoes the create", state(operation("create")), CREATE_STACK,
     undoing(REFUSED.message)),
    ("a refused change set fails the update", updating("CREATE_COMPLETE"), CREATE_CHANGE_SET,
     updating("CREATE_COMPLETE", None, REFUSED.message, undoing=True)),
    ("a refused delete is a failed delete", deleting("CREATE_COMPLETE"), DELETE_STACK,
     deleting("DELETE_FAILED", (REFUSED.message,))),
    ("a refused registration fails one environment", sending(target=None), REGISTER,
     sending(target=None, status=Status.FAILED, reason=REFUSED.message)),
    ("a refused update fails one environment", sending(), UPDATE,
     sending(status=Status.FAILED, reason=REFUSED.message)),
    ("a refused scaling fails one environment, which keeps the release", scaling(), APPLY_SCALING,
     scaling(status=Status.FAILED, reason=NOT_SCALED, unrestored=True)),
    ("a refused removal of the scaling fails one environment", scaling(scaling=None),
     REMOVE_SCALING,
     scaling(scaling=None, status=Status.FAILED, reason=NOT_SCALED, unrestored=True)),
    ("a refused task count fails one environment, which keeps the release",
     scaling(scaled=True), ScaleService("dev", 3),
     scaling(status=Status.FAILED, reason=NOT_COUNTED, unrestored=True)),
    ("a refused removal without a rollout is a warning",
     state(operation("delete", part(scalable=True, scaled=False))), REMOVE_SCALING,
     state(operation("delete", part(scalable=True), warnings=(warning("dev"),)))),
    ("a refused minimum is a warning, because a swap must be possible", state(swapping()),
     RAISE_MINIMUM, state(swapping(scaling_skipped=True, warnings=(warning("prod-2"),)))),
    ("a refused restoration is a warning, because it takes place later",
     state(swapping(minimums={"prod-2": 4})), RESTORE_MINIMUM,
     state(swapping(minimums={"prod-2": 2}, warnings=(warning("prod-2"),)))),
    ("a refused suspension is a warning", state(swapping()), SUSPEND,
     state(swapping(scale_in={"prod-1": False}, warnings=(warning("prod-1"),)))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "step", "after"),
    [case[1:] for case in REFUSALS],
    ids=[case[0] for case in REFUSALS],
)
@pytest.mark.parametrize("overdue", [False, True])
def test_a_refusal_changes_the_state(
    before: State, step: Step, after: State, overdue: bool
) -> None:
    assert applied(before, [step], [REFUSED], moment(before, overdue=overdue)) == (after, [])


STOPS: list[tuple[State, Step, Sequence[AwsError]]] = [
    (state(operation("create")), READ_TEMPLATE, ERRORS[1:]),
    (state(operation("create")), CREATE_STACK, ERRORS[1:]),
    (deleting("CREATE_COMPLETE"), DELETE_STACK, ERRORS[1:]),
    (updating("CREATE_COMPLETE"), CREATE_CHANGE_SET, ERRORS[1:]),
    # The change set can be in execution already.
    (updating("CREATE_COMPLETE", AVAILABLE), EXECUTE_CHANGE_SET, ERRORS),
    (updating("CREATE_COMPLETE", AVAILABLE), DELETE_CHANGE_SET, ERRORS),
    (updating("UPDATE_ROLLBACK_FAILED"), CONTINUE_ROLLBACK, ERRORS),
    # Without the revisions' removal another application of the name would have them.
    (deleting("DELETE_COMPLETE"), REMOVE_REVISIONS, ERRORS),
    (sending(target=None), REGISTER, ERRORS[1:]),
    (sending(), UPDATE, [UNREACHABLE]),
    (state(swapping(), production("prod-1", "prod-2")), SCALE, ERRORS),
    (state(swapping(), production("prod-1", "prod-2")), WARM_UP, ERRORS),
    (state(swapping(), production("prod-1", "prod-2")), SWITCH, ERRORS),
    (state(swapping(), production("prod-2", "prod-2")), SWITCH_TEST, ERRORS),
]


@pytest.mark.parametrize(
    ("before", "step", "error"),
    [(before, step, error) for before, step, errors in STOPS for error in errors],
    ids=[
        f"{'-'.join(map(str, typed(step)))} {error.code}"
        for _, step, errors in STOPS
        for error in errors
    ],
)
@pytest.mark.parametrize("overdue", [False, True])
def test_an_error_stops_the_worker_and_keeps_the_state(
    before: State, step: Step, error: AwsError, overdue: bool
) -> None:
    assert applied(before, [step], [error], moment(before, overdue=overdue)) == (before, [error])


@pytest.mark.parametrize("error", ERRORS[1:])
def test_a_return_that_aws_blocks_to_the_end_of_the_grace_period_keeps_the_release(
    error: AwsError,
) -> None:
    """A call without a response can have taken effect, so its result is unknown."""
    before = sending(previous="old", reason="too slow")
    step, end = UpdateService("dev", "old"), before.operation.deadline + GRACE
    reason = f"too slow. No rollback: {error.message}"
    kept = sending(previous="old", status=Status.FAILED, reason=reason, unrestored=True)

    assert applied(before, [step], [error], end - timedelta(seconds=1))[1] == [error]
    if error is UNREACHABLE:
        assert applied(before, [step], [error], end) == (before, [error])
    else:
        assert applied(before, [step], [error], end) == (kept, [])


@pytest.mark.parametrize("error", [DENIED, THROTTLED], ids=["denied", "throttled"])
@pytest.mark.parametrize("overdue", [False, True])
def test_an_update_that_cannot_take_effect_is_not_in_flight(error: AwsError, overdue: bool) -> None:
    after, errors = applied(sending(), [UPDATE], [error], moment(sending(), overdue=overdue))

    assert (after, errors) == (sending(asked_at=None), [error])
    assert not after.operation.part("dev").update_in_flight(NOW)


def test_an_update_without_a_response_is_in_flight() -> None:
    after, errors = applied(sending(), [UPDATE], [UNREACHABLE], NOW)

    assert errors == [UNREACHABLE]
    assert after.operation.part("dev").asked_at == NOW
    assert after.operation.part("dev").update_in_flight(NOW)


@pytest.mark.parametrize(
    ("error", "overdue", "accepted"),
    [
        (REFUSED, False, True),
        (REFUSED, True, True),
        (DENIED, False, True),
        (DENIED, True, True),
        (THROTTLED, False, False),
        (THROTTLED, True, True),
        (UNREACHABLE, False, False),
        (UNREACHABLE, True, True),
    ],
    ids=lambda value: value.code if isinstance(value, AwsError) else str(value),
)
def test_a_failed_deregistration_is_accepted_if_it_cannot_succeed_in_time(
    error: AwsError, overdue: bool, accepted: bool
) -> None:
    before = state(operation("delete", part(), part("qa")), Observed(orphans=ORPHANS))

    after, errors = applied(before, [DEREGISTER], [error], moment(before, overdue=overdue))

    assert errors == ([] if accepted else [error])
    assert after.operation.part("dev").deregistered is accepted
    assert not after.operation.part("qa").deregistered
    assert (after == before) is not accepted
    assert after.observed.orphans["dev"] == (("dev:8",) if accepted else ORPHANS["dev"])


@pytest.mark.parametrize("step", [APPLY_SCALING, REMOVE_SCALING], ids=["apply", "remove"])
@pytest.mark.parametrize("error", [THROTTLED, UNREACHABLE], ids=["throttled", "unreachable"])
def test_the_scaling_of_a_rollout_is_repeated_until_the_deadline(
    step: Step, error: AwsError
) -> None:
    before = scaling()
    assert applied(before, [step], [error], moment(before, overdue=False)) == (before, [error])
    after, errors = applied(before, [step], [error], moment(before, overdue=True))
    assert (errors, after.operation.part("dev").status) == ([], Status.FAILED)


@pytest.mark.parametrize(
    "step", [RAISE_MINIMUM, RESTORE_MINIMUM, SUSPEND], ids=["raise", "restore", "suspend"]
)
@pytest.mark.parametrize("error", [DENIED, THROTTLED, UNREACHABLE], ids=lambda each: each.code)
def test_a_swap_repeats_a_step_for_scaling_for_a_minute(step: Step, error: AwsError) -> None:
    first = NOW + timedelta(minutes=5)
    failed = state(swapping(scaling_failed_at=first))
    assert applied(state(swapping()), [step], [error], first) == (failed, [error])
    limit = first + timedelta(minutes=1)
    early = limit - timedelta(microseconds=1)
    assert applied(failed, [step], [error], early) == (failed, [error])
    after, errors = applied(failed, [step], [error], limit)
    assert errors == []
    assert after.operation.details != failed.operation.details
    assert len(after.operation.warnings) == 1


def test_a_success_begins_a_new_minute() -> None:
    failed = state(swapping(scaling_failed_at=NOW))
    after, _ = applied(failed, [RAISE_MINIMUM], [NOW], NOW)
    assert after == state(swapping(minimums={"prod-2": 4}, minimum_set_at=NOW))
    after, _ = applied(failed, [SUSPEND], [None], NOW)
    assert after == state(swapping(scale_in={"prod-1": False}))


def test_independent_steps_keep_all_results_and_errors() -> None:
    both = state(operation("deploy", part(), part("qa"), rolling("da", sent=False)))
    steps: list[Step] = [REGISTER, Register("qa"), UpdateService("da", "new")]

    after, errors = applied(both, steps, [THROTTLED, "qa:2", UNREACHABLE], NOW)

    assert errors == [THROTTLED, UNREACHABLE]
    assert after.operation.progress == (
        part(), part("qa", target="qa:2"), rolling("da", sent=False),
    )  # fmt: skip


def test_steps_without_results_are_a_fault() -> None:
    with pytest.raises(ValueError, match="shorter"):
        applied(sending(), [REGISTER, UPDATE], ["dev:2"], NOW)


def test_the_tables_cover_every_step() -> None:
    every = set(get_args(Step))

    assert {type(step) for _, _, step, _, _ in RESULTS} == every
    handled = [step for _, _, step, _ in REFUSALS] + [step for _, step, _ in STOPS]
    assert {type(step) for step in handled} == every - {Deregister}
