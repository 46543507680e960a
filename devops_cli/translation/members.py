"""The treatment of each member of a shape of AWS, and the notes of members without a translation.

The tables are closed: a test compares them with the models of botocore.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from devops_cli.translation.facts import Note, Object, Path


class Treatment(NamedTuple):
    """The treatment of a member: its field, or the reason why it has none.

    `remedy` is empty if the member has no effect here, or if it has a field. `usual` are values
    that need no note.
    """

    field: str = ""
    reason: str = ""
    remedy: str = ""
    usual: tuple[Any, ...] = ()


Table = Mapping[str, Treatment]
_UNKNOWN = Treatment(
    reason="this version of devops does not know this member",
    remedy="read its meaning in the ECS API reference, and decide",
)


def translated(field: str) -> Treatment:
    """Return the treatment of a member with a field in the document."""
    return Treatment(field=field)


def without_effect(reason: str) -> Treatment:
    """Return the treatment of a member that is not needed here."""
    return Treatment(reason=reason)


RECORD = without_effect("AWS records it; it is not a setting")
# A remedy for members that the templates of applications can have.
TEMPLATE = (
    "add it with a custom template (docs/custom-template.md), or leave the service where it is"
)


def untranslated(reason: str, remedy: str, *usual: Any) -> Treatment:
    """Return the treatment of a member that a person must decide about."""
    return Treatment(reason=reason, remedy=remedy, usual=usual)


def notes(table: Table, values: Object, place: str, at: Path) -> Iterator[Note]:
    """Yield a note for each member without a translation that has a value with a meaning."""
    for name, value in values.items():
        treatment = table.get(name, _UNKNOWN)
        # Descriptions contain the defaults of ECS: False, 0 and empty lists.
        if treatment.remedy and value and value not in treatment.usual:
            yield Note(
                f"{place}.{name}" if place else name,
                at,
                treatment.reason,
                treatment.remedy,
                value,
            )
