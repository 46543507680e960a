"""The plan of a case: the faults by outgoing call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar

from tests.lab.faults import Kind


class _Call(Protocol):
    @property
    def number(self) -> int: ...
    @property
    def name(self) -> str: ...


C = TypeVar("C", bound=_Call)


class Plan(Generic[C]):
    """Faults by the number of their call; each call with a fault is added to `hit`.

    A lasting fault also hits all later calls of the same name.
    """

    def __init__(self, faults: Mapping[int, Kind], hit: list[C]) -> None:
        self._faults = faults
        self._hit = hit
        self._struck: set[int] = set()
        self._failing: dict[str, Kind] = {}

    def kind(self, call: C) -> Kind | None:
        """Return the fault of the present call, if any."""
        # A repeated send has the number of its call.
        kind = None if call.number in self._struck else self._faults.get(call.number)
        if kind:
            self._struck.add(call.number)
            self._hit.append(call)
        if kind and kind.lasts:
            self._failing[call.name] = kind
        return kind or self._failing.get(call.name)

    @property
    def late(self) -> bool:
        """Whether a call takes effect after the next one."""
        return Kind.LATE_CALL in self._faults.values()
