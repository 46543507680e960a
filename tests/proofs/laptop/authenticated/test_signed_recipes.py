"""The script of the pipelines signs its calls, and requires only the permission to deploy."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.credentials import Credentials

from tests.lab.laptop import recipes
from tests.lab.laptop.api import Api
from tools.laptop.cloud import Cloud

Callers = tuple[Cloud, dict[str, Credentials]]


@pytest.mark.parametrize(
    ("user", "code", "text"), [("pipeline", 0, "SUCCEEDED"), ("stranger", 1, "ACCESS_DENIED")]
)
def test_the_script_fails_without_the_permission_to_deploy(
    callers: Callers, api: Api, application: str, tmp_path: Path, user: str, code: int, text: str
) -> None:
    cloud, users = callers
    version = f"script-{user}"
    api.push(application, version)
    (step,) = recipes.curl(version, application)
    own = {
        "AWS_ACCESS_KEY_ID": users[user].access_key,
        "AWS_SECRET_ACCESS_KEY": users[user].secret_key,
        "no_proxy": "*",
    }

    done = step.run(cloud.environment | own, tmp_path)

    assert (done.returncode, text in done.stdout) == (code, True), done.stdout + done.stderr
