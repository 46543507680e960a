"""Checks the templates for errors (cfn-lint) and for insecure settings (checkov)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.security.outcome import BIN, Outcome, Status, from_exit_code, run
from tools.security.templates import ROOT

CHECKOV = ROOT / ".local" / "security" / "venv" / "bin" / "checkov"
SETTINGS = ROOT / "tools" / "security" / "checkov.yml"


def cfn_lint(templates: Sequence[Path]) -> Outcome:
    """Check templates against the resource specification of CloudFormation."""
    command = [str(BIN / "cfn-lint"), "--regions", "eu-west-1", "--format", "parseable"]
    # W8003: the deploy tool inserts the operands of a condition, so its result is constant.
    # W2001: a parameter is unused, because the loops over it are unrolled.
    # W3005: the deploy tool adds a DependsOn to the role of a function, which is also referenced.
    ignored = ["--ignore-checks", "W8003", "W2001", "W3005"]
    return from_exit_code(run([*command, *ignored, "--", *map(str, templates)], ROOT))


def checkov(
    templates: Sequence[Path],
    settings: Path = SETTINGS,
    environment: Mapping[str, str] = os.environ,
) -> Outcome:
    """Check templates for insecure settings; `settings` contains the accepted findings."""
    folder = templates[0].parent
    files = [word for template in templates for word in ("--file", str(template))]
    done = run(
        [CHECKOV, "--config-file", settings, "--output", "json", *files],
        folder,
        _isolated_environment(environment, folder),
    )
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        return Outcome(Status.FAILED, (done.stdout + done.stderr,))
    return Outcome.of([*_failures(report), *_unchecked(report, templates)])


def _isolated_environment(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return an environment in which checkov cannot upload its findings.

    checkov would search variables and home directory for an API key, and PyPI for a newer version.
    """
    kept = {name: value for name, value in environment.items() if name in _NEEDED}
    return {**kept, "HOME": str(home), "CKV_SKIP_PACKAGE_UPDATE_CHECK": "true", "NO_COLOR": "1"}


_NEEDED = frozenset({"PATH", "LANG", "LC_ALL", "TMPDIR", "HTTP_PROXY", "HTTPS_PROXY"})


def _failures(report: Mapping[str, Any]) -> Iterator[str]:
    for each in report.get("results", {}).get("failed_checks", ()):
        name = Path(each["file_path"]).name
        yield f"{name}: {each['resource']}: {each['check_id']} {each['check_name']}"


def _unchecked(report: Mapping[str, Any], templates: Sequence[Path]) -> Iterator[str]:
    """Yield a line for each template without any check, which would otherwise count as passed."""
    passed = report.get("results", {}).get("passed_checks", ())
    checked = {Path(each["file_path"]).name for each in passed}
    for template in templates:
        if template.name not in checked:
            yield f"{template.name}: checkov could not read the template"
