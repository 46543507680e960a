"""Sends a write to the service, and waits for its end or prints the plan of a dry run."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from devops_cli import waiting
from devops_cli.exits import Exit
from devops_cli.failures import ApiError, UnreachableError
from devops_cli.options import Write
from devops_cli.responses import IN_PROGRESS, Object, Response, get_object, get_text
from devops_cli.runtime import print_on
from devops_cli.session import Session
from devops_cli.show import plan, summary, texts


@dataclass(frozen=True)
class Call:
    """A request that changes something: method, path, body and query."""

    method: str
    path: str
    body: Object | None = None
    query: Mapping[str, str] = field(default_factory=dict)


def run(
    session: Session,
    call: Call,
    write: Write,
    timeout: timedelta,
    exit_code: Callable[[Object], Exit] = waiting.exit_code,
) -> Exit:
    """Send a write and wait for the end of its operation, or print the plan of a dry run.

    Returns the exit code; `exit_code` determines it from an operation that has ended.

    Raises:
        CliError: the write was refused, or the wait ended before the operation.

    """
    if write.dry_run:
        return _dry_run(session, call)
    response = send(session, call, write.idempotency_key)
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
    return exit_code(waiting.wait_for_end(session, response, operation, timeout).operation)


def send(session: Session, call: Call, key: str | None = None) -> Response:
    """Send a write, with retries, and return the response.

    All attempts have the same Idempotency-Key (`key`, or else a new one), so they start at most one
    operation. A response 424 with an operation that has failed is returned, not raised.

    Raises:
        CliError: the write was refused, or no response was received, so its result is unknown.

    """
    key = key or str(uuid.uuid4())
    try:
        return session.api.send(call.method, call.path, call.query, call.body, key=key)
    except ApiError as error:
        if error.response.status == 424 and get_object(error.response.body, "operation"):
            return error.response
        raise
    except UnreachableError as error:
        error.hints = [*error.hints, *_retry_hints(key)]
        raise
    except KeyboardInterrupt:
        stopped = waiting.StoppedError("interrupted before a response", *_retry_hints(key))
        raise stopped from None


def _dry_run(session: Session, call: Call) -> Exit:
    query = {**call.query, "dryRun": "true"}
    response = session.api.send(call.method, call.path, query, call.body)
    session.print_result(response, *plan.lines(get_object(response.body, "plan")))
    return Exit.SUCCEEDED


def _retry_hints(key: str) -> list[str]:
    return [
        "The service may have accepted the request. To find out, repeat the command with the same",
        f"key; it does not start a second operation: --idempotency-key {key}",
    ]
