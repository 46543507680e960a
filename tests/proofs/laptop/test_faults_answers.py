"""The responses after an interrupted call to AWS or a killed worker."""

from __future__ import annotations

import pytest

from tests.lab.laptop.interruptions import CASES, Case
from tests.lab.laptop.scene import Scene


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_response_to_an_interrupted_call_has_the_expected_status(
    scene: Scene, case: Case
) -> None:
    broken = scene.broken[case]
    assert broken.fault.struck, f"the call was not interrupted: {broken.answer}"
    assert broken.answer.status in case.statuses, broken.answer
