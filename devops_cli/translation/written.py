"""The text of a translation: YAML with the notes as comments at their fields."""

from __future__ import annotations

import json
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from devops_cli import documents
from devops_cli.show import texts
from devops_cli.translation import hints
from devops_cli.translation.facts import Described, Note, Path, Translation

_WIDTH = 100
_LONGEST_VALUE = 300
_HIDDEN = "***"
# The name of a container says nothing about the value.
_CONTAINER = re.compile(r"containerDefinitions\.[^.]+\.")


def head(described: Described) -> list[str]:
    """Return the first comments of the file."""
    return [
        f"Written by devops init from {described.origin}. The existing service does not change.",
        "Lines with a Remedy need a decision. Then create the application: devops apply -f FILE",
        "All environments receive the settings of service, which are those of the one that was"
        " read. Write the settings of a single environment into overrides, for example"
        " overrides.prod. Without environments, the application has dev and production"
        " (docs/configure.md).",
    ]


def text(translation: Translation, head: Sequence[str]) -> tuple[str, list[int]]:
    """Return the text of the file, and the line of each note; `head` are its first comments."""
    content = documents.text(translation.document)
    lines = content.splitlines()
    positions = _positions(content)
    by_line: dict[int, list[int]] = defaultdict(list)
    for number, note in enumerate(translation.notes):
        by_line[_line(positions, note.at)].append(number)
    result = [each for paragraph in head for each in _comment(paragraph, "")]
    found = [0] * len(translation.notes)
    for position, line in enumerate(lines):
        # A dash of a list is not a part of the indentation of its members.
        indent = " " * (len(line) - len(line.lstrip(" ")))
        for number in by_line.get(position, ()):
            found[number] = len(result) + 1
            result += _comment(_sentence(translation.notes[number]), indent)
        result.append(line)
    return "\n".join(result) + "\n", found


def sentence(note: Note) -> str:
    """Return a note for a person, without its value."""
    return f"{note.place}: {note.reason}. Remedy: {note.remedy}."


def _sentence(note: Note) -> str:
    if note.value is None:
        return sentence(note)
    # Characters other than ASCII are escape sequences, so no value can end a comment.
    name = _CONTAINER.sub("", note.place)
    value = json.dumps(_without_secrets(name, note.value), default=str)
    shown = value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…"
    return sentence(note._replace(place=f"{note.place} = {shown}"))


def _without_secrets(name: str, value: Any) -> Any:
    """Return the value of a name without the values of names that are like those of secrets."""
    if hints.is_secret(name):
        return _HIDDEN
    if isinstance(value, Mapping):
        own = str(value.get("name", value.get("key", "")))
        return {
            key: _without_secrets(f"{own} {key}" if key == "value" else key, each)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        # A word of a command can be an option with its value.
        return [_without_secrets(each if isinstance(each, str) else "", each) for each in value]
    return value


def _comment(paragraph: str, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(
        texts.plain(paragraph),
        _WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}#   ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _line(positions: dict[Path, int], at: Path) -> int:
    """Return the line before which a note of a field belongs.

    A note of an object is before its second member if the object is in a list, because the first
    one has the dash; otherwise it is before the first member. A note of a missing field is at the
    object that would contain it.
    """
    while at and at not in positions:
        at = at[:-1]
    inner = [
        line for path, line in positions.items() if len(path) == len(at) + 1 and path[:-1] == at
    ]
    if not inner:
        return positions[at]
    in_list = bool(at) and isinstance(at[-1], int)
    return sorted(inner)[1 if in_list and len(inner) > 1 else 0]


def _positions(content: str) -> dict[Path, int]:
    """Return the line of each field, from 0."""
    found: dict[Path, int] = {(): 0}

    def visit(node: yaml.Node, at: Path) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                found[*at, key.value] = key.start_mark.line
                visit(value, (*at, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                found[*at, number] = value.start_mark.line
                visit(value, (*at, number))

    root = yaml.compose(content, Loader=yaml.SafeLoader)
    assert root is not None  # noqa: S101 - a document has members
    visit(root, ())
    return found
