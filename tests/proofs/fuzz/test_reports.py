"""The reports of schemathesis."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.proofs.fuzz import reports
from tests.proofs.fuzz.__main__ import SIZES
from tools.contract.document import operations


def _scenario(*calls: tuple[str, str, int | None]) -> dict[str, Any]:
    numbered = {str(number): call for number, call in enumerate(calls)}
    return {
        "ScenarioFinished": {
            "recorder": {
                "cases": {
                    number: {"value": {"method": method, "path": path}}
                    for number, (method, path, _) in numbered.items()
                },
                "interactions": {
                    number: {"response": status and {"status_code": status}}
                    for number, (_, _, status) in numbered.items()
                },
            }
        }
    }


def test_responses_are_counted_by_route_and_status(tmp_path: Path) -> None:
    events = [
        {"Initialize": {}},
        _scenario(("POST", "/stacks", 202), ("POST", "/stacks", 202), ("GET", "/health", None)),
        {"ScenarioFinished": {"recorder": {"label": "x"}}},
        _scenario(("POST", "/stacks", 409), ("PUT", "/health", 403)),
    ]
    (tmp_path / reports.EVENTS).write_text("".join(json.dumps(each) + "\n" for each in events))
    (tmp_path / reports.SUMMARY).write_text('{"test_cases": {"generated": 5}}')
    seen = reports.responses(tmp_path)
    assert seen == {("POST /stacks", 202): 2, ("POST /stacks", 409): 1, ("PUT /health", 403): 1}
    assert reports.cases(tmp_path) == 5
    lines = reports.table(seen)
    assert len(lines) == len(operations()) + 1
    assert ["POST", "/stacks", "202: 2, 409: 1"] in [line.split(maxsplit=2) for line in lines]
    assert lines[-1].split() == ["other", "methods", "1"]
    missing = reports.without_success(seen)
    assert len(missing) == len(operations()) - 1
    assert "POST /stacks" not in missing


def test_the_sizes_are_documented() -> None:
    assert SIZES.is_documented("fuzz")
