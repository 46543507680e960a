"""Differences between two JSON objects, member by member; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# A different member: `field`, and its `old` and `new` value if it exists.
Difference = dict[str, Any]


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Return the differences in the order of the fields.

    A field is a path, for example "containerDefinitions.app.image". The objects of a list are
    compared by their `name`, in any order. An object with one further member is represented by
    this value, for example "containerDefinitions.app.environment.LOG_LEVEL". Any other list is
    compared as one value.
    """
    return _of_members("", old, new)


def _of_members(prefix: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    found: list[Difference] = []
    for name in sorted({*old, *new}):
        field = f"{prefix}{name}"
        if name not in new:
            found.append({"field": field, "old": old[name]})
        elif name not in old:
            found.append({"field": field, "new": new[name]})
        else:
            found += _of_values(field, old[name], new[name])
    return found


def _of_values(field: str, old: Any, new: Any) -> list[Difference]:
    if old == new:
        return []
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return _of_members(f"{field}.", old, new)
    before, after = _by_name(old), _by_name(new)
    if before is None or after is None:
        return [{"field": field, "old": old, "new": new}]
    return _of_members(f"{field}.", *_brief(before, after))


def _by_name(value: Any) -> dict[str, dict[str, Any]] | None:
    """Return the objects of a list by their names, None for any other value."""
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        return None
    named = {
        each["name"]: {member: each[member] for member in each if member != "name"}
        for each in value
        if isinstance(each.get("name"), str)
    }
    return named if len(named) == len(value) else None


def _brief(
    old: Mapping[str, dict[str, Any]], new: Mapping[str, dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return objects by name; if all have the same single member, its values replace them."""
    members = {
        name: {(*each[name],) for each in (old, new) if name in each} for name in {*old, *new}
    }
    single = {name for name, sets in members.items() if len(sets) == 1 and len(min(sets)) == 1}

    def brief(named: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        return {
            name: next(iter(rest.values())) if name in single else rest
            for name, rest in named.items()
        }

    return brief(old), brief(new)
