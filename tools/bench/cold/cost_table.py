"""The costs of cold starts as a Markdown table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tools.bench import markdown

_HEAD = (
    "operation", "service, ms", "script, ms", "ratio", "at most", "until the response, ms", "ratio",
    "peak, MiB",
)  # fmt: skip


def table(result: Mapping[str, Any]) -> list[str]:
    """Return the lines of a Markdown table with an introduction and a summary."""
    package, rounds = result["package"], result["rounds"]
    lines = [
        f"Fake AWS in memory, Python {result['python']}, botocore {result['botocore']}: user and"
        f" system CPU, medians of {rounds} new processes.",
        "The CPU until the response excludes the end of the process: Lambda keeps the process.",
        "Where a cell has two figures, the second one belongs to the script.",
        "",
        *markdown.table(_HEAD, [_line(name, row) for name, row in result["rows"].items()]),
        "",
        f"Package: {package['bytes'] / 1e6:.2f} MB zipped"
        f" (at most {package['limit'] / 1e6:.0f} MB). Peak memory: at most"
        f" {result['peak_limit']} MiB.",
    ]
    return lines + [f"EXCEEDED: {problem}" for problem in result["violations"]]


def _line(name: str, row: Mapping[str, Any]) -> Sequence[str]:
    ours, script = row["ours"], row["script"]
    return (
        name,
        f"{ours['cpu']:.0f}",
        f"{script['cpu']:.0f}",
        f"{row['ratio']:.2f}",
        f"{row['limit']:.2f}" if row["limit"] else "",
        f"{ours['answered']:.0f} / {script['answered']:.0f}",
        f"{row['answered_ratio']:.2f}",
        f"{ours['peak']:.0f} / {script['peak']:.0f}",
    )
