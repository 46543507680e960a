"""An empty value is an unset variable of a script: it is refused, and never a missing value."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import devops_cli
from devops_cli import certificates
from tests.cli.test_main import COMMANDS, SETTINGS
from tests.lab.laptop import recipes
from tests.lab.prepared_service import KEYS, Service, Source, run

# Read by the SDK.
OF_BOTOCORE = {"AWS_PROFILE", "AWS_DEFAULT_REGION"}
PAGE = (Path(devops_cli.__file__).parents[1] / "docs" / "cli.md").read_text()
_VALID = {"NAME": "Shop", "KEY": "api"}
INPUTS = list(recipes.load(recipes.ACTION)["inputs"])


def commands() -> Iterator[tuple[list[str], Any]]:
    """Yield every command with the words of its name."""
    for name, each in COMMANDS.items():
        if name != "config":
            yield [name], each
    for name, each in SETTINGS.items():
        yield ["config", name], each


def empty_options() -> Iterator[tuple[str, list[str]]]:
    """Yield each option, and the arguments of its command up to the value of the option."""
    for _, command in commands():
        example = shlex.split(command.epilog.removeprefix("Example: devops "))
        for each in command.params:
            if each.param_type_name == "option" and not each.is_flag:
                yield each.opts[0], [*example, each.opts[0]]


def empty_arguments() -> Iterator[tuple[str, list[str]]]:
    """Yield each argument, and the valid arguments before it."""
    for words, command in commands():
        before: list[str] = []
        for each in command.params:
            if each.param_type_name == "argument":
                yield each.name, [*words, *before]
                before.append(_VALID.get(each.metavar, "x"))


@pytest.mark.parametrize("value", ["", " ", "\t\n"], ids=repr)
@pytest.mark.parametrize(
    ("name", "arguments"), [*empty_options(), *empty_arguments()], ids=lambda each: str(each)[:40]
)
def test_an_empty_value_is_refused(
    name: str, arguments: list[str], value: str, tmp_path: Path
) -> None:
    service, file = Service(), tmp_path / "config"
    result = run(
        service, *arguments, value, environment={"DEVOPS_CONFIG": str(file)}, interactive=True
    )
    assert result.exit_code == 2
    assert f"Invalid value for '{name}'" in result.stderr.replace(name.upper(), name)
    assert service.requests == []
    assert not file.exists()


def variables() -> set[str]:
    """Return the environment variables that the modules of the command line read."""
    files = Path(devops_cli.__file__).parent.rglob("*.py")
    sources = [file for file in files if file.name != "action_outputs.py"]  # run by the action only
    read = re.compile(r'(?:variable\(|environ\w*(?:\.get\(|\[))[^"()]*"([A-Z_]+)"')
    found = {name for source in sources for name in read.findall(source.read_text())}
    return found | set(certificates.VARIABLES)


def test_the_variables_of_the_page_are_looked_at() -> None:
    documented = set(re.findall(r"`((?:DEVOPS|AWS|REQUESTS|SSL)_[A-Z_]+)`", PAGE)) - OF_BOTOCORE
    assert variables() == documented


@pytest.mark.parametrize("value", ["", " "], ids=repr)
@pytest.mark.parametrize("name", sorted(variables()))
def test_an_empty_variable_is_refused(name: str, value: str) -> None:
    service = Service()
    # An address without a region, so that the signature needs AWS_REGION.
    environment = {"DEVOPS_API": "http://localhost/dev", name: value}
    result = run(service, "ls", environment=environment, source=Source(KEYS))
    assert result.exit_code == 2
    assert f"the variable {name} is empty" in result.stderr
    assert service.requests == []


def test_an_option_overrides_an_empty_variable() -> None:
    service = Service()
    run(service, "ls", "--api", "http://localhost/dev", api=" ")
    assert service.calls() == ["GET /dev/stacks"]


def test_an_empty_value_of_a_variable_of_the_container_is_sent() -> None:
    """`--variable NAME=` is the only option whose value can be empty after its name."""
    service = Service()
    options = ("--team=core", "--email=a@example.com", "--variable=COLOUR=", "--tag=cost=")
    run(service, "create", "Shop", *options)
    body = service.body()
    assert (body["service"]["environment"], body["tags"]["cost"]) == ({"COLOUR": ""}, "")


def test_every_command_is_looked_at() -> None:
    looked = [*empty_options(), *empty_arguments()]
    assert {arguments[0] for _, arguments in looked} == set(COMMANDS)
    for option in (
        "--version",
        "--from",
        "--image",
        "--env",
        "--api",
        "--email",
        "--tag",
        "--file",
    ):
        assert any(option == name for name, _ in looked)


DIGEST = "sha256:" + "0" * 64


RESPONSE = {"operation": {"status": "SUCCEEDED", "environments": [{"digest": DIGEST}]}}


def call(given: Mapping[str, str], at: Path) -> tuple[int, list[str], str]:
    """Run the action with some inputs; return its exit code, the arguments of `devops`, its log."""
    program, said = at / "devops-ecs" / "bin" / "devops", at / "said"
    program.parent.mkdir(parents=True)
    program.write_text(
        f"#!/bin/sh\nfor each; do echo \"$each\"; done > '{said}'\necho '{json.dumps(RESPONSE)}'\n"
    )
    program.chmod(0o755)
    (program.parent / "python").symlink_to(sys.executable)
    _, step = recipes.action(given)
    done = step.run({"RUNNER_TEMP": str(at)}, at)
    arguments = said.read_text().splitlines() if said.exists() else []
    return done.returncode, arguments, done.stdout


@pytest.mark.parametrize("value", ["", " ", "\t\n"], ids=repr)
@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("command", ["deploy", "promote", "swap"])
def test_an_empty_input_of_the_action_is_refused(
    command: str, name: str, value: str, tmp_path: Path
) -> None:
    inputs = {"command": command, "application": "Shop", "environment": "qa", "version": "1"}
    refusal = f"::error::the input {name} is empty\n"
    assert call(inputs | {name: value}, tmp_path) == (2, [], refusal)


def test_a_missing_input_without_a_default_is_empty(tmp_path: Path) -> None:
    """GitHub does not enforce `required`."""
    assert call({}, tmp_path) == (2, [], "::error::the input application is empty\n")


@pytest.mark.parametrize(
    ("inputs", "arguments"),
    [
        ({"environment": "dev,qa", "version": "1"},
         ["deploy", "--env=dev,qa", "--version=1"]),
        ({"environment": "dev", "version": "1", "image": "a/b", "api": "https://x"},
         ["deploy", "--api=https://x", "--env=dev", "--image=a/b", "--version=1"]),
        ({"environment": "dev", "timeout": "5m"}, ["deploy", "--timeout=5m", "--env=dev"]),
        ({"command": "promote"}, ["promote"]),
        ({"command": "promote", "environment": "qa"}, ["promote", "--from=qa"]),
        ({"command": "promote", "version": "1", "digest": DIGEST},
         ["promote", "--version=1", f"--digest={DIGEST}"]),
        ({"command": "swap", "version": "1"}, ["swap", "--version=1"]),
        ({"command": "swap", "version": "1", "digest": DIGEST},
         ["swap", "--version=1", f"--digest={DIGEST}"]),
    ],
    ids=lambda each: json.dumps(each)[:40],
)  # fmt: skip
def test_the_inputs_of_the_action_are_options(
    inputs: dict[str, str], arguments: list[str], tmp_path: Path
) -> None:
    code, found, _ = call({"application": "Shop"} | inputs, tmp_path)
    assert (code, found) == (0, [*arguments, "--json", "--", "Shop"])
    assert (tmp_path / "unnamed.outputs").read_text() == f"digest={DIGEST}\n"


def test_the_action_refuses_a_swap_without_a_version(tmp_path: Path) -> None:
    refusal = "::error::a swap needs the input version\n"
    assert call({"application": "Shop", "command": "swap"}, tmp_path) == (2, [], refusal)
