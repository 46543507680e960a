"""The commands of docs/first-steps-on-aws.md."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from tests.lab.templates import ROOT

PAGE = (ROOT / "docs" / "first-steps-on-aws.md").read_text()
NETWORK = ROOT / "docs" / "examples" / "network.yml"
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[str]:
    """Return the commands of each block, without prompts."""
    return [re.sub(r"^\$ ", "", each, flags=re.MULTILINE) for each in _BLOCK.findall(PAGE)]


def devops_commands() -> Iterator[list[str]]:
    """Yield the arguments of each `devops` command in the order of the page."""
    for line in "".join(blocks()).splitlines():
        if line.startswith("devops "):
            yield shlex.split(line)[1:]


def aws_commands() -> Iterator[tuple[str, str, list[str]]]:
    """Yield service, operation and the names of the options of each `aws` command."""
    joined = re.sub(r"\\\n|\n(?=    )", " ", "".join(blocks()))
    for found in re.finditer(r"\baws ([a-z0-9]+) ([a-z-]+)([^|\n]*)", joined):
        yield found[1], found[2], re.findall(r"--([a-z-]+)", re.sub(r"\$\(.*", "", found[3]))
