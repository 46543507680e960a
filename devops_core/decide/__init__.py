"""What to do next: pure functions from an operation and what was seen of it to a decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from devops_core.decide import create, delete, deploy, swap
from devops_core.decide.decision import Decision
from devops_core.model import Kind, Observed, Operation

_BY_KIND: Mapping[Kind, Callable[[Operation, Observed, datetime], Decision]] = {
    Kind.CREATE: create.decide,
    Kind.DEPLOY: deploy.decide,
    Kind.DEPLOY_BLUE: deploy.decide,
    Kind.SWAP: swap.decide,
    Kind.DELETE: delete.decide,
}


def decide(operation: Operation, observed: Observed, now: datetime) -> Decision:
    """Return the next decision for an operation in progress."""
    return _BY_KIND[operation.kind](operation, observed, now)
