"""The life of one application over real HTTP on a laptop cloud, from create to delete."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.laptop.api import Api, create_body
from tests.lab.laptop.estate import hold_after_recovery, rows
from tools.laptop.cloud import started
from tools.laptop.deploy import deploy

NAME = "My-story"
SWAP = "/stacks/swapProdBlueAndGreen"
PROMOTE = "/stacks/deploytoprodBlue"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with started(tmp_path) as cloud:
        deploy(cloud)
        yield Api(cloud)


def _deploy(api: Api, version: str) -> dict[str, Any]:
    body = {"applicationName": NAME, "environment": ["dev"], "version": version}
    return api.wait_for_end(api.post("/stacks/deploy", body))


def _pages(api: Api) -> dict[str, str]:
    """Return the version on the page of each environment."""
    return {row["environment"]: api.fetch(row["url"]).body["version"] for row in rows(api)}


def test_an_application_lives_from_create_to_delete(api: Api) -> None:
    api.succeed(api.post("/stacks", create_body(NAME)))
    first = _pages(api)["PROD-GREEN"]
    api.push(NAME, "1.0")
    api.push(NAME, "broken", "crash")

    assert _deploy(api, "1.0")["status"] == "SUCCEEDED"
    failed = _deploy(api, "broken")
    assert failed["status"] == "FAILED"
    assert "exit code 1" in failed["environments"][0]["reason"]
    assert _pages(api) == {"DEV": "1.0", "PROD-GREEN": first, "PROD-BLUE": first}

    api.succeed(api.post(PROMOTE, {"applicationName": NAME}))
    assert _pages(api) == {"DEV": "1.0", "PROD-GREEN": first, "PROD-BLUE": "1.0"}
    api.succeed(api.post(SWAP, {"applicationName": NAME, "version": "1.0"}))
    assert _pages(api) == {"DEV": "1.0", "PROD-GREEN": "1.0", "PROD-BLUE": first}
    api.succeed(api.post(SWAP, {"applicationName": NAME}))
    assert _pages(api) == {"DEV": "1.0", "PROD-GREEN": first, "PROD-BLUE": "1.0"}
    hold_after_recovery(api)

    api.succeed(api.call("DELETE", "/stacks", {"stack": NAME}))
    assert rows(api) == []
    hold_after_recovery(api)
