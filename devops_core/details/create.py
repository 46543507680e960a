"""The details of a create."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from devops_core.model.service_spec import ServiceOverride, ServiceSpec
from devops_core.model.template import Template
from devops_core.naming import Environment, environment_name


class CreateDetails(NamedTuple):
    """`service` has the settings of the tasks, `template` is the template of the stack.

    `overrides` has further settings by environment ("dev", "prod"); `service_of` applies them.

    `undoing` means that the create has failed and its stack must be deleted. `containers` has the
    name of the application's container by service, as soon as the stack is complete.
    """

    service: ServiceSpec
    template: Template | None = None
    stack_id: str | None = None
    undoing: bool = False
    containers: Mapping[str, str] = {}
    overrides: Mapping[str, ServiceOverride] = {}

    def service_of(self, environment: Environment) -> ServiceSpec:
        """Return the effective settings of the tasks of an environment."""
        override = self.overrides.get(environment_name(environment))
        return self.service.overridden(override) if override else self.service

    def view(self) -> dict[str, Any]:
        """Return the template."""
        return {"template": self.template.view() if self.template else None}

    def milestones(self) -> dict[str, Any]:
        """Return no times."""
        return {}


DETAILS = CreateDetails
