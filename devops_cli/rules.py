"""The service's rules for names, versions and environments, which options are checked against.

The service declares them, and `make reference` derives `rules.json` from its declarations.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

_RULES: dict[str, Any] = json.loads(
    Path(__file__).with_name("rules.json").read_text(encoding="utf-8")
)
# Names of production and of its slots, which a deploy does not accept.
_PRODUCTION = {
    "prod", "production", "prod-1", "prod-2", "prod-blue", "prod-green", "blue", "green", "live",
    "idle",
}  # fmt: skip


def text(rule: str, change: Callable[[str], str] = str) -> Callable[[str], str]:
    """Return a parser of an option: it changes the text, and checks the result against a rule."""

    def parse(value: str) -> str:
        changed = change(value)
        if not _fits(changed, _RULES[rule]):
            raise typer.BadParameter(f"{value!r} {_RULES[rule]['message']}")
        return changed

    return parse


def fits(rule: str, value: str) -> bool:
    """Return whether a text fits a rule."""
    return _fits(value, _RULES[rule])


def _fits(value: str, rule: dict[str, Any]) -> bool:
    """Return whether a text fits a rule: its pattern, maximum length and Unicode normal form."""
    return (
        re.fullmatch(rule["pattern"], value) is not None
        and len(value) <= rule.get("longest", len(value))
        and ("form" not in rule or unicodedata.is_normalized(rule["form"], value))
    )


def values(rule: str) -> list[str]:
    """Return the values of a rule that has a list of them."""
    found: list[str] = _RULES[rule]["values"]
    return found


def kinds(rule: str) -> dict[str, str]:
    """Return the kinds of the members of a rule: number, text, list or map."""
    found: dict[str, list[str]] = _RULES[rule]["kinds"]
    return {name: kind for kind, names in found.items() for name in names}


def choice(rule: str, production: str) -> Callable[[str], str]:
    """Return a parser of an option with one of the values of a rule, in any case.

    `production` is the remedy for a name of production that is not one of the values.
    """

    def parse(value: str) -> str:
        chosen = value.strip().lower()
        if chosen in values(rule):
            return chosen
        remedy = production if chosen in _PRODUCTION else ""
        if len(chosen.split()) > 1 and set(chosen.split()) <= set(values(rule)):
            remedy = f". Separate them with commas: {','.join(chosen.split())}"
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(values(rule))}{remedy}")

    return parse
