"""Each promise is broken on purpose: its check fails, and the message begins with its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from devops_core.details.swap import SwapDetails
from devops_core.details.update import UpdateDetails
from devops_core.model.inventory import Row, RowStatus
from devops_core.model.operation import LEASE, Event, Progress, Status
from devops_core.model.specification import ApplicationRecord, Specification, StackRecord
from devops_core.model.stack_change import StackChange
from devops_core.model.swap_policy import CANARY, FULL, Approval, SwapPolicy
from devops_core.model.template import Template
from devops_core.model.traffic import BAD, GOOD, TOO_FEW_REQUESTS, Verdict
from devops_core.naming import Environment
from tests.lab import promises, swap_promises
from tests.lab.fakes import FakeCloud
from tests.lab.laptop import estate
from tests.lab.memory.memory_snapshot import MemorySnapshot, watch
from tests.lab.moto.moto_snapshot import MotoSnapshot
from tests.lab.promises import Broken, Context, Watch, hold_accepted, hold_at_rest
from tests.lab.samples import (
    DIGEST,
    FULL_APPLICATION,
    FULL_SERVICE,
    MINIMAL_ROW,
    NOW,
    minimal_operation,
)
from tests.lab.snapshot import (
    Action,
    Change,
    ChangeSet,
    Service,
    Stack,
    StoredSnapshot,
    Target,
    TaskDefinition,
)

IMAGE = f"repo/shop@{DIGEST}"
SWAP = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
OTHER = "01ARZ3NDEKTSV4RRFFQ69G5FAX"
_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret"
TEST, LIVE = {"KEY": f"{_ARN}:test-AbCdEf"}, {"KEY": f"{_ARN}:live-AbCdEf"}
PARAMETERS = {
    "Environments": "dev",
    "devSecretArns": TEST["KEY"],
    "prodSecretArns": LIVE["KEY"],
}
SERVICES = {"DEV": "dev", "PROD-GREEN": "prod-2", "PROD-BLUE": "prod-1"}
SPECIFICATION = Specification(
    1,
    {
        "email": "web@example.com",
        "environments": {"nonProd": ["dev"]},
        "service": {"cpu": 512, "environment": {"LEVEL": "info", "DEBUG": "1"}},
        "overrides": {"dev": {"secrets": TEST}, "prod": {"secrets": LIVE, "unset": ["DEBUG"]}},
    },
)

RECORD = ApplicationRecord(
    SPECIFICATION, SPECIFICATION.revision, stack=StackRecord(Template("s3://templates", "1", "ab"))
)


def group(service: str) -> str:
    return f"arn:targetgroup/Shop-{service}/1"


def weights(receiving: str, idle: str) -> dict[str, int]:
    """Return the weights of a listener that forwards to one slot and refers to both."""
    return {group(receiving): 100, group(idle): 0}


def definition(service: str, revision: int = 2) -> str:
    return f"arn:task-definition/Shop-{service}:{revision}"


def row(environment: str, service: str) -> Row:
    running = replace(
        FULL_SERVICE,
        name=service,
        target_group=group(service),
        task_definition=definition(service),
        registered=definition(service),
        image="repo/shop:1.0",
        scaling=None,
        spec=SPECIFICATION.revision,
        spec_hash=SPECIFICATION.settings(Environment(environment)).hash,
    )
    return replace(
        MINIMAL_ROW,
        application=FULL_APPLICATION,
        environment=Environment(environment),
        status=RowStatus.ACTIVE,
        service=running,
        url=f"http://{service}",
    )


def tasks(environment: str) -> TaskDefinition:
    """Return a task definition with the settings of an environment."""
    settings = SPECIFICATION.settings(Environment(environment))
    return TaskDefinition(
        IMAGE,
        SWAP,
        secrets=settings.secrets,
        variables={"PORT": "80", **settings.environment},
        size=("512", "1024"),
        spec_hash=settings.hash,
    )


def event(key: str, outcome: str, operation: str = SWAP) -> Event:
    return Event(
        key=key, operation=operation, kind="swap", application="Shop", caller="alice",
        time=NOW, outcome=outcome, reason="because",
    )  # fmt: skip


@dataclass
class Prepared(StoredSnapshot):
    """A snapshot whose calls are changes already."""

    def __post_init__(self) -> None:
        self.now = NOW
        self.healthy_targets = 1

    def healthy(self, target_group: str) -> int:
        del target_group
        return self.healthy_targets

    def change(self, call: Call) -> Change:
        return call.change


@dataclass
class Call:
    change: Change
    name: str = "ecs.UpdateService"
    number: int = 0
    writes: bool = True
    changes_aws: bool = True


class Wire:
    def __init__(self) -> None:
        self.done = {0}
        self.watchers: list[Any] = []


@pytest.fixture
def state() -> Prepared:
    """An application after a swap, with all promises kept."""
    swap = replace(
        minimal_operation("swap", SWAP),
        status=Status.SUCCEEDED,
        ended_at=NOW,
        lease_until=None,
        details=SwapDetails("prod-2", "prod-1").with_shift(100, NOW),
    )
    events = [event("000", "ACCEPTED"), event("001", "SWITCHED"), event("END", "SUCCEEDED")]
    return Prepared(
        rows=[row(*each) for each in SERVICES.items()],
        records={"Shop": RECORD},
        specifications={("Shop", SPECIFICATION.revision): SPECIFICATION},
        operations={SWAP: swap},
        events={SWAP: events},
        listed=Counter({(SWAP, each.key): 2 for each in events}),
        outbox=[f"{SWAP}-END"],
        sent={f"{SWAP}-END"},
        listeners={
            ("Shop", "production"): weights("prod-2", "prod-1"),
            ("Shop", "test"): weights("prod-1", "prod-2"),
        },
        services={
            ("Shop", name): Service(definition(name), "COMPLETED", 1, 1)
            for name in SERVICES.values()
        },
        task_definitions={
            definition(name): tasks(environment) for environment, name in SERVICES.items()
        },
        stacks=[Stack(FULL_APPLICATION.stack_id or "", "Shop", SWAP, PARAMETERS)],
        pages={
            f"http://{name}": {"application": "Shop", "environment": name, "image": IMAGE}
            for name in SERVICES.values()
        },
    )


Break = Callable[[Prepared], Any]


def changed_row(number: int = 0, **changes: Any) -> Break:
    def broken(state: Prepared) -> None:
        state.rows = list(state.rows)
        state.rows[number] = replace(state.rows[number], **changes)

    return broken


def changed_image(state: Prepared) -> None:
    service = state.rows[0].service
    assert service
    changed_row(service=replace(service, digest="sha256:" + "cd" * 32))(state)


def changed_service(service: str, **changes: Any) -> Break:
    def broken(state: Prepared) -> None:
        state.services["Shop", service] = replace(state.services["Shop", service], **changes)

    return broken


def changed_operation(**changes: Any) -> Break:
    def broken(state: Prepared) -> None:
        state.operations[SWAP] = replace(state.operations[SWAP], **changes)

    return broken


def changed_events(change: Callable[[list[Event]], object], operation: str = SWAP) -> Break:
    """Change events, and the listings with them."""

    def broken(state: Prepared) -> None:
        change(state.events.setdefault(operation, []))
        events = [each for some in state.events.values() for each in some]
        state.listed = Counter({(each.operation, each.key): 2 for each in events})

    return broken


def without_notifications(state: Prepared) -> None:
    state.outbox.clear()
    state.sent.clear()


def without_end(state: Prepared) -> None:
    changed_events(lambda events: events.pop())(state)
    without_notifications(state)


def changed_page(**changes: str) -> Break:
    return lambda state: state.pages["http://prod-2"].update(changes)


def failed_swap(state: Prepared) -> None:
    changed_operation(status=Status.FAILED)(state)
    state.events[SWAP][-1] = event("END", "FAILED")


def changed_definition(service: str, **changes: Any) -> Break:
    def broken(state: Prepared) -> None:
        arn = definition(service)
        state.task_definitions[arn] = replace(state.task_definitions[arn], **changes)

    return broken


SCALING = {"min": 1, "max": 4, "cpuPercent": 60}


def scaled(number: int, *, known: bool = True, **changes: Any) -> Break:
    """Give a row scaling, and its service a scalable target."""

    def prepared(state: Prepared) -> None:
        service = state.rows[number].service
        assert service
        scaling = replace(service, scaling=SCALING, scaling_known=known)
        changed_row(number, service=scaling)(state)
        target = Target(1, 4, scales_in=True, policies={"cpuPercent": 60})
        # The swap of the fixture has changed the slots.
        suspends = state.rows[number].environment is Environment.PROD_BLUE
        target = replace(target, **{"scales_in": not suspends, **changes})
        state.targets["Shop", service.name] = target

    return prepared


def without_target(state: Prepared) -> None:
    scaled(0)(state)
    state.targets.clear()


def swapped_slots(state: Prepared) -> None:
    """Record that the swap has changed both slots."""
    parts = tuple(
        Progress(environment=each.environment, service=each.service.name, status=Status.SUCCEEDED)
        for each in state.rows[1:]
        if each.service
    )
    changed_operation(progress=parts)(state)


def scaled_slot(number: int, *, scales_in: bool) -> Break:
    def broken(state: Prepared) -> None:
        swapped_slots(state)
        scaled(number, scales_in=scales_in)(state)

    return broken


def changed_hash(state: Prepared) -> None:
    service = state.rows[0].service
    assert service
    other = SPECIFICATION.settings(Environment.PROD_GREEN).hash
    changed_row(service=replace(service, spec_hash=other))(state)


def changed_record(**changes: Any) -> Break:
    def broken(state: Prepared) -> None:
        state.records["Shop"] = state.records["Shop"]._replace(**changes)

    return broken


def changed_stack(**changes: Any) -> Break:
    def broken(state: Prepared) -> None:
        state.stacks = [replace(each, **changes) for each in state.stacks]

    return broken


# A swap that gives 10 percent of the requests to prod-1, then all of them, and bakes for 5 minutes.
STEPS = SwapPolicy(CANARY, percent=10, step_minutes=6, bake_minutes=5)
VERDICT = Verdict(NOW, GOOD)


def details(weight: int = 0, **changes: Any) -> SwapDetails:
    """Return the details of a swap in steps to prod-1, `weight` since two minutes ago."""
    begun = SwapDetails("prod-1", "prod-2", STEPS)
    shifted = begun.with_shift(weight, NOW - timedelta(minutes=2)) if weight else begun
    return shifted._replace(**changes)


def split(weight: int) -> dict[str, int]:
    """Return the weights of a listener that gives a share to prod-1."""
    return {group("prod-1"): weight, group("prod-2"): 100 - weight}


def swapping(weight: int = 0, share: int | None = None, **changes: Any) -> Break:
    """Let a swap to prod-1 hold production, with a recorded weight and the share of the listener.

    The share of the listener is the recorded weight by default.
    """

    def prepared(state: Prepared) -> None:
        open_one = {"status": Status.IN_PROGRESS, "ended_at": None, "lease_until": NOW + LEASE}
        changed_operation(**open_one, details=details(weight, **changes))(state)
        if state.events[SWAP][-1].key == "END":
            changed_events(lambda events: events.pop())(state)
        without_notifications(state)
        state.rows = [replace(each, claim=SWAP) for each in state.rows]
        found = weight if share is None else share
        state.listeners["Shop", "production"] = split(found)

    return prepared


def both(*breaks: Break) -> Break:
    def broken(state: Prepared) -> None:
        for each in breaks:
            each(state)

    return broken


def failed_after_a_shift(state: Prepared) -> None:
    failed_swap(state)
    changed_operation(details=details(10))(state)
    state.events[SWAP][1] = event("001", "SHIFTED")


def early_end(**times: timedelta) -> Break:
    """Let a swap in steps succeed; `times` are those between its changes of production."""

    def broken(state: Prepared) -> None:
        first = NOW - times["bake"] - times["steps"]
        ended = SwapDetails("prod-2", "prod-1", STEPS).with_shift(10, first)
        changed_operation(details=ended.with_shift(100, NOW - times["bake"]))(state)

    return broken


def second_swap_without_rows(state: Prepared) -> None:
    """Let a swap of another application be the only one in progress."""
    swapping(10)(state)
    changed_operation(application="Cart")(state)


BROKEN: tuple[tuple[Callable[..., Any], Break], ...] = (
    (
        promises.production_forwards_to_one_slot_or_by_recorded_weights,
        lambda state: state.listeners["Shop", "production"].update({group("prod-1"): 1}),
    ),
    (
        promises.production_forwards_to_one_slot_or_by_recorded_weights,
        lambda state: state.listeners.update({("Shop", "production"): {group("dev"): 1}}),
    ),
    (
        promises.production_listeners_refer_to_both_slots,
        lambda state: state.listeners.update({("Shop", "production"): {group("prod-2"): 1}}),
    ),
    (
        promises.production_listeners_refer_to_both_slots,
        lambda state: state.listeners.update({("Shop", "test"): {group("prod-1"): 1}}),
    ),
    (
        promises.rows_of_production_follow_the_listeners,
        lambda state: state.listeners.update({("Shop", "production"): weights("prod-1", "prod-2")}),
    ),
    (
        promises.rows_of_production_follow_the_listeners,
        lambda state: state.listeners.update({("Shop", "test"): weights("prod-2", "prod-1")}),
    ),
    (
        promises.rows_have_the_running_release,
        changed_service("dev", task_definition=definition("dev", 1)),
    ),
    (promises.rows_have_the_running_release, changed_image),
    (
        promises.rows_have_the_digest_of_the_running_tasks,
        changed_service("dev", digests=("sha256:" + "cd" * 32,)),
    ),
    (
        promises.no_running_task_definition_is_deregistered,
        changed_definition("dev", active=False),
    ),
    (
        promises.tasks_have_the_settings_of_their_revision,
        changed_definition("dev", secrets=LIVE),
    ),
    (
        promises.tasks_have_the_settings_of_their_revision,
        changed_definition("prod-1", secrets={**LIVE, **TEST, "OTHER": "arn:other"}),
    ),
    (promises.tasks_have_the_settings_of_their_revision, changed_definition("prod-2", secrets={})),
    (
        promises.tasks_have_the_settings_of_their_revision,
        changed_definition("dev", variables={"LEVEL": "debug", "DEBUG": "1"}),
    ),
    (
        promises.tasks_have_the_settings_of_their_revision,
        changed_definition("prod-1", variables={"LEVEL": "info", "DEBUG": "1"}),
    ),
    (
        promises.tasks_have_the_settings_of_their_revision,
        changed_definition("dev", size=("256", "1024")),
    ),
    (
        promises.tasks_have_the_settings_of_their_revision,
        lambda state: state.specifications.clear(),
    ),
    (promises.rows_have_the_hash_of_the_running_settings, changed_hash),
    (
        promises.each_specification_belongs_to_an_application,
        lambda state: state.records.update(Cart=ApplicationRecord(SPECIFICATION, 1)),
    ),
    (
        promises.each_revision_is_stored,
        changed_record(specification=SPECIFICATION._replace(revision=2), current=2),
    ),
    (
        promises.each_revision_is_stored,
        changed_record(specification=Specification(1, {"email": "other@example.com"})),
    ),
    (promises.no_claim_outlives_its_operation, changed_record(claim=SWAP)),
    (promises.each_claim_is_that_of_an_operation, changed_record(claim=OTHER)),
    (
        promises.each_revision_belongs_to_an_application,
        lambda state: state.specifications.update({("Cart", 1): SPECIFICATION}),
    ),
    (
        promises.the_present_revision_is_that_of_the_stack,
        changed_stack(parameters={**PARAMETERS, "Environments": "dev,qa"}),
    ),
    (
        promises.the_present_revision_is_that_of_the_stack,
        changed_stack(parameters={**PARAMETERS, "Environments": "qa"}),
    ),
    (promises.rows_are_those_of_the_specification, lambda state: state.rows.pop(0)),
    (
        promises.rows_are_those_of_the_specification,
        lambda state: state.rows.append(replace(state.rows[0], environment=Environment.QA)),
    ),
    (
        promises.no_change_set_remains_executable,
        changed_stack(change_sets={f"op-{SWAP}": ChangeSet("AVAILABLE")}),
    ),
    (
        promises.tasks_can_read_their_secrets,
        changed_stack(parameters={**PARAMETERS, "devSecretArns": LIVE["KEY"]}),
    ),
    (
        promises.tasks_can_read_their_secrets,
        changed_stack(parameters={**PARAMETERS, "prodSecretArns": ""}),
    ),
    (
        promises.scalable_targets_are_those_of_the_rows,
        lambda state: state.targets.update({("Shop", "dev"): Target(1, 2, True, {})}),
    ),
    (
        promises.scalable_targets_are_those_of_the_rows,
        lambda state: state.targets.update({("Cart", "dev"): Target(1, 2, True, {})}),
    ),
    (promises.scalable_targets_are_those_of_the_rows, without_target),
    (promises.scalable_targets_are_those_of_the_rows, scaled(0, policies={"cpuPercent": 50})),
    (promises.scalable_targets_are_those_of_the_rows, scaled(0, policies={})),
    (promises.scalable_targets_are_those_of_the_rows, scaled(0, minimum=0)),
    (promises.scalable_targets_are_those_of_the_rows, scaled(0, maximum=5)),
    (promises.scalable_targets_are_those_of_the_rows, scaled_slot(1, scales_in=False)),
    (promises.scalable_targets_are_those_of_the_rows, scaled_slot(2, scales_in=True)),
    (promises.each_environment_is_in_service, changed_service("dev", state="IN_PROGRESS")),
    (promises.each_environment_is_in_service, changed_service("prod-2", desired=2)),
    (promises.each_environment_is_in_service, changed_service("prod-1", running=0, desired=0)),
    (promises.each_environment_is_in_service, changed_row(status=RowStatus.CREATING)),
    (
        promises.each_environment_is_in_service,
        lambda state: state.services.pop(("Shop", "dev")),
    ),
    (promises.production_has_two_rows, lambda state: state.rows.pop()),
    (promises.production_has_two_rows, changed_row(drift="its image was changed")),
    (promises.pages_are_those_of_the_release, changed_page(application="Cart")),
    (promises.pages_are_those_of_the_release, changed_page(environment="prod-1")),
    (promises.pages_are_those_of_the_release, changed_page(image=f"{IMAGE[:-2]}ff")),
    (
        promises.each_operation_has_one_complete_log,
        changed_operation(status=Status.IN_PROGRESS, ended_at=None),
    ),
    (promises.each_operation_has_one_complete_log, changed_operation(status=Status.FAILED)),
    (promises.each_operation_has_one_complete_log, changed_operation(ended_at=None)),
    (promises.each_operation_has_one_complete_log, changed_events(lambda events: events.pop())),
    (promises.each_operation_has_one_complete_log, changed_events(lambda events: events.pop(0))),
    (
        promises.each_operation_has_one_complete_log,
        changed_events(lambda events: events.insert(2, event("003", "STARTED"))),
    ),
    (
        promises.each_operation_has_one_complete_log,
        changed_events(lambda events: events.append(event("END", "SUCCEEDED"))),
    ),
    (
        promises.each_operation_has_one_complete_log,
        changed_events(lambda events: events.insert(2, event("002", "SWITCHED"))),
    ),
    (
        promises.each_operation_has_one_complete_log,
        changed_events(
            lambda events: events.insert(2, replace(event("002", "STARTED"), application="Cart"))
        ),
    ),
    (
        promises.each_event_belongs_to_an_operation,
        changed_events(lambda events: events.append(event("000", "ACCEPTED", OTHER)), OTHER),
    ),
    (
        promises.each_event_belongs_to_an_operation,
        changed_events(lambda events: events.append(event("END", "DENIED", OTHER)), OTHER),
    ),
    (
        promises.each_event_belongs_to_an_operation,
        changed_events(
            lambda events: events.append(replace(event("DENIED", "DENIED", OTHER), reason=None)),
            OTHER,
        ),
    ),
    (promises.each_event_is_listed, lambda state: state.listed.subtract({(SWAP, "000"): 1})),
    (promises.each_event_is_listed, lambda state: state.listed.update({(OTHER, "000"): 2})),
    (promises.each_event_for_people_has_one_notification, without_notifications),
    (
        promises.each_event_for_people_has_one_notification,
        changed_events(lambda events: events.insert(2, event("002", "RETURNING"))),
    ),
    (
        promises.each_event_for_people_has_one_notification,
        lambda state: state.outbox.append(f"{SWAP}-END"),
    ),
    (
        promises.each_event_for_people_has_one_notification,
        lambda state: state.sent.add(f"{OTHER}-END"),
    ),
    (promises.no_claim_outlives_its_operation, changed_row(claim=SWAP)),
    (promises.each_claim_is_that_of_an_operation, changed_row(claim=OTHER)),
    (
        promises.no_stack_remains_without_a_row,
        lambda state: state.stacks.append(Stack("arn:stack/Cart", "Cart", SWAP)),
    ),
    (
        promises.no_task_definition_remains_without_a_row,
        lambda state: state.task_definitions.update(
            {definition("dev", 3): TaskDefinition(IMAGE, SWAP)}
        ),
    ),
    (
        promises.production_forwards_to_one_slot_or_by_recorded_weights,
        lambda state: state.listeners["Shop", "production"].update(split(10)),
    ),
    (promises.production_forwards_to_one_slot_or_by_recorded_weights, swapping(10, share=20)),
    (promises.production_forwards_to_one_slot_or_by_recorded_weights, swapping(0, share=11)),
    (
        promises.production_forwards_to_one_slot_or_by_recorded_weights,
        both(
            swapping(10),
            lambda state: state.listeners["Shop", "production"].update({group("prod-2"): 10}),
        ),
    ),
    (
        promises.production_forwards_to_one_slot_or_by_recorded_weights,
        both(swapping(10), changed_operation(kind="deploy-blue")),
    ),
    (promises.production_forwards_to_one_slot_or_by_recorded_weights, second_swap_without_rows),
    (
        swap_promises.testers_see_the_new_release_until_the_last_step,
        both(
            swapping(10),
            lambda state: state.listeners.update({("Shop", "test"): weights("prod-2", "prod-1")}),
        ),
    ),
    (
        swap_promises.both_slots_keep_their_tasks_from_the_first_shift_to_the_end,
        both(swapping(10), scaled(1, minimum=0)),
    ),
    (
        swap_promises.both_slots_keep_their_tasks_from_the_first_shift_to_the_end,
        both(swapping(10), scaled(2, minimum=0, scales_in=True)),
    ),
    (
        swap_promises.both_slots_keep_their_tasks_from_the_first_shift_to_the_end,
        both(swapping(100), scaled(1, minimum=0)),
    ),
    (
        swap_promises.a_swap_keeps_ten_verdicts,
        swapping(10, verdicts=(VERDICT,) * 11),
    ),
    (swap_promises.each_record_is_small, changed_operation(reasons=("no",) * 4000)),
    (
        swap_promises.production_has_the_weights_100_and_0,
        lambda state: state.listeners.update(
            {
                ("Shop", "production"): {
                    group("prod-2"): 90,
                    group("prod-1"): 0,
                }
            }
        ),
    ),
    (
        swap_promises.a_swap_ends_after_its_waits,
        early_end(steps=timedelta(minutes=6), bake=timedelta(minutes=4)),
    ),
    (
        swap_promises.a_swap_ends_after_its_waits,
        early_end(steps=timedelta(minutes=5), bake=timedelta(minutes=5)),
    ),
    (promises.a_failed_swap_has_returned_its_customers, failed_after_a_shift),
    (
        promises.a_failed_swap_has_returned_its_customers,
        both(failed_swap, changed_operation(aborted_by="alice")),
    ),
)


def named(check: Callable[..., Any]) -> str:
    return str(check.__name__).replace("_", " ")


def test_the_promises_hold(state: Prepared) -> None:
    hold_at_rest(state)


@pytest.mark.parametrize(("promise", "broken"), BROKEN)
def test_a_broken_promise_is_named(
    state: Prepared, promise: Callable[..., Any], broken: Break
) -> None:
    broken(state)
    with pytest.raises(AssertionError, match=f"^{named(promise)}: "):
        hold_at_rest(state)


@pytest.mark.parametrize(
    ("weight", "share", "changes"),
    [
        (10, 10, {}),
        (0, 10, {}),  # the shift has no recorded result yet
        (10, 100, {}),
        (10, 10, {"finished_by": "alice"}),
        (10, 10, {"returning": ("aborted",)}),
        (10, 0, {"returning": ("aborted",)}),
    ],
)
def test_production_can_have_the_recorded_weight_or_the_next_one(
    state: Prepared, weight: int, share: int, changes: Mapping[str, Any]
) -> None:
    swapping(weight, share, **changes)(state)
    promises.hold_always(state)


def test_a_swap_can_end_its_waits_early_only_by_a_call(state: Prepared) -> None:
    early_end(steps=timedelta(), bake=timedelta())(state)
    with pytest.raises(AssertionError, match=r"^a swap ends after its waits"):
        hold_at_rest(state)
    finished = state.operations[SWAP].details._replace(finished_by="alice")
    changed_operation(details=finished)(state)
    hold_at_rest(state)


def test_both_slots_of_a_split_production_can_have_scaling(state: Prepared) -> None:
    both(swapping(10), scaled(1, minimum=0, scales_in=False), scaled(2, minimum=1))(state)
    promises.hold_always(state)


def test_a_swap_after_its_last_shift_gives_the_test_listener_the_previous_release(
    state: Prepared,
) -> None:
    both(swapping(100), swapping(100))(state)
    state.listeners["Shop", "test"] = weights("prod-2", "prod-1")
    promises.hold_always(state)


def test_tasks_can_have_other_variables_than_those_of_their_revision(state: Prepared) -> None:
    changed_definition("dev", variables={"LEVEL": "info", "DEBUG": "1", "OTHER": "1"})(state)
    hold_at_rest(state)


def test_each_service_with_scaling_has_its_target(state: Prepared) -> None:
    swapped_slots(state)
    for number in range(len(SERVICES)):
        scaled(number)(state)
    hold_at_rest(state)


@pytest.mark.parametrize("limits", [(3, 4), (6, 6)])
def test_a_swap_can_raise_the_limits_of_a_target(state: Prepared, limits: tuple[int, int]) -> None:
    scaled(1, minimum=limits[0], maximum=limits[1])(state)
    hold_at_rest(state)


def test_a_call_of_scaling_with_an_unknown_result_can_have_no_target(state: Prepared) -> None:
    scaled(0, known=False)(state)
    state.targets.clear()
    hold_at_rest(state)


def test_a_target_can_remain_after_a_refusal_with_a_warning(state: Prepared) -> None:
    state.targets["Shop", "dev"] = Target(1, 2, scales_in=True, policies={})
    changed_operation(warnings=("the scaling of dev could not be changed: refused",))(state)
    hold_at_rest(state)


def test_a_claim_after_the_end_is_found_without_its_operation(state: Prepared) -> None:
    changed_row(claim=OTHER)(state)
    state.unchecked = {"each_claim_is_that_of_an_operation": "an example"}
    with pytest.raises(AssertionError, match=r"^no claim remains: "):
        hold_at_rest(state)


def test_an_open_operation_is_found(state: Prepared) -> None:
    changed_operation(status=Status.IN_PROGRESS, ended_at=None)(state)
    without_end(state)
    with pytest.raises(AssertionError, match=r"^each operation ends: "):
        hold_at_rest(state)


def test_a_swap_whose_last_steps_are_blocked_has_moved_all_customers(state: Prepared) -> None:
    failed_swap(state)
    hold_at_rest(state)


def test_a_failed_swap_must_not_have_moved_the_customers(state: Prepared) -> None:
    failed_swap(state)
    state.events[SWAP][1] = event("001", "STARTED")
    changed_operation(details=SwapDetails("prod-2", "prod-1"))(state)
    hold_at_rest(state)
    with pytest.raises(AssertionError, match=r"^an operation that failed before its switch"):
        hold_at_rest(state, Context(switched={SWAP}))


def test_surplus_task_definitions_may_remain_only_in_untidy_families(state: Prepared) -> None:
    state.task_definitions[definition("dev", 3)] = TaskDefinition(IMAGE, SWAP)
    hold_at_rest(state, Context(untidy=["Shop-dev"]))
    with pytest.raises(AssertionError, match="remains"):
        hold_at_rest(state, Context(untidy=["Shop-qa"]))


def test_a_refusal_belongs_to_no_operation(state: Prepared) -> None:
    refusal = replace(event("DENIED", "DENIED", OTHER), count=1, first_time=NOW, last_time=NOW)
    changed_events(lambda events: events.append(refusal), OTHER)(state)
    hold_at_rest(state)


def test_a_manual_change_of_production_is_excused(state: Prepared) -> None:
    state.listeners["Shop", "production"][group("prod-1")] = 1
    with pytest.raises(AssertionError, match=r"^production forwards"):
        promises.hold_always(state)
    promises.hold_always(state, Context(excused={"Shop"}))


def test_other_applications_are_left_out(state: Prepared) -> None:
    cart = replace(FULL_APPLICATION, name="Cart")
    state.rows = [*state.rows, replace(state.rows[0], application=cart, claim=OTHER)]
    state.stacks = [*state.stacks, Stack("arn:stack/Cart", "Cart", SWAP)]
    hold_at_rest(state.only(["Shop"]))


def test_an_accepted_operation_is_recorded() -> None:
    hold_accepted(202, {"id": SWAP}, [SWAP])
    hold_accepted(409, {"id": OTHER}, [SWAP])
    with pytest.raises(AssertionError, match="not recorded"):
        hold_accepted(202, {"id": OTHER}, [SWAP])


# --- changes of AWS ---


def moving(**changes: Any) -> Change:
    usual = Change(
        0,
        Action.MODIFY_LISTENER,
        "Shop",
        listener="production",
        weights=weights("prod-1", "prod-2"),
    )
    return replace(usual, **changes)


def resizing(count: int) -> Change:
    return Change(0, Action.UPDATE_SERVICE, "Shop", "prod-1", count=count)


def updating(service: str = "prod-1") -> Change:
    return Change(0, Action.UPDATE_SERVICE, "Shop", service, definition(service, 3))


@pytest.fixture
def acting(state: Prepared) -> Prepared:
    """An application whose swap holds the rows and is about to move the customers."""
    lease, deadline = NOW + LEASE, NOW + timedelta(minutes=30)
    parts = tuple(
        Progress(
            environment=each.environment,
            service=each.service.name,
            spec_hash=each.service.spec_hash,
        )
        for each in state.rows
        if each.service
    )
    open_one: Mapping[str, Any] = {
        "status": Status.IN_PROGRESS, "ended_at": None, "lease_until": lease,
        "deadline": deadline, "progress": parts, "details": SwapDetails("prod-1", "prod-2"),
    }  # fmt: skip
    changed_operation(**open_one)(state)
    without_end(state)
    state.rows = [replace(each, claim=SWAP) for each in state.rows]
    return state


def watched(state: Prepared, change: Change) -> Watch:
    watcher = Watch(Wire(), lambda: state)
    watcher(Call(change))
    return watcher


def test_a_swap_moves_the_customers_to_a_ready_slot(acting: Prepared) -> None:
    assert watched(acting, moving()).switches == [SWAP]


def test_a_repeated_switch_moves_no_customers(acting: Prepared) -> None:
    acting.listeners["Shop", "production"] = weights("prod-1", "prod-2")
    assert watched(acting, moving()).switches == []


def test_the_switch_of_the_test_listener_moves_no_customers(acting: Prepared) -> None:
    changed_service("prod-1", state="IN_PROGRESS")(acting)
    assert watched(acting, moving(listener="test")).switches == []


@pytest.mark.parametrize(
    ("prepare", "present"),
    [(swapping(), split(10)), (swapping(10), split(100))],
)
def test_a_swap_in_steps_moves_the_customers(
    acting: Prepared, prepare: Break, present: dict[str, int]
) -> None:
    prepare(acting)
    assert watched(acting, moving(weights=present)).switches == [SWAP]


def test_a_return_has_no_conditions(acting: Prepared) -> None:
    swapping(10, returning=("an alarm",), alarms={"errors": "ALARM"})(acting)
    changed_service("prod-2", state="IN_PROGRESS")(acting)
    assert watched(acting, moving(weights=split(0))).switches == [SWAP]


def test_customers_move_if_the_alarm_is_ignored_and_the_judge_has_few_requests(
    acting: Prepared,
) -> None:
    verdicts = (VERDICT._replace(verdict=TOO_FEW_REQUESTS),)
    swapping(10, alarms={"errors": "ALARM"}, ignored=("errors",), verdicts=verdicts)(acting)
    assert watched(acting, moving(weights=split(100))).switches == [SWAP]


def test_a_scalable_target_can_lose_tasks_two_minutes_after_the_return(acting: Prepared) -> None:
    earlier = NOW - timedelta(minutes=2)
    both(returned(earlier), busy)(acting)
    watched(acting, limited(1))


def returned(moment: datetime) -> Break:
    """Let a swap return its customers."""
    return swapping(returning=("an alarm",), returned_at=moment, shifted_at=moment)


def limited(minimum: int) -> Change:
    return Change(0, Action.REGISTER_TARGET, "Shop", "prod-1", minimum=minimum)


def test_a_shift_to_a_test_listener_follows_the_bake(acting: Prepared) -> None:
    swapping(100, changed_at=NOW - timedelta(minutes=5))(acting)
    change = moving(listener="test", weights=weights("prod-2", "prod-1"))
    assert watched(acting, change).switches == []


def rolled_out(**changes: Any) -> Break:
    """Deploy the revision to dev, with a changed task definition."""
    part = Progress(
        environment=Environment.DEV, service="dev", previous=definition("dev"), spec_hash="other"
    )

    def broken(state: Prepared) -> None:
        changed_operation(kind="deploy", spec=SPECIFICATION.revision, progress=(part,))(state)
        state.task_definitions[definition("dev", 3)] = replace(tasks("DEV"), **changes)

    return broken


def test_a_rollout_applies_the_settings_of_its_revision(acting: Prepared) -> None:
    rolled_out()(acting)
    watched(acting, updating("dev"))


def busy(state: Prepared) -> None:
    """Let the live slot have more tasks than the minimum of the idle one."""
    for slot in ("prod-1", "prod-2"):
        changed_service(slot, running=3, desired=3)(state)
    scaled(2, minimum=2, scales_in=True)(state)


def test_customers_move_to_a_slot_that_keeps_its_tasks(acting: Prepared) -> None:
    busy(acting)
    scaled(2, minimum=3, scales_in=True)(acting)
    assert watched(acting, moving()).switches == [SWAP]


def test_customers_move_to_a_slot_without_scale_in(acting: Prepared) -> None:
    busy(acting)
    scaled(2, minimum=2, scales_in=False)(acting)
    assert watched(acting, moving()).switches == [SWAP]


@pytest.mark.parametrize("prepare", [scaled(2), changed_service("prod-1", desired=9)])
def test_a_count_raises_a_service_with_scaling_or_changes_one_without(
    acting: Prepared, prepare: Break
) -> None:
    prepare(acting)
    watched(acting, resizing(3))


def no_target(state: Prepared) -> None:
    state.healthy_targets = 0


BROKEN_CHANGES: tuple[tuple[Callable[..., Any], Change, Break], ...] = (
    (promises.only_the_holder_of_a_claim_changes_aws, moving(), changed_operation(lease_until=NOW)),
    (
        promises.only_the_holder_of_a_claim_changes_aws,
        moving(),
        lambda state: [changed_row(each, claim=None)(state) for each in range(len(SERVICES))],
    ),
    (promises.only_the_holder_of_a_claim_changes_aws, moving(application="Cart"), no_target),
    (promises.only_the_holder_of_a_claim_changes_aws, moving(), changed_operation(kind="deploy")),
    (promises.only_the_holder_of_a_claim_changes_aws, updating("qa"), no_target),
    (
        promises.only_the_holder_of_a_claim_changes_aws,
        Change(0, Action.DELETE_STACK, "Shop"),
        no_target,
    ),
    (
        promises.customers_move_only_to_a_ready_slot,
        moving(),
        changed_service("prod-1", state="IN_PROGRESS"),
    ),
    (promises.customers_move_only_to_a_ready_slot, moving(), changed_service("prod-1", running=0)),
    (promises.customers_move_only_to_a_ready_slot, moving(), changed_service("prod-2", running=2)),
    (promises.customers_move_only_to_a_ready_slot, moving(), no_target),
    (promises.customers_move_only_to_a_ready_slot, moving(), busy),
    (
        promises.customers_move_only_to_a_ready_slot,
        moving(weights=split(100)),
        both(swapping(10), no_target),
    ),
    (
        swap_promises.a_shift_has_the_next_weight_or_returns_all,
        moving(weights={group("prod-1"): 100}),
        swapping(),
    ),
    (swap_promises.a_shift_has_the_next_weight_or_returns_all, moving(), swapping()),
    (
        swap_promises.a_shift_has_the_next_weight_or_returns_all,
        moving(weights={group("prod-1"): 10, group("prod-2"): 100}),
        swapping(),
    ),
    (
        swap_promises.a_shift_has_the_next_weight_or_returns_all,
        moving(),
        swapping(10, returning=("an alarm",)),
    ),
    (
        swap_promises.customers_move_only_with_approval_and_good_checks,
        moving(),
        swapping(10, policy=STEPS._replace(approval=Approval(FULL))),
    ),
    (
        swap_promises.customers_move_only_with_approval_and_good_checks,
        moving(),
        swapping(10, alarms={"errors": "ALARM"}),
    ),
    (
        swap_promises.customers_move_only_with_approval_and_good_checks,
        moving(),
        swapping(10, verdicts=(VERDICT._replace(verdict=BAD),)),
    ),
    (
        swap_promises.customers_move_only_with_approval_and_good_checks,
        moving(),
        swapping(10, unreadable=1),
    ),
    (
        swap_promises.the_test_listener_changes_after_the_bake,
        moving(listener="test", weights=weights("prod-2", "prod-1")),
        swapping(10),
    ),
    (
        swap_promises.the_test_listener_changes_after_the_bake,
        moving(listener="test", weights=weights("prod-2", "prod-1")),
        swapping(100),
    ),
    (
        swap_promises.a_swap_takes_no_tasks_soon_after_a_shift,
        limited(1),
        both(returned(NOW - timedelta(minutes=1)), busy),
    ),
    (
        swap_promises.a_swap_takes_no_tasks_soon_after_a_shift,
        resizing(0),
        swapping(10),
    ),
    (promises.a_count_takes_no_tasks_from_a_service_with_scaling, resizing(2), busy),
    (promises.only_a_promote_changes_the_idle_slot, updating(), no_target),
    (
        promises.no_rollout_changes_the_live_slot,
        updating("prod-2"),
        changed_operation(kind="deploy-blue"),
    ),
    (
        promises.a_rollout_changes_only_settings_of_the_specification,
        updating("dev"),
        rolled_out(variables={"PORT": "81", "LEVEL": "info", "DEBUG": "1"}),
    ),
    (
        promises.a_rollout_changes_only_settings_of_the_specification,
        updating("dev"),
        rolled_out(secrets={}),
    ),
    (
        promises.a_rollout_changes_only_settings_of_the_specification,
        updating("dev"),
        rolled_out(sidecars={"agent": "repo/agent:1"}),
    ),
    (
        promises.a_rollout_changes_only_the_image,
        updating("prod-1"),
        lambda state: [
            changed_operation(kind="deploy-blue")(state),
            state.task_definitions.update(
                {definition("prod-1", 3): TaskDefinition(IMAGE, SWAP, settings="memory: 512")}
            ),
        ],
    ),
)


@pytest.mark.parametrize(("promise", "change", "broken"), BROKEN_CHANGES)
def test_a_change_that_breaks_a_promise_does_not_take_effect(
    acting: Prepared, promise: Callable[..., Any], change: Change, broken: Break
) -> None:
    broken(acting)
    with pytest.raises(Broken, match=f"^at ecs.UpdateService: {named(promise)}: "):
        watched(acting, change)


UPDATE = UpdateDetails(previous=1, stack=StackChange(added=(Environment.QA,)))
EXECUTION = Change(0, Action.EXECUTE_CHANGE_SET, "Shop")


def updating_stack(state: Prepared, *changes: tuple[str, str, str]) -> None:
    """Make the operation an update with a change set."""
    changed_operation(kind="update", details=UPDATE, spec=2)(state)
    changed_record(claim=SWAP)(state)
    changed_stack(change_sets={f"op-{SWAP}": ChangeSet("AVAILABLE", changes)})(state)


def test_an_update_changes_environments_and_policies(acting: Prepared) -> None:
    added = ("Add", "qaService", "AWS::ECS::Service")
    updating_stack(acting, added, ("Modify", "prod1Secrets", "AWS::IAM::RolePolicy"))
    watched(acting, EXECUTION)
    # The stack is ahead of the record until the update ends.
    changed_stack(parameters={**PARAMETERS, "Environments": "dev,qa"})(acting)
    promises.hold_always(acting)


@pytest.mark.parametrize(
    "change",
    [
        ("Modify", "prod1Service", "AWS::ECS::Service"),
        ("Modify", "qaService", "AWS::ECS::Service"),
        ("Remove", "devService", "AWS::ECS::Service"),
        ("Modify", "ProductionListener", "AWS::ElasticLoadBalancingV2::Listener"),
    ],
)
def test_an_update_changes_no_other_resource(
    acting: Prepared, change: tuple[str, str, str]
) -> None:
    updating_stack(acting, change)
    promise = named(promises.a_change_of_the_stack_concerns_only_its_environments)
    with pytest.raises(Broken, match=f"{promise}: it would {change[0]} {change[1]}"):
        watched(acting, EXECUTION)


def test_a_person_can_remove_a_row(state: Prepared) -> None:
    state.rows.pop(0)
    hold_at_rest(state, Context(incomplete={"Shop"}, untidy=["Shop-dev"]))


def test_an_update_in_flight_excludes_other_workers_as_a_lease_does(acting: Prepared) -> None:
    part = Progress(
        environment=Environment.DEV, service="dev", target=definition("dev", 3), asked_at=NOW
    )
    changed_operation(kind="deploy", lease_until=None, progress=(part,))(acting)
    watched(acting, updating("dev"))
    with pytest.raises(Broken, match="without a held claim and lease"):
        watched(acting, replace(updating("dev"), task_definition=definition("dev", 4)))


def test_a_manual_change_of_a_listener_permits_an_update_of_its_slot(acting: Prepared) -> None:
    watcher = Watch(Wire(), lambda: acting)
    watcher.moved.add("Shop")
    watcher(Call(updating()))


def test_an_error_of_a_check_is_not_an_error_of_aws(acting: Prepared) -> None:
    acting.services.clear()
    with pytest.raises(Broken):
        watched(acting, moving())


# --- the readers ---


@pytest.mark.parametrize(
    "unchecked", [MemorySnapshot.unchecked, MotoSnapshot.unchecked, estate.UNCHECKED]
)
def test_a_reader_names_existing_promises_with_a_reason(unchecked: Mapping[str, str]) -> None:
    assert all(callable(getattr(promises, name)) for name in unchecked)
    assert all(unchecked.values())


def test_each_promise_is_broken_on_purpose() -> None:
    broken = {promise for promise, _ in BROKEN} | {promise for promise, *_ in BROKEN_CHANGES}
    elsewhere = {
        promises.each_operation_ends,
        promises.no_claim_remains,
        promises.an_operation_that_failed_before_its_switch_moved_no_customers,
        promises.a_change_of_the_stack_concerns_only_its_environments,
    }
    every = {*promises.ALWAYS, *promises.AT_CHANGE, *promises.AT_REST}
    assert sorted(each.__name__ for each in every - broken - elsewhere) == []


def test_each_promise_is_checked_on_a_reader() -> None:
    for check in (*promises.ALWAYS, *promises.AT_REST):
        readers = (MemorySnapshot.unchecked, MotoSnapshot.unchecked, estate.UNCHECKED)
        assert any(check.__name__ not in unchecked for unchecked in readers)


def test_the_fakes_are_watched_at_reads_too() -> None:
    cloud = FakeCloud()
    watch(cloud)
    cloud.tables.rows["Shop", Environment.DEV] = row("DEV", "dev")
    cloud.load_balancer.listeners[cloud.stacks.estate.listener("Shop", "production")] = []
    with pytest.raises(Broken, match="production forwards to one slot or by recorded weights"):
        cloud.tables.open_operations()
