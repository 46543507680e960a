"""devops config ..."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from typer.testing import Result

from tests.lab.prepared_service import Service, answer, run, stack


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "devops" / "config"


def configure(file: Path, *arguments: str, typed: str = "", interactive: bool = False) -> Result:
    return run(
        Service(), "config", *arguments, environment={"DEVOPS_CONFIG": str(file)}, typed=typed,
        interactive=interactive,
    )  # fmt: skip


def test_what_is_set_is_shown_and_used(file: Path) -> None:
    assert configure(file, "set", "api", "https://host.example/dev/").exit_code == 0
    assert configure(file, "set", "region", "eu-west-1").exit_code == 0
    assert configure(file, "show").stdout.splitlines() == [
        f"[default] in {file}",
        "api = https://host.example/dev",
        "region = eu-west-1",
    ]
    service = Service()
    service.on("GET", "/stacks", answer(stacks=[stack()]))
    environment = {"DEVOPS_CONFIG": str(file)}
    assert run(service, "ls", api="", environment=environment).exit_code == 0
    assert service.requests[0].url.host == "host.example"


def test_profiles_are_listed(file: Path) -> None:
    assert configure(file, "list").stdout == "No profiles.\n"
    configure(file, "set", "api", "https://host.example/dev", "--profile=test")
    lines = configure(file, "list").stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["PROFILE", "API"],
        ["test", "https://host.example/dev"],
    ]


@pytest.mark.parametrize("interactive", [True, False])
def test_a_key_is_profiles_and_not_shown(file: Path, interactive: bool) -> None:
    result = configure(file, "set", "api_key", typed="sesame\n", interactive=interactive)
    assert result.exit_code == 0
    assert "sesame" not in result.output
    assert "api_key = sesame" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert configure(file, "show").stdout.splitlines()[1:] == ["api_key = (set)"]


def test_a_setting_is_taken_away(file: Path) -> None:
    configure(file, "set", "region", "eu-west-1")
    assert configure(file, "unset", "region").exit_code == 0
    result = configure(file, "show")
    assert result.exit_code == 2
    assert "devops config set api URL\n" in result.stderr


def test_a_profile_that_is_not_there_is_named(file: Path) -> None:
    result = configure(file, "show", "--profile=test")
    assert result.exit_code == 2
    assert "no profile 'test'" in result.stderr
    assert "devops config set api URL --profile test" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("set", "colour", "red"), "unknown setting 'colour'"),
        (("set", "region"), "region needs a value"),
        (("set", "api", "nonsense"), "is not a valid address"),
        (("unset", "colour"), "unknown setting 'colour'"),
    ],
)
def test_what_cannot_be_set_is_told(file: Path, arguments: tuple[str, ...], said: str) -> None:
    result = configure(file, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not file.exists()
