"""The rules of `service` in a specification, and the values that do not fit them.

`make reference` derives service.json from the declarations of the service.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path as File
from typing import Any

from devops_cli.translation.facts import SERVICE, Note, Path

_REMEDY = "correct the value: devops apply refuses it"


@cache
def rules() -> Mapping[str, Any]:
    """Return the rule of the object `service`."""
    found: dict[str, Any] = json.loads(
        File(__file__).parents[1].joinpath("service.json").read_text(encoding="utf-8")
    )
    return found


def rule(*names: str) -> Mapping[str, Any]:
    """Return the rule of a member of `service`; names lead through objects and lists of objects."""
    found = rules()
    for name in names:
        found = found.get("item", found)["members"][name]
    return found


def sizes() -> Mapping[int, list[int]]:
    """Return the MiB that Fargate supports by the number of CPU units."""
    return {int(cpu): memory for cpu, memory in rule("memory")["allowed"].items()}


def invalid_values(service: Mapping[str, Any]) -> Iterator[Note]:
    """Yield a note for each value that the service would refuse."""
    for at, message in _faults(rules(), service, SERVICE):
        yield Note(".".join(map(str, at)), at, message, _REMEDY)


def _faults(rule: Mapping[str, Any], value: Any, at: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        yield from _of_members(rule, value, at)
    elif isinstance(value, list):
        if len(value) > rule.get("most", len(value)):
            yield at, rule["message"]
        for number, each in enumerate(value):
            # The service names the list of a wrong word.
            inner = (*at, number) if isinstance(each, dict) else at
            yield from _faults(rule["item"], each, inner)
    elif message := _fault(rule, value):
        yield at, message


def _of_members(
    rule: Mapping[str, Any], value: Mapping[str, Any], at: Path
) -> Iterator[tuple[Path, str]]:
    members = rule.get("members", {})
    for name, each in value.items():
        inner = (*at, name)
        if name in members:
            yield from _faults(members[name], each, inner)
        elif "name" not in rule:
            yield inner, "is not a known field"
        elif message := _fault(rule["name"], name):
            yield inner, message
        else:
            yield from _faults(rule["value"], each, inner)


def _fault(rule: Mapping[str, Any], value: Any) -> str:
    """Return the message for a value, an empty text if it fits."""
    if "values" in rule and value not in rule["values"]:
        return str(rule.get("message", f"must be one of {', '.join(map(str, rule['values']))}"))
    if "least" in rule and not rule["least"] <= value <= rule["most"]:
        return str(rule["message"])
    if "pattern" in rule:
        if value in rule.get("refused", {}):
            return str(rule["refused"][value])
        if len(value) > rule.get("longest", len(value)) or not re.fullmatch(rule["pattern"], value):
            return str(rule["message"])
    return ""
