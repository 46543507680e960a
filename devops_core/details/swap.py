"""The details of a swap."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from devops_core.errors import redact
from devops_core.model.steps import WarmedPage


class SwapDetails(NamedTuple):
    """`live` and `idle` are the slots after the swap, `switched_at` the time of the switch.

    `spec` is the revision of the specification that becomes live, None for a release of another
    tool. `warmup` lists the paths to fetch from the idle slot before the switch, `warmed` the
    results. `scaling` is that of the slot that becomes live, None without a scalable target;
    `minimum` is the present smallest number of its tasks, None before the first change of it.
    `scaling_failed_at` is the time of the first failure of a step for scaling since the last
    success, and `scaling_skipped` means that the minimum could not be raised.
    `suspends` means that the other slot has a scalable target, whose scale-in ends. `scaled` lists
    the slots whose scale-in was allowed or suspended after the switch.
    """

    live: str
    idle: str
    warmup: tuple[str, ...] = ()
    warmed: tuple[WarmedPage, ...] = ()
    switched_at: datetime | None = None
    spec: int | None = None
    scaling: Mapping[str, int] | None = None
    minimum: int | None = None
    scaling_failed_at: datetime | None = None
    scaling_skipped: bool = False
    suspends: bool = False
    scaled: tuple[str, ...] = ()

    def view(self) -> dict[str, Any]:
        """Return the revision of the specification, and the pages of the warm-up."""
        return {"spec": self.spec, "warmup": list(map(_page_view, self.warmed))}

    def milestones(self) -> dict[str, datetime | None]:
        """Return the time of the switch."""
        return {"switchedAt": self.switched_at}


def _page_view(page: WarmedPage) -> dict[str, Any]:
    members = {
        "path": page.path,
        "status": page.status,
        "seconds": page.milliseconds / 1000,
        "reason": redact(page.reason) if page.reason else None,
    }
    return {name: value for name, value in members.items() if value is not None}


DETAILS = SwapDetails
