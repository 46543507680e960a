"""The outputs, annotations and summary of the action, from a response of the service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from devops_cli import action_outputs

DIGEST = f"sha256:{64 * '1'}"
IDENTIFIER = "01JN8EY4M00000000000000002"
IDLE = {"environment": "PROD-BLUE", "version": "1.0", "url": "http://shop.example.com:8080"}
LIVE = {"environment": "PROD-GREEN", "version": "1.1", "digest": DIGEST, "url": "https://shop"}
EXPECTED = {"version": "1.1", "digest": DIGEST}
VARIABLES = {"COMMAND": "swap", "APPLICATION": "Shop", "VERSION": "1.1", "DIGEST": DIGEST}


def operation(status: str, *environments: Any, **members: Any) -> dict[str, Any]:
    found = {"id": IDENTIFIER, "status": status, "environments": list(environments)}
    return {"operation": found | members}


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        # The live slot has precedence, whose position in the list can change.
        (operation("SUCCEEDED", IDLE, LIVE),
         {"operation": IDENTIFIER, "version": "1.1", "digest": DIGEST, "url": "https://shop"}),
        (operation("SUCCEEDED", IDLE),
         {"operation": IDENTIFIER, "version": "1.0", "url": "http://shop.example.com:8080"}),
        (operation("SUCCEEDED"), {"operation": IDENTIFIER}),
        (operation("FAILED", LIVE), {"operation": IDENTIFIER}),
        # The release was already live.
        ({"operation": None}, EXPECTED),
        ({"code": "BUSY"}, {}),
        # A value without its pattern could add an output.
        (operation("SUCCEEDED", LIVE | {"version": "1.1\nurl=x", "url": "javascript:x"}),
         {"operation": IDENTIFIER, "digest": DIGEST}),
        (operation("SUCCEEDED", "LIVE", {"version": 7}), {"operation": IDENTIFIER}),
        ({"operation": {"status": "SUCCEEDED", "environments": "LIVE", "id": [IDENTIFIER]}}, {}),
    ],
)  # fmt: skip
def test_the_outputs_are_those_of_a_success(
    response: Mapping[str, Any], expected: Mapping[str, str]
) -> None:
    assert action_outputs.outputs(response, EXPECTED) == expected


def test_a_warning_is_one_command() -> None:
    response = operation("SUCCEEDED", warnings=["5%\r\n::error::x", 7])
    assert [*action_outputs.commands(response)] == [
        "::warning::5%25%0D%0A::error::x", "::warning::7",
    ]  # fmt: skip
    assert [*action_outputs.commands({"operation": {"warnings": "text"}})] == []


def test_the_summary_is_one_block_with_texts_as_code() -> None:
    response = operation(
        "FAILED",
        IDLE | {"version": "<b>\n\n# x"},
        reasons=["one & two", "three"],
        warnings=["three"],
    )
    text = action_outputs.summary("swap of Shop", response)
    assert text.startswith("\n<h3><code>swap of Shop</code> <code>FAILED</code></h3>\n")
    assert "\n\n" not in text.strip("\n")
    for expected in (
        f"<p>Operation <code>{IDENTIFIER}</code></p>", "<th><code>environment</code></th>",
        "<td><code>&lt;b&gt; # x</code></td>", "<td></td>", "<li><code>one &amp; two</code></li>",
    ):  # fmt: skip
        assert expected in text
    assert text.count("three") == 1


def test_the_summary_of_a_refused_call_has_its_code_and_message() -> None:
    text = action_outputs.summary("swap of Shop", {"code": "BUSY", "errorMessage": "held"})
    assert "<code>BUSY</code>" in text
    assert "<li><code>held</code></li>" in text
    assert "<table>" not in text
    unchanged = action_outputs.summary("swap of Shop", {"operation": None})
    assert "<code>nothing to do</code>" in unchanged
    assert "<ul>" not in unchanged


@pytest.mark.parametrize(
    ("content", "written", "status"),
    [
        (json.dumps(operation("SUCCEEDED", LIVE, warnings=["none ran"])),
         f"version=1.1\ndigest={DIGEST}\nurl=https://shop\n", "SUCCEEDED"),
        ("", "", "no response"),
        ("[1]", "", "nothing to do"),
        (100_000 * "[", "", "no response"),
    ],
)  # fmt: skip
def test_the_files_of_the_runner_receive_the_outputs_and_the_summary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, written: str, status: str
) -> None:
    response, output, summary = (tmp_path / name for name in ("response", "output", "summary"))
    response.write_text(content)
    output.write_text("earlier=1\n")
    files = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
    action_outputs.main(str(response), VARIABLES | files)
    lines = output.read_text().removeprefix("earlier=1\n")
    assert lines.replace(f"operation={IDENTIFIER}\n", "") == written
    assert status in summary.read_text()
    assert capsys.readouterr().out == ("::warning::none ran\n" if written else "")
