"""Applications: one with all that ECS tells of it, or all with what runs where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from rich.console import RenderableType
from rich.text import Text

from devops_cli.answers import Object, moment, part, parts, word
from devops_cli.show import progress, texts

_COLUMNS = (
    "ENV", "SLOT", "LIVE", "VERSION", "STATUS", "TASKS", "HEALTHY", "ROLLOUT", "SINCE",
    "BY", "URL",
)  # fmt: skip


def one(stack: Object, now: datetime) -> Iterator[RenderableType]:
    """Yield what is shown of one application."""
    about = (word(stack, "technicalTeam"), word(stack, "email"), word(stack, "description"))
    yield texts.heading(word(stack, "applicationName"), "  ", ", ".join(filter(None, about)))
    if repository := word(stack, "repository"):
        yield texts.text(f"Images: {repository}", "dim")
    there = parts(stack, "environments")
    yield texts.Rows(_COLUMNS, [_line(each, now) for each in there], named=2)
    for each in there:
        yield from _remarks(each)


def many(stacks: Iterable[Object], now: datetime) -> RenderableType:
    """Return the table of every environment of every application."""
    columns = (
        "APPLICATION", "ENV", "SLOT", "LIVE", "VERSION", "STATUS", "SINCE", "TEAM", "AT WORK",
    )  # fmt: skip
    lines: list[list[str | Text]] = [
        [
            word(stack, "applicationName"),
            word(each, "environment"),
            word(each, "slot"),
            _live(each),
            _version(each),
            texts.state(word(each, "status")),
            texts.ago(moment(each, "since"), now),
            word(stack, "technicalTeam"),
            word(part(each, "operation"), "id"),
        ]
        for stack in stacks
        for each in parts(stack, "environments")
    ]
    return texts.Rows(columns, lines, named=3) if lines else texts.text("No applications.")


def _line(each: Object, now: datetime) -> list[str | Text]:
    tasks = part(each, "tasks")
    return [
        word(each, "environment"),
        word(each, "slot"),
        _live(each),
        _version(each),
        texts.state(word(each, "status")),
        progress.running(tasks),
        word(tasks, "healthy"),
        texts.state(word(part(each, "rollout"), "state")),
        texts.ago(moment(each, "since"), now),
        texts.caller(word(each, "by")),
        word(each, "url"),
    ]


def _version(each: Object) -> str:
    """Return what runs in an environment; what a new application starts with has no version."""
    runs = word(each, "status") == "ACTIVE"
    return word(each, "version") or (progress.FIRST_IMAGE if runs else "")


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
    rollout = part(each, "rollout")
    if word(rollout, "state") == "COMPLETED":
        return  # what ECS has said on the way there is of no interest any more
    if reason := word(rollout, "reason"):
        yield texts.text(f"{name}: {reason}")
    for said in parts(each, "messages"):
        when = texts.at(moment(said, "time"))
        yield texts.text(f"{when} {name}: {word(said, 'message')}", "dim")
