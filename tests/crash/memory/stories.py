"""The stories: an account, one request or trigger, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.crash.memory import accounts
from tests.crash.memory.accounts import TESTS, Prepare
from tests.crash.memory.world import TRIGGERS, Trigger, drift_check, event, read, schedule
from tests.functional.client import Client, Reply
from tests.functional.fakes.service import CRASH

Request = Callable[[Client], Reply]

_KEY = {"Idempotency-Key": "build-1"}
_CONFIGURED: Mapping[str, Any] = {"environment": {"LEVEL": "info"}, "desiredCount": 2}
_OK = "SUCCEEDED"


@dataclass(frozen=True, slots=True)
class Story:
    """What is done to an account, and that its operations end so ("FAILED: why").

    `request` is a call of the API; None when the story is about its `triggers`, which fire in
    turn until nothing is open, but at least so many times. `at_once` says that a caller without
    an answer does not wait before calling again. `following` is the operation that comes after
    it. `pairs` says whether it is told with two crashes, too.
    """

    name: str
    prepare: Prepare
    request: Request | None
    ends: str
    following: Request
    triggers: tuple[Trigger, ...] = TRIGGERS
    at_least: int = 0
    at_once: bool = False
    pairs: bool = True


def _creates() -> Iterator[Story]:
    plain = partial(Client.create, headers=_KEY, environments={"nonProd": ["dev", "qa"]})
    configured = partial(Client.create, headers=_KEY, service=_CONFIGURED)
    fails, stays = accounts.failing(create=True), accounts.failing(create=True, delete=True)
    crashes = "FAILED: DEV: Essential container in task exited"
    after = _deploying("1.0", "dev")
    yield Story("create", accounts.empty, plain, _OK, after)
    yield Story("create-unseen", accounts.lagging, plain, _OK, after)
    yield Story("create-configured", accounts.empty, configured, _OK, after)
    yield Story("create-fails", fails, plain, "FAILED: it was not stable", Client.create)
    yield Story("create-stays", stays, plain, "FAILED: it was not stable", Client.delete)
    yield Story("create-crashes", accounts.first_image(CRASH), configured, crashes, Client.create)


def _deploys() -> Iterator[Story]:
    shop, after = accounts.shop, _deploying("4.0", *TESTS)
    yield Story("deploy-one", shop, _deploying("3.0", "dev", **_KEY), _OK, after)
    yield Story("deploy-three", shop, _deploying("3.0", *TESTS, **_KEY), _OK, after)
    waiting = _deploying("3.0", "dev", Prefer="wait=25", **_KEY)
    yield Story("deploy-waiting", shop, waiting, _OK, after)
    yield Story("deploy-same", shop, _deploying("2.0", "dev", **_KEY), _OK, after)
    crashing, crashed = _deploying("crash", "dev", "qa", **_KEY), "FAILED: exit code 1"
    yield Story("deploy-crashes", shop, crashing, crashed, after)
    # A hundred calls of waiting for the time limit: a second crash in them adds nothing.
    hanging, late = _deploying("hang", "dev", **_KEY), "FAILED: within the time limit"
    yield Story("deploy-hangs", shop, hanging, late, after, pairs=False)


def _production() -> Iterator[Story]:
    promote, swap = partial(Client.promote, headers=_KEY), partial(Client.swap, headers=_KEY)
    bad = accounts.tested("crash")
    yield Story("promote", accounts.tested("3.0"), promote, _OK, Client.swap)
    yield Story("promote-crashes", bad, promote, "FAILED: exit code 1", Client.swap)
    yield Story("swap", accounts.shop, swap, _OK, Client.swap)
    yield Story("swap-raised", accounts.small_blue, swap, _OK, Client.swap)
    yield Story("swap-back", accounts.swapped, swap, _OK, Client.swap)


def _deletes() -> Iterator[Story]:
    delete = partial(Client.delete, headers=_KEY)
    stays = "FAILED: it is not empty"
    yield Story("delete", accounts.shop, delete, _OK, Client.create)
    yield Story("delete-fails", accounts.undeletable, delete, stays, Client.delete)


def _triggers() -> Iterator[Story]:
    account, after = accounts.under_way, _deploying("2.0", *TESTS)
    yield Story("by-event", account, None, _OK, after, triggers=(event,))
    yield Story("by-schedule", account, None, _OK, after, triggers=(schedule,))
    yield Story("by-read", account, None, _OK, after, triggers=(read,))


def _aborts() -> Iterator[Story]:
    def story(name: str, account: Prepare, ends: str = "FAILED: aborted by") -> Story:
        after = Client.create if "create" in name else Client.swap
        return Story(f"abort-{name}", account, _abort, ends, after, at_once=True)

    yield story("create", accounts.creating)
    yield story("create-configured", accounts.configuring)
    yield story("deploy", accounts.deploying)
    yield story("promote", accounts.promoting)
    yield story("swap", accounts.swapping)
    yield story("swap-switched", accounts.switched, _OK)


def _drifts() -> Iterator[Story]:
    def story(name: str, account: Prepare, ends: str = _OK) -> Story:
        after = _deploying("3.0", "qa")
        return Story(
            f"drift-{name}", account, None, ends, after, triggers=(drift_check,), at_least=4
        )

    yield story("listeners", accounts.moved_listeners)
    yield story("test-listener", accounts.moved_test_listener, "FAILED: the test listener")
    yield story("service", accounts.changed_service)
    yield story("service-deleted", accounts.deleted_service, "FAILED: its ECS service is gone")
    yield story("stack-deleted", accounts.deleted_stack)
    yield story("claim", accounts.stale_claim)


def _abort(api: Client) -> Reply:
    application, operation = next(iter(api.cloud.tables.operations))
    return api.abort(operation, application)


def _deploying(version: str, *environments: str, **headers: str) -> Request:
    return lambda api: api.deploy(version, *environments, headers=headers)


STORIES: Mapping[str, Story] = {
    story.name: story
    for told in (_creates, _deploys, _production, _deletes, _triggers, _aborts, _drifts)
    for story in told()
}
