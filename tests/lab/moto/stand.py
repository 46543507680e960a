"""The account of a process in moto, with the saved states at the start of stories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.lab.client import Reply
from tests.lab.moto.account import Account
from tests.lab.moto.moto_stories import STORIES, Story
from tests.lab.moto.moto_world import World
from tests.lab.moto.states import State
from tests.lab.moto.transport import Call

# More attempts than a case has faults.
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Course:
    """A story without a fault: its calls and its final state."""

    calls: tuple[Call, ...]
    end: Mapping[str, Any]


class Stand:
    """An account with the saved states at the start of stories."""

    def __init__(self) -> None:
        self.account = Account()
        self._saved = cache(self._prepared)
        self.undisturbed = cache(self._undisturbed)

    def opened(self, state: State) -> World:
        """Return the world at the start of a story."""
        self.account.restore(self._saved(state))
        return World(self.account)

    def _prepared(self, state: State) -> bytes:
        if state.before:
            world = self.opened(state.before)
        else:
            self.account.install(state.environments)
            world = World(self.account)
        state.prepare(world)
        world.forget()
        return self.account.save()

    def _undisturbed(self, name: str) -> Course:
        story = STORIES[name]
        world = self.opened(story.state)
        run_story(story, world)
        world.watcher.hold_at_rest()
        return Course(tuple(self.account.wire.journal), world.end())


_stand = cache(Stand)


def stand() -> Stand:
    """Return the stand of this process; a new one if moto was reset."""
    if not _stand().account.intact:
        _stand.cache_clear()
    return _stand()


def run_story(story: Story, world: World) -> Reply | None:
    """Send the request and fire the triggers until all operations have ended."""
    reply = None
    for _ in range(_ATTEMPTS if story.at_once else 1):
        reply = world.ask(story.request) if story.request else None
        if reply and reply.status < 500:
            break
    world.recover(story.triggers, story.at_least)
    return reply
