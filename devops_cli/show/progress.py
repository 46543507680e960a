"""Progress: a table that is drawn anew on a terminal, else a line for each change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from devops_cli import durations
from devops_cli.answers import Object, moment, part, parts, word
from devops_cli.follow import Snapshot
from devops_cli.show import texts

FIRST_IMAGE = "first image"  # what a new application starts with has no version
MESSAGES = 6  # of ECS at a time; more push the table off a small terminal
_COLUMNS = (
    "ENV", "SLOT", "VERSION", "STATUS", "TASKS", "PENDING", "HEALTHY", "ROLLOUT",
)  # fmt: skip


class Message(NamedTuple):
    """What ECS says about a service."""

    time: datetime
    environment: str
    message: str


@contextmanager
def display(console: Console) -> Iterator[Callable[[Snapshot], None]]:
    """Yield what shows each snapshot; what a terminal has shown of it goes at the end."""
    if not console.is_terminal or console.is_dumb_terminal:
        lines = Lines()

        def tell(snapshot: Snapshot) -> None:
            for line in lines.changes(snapshot):
                console.print(line)

        yield tell
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield lambda snapshot: live.update(picture(snapshot), refresh=True)


def picture(snapshot: Snapshot) -> RenderableType:
    """Return what a terminal shows of a snapshot."""
    operation = snapshot.operation
    shown: list[RenderableType] = [
        texts.sentence(
            texts.text(f"{texts.about(operation)} ", "bold"),
            texts.state(word(operation, "status")),
            f"  {durations.spoken(snapshot.seconds)}  ",
            texts.text(word(operation, "id"), "dim"),
        ),
        texts.Rows(
            _COLUMNS, [_row(snapshot, each) for each in parts(operation, "environments")], named=2
        ),
    ]
    if waiting := snapshot.trouble or word(operation, "waitingFor"):
        shown.append(texts.sentence(texts.text("Waiting for: ", "dim"), waiting))
    shown += [
        texts.text(f"{each.time:%H:%M:%S} {each.environment}: {each.message}", "dim")
        for each in messages(snapshot)[-MESSAGES:]
    ]
    return Group(*shown)


class Lines:
    """Tells of what has changed from one snapshot to the next."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}
        self._messages: set[Message] = set()

    def changes(self, snapshot: Snapshot) -> Iterator[Text]:
        """Yield a line for each change, after the seconds that have passed."""
        since = f"{durations.spoken(snapshot.seconds):>8}  "
        for about, said in _facts(snapshot).items():
            if self._told.get(about) != said:
                self._told[about] = said
                yield texts.text(f"{since}{about}: {said}")
        for each in messages(snapshot):
            if each not in self._messages:
                self._messages.add(each)
                yield texts.text(f"{since}{each.environment}: {each.message}")


def messages(snapshot: Snapshot) -> list[Message]:
    """Return what ECS has said since the operation was asked for, oldest first."""
    asked = moment(snapshot.operation, "requestedAt") or datetime.min.replace(tzinfo=UTC)
    found = {
        Message(time.astimezone(UTC), name_of(each), word(said, "message"))
        for each in parts(snapshot.operation, "environments")
        for said in parts(now(snapshot.stack, each), "messages")
        if (time := moment(said, "time")) and time >= asked
    }
    return sorted(found)


def now(stack: Object, each: Object) -> Object:
    """Return what an application shows of one environment of an operation; empty if nothing.

    A swap changes the names of the roles, so that in production the slot says which it is.
    """
    by = "slot" if word(each, "slot") else "environment"
    there = parts(stack, "environments")
    return next((one for one in there if word(one, by) == word(each, by)), {})


def name_of(each: Object) -> str:
    """Return how an environment is called: DEV, or PROD-BLUE (prod-2)."""
    slot = word(each, "slot")
    return word(each, "environment") + (f" ({slot})" if slot else "")


def versions(of: Object, each: Object) -> str:
    """Return what is to run in an environment, and instead of what; empty if neither is known.

    `of` is the operation, plan or event that it is a part of.
    """
    before, after = word(each, "previousVersion"), word(each, "version")
    without = "deleted" if word(of, "kind") == "delete" else FIRST_IMAGE
    return f"{before} -> {after or without}" if before else after


def _row(snapshot: Snapshot, each: Object) -> list[str | Text]:
    there = now(snapshot.stack, each)
    tasks, rollout = part(there, "tasks"), part(there, "rollout")
    return [
        word(each, "environment"),
        word(each, "slot"),
        versions(snapshot.operation, each),
        texts.state(word(each, "status")),
        running(tasks),
        word(tasks, "pending"),
        word(tasks, "healthy"),
        texts.state(word(rollout, "state")),
    ]


def running(tasks: Object) -> str:
    """Return how many tasks run of those that should; nothing if that is not known."""
    return f"{word(tasks, 'running')}/{word(tasks, 'desired')}" if tasks else ""


def _facts(snapshot: Snapshot) -> dict[str, str]:
    """Return what is to be told about the operation and each environment, if it is new."""
    operation = snapshot.operation
    waiting = snapshot.trouble or word(operation, "waitingFor")
    state = word(operation, "status") + (f", waiting for: {waiting}" if waiting else "")
    told = {texts.about(operation): state}
    for each in parts(operation, "environments"):
        there = now(snapshot.stack, each)
        tasks, rollout = part(there, "tasks"), part(there, "rollout")
        said = [word(each, "status"), versions(operation, each)]
        if tasks:
            said.append(f"tasks {running(tasks)} running")
        said += [f"{word(tasks, name)} {name}" for name in ("pending", "healthy") if name in tasks]
        said += [f"rollout {word(rollout, 'state')}"] if rollout else []
        told[name_of(each)] = ", ".join(each for each in said if each)
    return told
