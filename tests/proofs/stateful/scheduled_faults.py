"""Faults at chosen outgoing calls, of all kinds of the crash matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from devops_core.errors import AccessDeniedError, AwsError, ThrottledError
from tests.lab.fakes import Call, FakeCloud
from tests.lab.faults import Effect, Kind, Plan
from tests.lab.memory.wire_faults import Fault, applies

# Faults and calls after which task definitions can remain until the application is deleted
# (tests/proofs/crash/halves.py).
_LATE = (Kind.LATE_CALL, Kind.LATE_LEASE, Kind.LATE_OPERATION)
_UNTIDY = (Kind.RESENT, *_LATE)
_UNTIDY_CALLS = ("containers.registered", "containers.deregister")


class ScheduledFaults:
    """The faults on the wire of an account; `hit` has the calls with a fault.

    `meanwhile` has the actions of other actors by kind of fault. A fault waits for a call to which
    it applies. `late` means that a call has not taken effect yet, `lasting` that calls can fail
    until `heal`. After an `untidy` fault, resources can remain until the application is deleted.
    After a `blind` fault, an operation can fail without an observation of AWS.
    """

    def __init__(self, cloud: FakeCloud, meanwhile: Mapping[Kind, Callable[[], object]]) -> None:
        self._cloud = cloud
        self._meanwhile = meanwhile
        self.hit: list[Call] = []
        self.late = self.lasting = self.untidy = self.blind = False
        self._due: dict[int, Kind] = {}
        self._install()

    def schedule(self, kind: Kind, ahead: int) -> None:
        """Schedule a fault for a later call; `ahead` is the number of calls before it."""
        self.complete_late_call()
        self._due.clear()
        self._due[len(self._cloud.wire.journal) + ahead] = kind

    def throttle(self, port: str) -> None:
        """Throttle all calls of a port until `heal`."""
        self._fail(port, ThrottledError("AWS throttles"))

    def deny(self, port: str) -> None:
        """Deny all calls of a port until `heal`."""
        self._fail(port, AccessDeniedError("the service's role lacks a permission"))

    def _fail(self, port: str, error: AwsError) -> None:
        self._cloud.wire.fail(port, error)
        self._set_lasting()

    def complete_late_call(self) -> None:
        """Execute a late call."""
        self._fault.land()
        self.late = False

    def heal(self) -> None:
        """Execute a late call, then remove all faults."""
        self.complete_late_call()
        self._cloud.wire.heal()
        self._due.clear()
        self.lasting = False
        self._install()

    def __call__(self, call: Call, effect: Effect) -> Any:
        """Execute a call with its fault, if it has one."""
        kind = self._due.get(call.number)
        if kind and not applies(kind, call):
            self._due[call.number + 1] = self._due.pop(call.number)
        elif kind:
            self.late |= kind in _LATE
            self.untidy |= kind in _UNTIDY or call.name in _UNTIDY_CALLS
            if kind.lasts:
                self._set_lasting()
        return self._fault(call, effect)

    def _set_lasting(self) -> None:
        self.lasting = self.untidy = self.blind = True

    def _install(self) -> None:
        self._fault = Fault(self._cloud, Plan(self._due, self.hit), self._meanwhile)
        self._cloud.wire.around = self
