"""The responses after an interrupted call to AWS or a killed worker."""

from __future__ import annotations

import pytest

from tests.lab.laptop.interruptions import CASES, Case
from tests.lab.laptop.scene import Scene


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_caller_is_told_the_truth_about_what_was_struck(scene: Scene, case: Case) -> None:
    broken = scene.broken[case]
    assert broken.fault.struck, f"nothing was struck: {broken.answer}"
    assert broken.answer.status in case.statuses, broken.answer
