"""The checker accepts possible histories and rejects impossible ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial

import pytest

from devops_core.naming import NON_PRODUCTION, PRODUCTION, Environment
from tests.proofs.races import specification as spec
from tests.proofs.races.linearizable import Step, order
from tests.proofs.races.specification import RowState, StartRequest, State

_GREEN, _BLUE = Environment.PROD_GREEN, Environment.PROD_BLUE
_SHOP = State(
    {("Shop", name): RowState(version="1.0") for name in (*NON_PRODUCTION, *PRODUCTION)}
    | {("Shop", _BLUE): RowState(version="2.0")}
)
_DEPLOY = StartRequest("deploy", "deploy 3.0", "Shop", (Environment.DEV,), "3.0")
_KEYED = StartRequest("deploy", "deploy 3.0", "Shop", (Environment.DEV,), "3.0", key="build-1")
_PROMOTE, _SWAP = StartRequest("deploy-blue", "", "Shop"), StartRequest("swap", "", "Shop")
_SWAP_2 = StartRequest("swap", "", "Shop", version="2.0")
_SWAP_1 = StartRequest("swap", "", "Shop", version="1.0")
_CANARY, _APPROVED = (
    StartRequest("swap", "", "Shop", content=json.dumps({"strategy": {"type": kind}, **more}))
    for kind, more in (("canary", {}), ("linear", {"approval": {"before": "full"}}))
)
_DELETE = StartRequest("delete", "", "Shop")
_CREATE = StartRequest("create", "", "Shop", (Environment.DEV, *PRODUCTION))
_OK, _OPEN, _FAILED = "SUCCEEDED", "IN_PROGRESS", "FAILED"

Steps = Sequence[Step[State]]


def _at(began: int, ended: int, apply: spec.Apply) -> Step[State]:
    return Step("", began, ended, apply)


def _accepted(began: int, ended: int, start: StartRequest, name: str) -> Step[State]:
    return _at(began, ended, partial(spec.accepted, start, name))


def _refused(
    began: int, ended: int, start: StartRequest, code: str, holder: str | None = None
) -> Step[State]:
    return _at(began, ended, partial(spec.refused, start, code, holder))


def _read(began: int, ended: int, name: str, status: str | None) -> Step[State]:
    return _at(began, ended, partial(spec.read, name, status))


def _aborted(began: int, ended: int, name: str, code: str | None = None) -> Step[State]:
    refusal = partial(spec.not_aborted, name, code or "")
    return _at(began, ended, refusal if code else partial(spec.aborted, name))


def _ends(now: int, name: str, status: str) -> Step[State]:
    return _at(now, now, partial(spec.ended, name, status, (), False, False))


def _shifts(now: int, weight: int) -> Step[State]:
    return _at(now, now, partial(spec.shifted, "Shop", weight))


def _switches(now: int) -> Step[State]:
    return _shifts(now, 100)


def _records(now: int, *, awaiting: bool = False, returning: bool = False) -> Step[State]:
    return _at(now, now, partial(spec.recorded, "a", awaiting, returning))


def _advanced(began: int, ended: int, action: str, code: str | None = None) -> Step[State]:
    refusal = partial(spec.not_advanced, "a", action, code or "")
    return _at(began, ended, refusal if code else partial(spec.advanced, "a", action))


def _final_records(
    now: int, versions: Mapping[str, str], records: Mapping[str, tuple[str, bool]]
) -> Step[State]:
    changed = {
        ("Shop", Environment(name)): RowState(version=each) for name, each in versions.items()
    }
    return _at(now, now, partial(spec.at_rest, {**_SHOP.rows, **changed}, records, {}))


_BOTH_SWITCH = [_accepted(1, 2, _SWAP, "a"), _switches(3), _ends(4, "a", _OK),
              _accepted(5, 6, _SWAP, "b"), _switches(7), _ends(8, "b", _OK)]  # fmt: skip

_BOTH = {"a": (_OK, False), "b": (_OK, False)}

POSSIBLE: dict[str, Steps] = {
    "the loser gets the operation that claims the row": [
        _accepted(1, 4, _DEPLOY, "a"), _refused(2, 3, _DEPLOY, "BUSY", "a"),
    ],
    "the loser repeats the request after the end": [
        _accepted(1, 2, _DEPLOY, "a"), _refused(3, 4, _DEPLOY, "BUSY", "a"), _ends(5, "a", _OK),
        _accepted(6, 7, _DEPLOY, "b"),
    ],
    "a slow read returns the status from before the end": [
        _accepted(1, 2, _DEPLOY, "a"), _read(3, 6, "a", _OPEN), _ends(5, "a", _OK),
    ],
    "two swaps restore the first state": [*_BOTH_SWITCH, _final_records(9, {}, _BOTH)],
    "the slot of a switched swap is live": [
        _accepted(1, 2, _SWAP, "a"), _switches(3),
        _at(4, 5, partial(spec.nothing_to_do, _SWAP_2)), _ends(6, "a", _OK),
    ],
    "a key is used twice": [_accepted(1, 2, _KEYED, "a"), _accepted(1, 3, _KEYED, "a")],
    "a name is free again": [
        _accepted(1, 2, _DELETE, "a"), _refused(3, 4, _CREATE, "ALREADY_EXISTS"),
        _ends(5, "a", _OK), _accepted(6, 7, _CREATE, "b"),
    ],
    "a canary shifts twice": [
        _accepted(1, 2, _CANARY, "a"), _shifts(3, 10), _switches(4), _ends(5, "a", _OK),
    ],
    "a worker shifts at the same time as an abort, and then returns": [
        _accepted(1, 2, _CANARY, "a"), _shifts(3, 10), _aborted(4, 5, "a"), _switches(6),
        _records(7, returning=True), _shifts(8, 0), _ends(9, "a", _FAILED),
    ],
    "a swap to the previous version returns the swap in progress": [
        _accepted(1, 2, _SWAP_2, "a"), _switches(3), _accepted(4, 5, _SWAP_1, "a"),
        _shifts(6, 0), _ends(7, "a", _FAILED), _final_records(8, {}, {"a": (_FAILED, True)}),
    ],
    "the last step of a swap needs an approval": [
        _accepted(1, 2, _APPROVED, "a"),
        _advanced(3, 4, "continue", "CONFLICT"), _records(5, awaiting=True),
        _advanced(6, 7, "continue"), _shifts(8, 10),
    ],
    "the end of the waits replaces an approval and the other steps": [
        _accepted(1, 2, _APPROVED, "a"), _shifts(3, 10), _advanced(4, 5, "finish"), _switches(6),
        _ends(7, "a", _OK), _advanced(8, 9, "finish"),
    ],
    "an abort is repeated": [
        _accepted(1, 2, _DEPLOY, "a"), _aborted(3, 4, "a"), _ends(5, "a", _FAILED),
        _aborted(6, 7, "a"), _final_records(8, {}, {"a": (_FAILED, True)}),
    ],
}  # fmt: skip

IMPOSSIBLE: dict[str, Steps] = {
    "two operations claim a row": [_accepted(1, 3, _DEPLOY, "a"), _accepted(2, 4, _DEPLOY, "b")],
    "the loser gets an unknown operation": [_refused(1, 2, _DEPLOY, "BUSY", "a")],
    "the loser gets a later operation": [
        _refused(1, 2, _DEPLOY, "BUSY", "a"), _accepted(3, 4, _DEPLOY, "a"),
    ],
    "the loser gets an ended operation": [
        _accepted(1, 2, _DEPLOY, "a"), _ends(3, "a", _OK), _refused(4, 5, _DEPLOY, "BUSY", "a"),
    ],
    "the loser gets an operation that claims other rows": [
        _accepted(1, 2, _DEPLOY, "a"), _refused(3, 4, _SWAP, "BUSY", "a"),
    ],
    "a read after the end returns the status before it": [
        _accepted(1, 2, _DEPLOY, "a"), _ends(3, "a", _OK), _read(4, 5, "a", _OPEN),
    ],
    "a read goes back in time": [
        _accepted(1, 2, _DEPLOY, "a"), _ends(5, "a", _OK), _read(3, 6, "a", _OK),
        _read(7, 8, "a", _OPEN),
    ],
    "a read returns an end too early": [_accepted(1, 2, _DEPLOY, "a"), _read(3, 4, "a", _OK)],
    "an accepted operation does not exist": [_accepted(1, 2, _DEPLOY, "a"), _read(3, 4, "a", None)],
    "an operation ends twice": [
        _accepted(1, 2, _DEPLOY, "a"), _ends(3, "a", _OK), _ends(4, "a", _FAILED),
    ],
    "a deploy is missing in the inventory": [
        _accepted(1, 2, _DEPLOY, "a"), _ends(3, "a", _OK),
        _final_records(4, {}, {"a": (_OK, False)}),
    ],
    "one of two swaps did not switch": [*_BOTH_SWITCH[:4], _ends(7, "b", _OK)],
    "one of two swaps is missing in the inventory": [
        *_BOTH_SWITCH, _final_records(9, {"PROD-GREEN": "2.0", "PROD-BLUE": "1.0"}, _BOTH),
    ],
    "a failed swap has switched production": [
        _accepted(1, 2, _SWAP, "a"), _switches(3), _ends(4, "a", _FAILED),
    ],
    "a listener is switched without a swap": [_accepted(1, 2, _PROMOTE, "a"), _switches(3)],
    "a version is reported live before the switch": [
        _accepted(1, 2, _SWAP, "a"), _at(3, 4, partial(spec.nothing_to_do, _SWAP_2)), _switches(5),
        _ends(6, "a", _OK),
    ],
    "a key has two operations": [_accepted(1, 2, _KEYED, "a"), _accepted(1, 3, _KEYED, "b")],
    "a key is refused with its own body": [
        _accepted(1, 2, _KEYED, "a"), _refused(3, 4, _KEYED, "IDEMPOTENCY_KEY_REUSED"),
    ],
    "a name is taken twice": [
        _accepted(1, 2, _DELETE, "a"), _ends(3, "a", _OK), _accepted(4, 6, _CREATE, "b"),
        _accepted(5, 7, _CREATE, "c"),
    ],
    "an aborted create succeeds": [
        _accepted(1, 2, _DELETE, "a"), _ends(3, "a", _OK), _accepted(4, 5, _CREATE, "b"),
        _aborted(6, 7, "b"), _ends(8, "b", _OK),
    ],
    "an abort is accepted after the end": [
        _accepted(1, 2, _DEPLOY, "a"), _ends(3, "a", _OK), _aborted(4, 5, "a"),
    ],
    "an abort is refused before the end": [
        _accepted(1, 2, _DEPLOY, "a"), _aborted(3, 4, "a", "ALREADY_ENDED"), _ends(5, "a", _OK),
    ],
    "an aborted swap succeeds": [
        _accepted(1, 2, _SWAP, "a"), _switches(3), _aborted(4, 5, "a"), _ends(6, "a", _OK),
    ],
    "a swap in a return succeeds": [
        _accepted(1, 2, _SWAP, "a"), _switches(3), _records(4, returning=True), _ends(5, "a", _OK),
    ],
    "customers shift again after a return": [
        _accepted(1, 2, _CANARY, "a"), _shifts(3, 10), _records(4, returning=True), _shifts(5, 0),
        _shifts(6, 10),
    ],
    "customers shift twice after an abort": [
        _accepted(1, 2, _CANARY, "a"), _aborted(3, 4, "a"), _shifts(5, 10), _switches(6),
    ],
    "customers return without a reason": [
        _accepted(1, 2, _CANARY, "a"), _shifts(3, 10), _shifts(4, 0),
    ],
    "a return is not final": [
        _accepted(1, 2, _CANARY, "a"), _shifts(3, 10), _records(4, returning=True),
        _records(5, awaiting=True),
    ],
    "a step is left out": [_accepted(1, 2, _CANARY, "a"), _switches(3)],
    "a swap shifts to a weight that its policy does not have": [
        _accepted(1, 2, _CANARY, "a"), _shifts(3, 20),
    ],
    "a swap ends with two releases": [
        _accepted(1, 2, _CANARY, "a"), _shifts(3, 10), _ends(4, "a", _FAILED),
    ],
    "the last step begins without its approval": [
        _accepted(1, 2, _APPROVED, "a"), *(_shifts(2 + n, 10 * n) for n in range(1, 11)),
    ],
    "an approval is refused although the swap waits": [
        _accepted(1, 2, _APPROVED, "a"), _records(3, awaiting=True),
        _advanced(4, 5, "continue", "CONFLICT"),
    ],
    "an approval is accepted after an abort": [
        _accepted(1, 2, _APPROVED, "a"), _records(3, awaiting=True), _aborted(4, 5, "a"),
        _advanced(6, 7, "continue"),
    ],
    "a finish is accepted after an abort": [
        _accepted(1, 2, _CANARY, "a"), _aborted(3, 4, "a"), _advanced(5, 6, "finish"),
    ],
    "a finish is accepted after the end": [
        _accepted(1, 2, _CANARY, "a"), _aborted(3, 4, "a"), _ends(5, "a", _FAILED),
        _advanced(6, 7, "finish"),
    ],
    "a swap to the next version rolls the swap back": [
        _accepted(1, 2, _SWAP_2, "a"), _accepted(3, 4, _SWAP_2, "a"),
    ],
    "a row is claimed after all operations have ended": [
        _accepted(1, 2, _SWAP, "a"), _final_records(3, {}, {"a": (_OPEN, False)}),
    ],
    "an abort is not recorded": [
        _accepted(1, 2, _DEPLOY, "a"), _aborted(3, 4, "a"), _ends(5, "a", _FAILED),
        _final_records(6, {}, {"a": (_FAILED, False)}),
    ],
}  # fmt: skip


@pytest.mark.parametrize("steps", POSSIBLE.values(), ids=POSSIBLE)
def test_an_order_exists(steps: Steps) -> None:
    found = order(steps, _SHOP)
    assert found is not None
    assert {id(step) for step in found} == {id(step) for step in steps}


@pytest.mark.parametrize("steps", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_no_order_exists(steps: Steps) -> None:
    assert order(steps, _SHOP) is None


def test_an_order_respects_the_times() -> None:
    first, second = _read(5, 6, "a", None), _read(1, 2, "a", None)
    assert order([first, second], _SHOP) == [second, first]


def test_the_search_backtracks() -> None:
    """Of two overlapping steps, the one that began first can be the second in the order."""

    def writes(value: int, seen: int) -> int:
        return value + 0 * seen

    def reads(value: int, seen: int) -> int | None:
        return seen if seen == value else None

    one = Step("write 1", 1, 9, partial(writes, 1))
    two = Step("write 2", 2, 8, partial(writes, 2))
    read = Step("read 1", 3, 9, partial(reads, 1))
    again = Step("read 2", 10, 11, partial(reads, 2))
    assert order([one, two, read, again], 0) == [one, read, two, again]
    assert order([one, two, again, Step("read 1", 12, 13, partial(reads, 1))], 0) is None
