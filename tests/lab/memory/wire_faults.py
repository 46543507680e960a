"""The faults on the wire of the in-memory fakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from devops_core.errors import (
    AccessDeniedError,
    DevOpsError,
    LostClaimError,
    ThrottledError,
    UnreachableError,
)
from devops_core.model.claims import AlreadyClaimedError
from tests.lab.fakes import Call, Crash, FakeCloud
from tests.lab.faults import Effect, Faults, Kind, Plan

# The ports have the same error for a 5xx and for a timeout.
_INSTEAD: Mapping[Kind, Callable[[], Exception]] = {
    Kind.THROTTLED_ONCE: partial(ThrottledError, "AWS throttles"),
    Kind.THROTTLED_FOR_EVER: partial(ThrottledError, "AWS throttles"),
    Kind.ERROR_500_WITHOUT_EFFECT: partial(UnreachableError, "AWS answers 500"),
    Kind.ACCESS_DENIED_ONCE: partial(AccessDeniedError, "AWS denies it"),
    Kind.ACCESS_DENIED: partial(AccessDeniedError, "AWS denies it"),
}


def applies(kind: Kind, call: Call) -> bool:
    """Return whether a fault at a call is a separate case.

    ERROR_500_WITH_EFFECT equals LOST_REPLY here. The port of the tables promises that a write that
    the SDK sends twice takes effect once; the tests of the adapter show it.
    """
    if kind is Kind.ERROR_500_WITH_EFFECT:
        return False
    if kind is Kind.RESENT:
        return call.changes_aws
    return call.writes or not kind.about_the_effect


class Fault(Faults[Call]):
    """The faults of a plan on the wire of a `FakeCloud`."""

    def __init__(
        self,
        cloud: FakeCloud,
        plan: Plan[Call],
        meanwhile: Mapping[Kind, Callable[[], object]],
    ) -> None:
        super().__init__(cloud.clock, plan, meanwhile)
        self._done = cloud.wire.done
        cloud.wire.around = self

    def refuse(self, kind: Kind, call: Call) -> None:
        """Raise the error of a call that has no effect."""
        del call
        if kind in _INSTEAD:
            raise _INSTEAD[kind]()

    def timeout(self) -> Exception:
        """Return the error of a call without a response."""
        return UnreachableError("AWS does not respond")

    def execute_late(self, call: Call, effect: Effect) -> None:
        """Execute a call whose caller does not wait any more."""
        try:
            effect()
        except (DevOpsError, LostClaimError, AlreadyClaimedError):
            return
        self._done.add(call.number)

    def resend(self, effect: Effect, answer: Any) -> Any:
        """Execute a call for the second time, and return its response."""
        del answer
        return effect()

    def answer_lost(self, kind: Kind, call: Call) -> None:
        """Raise the error of a call that has taken effect."""
        self._done.add(call.number)
        raise Crash if kind is Kind.CRASH_AFTER else self.timeout()
