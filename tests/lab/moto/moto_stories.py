"""The stories: an account in a known state, one request, and the triggers after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.lab.moto import states as accounts
from tests.lab.moto.moto_world import (
    OPERATION,
    Request,
    Trigger,
    drift_check,
    event,
    read,
    schedule,
)
from tests.lab.moto.states import TESTS, State, create, delete, deploy, promote, swap


@dataclass(frozen=True, slots=True)
class Story:
    """A request or trigger in an account.

    `request` is None if the story is about its `triggers`, which fire at least `at_least` times.
    `following` is the next operation. With `at_once`, a caller without a response repeats the
    request immediately.
    """

    name: str
    state: State
    request: Request | None
    following: Request
    triggers: Sequence[Trigger] = (schedule,)
    at_least: int = 0
    at_once: bool = False


def _stories() -> Iterator[Story]:
    yield from _operations()
    yield from _aborts()
    yield from _triggers()


def _operations() -> Iterator[Story]:
    configured = create(service={"environment": {"LEVEL": "info"}, "desiredCount": 2})
    yield Story("create", accounts.EMPTY, create(), promote())
    yield Story("create-configured", accounts.EMPTY, configured, promote())
    yield Story("deploy-one", accounts.SHOP, deploy("3.0", "dev"), deploy("2.0", "dev"))
    three, before = deploy("3.0", *TESTS), deploy("2.0", *TESTS)
    yield Story("deploy-three", accounts.LARGE, three, before)
    yield Story("promote", accounts.TESTED, promote(), swap("3.0"))
    yield Story("swap", accounts.SHOP, swap("2.0"), swap("1.0"))
    yield Story("swap-raised", accounts.GROWN, swap("2.0"), swap("1.0"))
    yield Story("swap-back", accounts.SWAPPED, swap("1.0"), swap("2.0"))
    yield Story("delete", accounts.SHOP, delete(), create())


def _aborts() -> Iterator[Story]:
    abort = Request("DELETE", OPERATION, key=None)
    for name, state, following in (
        ("abort-create", accounts.CREATING, create()),
        ("abort-deploy", accounts.HANGING, deploy("2.0", "dev")),
        ("abort-promote", accounts.PROMOTING, promote()),
        ("abort-swap", accounts.SWAPPING, swap("2.0")),
    ):
        yield Story(name, state, abort, following, at_once=True)


def _triggers() -> Iterator[Story]:
    following = deploy("2.0", "dev")
    for name, trigger in (
        ("reconcile-by-schedule", schedule),
        ("reconcile-by-event", event),
        ("reconcile-by-read", read),
    ):
        yield Story(name, accounts.DEPLOYING, None, following, (trigger,))
    for name, state in (
        ("reconcile-create", accounts.BEGUN_CREATE),
        ("reconcile-deploy", accounts.BEGUN_DEPLOY),
        ("reconcile-swap", accounts.BEGUN_SWAP),
    ):
        yield Story(name, state, None, following)
    for name, state in (
        ("drift-listener", accounts.LISTENER_MOVED),
        ("drift-service", accounts.SERVICE_CHANGED),
        ("drift-stack", accounts.STACK_DELETED),
        ("drift-claim", accounts.CLAIM_LEFT),
    ):
        # If a fault hits one check, the next one corrects the rows.
        after, triggers = deploy("3.0", "dev"), (drift_check, schedule)
        yield Story(name, state, None, after, triggers, at_least=3)


STORIES: Mapping[str, Story] = {story.name: story for story in _stories()}
