"""Markdown tables of figures with aligned columns, so that they are readable as text, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table: texts are aligned to the left, figures to the right."""
    body = list(rows)
    columns = [
        _column(name, cells) for name, cells in zip(head, zip(*body, strict=True), strict=True)
    ]
    return [f"| {' | '.join(line)} |" for line in zip(*columns, strict=True)]


def _column(name: str, cells: Sequence[str]) -> list[str]:
    """Return name, rule and cells of a column with the same width."""
    width = max(map(len, (name, *cells)))
    if all(cell[:1].isdigit() or cell in ("", "-") for cell in cells):
        return [name.rjust(width), "-" * (width - 1) + ":", *(cell.rjust(width) for cell in cells)]
    return [name.ljust(width), "-" * width, *(cell.ljust(width) for cell in cells)]
