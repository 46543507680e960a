"""The stories: an account, one request or trigger, and the expected result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from tests.lab.client import Client, Reply
from tests.lab.fakes.task_service import CRASH
from tests.lab.memory import accounts
from tests.lab.memory.accounts import TESTS, Prepare
from tests.lab.memory.world import TRIGGERS, Trigger, drift_check, event, read, schedule

Request = Callable[[Client], Reply]
# Version by environment; None before the first deploy.
Versions = Mapping[str, str | None]

_KEY = {"Idempotency-Key": "build-1"}
_CONFIGURED: Mapping[str, Any] = {"environment": {"LEVEL": "info"}, "desiredCount": 2}
_OK, _ABORTED = "SUCCEEDED", "FAILED: aborted by"
_SMALL: Versions = {"DEV": None, "PROD-GREEN": None, "PROD-BLUE": None}
_SHOP: Versions = {
    "DEV": "2.0", "QA": "2.0", "STAGE": "2.0", "PROD-GREEN": "1.0", "PROD-BLUE": "2.0",
}  # fmt: skip
_SWAPPED: Versions = {**_SHOP, "PROD-GREEN": "2.0", "PROD-BLUE": "1.0"}


@dataclass(frozen=True, slots=True)
class Story:
    """A request or trigger in an account, and the expected result.

    `ends` is the status of its operations ("FAILED: reason"), `runs` has the versions of all rows
    of the inventory afterwards. `request` is a call of the API, None if the story is about its
    `triggers`; these fire in turn until all operations have ended, and at least `at_least` times.
    With `at_once`, a caller without a response repeats the call immediately. `following` is the
    next operation. With `pairs`, the story has cases with two crashes too.
    """

    name: str
    prepare: Prepare
    request: Request | None
    ends: str
    runs: Versions
    following: Request
    triggers: tuple[Trigger, ...] = TRIGGERS
    at_least: int = 0
    at_once: bool = False
    pairs: bool = True


def _creates() -> Iterator[Story]:
    plain = partial(Client.create, headers=_KEY, environments={"nonProd": ["dev", "qa"]})
    configured = partial(Client.create, headers=_KEY, service=_CONFIGURED)
    fails, stays = accounts.failing(create=True), accounts.failing(create=True, delete=True)
    made, after = {"QA": None, **_SMALL}, _deploying("1.0", "dev")
    why, crashes = "FAILED: it was not stable", "FAILED: Essential container in task exited"
    yield Story("create", accounts.empty, plain, _OK, made, after)
    yield Story("create-unseen", accounts.lagging, plain, _OK, made, after)
    yield Story("create-configured", accounts.empty, configured, _OK, _SMALL, after)
    yield Story("create-fails", fails, plain, why, {}, Client.create)
    yield Story("create-stays", stays, plain, why, made, Client.delete)
    bad = accounts.first_image(CRASH)
    yield Story("create-crashes", bad, configured, crashes, {}, Client.create)


def _deploys() -> Iterator[Story]:
    def story(name: str, request: Request, ends: str = _OK, **runs: str) -> Story:
        after = _deploying("4.0", *TESTS)
        return Story(f"deploy-{name}", accounts.shop, request, ends, {**_SHOP, **runs}, after)

    yield story("one", _deploying("3.0", "dev", **_KEY), DEV="3.0")
    three = _deploying("3.0", *TESTS, **_KEY)
    yield story("three", three, DEV="3.0", QA="3.0", STAGE="3.0")
    yield story("waiting", _deploying("3.0", "dev", Prefer="wait=25", **_KEY), DEV="3.0")
    yield story("same", _deploying("2.0", "dev", **_KEY))
    # The record of updates and the updates themselves go out together, in any order.
    backwards = story("two-backwards", _deploying("3.0", "dev", "qa", **_KEY), DEV="3.0", QA="3.0")
    yield replace(backwards, prepare=accounts.backwards)
    yield story("crashes", _deploying("crash", "dev", "qa", **_KEY), "FAILED: exit code 1")
    late = "FAILED: within the time limit"
    # It makes a hundred similar calls until the time limit: pairs of crashes add nothing.
    yield replace(story("hangs", _deploying("hang", "dev", **_KEY), late), pairs=False)


def _production() -> Iterator[Story]:
    promote = partial(Client.promote, headers=_KEY)
    # With the expected version, the second of two callers does not swap back.
    swap = partial(Client.swap, headers=_KEY, version="2.0")
    back = partial(Client.swap, headers=_KEY, version="1.0")
    promoted = {**_SHOP, "STAGE": "3.0", "PROD-BLUE": "3.0"}
    bad, failed = accounts.tested("crash"), {**_SHOP, "STAGE": "crash"}
    yield Story("promote", accounts.tested("3.0"), promote, _OK, promoted, Client.swap)
    yield Story("promote-crashes", bad, promote, "FAILED: exit code 1", failed, Client.swap)
    yield Story("swap", accounts.shop, swap, _OK, _SWAPPED, Client.swap)
    yield Story("swap-raised", accounts.small_blue, swap, _OK, _SWAPPED, Client.swap)
    warmed = {**_SMALL, "DEV": "2.0", "PROD-GREEN": "2.0", "PROD-BLUE": "1.0"}
    yield Story("swap-warmed", accounts.cold, swap, _OK, warmed, Client.swap)
    yield Story("swap-back", accounts.swapped, back, _OK, _SHOP, Client.swap)


def _deletes() -> Iterator[Story]:
    delete = partial(Client.delete, headers=_KEY)
    stays = "FAILED: it is not empty"
    yield Story("delete", accounts.shop, delete, _OK, {}, Client.create)
    yield Story("delete-fails", accounts.undeletable, delete, stays, _SHOP, Client.delete)


def _triggers() -> Iterator[Story]:
    runs = {**_SHOP, "DEV": "4.0", "QA": "4.0", "STAGE": "3.0", "PROD-BLUE": "3.0"}
    base = Story("", accounts.under_way, None, _OK, runs, _deploying("2.0", *TESTS))
    yield replace(base, name="reconcile-by-event", triggers=(event,))
    yield replace(base, name="reconcile-by-schedule", triggers=(schedule,))
    yield replace(base, name="reconcile-by-read", triggers=(read,))


def _aborts() -> Iterator[Story]:
    def story(name: str, account: Prepare, runs: Versions, ends: str = _ABORTED) -> Story:
        after = _deploying("3.0", "dev") if runs else Client.create
        return Story(f"abort-{name}", account, _abort, ends, runs, after, at_once=True)

    yield story("create", accounts.creating, {})
    yield story("create-configured", accounts.configuring, {})
    yield story("deploy", accounts.deploying, _SHOP)
    yield story("promote", accounts.promoting, {**_SHOP, "STAGE": "hang"})
    yield story("swap", accounts.swapping, _SHOP)
    yield story("swap-switched", accounts.switched, _SWAPPED, _OK)


def _drifts() -> Iterator[Story]:
    def story(name: str, account: Prepare, ends: str = _OK, runs: Versions = _SHOP) -> Story:
        after = _deploying("3.0", "qa")
        base = Story(f"drift-{name}", account, None, ends, runs, after)
        return replace(base, triggers=(drift_check,), at_least=4)

    yield story("listeners", accounts.moved_listeners, runs=_SWAPPED)
    yield story("test-listener", accounts.moved_test_listener, "FAILED: the test listener")
    yield story("service", accounts.changed_service, runs={**_SHOP, "DEV": "7"})
    gone = "FAILED: its ECS service does not exist"
    yield story("service-deleted", accounts.deleted_service, gone)
    yield story("stack-deleted", accounts.deleted_stack)
    yield story("claim", accounts.stale_claim)


def _abort(api: Client) -> Reply:
    application, operation = next(iter(api.cloud.tables.operations))
    return api.abort(operation, application)


def _deploying(version: str, *environments: str, **headers: str) -> Request:
    return lambda api: api.deploy(version, *environments, headers=headers)


STORIES: Mapping[str, Story] = {
    story.name: story
    for stories in (_creates, _deploys, _production, _deletes, _triggers, _aborts, _drifts)
    for story in stories()
}
