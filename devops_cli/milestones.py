"""The milestones of a swap that a command can wait for (`--until`)."""

from __future__ import annotations

from devops_cli.responses import IN_PROGRESS, Object, get_object, get_text, get_time

APPROVAL, SWITCHED, FULL, END = "approval", "switched", "full", "end"
MILESTONES = (APPROVAL, SWITCHED, FULL, END)


def reached(operation: Object, until: str) -> bool:
    """Return whether an operation in progress has reached a milestone; False for END.

    APPROVAL: the swap waits for its approval, or has it. SWITCHED: the first customers have the
    new release. FULL: all customers have it. A swap that returns its customers reaches none.
    """
    returns = get_text(operation, "phase") == "RETURNING" or get_text(operation, "abortedBy")
    if get_text(operation, "status") != IN_PROGRESS or returns:
        return False
    if until == APPROVAL:
        waits = get_text(operation, "phase") == "AWAITING_APPROVAL"
        return waits or bool(get_text(operation, "approvedBy"))
    times = {SWITCHED: ("shiftedAt", "switchedAt"), FULL: ("switchedAt",)}.get(until, ())
    return any(get_time(operation, each) for each in times)


def is_missing(operation: Object, until: str) -> bool:
    """Return whether an operation in progress is without the approval that a command waits for."""
    approval = get_object(get_object(operation, "policy"), "approval")
    return until == APPROVAL and get_text(operation, "status") == IN_PROGRESS and not approval
