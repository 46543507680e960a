"""The faults on the wire between the SDK and AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from devops_core.model.operation import LEASE
from tests.lab.fakes import Crash
from tests.lab.faults import Kind
from tests.lab.moto import responses
from tests.lab.moto.account import Account
from tests.lab.moto.transport import Call, Deliver, undisturbed
from tests.lab.plan import Plan

_LATE = (Kind.LATE_CALL, Kind.LATE_LEASE, Kind.LATE_OPERATION)
# One second before the end of a lease that was taken for this call.
_LEASE_ENDS = LEASE - timedelta(seconds=1)
_ANSWERS: Mapping[Kind, Callable[[Call], AWSResponse]] = {
    Kind.THROTTLED_ONCE: lambda call: responses.throttled(call.service),
    Kind.THROTTLED_FOR_EVER: lambda call: responses.throttled(call.service),
    Kind.ERROR_500_WITHOUT_EFFECT: lambda call: responses.broken(call.service),
    Kind.ACCESS_DENIED_ONCE: lambda call: responses.denied(call.service, call.operation),
    Kind.ACCESS_DENIED: lambda call: responses.denied(call.service, call.operation),
}


def applies(kind: Kind, call: Call) -> bool:
    """Return whether a fault at a call is a separate case."""
    return call.writes or not kind.about_the_effect


class Fault:
    """The faults of a plan; `meanwhile` has the actions of other actors by kind of fault."""

    def __init__(
        self, account: Account, plan: Plan[Call], meanwhile: Mapping[Kind, Callable[[], object]]
    ) -> None:
        self._account = account
        self._plan = plan
        self._meanwhile = meanwhile
        self._late: Deliver | None = None
        self._due: datetime | None = None
        account.wire.fault = self

    def __call__(self, call: Call, deliver: Deliver) -> AWSResponse:
        """Send a call to AWS with its fault, if it has one."""
        if self._due and self._account.clock.now() >= self._due:
            self.land()
        kind = self._plan.kind(call)
        if kind:
            return self._strike(kind, call, deliver)
        answer = deliver()
        if self._plan.late:
            self.land()
        return answer

    def land(self) -> None:
        """Send a late call to AWS; its caller does not wait any more."""
        late, self._late = self._late, None
        if late:
            late()

    def heal(self) -> None:
        """End the fault."""
        self._account.wire.fault = undisturbed

    def _strike(self, kind: Kind, call: Call, deliver: Deliver) -> AWSResponse:
        if kind in _ANSWERS:
            return _ANSWERS[kind](call)
        if kind in self._meanwhile:
            self._meanwhile[kind]()
            return deliver()
        if kind is Kind.CRASH_BEFORE:
            raise Crash
        if kind in _LATE:
            self._late = deliver
            if kind is Kind.LATE_LEASE:
                self._due = self._account.clock.now() + _LEASE_ENDS
            raise _timeout()
        answer = deliver()
        if kind is Kind.CRASH_AFTER:
            raise Crash
        if kind is Kind.LOST_REPLY:
            raise _timeout()
        if kind is Kind.RESENT:
            self._account.wire.send_again = True
            return answer
        return responses.broken(call.service)  # ERROR_500_WITH_EFFECT


def _timeout() -> ReadTimeoutError:
    return ReadTimeoutError(endpoint_url="https://aws.example")
