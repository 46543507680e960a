"""POST /stacks/{applicationName}/operations/{id}: approve or finish a waiting operation."""

from devops_core import http
from devops_core.engine.advance import advance
from devops_core.http import responses
from devops_core.http.request import Request
from devops_core.requests.advance import ADVANCE


@http.handler
def handle(request: Request) -> responses.Response:
    """Move a waiting operation on."""
    application, operation_id = request.parameters["applicationName"], request.parameters["id"]
    outcome = advance(
        request.cloud,
        application,
        operation_id,
        ADVANCE.parse(request.body).action,
        request.caller,
        dry_run=request.dry_run,
        until=request.wait_until,
    )
    return responses.write(request, outcome, {"applicationName": application}, late=True)
