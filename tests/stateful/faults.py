"""Faults at the next outgoing calls, of every kind of the crash matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from devops_core.errors import ThrottledError
from tests.crash.kinds import Kind
from tests.crash.memory.faults import Effect, Fault, applies
from tests.crash.plan import Plan
from tests.functional.fakes import Call, FakeCloud

# What a fault can leave behind until the application is deleted, see tests/crash/memory/matrix.py.
_LATE = (Kind.LATE_CALL, Kind.LATE_LEASE, Kind.LATE_OPERATION)
_SURPLUS = (Kind.RESENT, *_LATE)
_LEFT = ("containers.registered", "containers.deregister")


class Faults:
    """The faults of an account, on its wire; `hit` are the calls that one has hit.

    `meanwhile` is what others do, by the fault that lets them. A fault waits for a call that it
    can hit. `lasting` says that calls may go on failing until `heal`; `untidy` that something may
    be left that only a delete finds; `blind` that an operation may have been given up that could
    not see what has become of it.
    """

    def __init__(self, cloud: FakeCloud, meanwhile: Mapping[Kind, Callable[[], object]]) -> None:
        self._cloud = cloud
        self._meanwhile = meanwhile
        self.hit: list[Call] = []
        self.late = self.lasting = self.untidy = self.blind = False
        self._due: dict[int, Kind] = {}
        self._renew()

    def put(self, kind: Kind, ahead: int) -> None:
        """Let a fault hit the call that is so many calls ahead."""
        self.land()
        self._due.clear()
        self._due[len(self._cloud.wire.journal) + ahead] = kind

    def throttle(self, port: str) -> None:
        """Let AWS throttle all calls of a port until `heal`."""
        self._cloud.wire.fail(port, ThrottledError("AWS throttles"))
        self._lasts()

    def land(self) -> None:
        """Let a call that was late take effect."""
        self._fault.land()
        self.late = False

    def heal(self) -> None:
        """Remove all faults, and let what was late take effect."""
        self.land()
        self._cloud.wire.heal()
        self._due.clear()
        self.lasting = False
        self._renew()

    def __call__(self, call: Call, effect: Effect) -> Any:
        """Let a call have its effect, or what the fault makes of it."""
        kind = self._due.get(call.number)
        if kind and not applies(kind, call):
            self._due[call.number + 1] = self._due.pop(call.number)
        elif kind:
            self.late |= kind in _LATE
            self.untidy |= kind in _SURPLUS or call.name in _LEFT
            if kind.lasts:
                self._lasts()
        return self._fault(call, effect)

    def _lasts(self) -> None:
        self.lasting = self.untidy = self.blind = True

    def _renew(self) -> None:
        self._fault = Fault(self._cloud, Plan(self._due, self.hit), self._meanwhile)
        self._cloud.wire.around = self
