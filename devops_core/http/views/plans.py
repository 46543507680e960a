"""Views of the plans of dry runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devops_core.errors import redact
from devops_core.http.views.operations import progress_view

if TYPE_CHECKING:
    from devops_core.engine.dry_run import DryRun
    from devops_core.model.operation import Progress

# The members of an environment's progress that a plan has.
_MEMBERS = ("environment", "slot", "url", "version", "previousVersion", "image", "digest")


def plan_view(plan: DryRun) -> dict[str, Any]:
    """Return the view of a plan."""
    live = plan.production
    members = {
        "kind": plan.kind,
        "applicationName": plan.application,
        "message": plan.message,
        "claims": [environment.value for environment in plan.claims],
        "environments": [_environment_view(part, plan) for part in plan.progress],
        "warnings": [redact(warning) for warning in plan.warnings],
        "production": {"live": live[0], "willBeLive": live[1]} if live else None,
        "policy": dict(plan.policy),
        "stack": plan.stack.view() if plan.stack else None,
        "resources": [each.view() for each in plan.resources],
        "changes": list(plan.changes),
        "pending": list(plan.pending),
        "template": plan.template.view() if plan.template else None,
        "parameters": dict(plan.parameters),
    }
    return {name: value for name, value in members.items() if value not in (None, [], {})}


def _environment_view(part: Progress, plan: DryRun) -> dict[str, Any]:
    view = {name: value for name, value in progress_view(part).items() if name in _MEMBERS}
    settings = plan.settings.get(part.service, {})
    changes = plan.definitions.get(part.service, ())
    further = {
        **settings,
        "changes": list(plan.changed.get(part.service, ())),
        "taskDefinition": list(changes),
    }
    return view | {name: value for name, value in further.items() if value}
