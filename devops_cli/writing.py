"""Sends a write to the service, and waits for its end or prints the plan of a dry run."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from devops_cli import milestones, queueing, waiting
from devops_cli.exits import Exit
from devops_cli.failures import (
    ApiError,
    CliError,
    NotTheServiceError,
    StoppedError,
    UsageError,
)
from devops_cli.options import Queue, Write
from devops_cli.responses import IN_PROGRESS, Object, Response, get_object, get_text
from devops_cli.runtime import print_on
from devops_cli.session import Session
from devops_cli.show import plan, summary, texts

# Seconds that a write can wait for the end of its operation: the maximum of the service.
LONGEST_WAIT = 25


@dataclass(frozen=True)
class Call:
    """A request that changes something: method, path, body and query.

    `expected` is the ETag of the document that it changes; without it, the call has no such
    condition. `wait` is the number of seconds that the service may wait for the end of the
    operation before it responds, 0 for none.
    """

    method: str
    path: str
    body: Object | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    expected: str = ""
    wait: int = 0


def run(
    session: Session,
    call: Call,
    write: Write,
    timeout: timedelta | None,
    exit_code: Callable[[Object], Exit] = waiting.exit_code,
    queue: Queue | None = None,
    until: str = milestones.END,
) -> Exit:
    """Send a write and wait for the end of its operation, or print the plan of a dry run.

    Returns the exit code; `exit_code` determines it from an operation that has ended, or has
    reached the milestone `until`. With a `queue`, the command can wait until no other operation
    holds the environments.

    Raises:
        CliError: the write was refused, or the wait ended before the operation.

    """
    if until != milestones.END and not write.wait:
        raise UsageError("--no-wait and --until exclude each other")
    if write.dry_run:
        return print_plan(session, dry_run(session, call))
    sender = Sender(session, call, write.idempotency_key)
    limit = queue.limit if queue else None
    response = queueing.send(session, sender, limit) if limit is not None else sender.send()
    operation, message = response.operation, get_text(response.body, "message")
    if operation is None:
        session.print_outcome(response, texts.text(message or "nothing to do"))
        return Exit.SUCCEEDED
    if message:
        print_on(session.progress, texts.text(message))
    if get_text(operation, "status") == IN_PROGRESS and not write.wait:
        hints = [texts.text(line) for line in waiting.resume_hints(session, operation)]
        session.print_outcome(response, summary.headline(operation), *hints)
        return Exit.SUCCEEDED
    end = waiting.wait_for_end(session, response, operation, timeout, sender, until)
    return exit_code(end.operation)


class Sender:
    """Sends a write once or repeatedly.

    All requests have the same Idempotency-Key (`key`, or else a new one), so they start at most one
    operation. `repeats` is whether the write was repeated because the operation cannot be read.
    """

    def __init__(self, session: Session, call: Call, key: str | None) -> None:
        self.key = key or str(uuid.uuid4())
        self.repeats = False
        self._session = session
        self._call = call

    def send(self) -> Response:
        """Send the write, with retries, and return a response with a valid operation or none.

        A response 424 with an operation that has failed is returned, not raised.

        Raises:
            CliError: the write was refused, or no valid response was received, so that its result
                is unknown.

        """
        try:
            return self._send()
        except CliError as error:
            if error.may_be_accepted:
                error.hints = [*error.hints, *self._retry_hints()]
            raise
        except KeyboardInterrupt:
            stopped = StoppedError("interrupted before a response", *self._retry_hints())
            raise stopped from None

    def repeat(self, seconds: float) -> Response:
        """Send the write once more; the response arrives at the end, or after some seconds.

        Raises:
            CliError: the service refuses the repetition, or no valid response was received.

        """
        if not self.repeats:
            self.repeats = True
            self._session.notice(
                "This caller is not allowed to read the operation. devops repeats the request with"
                " its key instead, until the operation ends."
            )
        return self._send(attempts=1, wait=max(1, min(int(seconds), LONGEST_WAIT)))

    def _send(self, **options: Any) -> Response:
        call = self._call
        try:
            response = self._session.api.send(
                call.method,
                call.path,
                call.query,
                call.body,
                key=self.key,
                expected=call.expected,
                **{"wait": call.wait, **options},
            )
        except ApiError as error:
            if error.response.status != 424 or not get_object(error.response.body, "operation"):
                raise
            response = error.response
        try:
            _ = response.operation
        except NotTheServiceError as error:
            error.may_be_accepted = True
            raise
        return response

    def _retry_hints(self) -> list[str]:
        return [
            "The service may have accepted the request. To find out, repeat the command with the"
            " same",
            f"key; it does not start a second operation: --idempotency-key {self.key}",
        ]


class Preview:
    """Sends the dry run of a change; each attempt prepares its call again.

    `call` is that of the last attempt.
    """

    def __init__(self, session: Session, prepare: Callable[[], Call]) -> None:
        self._session = session
        self._prepare = prepare

    def send(self) -> Response:
        """Return the plan of the call."""
        self.call = self._prepare()
        return dry_run(self._session, self.call)


def preview(
    session: Session, prepare: Callable[[], Call], limit: timedelta | None
) -> tuple[Response, Call]:
    """Return the response with the plan of a change, and its call.

    With a limit, the command can wait until no other operation holds the environments.

    Raises:
        CliError: the change would be refused, or no valid response was received.

    """
    sender = Preview(session, prepare)
    response = sender.send() if limit is None else queueing.send(session, sender, limit)
    return response, sender.call


def require_terminal(session: Session, *words: str) -> None:
    """Raise UsageError if the command with these words cannot ask a question."""
    if not session.runtime.interactive:
        raise UsageError(
            "without a terminal for the confirmation, --yes is required:"
            f" {session.command(*words, '--yes')}"
        )


def dry_run(session: Session, call: Call) -> Response:
    """Return the response with the plan of a write.

    Raises:
        CliError: the write would be refused, or no valid response was received.

    """
    query = {**call.query, "dryRun": "true"}
    return session.api.send(call.method, call.path, query, call.body, expected=call.expected)


def print_plan(session: Session, response: Response) -> Exit:
    """Print the plan of a dry run, as the result of a command with --dry-run."""
    session.print_result(response, *plan.lines(get_object(response.body, "plan")))
    return Exit.SUCCEEDED
