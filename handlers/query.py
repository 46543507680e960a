"""GET /stacks/{applicationName}/operations/{id} and GET /health."""

from devops_core import http
from devops_core.http import responses
from devops_core.http.request import Request
from devops_core.reads.operations import health_problems, recorded_operation


@http.handler
def handle(request: Request) -> responses.Response:
    """Return the status of an operation, or the health of the service."""
    if request.route.endswith("/health"):
        return responses.health(health_problems(request.cloud))
    application, operation_id = request.parameters["applicationName"], request.parameters["id"]
    operation = recorded_operation(request.cloud, application, operation_id)
    if not operation.ended:
        # An ended operation needs no engine, which is half of the imports.
        from devops_core.engine.reconcile import refresh

        operation = refresh(request.cloud, operation, request.wait_until)
    return responses.status(request, operation)
