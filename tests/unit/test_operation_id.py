from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from devops_core.naming import OPERATION_ID
from devops_core.operation_id import new_operation_id, operation_time

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# (the first ten characters, the milliseconds since 1970)
TIMES = [
    # The examples of the specification (github.com/ulid/spec), decoded with python-ulid 4.1.0.
    ("01AN4Z07BY", 1_465_824_320_894),
    ("01ARZ3NDEK", 1_469_922_850_259),
    ("01BX5ZZKBK", 1_508_808_576_371),
    ("0000000000", 0),
    ("000000001Z", 63),
    ("0001000000", 2**30),
    # The last millisecond of the year 9999, the latest time of a datetime.
    ("76EZ91ZPZZ", 253_402_300_799_999),
]


@pytest.mark.parametrize(("characters", "milliseconds"), TIMES)
def test_an_id_begins_with_its_time(characters: str, milliseconds: int) -> None:
    time = EPOCH + timedelta(milliseconds=milliseconds)

    assert new_operation_id(time)[:10] == characters
    assert operation_time(f"{characters}ZZZZZZZZZZZZZZZZ") == time


@pytest.mark.parametrize("operation_id", ["76EZ91ZQ00" + "0" * 16, "7" + "Z" * 25])
def test_an_id_after_the_year_9999_has_no_time(operation_id: str) -> None:
    with pytest.raises(OverflowError):
        operation_time(operation_id)


def test_new_ids_are_ulids_and_differ() -> None:
    ids = {new_operation_id(EPOCH) for _ in range(1000)}

    assert len(ids) == 1000
    assert all(OPERATION_ID.fullmatch(each) for each in ids)
    # Each of the 16 random characters takes each of the 32 values; 1,000 draws miss one of the
    # 512 with a probability below 1e-11.
    assert all(len({each[place] for each in ids}) == 32 for place in range(10, 26))


def test_ids_sort_by_time() -> None:
    moments = [EPOCH + timedelta(milliseconds=2**bits) for bits in range(48 - 3)]

    ids = [new_operation_id(moment) for moment in moments]

    assert ids == sorted(ids)


def test_microseconds_are_cut_and_time_zones_converted() -> None:
    time = datetime(2026, 1, 31, 12, 0, 0, 123_999, tzinfo=timezone(timedelta(hours=2)))

    read = operation_time(new_operation_id(time))

    assert read == datetime(2026, 1, 31, 10, 0, 0, 123_000, tzinfo=UTC)
    assert read.tzinfo is UTC
