"""The listeners of production: stickiness, further rules, other actions, and partial switches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from devops_core.errors import AccessDeniedError
from devops_core.model.operation import Status
from devops_core.naming import Environment
from tests.lab.client import Client, Reply
from tests.lab.dry import DryClient
from tests.lab.fakes import Call, FakeCloud
from tests.lab.reads import STACK, get, rows

Change = Callable[[FakeCloud], None]


def listener(cloud: FakeCloud, which: str) -> str:
    return cloud.stacks.estate.listener("Shop", which)


def sticky(which: str) -> Change:
    """Return a change: turn on group stickiness."""
    return lambda cloud: cloud.load_balancer.sticky.add(listener(cloud, which))


def with_rule(which: str, service: str) -> Change:
    """Return a change: add a rule that forwards to a service."""

    def change(cloud: FakeCloud) -> None:
        group = cloud.stacks.estate.target_group("Shop", service)
        cloud.load_balancer.others[listener(cloud, which)] = {"10": [group]}

    return change


def redirecting(which: str) -> Change:
    """Return a change: replace the default actions."""

    def change(cloud: FakeCloud) -> None:
        cloud.load_balancer.actions[listener(cloud, which)] = [{"Type": "redirect"}]

    return change


STICKY = (
    "the {} listener has group stickiness, which keeps clients on the other release: turn it off"
)
RULE = "rule 10 of the {} listener forwards to {}, and no swap changes it: delete this rule"
PROBLEMS: list[tuple[str, Change, str, bool]] = [
    ("production is sticky", sticky("production"), STICKY.format("production"), True),
    ("test is sticky", sticky("test"), STICKY.format("test"), False),
    ("a rule forwards to the live slot", with_rule("production", "prod-1"),
     RULE.format("production", "prod-1"), True),
    ("a rule forwards to the idle slot", with_rule("production", "prod-2"),
     RULE.format("production", "prod-2"), True),
    ("a rule of the test listener forwards to a slot", with_rule("test", "prod-1"),
     RULE.format("test", "prod-1"), False),
    ("the test listener redirects", redirecting("test"),
     "the test listener has no forward action: make it forward to a slot", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "problem", "of_production"),
    [case[1:] for case in PROBLEMS],
    ids=[case[0] for case in PROBLEMS],
)
def test_a_listener_that_keeps_customers_on_a_slot_is_refused_and_reported(
    promoted: FakeCloud, api: Client, change: Change, problem: str, *, of_production: bool
) -> None:
    change(promoted)

    clients = api, DryClient(promoted)
    for client in clients:
        reply = client.swap()
        refused(reply, "NOT_READY", f"the listeners of production do not allow a swap: {problem}")
        assert reply.body["reasons"] == [problem]
    if of_production:
        for client in clients:
            message = f"the production listener does not allow a promote: {problem}"
            refused(client.promote(), "NOT_DEPLOYABLE", message)
    else:
        assert api.promote().status == 200
    found = rows(get(api, STACK, "Shop", live="true").body["stack"])
    role = "PROD-GREEN" if of_production else "PROD-BLUE"
    assert found[role]["listenerProblems"] == [problem]
    other = "PROD-BLUE" if of_production else "PROD-GREEN"
    assert "listenerProblems" not in found[other]
    promoted.clock.pass_(minutes=10)
    assert api.drift_check() == 1
    assert promoted.tables.rows["Shop", Environment(role)].drift == problem


def refused(reply: Reply, code: str, message: str) -> None:
    assert (reply.status, reply.body["code"]) == (409, code)
    assert reply.body["errorMessage"] == message


def removed(which: str) -> Change:
    """Return a change: delete a listener."""
    return lambda cloud: cloud.load_balancer.remove(listener(cloud, which))


MISSING = "the {} listener does not exist: delete the application and create it again"
CHANGES = [
    *(case[:3] for case in PROBLEMS),
    ("the production listener is deleted", removed("production"), MISSING.format("production")),
    ("the test listener is deleted", removed("test"), MISSING.format("test")),
]


def waiting_swap(cloud: FakeCloud, api: Client) -> Reply:
    """Start a swap that waits for the tasks of the idle slot."""
    cloud.containers.automatic = False
    idle = cloud.containers.service("Shop", "prod-2")
    idle.desired = idle.running = 0
    return api.swap()


@pytest.mark.parametrize("aborted", [True, False], ids=["aborted", "at the deadline"])
@pytest.mark.parametrize(
    ("change", "problem"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES]
)
def test_a_listener_that_changes_after_the_claim_prevents_the_switch(
    promoted: FakeCloud, api: Client, change: Change, problem: str, *, aborted: bool
) -> None:
    swapping = waiting_swap(promoted, api)
    change(promoted)
    promoted.containers.service("Shop", "prod-2").complete(promoted.clock.now())
    api.tick()
    operation = api.status(swapping.id).operation
    assert (operation["status"], operation["waitingFor"]) == ("IN_PROGRESS", problem)

    if aborted:
        api.abort(swapping.id)
    else:
        promoted.clock.pass_(minutes=15)
        api.tick()

    ended = api.status(swapping.id).operation
    assert (ended["status"], "switchedAt" in ended) == ("FAILED", False)
    assert problem in ended["reasons"]


@pytest.mark.parametrize("which", ["production", "test"])
def test_a_swap_without_a_listener_is_refused(promoted: FakeCloud, api: Client, which: str) -> None:
    removed(which)(promoted)
    reply = api.swap()
    code = "CONFLICT" if which == "production" else "NOT_READY"
    assert (reply.status, reply.body["code"]) == (409, code)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (removed("test"), MISSING.format("test")),
        (
            redirecting("test"),
            "the test listener has no forward action: make it forward to a slot",
        ),
    ],
    ids=["deleted", "redirects"],
)
def test_a_test_listener_that_changes_after_the_switch_does_not_delay_the_end(
    promoted: FakeCloud, api: Client, change: Change, problem: str
) -> None:
    fail_switch(promoted, "test")
    swapping = api.swap()
    change(promoted)

    api.tick()

    ended = api.status(swapping.id).operation
    assert (ended["status"], ended["warnings"]) == ("SUCCEEDED", [problem])
    assert promoted.live("Shop") == "prod-2"
    promoted.clock.pass_(minutes=10)
    assert api.drift_check() == 1
    assert promoted.tables.rows["Shop", Environment.PROD_BLUE].drift


@pytest.mark.parametrize("aborted", [True, False], ids=["aborted", "at the end"])
@pytest.mark.parametrize("which", ["production", "test"])
def test_stickiness_that_begins_during_the_bake_is_a_warning(
    promoted: FakeCloud, api: Client, which: str, *, aborted: bool
) -> None:
    """Clients that it keeps on the new release do not return."""
    swapping = api.swap(bakeMinutes=2)
    sticky(which)(promoted)
    if aborted:
        ended = api.abort(swapping.id).operation
    else:
        for _ in range(2):
            api.tick()
        ended = api.status(swapping.id).operation
    assert ended["status"] == ("FAILED" if aborted else "SUCCEEDED")
    assert ended["warnings"] == [STICKY.format(which)]
    promoted.clock.pass_(minutes=10)
    assert api.drift_check() == 1


def test_a_rule_that_forwards_to_another_service_is_allowed(
    promoted: FakeCloud, api: Client
) -> None:
    with_rule("production", "dev")(promoted)

    assert api.swap().status == 200


def test_a_swap_keeps_other_actions(promoted: FakeCloud, api: Client) -> None:
    actions = ({"Type": "authenticate-oidc"}, {"Type": "forward"})
    for which in ("production", "test"):
        promoted.load_balancer.actions[listener(promoted, which)] = actions

    assert api.swap().status == 200

    for which in ("production", "test"):
        assert promoted.load_balancer.actions[listener(promoted, which)] == actions


def test_an_immediate_swap_back_finds_healthy_targets(promoted: FakeCloud, api: Client) -> None:
    assert api.swap().status == 200
    assert api.swap().status == 200
    assert promoted.live("Shop") == "prod-1"


def fail_switch(cloud: FakeCloud, which: str) -> None:
    """Deny each switch of one listener from now on."""
    arn = listener(cloud, which)

    def deny(call: Call) -> None:
        if call.name == "load_balancer.switch" and call.args[0] == arn:
            raise AccessDeniedError("not authorized to perform ModifyListener")

    cloud.wire.before.append(deny)


def test_a_failed_switch_of_the_test_listener_is_repeated(promoted: FakeCloud, api: Client) -> None:
    fail_switch(promoted, "test")
    swapping = api.swap()
    assert (swapping.status, promoted.live("Shop")) == (202, "prod-2")

    promoted.resume()
    api.settle()

    assert api.status(swapping.id).operation["status"] == "SUCCEEDED"
    assert targets(promoted) == {"production": "prod-2", "test": "prod-1"}


def test_a_failed_switch_of_production_is_repeated(promoted: FakeCloud, api: Client) -> None:
    fail_switch(promoted, "production")
    swapping = api.swap()
    assert (swapping.status, targets(promoted)["test"]) == (202, "prod-1")

    promoted.resume()
    api.settle()

    assert api.status(swapping.id).operation["status"] == "SUCCEEDED"
    assert targets(promoted) == {"production": "prod-2", "test": "prod-1"}


@pytest.mark.parametrize("aborted", [True, False], ids=["aborted", "at the deadline"])
def test_a_swap_that_fails_before_the_switch_restores_the_test_listener(
    promoted: FakeCloud, api: Client, *, aborted: bool
) -> None:
    fail_switch(promoted, "production")
    swapping = api.swap()
    assert targets(promoted) == {"production": "prod-1", "test": "prod-1"}

    if aborted:
        api.abort(swapping.id)
    else:
        promoted.clock.pass_(minutes=16)
        api.tick()

    (operation,) = (each for each in promoted.tables.operations.values() if each.kind == "swap")
    assert operation.status is Status.FAILED
    assert targets(promoted) == {"production": "prod-1", "test": "prod-2"}
    blue = promoted.tables.rows["Shop", Environment.PROD_BLUE].service
    assert blue
    assert blue.name == "prod-2"


def targets(cloud: FakeCloud) -> dict[str, Any]:
    """Return the service behind each listener."""
    found = {}
    for which in ("production", "test"):
        (group,) = cloud.load_balancer.listeners[listener(cloud, which)]
        found[which] = group.split("/")[1].removeprefix("Shop-")
    return found
