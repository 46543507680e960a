"""Waits for the end of an operation and prints its progress."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Protocol

from rich.console import RenderableType

from devops_cli import milestones
from devops_cli.exits import Exit
from devops_cli.failures import CliError, StoppedError
from devops_cli.follow import DEFAULT_TIMEOUT, Snapshot, follow
from devops_cli.responses import (
    FAILED,
    IN_PROGRESS,
    SUCCEEDED,
    Object,
    Response,
    get_object,
    get_text,
    get_time,
)
from devops_cli.session import Session
from devops_cli.show import progress, summary, swaps, texts

# Time after the deadline of a swap in which its customers return and it ends.
_RETURN_TIME = timedelta(minutes=15)


class Repeatable(Protocol):
    """A write that can be repeated with its Idempotency-Key, such as `writing.Sender`."""

    key: str
    repeats: bool

    def repeat(self, seconds: float) -> Response:
        """Send the write once more and return its response after at most some seconds."""
        ...


def wait_for_end(
    session: Session,
    response: Response,
    operation: Object,
    timeout: timedelta | None,
    write: Repeatable | None = None,
    until: str = milestones.END,
) -> Snapshot:
    """Follow an operation to its end, print progress and outcome; return the last snapshot.

    The milestone `until` ends the wait earlier. `write` started the operation; it is repeated if
    the caller is not allowed to read operations.

    Raises:
        CliError: the wait was interrupted or timed out, or the operation cannot be read. The
            operation continues in any case, so the hints name the commands to wait or abort.

    """
    last = response
    _warn_of_timeout(session, operation, timeout)
    if milestones.is_missing(operation, until):
        session.notice("This operation has no approval: the wait ends with the operation.")
    try:
        with progress.display(session.progress, session.command) as show:
            for snapshot in follow(
                session.api,
                response,
                operation,
                session.runtime.clock,
                _time_limit(operation, timeout),
                write.repeat if write else None,
            ):
                last = snapshot.response
                # An operation that had already ended has no progress to show.
                if last is not response or not snapshot.ended:
                    show(snapshot)
                if milestones.reached(snapshot.operation, until):
                    break
    except KeyboardInterrupt:
        hints = _hints(session, operation, write)
        raise _with_hints(StoppedError("stopped waiting"), hints, last) from None
    except CliError as error:
        raise _with_hints(error, _hints(session, operation, write), last) from error
    session.print_outcome(snapshot.response, *_shown(session, snapshot, write))
    return snapshot


def _shown(
    session: Session, snapshot: Snapshot, write: Repeatable | None
) -> Iterator[RenderableType]:
    """Yield the outcome of an operation, or its present state and the hints if it continues."""
    operation = snapshot.operation
    if snapshot.ended:
        yield from summary.outcome(snapshot, session.command)
    else:
        yield summary.headline(operation)
        yield from swaps.state(operation)
        yield from map(texts.text, _hints(session, operation, write))


def _time_limit(operation: Object, timeout: timedelta | None) -> timedelta:
    """Return the time limit of a wait; a swap with a policy can take long by its own waits."""
    if timeout is not None:
        return timeout
    limit = _longest(operation)
    if limit is None or not get_object(operation, "policy"):
        return DEFAULT_TIMEOUT
    return max(DEFAULT_TIMEOUT, limit + _RETURN_TIME)


def _longest(operation: Object) -> timedelta | None:
    """Return the time limit of an operation, from its request; None if it is not known."""
    requested, deadline = get_time(operation, "requestedAt"), get_time(operation, "deadline")
    return deadline - requested if requested and deadline else None


def _warn_of_timeout(session: Session, operation: Object, timeout: timedelta | None) -> None:
    """Print a notice if a time limit is longer than the operation can take; not for the default."""
    limit = _longest(operation)
    ended = get_text(operation, "status") != IN_PROGRESS
    if ended or timeout in (None, DEFAULT_TIMEOUT) or limit is None:
        return
    if timeout > limit:
        minutes = round(limit.total_seconds() / 60)
        session.notice(f"The operation fails after {minutes} minutes, before --timeout.")


def exit_code(operation: Object) -> Exit:
    """Return the exit code for an operation that has ended, or has reached its milestone."""
    return Exit.FAILED if get_text(operation, "status") == FAILED else Exit.SUCCEEDED


def abort_exit_code(operation: Object) -> Exit:
    """Return the exit code of an abort, for an operation that has ended."""
    return Exit.FAILED if get_text(operation, "status") == SUCCEEDED else Exit.SUCCEEDED


def resume_hints(session: Session, operation: Object) -> list[str]:
    """Return the hints for an operation that continues after the command has ended."""
    return ["The operation continues.", *summary.while_in_progress(operation, session.command)]


def _hints(session: Session, operation: Object, write: Repeatable | None) -> list[str]:
    """Return the hints after a wait; with the key of the write if only the write is allowed."""
    if write is None or not write.repeats:
        return resume_hints(session, operation)
    identifier = get_text(operation, "id")
    return [
        f"The operation {identifier} continues.",
        f"To wait for its end, repeat the command with --idempotency-key {write.key}",
    ]


def _with_hints(error: CliError, hints: list[str], last: Response) -> CliError:
    error.hints = [*error.hints, *hints]
    error.response = error.response or last
    return error
