"""The faults, on the wire between the SDK and AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from devops_core.model import LEASE
from tests.crash.adapters import answers
from tests.crash.adapters.account import Account
from tests.crash.adapters.wire import Call, Deliver, undisturbed
from tests.crash.kinds import Kind
from tests.functional.fakes import Crash

_MEANWHILE = (Kind.SECOND_WORKER, Kind.SECOND_CALLER)
_LATE = (Kind.LATE_CALL, Kind.LATE_LEASE, Kind.LATE_OPERATION)
# A second before the lease of a worker ends that took it for this call.
_LEASE_ENDS = LEASE - timedelta(seconds=1)
_ANSWERS: Mapping[Kind, Callable[[Call], AWSResponse]] = {
    Kind.THROTTLED_ONCE: lambda call: answers.throttled(call.service),
    Kind.THROTTLED_FOR_EVER: lambda call: answers.throttled(call.service),
    Kind.ERROR_500_WITHOUT_EFFECT: lambda call: answers.broken(call.service),
    Kind.ACCESS_DENIED_ONCE: lambda call: answers.denied(call.service, call.operation),
    Kind.ACCESS_DENIED: lambda call: answers.denied(call.service, call.operation),
}


def applies(kind: Kind, call: Call) -> bool:
    """Whether a fault at a call is a case of its own."""
    return call.writes or not kind.about_the_effect


class Fault:
    """A fault at the call of a number; `hit` is that call once it was made.

    `meanwhile` is what the others do just before it.
    """

    def __init__(
        self, account: Account, kind: Kind, number: int, meanwhile: Callable[[], object]
    ) -> None:
        self._account = account
        self._kind = kind
        self._number = number
        self._meanwhile = meanwhile
        self._late: Deliver | None = None
        self._due: datetime | None = None
        self.hit: Call | None = None
        account.wire.fault = self

    def __call__(self, call: Call, deliver: Deliver) -> AWSResponse:
        """Let a call reach AWS, or what the fault makes of it."""
        if self._due and self._account.clock.now() >= self._due:
            self.land()
        if self.hit is None and call.number == self._number:
            self.hit = call
            return self._strike(call, deliver)
        if self._kind.lasts and self.hit and call.name == self.hit.name:
            return _ANSWERS[self._kind](call)
        answer = deliver()
        if self._kind is Kind.LATE_CALL:
            self.land()
        return answer

    def land(self) -> None:
        """Let a late call reach AWS. Whom it would have answered is gone."""
        late, self._late = self._late, None
        if late:
            late()

    def heal(self) -> None:
        """End the fault."""
        self._account.wire.fault = undisturbed

    def _strike(self, call: Call, deliver: Deliver) -> AWSResponse:
        if self._kind in _ANSWERS:
            return _ANSWERS[self._kind](call)
        if self._kind in _MEANWHILE:
            self._meanwhile()
            return deliver()
        if self._kind is Kind.CRASH_BEFORE:
            raise Crash
        if self._kind in _LATE:
            self._late = deliver
            if self._kind is Kind.LATE_LEASE:
                self._due = self._account.clock.now() + _LEASE_ENDS
            raise _timeout()
        answer = deliver()
        if self._kind is Kind.CRASH_AFTER:
            raise Crash
        if self._kind is Kind.LOST_REPLY:
            raise _timeout()
        if self._kind is Kind.RESENT:
            self._account.wire.send_again = True
            return answer
        return answers.broken(call.service)  # ERROR_500_WITH_EFFECT


def _timeout() -> ReadTimeoutError:
    return ReadTimeoutError(endpoint_url="https://aws.example")
