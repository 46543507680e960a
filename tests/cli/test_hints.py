"""Mistakes on the command line: the message names the remedy, and nothing is sent."""

from __future__ import annotations

import re
import shlex

import pytest
from typer.main import get_command

from devops_cli import hints
from devops_cli.main import app
from tests.lab.prepared_service import Service, run

RELEASE = "--version=1.0"


def refusal(line: str) -> str:
    """Return the error message of a command that sends nothing."""
    service = Service()
    result = run(service, *shlex.split(line))
    assert (result.exit_code, result.stdout, service.requests) == (2, "", [])
    box = result.stderr.partition("Error ─")[2]
    return " ".join(box.replace("│", " ").strip("─╭╮╰╯\n ").split())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("deploy", "Missing: 'NAME', '--env', '--version'."),
        ("deploy Shop", "Missing: '--env', '--version'."),
        ("deploy Shop --env=dev", "Missing option '--version'."),
        ("deploy --version=1", "Missing: 'NAME', '--env'."),
        ("create", "Missing: 'NAME', '--team', '--email'."),
        ("create --email=a@b.c", "Missing: 'NAME', '--team'."),
        ("create --file=x", "Missing argument 'NAME'."),
        ("swap", "Missing argument 'NAME'."),
        ("config set", "Missing argument 'KEY'."),
        ("deploy '' --env=dev", "Invalid value for 'NAME': ''"),
    ],
)
def test_all_missing_parameters_are_reported_at_once(line: str, message: str) -> None:
    assert refusal(line).startswith(message)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("deploy Shop --env dev qa --version 1", "Separate environments with commas: --env dev,qa"),
        ("deploy Shop --version 1 --env dev --env qa da", "with commas: --env dev,qa,da"),
        ("deploy --env dev QA Shop --version 1", "with commas: --env dev,QA"),
        ("create Shop --team a --email b --env dev stage", "with commas: --env dev,stage"),
        ("deploy Shop --env 'dev qa' --version 1", "Separate them with commas: dev,qa"),
        ("ls --env dev qa", "--env accepts one environment"),
    ],
)
def test_environments_without_commas(line: str, hint: str) -> None:
    assert refusal(line).endswith(hint)


@pytest.mark.parametrize(
    "line", ["deploy Shop Other --env dev --version 1", "ls qa", "ls Shop", "ls --env"]
)
def test_other_arguments_have_no_hint_about_environments(line: str) -> None:
    assert "comma" not in refusal(line)
    assert "accepts" not in refusal(line)


@pytest.mark.parametrize("name", ["prod", "Production", "prod-1", "PROD-GREEN", "live", "idle"])
def test_a_deploy_to_production_names_promote_and_swap(name: str) -> None:
    message = refusal(f"deploy Shop --env {name} {RELEASE}")
    assert message.endswith(
        "To production: devops promote Shop --from ENV, then devops swap Shop --version 1.0"
    )


def test_the_commands_for_production_have_the_options_of_the_connection() -> None:
    message = refusal(f"deploy Shop --env prod {RELEASE} --region eu-west-3")
    assert message.endswith(
        "To production: devops promote Shop --from ENV --region eu-west-3,"
        " then devops swap Shop --version 1.0 --region eu-west-3"
    )


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("create Shop --team a --email b --env dev,prod", "Every application has production"),
        ("promote Shop --from prod", "A promote copies from one of them to production"),
        ("ls --env prod", "prod-green is live, prod-blue is idle"),
    ],
)
def test_production_is_not_one_of_these_environments(line: str, hint: str) -> None:
    assert hint in refusal(line)


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("rollback Shop", "Use devops swap NAME --back; during a swap, devops abort NAME."),
        ("Rollback", "Use devops swap NAME --back;"),
        ("logs Shop", "devops status NAME shows the messages of ECS."),
        ("autoscale Shop", "Use devops scale NAME --min N --max N --cpu PERCENT."),
        ("env Shop", "Use devops set NAME environment.VARIABLE=VALUE --env ENV."),
        ("plan Shop", "Use --dry-run with the command"),
        ("deplyo Shop", "Did you mean 'deploy'?"),
    ],
)
def test_a_command_of_another_tool_names_the_right_one(command: str, hint: str) -> None:
    message = refusal(command)
    assert message.startswith(f"No such command {command.split()[0]!r}")
    assert hint in message


def test_the_hints_name_existing_commands() -> None:
    commands = get_command(app).commands.keys()  # type: ignore[attr-defined]
    remedies = " ".join(hints.ELSEWHERE.values())
    assert set(re.findall(r"devops ([a-z]+)", remedies)) <= commands
    assert not commands & hints.ELSEWHERE.keys()


@pytest.mark.parametrize("line", ["deploy --help", "create Shop -h", "--help"])
def test_help_needs_no_parameters(line: str) -> None:
    assert run(Service(), *line.split()).exit_code == 0
