"""POST /stacks/deploytoprodBlue: promote to the idle production slot."""

from devops_core import http
from devops_core.engine.accept import accept
from devops_core.engine.reconcile import proceed
from devops_core.http import responses
from devops_core.http.request import Request
from devops_core.observe.promote import CONTROLLER
from devops_core.requests.promote import PROMOTE


@http.handler
def handle(request: Request) -> responses.Response:
    """Roll out the tested image in the idle slot."""
    body = PROMOTE.parse(request.body)
    context = request.context(CONTROLLER.kind.name, request.body)
    outcome = accept(request.cloud, CONTROLLER, body, context)
    outcome = proceed(request.cloud, CONTROLLER, outcome, request.wait_until)
    return responses.write(request, outcome, {"applicationName": body.application})
