"""Generates Markdown for GitHub."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

Row = tuple[str, ...]
# Characters per line of JSON, a little less than the width of a page.
_WIDTH = 88


def table(head: Row, rows: Iterable[Row]) -> str:
    """Return a table; an empty text without rows."""
    lines = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
    rule = " | ".join("---" for _ in head)
    return "\n".join(f"| {line} |" for line in (" | ".join(head), rule, *lines)) if lines else ""


def folded(summary: str, value: Any) -> str:
    """Return a JSON value in a collapsed section with a summary."""
    # Markdown has no effect in a summary.
    title = re.sub(r"`([^`]+)`", r"<code>\1</code>", summary)
    block = f"```json\n{_json(value)}\n```"
    return f"<details><summary>Example: {title}</summary>\n\n{block}\n\n</details>"


def _json(value: Any, indent: str = "") -> str:
    """Return JSON; a value that fits on a line is not broken into several lines."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(indent + flat) <= _WIDTH or not isinstance(value, list | dict) or not value:
        return flat
    further = f"{indent}  "
    if isinstance(value, dict):
        begin, end = "{}"
        items = [f"{json.dumps(name)}: {_json(item, further)}" for name, item in value.items()]
    else:
        begin, end = "[]"
        items = [_json(item, further) for item in value]
    return "\n".join([begin, ",\n".join(further + item for item in items), indent + end])


def line(text: str) -> str:
    """Join the lines of a text."""
    return " ".join(text.split())


def anchor(heading: str) -> str:
    """Return the anchor of a heading."""
    kept = "".join(each for each in heading.lower() if each.isalnum() or each in " -_")
    return kept.replace(" ", "-")
