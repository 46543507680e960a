"""JSON responses: operations, errors, health."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from devops_core.errors import DevOpsError, redact, redacted
from devops_core.http.views.operations import operation_view

if TYPE_CHECKING:
    from devops_core.engine.dry_run import DryRun
    from devops_core.engine.run import Outcome
    from devops_core.http.request import Request
    from devops_core.model.operation import Operation

# Recommended interval between two status reads of a running operation, in seconds.
_RETRY_AFTER = 2
# The interval after a call that did not wait, because too many calls were waiting: 5 to 10 seconds.
# It differs between calls, so that they do not return at the same time.
_RETRY_WAIT = (5, 6)


class Response(NamedTuple):
    """Status, JSON body and headers of a response; `facts` are members of the log line."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = {}
    facts: Mapping[str, Any] = {}

    def proxy_response(self, request_id: str) -> dict[str, Any]:
        """Return the response in the format of API Gateway's proxy integration."""
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


def failure(request: Request, error: DevOpsError) -> Response:
    """Return the response for an error, with the URL of an operation that it names."""
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    body, facts = error.body(), {"code": error.code}
    named = body.get("operation")
    if named:
        facts |= {"operation": named["id"], "applicationName": named["applicationName"]}
        url = request.operation_url(named["applicationName"], named["id"])
        body["operation"] = {**named, "url": url}
    return Response(error.http_status, body, headers, facts)


def write(
    request: Request, outcome: Outcome, further: Mapping[str, Any], *, late: bool = False
) -> Response:
    """Return the response to a write, with `further` members.

    The status is 202 while the operation runs, 200 after a success and 424 after a failure
    (docs/decisions/0004-status-424.md). `late` means that the call can name any ended operation.
    """
    if outcome.dry_run:
        return _plan(outcome.dry_run)
    if outcome.aborts:
        return _aborted(request, outcome, further)
    operation = outcome.operation
    if operation is None:
        return Response(200, {"operation": None, "message": outcome.message, **further})
    if operation.status == "IN_PROGRESS":
        return _operation_response(request, operation, 202, further)
    response = _operation_response(request, operation, 200, further)
    if late:
        response = _visible(request, response)
    if operation.status == "SUCCEEDED":
        return response
    reasons = response.body["operation"].get("reasons", ())
    error = {
        "errorMessage": "; ".join(reasons) or "the operation failed",
        "code": "OPERATION_FAILED",
    }
    # The caller and the image contain the account number, which an error does not contain.
    return Response(424, redacted({**error, **response.body}), response.headers, response.facts)


def aborted(request: Request, outcome: Outcome) -> Response:
    """Return the response to an abort: 202 while the operation rolls back, 200 after its end.

    An ended operation can belong to an earlier application, which had another team.
    """
    response = _aborted(request, outcome, {})
    ended = outcome.operation is not None and outcome.operation.ended
    return _visible(request, response) if ended else response


def _aborted(request: Request, outcome: Outcome, further: Mapping[str, Any]) -> Response:
    operation = outcome.operation
    if outcome.dry_run or operation is None:
        return _plan(outcome.dry_run)
    status = 200 if operation.ended else 202
    members = {"message": outcome.message, **further}
    return _operation_response(request, operation, status, members)


def status(request: Request, operation: Operation) -> Response:
    """Return the response to a status read: 200 for every state of the operation."""
    return _visible(request, _operation_response(request, operation, 200, {}))


def _visible(request: Request, response: Response) -> Response:
    """Return a response with its operation as the caller may see it."""
    if not request.cloud.settings.access.teams:
        return response
    # Only an installation with teams needs this module.
    from devops_core.http.visibility import visible

    (view,) = visible(request, [response.body["operation"]])
    return response._replace(body={**response.body, "operation": view})


def health(problems: Mapping[str, str]) -> Response:
    """Return the response to a health check: 200, or 503 with the problems."""
    if not problems:
        return Response(200, {"status": "ok"})
    failing = {name: redact(problem) for name, problem in problems.items()}
    summary = "; ".join(f"{name}: {problem}" for name, problem in failing.items())
    error = {"errorMessage": f"the service is not healthy: {summary}", "code": "UNHEALTHY"}
    return Response(503, error | {"status": "failing", "failing": failing})


def _operation_response(
    request: Request, operation: Operation, status: int, further: Mapping[str, Any]
) -> Response:
    """Return a response with an operation; 202 names the place and the interval of status reads."""
    url = request.operation_url(operation.application, operation.id)
    headers = {"Location": url, "Retry-After": str(_RETRY_AFTER)} if status == 202 else {}
    refused = _wait_refused(request, operation)
    if refused:
        least, spread = _RETRY_WAIT
        headers["Retry-After"] = str(least + crc32(request.id.encode()) % spread)
    elif request.wait_seconds is not None:
        headers["Preference-Applied"] = f"wait={request.wait_seconds}"
    facts = {
        "operation": operation.id,
        "kind": operation.kind,
        "applicationName": operation.application,
        "outcome": operation.status.value,
        **({"waitRefused": True} if refused else {}),
    }
    return Response(
        status, {"operation": operation_view(operation, url), **further}, headers, facts
    )


def _wait_refused(request: Request, operation: Operation) -> bool:
    """Return whether a call did not wait for the end, because too many calls were waiting."""
    if request.wait_until is None or operation.ended:
        return False
    # A call that waits ends less than a poll before the end of its wait.
    from devops_core.engine.reconcile import POLL

    return request.cloud.clock.now() + POLL <= request.wait_until


def _plan(dry_run: DryRun | None) -> Response:
    # Only a dry run needs this module.
    from devops_core.http.views.plans import plan_view

    if dry_run is None:
        raise ValueError("a dry run has a plan")
    view = plan_view(dry_run)
    facts = {"kind": view["kind"], "applicationName": view["applicationName"], "dryRun": True}
    return Response(200, {"dryRun": True, "plan": view}, facts=facts)
