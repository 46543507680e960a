"""What callers are told when a call to AWS is cut off or their worker is killed."""

from __future__ import annotations

import pytest

from tests.e2e.faults.cases import CASES, Case
from tests.e2e.faults.scene import Scene


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_caller_is_told_the_truth_about_what_was_struck(scene: Scene, case: Case) -> None:
    broken = scene.broken[case]
    assert broken.fault.struck, f"nothing was struck: {broken.answer}"
    assert broken.answer.status in case.told, broken.answer
