"""`devops` signs its calls, and prints a message if it cannot."""

from __future__ import annotations

import pytest
from botocore.credentials import Credentials

from devops_cli.exits import Exit
from tests.lab.laptop.api import Api
from tests.lab.laptop.devops import PATIENCE, devops
from tools.laptop.cloud import Cloud

Callers = tuple[Cloud, dict[str, Credentials]]


def keys(credentials: Credentials) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("ls", "--team=a b+c/d"),
        ("events", "--since=2026-01-31T12:00:00+02:00", "--until=1h"),
        ("create", "Planned", "--team=platform", "--email=a@b.cd", "--dry-run"),
    ],
    ids=["ls", "events", "create"],
)
def test_a_signed_call_is_accepted(callers: Callers, arguments: tuple[str, ...]) -> None:
    cloud, users = callers
    done = devops(cloud, *arguments, **keys(users["admin"]))
    assert done.returncode == Exit.SUCCEEDED, done.stderr


def test_a_user_without_permission_is_refused(callers: Callers) -> None:
    cloud, users = callers
    done = devops(cloud, "ls", **keys(users["stranger"]))
    assert done.returncode == Exit.DENIED
    assert "ACCESS_DENIED" in done.stderr
    assert "not signed" not in done.stderr


def test_without_credentials_the_message_is_not_signed(callers: Callers) -> None:
    done = devops(callers[0], "ls")
    assert done.returncode == Exit.DENIED
    assert "not signed: no AWS credentials were found" in done.stderr


def test_a_wrong_key_is_an_invalid_signature(callers: Callers) -> None:
    cloud, users = callers
    wrong = keys(users["admin"]) | {"AWS_SECRET_ACCESS_KEY": "wrong"}
    done = devops(cloud, "ls", **wrong)
    assert done.returncode == Exit.DENIED
    assert "INVALID_SIGNATURE" in done.stderr


def test_a_caller_with_only_the_deploy_right_waits_for_the_end(
    callers: Callers, api: Api, application: str
) -> None:
    cloud, users = callers
    api.push(application, "7.0")
    api.push(application, "7.1", "crash")
    deploy = ("deploy", application, "--env=dev", "--timeout", PATIENCE)
    done = devops(cloud, *deploy, "--version=7.0", **keys(users["pipeline"]))
    assert done.returncode == Exit.SUCCEEDED, done.stderr
    assert done.stderr.count("This caller is not allowed to read the operation.") == 1
    assert f"deploy of {application} SUCCEEDED" in done.stdout
    failed = devops(cloud, *deploy, "--version=7.1", **keys(users["pipeline"]))
    assert failed.returncode == Exit.FAILED
    assert "exit code 1" in failed.stdout
