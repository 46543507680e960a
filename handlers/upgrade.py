"""POST /stacks/{applicationName}/upgrade: move a stack to the newest application template."""

from devops_core import http
from devops_core.engine.accept import accept
from devops_core.engine.reconcile import proceed
from devops_core.http import responses
from devops_core.http.request import Request
from devops_core.observe.upgrade import CONTROLLER
from devops_core.requests.upgrade import upgrade_request


@http.handler
def handle(request: Request) -> responses.Response:
    """Move the stack of an application to the newest template and settings."""
    content = request.body if request.has_body else {}
    body = upgrade_request(request.parameters["applicationName"], content)
    context = request.context(CONTROLLER.kind.name, body)
    outcome = accept(request.cloud, CONTROLLER, body, context)
    outcome = proceed(request.cloud, CONTROLLER, outcome, request.wait_until)
    return responses.write(request, outcome, {"applicationName": body.application})
