"""The listeners of production: their rules, and the conditions for a promote or a swap."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from devops_core.naming import Environment

# ELB can describe a listener as it was before its last change for a while, so a difference that is
# younger than this is not a change by others.
LISTENER_DELAY = timedelta(seconds=60)


class Listener(StrEnum):
    """The two listeners of production."""

    PRODUCTION = "production"
    TEST = "test"


_ROLES = {Environment.PROD_GREEN: Listener.PRODUCTION, Environment.PROD_BLUE: Listener.TEST}


class ListenerRules(NamedTuple):
    """The rules of a listener of DescribeRules.

    `actions` are the default actions as ELB describes them. `target_group` is the only target group
    with a weight above 0 in the default actions, None for none or several; `forwards` is whether
    the default actions forward at all. `sticky` is group stickiness: a client stays on its target
    group, whatever the weights. `others` has the target groups of the other rules by priority.
    `weights` has the weights of the default actions by target group.
    """

    actions: Sequence[Mapping[str, Any]] = ()
    target_group: str | None = None
    forwards: bool = False
    sticky: bool = False
    others: Mapping[str, Sequence[str]] = {}
    weights: Mapping[str, int] = {}

    def share(self, target_group: str, slots: Collection[str]) -> int | None:
        """Return the percentage of the requests that the target group of a slot receives.

        None if it shares them with another target group than those of `slots`, or if the percentage
        is not a whole number.
        """
        receiving = {group: weight for group, weight in self.weights.items() if weight > 0}
        total, weight = sum(receiving.values()), receiving.get(target_group, 0)
        foreign = weight and not receiving.keys() <= {*slots}
        if not total or foreign or 100 * weight % total:
            return None
        return 100 * weight // total


def observed_listeners(
    rules: Iterable[ListenerRules | None], slots: Mapping[str, str]
) -> dict[str, Any]:
    """Return the fields of an Observed that describe the listeners.

    `rules` are those of the production listener, then of the test listener if it was read; None
    for a listener that does not exist. `slots` are slot names by target group.
    """
    found = dict(zip(Listener, rules, strict=False))
    listeners = {listener: described for listener, described in found.items() if described}
    behind = {
        listener.value: slots.get(described.target_group or "")
        for listener, described in listeners.items()
    }
    missing = tuple(missing_listener(each) for each in found if each not in listeners)
    problems = missing + listener_problems(listeners, slots)
    production = listeners.get(Listener.PRODUCTION, ListenerRules())
    shares = {slot: production.share(group, slots) for group, slot in slots.items()}
    return {
        **behind,
        "shares": shares,
        "listeners": listeners,
        "listener_problems": problems,
    }


def missing_listener(listener: Listener) -> str:
    """Return the problem of a listener that was deleted by hand."""
    return f"the {listener} listener does not exist: delete the application and create it again"


def listener_of(environment: Environment) -> Listener | None:
    """Return the listener of a production role, None for another environment."""
    return _ROLES.get(environment)


def role_problems(
    environment: Environment, listeners: Mapping[Listener, ListenerRules], slots: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the problems of the listener of a production role, none for another environment."""
    listener = listener_of(environment)
    described = listeners.get(listener) if listener else None
    return listener_problems({listener: described}, slots) if listener and described else ()


def listener_problems(
    listeners: Mapping[Listener, ListenerRules], slots: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the reasons against a promote and a swap; `slots` are slot names by target group."""
    problems = []
    for listener, described in listeners.items():
        if described.sticky:
            problems.append(
                f"the {listener} listener has group stickiness, which keeps clients on the other"
                " release: turn it off"
            )
        if not described.forwards:
            problems.append(
                f"the {listener} listener has no forward action: make it forward to a slot"
            )
        for priority, groups in described.others.items():
            problems += [
                f"rule {priority} of the {listener} listener forwards to {slots[group]}, and no"
                " swap changes it: delete this rule"
                for group in groups
                if group in slots
            ]
    return tuple(problems)
