"""Runs the tools: `python -m tools.security [tool ...]`, by default all of them, side by side."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from functools import cache, partial
from pathlib import Path
from subprocess import TimeoutExpired
from threading import Lock

from tools.security import advisories, infrastructure, sources
from tools.security.compiled import PackageError, written
from tools.security.outcome import Outcome, Status
from tools.security.templates import ROOT

Check = Callable[[], Outcome]

_SIGNS = {Status.PASSED: "✓", Status.FAILED: "✗", Status.NOT_ASKED: "?"}
_TEMPLATES = ROOT / ".local" / "security" / "templates"
_ENVIRONMENTS = (
    ".venv", ".local/cli", ".local/venv", ".local/security/venv", ".local/bench/venv",
    ".local/generators/venv",
)  # fmt: skip
_writing = Lock()


def _templates() -> list[Path]:
    with _writing:
        return _written_once()


@cache
def _written_once() -> list[Path]:
    return written(_TEMPLATES)


def _pip_audit() -> Outcome:
    places = ("requirements*.txt", "*/requirements*.txt", "tools/*/requirements*.txt")
    requirements = sorted(file for place in places for file in ROOT.glob(place))
    environments = [ROOT / name for name in _ENVIRONMENTS]
    return advisories.pip_audit(requirements, environments, advisories.accepted(ROOT))


# The longest first: they start in this order, as many at once as there are processors.
CHECKS: Mapping[str, Check] = {
    "checkov": lambda: infrastructure.checkov(_templates()),
    "secrets": partial(sources.secrets, ROOT),
    "cfn-lint": lambda: infrastructure.cfn_lint(_templates()),
    "bandit": partial(sources.bandit, ROOT),
    "pip-audit": _pip_audit,
    "npm-audit": lambda: advisories.npm_audit(ROOT, advisories.accepted(ROOT)),
}


def main() -> None:
    """Run the chosen tools; exit with 1 if one of them has found something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tools", nargs="*", metavar="tool", help=", ".join(CHECKS))
    parser.add_argument("--online", action="store_true", help="fail where no service answers")
    options = parser.parse_args()
    if unknown := set(options.tools) - set(CHECKS):
        parser.error(f"no such tool: {', '.join(sorted(unknown))}; there are {', '.join(CHECKS)}")
    chosen = {name: CHECKS[name] for name in CHECKS if name in (options.tools or CHECKS)}
    failing = {Status.FAILED, Status.NOT_ASKED} if options.online else {Status.FAILED}
    outcomes = []
    for said, outcome in outcomes_of(chosen):
        sys.stdout.write(f"{said}\n")
        sys.stdout.writelines(f"    {line}\n" for line in outcome.lines)
        sys.stdout.flush()
        outcomes.append(outcome)
    if failing & {outcome.status for outcome in outcomes}:
        sys.exit(1)


def outcomes_of(checks: Mapping[str, Check]) -> Iterator[tuple[str, Outcome]]:
    """Run checks side by side and yield each outcome, with a line that tells of it, as it ends."""
    started = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {pool.submit(check): name for name, check in checks.items()}
        for done in as_completed(running):
            outcome = _outcome(done)
            took = f"{time.monotonic() - started:.0f} s"
            sign = _SIGNS[outcome.status]
            yield f"{sign} {running[done]}: {outcome.status} after {took}", outcome


def _outcome(done: Future[Outcome]) -> Outcome:
    try:
        return done.result()
    except (PackageError, OSError, TimeoutExpired) as error:
        # A tool that is not there or does not end has found nothing sound.
        return Outcome(Status.FAILED, tuple(str(error).splitlines()))


if __name__ == "__main__":
    main()
