from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import pytest

from devops_core.adapters.dynamodb.attributes import decode, encode, plain, typed
from devops_core.model.times import timestamp
from tests.lab.samples import NOW


class Phase(StrEnum):
    FULL = "FULL"


class Shift(NamedTuple):
    started_at: datetime
    weight: int
    reason: str | None = None


@dataclass(frozen=True)
class Page:
    path: str
    tried_at: tuple[datetime, ...] = ()


class Swap(NamedTuple):
    phase: Phase
    last_shift: Shift | None
    shifts: tuple[Shift, ...] = ()
    page: Page | None = None
    weights: Mapping[str, int] = {}


@dataclass(frozen=True)
class Task:
    kind_of_task: str
    details: Swap | None = None
    notes: list[str] = field(default_factory=list)


MINIMAL = Swap(Phase.FULL, None)
FULL = Swap(
    phase=Phase.FULL,
    last_shift=Shift(NOW, 100, "done"),
    shifts=(Shift(NOW, 10), Shift(NOW, 100, "done")),
    page=Page("/", (NOW, NOW)),
    weights={"prod-1": 0},
)


@pytest.mark.parametrize("value", [MINIMAL, FULL])
def test_a_named_tuple_comes_back_as_it_was(value: Swap) -> None:
    stored = decode(encode({"swap": plain(value)}))

    assert typed(Swap, stored["swap"]) == value


@pytest.mark.parametrize("value", [Task("swap"), Task("swap", MINIMAL, ["a"]), Task("swap", FULL)])
def test_a_named_tuple_in_a_dataclass_comes_back_as_it_was(value: Task) -> None:
    stored = decode(encode({"task": plain(value)}))

    assert typed(Task, stored["task"]) == value


def test_a_named_tuple_is_a_map_with_names_in_camel_case() -> None:
    time = timestamp(NOW)

    assert plain(MINIMAL) == {"phase": "FULL", "shifts": [], "weights": {}}
    assert plain(FULL) == {
        "phase": "FULL",
        "lastShift": {"startedAt": time, "weight": 100, "reason": "done"},
        "shifts": [
            {"startedAt": time, "weight": 10},
            {"startedAt": time, "weight": 100, "reason": "done"},
        ],
        "page": {"path": "/", "triedAt": [time, time]},
        "weights": {"prod-1": 0},
    }


def test_a_tuple_without_names_is_a_list() -> None:
    assert plain(("a", ("b", Shift(NOW, 1)))) == [
        "a",
        ["b", {"startedAt": timestamp(NOW), "weight": 1}],
    ]


@pytest.mark.parametrize("kind", [Swap, Task])
def test_a_member_without_an_attribute_has_its_default(kind: Any) -> None:
    required: dict[str, Any] = {"phase": "FULL"} if kind is Swap else {"kindOfTask": "swap"}

    assert typed(kind, required) == (MINIMAL if kind is Swap else Task("swap"))


def test_attribute_values_are_dynamodbs() -> None:
    values = {"text": "a", "no": False, "number": 3, "list": ["a", {"b": True}], "absent": None}

    item = encode(values)

    assert item == {
        "text": {"S": "a"},
        "no": {"BOOL": False},
        "number": {"N": "3"},
        "list": {"L": [{"S": "a"}, {"M": {"b": {"BOOL": True}}}]},
    }
    assert decode(item) == {"text": "a", "no": False, "number": 3, "list": ["a", {"b": True}]}


def test_a_null_written_by_hand_is_none() -> None:
    assert decode({"url": {"NULL": True}}) == {"url": None}


def test_a_type_without_an_attribute_value_is_refused() -> None:
    with pytest.raises(TypeError, match="no attribute value for set"):
        encode({"names": {"a"}})


@pytest.mark.parametrize("number", [0, -3, 0.5, 1.0, 99.99, 1e-07])
def test_a_number_remains_equal(number: float) -> None:
    assert decode(encode({"number": number})) == {"number": number}
