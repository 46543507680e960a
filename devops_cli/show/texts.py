"""Elements of the output. Texts of the service are never interpreted as markup or control codes."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from devops_cli import durations
from devops_cli.responses import Object, get_text

# Builds a command line for a person: ("swap", "Shop") -> "devops swap Shop --api ...".
Command = Callable[..., str]

STYLES = {
    "SUCCEEDED": "green",
    "ACTIVE": "green",
    "COMPLETED": "green",
    "SWITCHED": "green",
    "SHIFTED": "green",
    "FULL": "green",
    "APPROVED": "green",
    "GOOD": "green",
    "IN_PROGRESS": "yellow",
    "CREATING": "yellow",
    "ABORTING": "yellow",
    "ROLLING_BACK": "yellow",
    "PREPARING": "yellow",
    "AWAITING_APPROVAL": "yellow",
    "BAKING": "yellow",
    "FINISHING": "yellow",
    "RETURNING": "yellow",
    "TOO_FEW_REQUESTS": "yellow",
    "UNREADABLE": "yellow",
    "DRIFT": "yellow",
    "FAILED": "red",
    "DENIED": "red",
    "RETURNED": "red",
    "BAD": "red",
    "DELETE_FAILED": "red",
    "STACK_DELETED": "red",
}
# Unicode categories: control and format characters (such as writing direction), surrogates, line
# and paragraph separators.
_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
FIRST_IMAGE = "first image"  # the first image of a new application has no version
_COMMAND = "bold cyan"
_GAP = 2  # spaces between columns


def plain(value: object) -> str:
    """Return a value as one line of text that cannot control a terminal."""
    return "".join("?" if unicodedata.category(each) in _INVISIBLE else each for each in str(value))


def is_plain(content: str) -> bool:
    """Return whether a text of several lines cannot control a terminal."""
    lines = content.replace("\r\n", "\n").replace("\n", "").replace("\t", "")
    return plain(lines) == lines


def text(value: object, style: str = "") -> Text:
    """Return a value as text with the given style; markup in the value has no effect."""
    return Text(plain(value), style=style)


def state(value: str) -> Text:
    """Return a status, a rollout state or an outcome with its colour."""
    return text(value, STYLES.get(value, ""))


def sentence(*pieces: str | Text) -> Text:
    """Join texts to one line."""
    return Text.assemble(*[text(each) if isinstance(each, str) else each for each in pieces])


def command(line: str) -> Text:
    """Return a command line for a person to type."""
    return text(line, _COMMAND)


def heading(*pieces: str | Text) -> Text:
    """Return a heading, a bold line."""
    line = sentence(*pieces)
    line.stylize("bold")
    return line


class Rows:
    """A table without borders, so that awk can split it. Empty columns are left out.

    If the table is too wide for a terminal, its last columns move below it, with a line for each
    row, so that no URL or command breaks in the middle. The first `named` columns identify a row.
    """

    def __init__(
        self, columns: Sequence[str], lines: Iterable[Iterable[str | Text]], named: int = 1
    ) -> None:
        cells = [[text(each) if isinstance(each, str) else each for each in line] for line in lines]
        kept = [at for at in range(len(columns)) if any(line[at].plain for line in cells)]
        self._columns = [columns[at] for at in kept]
        self._lines = [[line[at] for at in kept] for line in cells]
        self._named = sum(at < named for at in kept)

    def fits(self, width: int) -> bool:
        """Return whether all columns fit on a terminal with this number of columns."""
        return self._width(len(self._columns)) <= width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        count = len(self._columns)
        while count > self._named and self._width(count) > options.max_width:
            count -= 1
        table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold dim")
        for name in self._columns[:count]:
            table.add_column(name, overflow="fold")
        for line in self._lines:
            table.add_row(*line[:count])
        for shown in console.render_lines(table, options, pad=False):
            # A long cell, such as the reason of an event, would pad its column in all other lines.
            end = cell_len("".join(each.text for each in shown).rstrip())
            yield from Segment.adjust_line_length(shown, end, pad=False)
            yield Segment.line()
        for line in self._lines:
            yield from self._below(line, count)

    def _width(self, count: int) -> int:
        rows = [[text(name) for name in self._columns], *self._lines]
        widest = (max(row[at].cell_len for row in rows) for at in range(count))
        return sum(widest) + _GAP * (count - 1)

    def _below(self, line: Sequence[Text], count: int) -> Iterator[Text]:
        names = zip(self._columns[count:], line[count:], strict=True)
        left = [sentence(f"{name.lower()} ", cell) for name, cell in names if cell.plain]
        if left:
            row = " ".join(cell.plain for cell in line[: self._named] if cell.plain)
            yield sentence(text(f"{row}: ", "dim"), Text("  ").join(left))


def command_name(item: Object) -> str:
    """Return the command for the kind of an operation, a plan or an event."""
    kind = get_text(item, "kind")
    return "promote" if kind == "deploy-blue" else kind


def title(operation: Object) -> str:
    """Return command and application of an operation or a plan: deploy of Shop."""
    return f"{command_name(operation)} of {get_text(operation, 'applicationName')}"


def caller_name(arn: str) -> str:
    """Return a caller without the account part of the ARN: user/alice, assumed-role/ci/build-7."""
    pieces = arn.split(":", 5)
    return pieces[5] if len(pieces) == 6 and pieces[0] == "arn" else arn


def age(then: datetime | None, now: datetime) -> str:
    """Return the time since `then` in one unit; empty if it is not known."""
    if then is None:
        return ""
    words = durations.format_duration(max((now - then).total_seconds(), 0)).split()
    return f"{words[0].partition('.')[0]} {words[1]}"


def timestamp(time: datetime | None) -> str:
    """Format a time in UTC, to the second; empty if it is not known."""
    if time is None:
        return ""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
