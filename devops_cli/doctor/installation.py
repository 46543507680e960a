"""Checks of the stack of the service: its last deploy, its age, its version."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from devops_cli.doctor.facts import Installation, Problem

# Corrections of faults, and new versions of the Lambda runtime, arrive only with a deploy.
OLDEST = timedelta(days=180)
UPGRADE = "git pull && npm ci --ignore-scripts && npx serverless deploy (docs/install.md#upgrade)"
# A stack that got resources by an import, for example its tables, is complete too.
_COMPLETE = {"CREATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_COMPLETE"}


def problems(found: Installation, now: datetime, command_line: str) -> Iterator[Problem]:
    """Yield the problems of an installation; `command_line` is the version of `devops`."""
    if found.status not in _COMPLETE and not found.status.endswith("_IN_PROGRESS"):
        yield Problem(
            f"The last deploy of the service ended as {found.status}",
            f"stack {found.stack}",
            "The installation can be incomplete, or can be an older version.",
            f"aws cloudformation describe-stack-events --stack-name {found.stack} has the cause;"
            " correct it and run npx serverless deploy",
        )
    if now - found.changed_at > OLDEST:
        yield Problem(
            f"The last deploy of the service is {(now - found.changed_at).days} days old",
            f"stack {found.stack}",
            "The installation lacks later corrections.",
            UPGRADE,
        )
    if not found.version and found.status in _COMPLETE:
        yield Problem(
            "The installation does not report its version",
            f"stack {found.stack}",
            "It is older than devops doctor, which cannot check its network.",
            UPGRADE,
        )
    elif found.version and found.version != command_line:
        yield Problem(
            f"The installation has the version {found.version}, the command line {command_line}",
            f"stack {found.stack}",
            "Options of the command line can be unknown to the installation, or the reverse.",
            f"Use one version: {UPGRADE}, or install the other command line"
            " (docs/cli.md#install-the-command-line)",
        )
