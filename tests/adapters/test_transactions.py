from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.attributes import encode
from devops_core.adapters.dynamodb.refusals import refusal
from devops_core.adapters.dynamodb.transactions import Subject, WriteAction, failed_conditions
from devops_core.errors import (
    AlreadyExistsError,
    BusyError,
    ChangedMeanwhileError,
    DevOpsError,
    RefusedError,
    ThrottledError,
)
from devops_core.model.claims import AlreadyClaimedError
from devops_core.model.operation import Operation
from tests.lab import samples

OURS, THEIRS = "01OURS", "02THEIRS"
FREE: dict[str, Any] = {"applicationName": "Shop", "environment": "DEV", "revision": 5}
REPEATED = items.idempotency_record_item(
    samples.idempotency_record(samples.minimal_operation(identity=THEIRS))
)
OWN_REPEATED = items.idempotency_record_item(
    samples.idempotency_record(samples.minimal_operation(identity=OURS))
)

# (the subject of the action, its reason code, the stored item), as DynamoDB returns them.
Reasons = list[tuple[Subject, str, dict[str, Any] | None]]


def fails(subject: Subject, stored: dict[str, Any] | None = None) -> Reasons:
    return [(subject, "ConditionalCheckFailed", stored)]


def reasons_of(reasons: Reasons) -> tuple[list[WriteAction], list[dict[str, Any]]]:
    row = samples.MINIMAL_ROW
    return (
        [
            WriteAction(subject, {}, row if subject in (Subject.ROW, Subject.NEW_ROW) else None)
            for subject, _, _ in reasons
        ],
        [
            {"Code": code, "Message": f"because of {code}"} | ({"Item": item} if item else {})
            for _, code, item in reasons
        ],
    )


ROW_IS_FREE = fails(Subject.ROW, encode(FREE))
ROW_IS_THEIRS = fails(Subject.ROW, encode(FREE | {"claim": THEIRS}))
ROW_IS_OURS = fails(Subject.ROW, encode(FREE | {"claim": OURS}))
NEW_IS_THEIRS = fails(Subject.NEW_ROW, encode(FREE | {"claim": THEIRS}))
NAME_IS_TAKEN = fails(
    Subject.NAME, items.name_item(replace(samples.MINIMAL_APPLICATION, name="SHOP"))
)
RECORD_IS_FREE = fails(Subject.RECORD, encode({"applicationName": "Shop", "current": 2}))
RECORD_IS_THEIRS = fails(Subject.RECORD, encode({"applicationName": "Shop", "claim": THEIRS}))
RECORD_IS_OURS = fails(Subject.RECORD, encode({"applicationName": "Shop", "claim": OURS}))
CONFLICT: Reasons = [(Subject.ROW, "TransactionConflict", None)]
FINE: Reasons = [(Subject.EVENT, "None", None)]


@pytest.mark.parametrize(
    ("reasons", "expected", "words"),
    [
        (ROW_IS_FREE, ChangedMeanwhileError, "repeat the call"),
        (fails(Subject.ROW), ChangedMeanwhileError, "repeat the call"),
        (CONFLICT, ChangedMeanwhileError, "repeat the call"),
        (ROW_IS_FREE + ROW_IS_THEIRS, BusyError, THEIRS),
        (CONFLICT + ROW_IS_THEIRS, BusyError, THEIRS),
        (NEW_IS_THEIRS + NAME_IS_TAKEN, AlreadyExistsError, THEIRS),
        (NAME_IS_TAKEN + ROW_IS_THEIRS, AlreadyExistsError, "SHOP already exists, and Shop"),
        (fails(Subject.NAME), AlreadyExistsError, "Shop already exists"),
        (NEW_IS_THEIRS + fails(Subject.IDEMPOTENCY_RECORD, REPEATED), AlreadyClaimedError, THEIRS),
        (
            ROW_IS_THEIRS + FINE + fails(Subject.IDEMPOTENCY_RECORD, REPEATED),
            AlreadyClaimedError,
            THEIRS,
        ),
        (fails(Subject.IDEMPOTENCY_RECORD), ChangedMeanwhileError, "repeat the call"),
        (RECORD_IS_FREE, ChangedMeanwhileError, "repeat the call"),
        (fails(Subject.RECORD), ChangedMeanwhileError, "repeat the call"),
        (fails(Subject.NEW_RECORD), ChangedMeanwhileError, "repeat the call"),
        (fails(Subject.REVISION), ChangedMeanwhileError, "repeat the call"),
        (RECORD_IS_THEIRS, BusyError, f"the specification of Shop is held by operation {THEIRS}"),
        (ROW_IS_FREE + RECORD_IS_THEIRS, BusyError, "the specification of Shop"),
        (RECORD_IS_THEIRS + ROW_IS_THEIRS, BusyError, "DEV of Shop"),
        (NEW_IS_THEIRS + RECORD_IS_THEIRS, AlreadyExistsError, THEIRS),
    ],
)
def test_the_error_of_a_claim_follows_from_its_failed_conditions(
    reasons: Reasons, expected: type[Exception], words: str
) -> None:
    operation = samples.minimal_operation("create", OURS)

    error = refusal(operation, failed_conditions(*reasons_of(reasons)))

    assert type(error) is expected
    assert words in str(error)


@pytest.mark.parametrize(
    "reasons",
    [
        ROW_IS_OURS,
        ROW_IS_OURS + fails(Subject.OPERATION, {"write": {"S": "w"}}),
        RECORD_IS_OURS + fails(Subject.OPERATION, {"write": {"S": "w"}}),
        fails(Subject.OPERATION),
        fails(Subject.IDEMPOTENCY_RECORD, OWN_REPEATED),
        fails(Subject.NEW_ROW, encode(FREE | {"claim": OURS})) + NAME_IS_TAKEN,
    ],
)
def test_a_repeat_of_the_same_claim_is_not_refused(reasons: Reasons) -> None:
    operation: Operation = samples.minimal_operation(identity=OURS)

    assert refusal(operation, failed_conditions(*reasons_of(reasons))) is None


def test_a_record_that_must_only_be_unchanged_is_not_busy() -> None:
    """Its condition names the revision, so another revision is the reason of the failure."""
    (known,) = failed_conditions(*reasons_of(RECORD_IS_THEIRS))
    checked = known._replace(action=known.action._replace(ignores_claim=True))

    error = refusal(samples.minimal_operation(identity=OURS), [checked])

    assert type(error) is ChangedMeanwhileError


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
        failed_conditions(*reasons_of([*FINE, (Subject.ROW, code, None)]))

    assert type(raised.value) is expected


def test_a_failed_condition_precedes_throttling() -> None:
    cancelled = reasons_of([(Subject.EVENT, "ThrottlingError", None), *ROW_IS_THEIRS])

    assert [each.action.subject for each in failed_conditions(*cancelled)] == [Subject.ROW]
