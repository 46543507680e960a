"""POST /stacks/deploy: deploy an image to non-production environments."""

from devops_core import http
from devops_core.engine.accept import accept
from devops_core.engine.reconcile import proceed
from devops_core.http import responses
from devops_core.http.request import Request
from devops_core.observe.deploy import CONTROLLER
from devops_core.requests.deploy import DEPLOY


@http.handler
def handle(request: Request) -> responses.Response:
    """Roll out the image in every named environment."""
    body = DEPLOY.parse(request.body, registries=request.cloud.settings.registries)
    context = request.context(CONTROLLER.kind.name, request.body)
    outcome = accept(request.cloud, CONTROLLER, body, context)
    outcome = proceed(request.cloud, CONTROLLER, outcome, request.wait_until)
    return responses.write(request, outcome, {"applicationName": body.application})
