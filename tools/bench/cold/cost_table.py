"""The costs of cold starts as a Markdown table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tools.bench import markdown

_HEAD = (
    "operation", "ours, ms", "script, ms", "ratio", "at most", "until the answer, ms", "ratio",
    "peak, MiB",
)  # fmt: skip


def table(result: Mapping[str, Any]) -> list[str]:
    """Return the lines of a Markdown table and what goes with it."""
    package, rounds = result["package"], result["rounds"]
    lines = [
        f"Cold starts on Python {result['python']}, botocore {result['botocore']}: user and system"
        f" CPU, medians of {rounds} fresh processes each. Until the answer is without the end of"
        " the process, which Lambda puts off. Of two figures the second is the script's.",
        "",
        *markdown.table(_HEAD, [_line(name, row) for name, row in result["rows"].items()]),
        "",
        f"Package: {package['bytes'] / 1e6:.2f} MB zipped (at most {package['bar'] / 1e6:.0f} MB)."
        f" Peak memory: at most {result['peak_bar']} MiB.",
    ]
    return lines + [f"MISSED: {problem}" for problem in result["missed"]]


def _line(name: str, row: Mapping[str, Any]) -> Sequence[str]:
    ours, script = row["ours"], row["script"]
    return (
        name,
        f"{ours['cpu']:.0f}",
        f"{script['cpu']:.0f}",
        f"{row['ratio']:.2f}",
        f"{row['bar']:.2f}" if row["bar"] else "",
        f"{ours['answered']:.0f} / {script['answered']:.0f}",
        f"{row['answered_ratio']:.2f}",
        f"{ours['peak']:.0f} / {script['peak']:.0f}",
    )
