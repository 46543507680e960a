"""The plan of a dry run: the claimed environments, and the changes field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from devops_cli.responses import Object, get_object, get_objects, get_text, get_texts
from devops_cli.show import progress, summary, texts


def lines(found: Object) -> Iterator[RenderableType]:
    """Yield the lines and tables of a plan."""
    yield texts.heading("Dry run: ", texts.title(found), ". Nothing was changed.")
    if message := get_text(found, "message"):
        yield texts.text(message)
    yield from summary.warnings(found)
    if claims := get_texts(found, "claims"):
        yield texts.text(f"Locked until the end of the operation: {', '.join(claims)}")
    yield from _environments(found)
    yield from _production(get_object(found, "production"))
    yield from _template(found)


def _environments(found: Object) -> Iterator[RenderableType]:
    created: dict[tuple[str, ...], list[str]] = {}
    for each in get_objects(found, "environments"):
        if settings := tuple(_settings(each)):
            created.setdefault(settings, []).append(progress.label(each))
            continue
        yield texts.heading(
            f"{progress.label(each)}  {progress.version_change(found, each)}".rstrip()
        )
        for name in ("image", "digest", "url"):
            if value := get_text(each, name):
                yield texts.text(f"  {name:7} {value}")
        changes = get_objects(each, "taskDefinition")
        if changes:
            yield texts.text("  task definition:")
        for change in changes:
            yield from _difference(change)

    # The environments of a new application usually have the same settings.
    for settings, labels in created.items():
        yield texts.heading(", ".join(labels))
        yield from map(texts.text, settings)


def _settings(each: Object) -> Iterator[str]:
    """Yield the settings of the tasks of a new environment as lines."""
    if count := get_text(each, "desiredCount"):
        yield f"  tasks    {count}"
    variables = get_object(each, "variables")
    for name in variables:
        yield f"  variable {name}={get_text(variables, name)}"
    for name in get_texts(each, "secrets"):
        yield f"  secret   {name}"


def _difference(change: Object) -> Iterator[Text]:
    yield texts.text(f"    {get_text(change, 'field')}")
    for sign, name, style in (("-", "old", "red"), ("+", "new", "green")):
        if name in change:
            yield texts.text(f"      {sign} {_value(change, name)}", style)


def _value(change: Object, name: str) -> str:
    """Return a text unchanged, and any other value as JSON."""
    value: Any = change[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _production(found: Object) -> Iterator[RenderableType]:
    live, then = get_text(found, "live"), get_text(found, "willBeLive")
    if found:
        text = f"Live now: {live}; live afterwards: {then}"
        yield texts.text(text + ("" if live != then else " (unchanged for customers)"))


def _template(found: Object) -> Iterator[RenderableType]:
    template, parameters = get_object(found, "template"), get_object(found, "parameters")
    if template:
        version = get_text(template, "version")
        prefix = f"version {version}, " if version else ""
        yield texts.text(f"Application template: {prefix}sha256 {get_text(template, 'sha256')}")
    if parameters:
        yield texts.heading("Parameters of the stack:")
        rows = [[f"  {name}", _value(parameters, name)] for name in sorted(parameters)]
        yield texts.Rows(("  NAME", "VALUE"), rows)
