"""The faults on the wire of the in-memory fakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from devops_core.errors import (
    AccessDeniedError,
    DevOpsError,
    LostClaimError,
    ThrottledError,
    UnreachableError,
)
from devops_core.model.operation import LEASE
from devops_core.ports import AlreadyClaimedError
from tests.lab.fakes import Call, Crash, FakeCloud
from tests.lab.faults import Kind
from tests.lab.plan import Plan

Effect = Callable[[], Any]

_LATE = (Kind.LATE_CALL, Kind.LATE_LEASE, Kind.LATE_OPERATION)
# One second before the end of a lease that was taken for this call.
_LEASE_ENDS = LEASE - timedelta(seconds=1)

# The ports have the same error for a 5xx and for a timeout.
_INSTEAD: Mapping[Kind, Callable[[], BaseException]] = {
    Kind.CRASH_BEFORE: Crash,
    Kind.THROTTLED_ONCE: lambda: ThrottledError("AWS throttles"),
    Kind.THROTTLED_FOR_EVER: lambda: ThrottledError("AWS throttles"),
    Kind.ERROR_500_WITHOUT_EFFECT: lambda: UnreachableError("AWS answers 500"),
    Kind.ACCESS_DENIED_ONCE: lambda: AccessDeniedError("AWS denies it"),
    Kind.ACCESS_DENIED: lambda: AccessDeniedError("AWS denies it"),
}
_AFTERWARDS: Mapping[Kind, Callable[[], BaseException]] = {
    Kind.CRASH_AFTER: Crash,
    Kind.LOST_REPLY: lambda: UnreachableError("AWS does not respond"),
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


class Fault:
    """The faults of a plan; `meanwhile` has the actions of other actors by kind of fault."""

    def __init__(
        self,
        cloud: FakeCloud,
        plan: Plan[Call],
        meanwhile: Mapping[Kind, Callable[[], object]],
    ) -> None:
        self._cloud = cloud
        self._plan = plan
        self._meanwhile = meanwhile
        self._late: Callable[[], None] | None = None
        self._due: datetime | None = None
        cloud.wire.around = self

    def __call__(self, call: Call, effect: Effect) -> Any:
        """Execute a call with its fault, if it has one."""
        if self._due and self._cloud.clock.now() >= self._due:
            self.land()
        kind = self._plan.kind(call)
        if kind is None:
            return self._undisturbed(effect)
        if kind in self._meanwhile:
            self._meanwhile[kind]()
            return effect()
        if kind in _INSTEAD:
            raise _INSTEAD[kind]()
        if kind in _LATE:
            self._put_off(kind, call, effect)
            raise UnreachableError("AWS does not respond")
        effect()
        if kind is Kind.RESENT:
            return effect()
        self._cloud.wire.done.add(call.number)
        raise _AFTERWARDS[kind]()

    def land(self) -> None:
        """Execute a late call."""
        if self._late:
            late, self._late = self._late, None
            late()

    def _put_off(self, kind: Kind, call: Call, effect: Effect) -> None:
        def late() -> None:
            try:
                effect()
            except (DevOpsError, LostClaimError, AlreadyClaimedError):
                return  # its caller does not wait any more
            self._cloud.wire.done.add(call.number)

        self._late = late
        if kind is Kind.LATE_LEASE:
            self._due = self._cloud.clock.now() + _LEASE_ENDS

    def _undisturbed(self, effect: Effect) -> Any:
        try:
            return effect()
        finally:
            if self._plan.late:
                self.land()
