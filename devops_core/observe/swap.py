"""Observations for a swap: listeners, services and healthy targets of production."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from devops_core.details.swap import SwapDetails
from devops_core.errors import AwsError
from devops_core.kinds import swap
from devops_core.kinds.swap_checks import alarming
from devops_core.model.expectation import Expectation
from devops_core.model.inventory import Inventory
from devops_core.model.listeners import observed_listeners
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.model.traffic import Monitored
from devops_core.naming import Environment
from devops_core.observe import Controller
from devops_core.ports import Cloud
from devops_core.reads.live import listener_calls
from devops_core.requests.swap import SwapRequest


def before(cloud: Cloud, request: SwapRequest, inventory: Inventory) -> Observed:
    """Return the state of production; ConflictError for an unusable slot.

    For a request that names the previously live release of a swap in progress, it is this swap.
    """
    if holder := _returned_swap(cloud, request, inventory):
        return Observed(holder=holder)
    policy = swap.policy_of(request, inventory, swap.next_release(inventory, None))
    listeners, slots = listener_calls(cloud, inventory), inventory.slots
    slot_calls = _slot_calls(cloud, request.application, inventory)
    now = cloud.clock.now()
    alarms = [partial(_alarms, cloud, policy.alarms, now)] if policy.alarms else []
    found = cloud.gather([*listeners, *slot_calls, *alarms])
    production, test, services, *healthy = found[: len(listeners) + len(slot_calls)]
    observed = Observed(
        **observed_listeners((production, test), inventory.slots_by_target_group),
        services=services,
        healthy=dict(zip(slots, healthy, strict=True)),
        monitored=found[-1] if alarms else None,
    )
    # A person can have exchanged the slots, and another release can have another policy.
    next_live = swap.next_release(inventory, observed.production)
    actual = swap.policy_of(request, inventory, next_live)
    if actual.alarms == policy.alarms:
        return observed
    monitored = _alarms(cloud, actual.alarms, now) if actual.alarms else None
    return replace(observed, monitored=monitored)


def _returned_swap(cloud: Cloud, request: SwapRequest, inventory: Inventory) -> Operation | None:
    """Return the swap in progress that a request rolls back, None for any other request.

    Such a request names the release of the previously live slot, and not that of the other one. The
    swap knows these slots; the roles of the rows can be older than a change by hand.
    """
    green = inventory.rows.get(Environment.PROD_GREEN)
    expected = Expectation(request.version, request.digest, request.spec)
    named = [slot for slot, service in inventory.slots.items() if expected.matches(service)]
    if not green or not green.claim or len(named) != 1:
        return None
    holder = cloud.tables.operation(request.application, green.claim)
    if holder is None or holder.kind != swap.KIND.name:
        return None
    return holder if named == [holder.details.idle] else None


def during(cloud: Cloud, operation: Operation, inventory: Inventory) -> Observed:
    """Return the state of production; after a switch without a bake the listeners are enough.

    A check of CloudWatch takes place at most once a minute; its failure is a result, and after the
    first shift also that of a read of the slots. Customers return also while only the listeners can
    be observed. Raises AwsError.
    """
    details: SwapDetails = operation.details
    now = cloud.clock.now()
    check = partial(_check, cloud, details, inventory, now)
    # An abort does not depend on CloudWatch.
    checked = details.policy.checks and not operation.aborted_by
    checks = [check] if checked and details.check_due(now) else []
    calls = listener_calls(cloud, inventory)
    if not details.policy.progressive:
        rules = cloud.gather(calls)
        observed = Observed(**observed_listeners(rules, inventory.slots_by_target_group))
        # Without a shift, ELB can show the state before an earlier swap.
        shifted = details.weight or details.lost_at or operation.lease_until
        if observed.production == details.live and shifted:
            return observed
        calls = []
    slot_calls = [
        partial(_result, call) for call in _slot_calls(cloud, operation.application, inventory)
    ]
    found = list(cloud.gather([*calls, *slot_calls, *checks]))
    if calls:
        rules, found = found[: len(calls)], found[len(calls) :]
        observed = Observed(**observed_listeners(rules, inventory.slots_by_target_group))
    monitored = found.pop() if checks else None
    errors = [each for each in found if isinstance(each, AwsError)]
    returns = details.returning or operation.aborted_by or alarming(details, monitored)
    if errors and not returns and not details.weight:
        raise errors[0]
    if errors:
        return replace(observed, monitored=monitored, problem=errors[0].message)
    services, *healthy = found
    counts = dict(zip(inventory.slots, healthy, strict=True))
    return replace(observed, services=services, healthy=counts, monitored=monitored)


def _result(call: Callable[[], Any]) -> Any | AwsError:
    """Return the result of a call, or its error."""
    try:
        return call()
    except AwsError as error:
        return error


def _alarms(cloud: Cloud, names: Sequence[str], now: datetime) -> Monitored:
    """Return the states of alarms, or the problem."""
    try:
        return Monitored(now, cloud.monitoring.alarms(names))
    except AwsError as error:
        return Monitored(now, problem=error.message)


def _check(cloud: Cloud, details: SwapDetails, inventory: Inventory, now: datetime) -> Monitored:
    """Return the states of the alarms, and the requests to both slots after the first shift."""
    monitored = Monitored(now)
    if details.policy.alarms:
        monitored = _alarms(cloud, details.policy.alarms, now)
    if monitored.problem or details.policy.judge is None or details.shifted_at is None:
        return monitored
    # Only a swap with a judge needs this module.
    from devops_core.kinds import judge

    start, end = judge.span(
        now,
        details.switched_at or details.shifted_at,
        details.counted_until or details.shifted_at,
        wants_baseline=details.wants_baseline,
    )
    groups = {slot.target_group: name for name, slot in inventory.slots.items()}
    production, _ = inventory.listeners
    try:
        traffic = cloud.monitoring.traffic(production, list(groups), start, end)
    except AwsError as error:
        return monitored._replace(problem=error.message)
    return monitored._replace(traffic={name: traffic[group] for group, name in groups.items()})


def _slot_calls(cloud: Cloud, application: str, inventory: Inventory) -> list[Callable[[], Any]]:
    """Return the calls that read the services and the healthy targets of each slot."""
    slots = inventory.slots
    return [
        partial(cloud.containers.services, application, slots),
        *(partial(cloud.load_balancer.healthy, slot.target_group) for slot in slots.values()),
    ]


# The rules of two listeners, and the healthy targets of two slots.
CONTROLLER = Controller(swap.KIND, before, during, load_balancer_reads=4)
