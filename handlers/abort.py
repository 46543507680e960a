"""DELETE /stacks/{applicationName}/operations/{id}: end an operation before its time."""

from devops_core import api
from devops_core.api import answers
from devops_core.api.request import Request
from devops_core.operations.abort import abort


@api.http
def handle(request: Request) -> answers.Answer:
    """Go back to what was, as far as there is a way."""
    application, operation_id = request.parameters["applicationName"], request.parameters["id"]
    outcome = abort(
        request.cloud, application, operation_id, request.caller, dry_run=request.dry_run
    )
    return answers.aborted(request, outcome)
