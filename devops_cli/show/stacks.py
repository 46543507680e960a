"""Applications: one with all that ECS tells of it, or all with what runs where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.text import Text

from devops_cli.answers import Object, moment, part, parts, word
from devops_cli.show import progress, texts

_COLUMNS = (
    "ENVIRONMENT", "SLOT", "LIVE", "VERSION", "STATUS", "TASKS", "HEALTHY", "ROLLOUT", "SINCE",
    "BY", "URL",
)  # fmt: skip

_UNBOUNDED = 10_000  # columns; measured within fewer, every table fits


def one(stack: Object, now: datetime, console: Console) -> Iterator[RenderableType]:
    """Yield what is shown of one application."""
    about = (word(stack, "technicalTeam"), word(stack, "email"), word(stack, "description"))
    yield texts.heading(word(stack, "applicationName"), "  ", ", ".join(filter(None, about)))
    if repository := word(stack, "repository"):
        yield texts.text(f"Images: {repository}", "dim")
    there = parts(stack, "environments")
    lines = [_line(each, now) for each in there]
    wide = texts.rows(texts.table(*_COLUMNS), lines)
    unbounded = console.options.update(width=_UNBOUNDED)
    if Measurement.get(console, unbounded, wide).maximum <= console.width:
        yield wide
    else:
        # A URL that is broken over lines cannot be clicked or copied: each gets its own.
        yield texts.rows(texts.table(*_COLUMNS[:-1]), [line[:-1] for line in lines])
        for each in there:
            if url := word(each, "url"):
                yield texts.text(f"{progress.name_of(each)}  {url}")
    for each in there:
        yield from _remarks(each)


def many(stacks: Iterable[Object], now: datetime) -> RenderableType:
    """Return the table of every environment of every application."""
    table = texts.table(
        "APPLICATION", "TEAM", "ENVIRONMENT", "LIVE", "VERSION", "STATUS", "SINCE", "AT WORK"
    )
    lines: list[list[str | Text]] = [
        [
            word(stack, "applicationName"),
            word(stack, "technicalTeam"),
            progress.name_of(each),
            _live(each),
            word(each, "version"),
            texts.state(word(each, "status")),
            texts.ago(moment(each, "since"), now),
            word(part(each, "operation"), "id"),
        ]
        for stack in stacks
        for each in parts(stack, "environments")
    ]
    return texts.rows(table, lines) if lines else texts.text("No applications.")


def _line(each: Object, now: datetime) -> list[str | Text]:
    tasks = part(each, "tasks")
    return [
        word(each, "environment"),
        word(each, "slot"),
        _live(each),
        word(each, "version"),
        texts.state(word(each, "status")),
        progress.running(tasks),
        word(tasks, "healthy"),
        texts.state(word(part(each, "rollout"), "state")),
        texts.ago(moment(each, "since"), now),
        texts.caller(word(each, "by")),
        word(each, "url"),
    ]


def _live(each: Object) -> Text:
    if each.get("live") is True:
        return texts.text("live", "bold green")
    return texts.text("idle" if each.get("live") is False else "")


def _remarks(each: Object) -> Iterator[Text]:
    name = progress.name_of(each)
    if operation := word(part(each, "operation"), "id"):
        yield texts.text(f"{name}: operation {operation} is at work on it", "yellow")
    if drift := word(each, "drift"):
        yield texts.text(f"{name}: is not as it was left: {drift}", "yellow")
    if reason := word(part(each, "rollout"), "reason"):
        yield texts.text(f"{name}: {reason}")
    for said in parts(each, "messages"):
        when = texts.at(moment(said, "time"))
        yield texts.text(f"{when} {name}: {word(said, 'message')}", "dim")
