"""What is on record: an operation, and the log of events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.text import Text

from devops_cli.answers import Object, moment, parts, word
from devops_cli.show import progress, summary, texts


def operation(found: Object) -> Iterator[RenderableType]:
    """Yield what is shown of an operation."""
    yield summary.headline(found)
    for name, said in (
        ("asked for", f"{texts.at(moment(found, 'requestedAt'))} by {word(found, 'caller')}"),
        ("waits for", word(found, "waitingFor")),
        ("until", "" if word(found, "endedAt") else texts.at(moment(found, "deadline"))),
        ("aborted by", word(found, "abortedBy")),
        ("switched", texts.at(moment(found, "switchedAt"))),
        ("ended", texts.at(moment(found, "endedAt"))),
    ):
        if said:
            yield texts.sentence(texts.text(f"{name:>10}  ", "dim"), said)
    yield from summary.why(found)
    table = texts.table("ENVIRONMENT", "SLOT", "STATUS", "VERSION", "URL")
    lines: list[list[str | Text]] = [
        [
            word(each, "environment"),
            word(each, "slot"),
            texts.state(word(each, "status")),
            progress.versions(each),
            word(each, "url"),
        ]
        for each in parts(found, "environments")
    ]
    yield texts.rows(table, lines)
    yield from summary.warmup(found)


def events(found: Iterable[Object]) -> RenderableType:
    """Return the table of events, in the order they come."""
    table = texts.table(
        "TIME", "APPLICATION", "KIND", "ENVIRONMENT", "VERSION", "OUTCOME", "BY", "REASON"
    )
    lines: list[list[str | Text]] = [
        [
            texts.at(moment(each, "time")),
            word(each, "applicationName"),
            word(each, "kind"),
            word(each, "environment"),
            progress.versions(each),
            texts.state(word(each, "outcome")),
            texts.caller(word(each, "caller")),
            word(each, "reason"),
        ]
        for each in found
    ]
    return texts.rows(table, lines) if lines else texts.text("No events.")
