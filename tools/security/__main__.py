"""Runs the tools concurrently: `python -m tools.security [tool ...]`, by default all tools."""

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
from tools.security.compiled import PackageError, write_templates
from tools.security.outcome import Outcome, Status
from tools.security.templates import ROOT

Check = Callable[[], Outcome]

_SIGNS = {Status.PASSED: "✓", Status.FAILED: "✗", Status.UNAVAILABLE: "?"}
_TEMPLATES = ROOT / ".local" / "security" / "templates"
_ENVIRONMENTS = (
    ".venv", ".local/cli", ".local/venv", ".local/security/venv", ".local/bench/venv",
    ".local/generators/venv",
)  # fmt: skip
_writing = Lock()


def _templates() -> list[Path]:
    with _writing:
        return _write_templates_once()


@cache
def _write_templates_once() -> list[Path]:
    return write_templates(_TEMPLATES)


def _pip_audit() -> Outcome:
    places = ("requirements*.txt", "devops_cli/requirements.*", "tools/*/requirements*.txt")
    requirements = sorted(file for place in places for file in ROOT.glob(place))
    environments = [ROOT / name for name in _ENVIRONMENTS]
    return advisories.pip_audit(requirements, environments, advisories.accepted_advisories(ROOT))


# Ordered by duration, longest first: they start in this order, with one thread per processor.
CHECKS: Mapping[str, Check] = {
    "checkov": lambda: infrastructure.checkov(_templates()),
    "secrets": partial(sources.secrets, ROOT),
    "cfn-lint": lambda: infrastructure.cfn_lint(_templates()),
    "bandit": partial(sources.bandit, ROOT),
    "pip-audit": _pip_audit,
    "npm-audit": lambda: advisories.npm_audit(ROOT, advisories.accepted_advisories(ROOT)),
}


def main() -> None:
    """Run the chosen tools; exit with 1 if one of them has findings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tools", nargs="*", metavar="tool", help=", ".join(CHECKS))
    parser.add_argument("--online", action="store_true", help="fail if a service is unavailable")
    options = parser.parse_args()
    if unknown := set(options.tools) - set(CHECKS):
        parser.error(f"unknown tool: {', '.join(sorted(unknown))}; the tools: {', '.join(CHECKS)}")
    chosen = {name: CHECKS[name] for name in CHECKS if name in (options.tools or CHECKS)}
    failing = {Status.FAILED, Status.UNAVAILABLE} if options.online else {Status.FAILED}
    outcomes = []
    for summary, outcome in run_all(chosen):
        sys.stdout.write(f"{summary}\n")
        sys.stdout.writelines(f"    {line}\n" for line in outcome.lines)
        sys.stdout.flush()
        outcomes.append(outcome)
    if failing & {outcome.status for outcome in outcomes}:
        sys.exit(1)


def run_all(checks: Mapping[str, Check]) -> Iterator[tuple[str, Outcome]]:
    """Run checks concurrently; yield a summary line and the outcome of each check as it ends."""
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
        # A tool that is missing or does not end must not count as passed.
        return Outcome(Status.FAILED, tuple(str(error).splitlines()))


if __name__ == "__main__":
    main()
