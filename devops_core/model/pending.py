"""The changes of the specification that an environment does not run yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devops_core.model.differences import Difference, differences
from devops_core.naming import Environment, environment_name

if TYPE_CHECKING:
    from devops_core.model.inventory import Service
    from devops_core.model.specification import Specification

# Settings that operations read when they start; no rollout applies them.
_READ_AT_START = ("rolloutMinutes", "warmup")


def pending_changes(
    service: Service, environment: Environment, running: Specification, wanted: Specification
) -> list[Difference]:
    """Return the differences between the settings that a service runs and the wanted ones.

    `running` is the revision of the service. Its task count and its scaling can be newer, because
    an update changes those of production at once if nothing else of production changes.
    """
    name = environment_name(environment)
    old, new = (each.named(name) for each in (running, wanted))
    old = {**old, "desiredCount": service.desired_count, "scaling": service.scaling}
    return [
        each
        for each in differences(_present(old), _present(new))
        if each["field"].partition(".")[0] not in _READ_AT_START
    ]


def _present(settings: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in settings.items() if value is not None}
