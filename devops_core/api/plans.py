"""Plans as callers see them: JSON in which members without a value are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devops_core.api.shown import shown_part, shown_template

if TYPE_CHECKING:
    from devops_core.model import Progress
    from devops_core.operations.preview import Preview

# What is told of an environment: all but how far an operation has come there.
_MEMBERS = ("environment", "slot", "url", "version", "previousVersion", "image", "digest")


def shown_plan(preview: Preview) -> dict[str, Any]:
    """Return what a write that was only to be tried would do."""
    members = {
        "kind": preview.kind.value,
        "applicationName": preview.application,
        "message": preview.message,
        "claims": [environment.value for environment in preview.claims],
        "environments": [_environment(part, preview) for part in preview.parts],
        "production": _production(preview),
        "template": shown_template(preview.template),
        "parameters": dict(preview.parameters),
    }
    return {name: value for name, value in members.items() if value not in (None, [], {})}


def _environment(part: Progress, preview: Preview) -> dict[str, Any]:
    shown = {name: value for name, value in shown_part(part).items() if name in _MEMBERS}
    changes = preview.definitions.get(part.service)
    return {**shown, "taskDefinition": list(changes)} if changes else shown


def _production(preview: Preview) -> dict[str, str]:
    if preview.production is None:
        return {}
    live, then = preview.production
    return {"live": live, "willBeLive": then}
