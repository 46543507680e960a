"""DELETE /stacks/{applicationName}/operations/{id}: abort an operation."""

from devops_core import http
from devops_core.engine.abort import abort
from devops_core.http import responses
from devops_core.http.request import Request


@http.handler
def handle(request: Request) -> responses.Response:
    """Restore the previous state, if the operation still allows it."""
    application, operation_id = request.parameters["applicationName"], request.parameters["id"]
    outcome = abort(
        request.cloud,
        application,
        operation_id,
        request.caller,
        dry_run=request.dry_run,
        until=request.wait_until,
    )
    return responses.aborted(request, outcome)
