"""The wire, which all outgoing calls of the fakes pass: journal, watchers and faults."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar

from devops_core.model.stack_change import DRY_RUN

T = TypeVar("T")
P = ParamSpec("P")
AnyPort = TypeVar("AnyPort", bound="Port")

# Calls that change AWS resources other than the tables.
AWS_WRITES = frozenset(
    {
        "stacks.create", "stacks.unprotect", "stacks.delete", "stacks.create_change_set",
        "stacks.execute_change_set", "stacks.delete_change_set", "stacks.continue_rollback",
        "containers.register",
        "containers.deregister", "containers.update", "load_balancer.switch",
        "scaling.apply", "scaling.remove", "scaling.set_minimum", "scaling.allow_scale_in",
    }
)  # fmt: skip
# A notification concerns people, no resource.
MESSAGES = frozenset({"notifications.send"})
TABLE_WRITES = frozenset(
    {
        "tables.claim", "tables.save", "tables.close", "tables.correct", "tables.count_refusal",
        "tables.save_sweep_position", "tables.remove_revisions", "outbox.remove",
    }
)  # fmt: skip


class Crash(BaseException):
    """The crash of a worker. The service must not catch it, as it cannot catch a kill of Lambda."""


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
        """Whether the call changes an AWS resource other than the tables."""
        return self.name in AWS_WRITES and not self._previews

    @property
    def writes(self) -> bool:
        """Whether the call changes AWS resources or the tables, or sends messages."""
        return self.changes_aws or self.name in TABLE_WRITES | MESSAGES

    @property
    def _previews(self) -> bool:
        """Whether the call concerns the change set of a dry run, which changes no resource."""
        if self.name == "stacks.create_change_set":
            return bool(self.args[0]["ChangeSetName"] == DRY_RUN)
        return self.name == "stacks.delete_change_set" and self.args[1] == DRY_RUN


Hook = Callable[[Call], None]
# Gets a call and its effect; executes the effect once, twice or not at all; returns the response.
Around = Callable[[Call, Callable[[], Any]], Any]


@dataclass(slots=True)
class Wire:
    """The journal of all calls, and the hooks of each call.

    `watchers` run before the effect of each call. The other hooks are faults, which `heal` removes:
    `before` raises before the effect, `after` raises after it (a lost response), and `around`
    executes the effect. `done` has the numbers of the calls that took effect.
    """

    journal: list[Call] = field(default_factory=list)
    done: set[int] = field(default_factory=set)
    watchers: list[Hook] = field(default_factory=list)
    before: list[Hook] = field(default_factory=list)
    after: list[Hook] = field(default_factory=list)
    around: Around | None = None

    def call(self, name: str, args: tuple[Any, ...], effect: Callable[[], T]) -> T:
        """Make a call and return its response."""
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
        """Raise `error` at the calls of a name, or of a port ("containers").

        Without `times` all of these calls fail. With `lost` the call takes effect, and only its
        response is lost.
        """
        left = [times if times is not None else -1]

        def fault(call: Call) -> None:
            if left[0] != 0 and name in (call.name, call.port):
                left[0] -= 1
                raise error

        (self.after if lost else self.before).append(fault)

    def on(self, name: str, do: Callable[[], object], *, after: bool = False) -> None:
        """Execute an action of another actor once, at the next call of a name."""
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
        """Return the names of the writing calls from number `start` on that took effect."""
        calls = self.journal[start:]
        return [call.name for call in calls if call.writes and call.number in self.done]

    def count(self, name: str, start: int = 0) -> int:
        """Return the number of calls of a name from number `start` on."""
        return self.names(start).count(name)


class Port:
    """A fake of a port; `port` is its name in the journal."""

    port: ClassVar[str]

    def __init_subclass__(cls, port: str) -> None:
        cls.port = port

    def __init__(self, wire: Wire) -> None:
        self._wire = wire


def outgoing(method: Callable[Concatenate[AnyPort, P], T]) -> Callable[Concatenate[AnyPort, P], T]:
    """Decorate a method of a port: each call of it passes the wire, and its body is the effect.

    The journal has all arguments in order, with their defaults. The effect can be executed twice;
    therefore iterators and lists become tuples.
    """
    signature = inspect.signature(method)
    effect: Callable[..., T] = method

    @wraps(method)
    def call(self: AnyPort, /, *args: P.args, **kwargs: P.kwargs) -> T:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        bound.arguments = {name: _frozen(value) for name, value in bound.arguments.items()}
        _, *journaled = bound.arguments.values()
        return self._wire.call(
            f"{self.port}.{method.__name__}",
            tuple(journaled),
            lambda: effect(*bound.args, **bound.kwargs),
        )

    return call


def _frozen(value: Any) -> Any:
    changes = isinstance(value, Iterable) and not isinstance(value, str | Mapping | tuple)
    return tuple(value) if changes else value
