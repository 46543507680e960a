"""Differences between two JSON objects: each field with its old and new value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from rich.text import Text

from devops_cli.responses import Object, get_objects, get_text
from devops_cli.show import texts
from devops_cli.show.texts import Command

_SIGNS = (("-", "old", "red"), ("+", "new", "green"))
_DEEPEST = 8  # a specification has fewer levels
# The commands for the calls that apply pending changes.
_COMMANDS = {
    "POST /stacks/deploytoprodBlue": "promote",
    "POST /stacks/swapProdBlueAndGreen": "swap",
}


def lines(changes: Iterable[Object], indent: int = 0) -> Iterator[Text]:
    """Yield the lines of differences, with a line for each member of an object that is new."""
    space = " " * indent
    for each in changes:
        for change in _members(each):
            yield texts.text(f"{space}{get_text(change, 'field')}")
            for sign, name, style in _SIGNS:
                if name in change:
                    yield texts.text(f"{space}  {sign} {value(change[name])}", style)


def value(found: Any) -> str:
    """Return a text unchanged, and any other value as JSON."""
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def pending(specification: Object, command: Command) -> Iterator[Text]:
    """Yield the changes that environments lack, and the command that applies them."""
    name = get_text(specification, "applicationName")
    for each in get_objects(specification, "pending"):
        environment = get_text(each, "environment")
        call = get_text(each, "call")
        word = _COMMANDS.get(call)
        line = (word, name) if word else ("restart", name, "--env", environment.lower())
        changes = get_objects(each, "changes")
        missing = "lacks these changes" if changes else "runs settings that are not on record"
        yield texts.sentence(
            f"{environment} {missing}. To apply the specification: ", texts.command(command(*line))
        )
        yield from lines(changes, 2)


def _members(change: Object, depth: int = 0) -> Iterator[Object]:
    """Yield a difference, or one for each value in an object that exists only on one side."""
    sides = [name for name in ("old", "new") if name in change]
    only = change[sides[0]] if len(sides) == 1 else None
    if not isinstance(only, dict) or not only or depth == _DEEPEST:
        yield change
        return
    for name in only:
        member = {"field": f"{get_text(change, 'field')}.{name}", sides[0]: only[name]}
        yield from _members(member, depth + 1)
