"""The meter of capacity units, by the examples and rules of DynamoDB."""

from __future__ import annotations

from typing import Any

import pytest

from tests.proofs.scale.capacity import Capacity, size


def of_size(wanted: int) -> dict[str, Any]:
    return {"a": {"S": "x" * (wanted - 1)}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"S": "née"}, 4),  # bytes, not characters
        ({"N": "1234"}, 3),  # two digits a byte, and one more
        ({"N": "-12345"}, 4),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"L": []}, 3),
        ({"L": [{"S": "ab"}, {"S": "c"}]}, 3 + 2 + 3),
        ({"M": {"key": {"S": "ab"}}}, 3 + 1 + 3 + 2),
    ],
)
def test_an_item_has_the_bytes_of_its_names_and_values(value: Any, expected: int) -> None:
    assert size({"name": value}) == 4 + expected


@pytest.mark.parametrize(
    ("bytes_", "consistent", "expected"),
    [(0, True, 1), (0, False, 0.5), (4096, True, 1), (4097, True, 2), (4097, False, 1)],
)
def test_a_read_counts_each_four_kilobytes(bytes_: int, consistent: bool, expected: float) -> None:
    capacity = Capacity()
    capacity.reads(bytes_, consistent=consistent)
    assert (capacity.read, capacity.write) == (expected, 0)


@pytest.mark.parametrize(
    ("before", "after", "transaction", "expected"),
    [
        ({}, of_size(1024), False, 1),
        ({}, of_size(1025), False, 2),
        (of_size(3000), of_size(10), False, 3),  # the larger of both
        (of_size(3000), {}, True, 6),
        ({}, {}, True, 2),
    ],
)
def test_a_write_counts_each_kilobyte(
    before: Any, after: Any, transaction: bool, expected: float
) -> None:
    capacity = Capacity()
    capacity.writes(before, after, transaction=transaction)
    assert (capacity.read, capacity.write) == (0, expected)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, 0),
        ({}, of_size(9), 1),
        (of_size(9), of_size(9), 0),
        (of_size(9), {}, 1),
        (of_size(9), of_size(10), 2),
    ],
)
def test_an_index_counts_removed_and_added_entries(
    before: Any, after: Any, expected: float
) -> None:
    capacity = Capacity()
    capacity.indexes(before, after)
    assert capacity.write == expected
