"""docs/configure.md: its commands, in the order of the page, by a person with a shell."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.lab.laptop import walks
from tests.lab.templates import ROOT
from tools.laptop import images
from tools.laptop.cloud import Cloud
from tools.laptop.deploy import client

PAGE = (ROOT / "docs" / "configure.md").read_text()
_FILE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PUSH = re.compile(r"make push IMAGE=(\w+):(\S+)")


def test_the_commands_of_the_page_have_their_results(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "app.yml").write_text(_FILE.findall(PAGE)[0])
    programs = tmp_path / "bin"
    programs.mkdir()
    walks.write_program(programs / "devops")
    environment = walks.environment_of_a_person(cloud, tmp_path, programs)
    environment["DEVOPS_API"] = cloud.api_url
    shown = 0
    variables = ""
    for command, output in walks.steps(PAGE):
        if push := _PUSH.fullmatch(command):
            images.push(client(cloud, "ecr"), push[1], push[2], "")
            continue
        if command.startswith("PRODUCTION="):
            variables = f"{command}; "
        done = subprocess.run(  # noqa: S603 - the commands of our own page
            ["bash", "-euo", "pipefail", "-c", variables + command],  # noqa: S607
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        assert walks.shows(output, done.stdout), (command, output, done.stdout)
        shown += bool(output)
    assert shown > 8
