"""The stories: an account in a known state, one request, and what wakes the service after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.crash.adapters.invariants import APPLICATION
from tests.crash.adapters.world import Request, Trigger, World, event, read, schedule

_TESTS = ("dev", "qa", "stage")


@dataclass(frozen=True, slots=True)
class State:
    """An account that stories begin with: what is done to the one before it, None to a new one."""

    prepare: Callable[[World], None]
    before: State | None = None
    environments: tuple[str, ...] = ("dev",)


@dataclass(frozen=True, slots=True)
class Story:
    """What is done to an account.

    `request` is None when something else has made it, and the story is about the `triggers`.
    `following` is the operation that comes after it.
    """

    name: str
    state: State
    request: Request | None
    following: Request
    triggers: tuple[Trigger, ...] = (schedule,)


def create(**members: Any) -> Request:
    """Return the call that creates the application."""
    tags, team = {"technicalTeam": "payments"}, "team@example.com"
    body = {"applicationName": APPLICATION, "email": team, "tags": tags, **members}
    return Request("POST", "/stacks", body)


def deploy(version: str, *environments: str) -> Request:
    """Return the call that deploys a version."""
    return _about("POST", "/stacks/deploy", environment=environments, version=version)


def promote() -> Request:
    """Return the call that promotes what is tested."""
    return _about("POST", "/stacks/deploytoprodBlue")


def swap(version: str) -> Request:
    """Return the call that makes a version live; made twice, it moves nothing back."""
    return _about("POST", "/stacks/swapProdBlueAndGreen", version=version)


def delete() -> Request:
    """Return the call that deletes the application."""
    return Request("DELETE", "/stacks", {"stack": APPLICATION})


def _about(method: str, resource: str, **members: Any) -> Request:
    return Request(method, resource, {"applicationName": APPLICATION, **members})


# --- accounts ---


def _new(world: World) -> None:
    del world


def _tested(world: World) -> None:
    _done(world, create(environments={"nonProd": _TESTS}))
    world.account.push("1.0", "2.0", "3.0")
    _done(world, deploy("2.0", *_TESTS))


def _shop(world: World) -> None:
    """Make an application that is in use: 1.0 is live, 2.0 is tested and waits on blue."""
    _done(world, create())
    world.account.push("1.0", "2.0", "3.0")
    for version in ("1.0", "2.0"):
        _done(world, deploy(version, "dev"))
        _done(world, promote())
        if version == "1.0":
            _done(world, swap(version))


def _newer(world: World) -> None:
    _done(world, deploy("3.0", "dev"))


def _grown(world: World) -> None:
    ecs = world.account.plain("ecs")
    ecs.update_service(cluster=APPLICATION, service="prod-2", desiredCount=3)


def _swapped(world: World) -> None:
    _done(world, swap("2.0"))


def _under_way(world: World) -> None:
    world.ask(replace(deploy("3.0", "dev"), key=None))


def _done(world: World, request: Request) -> None:
    reply = world.ask(replace(request, key=None))
    assert reply
    assert reply.status in (200, 202), reply
    world.recover((schedule,))
    assert all(each.status == "SUCCEEDED" for each in world.records().operations.values())


_EMPTY = State(_new)
_SHOP = State(_shop)


def _stories() -> Iterator[Story]:
    configured = create(service={"environment": {"LEVEL": "info"}, "desiredCount": 2})
    yield Story("create", _EMPTY, create(), delete())
    yield Story("create-configured", _EMPTY, configured, delete())
    yield Story("deploy-one", _SHOP, deploy("3.0", "dev"), deploy("2.0", "dev"))
    three, before = deploy("3.0", *_TESTS), deploy("2.0", *_TESTS)
    yield Story("deploy-three", State(_tested, environments=_TESTS), three, before)
    yield Story("promote", State(_newer, _SHOP), promote(), swap("3.0"))
    yield Story("swap", _SHOP, swap("2.0"), swap("1.0"))
    yield Story("swap-raised", State(_grown, _SHOP), swap("2.0"), swap("1.0"))
    yield Story("swap-back", State(_swapped, _SHOP), swap("1.0"), swap("2.0"))
    yield Story("delete", _SHOP, delete(), create())
    going = State(_under_way, _SHOP)
    for name, trigger in (("by-schedule", schedule), ("by-event", event), ("by-read", read)):
        yield Story(name, going, None, deploy("2.0", "dev"), (trigger,))


STORIES: Mapping[str, Story] = {story.name: story for story in _stories()}
