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
    lines: list[list[str | Text]] = [
        [
            word(each, "environment"),
            word(each, "slot"),
            texts.state(word(each, "status")),
            progress.versions(found, each),
            word(each, "url"),
        ]
        for each in parts(found, "environments")
    ]
    yield texts.Rows(("ENV", "SLOT", "STATUS", "VERSION", "URL"), lines, named=2)
    yield from summary.warmup(found)


def events(found: Iterable[Object], name: str = "") -> RenderableType:
    """Return the table of events, in the order they come; of one application if it has a name."""
    columns = ("TIME", "APPLICATION", "KIND", "ENV", "OUTCOME", "VERSION", "BY", "REASON")
    lines: list[list[str | Text]] = [
        [
            texts.at(moment(each, "time")),
            "" if name else word(each, "applicationName"),
            texts.kind(each),
            word(each, "environment"),
            texts.state(word(each, "outcome")),
            progress.versions(each, each),
            texts.caller(word(each, "caller")),
            word(each, "reason"),
        ]
        for each in found
    ]
    return texts.Rows(columns, lines, named=4) if lines else texts.text("No events.")
