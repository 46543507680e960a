"""The kinds of faults at an outgoing call."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """A fault at one outgoing call; the comment describes it."""

    CRASH_BEFORE = "CRASH_BEFORE"  # the worker crashes before the call
    CRASH_AFTER = "CRASH_AFTER"  # the worker crashes after the call took effect
    LOST_REPLY = "LOST_REPLY"  # a timeout, but the call took effect
    THROTTLED_ONCE = "THROTTLED_ONCE"
    THROTTLED_FOR_EVER = "THROTTLED_FOR_EVER"  # this call and all of its name, until the end
    ERROR_500_WITHOUT_EFFECT = "ERROR_500_WITHOUT_EFFECT"
    ERROR_500_WITH_EFFECT = "ERROR_500_WITH_EFFECT"
    ACCESS_DENIED_ONCE = "ACCESS_DENIED_ONCE"
    ACCESS_DENIED = "ACCESS_DENIED"  # this call and all of its name, until the end
    RESENT = "RESENT"  # the SDK sends the call twice, and it takes effect twice
    LATE_CALL = "LATE_CALL"  # a timeout; the call takes effect after the next outgoing call
    LATE_LEASE = "LATE_LEASE"  # a timeout; it takes effect just before its lease expires
    LATE_OPERATION = "LATE_OPERATION"  # a timeout; it takes effect after the next operation
    SECOND_WORKER = "SECOND_WORKER"  # another worker starts just before the call
    SECOND_CALLER = "SECOND_CALLER"  # another caller sends the same request just before

    @property
    def lasts(self) -> bool:
        """Whether all calls of this name fail until the operation has ended."""
        return self in (Kind.THROTTLED_FOR_EVER, Kind.ACCESS_DENIED)

    @property
    def about_the_effect(self) -> bool:
        """Whether the fault concerns the effect of a call, so that a read has no such case."""
        return self in (
            Kind.LOST_REPLY,
            Kind.ERROR_500_WITH_EFFECT,
            Kind.RESENT,
            Kind.LATE_CALL,
            Kind.LATE_LEASE,
            Kind.LATE_OPERATION,
        )


CRASHES = (Kind.CRASH_BEFORE, Kind.CRASH_AFTER)
