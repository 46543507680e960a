"""The values that the functions of the engine pass on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from devops_core.engine.dry_run import DryRun
    from devops_core.model.decisions import After, State
    from devops_core.model.operation import Operation


class RequestContext(NamedTuple):
    """The caller and time of a request, and the identity of its repetitions.

    `key` is the caller's Idempotency-Key, `fingerprint` the SHA-256 of the request. A dry run
    cannot be repeated, so its `key` is None.
    """

    caller: str
    asked_at: datetime
    key: str | None
    fingerprint: str
    dry_run: bool = False


class Run(NamedTuple):
    """One worker's run of an operation.

    `saved` is the record as this worker last read or wrote it, `state.operation` has the changes
    since then. `after` is the `After` of the last steps: CONTINUE means that this worker holds the
    lease, also right after the claim; None means that the worker has not acted yet.
    """

    saved: Operation
    state: State
    after: After | None = None


class Outcome(NamedTuple):
    """The result of an accepted request.

    `operation` is the claimed or the repeated operation, None for a dry run and if there is
    nothing to do. `message` is the reason for that, or the effect of an abort. `run` continues a
    claimed operation. `aborts` means that the request has aborted the operation.
    """

    operation: Operation | None = None
    message: str | None = None
    dry_run: DryRun | None = None
    run: Run | None = None
    aborts: bool = False
