"""The faults, on the wire of the in-memory fakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from devops_core.errors import (
    AccessDeniedError,
    DevOpsError,
    LostClaimError,
    ThrottledError,
    UnreachableError,
)
from devops_core.ports import AlreadyClaimedError
from tests.crash.kinds import Kind
from tests.functional.fakes import Call, Crash, Wire

Effect = Callable[[], Any]

# At the ports a 5xx and a timeout are the same error.
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
    Kind.LOST_REPLY: lambda: UnreachableError("no answer from AWS"),
}


def applies(kind: Kind, call: Call) -> bool:
    """Whether a fault at a call is a case of its own.

    ERROR_500_WITH_EFFECT is LOST_REPLY here. That the tables do once what the SDK sends twice is
    what their port promises, and shown where the adapter is.
    """
    if kind is Kind.ERROR_500_WITH_EFFECT:
        return False
    if kind is Kind.RESENT:
        return call.changes_aws
    return call.writes or not kind.about_the_effect


class Fault:
    """Faults by the number of the call that they hit; `hit` are those that were."""

    def __init__(self, wire: Wire, faults: Mapping[int, Kind]) -> None:
        self._wire = wire
        self._faults = faults
        self._late: tuple[int, Effect] | None = None
        self._failing: dict[str, Kind] = {}
        self.hit: list[Call] = []
        wire.around = self

    def __call__(self, call: Call, effect: Effect) -> Any:
        """Let a call have its effect, or what the fault makes of it."""
        kind = self._kind(call)
        if kind is None:
            return self._undisturbed(effect)
        if kind in _INSTEAD:
            raise _INSTEAD[kind]()
        if kind in (Kind.LATE_CALL, Kind.LATE_OPERATION):
            self._late = call.number, effect
            raise UnreachableError("no answer from AWS")
        effect()
        if kind is Kind.RESENT:
            return effect()
        self._wire.done.add(call.number)
        raise _AFTERWARDS[kind]()

    def land(self) -> None:
        """Let the effect of a late call happen. Whom it would have answered is gone."""
        if self._late is None:
            return
        (number, effect), self._late = self._late, None
        try:
            effect()
        except (DevOpsError, LostClaimError, AlreadyClaimedError):
            return
        self._wire.done.add(number)

    def _kind(self, call: Call) -> Kind | None:
        kind = self._faults.get(call.number)
        if kind:
            self.hit.append(call)
        if kind and kind.lasts:
            self._failing[call.name] = kind
        return kind or self._failing.get(call.name)

    def _undisturbed(self, effect: Effect) -> Any:
        try:
            return effect()
        finally:
            if Kind.LATE_CALL in self._faults.values():
                self.land()
