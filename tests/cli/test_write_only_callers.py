"""A caller that may only send the write: `devops` repeats the write in place of the reads."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.lab.prepared_service import OPERATION, PATH, Clock, Service, answer, operation, run

DEPLOY = ("deploy", "Shop", "--env", "dev", "--version", "1.1")
PATHS = {
    "deploy": ("POST", "/stacks/deploy"),
    "promote": ("POST", "/stacks/deploytoprodBlue"),
    "swap": ("POST", "/stacks/swapProdBlueAndGreen"),
    "create": ("POST", "/stacks"),
    "delete": ("DELETE", "/stacks"),
    "abort": ("DELETE", PATH),
}
WRITES = [
    DEPLOY,
    ("promote", "Shop"),
    ("swap", "Shop", "--version", "1.1"),
    ("create", "Shop", "--team=a", "--email=a@example.com"),
    ("delete", "Shop", "--yes"),
    ("abort", "Shop", OPERATION),
]
NOTE = "This caller is not allowed to read the operation. devops repeats the request"
REFUSED = answer(403, message="not authorized", code="ACCESS_DENIED")
ACCEPTED = answer(202, {"Retry-After": "2"}, operation=operation())


def write_only(command: str, *answers: httpx.Response | BaseException) -> Service:
    """Return a service that refuses all reads, with these responses to a write."""
    service = Service()
    for path in (PATH, "/stacks/Shop"):
        service.on("GET", path, REFUSED)
    service.on(*PATHS[command], *answers)
    return service


def writes(service: Service) -> list[httpx.Request]:
    return [each for each in service.requests if each.method != "GET"]


@pytest.mark.parametrize("arguments", WRITES, ids=lambda each: each[0])
def test_the_write_is_repeated_with_its_key_until_the_end(arguments: tuple[str, ...]) -> None:
    ended = answer(operation=operation("FAILED" if arguments[0] == "abort" else "SUCCEEDED"))
    service, clock = write_only(arguments[0], ACCEPTED, ACCEPTED, ACCEPTED, ended), Clock()
    result = run(service, *arguments, clock=clock)
    assert result.exit_code == 0
    assert result.stderr.count(NOTE) == 1
    sent = writes(service)
    assert len({(each.method, each.url, each.content) for each in sent}) == 1
    assert len({each.headers["idempotency-key"] for each in sent}) == 1
    assert [each.headers.get("prefer") for each in sent] == [None, *["wait=25"] * 3]
    # The operation and the application are each read once.
    assert len(service.requests) == len(sent) + 2
    assert clock.pauses == [0.5, 2, 2]


def test_a_failure_is_exit_1_with_the_reasons() -> None:
    failed = operation("FAILED", reasons=["task exited with 1"])
    ended = answer(424, errorMessage="x", code="OPERATION_FAILED", operation=failed)
    result = run(write_only("deploy", ACCEPTED, ended), *DEPLOY)
    assert result.exit_code == 1
    assert "task exited with 1" in result.stdout


def test_a_repetition_that_gets_no_response_is_repeated() -> None:
    lost = httpx.ReadError("connection reset")
    ended = answer(operation=operation("SUCCEEDED"))
    service = write_only("deploy", ACCEPTED, lost, answer(503, errorMessage="later"), ended)
    assert run(service, *DEPLOY).exit_code == 0


def test_the_service_can_request_a_longer_pause() -> None:
    busy = answer(202, {"Retry-After": "9"}, operation=operation())
    service, clock = (
        write_only("deploy", ACCEPTED, busy, answer(operation=operation("FAILED"))),
        Clock(),
    )
    run(service, *DEPLOY, clock=clock)
    assert clock.pauses == [0.5, 9]


def test_the_time_limit_ends_the_repetitions_and_the_message_names_the_key() -> None:
    service, clock = write_only("deploy", ACCEPTED), Clock()
    result = run(service, *DEPLOY, "--timeout=10s", "--idempotency-key=build-7", clock=clock)
    assert (result.exit_code, sum(clock.pauses)) == (5, 10)
    assert writes(service)[-1].headers["prefer"] == "wait=1"
    assert f"The operation {OPERATION} continues.\n" in result.stderr
    assert "repeat the command with --idempotency-key build-7\n" in result.stderr
    assert "devops wait" not in result.stderr


def test_json_is_the_last_response() -> None:
    ended = answer(operation=operation("SUCCEEDED"))
    result = run(write_only("deploy", ACCEPTED, ended), *DEPLOY, "--json")
    assert json.loads(result.stdout)["operation"]["status"] == "SUCCEEDED"


def test_a_refused_repetition_ends_the_command() -> None:
    refused = answer(403, errorMessage="not authorized", code="ACCESS_DENIED")
    result = run(write_only("deploy", ACCEPTED, refused), *DEPLOY)
    assert result.exit_code == 4
    assert f"The operation {OPERATION} continues.\n" in result.stderr


def test_expired_credentials_are_not_a_missing_permission() -> None:
    service = write_only("deploy", ACCEPTED)
    service.on("GET", PATH, answer(403, message="expired", code="EXPIRED_TOKEN"))
    result = run(service, *DEPLOY)
    assert (result.exit_code, len(writes(service))) == (4, 1)
    assert NOTE not in result.stderr
    assert f"devops wait Shop {OPERATION}\n" in result.stderr


def test_a_wait_without_the_permission_is_refused() -> None:
    service = write_only("deploy")
    assert run(service, "wait", "Shop", OPERATION).exit_code == 4
