from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devops_core.adapters import records
from devops_core.adapters.attributes import encode
from devops_core.adapters.claims import refusal
from devops_core.adapters.transactions import About, Part, broken_parts
from devops_core.errors import (
    AlreadyExistsError,
    BusyError,
    ChangedMeanwhileError,
    DevOpsError,
    RefusedError,
    ThrottledError,
)
from devops_core.model import Operation
from devops_core.ports import AlreadyClaimedError

from . import samples

OURS, THEIRS = "01OURS", "02THEIRS"
FREE: dict[str, Any] = {"applicationName": "Shop", "environment": "DEV", "revision": 5}
REPEATED = records.idempotency_record_item(
    samples.idempotency_record(samples.minimal_operation(identity=THEIRS))
)
OWN_REPEATED = records.idempotency_record_item(
    samples.idempotency_record(samples.minimal_operation(identity=OURS))
)

# (what the part was about, its reason code, the item that was there), as DynamoDB answers them.
Reasons = list[tuple[About, str, dict[str, Any] | None]]


def fails(about: About, found: dict[str, Any] | None = None) -> Reasons:
    return [(about, "ConditionalCheckFailed", found)]


def reasons_of(parts: Reasons) -> tuple[list[Part], list[dict[str, Any]]]:
    row = samples.MINIMAL_ROW
    return (
        [Part(about, {}, row) for about, _, _ in parts],
        [
            {"Code": code, "Message": f"because of {code}"} | ({"Item": item} if item else {})
            for _, code, item in parts
        ],
    )


ROW_IS_FREE = fails(About.ROW, encode(FREE))
ROW_IS_THEIRS = fails(About.ROW, encode(FREE | {"claim": THEIRS}))
ROW_IS_OURS = fails(About.ROW, encode(FREE | {"claim": OURS}))
NEW_IS_THEIRS = fails(About.NEW_ROW, encode(FREE | {"claim": THEIRS}))
NAME_IS_TAKEN = fails(
    About.NAME, records.name_item(replace(samples.MINIMAL_APPLICATION, name="SHOP"))
)
CONFLICT: Reasons = [(About.ROW, "TransactionConflict", None)]
FINE: Reasons = [(About.EVENT, "None", None)]


@pytest.mark.parametrize(
    ("reasons", "expected", "words"),
    [
        (ROW_IS_FREE, ChangedMeanwhileError, "call again"),
        (fails(About.ROW), ChangedMeanwhileError, "call again"),
        (CONFLICT, ChangedMeanwhileError, "call again"),
        (ROW_IS_FREE + ROW_IS_THEIRS, BusyError, THEIRS),
        (CONFLICT + ROW_IS_THEIRS, BusyError, THEIRS),
        (NEW_IS_THEIRS + NAME_IS_TAKEN, AlreadyExistsError, THEIRS),
        (NAME_IS_TAKEN + ROW_IS_THEIRS, AlreadyExistsError, "SHOP exists already, and Shop"),
        (fails(About.NAME), AlreadyExistsError, "Shop exists already"),
        (NEW_IS_THEIRS + fails(About.IDEMPOTENCY_RECORD, REPEATED), AlreadyClaimedError, THEIRS),
        (
            ROW_IS_THEIRS + FINE + fails(About.IDEMPOTENCY_RECORD, REPEATED),
            AlreadyClaimedError,
            THEIRS,
        ),
        (fails(About.IDEMPOTENCY_RECORD), ChangedMeanwhileError, "call again"),
    ],
)
def test_the_reasons_of_a_cancelled_claim_are_read(
    reasons: Reasons, expected: type[Exception], words: str
) -> None:
    operation = samples.minimal_operation(identity=OURS)

    error = refusal(operation, broken_parts(*reasons_of(reasons)))

    assert type(error) is expected
    assert words in str(error)


@pytest.mark.parametrize(
    "reasons",
    [
        ROW_IS_OURS,
        ROW_IS_OURS + fails(About.OPERATION, {"write": {"S": "w"}}),
        fails(About.OPERATION),
        fails(About.IDEMPOTENCY_RECORD, OWN_REPEATED),
        fails(About.NEW_ROW, encode(FREE | {"claim": OURS})) + NAME_IS_TAKEN,
    ],
)
def test_our_own_claim_is_no_refusal(reasons: Reasons) -> None:
    operation: Operation = samples.minimal_operation(identity=OURS)

    assert refusal(operation, broken_parts(*reasons_of(reasons))) is None


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ThrottlingError", ThrottledError),
        ("ProvisionedThroughputExceeded", ThrottledError),
        ("ValidationError", RefusedError),
        ("ItemCollectionSizeLimitExceeded", RefusedError),
    ],
)
def test_other_reasons_are_errors_of_aws(code: str, expected: type[DevOpsError]) -> None:
    with pytest.raises(DevOpsError) as raised:
        broken_parts(*reasons_of([*FINE, (About.ROW, code, None)]))

    assert type(raised.value) is expected


def test_a_condition_counts_more_than_throttling() -> None:
    parts = reasons_of([(About.EVENT, "ThrottlingError", None), *ROW_IS_THEIRS])

    assert [one.part.about for one in broken_parts(*parts)] == [About.ROW]
