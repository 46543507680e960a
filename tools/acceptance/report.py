"""The report of an acceptance test, in Markdown and in JSON; no I/O.

The report is published, so `published` removes all texts that identify an account or a person.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from tools.acceptance.results import Check, Measure, Outcome, Results

FORMAT = 1  # the version of the JSON report
_NOTHING = "-"
# The patterns in the order of replacement: longer texts before their parts.
_REPLACED = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\b\d{12}\.dkr\.ecr\.[\w.-]+", "<registry>"),
        (
            r"(?<![\w.-])(?!public\.ecr\.aws/)(?:[\w-]+\.)+[a-z]{2,}(?::\d+)?(?=/[\w.-]+)",
            "<registry>",
        ),
        (r"\barn:[\w-]*:[^\s,;\"')]*[\w*/]", "<arn>"),
        (r"\b(?:iam|sts) (?:root\b|[\w-]+/[^\s,;:\"')]+)", "<caller>"),
        (r"\bhttps?://[^\s,;\"')]+", "<address>"),
        (r"\b[\w-]+(?:\.[\w-]+)*\.amazonaws\.com(?:\.cn)?(?::\d+)?", "<address>"),
        (r"\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d+)?", "<address>"),
        (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "<email>"),
        (r"\b(?:vpc|subnet|sg|eni|i|vpce)-[0-9a-f]{8,17}\b", "<network>"),
        (r"\b(?:A3T[A-Z0-9]|AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b", "<key>"),
        (r"(?<!\d)\d{12}(?!\d)", "<account>"),
    )
)


def published(text: str) -> str:
    """Return a text without account numbers, ARNs, addresses, callers and names of networks."""
    for pattern, replacement in _REPLACED:
        text = pattern.sub(replacement, text)
    return text


def as_json(results: Results) -> str:
    """Return the report for programs."""
    members: dict[str, Any] = {
        "format": FORMAT,
        "result": results.verdict,
        "date": f"{results.started:%Y-%m-%d}",
        "startedAt": results.started.isoformat(timespec="seconds"),
        "seconds": round(results.seconds, 1),
        "region": results.region,
        "service": results.service or None,
        "versionUnread": results.version_unread or None,
        "tool": results.tool,
        "application": results.application,
        "images": list(results.images),
        "removal": results.remaining or "complete",
        "measures": [_rounded(each) for each in results.measures],
        "checks": [{**asdict(each), "outcome": each.outcome.value} for each in results.checks],
        "logged": [asdict(each) for each in results.logged],
        "logsUnread": results.logs_unread or None,
    }
    return json.dumps(_published_values(members), indent=2, ensure_ascii=False) + "\n"


def as_markdown(results: Results) -> str:
    """Return the report for people."""
    counts = {outcome: len(results.of(outcome)) for outcome in Outcome}
    lines = [
        f"# Acceptance test: {results.verdict}",
        "",
        *_table(("", ""), [
            ("Date", f"{results.started:%Y-%m-%d %H:%M} UTC"),
            ("Region", results.region or "not known"),
            ("Service", results.service or f"not known: {results.version_unread}"),
            ("Acceptance test", results.tool),
            ("Application", results.application),
            ("Images", ", ".join(results.images)),
            ("Duration", f"{results.seconds:.0f} s"),
            ("Checks", ", ".join(f"{counts[each]} {each.value}" for each in Outcome)),
            ("Removal", f"**incomplete**: {results.remaining}" if results.remaining
             else "complete"),
        ]),
        *_section("Failed checks", _checks(results.of(Outcome.FAILED)), "None."),
        *_section("Durations", _durations(results.measures), "No step was measured."),
        *_section("Unchecked items", _checks(results.of(Outcome.UNCHECKED)), "None."),
        *_section("AWS calls that were throttled or refused", *_logged(results)),
        *_section("Passed checks", _checks(results.of(Outcome.PASSED)), "None."),
    ]  # fmt: skip
    return "\n".join(published(line) for line in lines) + "\n"


def _section(title: str, lines: Sequence[str], otherwise: str) -> list[str]:
    return ["", f"## {title}", "", *(lines or [otherwise])]


def _checks(checks: Iterable[Check]) -> list[str]:
    return [
        f"- {each.step}: {each.text}" + (f" ({_line(each.reason)})" if each.reason else "")
        for each in checks
    ]


def _durations(measures: Sequence[Measure]) -> list[str]:
    if not measures:
        return []
    head = ("Step", "Response", "Switched", "First page", "End", "Page requests", "Failed")
    rows = [
        (
            each.step,
            *map(_seconds, (each.response, each.switched, each.first_page, each.ended)),
            str(each.requests or _NOTHING),
            str(each.failed if each.requests else _NOTHING),
        )
        for each in measures
    ]
    return ["Seconds since the request of each step.", "", *_table(head, rows)]


def _logged(results: Results) -> tuple[list[str], str]:
    if results.logs_unread:
        return [], f"Unchecked: {results.logs_unread}."
    return [
        f"- {each.count} x {each.function}, `{each.message}`: {_line(each.error)}"
        for each in results.logged
    ], "None."


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    rule = [" --- "] * len(head)
    cells = [[f" {_line(cell).replace('|', '/')} " for cell in row] for row in (head, *rows)]
    return ["|" + "|".join(each) + "|" for each in (cells[0], rule, *cells[1:])]


def _line(text: str) -> str:
    return " ".join(text.split())


def _seconds(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.1f}"


def _rounded(measure: Measure) -> dict[str, Any]:
    members = {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in asdict(measure).items()
    }
    names = {"first_page": "firstPage"}
    return {names.get(name, name): value for name, value in members.items()}


def _published_values(value: Any) -> Any:
    """Return a JSON value with all its texts published."""
    if isinstance(value, dict):
        return {name: _published_values(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_published_values(each) for each in value]
    return published(value) if isinstance(value, str) else value
