from __future__ import annotations

import pytest

from devops_cli.exits import MEANINGS, Exit, from_status


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, 2),
        (401, 4),
        (403, 4),
        (404, 3),
        (409, 3),
        (412, 3),
        (413, 2),
        (422, 2),
        (428, 2),
        (424, 1),
        (429, 1),
        (500, 1),
        (503, 1),
    ],
)
def test_each_status_of_the_service_has_an_exit_code(status: int, code: int) -> None:
    assert from_status(status) == code


def test_each_exit_code_is_explained() -> None:
    assert set(MEANINGS) == set(Exit)


def test_the_meaning_of_a_code_names_all_statuses_of_refused_calls() -> None:
    for status in range(400, 500):
        if (code := from_status(status)) != Exit.FAILED:
            assert str(status) in MEANINGS[code]
