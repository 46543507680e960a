"""The pages of the applications, in memory."""

from __future__ import annotations

from devops_core.errors import UnreachableError
from tests.lab.fakes.clock import FakeClock
from tests.lab.fakes.wire import Port, Wire, outgoing


class FakeWeb(Port, port="web"):
    """`ports.Web`: `pages` has the statuses by URL; a request takes a number of `seconds`."""

    def __init__(self, wire: Wire, clock: FakeClock) -> None:
        super().__init__(wire)
        self._clock = clock
        self.pages: dict[str, int] = {}
        self.seconds = 0.25

    @outgoing
    def get(self, url: str) -> int:
        """Return the status of a page; a page without a status does not respond."""
        self._clock.pass_(seconds=self.seconds)
        if url not in self.pages:
            raise UnreachableError("no response: timed out")
        return self.pages[url]
