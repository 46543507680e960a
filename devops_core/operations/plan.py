"""What the checks of a request come to."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from devops_core.model import Observed, Operation, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An operation that passed the checks: the rows it takes, and what was seen on the way.

    An `operation` of None means that there is nothing to do, and `message` says why.
    """

    operation: Operation | None = None
    taken: tuple[Row, ...] = ()
    new: tuple[Row, ...] = ()
    unchanged: tuple[Row, ...] = ()
    observed: Observed = field(default_factory=partial(Observed, looked=False))
    message: str | None = None
