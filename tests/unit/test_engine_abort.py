"""Abort of an operation that has ended: a conflict for every kind, also for a repair."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from devops_core.drift import repair
from devops_core.engine.abort import abort
from devops_core.errors import AlreadyEndedError, NotAbortableError
from devops_core.model.operation import Operation, Status
from devops_core.operation_id import new_operation_id
from tests.lab.builders import NOW, operation

ID = new_operation_id(NOW)
REPAIR = replace(operation("deploy"), kind=repair.KIND)


def cloud(recorded: Operation) -> Any:
    """Return the part of `Cloud` that the checks of an abort need."""
    return SimpleNamespace(
        settings=SimpleNamespace(access=SimpleNamespace(refuses=False)),
        tables=SimpleNamespace(operation=lambda _application, _id: recorded),
    )


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    "recorded",
    [*(operation(kind) for kind in ("create", "deploy", "deploy-blue", "swap", "delete")), REPAIR],
    ids=lambda recorded: recorded.kind,
)
def test_an_ended_operation_cannot_be_aborted(recorded: Operation, dry_run: bool) -> None:
    ended = replace(recorded, id=ID, status=Status.SUCCEEDED)

    with pytest.raises(AlreadyEndedError, match="has already ended: its status is SUCCEEDED"):
        abort(cloud(ended), "MyApp", ID, "alice", dry_run=dry_run)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_delete_in_progress_cannot_be_aborted(dry_run: bool) -> None:
    with pytest.raises(NotAbortableError, match="CloudFormation cannot stop it"):
        abort(cloud(operation("delete", id=ID)), "MyApp", ID, "alice", dry_run=dry_run)
