"""Bugs of scaling that the matrix must find."""

# ruff: noqa: ARG001 - a faulty function has the parameters of the original function

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from devops_core.details.swap import SwapDetails
from devops_core.kinds.rollout import Advance
from devops_core.kinds.swap_readiness import Size
from devops_core.model.observed import Observed
from devops_core.model.operation import Progress
from devops_core.model.steps import (
    AllowScaleIn,
    Deregister,
    RemoveScaling,
    SetMinimum,
    UpdateService,
)
from tests.lab.planted import Bug, bugs_among, in_matrix, planted_in


def _bug(
    function: str, *, why: str, stories: Sequence[str]
) -> Callable[[Callable[..., object]], Bug]:
    return planted_in(function, why=why, arguments=in_matrix("memory", stories, None))


@_bug(
    "devops_core.kinds.swap_phases:_scale_in",
    why="the idle slot has too few tasks for the return",
    stories=("swap-scaled",),
)
def scale_in_of_the_idle_slot_is_not_suspended(
    original: Callable[..., tuple[AllowScaleIn, ...]],
    details: SwapDetails,
    wanted: Mapping[str, bool],
) -> tuple[AllowScaleIn, ...]:
    return tuple(each for each in original(details, wanted) if each.allowed)


@_bug(
    "devops_core.kinds.swap_phases:_raised_minimum",
    why="the next live slot loses tasks, because its alarms have not seen the customers",
    stories=("swap-scaled",),
)
def minimum_of_the_next_live_slot_is_not_raised(
    original: Callable[..., list[SetMinimum]],
    details: SwapDetails,
    slot: str,
    target: int,
    present: Size,
) -> list[SetMinimum]:
    return []


@_bug(
    "devops_core.kinds.rollout:_update",
    why="a deploy takes the tasks that the load requires",
    stories=("deploy-scaled",),
)
def count_is_sent_although_scaling_is_on(
    original: Callable[..., Advance], part: Progress, limit: str | None, now: datetime
) -> Advance:
    advance = original(part, limit, now)
    if not isinstance(advance.step, UpdateService):
        return advance
    return advance._replace(step=advance.step._replace(desired_count=part.desired_count or 1))


@_bug(
    "devops_core.kinds.rollout:deregistration",
    why="a task definition stays active without a row after a release without its scaling",
    stories=("update-scaling-refused",),
)
def previous_definition_of_an_unrestored_service_is_forgotten(
    original: Callable[..., Deregister | None], part: Progress
) -> Deregister | None:
    return None if part.unrestored else original(part)


@_bug(
    "devops_core.kinds.stacks:deregistrations",
    why="another application of the name gets the scaling of a deleted one",
    stories=("delete-scaled",),
)
def scalable_target_is_left_after_a_delete(
    original: Callable[..., tuple[Deregister | RemoveScaling, ...]],
    parts: Iterable[Progress],
    observed: Observed,
) -> tuple[Deregister | RemoveScaling, ...]:
    return original((), observed)


BUGS = bugs_among(list(globals().values()))
