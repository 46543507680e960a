"""DELETE /stacks/{applicationName}/operations/{id}: abort an operation."""

from devops_core import http
from devops_core.engine.abort import abort
from devops_core.http import responses
from devops_core.http.request import Request


@http.handler
def handle(request: Request) -> responses.Response:
    """Restore the previous state, if the operation still allows it."""
    key = request.parameters["applicationName"], request.parameters["id"]
    caller, dry_run = request.caller, request.dry_run
    if request.force:
        # Hardly any call needs this module.
        from devops_core.engine.force import force

        outcome = force(request.cloud, *key, caller, dry_run=dry_run)
    else:
        until = request.wait_until
        outcome = abort(request.cloud, *key, caller, dry_run=dry_run, until=until)
    return responses.aborted(request, outcome)
