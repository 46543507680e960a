"""swap without a version: the confirmation, --back, --yes, and the refusal without a terminal."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.lab.prepared_service import OPERATION, PATH, Service, answer, operation, run, stack

SWAP = "/stacks/swapProdBlueAndGreen"
LIST = "/stacks/Shop/operations"
OLD, NEW = ("sha256:" + digit * 64 for digit in "01")
REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop"


def slot(name: str, *, live: bool, **members: Any) -> dict[str, Any]:
    role = "PROD-GREEN" if live else "PROD-BLUE"
    return {"environment": role, "slot": name, "live": live, "status": "ACTIVE"} | members


def release(version: str, digest: str) -> dict[str, str]:
    return {"version": version, "digest": digest, "image": f"{REPOSITORY}:{version}"}


FIRST = {"image": "registry.example:5000/devops/welcome:1"}
IDLE = slot("prod-1", live=False, **release("1.0", OLD))
LIVE = slot("prod-2", live=True, **release("1.1", NEW))


def swapped(left: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return a swap that replaced the release of an idle slot."""
    parts = [each | {"status": "SUCCEEDED"} for each in (LIVE, left)]
    return operation("SUCCEEDED", "swap", environments=parts, **members)


def production(idle: dict[str, Any] = IDLE, *operations: dict[str, Any]) -> Service:
    """Return a service with an application that accepts a swap."""
    service = Service()
    dev = {"environment": "DEV", "status": "ACTIVE"}
    service.on("GET", "/stacks/Shop", answer(stack=stack(dev, LIVE, idle)))
    service.on("GET", LIST, answer(operations=operations or [swapped(idle)]))
    service.on("POST", SWAP, answer(202, operation=operation(kind="swap")))
    service.on("GET", PATH, answer(operation=operation("SUCCEEDED", "swap")))
    return service


def posts(service: Service, *, dry: bool = False) -> list[Any]:
    """Return the bodies of the swaps, or of their dry runs."""
    sent = [each for each in service.requests if each.method == "POST"]
    return [json.loads(each.content) for each in sent if ("dryRun" in each.url.params) == dry]


EXPECTED = {"applicationName": "Shop", "version": "1.0", "digest": OLD}


def test_a_swap_without_a_version_shows_both_releases_and_asks() -> None:
    service = production()
    result = run(service, "swap", "Shop", "--json", interactive=True, typed="y\n")
    assert (result.exit_code, posts(service)) == (0, [EXPECTED])
    assert service.requests[0].url.query == b"live=true"
    lines = [line.split() for line in result.stderr.splitlines()]
    assert lines[:3] == [
        ["SLOT", "VERSION", "REPOSITORY", "DIGEST"],
        ["goes", "live", "prod-1", "1.0", REPOSITORY, OLD],
        ["leaves", "prod-2", "1.1", REPOSITORY, NEW],
    ]
    assert "Swap Shop? [y/N]" in result.stderr
    assert "first image" not in result.stderr


def test_the_confirmation_shows_the_differences_of_the_settings() -> None:
    service = production(IDLE | {"spec": 2})
    changed = [{"field": "cpu", "old": "256", "new": "512"}]
    part = {"environment": "PROD-GREEN", "slot": "prod-1", "taskDefinition": changed}
    planned = answer(dryRun=True, plan={"environments": [part]})
    service.on("POST", SWAP, planned, answer(202, operation=operation(kind="swap")))
    result = run(service, "swap", "Shop", interactive=True, typed="y\n")
    assert (result.exit_code, posts(service)) == (0, [EXPECTED | {"spec": 2}])
    assert "goes live\n  cpu\n    - 256\n    + 512\nSwap Shop?" in result.stderr


def test_a_refused_dry_run_leaves_the_refusal_to_the_swap() -> None:
    service = production()
    service.on("POST", SWAP, answer(409, errorMessage="held", code="BUSY"))
    result = run(service, "swap", "Shop", interactive=True, typed="y\n")
    assert (result.exit_code, posts(service)) == (3, [EXPECTED])
    assert "Swap Shop?" in result.stderr


def test_a_swap_without_confirmation_sends_nothing() -> None:
    service = production()
    result = run(service, "swap", "Shop", interactive=True, typed="\n")
    assert (result.exit_code, posts(service)) == (2, [])
    assert result.stderr.endswith("Error: nothing was swapped\n")


def test_the_confirmation_names_the_placeholder() -> None:
    service = production(slot("prod-1", live=False, **FIRST))
    result = run(service, "swap", "Shop", interactive=True, typed="y\n")
    assert (result.exit_code, posts(service)) == (0, [{"applicationName": "Shop"}])
    said = re.sub(" +", " ", result.stderr)
    assert "goes live prod-1 first image registry.example:5000/devops/welcome\n" in said
    assert "prod-1 runs the first image of the application, a placeholder" in said


