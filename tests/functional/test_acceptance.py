"""The acceptance test in memory: its results, its report, and its removal after interruptions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from devops_cli.failures import UsageError
from devops_core.errors import AccessDeniedError
from devops_core.naming import EcrRegistry
from devops_core.registries import AllowedRegistries
from tests.lab.acceptance import Acceptance
from tests.lab.client import Client
from tests.lab.fakes import ACCOUNT, FakeCloud
from tests.lab.fakes.task_service import HANG
from tests.lab.raw_server import raw_server
from tests.lab.tls import Authority, counted
from tools.acceptance import options, run
from tools.acceptance.pages import Fingerprint
from tools.acceptance.results import LoggedCall
from tools.acceptance.state import locked
from tools.acceptance.steps import TITLES


@pytest.fixture
def acceptance(cloud: FakeCloud, tmp_path: Path) -> Acceptance:
    return Acceptance(cloud, tmp_path)


def remaining(cloud: FakeCloud) -> list[object]:
    """Return the stacks, rows and open operations."""
    stacks = [each for each in cloud.stacks.stacks.values() if each.status != "DELETE_COMPLETE"]
    return [*stacks, *cloud.tables.rows, *cloud.tables.in_progress()]


def press_at(number: int) -> Callable[[int], None]:
    """Return a hook that presses Ctrl-C at a request."""

    def hook(at: int) -> None:
        if at == number:
            raise KeyboardInterrupt

    return hook


def test_it_passes_on_an_installation_that_works(acceptance: Acceptance) -> None:
    assert acceptance.run() == 0, acceptance.report()
    assert acceptance.checks("failed") == acceptance.checks("unchecked") == []
    assert {step for step, _, _ in acceptance.checks("passed")} == set(TITLES)
    assert remaining(acceptance.cloud) == []
    assert acceptance.state.read() is None
    assert "| Service | 0.1.0 |" in (acceptance.directory / "report.md").read_text()


def test_it_trusts_the_certificates_of_the_command_line(
    acceptance: Acceptance, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    body = b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"status": "ok"}'
    variables = {**acceptance.runtime.environment, "AWS_CA_BUNDLE": str(authority.file)}
    runtime = replace(acceptance.runtime, environment=variables, transport=None)
    with raw_server(lambda: body, counted(authority.server(), [])) as port:
        there = run.connect(runtime, f"https://localhost:{port}/dev", "", "")
        with closing(there.api):
            assert there.api.get("/health").body == {"status": "ok"}


def test_the_report_has_the_durations_of_each_operation(acceptance: Acceptance) -> None:
    acceptance.run()
    report = json.loads((acceptance.directory / "report.json").read_text())
    measures = {each["step"]: each for each in report["measures"]}
    assert list(measures) == [each for each in TITLES if each not in ("health", "drift")]
    assert all(each["ended"] is not None for each in measures.values())
    swaps = [each for each in measures if "swap" in each]
    assert [each for each in measures if measures[each]["switched"] is not None] == swaps
    with_pages = {name for name, each in measures.items() if each["firstPage"] is not None}
    assert with_pages == {*swaps, *(each for each in measures if "promote" in each),
                          "deploy", "second deploy"}  # fmt: skip


def test_without_pages_and_aws_the_checks_are_unchecked_with_their_reasons(
    acceptance: Acceptance,
) -> None:
    acceptance.pages.unreachable, acceptance.account.allowed = True, False
    assert acceptance.run() == 0, acceptance.report()
    reasons = {(step, reason) for step, _, reason in acceptance.checks("unchecked")}
    unreachable = "the page is not accessible from here: timed out"
    refused = "AWS refused {}: AccessDeniedException"
    assert {
        ("swap", unreachable), ("deploy", unreachable), ("promote", unreachable),
        ("drift", refused.format("ecs:UpdateService")),
        ("drift", refused.format("elasticloadbalancing:ModifyListener")),
        ("delete", refused.format("cloudformation:DescribeStacks")),
    } <= reasons  # fmt: skip
    assert f"Unchecked: {refused.format('logs:FilterLogEvents')}." in acceptance.report()


def test_equal_pages_prove_no_swap(acceptance: Acceptance) -> None:
    acceptance.pages.constant = "the same page"
    assert acceptance.run() == 0, acceptance.report()
    reasons = {(step, reason) for step, _, reason in acceptance.checks("unchecked")}
    assert ("swap", "both slots have the same page") in reasons
    assert ("deploy", "the page is the same before and after the step") in reasons


@pytest.mark.parametrize(("early", "unchecked"), [(1, False), (2, True)])
def test_a_deploy_that_ends_before_its_abort_is_followed_by_a_second_one(
    acceptance: Acceptance, early: int, unchecked: bool
) -> None:
    aborts: list[int] = []

    def end_early(number: int) -> None:
        # The aborts are the only deletes before the delete of the application.
        if acceptance.network.sent[-1] == "DELETE" and len(aborts) < early:
            aborts.append(number)
            Client(acceptance.cloud).settle()

    acceptance.network.before = end_early
    assert acceptance.run() == 0, acceptance.report()
    expected = ("abort", "the abort ends the deploy", "both deploys ended before the abort")
    assert acceptance.checks("unchecked") == ([expected] if unchecked else [])
    assert len(aborts) == early


def test_the_drift_check_is_not_waited_for_with_a_limit_of_zero(acceptance: Acceptance) -> None:
    assert acceptance.run("--drift", "0") == 0
    assert acceptance.checks("unchecked") == [
        ("drift", "the drift check corrects the roles of the slots", "not waited for (--drift 0)")
    ]


def test_the_report_lists_the_calls_that_the_service_logged(acceptance: Acceptance) -> None:
    error = "AWS throttled ModifyListener"
    acceptance.account.lines = [LoggedCall("swap", "interrupted", error, 3)]
    assert acceptance.run() == 0
    assert f"- 3 x swap, `interrupted`: {error}" in acceptance.report().splitlines()


@pytest.fixture
def without_registry(acceptance: Acceptance) -> Iterator[Acceptance]:
    """An installation that allows only its own ECR."""
    cloud, before = acceptance.cloud, acceptance.cloud.settings
    own = AllowedRegistries(EcrRegistry(ACCOUNT, "eu-west-1"), ())
    cloud.settings = before._replace(registries=own)
    yield acceptance
    cloud.settings = before


def test_a_refused_registry_has_the_remedy(without_registry: Acceptance) -> None:
    assert without_registry.run() == 1
    ((step, text, reason),) = without_registry.checks("failed")
    assert (step, text) == ("deploy", "the operation succeeds")
    assert "is in a registry that this service does not allow" in reason
    assert reason.endswith("Use images of an allowed registry: --images FIRST SECOND")
    unchecked = {step: reason for step, _, reason in without_registry.checks("unchecked")}
    assert unchecked["swap"] == "not reached, because an earlier step failed"
    assert remaining(without_registry.cloud) == []


def test_a_rollout_that_nothing_ends_is_aborted_after_the_limit(acceptance: Acceptance) -> None:
    image = f"{options.parse([]).failing}"
    acceptance.cloud.containers.behaviours[image] = HANG
    assert acceptance.run("--failing-limit", "3") == 1
    (failed, *others) = acceptance.checks("failed")
    assert others == []
    assert failed[:2] == (
        "failing version",
        "the circuit breaker of ECS ends the rollout, and the operation has the reason",
    )
    assert re.match(r"still in progress after 18\d s, waiting for DEV: rollout", failed[2])


def test_an_operation_without_a_permission_is_aborted_early(acceptance: Acceptance) -> None:
    problem = "the service's role lacks the permission ecs:UpdateService"
    wire = acceptance.cloud.wire
    wire.fail("containers.update", AccessDeniedError(problem), times=None)
    assert acceptance.run() == 1
    ((step, text, reason),) = acceptance.checks("failed")
    assert (step, text) == ("deploy", "the operation succeeds")
    assert re.fullmatch(rf"still in progress after 12\d s, waiting for {problem}", reason)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_nothing_remains_after_ctrl_c_at_any_step(tmp_path: Path, moment: str) -> None:
    """Before: the request does not reach the service. After: its response is lost.

    The requests are all writes and each fourth read.
    """
    complete = Acceptance(FakeCloud(), tmp_path / "complete")
    assert complete.run() == 0
    numbers = [
        number
        for number, method in enumerate(complete.network.sent, start=1)
        if method != "GET" or number % 4 == 0
    ]
    steps = set()
    for number in numbers:
        there = Acceptance(FakeCloud(), tmp_path / str(number))
        setattr(there.network, moment, press_at(number))
        assert there.run() == 130, number
        steps.add([line for line in there.printed if line.strip().startswith("[")][-1])
        if there.state.read():  # pressed during the removal
            assert "REMOVAL INCOMPLETE" in "\n".join(there.printed), number
            assert there.run("--remove") == 0, number
        assert remaining(there.cloud) == [], number
        assert there.state.read() is None, number
        assert "# Acceptance test: interrupted" in there.report()
    assert len(steps) == len(TITLES) - 1  # all steps except the check of the health


def test_a_removal_that_was_killed_continues_in_the_next_run(acceptance: Acceptance) -> None:
    class KilledError(BaseException):
        """The end of the process, which nothing can handle."""

    def kill(number: int) -> None:
        if number >= 12:
            raise KilledError

    acceptance.network.before = kill
    with pytest.raises(KilledError):
        acceptance.run()
    assert remaining(acceptance.cloud)
    pending = acceptance.state.read()
    assert pending
    acceptance.network.before = lambda _: None
    assert acceptance.run("--remove") == 0
    assert acceptance.printed[-1] == f"{pending.application} is removed."
    assert remaining(acceptance.cloud) == []
    assert acceptance.state.read() is None
    assert acceptance.run("--remove") == 0
    assert acceptance.printed[-1] == "There is nothing to remove."


def test_a_second_ctrl_c_keeps_the_record_and_says_so(acceptance: Acceptance) -> None:
    def press(number: int) -> None:
        if number >= 12:
            raise KeyboardInterrupt

    acceptance.network.before = press
    assert acceptance.run() == 130
    pending = acceptance.state.read()
    assert pending
    text = "\n".join(acceptance.printed)
    assert f"REMOVAL INCOMPLETE: {pending.application} can still exist and cost money" in text
    assert 'make acceptance ARGS="--remove"' in text
    assert "**incomplete**: the removal was interrupted" in acceptance.report()
    acceptance.network.before = lambda _: None
    assert acceptance.run() == 0
    assert remaining(acceptance.cloud) == []


def test_a_delete_that_fails_is_repeated_and_then_reported(acceptance: Acceptance) -> None:
    acceptance.cloud.stacks.delete_failures = ("Repository: it cannot be deleted",)
    assert acceptance.run() == 1
    assert "REMOVAL INCOMPLETE" in "\n".join(acceptance.printed)
    assert "Repository: it cannot be deleted" in acceptance.report()
    acceptance.cloud.stacks.delete_failures = ()
    assert acceptance.run("--remove") == 0
    assert remaining(acceptance.cloud) == []


def test_a_removal_without_a_permission_of_the_service_ends_with_the_reason(
    acceptance: Acceptance,
) -> None:
    problem = "the service's role lacks the permission cloudformation:DeleteStack"
    acceptance.cloud.wire.fail("stacks.delete", AccessDeniedError(problem))
    assert acceptance.run() == 1
    text = "\n".join(acceptance.printed)
    assert f"the operation delete cannot end: waiting for {problem}" in text
    assert "REMOVAL INCOMPLETE" in text
    acceptance.cloud.wire.heal()
    assert acceptance.run("--remove") == 0
    assert remaining(acceptance.cloud) == []


def test_credentials_of_another_account_do_not_prove_the_removal(acceptance: Acceptance) -> None:
    acceptance.account.elsewhere = True
    assert acceptance.run() == 0
    ((step, text, reason),) = acceptance.checks("unchecked")
    assert (step, text) == ("delete", "AWS does not have the stack and the ECR repository")
    assert reason == "the credentials belong to another account or region than the installation"


def test_failed_requests_during_a_swap_fail_the_test(acceptance: Acceptance) -> None:
    acceptance.pages.failing = 1
    assert acceptance.run() == 1
    assert {(step, reason) for step, _, reason in acceptance.checks("failed")} == {
        (swap, "1 of 1 requests failed") for swap in ("swap", "second swap", "swap back")
    }


def test_a_defect_of_the_test_removes_the_application_and_fails(acceptance: Acceptance) -> None:
    def defect(url: str) -> Fingerprint:
        raise TypeError(f"a defect: {url}")

    acceptance.pages.fetch = defect  # type: ignore[method-assign]
    with pytest.raises(TypeError, match="a defect"):
        acceptance.run()
    assert "# Acceptance test: failed" in acceptance.report()
    assert remaining(acceptance.cloud) == []


def test_two_tests_cannot_use_one_directory(acceptance: Acceptance) -> None:
    with locked(acceptance.directory), pytest.raises(UsageError, match="another acceptance test"):
        acceptance.run()
