"""Pieces of what is shown. What the service says is data: never markup, never control codes."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from devops_cli import durations

# Makes a command line that a person can type: ("swap", "Shop") -> "devops swap Shop --api ...".
Command = Callable[..., str]

STYLES = {
    "SUCCEEDED": "green",
    "ACTIVE": "green",
    "COMPLETED": "green",
    "SWITCHED": "green",
    "IN_PROGRESS": "yellow",
    "CREATING": "yellow",
    "ABORTING": "yellow",
    "ROLLING_BACK": "yellow",
    "DRIFT": "yellow",
    "FAILED": "red",
    "DENIED": "red",
    "DELETE_FAILED": "red",
    "STACK_DELETED": "red",
}
# Controls, also those that turn the direction of writing around, and halves of characters.
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_COMMAND = "bold cyan"


def plain(value: object) -> str:
    """Return a value as one line of text that cannot control a terminal."""
    return "".join("?" if unicodedata.category(each) in _UNSEEN else each for each in str(value))


def text(value: object, style: str = "") -> Text:
    """Return a value as text to show; its style does not come from it."""
    return Text(plain(value), style=style)


def state(value: str) -> Text:
    """Return a status, a rollout state or an outcome in its colour."""
    return text(value, STYLES.get(value, ""))


def sentence(*pieces: str | Text) -> Text:
    """Return pieces as one line."""
    return Text.assemble(*[text(each) if isinstance(each, str) else each for each in pieces])


def command(line: str) -> Text:
    """Return a command line for a person to type."""
    return text(line, _COMMAND)


def heading(*pieces: str | Text) -> Text:
    """Return the line above what follows."""
    line = sentence(*pieces)
    line.stylize("bold")
    return line


def table(*columns: str) -> Table:
    """Return an empty table that reads well with and without a terminal, and can be cut by awk."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold dim")
    for name in columns:
        made.add_column(name, overflow="fold")
    return made


def rows(made: Table, lines: Iterable[Iterable[str | Text]]) -> Table:
    """Add lines to a table, without its columns that would be empty; return it."""
    cells = [[text(each) if isinstance(each, str) else each for each in line] for line in lines]
    kept = [at for at in range(len(made.columns)) if any(line[at].plain for line in cells)]
    shown = table(*[str(made.columns[at].header) for at in kept])
    for line in cells:
        shown.add_row(*[line[at] for at in kept])
    return shown


def caller(arn: str) -> str:
    """Return who somebody is in the account: user/alice, assumed-role/ci/build-7."""
    pieces = arn.split(":", 5)
    return pieces[5] if len(pieces) == 6 and pieces[0] == "arn" else arn


def ago(then: datetime | None, now: datetime) -> str:
    """Return how long ago something was, with one unit; nothing if that is not known."""
    if then is None:
        return ""
    words = durations.spoken(max((now - then).total_seconds(), 0)).split()
    return f"{words[0].partition('.')[0]} {words[1]}"


def at(moment: datetime | None) -> str:
    """Return a time in UTC as people read it, to the second."""
    if moment is None:
        return ""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
