"""POST /stacks/resize: set the task count of dev."""

from devops_core.observe.resize import CONTROLLER  # type: ignore[import-not-found] # the toy's
from devops_core.requests.resize import RESIZE  # type: ignore[import-not-found] # the toy's

from devops_core import http
from devops_core.engine.accept import accept
from devops_core.engine.reconcile import proceed
from devops_core.http import responses
from devops_core.http.request import Request


@http.handler
def handle(request: Request) -> responses.Response:
    """Scale the service and follow its tasks."""
    body = RESIZE.parse(request.body)
    context = request.context(CONTROLLER.kind.name, request.body)
    outcome = accept(request.cloud, CONTROLLER, body, context)
    outcome = proceed(request.cloud, CONTROLLER, outcome, request.wait_until)
    return responses.write(request, outcome, {"applicationName": body.application})
