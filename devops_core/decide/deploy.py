"""Deploy to non-production environments, or to the idle production slot."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from devops_core.decide import rollout
from devops_core.decide.decision import Decision, Done, Fail, aborted
from devops_core.model import Observed, Operation, Status


def decide(operation: Operation, observed: Observed, now: datetime) -> Decision:
    """Each environment has its own outcome; the operation succeeds only if all do."""
    parts = [rollout.advance(part, operation, observed, now) for part in operation.progress]
    operation = replace(operation, progress=tuple(part.part for part in parts))
    following = rollout.together(operation, parts)
    if following:
        return following
    failed = [part for part in operation.progress if part.status is Status.FAILED]
    if not failed:
        return Done(operation)
    reasons = (f"{part.environment} {part.version}: {part.reason}" for part in failed)
    return Fail(replace(operation, reasons=(*aborted(operation), *reasons)))
