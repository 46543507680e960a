"""The log streams of containers."""

from __future__ import annotations

from devops_core.errors import RefusedError
from tests.lab.fakes.wire import Port, Wire, outgoing


class FakeLogs(Port, port="logs"):
    """`ports.aws.Logs`: each stream has the same `lines`; with None no stream exists."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)
        self.lines: tuple[str, ...] | None = ("starting", "fatal: no database")

    @outgoing
    def tail(self, group: str, stream: str) -> tuple[str, ...]:
        """Return the last lines of a stream."""
        assert group.startswith("/ecs/")
        assert stream.count("/") == 2
        if self.lines is None:
            raise RefusedError("The specified log stream does not exist.")
        return self.lines
