"""The calls for scheduled actions, and their execution; only one-time schedules are emulated."""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from zoneinfo import ZoneInfo

from tools.laptop.scaling.records import (
    Account,
    Members,
    ScalingError,
    invalid,
    key,
    move_into_range,
    not_found,
    of_request,
    page,
)
from tools.laptop.scaling.targets import CAPACITIES, check_range

# Scheduled actions of a target (AWS General Reference, Application Auto Scaling quotas).
MOST_ACTIONS = 200
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_OPTIONAL = ("Schedule", "Timezone", "ScalableTargetAction")
_TIMES = ("StartTime", "EndTime")


def put(account: Account, parameters: Members) -> Members:
    """Create or update a scheduled action of a registered target.

    An update keeps the parameters that it omits, except start and end time, which it deletes (API
    Reference, PutScheduledAction). Stricter than AWS: the time cannot be in the past.
    """
    resource, name = parameters["ResourceId"], parameters["ScheduledActionName"]
    actions = account.record(resource)["actions"]
    known = actions.get(name)
    if known is None and len(actions) >= MOST_ACTIONS:
        raise ScalingError(
            "LimitExceededException",
            f"A scalable target has at most {MOST_ACTIONS} scheduled actions",
        )
    action = {k: v for k, v in (known or _new(account, resource, name)).items() if k not in _TIMES}
    action |= {each: parameters[each] for each in (*_OPTIONAL, *_TIMES) if each in parameters}
    _check(account, action)
    actions[name] = {**action, "_pending": True}
    return {}


def _new(account: Account, resource: str, name: str) -> Members:
    path = f"scheduledAction:{uuid.uuid4()}:resource/ecs/{resource}:scheduledActionName/{name}"
    return key(resource) | {
        "ScheduledActionName": name,
        "ScheduledActionARN": account.arn("autoscaling", path),
        "CreationTime": account.now,
    }


def _check(account: Account, action: Members) -> None:
    if time_of(action) <= account.now:
        raise invalid(f"The schedule {action['Schedule']} is in the past")
    capacities = action.get("ScalableTargetAction", {})
    if not capacities:
        raise invalid("At least one of minimum capacity and maximum capacity should be provided")
    check_range(_merged({"MinCapacity": 0, "MaxCapacity": 2**31}, capacities))


def time_of(action: Members) -> float:
    """Return the time of a one-time schedule, in seconds since 1970; UTC without a time zone."""
    schedule = _AT.fullmatch(action.get("Schedule", ""))
    if not schedule:
        raise invalid(
            "The laptop cloud emulates only schedules with the format at(yyyy-mm-ddThh:mm:ss)"
        )
    try:
        zone = ZoneInfo(action.get("Timezone", "UTC"))
        return datetime.fromisoformat(schedule[1]).replace(tzinfo=zone).timestamp()
    except (LookupError, ValueError) as error:
        raise invalid(f"The schedule or its time zone does not exist: {error}") from error


def run_due(account: Account) -> None:
    """Change the ranges of the targets whose scheduled actions are due.

    A suspended action has no effect (User Guide, "Suspend and resume scaling"). An action stays in
    the list after its time; AWS does not document its removal.
    """
    for resource, record in account.targets.items():
        for action in record["actions"].values():
            if action["_pending"] and time_of(action) <= account.now:
                action["_pending"] = False
                if not record["target"]["SuspendedState"]["ScheduledScalingSuspended"]:
                    _run(account, resource, action)


def _run(account: Account, resource: str, action: Members) -> None:
    record = account.record(resource)
    changed = _merged(record["target"], action["ScalableTargetAction"])
    try:
        check_range(changed)
    except ScalingError:  # the other limit of the target has changed since
        return
    record["target"] = changed
    name = action["ScheduledActionName"]
    move_into_range(account, resource, f"scheduled action name {name} was triggered")


def _merged(target: Members, capacities: Members) -> Members:
    return {**target, **{each: capacities[each] for each in CAPACITIES if each in capacities}}


def delete(account: Account, parameters: Members) -> Members:
    """Delete a scheduled action."""
    resource, name = parameters["ResourceId"], parameters["ScheduledActionName"]
    if account.targets.get(resource, {}).get("actions", {}).pop(name, None) is None:
        raise not_found("scheduled action", resource, name)
    return {}


def describe(account: Account, parameters: Members) -> Members:
    """Describe scheduled actions, with filters."""
    names, selected = parameters.get("ScheduledActionNames"), of_request(parameters)
    found = [
        {name: value for name, value in action.items() if not name.startswith("_")}
        for record in account.targets.values()
        for action in record["actions"].values()
        if selected(action) and (not names or action["ScheduledActionName"] in names)
    ]
    return page(found, parameters, 50, "ScheduledActions")
