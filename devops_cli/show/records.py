"""Output of recorded data: an operation, and the event log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.text import Text

from devops_cli.responses import IN_PROGRESS, Object, get_object, get_objects, get_text, get_time
from devops_cli.show import progress, summary, swaps, texts
from devops_cli.show.texts import Command


def operation(found: Object) -> Iterator[RenderableType]:
    """Yield the lines and the table of an operation."""
    yield summary.headline(found)
    times = {
        name: texts.timestamp(get_time(found, name))
        for name in ("requestedAt", "deadline", "shiftedAt", "switchedAt", "returnedAt", "endedAt")
    }
    for name, value in (
        ("requested", f"{times['requestedAt']} by {get_text(found, 'caller')}"),
        ("waiting for", get_text(found, "waitingFor")),
        ("deadline", "" if get_text(found, "endedAt") else times["deadline"]),
        ("aborted by", get_text(found, "abortedBy")),
        ("approved by", get_text(found, "approvedBy")),
        ("finished by", get_text(found, "finishedBy")),
        ("shifted", times["shiftedAt"]),
        ("switched", times["switchedAt"]),
        ("returned", times["returnedAt"]),
        ("ended", times["endedAt"]),
    ):
        if value:
            yield texts.sentence(texts.text(f"{name:>11}  ", "dim"), value)
    yield from summary.reasons(found)
    yield from summary.container_logs(found)
    lines: list[list[str | Text]] = [
        [
            get_text(each, "environment"),
            get_text(each, "slot"),
            texts.state(get_text(each, "status")),
            progress.version_change(found, each),
            get_text(each, "url"),
        ]
        for each in get_objects(found, "environments")
    ]
    yield texts.Rows(("ENV", "SLOT", "STATUS", "VERSION", "URL"), lines, named=2)
    yield from summary.warmup(found)
    yield from swaps.policy(get_object(found, "policy"))
    yield from swaps.state(found)
    yield from swaps.affected(found)


def continuing(found: Object, command: Command) -> Iterator[RenderableType]:
    """Yield the state of an operation for a page with others: the next commands, no table."""
    yield summary.headline(found)
    if get_text(found, "status") != IN_PROGRESS:
        return
    yield from swaps.releases(found)
    yield from swaps.state(found)
    if waiting := get_text(found, "waitingFor"):
        yield texts.sentence(texts.text("Waiting for: ", "dim"), waiting)
    yield from map(texts.text, summary.while_in_progress(found, command))


def choices(operations: Iterable[Object]) -> RenderableType:
    """Return a numbered table of operations, for a choice."""
    lines: list[list[str | Text]] = [
        [
            str(number),
            get_text(each, "id"),
            texts.command_name(each),
            ", ".join(get_text(one, "environment") for one in get_objects(each, "environments")),
            texts.timestamp(get_time(each, "requestedAt")),
            texts.caller_name(get_text(each, "caller")),
        ]
        for number, each in enumerate(operations, start=1)
    ]
    return texts.Rows(("NO", "OPERATION", "KIND", "ENV", "REQUESTED", "BY"), lines, named=2)


def events(found: Iterable[Object], name: str = "") -> RenderableType:
    """Return the table of events in the given order.

    `name` is the application if all events belong to one; the column APPLICATION is then left out.
    """
    columns = ("TIME", "APPLICATION", "KIND", "ENV", "OUTCOME", "VERSION", "BY", "REASON")
    lines: list[list[str | Text]] = [
        [
            texts.timestamp(get_time(each, "time")),
            "" if name else get_text(each, "applicationName"),
            texts.command_name(each),
            get_text(each, "environment"),
            texts.state(get_text(each, "outcome")),
            progress.version_change(each, each),
            texts.caller_name(get_text(each, "caller")),
            _reason(each),
        ]
        for each in found
    ]
    return texts.Rows(columns, lines, named=4) if lines else texts.text("No events.")


def _reason(event: Object) -> str:
    """Return the reason of an event; with the number of calls and the last time for refusals."""
    count, last = event.get("count"), get_time(event, "lastTime")
    if not isinstance(count, int) or count < 2:
        return get_text(event, "reason")
    return f"{count} calls, the last at {texts.timestamp(last)}: {get_text(event, 'reason')}"
