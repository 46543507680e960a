"""Pages of the applications, in memory."""

from __future__ import annotations

from devops_core.errors import UnreachableError
from tests.lab.fakes.clock import FakeClock
from tests.lab.fakes.wire import Wire


class FakeWeb:
    """`ports.Web`: `pages` holds statuses by URL; others do not answer. Each takes `seconds`."""

    def __init__(self, wire: Wire, clock: FakeClock) -> None:
        self._wire = wire
        self._clock = clock
        self.pages: dict[str, int] = {}
        self.seconds = 0.25

    def get(self, url: str) -> int:
        """Return the status of a page."""
        return self._wire.call("web.get", (url,), lambda: self._get(url))

    def _get(self, url: str) -> int:
        self._clock.pass_(seconds=self.seconds)
        if url not in self.pages:
            raise UnreachableError("no response: timed out")
        return self.pages[url]
