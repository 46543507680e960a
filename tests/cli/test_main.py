"""The program as a whole: help, version, start, completion, the runtime of the machine."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from devops_cli import __version__, config, runtime
from devops_cli.config import Profile
from devops_cli.exits import MEANINGS
from devops_cli.failures import UsageError
from devops_cli.main import app
from tests.lab.prepared_service import Service, Source, answer, run

_EXAMPLE = re.compile(r"Example: devops (.*)")
COMMANDS = get_command(app).commands  # type: ignore[attr-defined]
SETTINGS = COMMANDS["config"].commands


def examples() -> Iterator[list[str]]:
    for name, each in [*COMMANDS.items(), *SETTINGS.items()]:
        if name != "config":
            found = _EXAMPLE.fullmatch(each.epilog)
            assert found, name
            yield shlex.split(found[1])


@pytest.mark.parametrize("example", list(examples()), ids=" ".join)
def test_each_command_has_an_example_that_is_understood(example: list[str], tmp_path: Path) -> None:
    service, file = Service(), tmp_path / "app.yml"
    file.write_text("applicationName: Shop")
    example = [str(file) if each == file.name else each for each in example]
    environment = {"DEVOPS_CONFIG": str(tmp_path / "config")}
    result = run(service, *example, environment=environment, interactive=True, typed="y")
    assert "Usage:" not in result.stderr
    # init reads from AWS, not from the service.
    assert bool(service.requests) == (example[0] not in ("config", "init"))


def test_help_tells_of_all_commands_and_exit_codes() -> None:
    out = run(Service(), "--help").stdout
    assert {"create", "apply", "set", "scale", "unset", "deploy", "restart", "promote", "swap",
            "upgrade", "delete", "status", "spec", "diff", "ls", "events", "wait", "approve",
            "finish", "abort",
            "doctor", "init", "config",
           } == set(COMMANDS)  # fmt: skip
    assert all(re.search(rf"│ {name} ", out) for name in COMMANDS)
    told = " ".join(out.split())
    assert all(f" {code.value} {said}" in told for code, said in MEANINGS.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name: str) -> None:
    result = run(Service(), name, "-h")
    assert result.exit_code == 0
    assert "devops " + name in result.stdout


def test_the_version_is_shown() -> None:
    assert run(Service(), "--version").stdout == f"devops {__version__}\n"


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *arguments],
        env=kept | {"AWS_EC2_METADATA_DISABLED": "true", "DEVOPS_CONFIG": "/nowhere"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_imports_nothing_that_is_slow() -> None:
    done = python("-X", "importtime", "-m", "devops_cli.main", "--help")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "devops_cli.commands.writes" in imported
    assert not {"boto3", "botocore", "httpx", "pydantic", "yaml"} & imported


def test_a_proxy_that_is_not_valid_is_named() -> None:
    done = python(
        "-m", "devops_cli.main", "ls", "--api=https://host.example", HTTPS_PROXY="foo://x"
    )
    assert done.returncode == 2
    assert "the HTTP client cannot be set up" in done.stderr
    assert "HTTPS_PROXY" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("devops st", ["status"]),
        ("devops set Shop a=b --env s", ["stage"]),
        ("devops unset Shop a --env qa,p", ["qa,prod"]),
        ("devops spec Shop --effective p", ["prod"]),
        ("devops config ", ["show", "list", "set", "unset"]),
        ("devops deploy Shop --env s", ["stage"]),
        ("devops config set a", ["api", "aws_profile", "api_key"]),
    ],
)
def test_the_shell_completes(typed: str, offered: list[str]) -> None:
    environment = {"_DEVOPS_COMPLETE": "complete_fish", "_TYPER_COMPLETE_ARGS": typed}
    environment["_TYPER_COMPLETE_FISH_ACTION"] = "get-args"
    result = CliRunner(env=environment).invoke(app, prog_name="devops")
    assert [line.partition("\t")[0] for line in result.stdout.splitlines()] == offered


@pytest.mark.parametrize("colour", [True, False])
def test_colours_are_for_a_terminal_that_may_have_them(colour: bool) -> None:
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment |= {"TERM": "xterm", "DEVOPS_CONFIG": "/nowhere"} | (
        {} if colour else {"NO_COLOR": "1"}
    )
    command = [sys.executable, "-m", "devops_cli.main", "ls"]
    done = subprocess.run(  # noqa: S603 - our own program
        command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, check=False
    )
    os.close(theirs)
    said = os.read(ours, 10_000).decode()
    os.close(ours)
    assert done.returncode == 2
    assert "the address of the service is not configured" in said
    assert ("\x1b[1;31m" in said) == colour


def test_the_system_runtime_looks_for_credentials_as_the_aws_cli_does() -> None:
    real = runtime.system_runtime()
    with pytest.raises(UsageError, match="no-such-profile"):
        real.credentials(Profile(aws_profile="no-such-profile"))
    before = real.clock.monotonic()
    real.clock.pause(0.01)
    assert real.clock.monotonic() > before
    assert real.clock.now().tzinfo is not None


def test_the_profile_of_the_aws_cli_is_the_one_that_was_set(tmp_path: Path) -> None:
    file = tmp_path / "config"
    config.store(file, "default", "aws_profile", "team")
    service, source = Service(), Source(None)
    service.on("GET", "/stacks", answer(stacks=[]))
    run(service, "ls", source=source, environment={"DEVOPS_CONFIG": str(file)})
    assert [each.aws_profile for each in source.profiles] == ["team"]
