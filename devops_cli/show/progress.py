"""Progress of an operation: a table that is redrawn on a terminal, otherwise a line per change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from devops_cli import durations
from devops_cli.follow import Snapshot
from devops_cli.responses import Object, get_object, get_objects, get_text, get_time
from devops_cli.show import swaps, texts
from devops_cli.show.texts import Command

MESSAGES = 6  # messages of ECS below the table; more would not fit on a small terminal
_COLUMNS = (
    "ENV", "SLOT", "VERSION", "STATUS", "TASKS", "PENDING", "HEALTHY", "ROLLOUT",
)  # fmt: skip


class Message(NamedTuple):
    """A message of an ECS service."""

    time: datetime
    environment: str
    message: str


@contextmanager
def display(console: Console, command: Command) -> Iterator[Callable[[Snapshot], None]]:
    """Yield a function that shows a snapshot; a terminal erases the table at the end.

    `command` builds the command lines of the hints.
    """
    if not console.is_terminal or console.is_dumb_terminal:
        log = ChangeLog(command)

        def print_changes(snapshot: Snapshot) -> None:
            for line in log.changes(snapshot):
                console.print(line)

        yield print_changes
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield lambda snapshot: live.update(render(snapshot, command), refresh=True)


def render(snapshot: Snapshot, command: Command) -> RenderableType:
    """Return the table of a snapshot for a terminal, with the last messages of ECS."""
    operation = snapshot.operation
    parts: list[RenderableType] = [
        texts.sentence(
            texts.text(f"{texts.title(operation)} ", "bold"),
            texts.state(get_text(operation, "status")),
            f"  {durations.format_duration(snapshot.seconds)}  ",
            texts.text(get_text(operation, "id"), "dim"),
        ),
        texts.Rows(
            _COLUMNS,
            [_row(snapshot, each) for each in get_objects(operation, "environments")],
            named=2,
        ),
    ]
    requested = get_time(operation, "requestedAt")
    parts += swaps.state(operation, requested and requested + timedelta(seconds=snapshot.seconds))
    parts += [texts.text(hint, "dim") for hint in swaps.hints(operation, command)]
    if waiting := snapshot.trouble or get_text(operation, "waitingFor"):
        parts.append(texts.sentence(texts.text("Waiting for: ", "dim"), waiting))
    parts += [
        texts.text(f"{each.time:%H:%M:%S} {each.environment}: {each.message}", "dim")
        for each in messages(snapshot)[-MESSAGES:]
    ]
    return Group(*parts)


class ChangeLog:
    """Formats the differences between successive snapshots as lines."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._states: dict[str, str] = {}
        self._messages: set[Message] = set()

    def changes(self, snapshot: Snapshot) -> Iterator[Text]:
        """Yield a line for each change since the last snapshot, with the elapsed time."""
        elapsed = f"{durations.format_duration(snapshot.seconds):>8}  "
        states = {subject: swaps.Fact(text, text) for subject, text in _states(snapshot).items()}
        for subject, fact in (states | swaps.facts(snapshot.operation, self._command)).items():
            if self._states.get(subject) != fact.compared:
                self._states[subject] = fact.compared
                yield texts.text(f"{elapsed}{subject}: {fact.text}")
        for each in messages(snapshot):
            if each not in self._messages:
                self._messages.add(each)
                yield texts.text(f"{elapsed}{each.environment}: {each.message}")


def messages(snapshot: Snapshot) -> list[Message]:
    """Return the messages of ECS since the operation was requested, oldest first."""
    requested = get_time(snapshot.operation, "requestedAt") or datetime.min.replace(tzinfo=UTC)
    found = {
        Message(time.astimezone(UTC), label(each), get_text(message, "message"))
        for each in get_objects(snapshot.operation, "environments")
        for message in get_objects(current_state(snapshot.stack, each), "messages")
        if (time := get_time(message, "time")) and time >= requested
    }
    return sorted(found)


def current_state(stack: Object, each: Object) -> Object:
    """Return the state of an environment in the application; empty if it is not known.

    `each` is an environment of an operation. Production is found by its slot, because a swap
    exchanges the names PROD-GREEN and PROD-BLUE.
    """
    by = "slot" if get_text(each, "slot") else "environment"
    environments = get_objects(stack, "environments")
    return next((one for one in environments if get_text(one, by) == get_text(each, by)), {})


def running_version(each: Object) -> str:
    """Return the version of an environment of an application; empty if nothing may run there.

    The first image of an application has no version. Only an existing environment has an address.
    """
    exists = get_text(each, "status") == "ACTIVE" and get_text(each, "url")
    return get_text(each, "version") or (texts.FIRST_IMAGE if exists else "")


def label(each: Object) -> str:
    """Return the name of an environment, with its slot in production: DEV, PROD-BLUE (prod-2)."""
    slot = get_text(each, "slot")
    return get_text(each, "environment") + (f" ({slot})" if slot else "")


def version_change(parent: Object, each: Object) -> str:
    """Return the previous and the new version of an environment; empty if neither is known.

    `parent` is the operation, plan or event that contains the environment.
    """
    before, after = get_text(each, "previousVersion"), get_text(each, "version")
    # An update keeps the versions of the environments that remain.
    deletes = get_text(parent, "kind") in ("delete", "update")
    without = "deleted" if deletes else texts.FIRST_IMAGE
    return f"{before} -> {after or without}" if before else after


def _row(snapshot: Snapshot, each: Object) -> list[str | Text]:
    current = current_state(snapshot.stack, each)
    tasks, rollout = get_object(current, "tasks"), get_object(current, "rollout")
    return [
        get_text(each, "environment"),
        get_text(each, "slot"),
        version_change(snapshot.operation, each),
        texts.state(get_text(each, "status")),
        task_count(tasks),
        get_text(tasks, "pending"),
        get_text(tasks, "healthy"),
        texts.state(get_text(rollout, "state")),
    ]


def task_count(tasks: Object) -> str:
    """Return running and desired tasks, as in 1/2; empty if they are not known."""
    return f"{get_text(tasks, 'running')}/{get_text(tasks, 'desired')}" if tasks else ""


def _states(snapshot: Snapshot) -> dict[str, str]:
    """Return the state of the operation and of each environment as text, by title or label."""
    operation = snapshot.operation
    waiting = snapshot.trouble or get_text(operation, "waitingFor")
    state = get_text(operation, "status") + (f", waiting for: {waiting}" if waiting else "")
    states = {texts.title(operation): state}
    for each in get_objects(operation, "environments"):
        current = current_state(snapshot.stack, each)
        tasks, rollout = get_object(current, "tasks"), get_object(current, "rollout")
        facts = [get_text(each, "status"), version_change(operation, each)]
        if tasks:
            facts.append(f"tasks {task_count(tasks)} running")
        facts += [
            f"{get_text(tasks, name)} {name}" for name in ("pending", "healthy") if name in tasks
        ]
        facts += [f"rollout {get_text(rollout, 'state')}"] if rollout else []
        states[label(each)] = ", ".join(fact for fact in facts if fact)
    return states
