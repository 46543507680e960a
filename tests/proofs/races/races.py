"""The races: their accounts, their actors and the allowed results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from devops_core.naming import SLOTS
from tests.lab.client import Client, Reply
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.task_service import CRASH
from tests.lab.memory import accounts, racing_swaps, scaled_accounts
from tests.lab.memory.accounts import ADD_DA, DROP_QA, LEVEL, PRODUCTION, Prepare
from tests.proofs.races import swaps
from tests.proofs.races.acts import Call, abort, after_busy, deploy, event, patch, read, schedule
from tests.proofs.races.race import Act, Actor, Race
from tests.proofs.races.starts import OpenOperation, aged

_KEY = {"Idempotency-Key": "build-1"}
_WAITS = {"Prefer": "wait=25"}

_NONE, _TWO, _SOME = (frozenset(each) for each in ({0}, {2}, {1, 2}))
_BUSY, _GONE = frozenset({"BUSY"}), frozenset({"BUSY", "NO_SUCH_APPLICATION"})
_EXISTS, _ENDED = frozenset({"ALREADY_EXISTS"}), frozenset({"ALREADY_ENDED"})
_EITHER = frozenset({"SUCCEEDED", "FAILED"})
_CONFIGURED, _PROMOTED = (accounts.configured,), (accounts.promoted_update,)
_EMPTY, _SHOP, _TESTED = (accounts.empty,), (accounts.shop,), (accounts.tested("3.0"),)


def _replace(actor: Client) -> Reply:
    """Replace the first revision of the specification."""
    environments = {"nonProd": [*accounts.TESTS]}
    document = {**accounts.CONFIGURED, "email": "ci@example.com", "environments": environments}
    return actor.replace(document, revision=1)


def _restart(actor: Client) -> Reply:
    body = {"applicationName": "Shop", "environment": ["dev"], "restart": True}
    return actor.send("POST", "/stacks/deploy", body)


_DEV, _OTHER, _QA = deploy("3.0", "dev"), deploy("4.0", "dev"), deploy("4.0", "qa")
_UPDATE, _UPDATE_PRODUCTION = patch(LEVEL), patch(PRODUCTION)
_ADD_DA, _DROP_QA = patch(ADD_DA), partial(Client.patch, document=DROP_QA, remove="qa")
_UPDATE_DEV = patch({"overrides": {"dev": {"environment": {"NEW": "1"}}}})
_UPDATE_COUNT = patch({"overrides": {"prod": {"desiredCount": 3}}})
_DEV_WAITS, _OTHER_WAITS = deploy("3.0", "dev", **_WAITS), deploy("4.0", "dev", **_WAITS)
_SWAP_2, _SWAP_1 = partial(Client.swap, version="2.0"), partial(Client.swap, version="1.0")
_PROMOTE_WAITS = partial(Client.promote, headers=_WAITS)
_DELETE_WAITS = partial(Client.delete, headers=_WAITS)


def _deploys() -> Iterator[Race]:
    left, right = deploy("3.0", "dev", "qa"), deploy("4.0", "qa", "stage")
    stage, same = deploy("4.0", "stage"), deploy("2.0", "dev")
    yield Race("deploy-deploy", _SHOP, (_DEV, _OTHER), refusals=_BUSY)
    yield Race("deploy-deploy-waiting", _SHOP, (_DEV_WAITS, _OTHER_WAITS), _SOME, refusals=_BUSY)
    yield Race("deploy-deploy-at-once", _SHOP, (same, _DEV), _SOME, refusals=_BUSY)
    yield Race("deploy-deploy-overlapping", _SHOP, (left, right), refusals=_BUSY)
    yield Race("deploy-deploy-disjoint", _SHOP, (_DEV, _QA), _TWO)
    yield Race("deploy-swap", _SHOP, (_DEV, Client.swap), _TWO)
    yield Race("deploy-promote", _TESTED, (_DEV, Client.promote), _TWO)
    yield Race("deploy-promote-source", _TESTED, (stage, Client.promote), _SOME, refusals=_BUSY)


def _production() -> Iterator[Race]:
    def race(name: str, steps: tuple[Prepare, ...], *actors: Act) -> Race:
        return Race(name, steps, actors, _SOME, refusals=_BUSY)

    small = (accounts.small_blue,)
    yield race("promote-swap", _TESTED, Client.promote, Client.swap)
    yield race("promote-swap-waiting", _TESTED, _PROMOTE_WAITS, Client.swap)
    yield race("promote-swap-raised", small, Client.promote, Client.swap)
    yield Race("promote-promote", _TESTED, (Client.promote, Client.promote), refusals=_BUSY)
    yield race("promote-promote-waiting", _TESTED, _PROMOTE_WAITS, _PROMOTE_WAITS)
    yield race("promote-promote-at-once", _SHOP, Client.promote, Client.promote)
    yield race("swap-swap", _SHOP, Client.swap, Client.swap)
    yield Race("swap-swap-raised", small, (Client.swap, Client.swap), refusals=_BUSY)
    yield Race("swap-swap-version", _SHOP, (_SWAP_2, _SWAP_2), refusals=_BUSY)
    # A swap to the previous version rolls a swap in progress back.
    yield replace(race("swap-swap-back", _SHOP, _SWAP_2, _SWAP_1), ends=_EITHER)
    yield race("swap-swap-any", _SHOP, _SWAP_2, Client.swap)


def _creates_and_deletes() -> Iterator[Race]:
    other, third = partial(Client.create, name="SHOP"), partial(Client.create, name="Other")
    creates, swaps_waits = (
        partial(Client.create, headers=_WAITS),
        partial(Client.swap, headers=_WAITS),
    )
    yield Race("create-create", _EMPTY, (Client.create, Client.create), refusals=_EXISTS)
    yield Race("create-create-waiting", _EMPTY, (creates, creates), refusals=_EXISTS)
    yield Race("create-create-case", _EMPTY, (Client.create, other), refusals=_EXISTS)
    yield Race("create-create-other", _EMPTY, (Client.create, third), _TWO)
    yield Race("create-delete", _SHOP, (creates, _DELETE_WAITS), _SOME, refusals=_EXISTS)
    yield Race("swap-delete", _SHOP, (Client.swap, Client.delete), _SOME, refusals=_BUSY)
    yield Race("swap-delete-waiting", _SHOP, (swaps_waits, _DELETE_WAITS), _SOME, refusals=_GONE)
    yield Race("promote-delete", _TESTED, (Client.promote, Client.delete), refusals=_BUSY)
    yield Race("delete-deploy", _SHOP, (Client.delete, _DEV), refusals=_BUSY)
    yield Race("delete-deploy-waiting", _SHOP, (_DELETE_WAITS, _DEV_WAITS), _SOME, refusals=_GONE)
    yield Race("delete-delete", _SHOP, (Client.delete, Client.delete), refusals=_BUSY)
    yield Race("delete-delete-waiting", _SHOP, (_DELETE_WAITS, _DELETE_WAITS), refusals=_GONE)


def _updates() -> Iterator[Race]:
    """An update with each other kind; its claim checks that the revision is the present one."""

    def race(name: str, *actors: Act, accepted: frozenset[int] = _SOME) -> Race:
        return Race(f"update-{name}", _CONFIGURED, actors, accepted, refusals=_BUSY)

    one, waits = frozenset({1}), patch(LEVEL, **_WAITS)
    yield race("deploy-adds", _ADD_DA, _DEV, accepted=_TWO)
    yield race("deploy-removes", _DROP_QA, _QA, accepted=one)
    yield race("promote-adds", _ADD_DA, Client.promote, accepted=_TWO)
    yield race("delete-adds", _ADD_DA, Client.delete, accepted=one)
    yield race("update-adds", _ADD_DA, _ADD_DA, accepted=one)
    yield race("update-moves", _ADD_DA, _DROP_QA, accepted=one)
    yield race("update-adds-other", _ADD_DA, _UPDATE_PRODUCTION)
    yield replace(race("swap-removes", _DROP_QA, _SWAP_2, accepted=_TWO), steps=_PROMOTED)
    yield race("deploy", _UPDATE_DEV, _DEV, accepted=one)
    yield race("deploy-other", _UPDATE_DEV, _QA, accepted=_TWO)
    yield race("deploy-waiting", waits, _DEV_WAITS)
    yield race("restart", _UPDATE_DEV, _restart, accepted=one)
    yield race("promote", _UPDATE_PRODUCTION, Client.promote, accepted=_TWO)
    yield race("promote-source", _UPDATE, Client.promote)
    yield race("promote-count", _UPDATE_COUNT, Client.promote)
    for name, act, accepted in (
        ("swap", _UPDATE_PRODUCTION, _TWO),
        ("swap-other", _UPDATE_DEV, _TWO),
        ("swap-count", _UPDATE_COUNT, _SOME),
    ):
        yield replace(race(name, act, _SWAP_2, accepted=accepted), steps=_PROMOTED)
    yield race("delete", _UPDATE, Client.delete, accepted=one)
    yield race("delete-production", _UPDATE_PRODUCTION, Client.delete)
    yield replace(race("delete-waiting", waits, _DELETE_WAITS), refusals=_GONE)
    yield race("update", _UPDATE, _UPDATE_DEV, accepted=one)
    yield race("update-production", _UPDATE_PRODUCTION, _UPDATE_COUNT)
    yield race("update-same", _UPDATE_PRODUCTION, _UPDATE_PRODUCTION)
    other = _BUSY | {"PRECONDITION_FAILED"}
    yield replace(race("update-expected", _replace, _UPDATE), refusals=other)
    keyed = patch(PRODUCTION, **_KEY)
    yield race("update-key", keyed, keyed, accepted=one)
    creates = partial(Client.create, headers=_WAITS)
    yield Race("create-update", _EMPTY, (creates, waits), _SOME, refusals=_GONE)


def _upgrades() -> Iterator[Race]:
    """An upgrade with each other kind: it holds only the record of the application."""

    def race(name: str, act: Act, accepted: frozenset[int] = _TWO) -> Race:
        steps = (accounts.newer_template(),)
        return Race(f"upgrade-{name}", steps, (Client.upgrade, act), accepted, refusals=_BUSY)

    one = frozenset({1})
    yield race("deploy", _DEV)
    yield race("promote", Client.promote)
    yield race("swap", _SWAP_2)
    yield race("update", _UPDATE_DEV, one)
    yield race("update-adds", _ADD_DA, one)
    yield race("delete", Client.delete, one)
    yield race("upgrade", Client.upgrade, one)


def _load(tasks: int) -> Act:
    """Return the load: it requires some tasks in the live slot, and none in the idle one.

    It makes no outgoing call, so it changes both slots at once.
    """

    def act(actor: Actor) -> None:
        scaling, live = actor.cloud.scaling, actor.cloud.live("Shop")
        for slot in SLOTS:
            if ("Shop", slot) in scaling.targets_:
                scaling.follow_load("Shop", slot, tasks if slot == live else 0)

    return act


def _scaling() -> Iterator[Race]:
    """The scaling of production with each other kind, and the load during each of them."""
    busy, swapped = (scaled_accounts.busy,), (scaled_accounts.swapped,)
    one, none = frozenset({1}), frozenset[str]()
    scales, others, counts = (
        patch({"overrides": {"prod": size}})
        for size in (
            {"scaling": {"min": 3, "max": 6, "memoryPercent": 70}},
            {"scaling": {"min": 1, "max": 4, "cpuPercent": 50}},
            {"desiredCount": 3},
        )
    )
    for name, steps, actors, accepted in (
        ("update-swap", busy, (scales, _SWAP_2), _SOME),
        ("update-swap-unscaled", busy, (counts, _SWAP_2), _SOME),
        ("update-promote", swapped, (scales, Client.promote), _SOME),
        ("update-update", busy, (scales, others), _SOME),
        ("update-delete", busy, (scales, Client.delete), _SOME),
        ("promote-swap", swapped, (Client.promote, Client.swap), _SOME),
        ("swap-swap", busy, (_SWAP_2, _SWAP_1), _SOME),
        ("swap-delete", busy, (_SWAP_2, Client.delete), _SOME),
        ("drift-update", (*busy, aged), (Client.drift_check, scales), one),
        ("drift-swap", (*busy, aged), (Client.drift_check, _SWAP_2), one),
    ):
        ends = _EITHER if _SWAP_1 in actors else frozenset({"SUCCEEDED"})
        yield Race(f"{name}-scaled", steps, actors, accepted, ends, _BUSY)
    rises, falls = _load(5), _load(0)
    for name, steps, act in (
        ("swap", busy, _SWAP_2),
        ("swap-back", swapped, _SWAP_1),
        ("promote", swapped, Client.promote),
        ("update", busy, scales),
        ("update-unscaled", busy, counts),
        ("delete", busy, Client.delete),
    ):
        yield Race(f"load-{name}", steps, (rises, act), one, refusals=none)
        yield Race(f"load-{name}-falls", steps, (falls, act), one, refusals=none)


def _keys() -> Iterator[Race]:
    """Requests with the same Idempotency-Key: one operation, or a refusal for another body."""
    reused = frozenset({"IDEMPOTENCY_KEY_REUSED"})
    dev, other = deploy("3.0", "dev", **_KEY), deploy("4.0", "dev", **_KEY)
    waits = deploy("3.0", "dev", **_KEY, **_WAITS)
    create, swap = partial(Client.create, headers=_KEY), partial(Client.swap, headers=_KEY)
    promote, delete = partial(Client.promote, headers=_KEY), partial(Client.delete, headers=_KEY)
    yield Race("create-create-key", _EMPTY, (create, create))
    yield Race("deploy-deploy-key", _SHOP, (dev, dev))
    yield Race("deploy-deploy-key-waiting", _SHOP, (dev, waits))
    yield Race("promote-promote-key", _TESTED, (promote, promote))
    yield Race("swap-swap-key", _SHOP, (swap, swap))
    yield Race("delete-delete-key", _SHOP, (delete, delete))
    yield Race("deploy-deploy-other-body", _SHOP, (dev, other), refusals=reused)
    yield Race("deploy-swap-other-route", _SHOP, (dev, swap), refusals=reused)
    earlier = (accounts.shop, _used_and_deleted(dev))
    yield Race("create-deploy-earlier-key", earlier, (Client.create, dev), refusals=reused)


def _used_and_deleted(call: Call) -> Prepare:
    """Return a step in which an application is used by a call, and then deleted."""

    def prepare(cloud: FakeCloud, api: Client) -> None:
        del cloud
        api.finished(call(api))
        api.finished(api.delete())

    return prepare


def _refused_callers() -> Iterator[Race]:
    """A refused caller reads or aborts the operation of the BUSY response."""
    race = Race("", (), (), _SOME, _EITHER, _BUSY | _ENDED)
    calls: Mapping[str, tuple[tuple[Prepare, ...], Call, Call]] = {
        "deploy": (_SHOP, _DEV, _OTHER),
        "deploy-backwards": ((accounts.backwards,), _DEV, _OTHER),
        "promote": (_TESTED, Client.promote, Client.swap),
        "swap": (_SHOP, Client.swap, _SWAP_2),
        "swap-raised": ((accounts.small_blue,), Client.swap, _SWAP_2),
    }
    for name, (steps, first, second) in calls.items():
        kind, _, rest = name.partition("-")
        for verb, then in (("abort", Client.abort), ("read", Client.status)):
            actors = (first, after_busy(second, then))
            variant = f"-{rest}" if rest else ""
            yield replace(race, name=f"{kind}-{verb}{variant}", steps=steps, actors=actors)


def _drifts() -> Iterator[Race]:
    """A drift check during the start of an operation, with and without drift."""
    changes = {
        "": (accounts.shop, aged),
        "-changed": (accounts.changed_service,),
        "-moved": (accounts.moved_listeners,),
    }
    acts: Mapping[str, Act] = {
        "deploy": _DEV, "swap": Client.swap, "promote": Client.promote, "update": _UPDATE_DEV,
        "adds": _ADD_DA, "removes": _DROP_QA,
    }  # fmt: skip
    for change, steps in changes.items():
        for name, act in acts.items():
            race = Race(f"drift-{name}{change}", steps, (Client.drift_check, act))
            yield replace(race, drift=bool(change))
        both = (Client.drift_check, Client.drift_check)
        yield Race(f"drift-drift{change}", steps, both, _NONE)


_SETTINGS = {"environment": {"LEVEL": "info"}, "desiredCount": 2}
_CRASHES = {"overrides": {"dev": {"environment": {"BEHAVIOUR": CRASH}}}}
_WATCHED = (racing_swaps.watched,)
_CANARY = partial(Client.swap, version="2.0", **racing_swaps.CANARY)
_APPROVED = partial(Client.swap, version="2.0", **racing_swaps.APPROVED)
OPEN_OPERATIONS = (
    OpenOperation("create", _EMPTY, Client.create, 3),
    OpenOperation("create-configured", _EMPTY, partial(Client.create, service=_SETTINGS), 12),
    OpenOperation("create-fails", (accounts.failing(create=True),), Client.create, 8),
    OpenOperation("deploy", _SHOP, partial(Client.deploy, version="3.0"), 7),
    OpenOperation("deploy-backwards", (accounts.backwards,), _DEV, 7),
    OpenOperation("deploy-crashes", _SHOP, partial(Client.deploy, version="crash"), 8),
    OpenOperation("update", _CONFIGURED, _UPDATE_DEV, 7),
    OpenOperation("update-crashes", _CONFIGURED, patch(_CRASHES), 8),
    OpenOperation("upgrade", (accounts.newer_template(),), Client.upgrade, 8),
    OpenOperation("promote", _TESTED, Client.promote, 7),
    OpenOperation("swap", _SHOP, Client.swap, 3),
    OpenOperation("swap-raised", (accounts.small_blue,), Client.swap, 6),
    OpenOperation("swap-scaled", (scaled_accounts.busy,), Client.swap, 9),
    OpenOperation("swap-canary", _WATCHED, _CANARY, 8),
    OpenOperation("swap-approved", _WATCHED, _APPROVED, 9),
    OpenOperation("delete", _SHOP, Client.delete, 11),
)


def _workers() -> Iterator[Race]:
    """Two workers of one operation, after each write of an earlier worker."""
    pairs = {
        "schedule-event": (schedule, event),
        "schedule-read": (schedule, read),
        "abort-schedule": (abort, schedule),
        "abort-read": (abort, read),
        "abort-abort": (abort, abort),
        "drift-schedule": (Client.drift_check, schedule),
    }
    for pair, actors in pairs.items():
        for operation in OPEN_OPERATIONS:
            race = Race("", (), actors, _NONE)
            if pair.startswith("abort"):
                race = replace(race, ends=_EITHER, refusals=operation.refusals)
            elif operation.fails:
                race = replace(race, ends=frozenset({"FAILED"}))
            points = operation.writes if operation.aborts or not pair.startswith("abort") else 1
            for writes in range(1, points + 1):
                name = f"{pair}-{operation.name}@{writes}"
                yield replace(race, name=name, steps=operation.at(writes))


RACES: Mapping[str, Race] = {
    race.name: race
    for races in (
        _deploys,
        _production,
        _creates_and_deletes,
        _updates,
        _upgrades,
        _scaling,
        _keys,
        _refused_callers,
        _drifts,
        _workers,
        swaps.phases,
        partial(swaps.workers, OPEN_OPERATIONS),
    )
    for race in races()
}
