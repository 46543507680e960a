"""The one place that every call of the clients passes on its way to moto."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber

_READS = ("Batch", "Describe", "Get", "Head", "List", "Query", "Scan", "Validate")


@dataclass(frozen=True, slots=True)
class Call:
    """One outgoing call of the SDK: `number` counts from 0, `params` are its arguments."""

    number: int
    service: str
    operation: str
    params: Mapping[str, Any] = field(compare=False)

    @property
    def name(self) -> str:
        """Service and operation ("ecs.UpdateService")."""
        return f"{self.service}.{self.operation}"

    @property
    def writes(self) -> bool:
        """Whether the call changes anything."""
        return not self.operation.startswith(_READS)

    @property
    def changes_aws(self) -> bool:
        """Whether the call changes something in AWS beside the tables."""
        return self.writes and self.service != "dynamodb"


Deliver = Callable[[], AWSResponse]
# Lets a call reach AWS, or not, and says what the client gets for an answer.
Fault = Callable[[Call, Deliver], AWSResponse]


def undisturbed(call: Call, deliver: Deliver) -> AWSResponse:
    """Let a call through."""
    del call
    return deliver()


class Wire:
    """Journal of all calls. Watchers see each before it is sent; the fault has it in its hands.

    `deliver` is what brings a call to AWS; `done` are the numbers of those that it has brought.
    """

    def __init__(self, deliver: Callable[[Call, AWSPreparedRequest], AWSResponse]) -> None:
        self._deliver = deliver
        self.begin()

    def begin(self) -> None:
        """Forget everything: a new case."""
        self.journal: list[Call] = []
        self.done: set[int] = set()
        self.watchers: list[Callable[[Call], None]] = []
        self.fault: Fault = undisturbed
        self.send_again = False

    def attach(self, client: Any) -> None:
        """Let the calls of a client go over this wire."""
        service = client.meta.service_model.service_name

        def begun(params: Mapping[str, Any], model: Any, **_: Any) -> None:
            call = Call(len(self.journal), service, model.name, params)
            self.journal.append(call)
            for watcher in self.watchers:
                watcher(call)

        client.meta.events.register("before-parameter-build", begun)
        client.meta.events.register_first("needs-retry", self._again)
        transport(client, self._send)

    def _send(self, request: AWSPreparedRequest) -> AWSResponse:
        call = self.journal[-1]
        return self.fault(call, lambda: self._reach(call, request))

    def _reach(self, call: Call, request: AWSPreparedRequest) -> AWSResponse:
        self.done.add(call.number)
        return self._deliver(call, request)

    def _again(self, **_: Any) -> int | None:
        """Return after how many seconds the SDK is to send a call again, None if it is not."""
        again, self.send_again = self.send_again, False
        return 0 if again else None


def answered(request: AWSPreparedRequest) -> AWSResponse:
    """Return moto's answer to a request; moto need not be switched on for that."""
    answer = botocore_stubber.process_request(request)
    assert answer, f"moto does not know {request.url}"
    status, headers, body = answer
    return AWSResponse(request.url, status, headers, MockRawResponse(body))


def transport(client: Any, send: Callable[[AWSPreparedRequest], AWSResponse]) -> None:
    """Let a client send its requests with `send`, and not with what moto has put in."""
    events = client.meta.events
    events.unregister("before-send", botocore_stubber)
    events.register("before-send", lambda request, **_: send(request))
