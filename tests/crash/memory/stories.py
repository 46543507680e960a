"""The stories: an account in a known state, one request or trigger, and what comes after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.crash.memory.world import Trigger, event, read, schedule
from tests.functional.client import Client, Reply
from tests.functional.fakes import FakeCloud
from tests.functional.fakes.service import CRASH, HANG

_KEY = {"Idempotency-Key": "build-1"}
_TESTS = ("dev", "qa", "stage")
_CONFIGURED: Mapping[str, Any] = {"environment": {"LEVEL": "info"}, "desiredCount": 2}

Prepare = Callable[[FakeCloud, Client], object]
Request = Callable[[Client], Reply]


@dataclass(frozen=True, slots=True)
class Story:
    """What is done to an account that was prepared.

    `request` is the call of the API, None when something else has made it and the story is about
    the `triggers`. `following` is the operation that comes after it. `pairs` says whether it is
    told with two crashes, too.
    """

    name: str
    prepare: Prepare
    request: Request | None
    following: Request
    triggers: tuple[Trigger, ...] = (schedule, event, read)
    pairs: bool = True


def _stories() -> Iterator[Story]:
    yield from _creates()
    yield from _deploys()
    yield from _production()
    yield from _deletes()
    yield from _triggers()


def _creates() -> Iterator[Story]:
    plain = partial(Client.create, headers=_KEY, environments={"nonProd": ["dev", "qa"]})
    configured = partial(Client.create, headers=_KEY, service=_CONFIGURED)
    yield Story("create", _empty, plain, Client.delete)
    yield Story("create-configured", _empty, configured, Client.delete)
    yield Story("create-fails", _failing(create=True), plain, Client.create)
    yield Story("create-stays", _failing(create=True, delete=True), plain, Client.delete)
    yield Story("create-crashes", _crashing_at_first, configured, Client.create)


def _deploys() -> Iterator[Story]:
    after = _deploying("4.0", *_TESTS)
    yield Story("deploy-one", _shop, _deploying("3.0", "dev", **_KEY), after)
    yield Story("deploy-three", _shop, _deploying("3.0", *_TESTS, **_KEY), after)
    waiting = _deploying("3.0", "dev", Prefer="wait=25", **_KEY)
    yield Story("deploy-waiting", _shop, waiting, after)
    yield Story("deploy-same", _shop, _deploying("2.0", "dev", **_KEY), after)
    yield Story("deploy-crashes", _shop, _deploying("crash", "dev", "qa", **_KEY), after)
    # A hundred calls of waiting for the time limit: a second crash in them adds nothing.
    hanging = _deploying("hang", "dev", **_KEY)
    yield Story("deploy-hangs", _shop, hanging, after, pairs=False)


def _production() -> Iterator[Story]:
    promote, swap = partial(Client.promote, headers=_KEY), partial(Client.swap, headers=_KEY)
    yield Story("promote", _tested("3.0"), promote, Client.swap)
    yield Story("promote-crashes", _tested("crash"), promote, Client.swap)
    yield Story("swap", _shop, swap, Client.swap)
    yield Story("swap-raised", _small_blue, swap, Client.swap)
    yield Story("swap-back", _swapped, swap, Client.swap)


def _deletes() -> Iterator[Story]:
    delete = partial(Client.delete, headers=_KEY)
    yield Story("delete", _shop, delete, Client.create)
    yield Story("delete-fails", _undeletable, delete, Client.delete)


def _triggers() -> Iterator[Story]:
    after = _deploying("2.0", *_TESTS)
    yield Story("by-event", _under_way, None, after, triggers=(event,))
    yield Story("by-schedule", _under_way, None, after, triggers=(schedule,))
    yield Story("by-read", _under_way, None, after, triggers=(read,))


def _deploying(version: str, *environments: str, **headers: str) -> Request:
    return lambda api: api.deploy(version, *environments, headers=headers)


# --- accounts ---


def _empty(cloud: FakeCloud, api: Client) -> None:
    del api
    for version in ("1.0", "2.0", "3.0", "4.0"):
        cloud.push(version)
    cloud.push("crash", CRASH)
    cloud.push("hang", HANG)


def _failing(*, create: bool = False, delete: bool = False) -> Prepare:
    def prepare(cloud: FakeCloud, api: Client) -> None:
        _empty(cloud, api)
        cloud.stacks.create_failures = ("DevService: it was not stable",) if create else ()
        cloud.stacks.delete_failures = ("Repository: it is not empty",) if delete else ()

    return prepare


def _crashing_at_first(cloud: FakeCloud, api: Client) -> None:
    _empty(cloud, api)
    cloud.containers.behaviours[cloud.settings.initial_image] = CRASH


def _shop(cloud: FakeCloud, api: Client) -> None:
    """Make an application that is in use: 1.0 is live, 2.0 is tested and waits on blue."""
    _empty(cloud, api)
    api.create(environments={"nonProd": ["dev", "qa", "stage"]})
    for version in ("1.0", "2.0"):
        api.settle()
        api.deploy(version, *_TESTS)
        api.settle()
        api.promote()
        api.settle()
        if version == "1.0":
            api.swap()


def _tested(version: str) -> Prepare:
    def prepare(cloud: FakeCloud, api: Client) -> None:
        _shop(cloud, api)
        cloud.containers.behaviours = {}
        cloud.push(version)
        api.finished(api.deploy(version, "stage"))
        cloud.push(version, CRASH if version == "crash" else "ok")

    return prepare


def _small_blue(cloud: FakeCloud, api: Client) -> None:
    _shop(cloud, api)
    green = cloud.containers.service("Shop", "prod-2")
    green.desired = green.running = 3


def _swapped(cloud: FakeCloud, api: Client) -> None:
    _shop(cloud, api)
    api.swap()


def _undeletable(cloud: FakeCloud, api: Client) -> None:
    _shop(cloud, api)
    cloud.stacks.delete_failures = ("Repository: it is not empty",)


def _under_way(cloud: FakeCloud, api: Client) -> None:
    """Accept a deploy and a promote, of which nothing but the first steps was done."""
    _tested("3.0")(cloud, api)
    api.promote()
    api.deploy("4.0", "dev", "qa")


STORIES: Mapping[str, Story] = {story.name: story for story in _stories()}
