"""Waiting for the end of an operation while showing how it goes."""

from __future__ import annotations

from datetime import timedelta

from devops_cli.answers import SUCCEEDED, Answer, Object, word
from devops_cli.exits import Exit
from devops_cli.failures import CliError
from devops_cli.follow import Snapshot, follow
from devops_cli.session import Session
from devops_cli.show import progress, summary


class StoppedError(CliError):
    """A person has stopped waiting."""

    code = Exit.INTERRUPTED


def to_the_end(session: Session, answer: Answer, operation: Object, timeout: timedelta) -> Snapshot:
    """Follow an operation, show how it goes and what came of it; return what was seen last.

    Raises:
        CliError: stopped by Ctrl-C or by time, or it cannot be read any more; each says how to go
            on, for the operation goes on in any case.

    """
    last = answer
    try:
        with progress.display(session.progress) as show:
            for snapshot in follow(session.api, answer, operation, session.world.clock, timeout):
                last = snapshot.answer
                if last is not answer or not snapshot.ended:  # else there was no progress
                    show(snapshot)
    except KeyboardInterrupt:
        raise _resumable(session, operation, last, StoppedError("stopped waiting")) from None
    except CliError as error:
        raise _resumable(session, operation, last, error) from error
    session.finish(snapshot.answer, *summary.ended(snapshot, session.command))
    return snapshot


def exit_of(operation: Object) -> Exit:
    """Return the exit code for an operation that has ended."""
    return Exit.SUCCEEDED if word(operation, "status") == SUCCEEDED else Exit.FAILED


def resume(session: Session, operation: Object) -> list[str]:
    """Return what to say about an operation that goes on unwatched."""
    which = (word(operation, "applicationName"), word(operation, "id"))
    return [
        "The operation goes on.",
        f"Wait for its end: {session.command('wait', *which)}",
        f"Stop it:          {session.command('abort', *which)}",
    ]


def _resumable(session: Session, operation: Object, last: Answer, error: CliError) -> CliError:
    error.hints = [*error.hints, *resume(session, operation)]
    error.answer = error.answer or last
    return error
