"""A proxy between a caller and the service that drops every second request."""

from __future__ import annotations

import itertools

from tests.lab.laptop.proxy import Moment
from tools.bench.calls.call import Call
from tools.bench.calls.proxy import Handler, Proxy, RelayedResponse


class DroppingHandler(Handler):
    """Resets the connection of every second request, before or after the service receives it."""

    server: DroppingProxy

    def relay(self, call: Call, body: bytes) -> RelayedResponse | None:
        """Send a request to the service; lose the first one, the third one, and so on."""
        if next(self.server.numbers) % 2:
            return super().relay(call, body)
        self.server.dropped += 1
        if self.server.moment is Moment.AFTER:
            super().relay(call, body)
        return None


class DroppingProxy(Proxy):
    """The proxy; `moment` is that of the loss, and `dropped` counts the lost requests."""

    def __init__(self, endpoint: str, moment: Moment) -> None:
        super().__init__(DroppingHandler)
        self.endpoint, self.moment = endpoint, moment
        self.numbers, self.dropped = itertools.count(), 0
