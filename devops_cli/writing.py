"""A write from its call to its end: planned, accepted, followed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from devops_cli import waiting
from devops_cli.answers import IN_PROGRESS, Answer, Object, part, word
from devops_cli.exits import Exit
from devops_cli.failures import ApiError, UnreachableError
from devops_cli.options import Write
from devops_cli.session import Session
from devops_cli.show import plan, summary, texts
from devops_cli.world import say


@dataclass(frozen=True)
class Call:
    """What to send: method, path, body and query."""

    method: str
    path: str
    body: Object | None = None
    query: Mapping[str, str] = field(default_factory=dict)


def run(
    session: Session,
    call: Call,
    write: Write,
    timeout: timedelta,
    judge: Callable[[Object], Exit] = waiting.exit_of,
) -> Exit:
    """Send a write and follow what it starts, or show its plan; return the exit code.

    `judge` gives that of an operation which has ended.

    Raises:
        CliError: it was refused, or is not followed to its end.

    """
    if write.dry_run:
        return _planned(session, call)
    answer = accepted(session, call, write.idempotency_key)
    operation, message = answer.operation, word(answer.body, "message")
    if operation is None:
        session.finish(answer, texts.text(message or "there was nothing to do"))
        return Exit.SUCCEEDED
    if message:
        say(session.progress, texts.text(message))
    if word(operation, "status") == IN_PROGRESS and not write.wait:
        hints = [texts.text(line) for line in waiting.resume(session, operation)]
        session.finish(answer, summary.headline(operation), *hints)
        return Exit.SUCCEEDED
    return judge(waiting.to_the_end(session, answer, operation, timeout).operation)


def accepted(session: Session, call: Call, key: str | None = None) -> Answer:
    """Send a write, again if need be, and return the answer: one with an operation, or without.

    A new key makes all that is sent for it one operation. An operation that has failed at once is
    an answer like any other here.

    Raises:
        CliError: it was refused, or it is not known what became of it.

    """
    key = key or str(uuid.uuid4())
    try:
        return session.api.send(call.method, call.path, call.query, call.body, key=key)
    except ApiError as error:
        if error.answer.status == 424 and part(error.answer.body, "operation"):
            return error.answer
        raise
    except UnreachableError as error:
        error.hints = [*error.hints, *_unknown(key)]
        raise
    except KeyboardInterrupt:
        stopped = waiting.StoppedError("stopped before there was an answer", *_unknown(key))
        raise stopped from None


def _planned(session: Session, call: Call) -> Exit:
    query = {**call.query, "dryRun": "true"}
    answer = session.api.send(call.method, call.path, query, call.body)
    session.finish(answer, *plan.plan(part(answer.body, "plan")))
    return Exit.SUCCEEDED


def _unknown(key: str) -> list[str]:
    return [
        "The service may have accepted it all the same. The same command with this option does",
        f"it once in any case: --idempotency-key {key}",
    ]