@pytest.mark.parametrize("option", ["--version=1.0", f"--digest={OLD}", "--yes", "--dry-run"])
@pytest.mark.parametrize("interactive", [True, False])
def test_these_options_need_no_confirmation(option: str, *, interactive: bool) -> None:
    service = production()
    service.on("POST", SWAP, answer(dryRun=True, plan={}, operation=None))
    assert run(service, "swap", "Shop", option, interactive=interactive).exit_code == 0
    assert service.calls() == [f"POST /dev{SWAP}"]


def test_without_a_terminal_the_refusal_names_the_three_options() -> None:
    service = production()
    result = run(service, "swap", "Shop")
    assert (result.exit_code, service.requests) == (2, [])
    assert "add --version, --back or --yes" in result.stderr


@pytest.mark.parametrize("option", ["--version=1.0", f"--digest={OLD}", "--spec=2"])
def test_back_and_a_release_exclude_each_other(option: str) -> None:
    service = production()
    result = run(service, "swap", "Shop", "--back", option)
    assert (result.exit_code, service.requests) == (2, [])
    assert "remove --version, --digest and --spec" in result.stderr


@pytest.mark.parametrize("further", [(), ("--yes",), ("--dry-run",)])
def test_back_expects_the_previous_release(further: tuple[str, ...]) -> None:
    service = production()
    if "--dry-run" in further:
        service.on("POST", SWAP, answer(dryRun=True, plan={}))
    result = run(service, "swap", "Shop", "--back", *further)
    dry = "--dry-run" in further
    assert (result.exit_code, posts(service, dry=dry)) == (0, [EXPECTED])
    assert f"Return to 1.0 ({OLD}) from 1.1 ({NEW})\n" in result.stderr


def test_back_finds_the_last_swap_on_a_later_page() -> None:
    service = production()
    deploys = [operation("SUCCEEDED", id=f"A{at}") for at in range(20)]
    failed = operation("FAILED", "swap", environments=[])
    service.on(
        "GET", LIST, answer(operations=deploys, nextToken="t"),
        answer(operations=[failed, swapped(IDLE), swapped(slot("prod-1", live=False))]),
    )  # fmt: skip
    assert run(service, "swap", "Shop", "--back").exit_code == 0
    assert posts(service) == [EXPECTED]
    queries = [each.url.query for each in service.requests if each.url.path.endswith(LIST)]
    assert queries == [b"limit=20", b"limit=20&nextToken=t"]


@pytest.mark.parametrize(
    ("idle", "reason"),
    [
        (slot("prod-1", live=False, **release("1.2", OLD)), f"it runs 1.2 ({OLD})"),
        (slot("prod-1", live=False, **release("1.0", NEW)), f"it runs 1.0 ({NEW})"),
        (slot("prod-1", live=False, **FIRST), "it runs the first image,"),
    ],
)
def test_back_refuses_another_release_in_the_idle_slot(idle: dict[str, Any], reason: str) -> None:
    service = production(idle, swapped(IDLE))
    result = run(service, "swap", "Shop", "--back", interactive=True)
    assert (result.exit_code, posts(service)) == (3, [])
    assert "does not run the previous release any more" in result.stderr
    assert reason in result.stderr
    assert f"the last swap replaced 1.0 ({OLD})" in result.stderr


def test_back_refuses_the_same_release_with_the_settings_of_a_later_promote() -> None:
    later = operation("SUCCEEDED", "deploy-blue")
    service = production(IDLE, later, swapped(IDLE))
    result = run(service, "swap", "Shop", "--back")
    assert (result.exit_code, posts(service)) == (3, [])
    assert "with the settings of a promote after the last swap" in result.stderr
    failed = operation("FAILED", "deploy-blue")
    assert run(production(IDLE, failed, swapped(IDLE)), "swap", "Shop", "--back").exit_code == 0


@pytest.mark.parametrize(
    "operations",
    [
        [operation("SUCCEEDED")],
        [operation("FAILED", "swap")],
        # The swap belongs to an earlier application of the same name.
        [operation("SUCCEEDED", "create"), swapped(IDLE)],
    ],
)
def test_back_needs_a_swap_of_this_application(operations: list[dict[str, Any]]) -> None:
    service = production(IDLE, *operations)
    result = run(service, "swap", "Shop", "--back")
    assert (result.exit_code, posts(service)) == (3, [])
    assert "Shop has no previous release: no swap has succeeded" in result.stderr


