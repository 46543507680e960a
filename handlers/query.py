"""GET /stacks/{applicationName}/operations/{id} and GET /health."""

from devops_core import api
from devops_core.api import answers
from devops_core.api.request import Request
from devops_core.operations import look


@api.http
def handle(request: Request) -> answers.Answer:
    """Say how an operation stands, or whether the service can work."""
    if request.route.endswith("/health"):
        return answers.health(look.problems(request.cloud))
    application, operation_id = request.parameters["applicationName"], request.parameters["id"]
    return answers.status(request, look.operation(request.cloud, application, operation_id))
