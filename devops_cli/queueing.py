"""Repeats a write while another operation holds a required environment.

All requests have the same Idempotency-Key: a refused request leaves no record of its key.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from devops_cli import durations
from devops_cli.failures import ApiError, CliError, StoppedError
from devops_cli.follow import SILENCE_LIMIT, is_transient, requested_pause
from devops_cli.responses import Response, get_object, get_text
from devops_cli.session import Session

# Seconds between two requests: a tenth of the time in the queue, with these limits. Each request
# makes the service call AWS.
_SHORTEST_INTERVAL, _LONGEST_INTERVAL = 5.0, 15.0
# The codes of conflicts that end by themselves. ALREADY_EXISTS does so only if the application is
# held by an operation, for example by its delete.
_BUSY = ("BUSY", "CHANGED_MEANWHILE")
_BUSY_WITH_OPERATION = ("ALREADY_EXISTS",)


class Sender(Protocol):
    """A write with its Idempotency-Key, such as `writing.Sender`."""

    def send(self) -> Response:
        """Send the write and return the response."""
        ...


def send(session: Session, sender: Sender, limit: timedelta) -> Response:
    """Send a write, and repeat it while the service refuses it as busy, until the limit.

    A line on stderr names each operation that the command waits for. After the first refusal, a
    lack of responses ends the command only after SILENCE_LIMIT seconds.

    Raises:
        CliError: the service refuses the write for another reason, or still after the limit.

    """
    clock = session.runtime.clock
    started, heard = clock.monotonic(), None
    shown: set[str] = set()
    while True:
        try:
            return sender.send()
        except CliError as error:
            problem, now = error, clock.monotonic()
            busy = _is_busy(error)
            heard = now if busy else heard
            if not busy and not (heard is not None and _is_tolerated(error, now - heard)):
                raise
            left = started + limit.total_seconds() - now
            if left <= 0:
                raise _after_limit(error, limit) from None
            if busy:
                _show(session, error, limit, shown)
        interval = min(max((now - started) // 10, _SHORTEST_INTERVAL), _LONGEST_INTERVAL)
        try:
            clock.pause(min(max(interval, requested_pause(problem.response)), left))
        except KeyboardInterrupt:
            raise _stopped(problem) from None


def _is_busy(error: CliError) -> bool:
    """Return whether a write can succeed later without a change of the request."""
    if not isinstance(error, ApiError) or error.response.status != 409:
        return False
    code = get_text(error.response.body, "code")
    holder = get_object(error.response.body, "operation")
    return code in _BUSY or (code in _BUSY_WITH_OPERATION and bool(holder))


def _is_tolerated(error: CliError, silence: float) -> bool:
    return is_transient(error) and silence < SILENCE_LIMIT


def _show(session: Session, error: CliError, limit: timedelta, shown: set[str]) -> None:
    """Print the operation or the reason that the command waits for, if it is not shown yet."""
    holder = get_object(error.response.body if error.response else None, "operation")
    name, operation = get_text(holder, "applicationName"), get_text(holder, "id")
    most = durations.format_duration(limit.total_seconds())
    if operation:
        state = session.command("status", name, operation)
        text = f"Waiting for the end of operation {operation}, at most {most}. Its state: {state}"
    else:
        text = f"Waiting, at most {most}: {error}"
    if text not in shown:
        shown.add(text)
        session.notice(text)


def _after_limit(error: CliError, limit: timedelta) -> CliError:
    most = durations.format_duration(limit.total_seconds())
    started = "" if error.may_be_accepted else " Nothing was started."
    error.hints = [*error.hints, f"The time limit of --queue-timeout ({most}) has ended.{started}"]
    return error


def _stopped(error: CliError) -> StoppedError:
    if error.may_be_accepted:
        return StoppedError("stopped waiting", *error.hints)
    return StoppedError("stopped waiting: nothing was started")
