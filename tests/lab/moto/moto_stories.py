"""The stories: an account in a known state, one request, and the triggers after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.lab.moto import states
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
    yield Story("create", states.EMPTY, create(), promote())
    yield Story("create-configured", states.EMPTY, configured, promote())
    yield Story("deploy-one", states.SHOP, deploy("3.0", "dev"), deploy("2.0", "dev"))
    three, before = deploy("3.0", *TESTS), deploy("2.0", *TESTS)
    yield Story("deploy-three", states.LARGE, three, before)
    yield Story("promote", states.TESTED, promote(), swap("3.0"))
    yield Story("swap", states.SHOP, swap("2.0"), swap("1.0"))
    yield Story("swap-raised", states.GROWN, swap("2.0"), swap("1.0"))
    yield Story("swap-back", states.SWAPPED, swap("1.0"), swap("2.0"))
    yield Story("delete", states.SHOP, delete(), create())


def _aborts() -> Iterator[Story]:
    abort = Request("DELETE", OPERATION, key=None)
    for name, state, following in (
        ("abort-create", states.CREATING, create()),
        ("abort-deploy", states.HANGING, deploy("2.0", "dev")),
        ("abort-promote", states.PROMOTING, promote()),
        ("abort-swap", states.SWAPPING, swap("2.0")),
    ):
        yield Story(name, state, abort, following, at_once=True)


def _triggers() -> Iterator[Story]:
    following = deploy("2.0", "dev")
    for name, trigger in (
        ("reconcile-by-schedule", schedule),
        ("reconcile-by-event", event),
        ("reconcile-by-read", read),
    ):
        yield Story(name, states.DEPLOYING, None, following, (trigger,))
    for name, state in (
        ("reconcile-create", states.BEGUN_CREATE),
        ("reconcile-deploy", states.BEGUN_DEPLOY),
        ("reconcile-swap", states.BEGUN_SWAP),
    ):
        yield Story(name, state, None, following)
    for name, state in (
        ("drift-listener", states.LISTENER_MOVED),
        ("drift-service", states.SERVICE_CHANGED),
        ("drift-stack", states.STACK_DELETED),
        ("drift-claim", states.CLAIM_LEFT),
    ):
        # If a fault hits one check, the next one corrects the rows.
        after, triggers = deploy("3.0", "dev"), (drift_check, schedule)
        yield Story(name, state, None, after, triggers, at_least=3)


STORIES: Mapping[str, Story] = {story.name: story for story in _stories()}
