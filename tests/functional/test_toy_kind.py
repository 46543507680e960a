"""A new kind of operation needs one new file in each layer, and no other change."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import handlers
import handlers.abort
import handlers.query
from devops_core import details, kinds, observe, requests
from tests.lab import toy
from tests.lab.client import Client, http_event
from tests.lab.fakes import FakeCloud

_TOY = Path(toy.__file__).parent
_LAYERS = {
    "details": details,
    "kinds": kinds,
    "observe": observe,
    "requests": requests,
    "handlers": handlers,
}
_STATUS = "/stacks/{applicationName}/operations/{id}"
Answer = tuple[int, dict[str, Any]]


@pytest.fixture
def resize(shop: FakeCloud) -> Iterator[Callable[[int], Answer]]:
    """A caller of the toy kind, whose modules the packages of the product include."""
    for layer, package in _LAYERS.items():
        package.__path__.append(str(_TOY / layer))
    handler = import_module("handlers.resize")

    def call(count: int, **query: str) -> Answer:
        body = json.dumps({"applicationName": "Shop", "count": count})
        return _answer(handler, http_event("POST", "/stacks/resize", body, query=query), shop)

    yield call
    for package in _LAYERS.values():
        package.__path__.pop()
        sys.modules.pop(f"{package.__name__}.resize", None)


def _answer(handler: Any, event: Any, cloud: FakeCloud) -> Answer:
    response = handler.handle(event, None, cloud)
    return response["statusCode"], json.loads(response["body"])


def _operation(handler: Any, method: str, identifier: str, cloud: FakeCloud) -> Answer:
    parameters = {"applicationName": "Shop", "id": identifier}
    return _answer(handler, http_event(method, _STATUS, parameters=parameters), cloud)


def test_a_new_kind_is_accepted_advanced_and_ended(
    shop: FakeCloud, api: Client, resize: Callable[[int], Answer]
) -> None:
    shop.containers.automatic = False
    status, body = resize(3)
    assert (status, body["operation"]["waitingFor"]) == (202, "1 of 3 tasks running")
    assert shop.containers.service("Shop", "dev").desired == 3
    assert api.deploy("1.0", "dev").status == 409, "the row is held"
    shop.containers.automatic = True
    api.settle()
    identifier = body["operation"]["id"]
    status, body = _operation(handlers.query, "GET", identifier, shop)
    assert (status, body["operation"]["status"], body["operation"]["count"]) == (
        200, "SUCCEEDED", 3,
    )  # fmt: skip
    outcomes = [each.outcome for each in shop.tables.events_of("Shop") if each.kind == "resize"]
    assert outcomes == ["ACCEPTED", "SUCCEEDED", "SUCCEEDED"]
    assert api.finished(api.deploy("1.0", "dev")).operation["status"] == "SUCCEEDED"


def test_a_new_kind_can_be_aborted(
    shop: FakeCloud, api: Client, resize: Callable[[int], Answer]
) -> None:
    shop.containers.automatic = False
    _, body = resize(3)
    status, body = _operation(handlers.abort, "DELETE", body["operation"]["id"], shop)
    assert (status, body["operation"]["status"]) == (200, "FAILED")
    assert body["message"] == "the previous version runs again"
    shop.containers.automatic = True
    api.settle()


def test_a_new_kind_reports_all_faults_and_has_a_dry_run(
    shop: FakeCloud, resize: Callable[..., Answer]
) -> None:
    status, body = resize(11)
    assert (status, body["errors"]) == (
        400, [{"field": "count", "message": "must be a whole number from 1 to 10"}],
    )  # fmt: skip
    status, body = resize(2, dryRun="true")
    assert (status, body["plan"]["kind"], body["plan"]["claims"]) == (200, "resize", ["DEV"])
    assert not [each for each in shop.tables.operations.values() if each.kind == "resize"]
