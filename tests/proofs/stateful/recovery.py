"""The end of each course: without faults, all operations must end by themselves."""

from __future__ import annotations

from datetime import timedelta

from devops_core.model.inventory import RowStatus
from tests.lab.world import TRIGGERS, drift_check
from tests.proofs.stateful.hands import set_right
from tests.proofs.stateful.life import NAMES, Life, broken

# Number of turns (minutes): the limits of the longest operation (create) and of its undo, the grace
# period of a blocked operation, and the two hours by which clocks can differ.
_TURNS = 2 * 60 + 30 + 2 * 60
_TRIGGERS = (*TRIGGERS, drift_check)
# Maximum of drift checks with findings: each one can uncover more drift.
_LOOKS = 4


def recover(life: Life) -> None:
    """Remove all faults, wait for the end of all operations, and check the final state."""
    with broken():
        _heal(life)
        _come_to_rest(life)
        life.hold()
        before = life.world.inventory()
        _hold_true(life)
        if not (life.model.by_hand or life.faults.blind):
            assert life.world.inventory() == before, "6: inventory was not true"
        _hold(life)


def _heal(life: Life) -> None:
    life.heal()
    cloud = life.cloud
    cloud.clock.skew = timedelta()
    cloud.containers.automatic = True
    cloud.stacks.pace, cloud.stacks.lag = 1, 0
    cloud.stacks.create_failures = cloud.stacks.delete_failures = ()
    for stack in cloud.stacks.stacks.values():
        stack.left = stack.left or 1
    life.world.rest()


def _come_to_rest(life: Life) -> None:
    for turn in range(_TURNS):
        if not life.cloud.tables.in_progress():
            return
        life.cloud.clock.wait(60)
        _TRIGGERS[turn % len(_TRIGGERS)](life.world)
    raise AssertionError(f"7: still open: {life.cloud.tables.in_progress()}")


def _hold_true(life: Life) -> None:
    """Run the drift check until it finds nothing."""
    life.world.rest()
    for application in NAMES:
        life.move_on(application)
    for application in life.watcher.excused & set(life.model.live):
        set_right(life.cloud, application)
    life.watcher.excused.clear()
    _delete_what_was_not(life)
    life.cloud.clock.pass_(hours=1)
    for _ in range(_LOOKS):
        if not life.world.drift():
            break
    assert life.world.drift() == 0, "the drift check finds the same again and again"


def _delete_what_was_not(life: Life) -> None:
    """Repeat failed deletes: the drift check does not check their applications."""
    rows = life.cloud.tables.rows
    left = {name for (name, _), row in rows.items() if row.status is RowStatus.DELETE_FAILED}
    for application in sorted(left if life.faults.blind else left & life.model.by_hand):
        _delete(life, application)


def _hold(life: Life) -> None:
    tidy = not (life.faults.untidy or life.model.by_hand)
    life.world.hold(tidy=tidy)
    if tidy:
        return
    for application in NAMES:
        _delete(life, application)
    life.world.hold()


def _delete(life: Life, application: str) -> None:
    """Delete an application, and once more after another create if resources can remain.

    The other create has all environments, so that the delete finds the resources of each.
    """
    api = life.api
    known = life.cloud.tables.inventory_of(application).rows
    if known:
        assert api.finished(api.delete(application)).operation["status"] == "SUCCEEDED"
    if not known or application in life.torn or life.faults.untidy:
        chosen = {"nonProd": ["dev", "qa", "stage"]}
        api.finished(api.create(application, environments=chosen))
        assert api.finished(api.delete(application)).operation["status"] == "SUCCEEDED"
