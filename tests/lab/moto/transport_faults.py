"""The faults on the wire between the SDK and AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from tests.lab.fakes import Crash
from tests.lab.faults import Effect, Faults, Kind, Plan
from tests.lab.moto import responses
from tests.lab.moto.account import Account
from tests.lab.moto.transport import Call

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


class Fault(Faults[Call]):
    """The faults of a plan on the wire of an account in moto."""

    def __init__(
        self, account: Account, plan: Plan[Call], meanwhile: Mapping[Kind, Callable[[], object]]
    ) -> None:
        super().__init__(account.clock, plan, meanwhile)
        self._wire = account.wire
        account.wire.fault = self

    def refuse(self, kind: Kind, call: Call) -> AWSResponse | None:
        """Return the response to a call that has no effect, None for another kind."""
        return _ANSWERS[kind](call) if kind in _ANSWERS else None

    def timeout(self) -> Exception:
        """Return the error of a call without a response."""
        error: Exception = ReadTimeoutError(endpoint_url="https://aws.example")
        return error

    def execute_late(self, call: Call, effect: Effect) -> None:
        """Execute a call whose caller does not wait any more."""
        del call
        effect()

    def resend(self, effect: Effect, answer: AWSResponse) -> AWSResponse:
        """Let the SDK send a call for the second time."""
        del effect
        self._wire.send_again = True
        return answer

    def answer_lost(self, kind: Kind, call: Call) -> AWSResponse:
        """Return the response 500 to a call that has taken effect, or raise the error."""
        if kind is Kind.ERROR_500_WITH_EFFECT:
            return responses.broken(call.service)
        raise Crash if kind is Kind.CRASH_AFTER else self.timeout()
