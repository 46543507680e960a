"""--queue: the write is repeated while another operation holds a required environment."""

from __future__ import annotations

import httpx
import pytest

from tests.lab.prepared_service import OPERATION, PATH, Clock, Service, answer, operation, run

DEPLOY = ("deploy", "Shop", "--env", "dev", "--version", "1.1")
HOLDER, NEXT = "01JN8EY4M00000000000000002", "01JN8EY4M00000000000000003"
WRITES = {
    DEPLOY: ("POST", "/stacks/deploy"),
    ("promote", "Shop"): ("POST", "/stacks/deploytoprodBlue"),
    ("swap", "Shop", "--version", "1.1"): ("POST", "/stacks/swapProdBlueAndGreen"),
    ("create", "Shop", "--team=a", "--email=a@example.com"): ("POST", "/stacks"),
}


def busy(holder: str = HOLDER, code: str = "BUSY", **headers: str) -> httpx.Response:
    named = {"id": holder, "applicationName": "Shop"}
    return answer(409, headers, errorMessage=f"held by {holder}", code=code, operation=named)


CHANGED = answer(409, errorMessage="repeat the call", code="CHANGED_MEANWHILE")
LOST = httpx.ReadError("connection reset")


def service(*answers: httpx.Response | BaseException, path: str = "/stacks/deploy") -> Service:
    """Return a service with these responses to a write, whose operation has succeeded."""
    found = Service()
    found.on("POST", path, *answers)
    found.on("GET", PATH, answer(operation=operation("SUCCEEDED")))
    return found


ACCEPTED = answer(202, operation=operation())


def writes(found: Service) -> list[httpx.Request]:
    return [each for each in found.requests if each.method != "GET"]


@pytest.mark.parametrize("arguments", WRITES, ids=lambda each: each[0])
def test_a_write_waits_for_the_environment(arguments: tuple[str, ...]) -> None:
    found = Service()
    found.on(*WRITES[arguments], busy(), busy(), busy(), ACCEPTED)
    found.on("GET", PATH, answer(operation=operation("SUCCEEDED")))
    result = run(found, *arguments, "--queue")
    assert result.exit_code == 0
    assert len(writes(found)) == 4
    assert len({each.headers["idempotency-key"] for each in writes(found)}) == 1
    line = f"Waiting for the end of operation {HOLDER}, at most 1 h."
    assert result.stderr == f"{line} Its state: devops status Shop {HOLDER}\n"


def test_the_preview_of_an_upgrade_waits_too() -> None:
    path = "/stacks/Shop/upgrade"
    changes = {"kind": "upgrade", "template": {"version": "v2"}}
    plan = answer(dryRun=True, plan=changes)
    found = service(busy(), busy(), plan, busy(), ACCEPTED, path=path)
    result = run(found, "upgrade", "Shop", "--queue", interactive=True, typed="y\n")
    assert result.exit_code == 0
    assert ["dryRun" in each.url.params for each in writes(found)] == [True] * 3 + [False] * 2
    assert f"Waiting for the end of operation {HOLDER}" in result.stderr
    assert "Upgrade the stack of Shop?" in result.stderr


@pytest.mark.parametrize("arguments", WRITES, ids=lambda each: each[0])
def test_without_the_option_a_busy_environment_is_a_conflict(arguments: tuple[str, ...]) -> None:
    found = Service()
    found.on(*WRITES[arguments], busy())
    assert run(found, *arguments).exit_code == 3
    assert len(found.requests) == 1


def test_each_operation_is_named_once() -> None:
    found = service(busy(), CHANGED, busy(), busy(NEXT), CHANGED, busy(NEXT), ACCEPTED)
    result = run(found, *DEPLOY, "--queue")
    assert result.exit_code == 0
    assert [result.stderr.count(each) for each in (f"operation {HOLDER}", f"operation {NEXT}")] == [
        1,
        1,
    ]
    assert result.stderr.count("Waiting, at most 1 h: repeat the call\n") == 1


def test_the_limit_ends_the_queue_with_a_conflict() -> None:
    found, clock = service(busy()), Clock()
    result = run(found, *DEPLOY, "--queue", "--queue-timeout=2m", clock=clock)
    assert (result.exit_code, sum(clock.pauses)) == (3, 120)
    assert "Error: held by" in result.stderr
    assert (
        "The time limit of --queue-timeout (2 min) has ended. Nothing was started." in result.stderr
    )
    assert f"devops wait Shop {HOLDER}" in result.stderr


