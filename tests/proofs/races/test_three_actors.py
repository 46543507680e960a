"""Three actors with one or two calls each, in random interleavings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lab.client import SCHEDULE, Client
from tests.lab.events import DEPLOYMENT_COMPLETED
from tests.lab.memory import accounts, racing_swaps
from tests.lab.memory.accounts import LEVEL, PRODUCTION, Prepare
from tests.proofs.races.race import Act, Actor, Race, run
from tests.proofs.races.scheduler import Schedule, Turn
from tests.proofs.races.starts import aged, interrupted

_WAITS = {"Prefer": "wait=5"}
_KEY = {"Idempotency-Key": "build-1"}
_ACTORS = 3
_DEV = {"overrides": {"dev": {"environment": {"OWN": "1"}}}}

_ACCOUNTS: Mapping[str, tuple[Prepare, ...]] = {
    "in use": (accounts.tested("3.0"), aged),
    "empty": (accounts.empty,),
    "deploying": (accounts.shop, interrupted(partial(Client.deploy, version="3.0"), 3)),
    "swapping": (accounts.shop, interrupted(Client.swap, 2)),
    "updating": (accounts.configured, interrupted(partial(Client.patch, document=LEVEL), 3)),
    "shifting": (racing_swaps.shifted,),
    "awaiting an approval": (racing_swaps.awaiting,),
    "deleting": (accounts.shop, interrupted(Client.delete, 3)),
}


def _newest(actor: Actor, verb: str) -> object:
    """Read, abort, continue or finish the newest operation."""
    found = next(reversed(actor.cloud.tables.operations), None)
    if found is None:
        return actor.wake(SCHEDULE)
    application, identifier = found
    if verb in ("continue", "finish"):
        return actor.advance(identifier, verb, application)
    return getattr(actor, verb)(identifier, application)


_ACTS: Mapping[str, Act] = {
    "create": partial(Client.create, environments={"nonProd": ["dev", "stage"]}),
    "create with a key": partial(Client.create, headers=_KEY),
    "deploy dev": lambda actor: actor.deploy("4.0", "dev", "stage"),
    "deploy dev and wait": lambda actor: actor.deploy("3.0", "dev", headers=_WAITS),
    "deploy stage with a key": lambda actor: actor.deploy("4.0", "stage", headers=_KEY),
    "update": partial(Client.patch, document=LEVEL),
    "update dev": partial(Client.patch, document=_DEV),
    "update production with a key": partial(Client.patch, document=PRODUCTION, headers=_KEY),
    "promote": Client.promote,
    "promote and wait": partial(Client.promote, headers=_WAITS),
    "swap": Client.swap,
    "swap to 1.0": partial(Client.swap, version="1.0"),
    "swap to 2.0": partial(Client.swap, version="2.0"),
    "swap in steps": partial(Client.swap, strategy={"type": "canary", "stepMinutes": 1}),
    "delete": Client.delete,
    "delete and wait": partial(Client.delete, headers=_WAITS),
    "read": partial(_newest, verb="status"),
    "abort": partial(_newest, verb="abort"),
    "continue": partial(_newest, verb="continue"),
    "finish": partial(_newest, verb="finish"),
    "schedule": lambda actor: actor.wake(SCHEDULE),
    "event": lambda actor: actor.wake(DEPLOYMENT_COMPLETED),
    "drift check": Client.drift_check,
}
_RETURNS = frozenset({"abort", "swap to 1.0", "swap to 2.0"})
_REFUSALS = frozenset(
    {
        "ALREADY_ENDED", "ALREADY_EXISTS", "BUSY", "CHANGED_MEANWHILE", "CONFLICT",
        "IDEMPOTENCY_KEY_REUSED",
        "NOT_ABORTABLE", "NOT_DEPLOYABLE", "NOT_READY", "NO_SUCH_APPLICATION",
        "NO_SUCH_ENVIRONMENT",
    }
)  # fmt: skip

_TURNS = st.builds(Turn, st.integers(0, _ACTORS - 1), st.integers(1, 12))
_SCHEDULES = st.builds(Schedule, st.lists(_TURNS, min_size=1, max_size=9).map(tuple))
_CALLS = st.lists(st.sampled_from([*_ACTS]), min_size=1, max_size=2)


def _in_turn(names: list[str]) -> Act:
    def act(actor: Actor) -> None:
        for name in names:
            _ACTS[name](actor)

    return act


@pytest.mark.parametrize("account", _ACCOUNTS)
@settings(max_examples=30, derandomize=True, database=None, deadline=None)
@given(st.lists(_CALLS, min_size=_ACTORS, max_size=_ACTORS), _SCHEDULES)
def test_histories_are_linearizable(
    account: str, calls: list[list[str]], schedule: Schedule
) -> None:
    # A swap to the previous version rolls a swap in progress back, as a missing approval does.
    aborts = account.startswith("awaiting") or not _RETURNS.isdisjoint(chain(*calls))
    race = Race(
        name=f"{account}: {calls}",
        steps=_ACCOUNTS[account],
        actors=tuple(map(_in_turn, calls)),
        accepted=frozenset(range(2 * _ACTORS + 1)),
        ends=frozenset({"SUCCEEDED", "FAILED"} if aborts else {"SUCCEEDED"}),
        refusals=_REFUSALS,
    )
    outcome = run(race, schedule)
    assert outcome.violations == (), outcome.calls
