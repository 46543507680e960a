"""The races of progressive swaps: a worker of the due step, and the calls about the swap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from tests.lab.client import Client
from tests.lab.memory import racing_swaps
from tests.lab.memory.accounts import PRODUCTION, Prepare
from tests.proofs.races.acts import (
    abort,
    continue_,
    deploy,
    event,
    finish,
    force,
    patch,
    read,
    schedule,
)
from tests.proofs.races.race import Act, Actor, Race
from tests.proofs.races.starts import OpenOperation

_NONE, _ANY = frozenset({0}), frozenset({0, 1})
_BUSY = frozenset({"BUSY"})
_ENDED, _REFUSED = frozenset({"ALREADY_ENDED"}), frozenset({"ALREADY_ENDED", "CONFLICT"})
_EITHER, _FAILED = frozenset({"SUCCEEDED", "FAILED"}), frozenset({"FAILED"})
_POLICY = {"production": {"strategy": {"type": "canary"}, "bakeMinutes": 5}}
# The release that was live before the swap: this call rolls it back.
_emergency = partial(Client.swap, version="1.0")
_PHASES: Mapping[str, Prepare] = {
    "shifted": racing_swaps.shifted,
    "baking": racing_swaps.baking,
    "awaiting": racing_swaps.awaiting,
    "expired": racing_swaps.expired,
}


def _alarm(actor: Actor) -> None:
    """Set the state of the alarm of the swap, without an outgoing call."""
    actor.cloud.monitoring.states[racing_swaps.ALARM] = "ALARM"


def _race(name: str, actors: tuple[Act, Act], refusals: frozenset[str]) -> Race:
    """Return a race of calls about a swap, which starts no other operation."""
    return Race(name, (), actors, _NONE, _EITHER, refusals)


def phases() -> Iterator[Race]:
    """A swap whose next step is due, in each phase, with each call."""
    calls = (
        _race("schedule-abort", (schedule, abort), _ENDED),
        _race("schedule-continue", (schedule, continue_), _REFUSED),
        _race("schedule-finish", (schedule, finish), _REFUSED),
        _race("schedule-schedule", (schedule, schedule), frozenset()),
        _race("schedule-event", (schedule, event), frozenset()),
        _race("schedule-read", (schedule, read), frozenset()),
        _race("alarm-schedule", (_alarm, schedule), frozenset()),
        _race("abort-continue", (abort, continue_), _REFUSED),
        _race("abort-finish", (abort, finish), _REFUSED),
        _race("continue-finish", (continue_, finish), _REFUSED),
        _race("finish-finish", (finish, finish), _REFUSED),
        _race("drift-schedule", (Client.drift_check, schedule), frozenset()),
        _race("alarm-finish", (_alarm, finish), _REFUSED),
        replace(_race("schedule-swap", (schedule, _emergency), _BUSY), accepted=_ANY),
        replace(_race("abort-swap", (abort, _emergency), _BUSY | _ENDED), accepted=_ANY),
        replace(_race("swap-finish", (_emergency, finish), _BUSY | _REFUSED), accepted=_ANY),
    )
    starts: tuple[tuple[str, Act], ...] = (
        ("promote", Client.promote),
        ("update", patch(PRODUCTION)),
        ("update-policy", patch(_POLICY)),
        ("delete", Client.delete),
        ("deploy", deploy("3.0", "dev")),
    )
    others = (
        replace(_race(f"schedule-{name}", (schedule, act), _BUSY), accepted=_ANY)
        for name, act in starts
    )
    for race in (*calls, *others):
        for phase, start in _PHASES.items():
            yield replace(race, name=f"{race.name}-{phase}", steps=(start,))
    yield from _blocked()


def _blocked() -> Iterator[Race]:
    """The end of a swap by force, while its return becomes possible again."""
    refusals = frozenset({"ALREADY_ENDED", "CHANGED_MEANWHILE"})
    for name, act in (("schedule", schedule), ("abort", abort), ("finish", finish)):
        race = Race(f"force-{name}", (racing_swaps.blocked,), (force, act), _NONE, _FAILED)
        yield replace(race, refusals=refusals | _REFUSED, drift=True)


def workers(operations: Sequence[OpenOperation]) -> Iterator[Race]:
    """The calls about a swap, after each write of an earlier worker."""
    for operation in operations:
        if operation.name not in ("swap-canary", "swap-approved"):
            continue
        for name, act, refusals, accepted in (
            ("finish", finish, _REFUSED, _NONE),
            ("continue", continue_, _REFUSED, _NONE),
            ("alarm", _alarm, frozenset[str](), _NONE),
            ("swap", _emergency, _BUSY, _ANY),
        ):
            for writes in range(1, operation.writes + 1):
                race = _race(
                    f"{name}-schedule-{operation.name}@{writes}", (act, schedule), refusals
                )
                yield replace(race, steps=operation.at(writes), accepted=accepted)
