"""Shell completion of application names and of environments."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import typer

from devops_cli import rules
from devops_cli.runtime import Runtime, system_runtime

LIMIT = 3.0  # seconds; a person waits for the result
_PACKAGES = Path(__file__).parents[1]  # the directory of this package
# Set by the shell for a completion; the child must not complete.
_INSTRUCTIONS = ("_DEVOPS_COMPLETE", "_TYPER_COMPLETE", "COMP_")


def application_names(context: typer.Context) -> list[str]:
    """Return the names of all applications; none if the service does not respond in time.

    A child process reads them, because it has no terminal: credentials cannot ask for a code there,
    and no error is printed.
    """
    runtime: Runtime = context.find_object(Runtime) or system_runtime()
    given = {f"--{name}": context.params.get(name) for name in ("api", "profile", "region")}
    options = [part for name, value in given.items() if value for part in (name, value)]
    try:
        listed = subprocess.run(  # noqa: S603 - this program
            # -P: modules in the directory of the person are not imported.
            [sys.executable, "-P", "-m", "devops_cli.main", "ls", *options],
            env=_child_environment(runtime.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=LIMIT,
            check=True,
            encoding="utf-8",
            start_new_session=True,
        ).stdout
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return []
    return [line.split()[0] for line in listed.splitlines()[1:]]


def environments(incomplete: str) -> list[str]:
    """Return the environments for a deploy that can complete a list with commas."""
    return _listed("deployable", incomplete)


def configurable(incomplete: str) -> list[str]:
    """Return the environments with own settings that can complete a list with commas."""
    return _listed("configurable", incomplete)


def _listed(rule: str, incomplete: str) -> list[str]:
    *first, _ = incomplete.split(",")
    start = "".join(f"{each}," for each in first)
    return [f"{start}{each}" for each in rules.values(rule) if each not in first]


def _child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value for name, value in environment.items() if not name.startswith(_INSTRUCTIONS)
    }
    return kept | {"PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(_PACKAGES)}
