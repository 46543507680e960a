"""Faults at outgoing calls: their kinds, the plan of a case, and their effects."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from devops_core.model.operation import LEASE
from tests.lab.fakes import Crash
from tests.lab.fakes.clock import FakeClock


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


class _Call(Protocol):
    @property
    def number(self) -> int: ...
    @property
    def name(self) -> str: ...


C = TypeVar("C", bound=_Call)


class Plan(Generic[C]):
    """Faults by the number of their call; each call with a fault is added to `hit`.

    A lasting fault also hits all later calls of the same name.
    """

    def __init__(self, faults: Mapping[int, Kind], hit: list[C]) -> None:
        self._faults = faults
        self._hit = hit
        self._struck: set[int] = set()
        self._failing: dict[str, Kind] = {}

    def kind(self, call: C) -> Kind | None:
        """Return the fault of the present call, if any."""
        # A repeated send has the number of its call.
        kind = None if call.number in self._struck else self._faults.get(call.number)
        if kind:
            self._struck.add(call.number)
            self._hit.append(call)
        if kind and kind.lasts:
            self._failing[call.name] = kind
        return kind or self._failing.get(call.name)

    @property
    def late(self) -> bool:
        """Whether a call takes effect after the next one."""
        return Kind.LATE_CALL in self._faults.values()


Effect = Callable[[], Any]
_LATE = (Kind.LATE_CALL, Kind.LATE_LEASE, Kind.LATE_OPERATION)
# One second before the end of a lease that was taken for this call.
_LEASE_ENDS = LEASE - timedelta(seconds=1)


class Faults(ABC, Generic[C]):
    """The faults of a plan; `meanwhile` has the actions of other actors by kind of fault."""

    def __init__(
        self, clock: FakeClock, plan: Plan[C], meanwhile: Mapping[Kind, Callable[[], object]]
    ) -> None:
        self._clock = clock
        self._plan = plan
        self._meanwhile = meanwhile
        self._late: Effect | None = None
        self._due: datetime | None = None

    @abstractmethod
    def refuse(self, kind: Kind, call: C) -> Any:
        """Return or raise the error of a call that has no effect, None for another kind."""

    @abstractmethod
    def timeout(self) -> Exception:
        """Return the error of a call without a response."""

    @abstractmethod
    def execute_late(self, call: C, effect: Effect) -> None:
        """Execute a call whose caller does not wait any more."""

    @abstractmethod
    def resend(self, effect: Effect, answer: Any) -> Any:
        """Execute a call for the second time, and return its response."""

    @abstractmethod
    def answer_lost(self, kind: Kind, call: C) -> Any:
        """Return or raise the error of a call that has taken effect."""

    def __call__(self, call: C, effect: Effect) -> Any:
        """Execute a call with its fault, if it has one."""
        if self._due and self._clock.now() >= self._due:
            self.land()
        kind = self._plan.kind(call)
        if kind:
            return self._strike(kind, call, effect)
        try:
            return effect()
        finally:
            if self._plan.late:
                self.land()

    def land(self) -> None:
        """Execute a late call; its caller does not wait any more."""
        late, self._late = self._late, None
        if late:
            late()

    def _strike(self, kind: Kind, call: C, effect: Effect) -> Any:
        if kind in self._meanwhile:
            self._meanwhile[kind]()
            return effect()
        if kind is Kind.CRASH_BEFORE:
            raise Crash
        refusal = self.refuse(kind, call)
        if refusal is not None:
            return refusal
        if kind in _LATE:
            self._late = lambda: self.execute_late(call, effect)
            if kind is Kind.LATE_LEASE:
                self._due = self._clock.now() + _LEASE_ENDS
            raise self.timeout()
        answer = effect()
        if kind is Kind.RESENT:
            return self.resend(effect, answer)
        return self.answer_lost(kind, call)
