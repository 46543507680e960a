"""The sources: what bandit thinks of the code, and secrets that detect-secrets finds."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.security.outcome import BIN, Outcome, Status, judged, run

# What runs in an account or on a developer's machine; tests assert and make up passwords.
CODE = ("devops_cli", "devops_core", "handlers", "serverless", "tools")
BASELINE = Path("tools/security/secrets.json")

# A file, what kind of secret it is, and a hash of it.
Secret = tuple[str, str, str]


def bandit(root: Path, code: Iterable[str] = CODE) -> Outcome:
    """Look for what is dangerous in Python; its settings are in pyproject.toml."""
    said = ["--format", "custom", "--msg-template", "{relpath}:{line}: {test_id} {msg}"]
    settings = ["--quiet", "--configfile", "pyproject.toml"]
    return judged(run([BIN / "bandit", *settings, *said, "--recursive", *code], root))


def secrets(root: Path) -> Outcome:
    """Look for secrets in every file that git knows or would take, and compare with the baseline.

    The baseline has what only looks like a secret, each judged by a person, and the settings. A
    secret that it does not have fails, and so does an entry that nothing stands for any more.
    """
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], root)
    if listed.returncode:
        return Outcome(Status.FAILED, (listed.stderr.strip(),))
    names = [name for name in listed.stdout.split("\0") if name and name != str(BASELINE)]
    files = [name for name in names if (root / name).is_file()]
    with tempfile.TemporaryDirectory() as folder:
        scanned = shutil.copy(root / BASELINE, folder)
        # --no-verify: else it would try what it finds at whose secret it looks like.
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
            f"{name}:{line}: {kind}. If it is a secret, change it where it is used and take it out"
            f" of the history; if it is none, put it into {BASELINE} (docs/security.md)"
        )


def _stale(found: Mapping[Secret, Any], known: Mapping[Secret, Any]) -> Iterator[str]:
    for name, kind, value in sorted(known.keys() - found.keys()):
        yield f"{BASELINE}: {kind} in {name} is there no more ({value[:8]}); take it out"
    for (name, kind, value), entry in sorted(known.items()):
        if entry.get("is_secret") is not False:
            yield f"{BASELINE}: nobody has said that {kind} in {name} is no secret ({value[:8]})"