def test_two_returns_to_the_first_image_have_the_same_key() -> None:
    """The first image has no version and no digest, so the service cannot compare it."""
    keys = []
    idle = slot("prod-1", live=False, **FIRST)
    for newest in (OPERATION, OPERATION, OPERATION[:-1] + "2"):
        deploy = operation("SUCCEEDED", id=newest)
        service = production(idle, deploy, swapped(idle))
        assert run(service, "swap", "Shop", "--back").exit_code == 0
        assert posts(service) == [{"applicationName": "Shop"}]
        keys.append(service.sent("POST").headers["idempotency-key"])
    assert keys[0] == keys[1] != keys[2]
    service = production(idle)
    assert run(service, "swap", "Shop", "--back", "--idempotency-key=mine").exit_code == 0
    assert service.sent("POST").headers["idempotency-key"] == "mine"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--back"], 2), (["--back", "--yes"], 2), ([], 2), (["--dry-run"], 0),
        (["--yes", "--dry-run"], 0),
    ],
)  # fmt: skip
def test_a_release_without_a_version_is_not_queued(options: list[str], code: int) -> None:
    """A promote could end while the command waits."""
    service = production(slot("prod-1", live=False, **FIRST))
    if "--dry-run" in options:
        service.on("POST", SWAP, answer(dryRun=True, plan={}))
    result = run(service, "swap", "Shop", "--queue", *options, interactive=True, typed="y\n")
    sent = posts(service, dry="--dry-run" in options)
    assert (result.exit_code, len(sent)) == (code, int(code == 0))
    assert ("repeat without --queue" in result.stderr) == (code == 2)


def test_any_release_is_not_queued() -> None:
    """The swap would undo that of another caller, or make an unknown promote live."""
    service = production()
    result = run(service, "swap", "Shop", "--queue", "--yes")
    assert (result.exit_code, service.requests) == (2, [])
    assert "Name the release: --version VERSION" in result.stderr
    assert run(service, "swap", "Shop", "--queue", "--yes", "--version=1.0").exit_code == 0
    assert posts(service) == [{"applicationName": "Shop", "version": "1.0"}]


def test_a_previous_release_with_a_version_can_be_queued() -> None:
    service = production()
    assert run(service, "swap", "Shop", "--queue", "--back").exit_code == 0
    assert posts(service) == [EXPECTED]


def test_a_promote_in_the_meantime_refuses_the_return() -> None:
    service = production()
    reason = "the idle slot runs 1.2, not 1.0: promote 1.0 first"
    service.on("POST", SWAP, answer(409, errorMessage=reason, code="NOT_DEPLOYABLE"))
    result = run(service, "swap", "Shop", "--back")
    assert (result.exit_code, posts(service)) == (3, [EXPECTED])
    assert reason in result.stderr


@pytest.mark.parametrize("option", ["--back", "--json"])
@pytest.mark.parametrize(
    "slots", [[], [IDLE], [IDLE | {"live": None}, {**LIVE, "live": None}]], ids=len
)
def test_without_a_live_and_an_idle_slot_nothing_is_swapped(
    slots: list[dict[str, Any]], option: str
) -> None:
    service = production()
    service.on("GET", "/stacks/Shop", answer(stack=stack(*slots)))
    result = run(service, "swap", "Shop", option, interactive=True, typed="y\n")
    assert (result.exit_code, posts(service)) == (3, [])
    assert "Shop has no live and idle slot" in result.stderr


def test_a_caller_that_cannot_read_the_application_names_the_release() -> None:
    service = production()
    service.on("GET", "/stacks/Shop", answer(403, message="Forbidden"))
    result = run(service, "swap", "Shop", interactive=True)
    assert (result.exit_code, posts(service)) == (4, [])
    assert "--version VERSION" in result.stderr


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--spec=1"], 0), (["--spec=2"], 1), (["--digest", OLD], 0), (["--digest", NEW], 1),
        (["--spec=2", "--digest", OLD], 0), (["--spec=2", "--digest", NEW], 1),
    ],
)  # fmt: skip
def test_a_failed_swap_of_another_release_is_the_requested_return(
    options: list[str], code: int
) -> None:
    """A swap to the previous release rolls a swap in progress back and returns it."""
    live = LIVE | {"status": "FAILED", "version": "1.0"}
    rolled_back = operation("FAILED", "swap", environments=[live], spec=2)
    service = production()
    service.on("POST", SWAP, answer(200, operation=rolled_back))
    assert run(service, "swap", "Shop", "--version=1.0", *options).exit_code == code