def test_the_limit_includes_the_option() -> None:
    assert run(service(busy(), ACCEPTED), *DEPLOY, "--queue-timeout=30m").exit_code == 0
    assert run(service(busy(), ACCEPTED), *DEPLOY, "--queue-timeout=0s").exit_code == 3


def test_the_intervals_grow_and_the_default_limit_is_an_hour() -> None:
    found, clock = service(busy()), Clock()
    assert run(found, *DEPLOY, "--queue", clock=clock).exit_code == 3
    assert sum(clock.pauses) == 3600
    assert clock.pauses[:3] == [5, 5, 5]
    assert max(clock.pauses) == 15
    assert clock.pauses == sorted(clock.pauses[:-1]) + clock.pauses[-1:]


def test_the_service_can_request_a_longer_pause() -> None:
    found, clock = (
        service(busy(**{"Retry-After": "20"}), busy(**{"Retry-After": "1"}), ACCEPTED),
        Clock(),
    )
    run(found, *DEPLOY, "--queue", "--no-wait", clock=clock)
    assert clock.pauses == [20, 5]


@pytest.mark.parametrize(
    "code",
    [
        "NO_SUCH_APPLICATION",
        "NOT_DEPLOYABLE",
        "IMAGE_NOT_FOUND",
        "NOT_READY",
        "AMBIGUOUS",
        "CONFLICT",
    ],
)
def test_other_conflicts_end_the_command(code: str) -> None:
    found = service(busy(), answer(409, errorMessage="busy, held, wait", code=code))
    assert run(found, *DEPLOY, "--queue").exit_code == 3
    assert len(found.requests) == 2


def test_a_create_waits_for_a_delete_of_the_name_but_not_for_an_existing_application() -> None:
    create = ("create", "Shop", "--team=a", "--email=a@example.com", "--queue")
    found = service(busy(code="ALREADY_EXISTS"), ACCEPTED, path="/stacks")
    assert run(found, *create).exit_code == 0
    found = service(answer(409, errorMessage="exists", code="ALREADY_EXISTS"), path="/stacks")
    assert run(found, *create).exit_code == 3
    assert len(found.requests) == 1


def test_an_outage_of_three_minutes_does_not_end_the_queue() -> None:
    # Five attempts each.
    found, clock = service(busy(), *[LOST] * 10, busy(), ACCEPTED), Clock()
    assert run(found, *DEPLOY, "--queue", clock=clock).exit_code == 0
    lost = service(busy(), LOST)
    result = run(lost, *DEPLOY, "--queue", clock=(clock := Clock()))
    assert result.exit_code == 1
    assert 180 <= sum(clock.pauses) < 220
    assert "may have accepted" in result.stderr


def test_an_outage_before_the_first_response_ends_the_command() -> None:
    found = service(LOST)
    assert run(found, *DEPLOY, "--queue").exit_code == 1
    assert len(found.requests) == 5


def test_ctrl_c_ends_the_queue() -> None:
    result = run(service(busy()), *DEPLOY, "--queue", clock=Clock(stop_at=2))
    assert result.exit_code == 130
    assert "Error: stopped waiting: nothing was started\n" in result.stderr
    unknown = run(service(busy(), LOST), *DEPLOY, "--queue", clock=Clock(stop_at=6))
    assert unknown.exit_code == 130
    assert "may have accepted" in unknown.stderr
    assert "nothing was started" not in unknown.stderr


def test_a_dry_run_does_not_wait() -> None:
    found = service(busy())
    assert run(found, *DEPLOY, "--queue", "--dry-run").exit_code == 3
    assert len(found.requests) == 1


def test_the_queue_and_the_wait_have_separate_limits() -> None:
    found, clock = service(busy(), ACCEPTED), Clock()
    found.on("GET", PATH, answer(operation=operation()))
    result = run(found, *DEPLOY, "--queue-timeout=10s", "--timeout=1m", clock=clock)
    assert (result.exit_code, sum(clock.pauses)) == (5, 65)
    assert f"devops wait Shop {OPERATION}\n" in result.stderr


def test_an_abort_has_no_queue() -> None:
    assert run(Service(), "abort", "Shop", OPERATION, "--queue").exit_code == 2


def test_a_delete_does_not_wait() -> None:
    """During the wait, a new application could get the name."""
    found = Service()
    result = run(found, "delete", "Shop", "--yes", "--queue")
    assert result.exit_code == 2
    assert "--queue" in result.stderr
    assert not found.requests
