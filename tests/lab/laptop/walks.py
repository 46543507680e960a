"""The commands of a page with their outputs, and their run by a person with one shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.lab.templates import ROOT
from tools.laptop.cloud import Cloud

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A command, whose lines end with a backslash except the last one.
_COMMAND = re.compile(r"(?:.*\\\n)*.*\n")
# Times, ids and the parts of a page that stand for any text.
_ANY = r"\d+\.\d s|[0-9A-HJKMNP-TV-Z]{26}|\.\.\.,?"
_SEPARATOR = "\x1e"


class Step(NamedTuple):
    """A command and its output on the page, which can be empty."""

    command: str
    output: str


def steps(text: str) -> Iterator[Step]:
    """Yield the commands of a page, or of a section."""
    for block in _BLOCK.findall(text):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command = _COMMAND.match(step)
            assert command is not None
            yield Step(command[0].rstrip(), step[command.end() :])


def shows(documented: str, actual: str) -> bool:
    """Return whether an output has the text of the page; `...` is any text."""
    fixed = [re.escape(each) for each in re.split(_ANY, documented.strip())]
    return re.search(".*?".join(fixed), actual, re.DOTALL) is not None


DEVOPS = "-m devops_cli.main"


def write_program(path: Path, arguments: str = DEVOPS) -> None:
    """Write a program that runs this Python with arguments, by default `devops`."""
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
    path.chmod(0o755)


def environment_of_a_person(cloud: Cloud, home: Path, programs: Path) -> dict[str, str]:
    """Return the environment of a person with a home folder and a folder of programs."""
    return {
        **cloud.environment,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "DEVOPS_CONFIG": str(home / "config"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "no_proxy": "127.0.0.1",
    }


def walk(
    walked: list[Step], environment: Mapping[str, str], at: Path, preparation: str = ""
) -> list[str]:
    """Run steps in one shell in a folder and return their outputs; all must succeed.

    The shell ends its jobs, which would keep its output open.
    """
    lines = ["trap 'kill $(jobs -p)' EXIT", preparation]
    for step in walked:
        lines += [f"printf '{_SEPARATOR}'", step.command, "[ $? = 0 ] || exit 1"]
    done = subprocess.run(  # noqa: S603 - the commands of our own page
        ["bash", "-uo", "pipefail", "-c", "\n".join(lines)],  # noqa: S607
        cwd=at,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout.split(_SEPARATOR)[1:]
