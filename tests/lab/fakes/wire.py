"""The one place that every outgoing call of the fakes passes: journal, watchers, faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

# Calls that change something in AWS beside the tables.
AWS_WRITES = frozenset(
    {
        "stacks.create", "stacks.delete", "containers.register", "containers.deregister",
        "containers.update", "load_balancer.switch",
    }
)  # fmt: skip
TABLE_WRITES = frozenset(
    {"tables.claim", "tables.save", "tables.close", "tables.correct", "tables.note"}
)


class Crash(BaseException):
    """The worker dies here. Nothing in the service may catch it, like the end of a Lambda."""


@dataclass(frozen=True, slots=True)
class Call:
    """One outgoing call: `number` counts from 0, `args` are its arguments in order."""

    number: int
    port: str
    method: str
    args: tuple[Any, ...]

    @property
    def name(self) -> str:
        """Port and method ("containers.update")."""
        return f"{self.port}.{self.method}"

    @property
    def changes_aws(self) -> bool:
        """Whether the call changes something in AWS beside the tables."""
        return self.name in AWS_WRITES

    @property
    def writes(self) -> bool:
        """Whether the call changes anything at all."""
        return self.name in AWS_WRITES | TABLE_WRITES


Hook = Callable[[Call], None]
# Makes the effect of a call happen, or not, or twice, and returns its answer.
Around = Callable[[Call, Callable[[], Any]], Any]


@dataclass(slots=True)
class Wire:
    """Journal of all calls, and hooks around each.

    `watchers` see every call before its effect and stay; `before` and `after` are faults: they
    raise instead of the effect, or after it (a lost reply); `around` gets the effect into its
    hands. `heal` removes the faults. `done` are the numbers of the calls that took effect.
    """

    journal: list[Call] = field(default_factory=list)
    done: set[int] = field(default_factory=set)
    watchers: list[Hook] = field(default_factory=list)
    before: list[Hook] = field(default_factory=list)
    after: list[Hook] = field(default_factory=list)
    around: Around | None = None

    def call(self, name: str, args: tuple[Any, ...], effect: Callable[[], T]) -> T:
        """Make a call; the fakes come through here with all that goes out."""
        port, method = name.split(".")
        call = Call(len(self.journal), port, method, args)
        self.journal.append(call)
        for hook in (*self.watchers, *self.before):
            hook(call)
        answer: T = self.around(call, effect) if self.around else effect()
        self.done.add(call.number)
        for hook in list(self.after):
            hook(call)
        return answer

    def fail(
        self, name: str, error: BaseException, *, times: int | None = None, lost: bool = False
    ) -> None:
        """Let calls of a name, or of a whole port ("containers"), raise `error`.

        `times` None means for ever; `lost` that the call takes effect and only its reply is lost.
        """
        left = [times if times is not None else -1]

        def fault(call: Call) -> None:
            if left[0] != 0 and name in (call.name, call.port):
                left[0] -= 1
                raise error

        (self.after if lost else self.before).append(fault)

    def on(self, name: str, do: Callable[[], object], *, after: bool = False) -> None:
        """Do something once, at the next call of a name: what another worker does meanwhile."""
        done: list[bool] = []

        def hook(call: Call) -> None:
            if call.name == name and not done:
                done.append(True)
                do()

        (self.after if after else self.before).append(hook)

    def heal(self) -> None:
        """Remove all faults."""
        self.before.clear()
        self.after.clear()
        self.around = None

    def names(self, start: int = 0) -> list[str]:
        """Return the names of the calls from number `start` on."""
        return [call.name for call in self.journal[start:]]

    def writes(self, start: int = 0) -> list[str]:
        """Return the names of the calls from number `start` on that have changed anything."""
        calls = self.journal[start:]
        return [call.name for call in calls if call.writes and call.number in self.done]

    def count(self, name: str, start: int = 0) -> int:
        """Return how many calls of a name there were from number `start` on."""
        return self.names(start).count(name)
