"""What is different between two objects of JSON, member by member; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# A member that is different: `field`, and `old` and `new` as far as there is one.
Difference = dict[str, Any]


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Return what is different, in the order of the fields.

    A field is a path, as "containerDefinitions.app.image". In a list whose objects have a `name`
    they go by it, whatever their order, and what has one further member is its value, as in
    "containerDefinitions.app.environment.LOG_LEVEL". Any other list is a value as a whole.
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
    """Return the objects of a list by their names; None when it is no list of such objects."""
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
    """Return objects by name; those of one and the same member become its value."""
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
