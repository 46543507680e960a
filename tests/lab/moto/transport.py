"""The wire: each call of the clients passes it on its way to moto."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber

from devops_core.model.stack_change import DRY_RUN

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
        """The service and the operation ("ecs.UpdateService")."""
        return f"{self.service}.{self.operation}"

    @property
    def writes(self) -> bool:
        """Whether the call changes anything."""
        return not self.operation.startswith(_READS)

    @property
    def changes_aws(self) -> bool:
        """Whether the call changes something in AWS beside the tables.

        The change set of a dry run and a notification change no resource.
        """
        previews = self.params.get("ChangeSetName") == DRY_RUN
        return self.writes and self.service not in ("dynamodb", "events") and not previews


Deliver = Callable[[], AWSResponse]
# Sends a call to AWS, or not, and returns the response for the client.
Fault = Callable[[Call, Deliver], AWSResponse]


def undisturbed(call: Call, deliver: Deliver) -> AWSResponse:
    """Send a call without a fault."""
    del call
    return deliver()


class Wire:
    """The journal of all calls. Each call passes the watchers, then the fault.

    `deliver` sends a call to AWS; `done` has the numbers of the calls that it has sent.
    """

    def __init__(self, deliver: Callable[[Call, AWSPreparedRequest], AWSResponse]) -> None:
        self._deliver = deliver
        self.begin()

    def begin(self) -> None:
        """Reset the wire for a new case."""
        self.journal: list[Call] = []
        self.done: set[int] = set()
        self.watchers: list[Callable[[Call], None]] = []
        self.fault: Fault = undisturbed
        self.send_again = False

    def attach(self, client: Any) -> None:
        """Send the calls of a client over this wire."""
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
        """Return the delay in seconds before the SDK repeats a call, None for no repetition."""
        again, self.send_again = self.send_again, False
        return 0 if again else None


def answered(request: AWSPreparedRequest) -> AWSResponse:
    """Return moto's response to a request; `mock_aws` is not needed."""
    answer = botocore_stubber.process_request(request)
    assert answer, f"moto does not know {request.url}"
    status, headers, body = answer
    return AWSResponse(request.url, status, headers, MockRawResponse(body))


def transport(client: Any, send: Callable[[AWSPreparedRequest], AWSResponse]) -> None:
    """Make a client send its requests with `send` instead of moto's hook."""
    events = client.meta.events
    events.unregister("before-send", botocore_stubber)
    events.register("before-send", lambda request, **_: send(request))
