"""POST /stacks/swapProdBlueAndGreen: exchange live and idle production."""

from devops_core import http
from devops_core.engine.accept import accept
from devops_core.engine.reconcile import proceed
from devops_core.http import responses
from devops_core.http.request import Request
from devops_core.observe.swap import CONTROLLER
from devops_core.requests.swap import SWAP


@http.handler
def handle(request: Request) -> responses.Response:
    """Move the customers to the idle slot when it is ready."""
    body = SWAP.parse(request.body)
    context = request.context(CONTROLLER.kind.name, request.body)
    outcome = accept(request.cloud, CONTROLLER, body, context)
    outcome = proceed(request.cloud, CONTROLLER, outcome, request.wait_until)
    return responses.write(request, outcome, {"applicationName": body.application})
