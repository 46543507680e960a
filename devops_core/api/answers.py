"""JSON answers: operations, errors, health."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from devops_core.api.shown import shown
from devops_core.errors import DevOpsError, redact, redacted
from devops_core.model import Kind, Operation, Status
from devops_core.naming import DEPLOYABLE, repository_name

if TYPE_CHECKING:
    from devops_core.api.request import Request
    from devops_core.operations.preview import Preview
    from devops_core.requests.create import CreateRequest

# How long a client should leave a running operation alone before it asks again, in seconds.
_RETRY_AFTER = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, JSON body and headers of an answer; `facts` go into the log."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def proxy_response(self, request_id: str) -> dict[str, Any]:
        """Return the answer as API Gateway's proxy integration takes it."""
        fixed = {
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Request-Id": request_id,
        }
        return {
            "statusCode": self.status,
            "headers": fixed | dict(self.headers),
            "body": json.dumps(self.body),
        }


def failure(request: Request, error: DevOpsError) -> Answer:
    """Return the answer for an error; an operation that it names gets its URL."""
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    body, facts = error.body(), {"code": error.code}
    named = body.get("operation")
    if named:
        facts |= {"operation": named["id"], "applicationName": named["applicationName"]}
        url = request.operation_url(named["applicationName"], named["id"])
        body["operation"] = {**named, "url": url}
    return Answer(error.http_status, body, headers, facts)


def started(
    request: Request, outcome: Operation | str | Preview, further: Mapping[str, Any] | None = None
) -> Answer:
    """Answer a write: 202 while it runs, 200 when it succeeded, 424 when it failed.

    Waits as long as the caller prefers. An `outcome` that is a text says why nothing was to do;
    one that is no operation either is that of a dry run.
    """
    further = further or {}
    if isinstance(outcome, str):
        return Answer(200, {"operation": None, "message": outcome, **further})
    if not isinstance(outcome, Operation):
        return _planned(outcome)
    operation = _waited(request, outcome)
    url = request.operation_url(operation.application, operation.id)
    body = {"operation": shown(operation, url), **further}
    headers = _preference(request)
    facts = _facts(operation)
    if operation.status is Status.SUCCEEDED:
        return Answer(200, body, headers, facts)
    if operation.status is Status.FAILED:
        error = {
            "errorMessage": "; ".join(map(redact, operation.reasons)) or "the operation failed",
            "code": "OPERATION_FAILED",
        }
        # Who called and the image name the account, which an error does not tell.
        return Answer(424, redacted(error | body), headers, facts)
    return Answer(202, body, headers | {"Location": url, "Retry-After": str(_RETRY_AFTER)}, facts)


def aborted(request: Request, outcome: Operation | Preview) -> Answer:
    """Answer an abort: 202 while the operation goes back, 200 when it has ended, either way."""
    if not isinstance(outcome, Operation):
        return _planned(outcome)
    operation = _waited(request, outcome)
    url = request.operation_url(operation.application, operation.id)
    body = {"operation": shown(operation, url), "message": _what_becomes_of(operation)}
    facts, headers = _facts(operation), _preference(request)
    if operation.ended:
        return Answer(200, body, headers, facts)
    return Answer(202, body, headers | {"Location": url, "Retry-After": str(_RETRY_AFTER)}, facts)


def _planned(preview: Preview) -> Answer:
    # Only a dry run has use for it.
    from devops_core.api.plans import shown_plan

    plan = shown_plan(preview)
    facts = {"kind": plan["kind"], "applicationName": plan["applicationName"], "dryRun": True}
    return Answer(200, {"dryRun": True, "plan": plan}, facts=facts)


def _what_becomes_of(operation: Operation) -> str:
    """Return what an abort has done, or is doing."""
    if operation.status is Status.SUCCEEDED or (operation.switched_at and not operation.ended):
        return "too far on to be stopped: the operation is finished, not turned back"
    does = {
        Kind.CREATE: ("what was created is being deleted", "what was created is deleted"),
        Kind.SWAP: ("production is not switched", "production was not switched"),
    }.get(operation.kind, ("going back to the version before", "the version before runs again"))
    kept = [part.environment for part in operation.progress if part.status is Status.SUCCEEDED]
    done = f"; already done, and left so: {', '.join(kept)}" if kept else ""
    return does[operation.ended] + done


def status(request: Request, operation: Operation) -> Answer:
    """Answer a status read: 200, whatever became of the operation."""
    operation = _waited(request, operation)
    url = request.operation_url(operation.application, operation.id)
    body = {"operation": shown(operation, url)}
    return Answer(200, body, _preference(request), _facts(operation))


def created(request: CreateRequest) -> dict[str, Any]:
    """Return what the answer to a create says beside its operation."""
    return {
        "application": request.application,
        "ecrName": repository_name(request.application),
        "technicalTeam": request.tags["technicalTeam"],
        "email": request.email,
        "environmentType": [
            {name.value: "YES" if name in request.environments else "NO"} for name in DEPLOYABLE
        ],
    }


def health(problems: Mapping[str, str]) -> Answer:
    """Answer a health check: 200, or 503 that says what cannot be read."""
    if not problems:
        return Answer(200, {"status": "ok"})
    what = "; ".join(f"{name}: {redact(problem)}" for name, problem in problems.items())
    error = {"errorMessage": f"not healthy: {what}", "code": "UNHEALTHY"}
    checks = {name: redact(problem) for name, problem in problems.items()}
    return Answer(503, error | {"status": "failing", "failing": checks})


def _waited(request: Request, operation: Operation) -> Operation:
    if request.wait_seconds is None or operation.ended:
        return operation
    # A status read has no other use for the decisions, which are half of all there is to load.
    from devops_core.operations.reconcile import wait_for_end

    end = request.arrived + timedelta(seconds=request.wait_seconds)
    return wait_for_end(request.cloud, operation, end)


def _preference(request: Request) -> dict[str, str]:
    if request.wait_seconds is None:
        return {}
    return {"Preference-Applied": f"wait={request.wait_seconds}"}


def _facts(operation: Operation) -> dict[str, Any]:
    return {
        "operation": operation.id,
        "kind": operation.kind.value,
        "applicationName": operation.application,
        "outcome": operation.status.value,
    }
