"""What can happen to an outgoing call."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """A fault at one outgoing call; the comment says what happens to it."""

    CRASH_BEFORE = "CRASH_BEFORE"  # the worker dies, the call was not made
    CRASH_AFTER = "CRASH_AFTER"  # the worker dies, the call took effect
    LOST_REPLY = "LOST_REPLY"  # a timeout is seen, the call took effect
    THROTTLED_ONCE = "THROTTLED_ONCE"
    THROTTLED_FOR_EVER = "THROTTLED_FOR_EVER"  # this call and all like it, until the end
    ERROR_500_WITHOUT_EFFECT = "ERROR_500_WITHOUT_EFFECT"
    ERROR_500_WITH_EFFECT = "ERROR_500_WITH_EFFECT"
    ACCESS_DENIED_ONCE = "ACCESS_DENIED_ONCE"
    ACCESS_DENIED = "ACCESS_DENIED"  # this call and all like it, until the end
    RESENT = "RESENT"  # the SDK sends it twice, it takes effect twice
    LATE_CALL = "LATE_CALL"  # a timeout is seen, it takes effect after the next outgoing call
    LATE_LEASE = "LATE_LEASE"  # ... just before the lease of its worker ends
    LATE_OPERATION = "LATE_OPERATION"  # ... after the next whole operation
    SECOND_WORKER = "SECOND_WORKER"  # another worker is woken just before the call
    SECOND_CALLER = "SECOND_CALLER"  # somebody else asks for the same just before the call

    @property
    def lasts(self) -> bool:
        """Whether calls like it go on failing until the operation has ended."""
        return self in (Kind.THROTTLED_FOR_EVER, Kind.ACCESS_DENIED)

    @property
    def about_the_effect(self) -> bool:
        """Whether it is the same as another fault for a call that only reads."""
        return self in (
            Kind.LOST_REPLY,
            Kind.ERROR_500_WITH_EFFECT,
            Kind.RESENT,
            Kind.LATE_CALL,
            Kind.LATE_LEASE,
            Kind.LATE_OPERATION,
        )


CRASHES = (Kind.CRASH_BEFORE, Kind.CRASH_AFTER)
