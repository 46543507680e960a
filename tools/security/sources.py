"""Checks the source code with bandit, and all files for secrets with detect-secrets."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.security.outcome import BIN, Outcome, Status, from_exit_code, run

# Code that runs in an account or on a developer's machine. Tests use assert and invented passwords.
CODE = ("devops_cli", "devops_core", "handlers", "serverless", "tools")
BASELINE = Path("tools/security/secrets.json")

# File, kind and hash of a secret.
Secret = tuple[str, str, str]


def bandit(root: Path, code: Iterable[str] = CODE) -> Outcome:
    """Search Python code for security problems; the settings are in pyproject.toml."""
    output = ["--format", "custom", "--msg-template", "{relpath}:{line}: {test_id} {msg}"]
    settings = ["--quiet", "--configfile", "pyproject.toml"]
    return from_exit_code(run([BIN / "bandit", *settings, *output, "--recursive", *code], root))


def secrets(root: Path) -> Outcome:
    """Search for secrets in every file that git tracks or would add, and compare with the baseline.

    The baseline contains the settings, and the findings that a person has marked as false. A
    finding that is not in the baseline fails. An entry without a finding fails as well.
    """
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], root)
    if listed.returncode:
        return Outcome(Status.FAILED, (listed.stderr.strip(),))
    names = [name for name in listed.stdout.split("\0") if name and name != str(BASELINE)]
    files = [name for name in names if (root / name).is_file()]
    with tempfile.TemporaryDirectory() as folder:
        scanned = shutil.copy(root / BASELINE, folder)
        # --no-verify: otherwise it would try the findings as credentials of online services.
        options = ["--no-verify", "--all-files", "--baseline", scanned]
        done = run([BIN / "detect-secrets", "scan", *options, *files], root)
        found = _by_secret(json.loads(Path(scanned).read_text()))
    if done.returncode:
        return Outcome(Status.FAILED, (done.stderr.strip(),))
    known = _by_secret(json.loads((root / BASELINE).read_text()))
    return Outcome.of([*_new(found, known), *_stale(found, known)])


def _by_secret(scan: Mapping[str, Any]) -> dict[Secret, Mapping[str, Any]]:
    return {
        (name, each["type"], each["hashed_secret"]): each
        for name, entries in scan["results"].items()
        for each in entries
    }


def _new(found: Mapping[Secret, Any], known: Mapping[Secret, Any]) -> Iterator[str]:
    for name, kind, value in sorted(found.keys() - known.keys()):
        line = found[name, kind, value]["line_number"]
        yield (
            f"{name}:{line}: {kind}. If it is a secret, revoke it and remove it from the history;"
            f" if it is a false finding, add it to {BASELINE} (docs/security.md)"
        )


def _stale(found: Mapping[Secret, Any], known: Mapping[Secret, Any]) -> Iterator[str]:
    for name, kind, value in sorted(known.keys() - found.keys()):
        yield f"{BASELINE}: {kind} in {name} does not exist any more ({value[:8]}); remove it"
    for (name, kind, value), entry in sorted(known.items()):
        if entry.get("is_secret") is not False:
            yield f"{BASELINE}: {kind} in {name} is not marked as a false finding ({value[:8]})"
