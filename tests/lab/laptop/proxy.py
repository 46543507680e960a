"""A proxy between the Lambda functions and the emulator that breaks chosen calls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

from tools.bench.calls.call import Call
from tools.bench.calls.proxy import Handler, Proxy, RelayedResponse
from tools.bench.serving import serving


class Moment(Enum):
    """When a call is struck: before it takes effect, or after it, so that its answer is lost."""

    BEFORE = "before"
    AFTER = "after"


@dataclass
class Fault:
    """Strikes one call, in all its tries.

    The call is the `number`th one of an operation whose body has all the `words`. `strike` gets
    the local port of the client's connection while the call hangs; the connection is cut when it
    returns. `struck` counts the tries that were struck.
    """

    operation: str
    words: tuple[str, ...]
    moment: Moment
    number: int = 1
    strike: Callable[[int], None] = lambda _: None
    struck: int = 0
    _seen: list[str] = field(default_factory=list)

    def hits(self, call: Call) -> bool:
        """Tell whether this is a try of the call to be struck; to be asked once for each try."""
        if call.operation != self.operation or any(word not in call.body for word in self.words):
            return False
        if call.invocation not in self._seen:
            self._seen.append(call.invocation)
        return self._seen.index(call.invocation) + 1 == self.number


class FaultyProxy(Proxy):
    """Passes on everything that no fault strikes; `faults` may be added at any time."""

    def __init__(self) -> None:
        super().__init__(FaultyHandler)
        self.faults: list[Fault] = []
        self._turn = threading.Lock()

    def meet(self, call: Call) -> Fault | None:
        """Return the fault that strikes a call, if one does."""
        with self._turn:
            hits = [fault for fault in self.faults if fault.hits(call)]
        return hits[0] if hits else None


class FaultyHandler(Handler):
    """Cuts the connection of a call that is struck."""

    server: FaultyProxy

    def relay(self, call: Call, body: bytes) -> RelayedResponse | None:
        """Bring a call to the emulator unless it is struck before; lose the answer if after."""
        fault = self.server.meet(call)
        if fault and fault.moment is Moment.BEFORE:
            return self._lost(fault)
        answer = super().relay(call, body)
        return self._lost(fault) if fault and answer else answer

    def _lost(self, fault: Fault) -> RelayedResponse | None:
        fault.strike(self.client_address[1])
        fault.struck += 1
        return None


@contextmanager
def proxy() -> Iterator[FaultyProxy]:
    """Run a proxy; the caller says where the emulator is as soon as it runs."""
    with serving(FaultyProxy()) as server:
        yield server
