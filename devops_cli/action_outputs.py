"""Outputs, warnings and job summary of the action for GitHub Actions, from a response in JSON.

The action runs this file by its path, so it imports only the standard library. A text of the
service must not become another output, a workflow command, Markdown or HTML.
"""

from __future__ import annotations

import html
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# Each output and its pattern. A value that does not match is omitted.
OUTPUTS: Mapping[str, str] = {
    "operation": r"[0-9A-HJKMNP-TV-Z]{26}",
    "version": r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}",
    "digest": r"sha256:[0-9a-f]{64}",
    "url": r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?",
}
_ROWS = ("environment", "slot", "status", "version", "digest", "url")
# The escapes of the workflow command `warning` (actions/toolkit, packages/core, command.ts).
_ESCAPED = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))


def outputs(response: Mapping[str, Any], expected: Mapping[str, str]) -> dict[str, str]:
    """Return the known outputs; after a failure only the operation.

    `expected` has the version and the digest of a swap that changed nothing, because they were
    already live.
    """
    operation = _object(response.get("operation"))
    found: Mapping[str, Any] = {}
    if operation.get("status") == "SUCCEEDED":
        parts = _objects(operation.get("environments"))
        live = [each for each in parts if each.get("environment") == "PROD-GREEN"]
        found = next(iter([*live, *parts]), {})
    elif "operation" in response and response["operation"] is None:
        found = expected
    values = {**{name: found.get(name) for name in OUTPUTS}, "operation": operation.get("id")}
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, str) and re.fullmatch(OUTPUTS[name], value)
    }


def commands(response: Mapping[str, Any]) -> Iterator[str]:
    """Yield a workflow command for each warning of the operation, an annotation of the run."""
    for warning in _texts(_object(response.get("operation")).get("warnings")):
        text = warning
        for character, escaped in _ESCAPED:
            text = text.replace(character, escaped)
        yield f"::warning::{text}"


def summary(title: str, response: Mapping[str, Any]) -> str:
    """Return the job summary: one HTML block, because Markdown has no safe form for all texts."""
    operation = _object(response.get("operation"))
    status = operation.get("status") or response.get("code") or "nothing to do"
    lines = [f"<h3>{_code(title)} {_code(status)}</h3>"]
    if identifier := operation.get("id"):
        lines.append(f"<p>Operation {_code(identifier)}</p>")
    if parts := _objects(operation.get("environments")):
        lines.append(f"<table>{_row('th', _ROWS)}")
        lines += [_row("td", [part.get(name, "") for name in _ROWS]) for part in parts]
        lines.append("</table>")
    texts = [response.get("errorMessage"), response.get("message")]
    texts += [*_texts(operation.get("reasons")), *_texts(operation.get("warnings"))]
    items = [f"<li>{_code(text)}</li>" for text in dict.fromkeys(filter(None, texts))]
    lines += ["<ul>", *items, "</ul>"] if items else []
    return "\n" + "\n".join(lines) + "\n\n"


def _row(cell: str, values: Any) -> str:
    cells = (f"<{cell}>{_code(each) if each else ''}</{cell}>" for each in values)
    return f"<tr>{''.join(cells)}</tr>"


def _code(value: Any) -> str:
    """Return a text as code on one line: GitHub leaves code unchanged, also names and links.

    An empty line would end the HTML block, and the rest of the text would be Markdown.
    """
    line = "".join(each if each.isprintable() else " " for each in str(value))
    return f"<code>{html.escape(' '.join(line.split()))}</code>"


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def main(file: str, environment: Mapping[str, str]) -> None:
    """Write the outputs and the summary to the files of the runner, and print the warnings.

    The file is empty if the service did not respond.
    """
    try:
        response = _object(json.loads(Path(file).read_text(encoding="utf-8")))
    except (ValueError, RecursionError):
        response = {"code": "no response; the log of the step has the reason"}
    expected = {"version": environment["VERSION"], "digest": environment["DIGEST"]}
    with Path(environment["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as stream:
        for name, value in outputs(response, expected).items():
            stream.write(f"{name}={value}\n")
    title = f"{environment['COMMAND']} of {environment['APPLICATION']}"
    with Path(environment["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as stream:
        stream.write(summary(title, response))
    for line in commands(response):
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main(sys.argv[1], os.environ)
