"""docs/cli.md describes the program."""

from __future__ import annotations

import re

from typer.main import get_command

from devops_cli import config, milestones
from devops_cli.exits import Exit
from devops_cli.main import app
from tests.lab.templates import ROOT

PAGE = (ROOT / "docs" / "cli.md").read_text()
COMMANDS = get_command(app).commands  # type: ignore[attr-defined]
SETTINGS = COMMANDS["config"].commands
_OTHERS = {"--help", "--version", "--install-completion", "--show-completion"}

# Command lines of other programs have other options.
_OTHER_PROGRAMS = re.compile(r"^\$ (?!devops ).*$", re.MULTILINE)


def options() -> set[str]:
    commands = [*COMMANDS.values(), *SETTINGS.values()]
    parameters = [each for command in commands for each in command.params]
    return {name for each in parameters for name in [*each.opts, *each.secondary_opts]}


def test_every_option_of_the_page_exists() -> None:
    ours = _OTHER_PROGRAMS.sub("", PAGE)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", ours)) <= options() | _OTHERS


def test_every_option_for_an_application_is_on_the_page() -> None:
    named = {name for name in options() if name.startswith("--")}
    assert {name for name in named - {"--wait"} if name not in PAGE} == set()


def test_every_command_is_on_the_page_and_every_one_of_the_page_exists() -> None:
    told = set(re.findall(r"(?:^\$ |`)devops ([a-z]+)", PAGE, re.MULTILINE))
    assert told == set(COMMANDS)
    settings = set(re.findall(r"devops config ([a-z]+)", PAGE))
    assert settings == set(SETTINGS)


def test_the_exit_codes_are_those_of_the_page() -> None:
    section = PAGE.partition("## Exit codes")[2].partition("\n## ")[0]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)} == set(Exit)


def test_the_table_after_a_swap_has_each_exit_code() -> None:
    section = PAGE.partition("### After a swap")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (?!Code)([^|-][^|]*) \|", section, re.MULTILINE)
    codes = {int(code) for cell in cells for code in re.findall(r"\b\d+\b", cell)}
    assert codes == set(Exit)


def test_each_milestone_is_reached_at_the_time_that_the_page_names() -> None:
    row = r"^\| `(\w+)`(?: \(default\))? \| [^|]+ \| (.+) \|$"
    rows = dict(re.findall(row, PAGE, re.MULTILINE))
    assert rows.keys() >= {*milestones.MILESTONES}
    for until in (milestones.SWITCHED, milestones.FULL):
        time = rows[until].strip("`")
        swap = {"status": "IN_PROGRESS", time: "2026-01-31T12:00:00.000Z"}
        assert milestones.reached(swap, until)
        del swap[time]
        assert not milestones.reached(swap, until)
    shifted = {"status": "IN_PROGRESS", "shiftedAt": "2026-01-31T12:00:00.000Z"}
    assert not milestones.reached(shifted, milestones.FULL)


def test_the_settings_are_those_of_the_page() -> None:
    assert all(f"`{key}`" in PAGE for key in config.KEYS)
