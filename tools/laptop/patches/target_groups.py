"""Elastic Load Balancing: descriptions of target groups are valid XML."""

from __future__ import annotations

from html import escape
from typing import Any

from ministack.services import alb

_target_group_xml = alb._tg_xml


def apply() -> None:
    """Apply the correction."""
    alb._tg_xml = target_group_xml


def target_group_xml(group: dict[str, Any]) -> str:
    """Return the XML of a target group.

    Gap: the emulator does not escape the health check path, whose query can contain "&".
    """
    path = escape(group.get("HealthCheckPath", "/"), quote=False)
    xml: str = _target_group_xml({**group, "HealthCheckPath": path})
    return xml
