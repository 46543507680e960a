"""Output of applications: one with its state in ECS, or a table of all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from rich.console import RenderableType
from rich.text import Text

from devops_cli.responses import Object, get_object, get_objects, get_text, get_texts, get_time
from devops_cli.show import progress, texts

_COLUMNS = (
    "ENV", "SLOT", "LIVE", "VERSION", "DIGEST", "STATUS", "TASKS", "HEALTHY", "ROLLOUT", "SINCE",
    "BY", "URL",
)  # fmt: skip
_SHORT_DIGEST = 12  # characters, as Docker shows
_SHORT_VERSION = 12  # characters, for example of a long commit id
_LIVE = "bold green"
# The columns of the matrix by environment.
_MATRIX = {
    **{name: name for name in ("DEV", "QA", "STAGE", "TRAINING", "DA")},
    "PROD-GREEN": "LIVE",
    "PROD-BLUE": "IDLE",
}
BUSY = "*"  # marks an environment during an operation


def details(stack: Object, now: datetime) -> Iterator[RenderableType]:
    """Yield the heading, the table and the remarks of one application."""
    owners = (
        get_text(stack, "technicalTeam"),
        get_text(stack, "email"),
        get_text(stack, "description"),
    )
    yield texts.heading(get_text(stack, "applicationName"), "  ", ", ".join(filter(None, owners)))
    if repository := get_text(stack, "repository"):
        yield texts.text(f"Images: {repository}", "dim")
    environments = get_objects(stack, "environments")
    yield texts.Rows(_COLUMNS, [_line(each, now) for each in environments], named=2)
    for operation, holds in held(stack).items():
        yield texts.text(f"{', '.join(holds)}: operation {operation} is in progress", "yellow")
    for each in environments:
        yield from _other_repository(each, get_text(stack, "repository"))
        yield from _remarks(each)


def matrix(stacks: Iterable[Object], width: int) -> RenderableType:
    """Return a table with a row for each application and a column for each environment.

    A cell has the version, with a star during an operation, or the status of an environment that is
    not active. If the table is wider than `width`, long versions are shortened.
    """
    found = list(stacks)
    full = _matrix(found, None)
    if not found:
        return texts.text("No applications.")
    return full if full.fits(width) else _matrix(found, _SHORT_VERSION)


def held(stack: Object) -> dict[str, list[str]]:
    """Return the environments that each operation in progress holds, by its id."""
    found: dict[str, list[str]] = {}
    for each in get_objects(stack, "environments"):
        if operation := get_text(get_object(each, "operation"), "id"):
            found.setdefault(operation, []).append(progress.label(each))
    return found


def is_busy(stack: Object) -> bool:
    """Return whether an operation holds an environment of an application."""
    return any(get_object(each, "operation") for each in get_objects(stack, "environments"))


def _matrix(stacks: Iterable[Object], longest: int | None) -> texts.Rows:
    lines: list[list[str | Text]] = []
    for stack in stacks:
        cells = {
            get_text(each, "environment"): _cell(each, longest)
            for each in get_objects(stack, "environments")
        }
        environments = [cells.get(name, "") for name in _MATRIX]
        name, team = get_text(stack, "applicationName"), get_text(stack, "technicalTeam")
        lines.append([name, *environments, team])
    return texts.Rows(("APPLICATION", *_MATRIX.values(), "TEAM"), lines)


def _cell(each: Object, longest: int | None) -> str | Text:
    status = get_text(each, "status")
    busy = BUSY if get_object(each, "operation") else ""
    if status != "ACTIVE":
        return texts.text(f"{status}{busy}", texts.STYLES.get(status, ""))
    version = progress.running_version(each)
    if longest and len(version) > longest:
        version = f"{version[: longest - 1]}…"
    return texts.text(f"{version}{busy}", _LIVE if each.get("live") is True else "")


def table(stacks: Iterable[Object], now: datetime) -> RenderableType:
    """Return a table with a row for every environment of every application."""
    columns = (
        "APPLICATION", "ENV", "SLOT", "LIVE", "VERSION", "STATUS", "SINCE", "TEAM", "OPERATION",
    )  # fmt: skip
    lines: list[list[str | Text]] = [
        [
            get_text(stack, "applicationName"),
            get_text(each, "environment"),
            get_text(each, "slot"),
            _live(each),
            progress.running_version(each),
            texts.state(get_text(each, "status")),
            texts.age(get_time(each, "since"), now),
            get_text(stack, "technicalTeam"),
            get_text(get_object(each, "operation"), "id"),
        ]
        for stack in stacks
        for each in get_objects(stack, "environments")
    ]
    return texts.Rows(columns, lines, named=3) if lines else texts.text("No applications.")


def _line(each: Object, now: datetime) -> list[str | Text]:
    tasks = get_object(each, "tasks")
    return [
        get_text(each, "environment"),
        get_text(each, "slot"),
        _live(each),
        progress.running_version(each),
        get_text(each, "digest").removeprefix("sha256:")[:_SHORT_DIGEST],
        texts.state(get_text(each, "status")),
        progress.task_count(tasks),
        get_text(tasks, "healthy"),
        texts.state(get_text(get_object(each, "rollout"), "state")),
        texts.age(get_time(each, "since"), now),
        texts.caller_name(get_text(each, "by")),
        get_text(each, "url"),
    ]


def _live(each: Object) -> Text:
    if each.get("live") is True:
        return texts.text("live", _LIVE)
    return texts.text("idle" if each.get("live") is False else "")


def _other_repository(each: Object, own: str) -> Iterator[Text]:
    """Yield the image of an environment if it is not in the application's own repository."""
    image = get_text(each, "image")
    if get_text(each, "version") and own and image and not image.startswith((f"{own}:", f"{own}@")):
        yield texts.text(f"{progress.label(each)}: the image is {image}", "yellow")


def _remarks(each: Object) -> Iterator[Text]:
    name = progress.label(each)
    if unverified := get_text(each, "unverified"):
        yield texts.text(f"{name}: cannot be promoted: {unverified}", "yellow")
    problems = get_texts(each, "listenerProblems")
    for problem in problems:
        yield texts.text(f"{name}: this prevents a swap: {problem}", "yellow")
    # The record has the same problems after the next drift check.
    if (drift := get_text(each, "drift")) and drift != "; ".join(problems):
        yield texts.text(f"{name}: changed outside of the service: {drift}", "yellow")
    rollout = get_object(each, "rollout")
    if get_text(rollout, "state") == "COMPLETED":
        return  # the messages of a completed rollout are not of interest
    if reason := get_text(rollout, "reason"):
        yield texts.text(f"{name}: {reason}")
    for message in get_objects(each, "messages"):
        time = texts.timestamp(get_time(message, "time"))
        yield texts.text(f"{time} {name}: {get_text(message, 'message')}", "dim")
