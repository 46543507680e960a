"""The plan of a dry run: what would be held, and what would change, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from devops_cli.answers import Object, part, parts, word, words
from devops_cli.show import progress, texts


def plan(found: Object) -> Iterator[RenderableType]:
    """Yield what is shown of a plan."""
    yield texts.heading("Dry run: ", texts.about(found), ". Nothing was changed.")
    if message := word(found, "message"):
        yield texts.text(message)
    if claims := words(found, "claims"):
        yield texts.text(f"Would hold until its end: {', '.join(claims)}")
    yield from _environments(found)
    yield from _production(part(found, "production"))
    yield from _template(found)


def _environments(found: Object) -> Iterator[RenderableType]:
    for each in parts(found, "environments"):
        yield texts.heading(f"{progress.name_of(each)}  {progress.versions(found, each)}".rstrip())
        for name in ("image", "digest", "url"):
            if value := word(each, name):
                yield texts.text(f"  {name:7} {value}")
        changes = parts(each, "taskDefinition")
        if changes:
            yield texts.text("  task definition:")
        for change in changes:
            yield from _difference(change)


def _difference(change: Object) -> Iterator[Text]:
    yield texts.text(f"    {word(change, 'field')}")
    for sign, name, style in (("-", "old", "red"), ("+", "new", "green")):
        if name in change:
            yield texts.text(f"      {sign} {_value(change, name)}", style)


def _value(change: Object, name: str) -> str:
    """Return a value as it is in JSON, text without its quotes."""
    value: Any = change[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _production(found: Object) -> Iterator[RenderableType]:
    live, then = word(found, "live"), word(found, "willBeLive")
    if found:
        said = f"Live now: {live}; live afterwards: {then}"
        yield texts.text(said + ("" if live != then else " (customers are not moved)"))


def _template(found: Object) -> Iterator[RenderableType]:
    template, parameters = part(found, "template"), part(found, "parameters")
    if template:
        version = word(template, "version")
        told = f"version {version}, " if version else ""
        yield texts.text(f"Application template: {told}sha256 {word(template, 'sha256')}")
    if parameters:
        yield texts.heading("Parameters of the stack:")
        lines = [[f"  {name}", _value(parameters, name)] for name in sorted(parameters)]
        yield texts.Rows(("  NAME", "VALUE"), lines)
