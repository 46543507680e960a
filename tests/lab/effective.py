"""The effective settings of an environment, computed independently of the product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devops_core.naming import PRODUCTION, Environment

_MAPS = ("environment", "secrets")
_OTHER = dict(zip(_MAPS, reversed(_MAPS), strict=True))
# Settings that replace each other.
SIZES = frozenset({"desiredCount", "scaling"})


def effective_settings(document: Mapping[str, Any], environment: Environment) -> dict[str, Any]:
    """Return the settings that a document wants for an environment, by their names.

    `environment`, `secrets` and `unset` are always present.
    """
    name = "prod" if environment in PRODUCTION else environment.value.lower()
    settings: dict[str, Any] = {"environment": {}, "secrets": {}}
    override = document.get("overrides", {}).get(name, {})
    for layer in (document.get("service", {}), override):
        for setting, value in layer.items():
            if setting in SIZES:
                settings = {name: each for name, each in settings.items() if name not in SIZES}
            if setting not in _OTHER:
                settings[setting] = value
                continue
            for variable, text in value.items():
                settings[setting][variable] = text
                settings[_OTHER[setting]].pop(variable, None)
    for variable in override.get("unset", ()):
        settings["environment"].pop(variable, None)
        settings["secrets"].pop(variable, None)
    return {"unset": [], **settings}
