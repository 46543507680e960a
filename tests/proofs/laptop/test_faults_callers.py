"""Fifty simultaneous callers of ten applications: no operation fails or is mixed up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import pytest

from tests.lab.laptop.api import Api, Response, create_body
from tests.lab.laptop.estate import operations, read
from tests.lab.promises import hold_at_rest

APPLICATIONS = [f"Crowd{letter}" for letter in "ABCDEFGHIJ"]
VERSIONS = ("1.0", "2.0")
Script = Callable[[Api, str], Iterator[Response]]


def _deploy(api: Api, name: str, version: str, **headers: str) -> Response:
    body = {"applicationName": name, "environment": ["dev"], "version": version}
    return api.post("/stacks/deploy", body, **headers)


def _promote(api: Api, name: str) -> Response:
    return api.post("/stacks/deploytoprodBlue", {"applicationName": name}, Prefer="wait=3")


def _swap(api: Api, name: str) -> Response:
    return api.post("/stacks/swapProdBlueAndGreen", {"applicationName": name})


def _read_operation(api: Api, answer: Response) -> Iterator[Response]:
    """Read the operation of a response: that of the caller, or of the caller who was faster."""
    operation = answer.body.get("operation")
    if operation and operation.get("url"):
        yield api.call("GET", operation["url"])


def _deployer(api: Api, name: str) -> Iterator[Response]:
    first = _deploy(api, name, "1.0", Idempotency_Key=f"{name}-1.0")
    yield first
    yield from _read_operation(api, first)
    yield _deploy(api, name, "2.0", Prefer="wait=3")


def _repeater(api: Api, name: str) -> Iterator[Response]:
    key = f"{name}-1.0"
    for _ in range(3):
        yield _deploy(api, name, "1.0", Idempotency_Key=key)
    yield _deploy(api, name, "2.0", Idempotency_Key=key)


def _promoter(api: Api, name: str) -> Iterator[Response]:
    for _ in range(2):
        answer = _promote(api, name)
        yield answer
        yield from _read_operation(api, answer)
    yield _swap(api, name)


def _swapper(api: Api, name: str) -> Iterator[Response]:
    for _ in range(3):
        answer = _swap(api, name)
        yield answer
        yield from _read_operation(api, answer)


def _aborter(api: Api, name: str) -> Iterator[Response]:
    answer = _deploy(api, name, "2.0")
    yield answer
    operation = answer.body.get("operation")
    if operation:
        yield api.call("DELETE", f"/stacks/{name}/operations/{operation['id']}")
    yield from _read_operation(api, answer)


SCRIPTS: tuple[Script, ...] = (_deployer, _repeater, _promoter, _swapper, _aborter)


@pytest.fixture(scope="module")
def crowd(api: Api) -> Iterator[list[tuple[str, Response]]]:
    """The ten applications, and the responses of the fifty callers."""
    with ThreadPoolExecutor(len(APPLICATIONS)) as pool:
        created = list(pool.map(lambda name: api.post("/stacks", create_body(name)), APPLICATIONS))
    for name, answer in zip(APPLICATIONS, created, strict=True):
        api.succeed(answer)
        for version in VERSIONS:
            api.push(name, version)
    yield _answers(api)
    for answer in [api.call("DELETE", "/stacks", {"stack": name}) for name in APPLICATIONS]:
        api.succeed(answer)


def _answers(api: Api) -> list[tuple[str, Response]]:
    """Run all scripts on all applications at the same time; return their responses."""
    callers = list(product(SCRIPTS, APPLICATIONS))
    with ThreadPoolExecutor(len(callers)) as pool:
        answers = list(pool.map(lambda caller: list(caller[0](api, caller[1])), callers))
    scripts = [script.__name__ for script, _ in callers]
    return [(name, each) for name, some in zip(scripts, answers, strict=True) for each in some]


def test_each_response_is_a_success_or_a_conflict(crowd: list[tuple[str, Response]]) -> None:
    wrong = [
        (name, answer.status, answer.body)
        for name, answer in crowd
        if answer.status not in (200, 202, 409, *((422,) if name == "_repeater" else ()))
    ]
    assert not wrong


def test_some_callers_succeed_and_some_are_refused(crowd: list[tuple[str, Response]]) -> None:
    seen = {answer.status for _, answer in crowd}
    assert {202, 409, 422} <= seen


def test_a_key_belongs_to_one_operation_with_many_callers(
    api: Api, crowd: list[tuple[str, Response]]
) -> None:
    assert crowd
    for name in APPLICATIONS:
        done = [each for each in _of(api, name) if each["kind"] == "deploy"]
        assert sum(each["version"] == "1.0" for each in done) <= 1, done


def test_all_operations_end_and_the_promises_hold_for_each_application(
    api: Api, crowd: list[tuple[str, Response]]
) -> None:
    assert crowd
    for name in APPLICATIONS:
        for each in _of(api, name):
            api.wait_for_end(api.call("GET", f"/stacks/{name}/operations/{each['id']}"))
    hold_at_rest(read(api).only(APPLICATIONS))


def _of(api: Api, name: str) -> list[dict[str, Any]]:
    return [each for each in operations(api) if each["applicationName"] == name]
