"""A proxy between the Lambda functions and the emulator that refuses calls above AWS's rates."""

from __future__ import annotations

import json
import threading
import time

from tests.lab.rates import Limiter
from tools.bench.calls.call import Call
from tools.bench.calls.proxy import Handler, Proxy, RelayedResponse

# The form of an error depends on the protocol of the service: ECS uses JSON, ELB a query and XML.
_JSON = "application/x-amz-json-1.1"
_THROTTLED = {
    "ecs": (
        _JSON,
        json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"}),
    ),
    "elasticloadbalancing": (
        "text/xml",
        "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code>"
        "<Message>Rate exceeded</Message></Error><RequestId>1</RequestId></ErrorResponse>",
    ),
}


class LimitedProxy(Proxy):
    """Sends calls to the emulator; with a `limiter`, it refuses those without a token."""

    def __init__(self) -> None:
        super().__init__(LimitedHandler)
        self.limiter: Limiter | None = None
        self._turn = threading.Lock()

    def limit(self) -> Limiter:
        """Refuse calls from now on. The buckets are empty, as after a burst of other calls."""
        self.limiter = Limiter(time.monotonic, full=False)
        return self.limiter

    def accepts(self, call: Call) -> bool:
        """Take the tokens of a call; False if there are too few."""
        with self._turn:
            return self.limiter is None or self.limiter.take(call.operation)


class LimitedHandler(Handler):
    """Answers a refused call as AWS does."""

    server: LimitedProxy

    def relay(self, call: Call, body: bytes) -> RelayedResponse | None:
        """Send an accepted call to the emulator."""
        if call.service not in _THROTTLED or self.server.accepts(call):
            return super().relay(call, body)
        kind, text = _THROTTLED[call.service]
        return 400, [("Content-Type", kind)], text.encode()
