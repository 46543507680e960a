"""The account of a process in moto, with the saved states at the start of stories."""

from __future__ import annotations

from functools import cache

from tests.lab.moto.account import Account
from tests.lab.moto.moto_world import World
from tests.lab.moto.states import State


class Stand:
    """An account with the saved states at the start of stories."""

    def __init__(self) -> None:
        self.account = Account()
        self._saved = cache(self._prepared)

    def opened(self, state: State) -> World:
        """Return the world at the start of a story."""
        self.account.restore(self._saved(state))
        return World(self.account)

    def _prepared(self, state: State) -> bytes:
        if state.before:
            world = self.opened(state.before)
        else:
            self.account.install()
            world = World(self.account)
        state.prepare(world)
        world.forget()
        return self.account.save()


_stand = cache(Stand)


def stand() -> Stand:
    """Return the stand of this process; a new one if moto was reset."""
    if not _stand().account.intact:
        _stand.cache_clear()
    return _stand()
