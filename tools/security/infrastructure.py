"""The templates: what CloudFormation would refuse (cfn-lint), what they leave open (checkov)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.security.outcome import BIN, Outcome, Status, judged, run
from tools.security.templates import ROOT

CHECKOV = ROOT / ".local" / "security" / "venv" / "bin" / "checkov"
SETTINGS = ROOT / "tools" / "security" / "checkov.yml"


def cfn_lint(templates: Sequence[Path]) -> Outcome:
    """Check templates against CloudFormation's own description of its resources."""
    command = [str(BIN / "cfn-lint"), "--regions", "eu-west-1", "--format", "parseable"]
    # W8003: the deploy tool fills in what a condition compares, so that its outcome is known.
    # W2001: the loops over a parameter are written out, and nothing else names it.
    # W3005: the deploy tool lets a function wait for its role, which it names as well.
    ignored = ["--ignore-checks", "W8003", "W2001", "W3005"]
    return judged(run([*command, *ignored, "--", *map(str, templates)], ROOT))


def checkov(
    templates: Sequence[Path],
    settings: Path = SETTINGS,
    environment: Mapping[str, str] = os.environ,
) -> Outcome:
    """Check templates against what is known to be unsafe; `settings` has what is left as it is."""
    folder = templates[0].parent
    files = [word for template in templates for word in ("--file", str(template))]
    done = run(
        [CHECKOV, "--config-file", settings, "--output", "json", *files],
        folder,
        _alone(environment, folder),
    )
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        return Outcome(Status.FAILED, (done.stdout + done.stderr,))
    return Outcome.of([*_failures(report), *_unread(report, templates)])


def _alone(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return an environment in which checkov finds no account to send its findings to.

    It looks for a key in its variables and at home, and asks PyPI whether there is a newer one.
    """
    kept = {name: value for name, value in environment.items() if name in _NEEDED}
    return {**kept, "HOME": str(home), "CKV_SKIP_PACKAGE_UPDATE_CHECK": "true", "NO_COLOR": "1"}


_NEEDED = frozenset({"PATH", "LANG", "LC_ALL", "TMPDIR", "HTTP_PROXY", "HTTPS_PROXY"})


def _failures(report: Mapping[str, Any]) -> Iterator[str]:
    for each in report.get("results", {}).get("failed_checks", ()):
        name = Path(each["file_path"]).name
        yield f"{name}: {each['resource']}: {each['check_id']} {each['check_name']}"


def _unread(report: Mapping[str, Any], templates: Sequence[Path]) -> Iterator[str]:
    """Tell of templates of which nothing was checked: they fail nothing either."""
    passed = report.get("results", {}).get("passed_checks", ())
    read = {Path(each["file_path"]).name for each in passed}
    for template in templates:
        if template.name not in read:
            yield f"{template.name}: checkov could make nothing of it"
