"""The plan of a dry run: the claimed environments, and the changes field by field."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.console import RenderableType

from devops_cli.responses import Object, get_object, get_objects, get_text, get_texts
from devops_cli.show import changes, progress, summary, swaps, texts

# The fields of a task definition that hold settings of a specification.
_SETTING_FIELD = (
    r"(?:cpu|memory|taskRoleArn"
    r"|containerDefinitions\.[^.]+\.(?:environment|secrets|command|stopTimeout))(?:\.|$)"
)


def lines(found: Object) -> Iterator[RenderableType]:
    """Yield the lines and tables of a plan."""
    yield texts.heading("Dry run: ", texts.title(found), ". Nothing was changed.")
    if message := get_text(found, "message"):
        yield texts.text(message)
    yield from effects(found)
    yield from _template(found)


def effects(found: Object) -> Iterator[RenderableType]:
    """Yield the changes that a write would make in the application and its environments."""
    yield from summary.warnings(found)
    if claims := get_texts(found, "claims"):
        yield texts.text(f"Locked until the end of the operation: {', '.join(claims)}")
    if specification := get_objects(found, "changes"):
        upgrades = texts.command_name(found) == "upgrade"
        yield texts.heading("Parameters of the stack" if upgrades else "Specification")
        yield from changes.lines(specification, 2)
    yield from _stack(get_object(found, "stack"))
    yield from _resources(found)
    yield from _environments(found)
    yield from _production(get_object(found, "production"))
    yield from swaps.policy(get_object(found, "policy"))
    if pending := get_objects(found, "pending"):
        yield texts.heading("Production receives these settings with the next promote and swap")
        yield from changes.lines(pending, 2)


def _stack(change: Object) -> Iterator[RenderableType]:
    """Yield the environments that an update of the stack adds and removes, and the secrets."""
    for member, text in (
        ("added", "Added environments"),
        ("removed", "Deleted environments, with their load balancers and logs"),
        ("secrets", "Changed permissions for secrets"),
    ):
        if names := get_texts(change, member):
            style = "red" if member == "removed" else ""
            yield texts.text(f"{text}: {', '.join(names)}", style)


def _resources(found: Object) -> Iterator[RenderableType]:
    """Yield the resources that an upgrade changes."""
    if resources := get_objects(found, "resources"):
        yield texts.heading("Resources of the stack")
        rows = [
            [
                f"  {_action(each)}",
                get_text(each, "resource"),
                get_text(each, "resourceType"),
                ", ".join(get_texts(each, "properties")),
            ]
            for each in resources
        ]
        yield texts.Rows(("  ACTION", "RESOURCE", "TYPE", "PROPERTIES"), rows)


def _action(resource: Object) -> str:
    actions = {"True": "Replace", "Conditional": "Possibly replace"}
    return actions.get(get_text(resource, "replacement"), get_text(resource, "action"))


def _environments(found: Object) -> Iterator[RenderableType]:
    created: dict[tuple[str, ...], list[str]] = {}
    removed = get_texts(get_object(found, "stack"), "removed")
    for each in get_objects(found, "environments"):
        if get_text(each, "environment") in removed:
            continue
        if settings := tuple(_settings(each)):
            created.setdefault(settings, []).append(progress.label(each))
            continue
        yield from _environment(found, each)

    # The environments of a new application usually have the same settings.
    for settings, labels in created.items():
        yield texts.heading(", ".join(labels))
        yield from map(texts.text, settings)


def _environment(found: Object, each: Object) -> Iterator[RenderableType]:
    # An update keeps the release.
    keeps = texts.command_name(found) == "update"
    version = "" if keeps else progress.version_change(found, each)
    yield texts.heading(f"{progress.label(each)}  {version}".rstrip())
    for name in () if keeps else ("image", "digest", "url"):
        if value := get_text(each, name):
            yield texts.text(f"  {name:7} {value}")
    settings, definition = get_objects(each, "changes"), get_objects(each, "taskDefinition")
    if settings:
        yield texts.text("  settings:")
        yield from changes.lines(settings, 4)
        # The task definition has the same values under other names.
        definition = [
            change
            for change in definition
            if not re.match(_SETTING_FIELD, get_text(change, "field"))
        ]
    if definition:
        yield texts.text("  task definition:")
        yield from changes.lines(definition, 4)


def _settings(each: Object) -> Iterator[str]:
    """Yield the settings of the tasks of a new environment as lines."""
    if count := get_text(each, "desiredCount"):
        yield f"  tasks    {count}"
    if scaling := get_object(each, "scaling"):
        values = ", ".join(f"{name} {get_text(scaling, name)}" for name in scaling)
        yield f"  scaling  {values}"
    if cpu := get_text(each, "cpu"):
        yield f"  size     {cpu} CPU units, {get_text(each, 'memory')} MiB"
    if role := get_text(each, "taskRole"):
        yield f"  role     {role}"
    sidecars = get_object(each, "sidecars")
    for name in sidecars:
        yield f"  sidecar  {name}: {get_text(sidecars, name)}"
    variables = get_object(each, "variables")
    for name in variables:
        yield f"  variable {name}={get_text(variables, name)}"
    for name in get_texts(each, "secrets"):
        yield f"  secret   {name}"


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
        rows = [[f"  {name}", changes.value(parameters[name])] for name in sorted(parameters)]
        yield texts.Rows(("  NAME", "VALUE"), rows)
