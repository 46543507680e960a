"""Accounts in known states, for the stories to begin with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from devops_core.naming import Environment
from tests.functional.client import Client
from tests.functional.fakes import Crash, FakeCloud
from tests.functional.fakes.service import CRASH, HANG, OK

Prepare = Callable[[FakeCloud, Client], object]

TESTS = ("dev", "qa", "stage")


def empty(cloud: FakeCloud, api: Client) -> None:
    """Push images; there is no application."""
    del api
    for version in ("1.0", "2.0", "3.0", "4.0"):
        cloud.push(version)
    cloud.push("crash", CRASH)
    cloud.push("hang", HANG)


def failing(*, create: bool = False, delete: bool = False) -> Prepare:
    """Return an empty account in which stacks fail."""

    def prepare(cloud: FakeCloud, api: Client) -> None:
        empty(cloud, api)
        cloud.stacks.create_failures = ("DevService: it was not stable",) if create else ()
        cloud.stacks.delete_failures = ("Repository: it is not empty",) if delete else ()

    return prepare


def lagging(cloud: FakeCloud, api: Client) -> None:
    """Make CloudFormation slow to show a new stack."""
    empty(cloud, api)
    cloud.stacks.lag = 2


def first_image(behaviour: str) -> Prepare:
    """Return an empty account in which the first image of an application behaves badly."""

    def prepare(cloud: FakeCloud, api: Client) -> None:
        empty(cloud, api)
        cloud.containers.behaviours[cloud.settings.initial_image] = behaviour

    return prepare


def shop(cloud: FakeCloud, api: Client) -> None:
    """Make an application that is in use: 1.0 is live, 2.0 is tested and waits on blue."""
    empty(cloud, api)
    api.finished(api.create(environments={"nonProd": [*TESTS]}))
    for version in ("1.0", "2.0"):
        api.finished(api.deploy(version, *TESTS))
        api.finished(api.promote())
        if version == "1.0":
            assert api.swap().status == 200


def backwards(cloud: FakeCloud, api: Client) -> None:
    """Make the shop in an account where of calls that go out together the last is the first."""
    shop(cloud, api)
    cloud.backwards = True


def tested(version: str) -> Prepare:
    """Return the shop with another version tested on stage."""

    def prepare(cloud: FakeCloud, api: Client) -> None:
        shop(cloud, api)
        behaviours = dict(cloud.containers.behaviours)
        cloud.push(version, OK)
        api.finished(api.deploy(version, "stage"))
        cloud.containers.behaviours = behaviours

    return prepare


def cold(cloud: FakeCloud, api: Client) -> None:
    """Make a shop whose pages are fetched before a version goes live: one answers, one does not."""
    empty(cloud, api)
    api.finished(api.create(service={"warmup": ["/", "/slow"]}))
    for version in ("1.0", "2.0"):
        api.finished(api.deploy(version, "dev"))
        api.finished(api.promote())
        if version == "1.0":
            assert api.swap().status == 200
    url = cloud.tables.inventory_of("Shop").rows[Environment.PROD_BLUE].url
    cloud.web.pages[f"{url}/"] = 200


def small_blue(cloud: FakeCloud, api: Client) -> None:
    """Scale green out, so that blue must be raised before a swap."""
    shop(cloud, api)
    green = cloud.containers.service("Shop", "prod-2")
    green.desired = green.running = 3


def swapped(cloud: FakeCloud, api: Client) -> None:
    """Swap, so that the way back is open."""
    shop(cloud, api)
    assert api.swap().status == 200


def undeletable(cloud: FakeCloud, api: Client) -> None:
    """Let the stack fail when it is deleted."""
    shop(cloud, api)
    cloud.stacks.delete_failures = ("Repository: it is not empty",)


def under_way(cloud: FakeCloud, api: Client) -> None:
    """Accept a promote and a deploy, of which only the first steps are done."""
    tested("3.0")(cloud, api)
    api.promote()
    api.deploy("4.0", "dev", "qa")


# --- operations that hang, to be aborted ---


def creating(cloud: FakeCloud, api: Client) -> None:
    """Accept a create whose stack does not come to an end."""
    empty(cloud, api)
    cloud.stacks.pace = 1000
    api.create()
    cloud.stacks.pace = 1


def configuring(cloud: FakeCloud, api: Client) -> None:
    """Accept a create whose services do not come to run."""
    first_image(HANG)(cloud, api)
    api.create(service={"environment": {"LEVEL": "info"}})
    for _ in range(4):
        api.tick()


def deploying(cloud: FakeCloud, api: Client) -> None:
    """Accept a deploy that hangs everywhere."""
    shop(cloud, api)
    api.deploy("hang", *TESTS)
    api.tick()


def promoting(cloud: FakeCloud, api: Client) -> None:
    """Accept a promote that hangs."""
    tested("hang")(cloud, api)
    api.promote()
    api.tick()


def swapping(cloud: FakeCloud, api: Client) -> None:
    """Accept a swap whose blue does not get ready."""
    small_blue(cloud, api)
    api.swap()
    cloud.containers.service("Shop", "prod-1").sick = True


def switched(cloud: FakeCloud, api: Client) -> None:
    """Accept a swap whose worker died when it had moved the customers."""
    shop(cloud, api)
    cloud.wire.fail("load_balancer.switch", Crash(), times=1, lost=True)
    try:
        api.swap()
    except Crash:
        cloud.wire.heal()
    cloud.clock.wait(70)


# --- what was changed by hand, long enough ago ---


def moved_listeners(cloud: FakeCloud, api: Client) -> None:
    """Let somebody swap with the console."""
    shop(cloud, api)
    listeners = cloud.load_balancer.listeners
    production, test = listeners
    listeners[production], listeners[test] = listeners[test], listeners[production]
    cloud.clock.pass_(minutes=10)


def moved_test_listener(cloud: FakeCloud, api: Client) -> None:
    """Let somebody move the test listener."""
    shop(cloud, api)
    listeners = cloud.load_balancer.listeners
    production, test = listeners
    listeners[test] = listeners[production]
    cloud.clock.pass_(minutes=10)


def changed_service(cloud: FakeCloud, api: Client) -> None:
    """Let somebody give a service another image."""
    shop(cloud, api)
    now = cloud.clock.now()
    running = cloud.containers.running("Shop", "dev").request
    container = {**running["containerDefinitions"][0], "image": "example.org/other:7"}
    by_hand = cloud.containers.add({**running, "containerDefinitions": [container], "tags": []})
    cloud.containers.service("Shop", "dev").deploy(by_hand, now)
    cloud.containers.service("Shop", "dev").complete(now)
    cloud.clock.pass_(minutes=10)


def deleted_service(cloud: FakeCloud, api: Client) -> None:
    """Let somebody delete a service."""
    shop(cloud, api)
    cloud.containers.service("Shop", "dev").active = False
    cloud.clock.pass_(minutes=10)


def deleted_stack(cloud: FakeCloud, api: Client) -> None:
    """Let somebody delete the stack."""
    shop(cloud, api)
    cloud.stacks.estate.tear_down("Shop")
    for stack in cloud.stacks.stacks.values():
        stack.status = "DELETE_COMPLETE"
    cloud.clock.pass_(minutes=10)


def stale_claim(cloud: FakeCloud, api: Client) -> None:
    """Let a row be held by an operation that is over, which nothing but a fault of ours can do."""
    shop(cloud, api)
    key = "Shop", Environment.DEV
    row = cloud.tables.rows[key]
    cloud.tables.rows[key] = replace(row, claim=row.operation)
    cloud.wire.watchers.clear()
    cloud.clock.pass_(minutes=10)
