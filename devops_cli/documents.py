"""Specification files: `app.yml` as JSON values with the line of each field, and its text.

Values without quotes have their meaning in JSON: only `true`, `false`, `null` and numbers as JSON
writes them are not text. So a country code NO and a number with a zero at its start remain text.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import typer
import yaml

from devops_cli import rules
from devops_cli.failures import UsageError
from devops_cli.responses import Object
from devops_cli.show import texts

# The tag of a value without quotes, and the tags of the other values.
_PLAIN = "plain"
_TEXT, _LIST, _OBJECT = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = "-?(?:0|[1-9][0-9]{0,299})"
_NUMBER = rf"{_INTEGER}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
# The numbers of YAML 1.2 (10.3.2), which other programs read.
_CORE_NUMBER = (
    r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
)
# Aliases can repeat a part of a file many times. A specification has at most 64 KiB.
_MOST_VALUES = 50_000


@dataclass(frozen=True)
class Document:
    """The content of a file; `places` has the file and the line of each field by its path."""

    file: str
    content: dict[str, Any]
    places: Mapping[str, str] = field(default_factory=dict)


def read(file: str) -> Document:
    """Return the document of a YAML or JSON file; `-` is stdin.

    Raises:
        UsageError: the file cannot be read, or is not one object with unique names.

    """
    name = "stdin" if file == "-" else file
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        # Some editors and shells start a file with a byte order mark.
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not text in UTF-8") from error
    return _parse(name, text)


def application_name(document: Document, given: str | None) -> str:
    """Return the name of the application in a document, or else that of the command line.

    Raises:
        UsageError: there is no name, or they differ.

    """
    named = document.content.get("applicationName")
    if named is None and given is not None:
        return given
    if named is None:
        raise UsageError(f"{document.file} has no applicationName: add it, or add the name as NAME")
    place = document.places.get("applicationName", document.file)
    try:
        name = rules.text("name")(named if isinstance(named, str) else "")
    except typer.BadParameter as error:
        raise UsageError(f"{place}: applicationName: {error}") from error
    if given not in (None, name):
        raise UsageError(f"{place}: the file is for {name!r}, not for {given!r}")
    return name


def text(document: Object) -> str:
    """Return a document as YAML, which `read` and other programs read alike.

    If the text could control a terminal, it has escape sequences instead.
    """
    written = _dumped(document, escaped=False)
    return written if texts.is_plain(written) else _dumped(document, escaped=True)


def _dumped(document: Object, *, escaped: bool) -> str:
    return yaml.dump(
        document,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=not escaped,
        default_flow_style=False,
        width=2**20,
    )


def _parse(name: str, text: str) -> Document:
    content = _json(text)
    # PyYAML refuses the tabs between the values of JSON. A tab within a text must be escaped there.
    source = text if content is None else text.replace("\t", " ")
    try:
        reader = _Reader(name)
        found = reader.document(yaml.compose(source, Loader=_Loader))
    except yaml.YAMLError as error:
        # JSON can have characters in a text that YAML does not allow there.
        if content is not None:
            return Document(name, json.loads(text, object_pairs_hook=partial(_unique, name)))
        if isinstance(error, yaml.MarkedYAMLError):
            _refuse(name, error.problem_mark, f"is not valid YAML: {error.problem}")
        raise UsageError(f"{name} is not valid YAML: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise UsageError(f"{name} is nested too deeply") from error
    return Document(name, found if content is None else content, reader.places)


def _json(text: str) -> dict[str, Any] | None:
    """Return the object in a JSON text; None for other texts, which can be YAML."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _unique(name: str, members: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for member, value in members:
        if member in found:
            raise UsageError(f"{name}: {member} occurs twice in one object")
        found[member] = value
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a value of JSON")


class _Loader(yaml.SafeLoader):
    """Composes nodes without the types of YAML 1.1."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        """Return the tag of a value."""
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _TEXT
        return super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]


class _Reader:
    """Converts nodes to JSON values, and collects the places of the fields.

    Args:
        name: the name of the file for messages.

    """

    def __init__(self, name: str) -> None:
        self.places: dict[str, str] = {}
        self._name = name
        self._open: list[yaml.Node] = []
        self._count = 0

    def document(self, node: yaml.Node | None) -> dict[str, Any]:
        """Return the object of a file."""
        if not isinstance(node, yaml.MappingNode):
            raise UsageError(
                f"{self._name} has no fields: write for example email: team@example.com"
            )
        found: dict[str, Any] = self._value(node, "")
        return found

    def _value(self, node: yaml.Node, path: str) -> Any:
        self._count += 1
        if self._count > _MOST_VALUES or node in self._open:
            raise UsageError(f"{self._name} has too many values, or an alias within its own anchor")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self._open.append(node)
        if isinstance(node, yaml.MappingNode) and node.tag == _OBJECT:
            found: Any = self._members(node, path)
        elif isinstance(node, yaml.SequenceNode) and node.tag == _LIST:
            found = [self._value(each, path) for each in node.value]
        else:
            self._refuse_tag(node)
        self._open.pop()
        return found

    def _members(self, node: yaml.MappingNode, path: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag not in (_PLAIN, _TEXT):
                _refuse(self._name, key.start_mark, "the name of a field must be text")
            name, line = key.value, key.start_mark.line + 1
            inner = f"{path}.{name}" if path else name
            if name in lines:
                _refuse(self._name, key.start_mark, f"{inner} is also in line {lines[name]}")
            lines[name] = line
            # The first place of a field whose part is repeated by an alias.
            self.places.setdefault(inner, f"{self._name}:{line}")
            found[name] = self._value(value, inner)
        return found

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text: str = node.value
        if node.tag == _TEXT:
            return text
        if node.tag != _PLAIN:
            self._refuse_tag(node)
        if text in _WORDS:
            return _WORDS[text]
        if re.fullmatch(_INTEGER, text):
            return int(text)
        return float(text) if _is_finite(text) else text

    def _refuse_tag(self, node: yaml.Node) -> NoReturn:
        _refuse(self._name, node.start_mark, f"the tag {node.tag} is not supported")


def _is_finite(text: str) -> bool:
    return bool(re.fullmatch(_NUMBER, text)) and abs(float(text)) != float("inf")


def _refuse(name: str, mark: Any, problem: str) -> NoReturn:
    place = f"{name}:{mark.line + 1}" if mark else name
    raise UsageError(f"{place}: {problem}")


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and quotes texts that another program misreads."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write a value again wherever it is."""
        del data
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent the items of a list, too."""
        del indentless
        super().increase_indent(flow, indentless=False)


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar(_TEXT, value, style=style)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(f"(?:{_CORE_NUMBER})$"), list("-+.0123456789")
)
