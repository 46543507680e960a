"""Steps: the calls to AWS that a kind can request; the engine executes them.

They are named tuples, because each dataclass adds half a millisecond to a cold start. Named tuples
of two types can be equal, so compare their types too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from devops_core.model.listeners import Listener


class ReadTemplate(NamedTuple):
    """Read the newest application template, and record it as `details.template`.

    If it cannot be used, `details.undoing` is set.
    """


class CreateStack(NamedTuple):
    """Create the application's stack from `details.template`.

    If AWS refuses it, `details.undoing` is set.
    """


class DeleteStack(NamedTuple):
    """Delete the stack `details.stack_id`, without its termination protection.

    `token` is the client request token.
    """

    token: str


class CreateChangeSet(NamedTuple):
    """Create the change set of the operation for `details.stack`, with the stack's own template.

    If AWS refuses it, `details.undoing` is set.
    """


class ExecuteChangeSet(NamedTuple):
    """Execute the change set of the operation. If AWS refuses it, the operation waits."""


class DeleteChangeSet(NamedTuple):
    """Delete the change set of the operation."""


class ContinueRollback(NamedTuple):
    """Continue the rollback of a stack update that CloudFormation could not roll back."""


class RemoveRevisions(NamedTuple):
    """Delete the revisions of the specification, and set `details.cleared`."""


class Register(NamedTuple):
    """Register the target task definition of a service."""

    service: str


class UpdateService(NamedTuple):
    """Roll out a task definition, with a task count and a grace period or without their change.

    If ECS refuses it, the rollout of this service fails.
    """

    service: str
    task_definition: str | None
    desired_count: int | None = None
    start_seconds: int | None = None


class ScaleService(NamedTuple):
    """Set the task count of a service. A refusal fails its rollout; a swap waits."""

    service: str
    desired_count: int


class ApplyScaling(NamedTuple):
    """Register the scalable target of a service, with its policies. A refusal fails its rollout.

    `scales_in` is whether scale-in is allowed. `minimum` is a higher minimum for a while, as of
    `SetMinimum`; None for none.
    """

    service: str
    scaling: Mapping[str, int]
    scales_in: bool = True
    minimum: int | None = None


class RemoveScaling(NamedTuple):
    """Deregister the scalable target of a service, with its policies.

    A refusal fails the rollout of the service. Without a rollout it becomes a warning.
    """

    service: str


class SetMinimum(NamedTuple):
    """Set the minimum of a slot's scaling, at least that of `scaling`, into `details.minimums`.

    A higher minimum ends by itself: a scheduled action restores that of `scaling` after
    `scaling.RAISED_MINIMUM`. A refusal becomes a warning.
    """

    slot: str
    scaling: Mapping[str, int]
    minimum: int


class AllowScaleIn(NamedTuple):
    """Allow or suspend the scale-in of a slot, and record it in `details.scale_in`.

    A refusal becomes a warning.
    """

    slot: str
    allowed: bool


class Deregister(NamedTuple):
    """Deregister an unused task definition. A refusal does not fail the operation."""

    service: str
    task_definition: str


class WarmUp(NamedTuple):
    """Fetch a page of the idle slot through the test listener into `details.warmed`."""

    path: str


class WarmedPage(NamedTuple):
    """The result of a `WarmUp`: the page's HTTP status, or the reason of a missing response."""

    path: str
    status: int | None
    milliseconds: int
    reason: str | None = None


class Switch(NamedTuple):
    """Forward `weight` percent of a listener's requests to a slot, the others to the other slot.

    The call names the absolute state, so a repeat is safe. Other actions remain as observed. The
    production listener changes the details (`SwapDetails.with_shift`).
    """

    listener: Listener
    slot: str
    weight: int = 100


ScalingStep = ApplyScaling | RemoveScaling | SetMinimum | AllowScaleIn
Step = (
    ReadTemplate
    | CreateStack
    | DeleteStack
    | CreateChangeSet
    | ExecuteChangeSet
    | DeleteChangeSet
    | ContinueRollback
    | RemoveRevisions
    | Register
    | UpdateService
    | ScaleService
    | ScalingStep
    | Deregister
    | WarmUp
    | Switch
)
