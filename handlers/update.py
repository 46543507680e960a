"""PUT and PATCH /stacks/{applicationName}/spec: change the specification."""

from devops_core import http
from devops_core.engine.accept import accept
from devops_core.engine.reconcile import proceed
from devops_core.http import responses
from devops_core.http.request import Request
from devops_core.observe.update import CONTROLLER
from devops_core.requests.update import update_request


@http.handler
def handle(request: Request) -> responses.Response:
    """Write a new revision, and roll it out in all environments except production."""
    body = update_request(
        request.parameters["applicationName"],
        request.body,
        patch=request.method == "PATCH",
        revision=request.expected_revision,
        remove=request.query.get("remove"),
        context=request.cloud.settings.limits,
    )
    context = request.context(CONTROLLER.kind.name, body._replace(context={}))
    outcome = accept(request.cloud, CONTROLLER, body, context)
    outcome = proceed(request.cloud, CONTROLLER, outcome, request.wait_until)
    return responses.write(request, outcome, {"applicationName": body.application})
