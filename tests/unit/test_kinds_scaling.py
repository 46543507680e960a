"""The scaling of a service after its rollout, and its record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devops_core.drift.scaling import scaling_drift
from devops_core.kinds import scaling
from devops_core.model.inventory import Row, RowStatus, Service
from devops_core.model.observed import Observed
from devops_core.model.operation import Progress
from devops_core.model.scaling import ScalableTarget
from devops_core.model.specification import EnvironmentSettings
from devops_core.model.steps import ApplyScaling, RemoveScaling, ScaleService
from devops_core.naming import Environment
from tests.lab.builders import part, service
from tests.lab.samples import FULL_APPLICATION, FULL_SERVICE

CPU = {"min": 2, "max": 5, "cpuPercent": 60}
OTHER = {"min": 1, "max": 3, "memoryPercent": 70}


def recorded(value: Any = None, *, known: bool = True) -> Service:
    return replace(FULL_SERVICE, scaling=value, scaling_known=known)


@pytest.mark.parametrize(
    ("before", "wanted", "expected"),
    [
        (None, None, {"scaling": None, "scaled": True, "scalable": False}),
        (None, CPU, {"scaling": CPU, "scaled": False, "scalable": False}),
        (CPU, CPU, {"scaling": CPU, "scaled": False, "scalable": True}),
        (CPU, None, {"scaling": None, "scaled": False, "scalable": True}),
    ],
    ids=["none", "new", "the same, applied again", "removed"],
)
def test_a_rollout_plans_the_scaling(before: Any, wanted: Any, expected: Any) -> None:
    settings = EnvironmentSettings("hash", scaling=wanted)
    assert scaling.planned(recorded(before), settings) == expected


STEPS: list[tuple[str, dict[str, Any], int, Any]] = [
    ("none", {}, 1, None),
    ("a count without scaling", {"desired_count": 3}, 1, None),
    ("applied", {"scaling": CPU, "scaled": False}, 1, ApplyScaling("dev", CPU)),
    ("too few tasks", {"scaling": CPU, "scalable": True}, 1, ScaleService("dev", 2)),
    ("enough tasks", {"scaling": CPU, "scalable": True, "desired_count": 2}, 2, None),
    ("removed", {"scaled": False, "scalable": True}, 4, RemoveScaling("dev")),
    ("then the count", {"scalable": True, "desired_count": 3}, 4, ScaleService("dev", 3)),
    ("the count is right", {"scalable": True, "desired_count": 3}, 3, None),
    ("no count", {"scalable": True}, 4, None),
]


@pytest.mark.parametrize(("changes", "tasks", "step"), [each[1:] for each in STEPS],
                         ids=[each[0] for each in STEPS])  # fmt: skip
def test_the_next_step_of_the_scaling(changes: dict[str, Any], tasks: int, step: Any) -> None:
    assert scaling.next_step(part(**changes), service(desired=tasks)) == step


@pytest.mark.parametrize(
    ("environment", "settings_hash", "tasks", "scales_in", "minimum"),
    [
        (Environment.PROD_BLUE, None, 4, False, None),
        (Environment.PROD_BLUE, "hash", 4, True, None),
        (Environment.PROD_GREEN, None, 2, True, None),
        (Environment.PROD_GREEN, None, 4, True, 4),
        (Environment.PROD_GREEN, None, 9, True, 5),
    ],
    ids=["the idle slot in place", "a promote", "the live slot at its minimum",
         "the live slot under load", "the live slot above the new maximum"],
)  # fmt: skip
def test_a_slot_keeps_its_tasks_without_a_release(
    environment: Environment, settings_hash: str | None, tasks: int, scales_in: bool,
    minimum: int | None,
) -> None:  # fmt: skip
    changed = Progress(
        environment=environment, service="prod-2", scaling=CPU, scaled=False,
        keeps_image=settings_hash is None, spec_hash=settings_hash,
    )  # fmt: skip
    expected = ApplyScaling("prod-2", CPU, scales_in, minimum)
    assert scaling.next_step(changed, service(desired=tasks)) == expected


RECORDS: list[tuple[str, Service, dict[str, Any], Service]] = [
    ("applied", recorded(), {"scaling": CPU, "scalable": True}, recorded(CPU)),
    ("removed", recorded(CPU), {"scalable": True}, recorded()),
    ("known again", recorded(CPU, known=False), {"scaling": CPU}, recorded(CPU)),
    ("not tried", recorded(), {"scaling": CPU, "scaled": False}, recorded()),
    ("unknown", recorded(), {"scaling": CPU, "scaled": False, "scalable": True},
     recorded(CPU, known=False)),
    ("perhaps another one", recorded(CPU), {"scaling": OTHER, "scaled": False, "scalable": True},
     recorded(CPU, known=False)),
    ("a size to repeat", recorded(CPU),
     {"scaling": OTHER, "scaled": False, "scalable": True, "keeps_image": True},
     recorded(OTHER, known=False)),
    ("the same again", recorded(CPU), {"scaling": CPU, "scaled": False, "scalable": True},
     recorded(CPU)),
    ("perhaps removed", recorded(CPU), {"scaled": False, "scalable": True},
     recorded(CPU, known=False)),
]  # fmt: skip


@pytest.mark.parametrize(("before", "changes", "after"), [each[1:] for each in RECORDS],
                         ids=[each[0] for each in RECORDS])  # fmt: skip
def test_the_record_of_a_scaling(before: Service, changes: dict[str, Any], after: Service) -> None:
    assert scaling.recorded(before, part(**changes)) == after


LIMITS = "the scaling of the service has the limits"
RESTORE = "apply the specification again to restore it"
DRIFTS: list[tuple[str, ScalableTarget | None, str | None]] = [
    ("equal", ScalableTarget(2, 5), None),
    ("a raised minimum", ScalableTarget(4, 5), None),
    ("a raised minimum above the maximum", ScalableTarget(7, 7), None),
    ("missing", None, f"the service has no scalable target: {RESTORE}"),
    ("a smaller minimum", ScalableTarget(1, 5),
     f"{LIMITS} 1 to 5 instead of 2 to 5: {RESTORE}"),
    ("a smaller maximum", ScalableTarget(2, 4),
     f"{LIMITS} 2 to 4 instead of 2 to 5: {RESTORE}"),
    ("a larger maximum", ScalableTarget(2, 6),
     f"{LIMITS} 2 to 6 instead of 2 to 5: {RESTORE}"),
    ("no scale-out", ScalableTarget(2, 5, scales_out=False),
     f"the scaling of the service is suspended: {RESTORE}"),
    ("two differences", ScalableTarget(1, 5, scales_in=False),
     f"{LIMITS} 1 to 5 instead of 2 to 5 and is suspended: {RESTORE}"),
]  # fmt: skip


def drift(row: Row, target: ScalableTarget | None) -> str | None:
    targets = {"prod-1": target} if target else {}
    return scaling_drift(row, Observed(scalable_targets=targets))


def row_of(service: Service | None, environment: str = "PROD-GREEN", **changes: Any) -> Row:
    return Row(
        application=FULL_APPLICATION, environment=Environment(environment),
        status=RowStatus.ACTIVE, service=service, **changes,
    )  # fmt: skip


@pytest.mark.parametrize(("target", "expected"), [each[1:] for each in DRIFTS],
                         ids=[each[0] for each in DRIFTS])  # fmt: skip
def test_drift_of_a_scalable_target(target: ScalableTarget | None, expected: str | None) -> None:
    assert drift(row_of(recorded(CPU)), target) == expected


def test_rows_without_known_scaling_have_no_drift() -> None:
    assert drift(row_of(None), None) is None
    assert drift(row_of(recorded()), None) is None
    unknown = recorded(CPU, known=False)
    assert drift(row_of(unknown), None) is None


def test_only_the_idle_slot_can_have_suspended_scale_in() -> None:
    suspended = ScalableTarget(2, 5, scales_in=False)
    assert drift(row_of(recorded(CPU), "PROD-BLUE"), suspended) is None
    assert drift(row_of(recorded(CPU), "DEV"), suspended) is not None
