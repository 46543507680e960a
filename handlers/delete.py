"""DELETE /stacks: delete an application."""

from devops_core import http
from devops_core.engine.accept import accept
from devops_core.engine.reconcile import proceed
from devops_core.http import responses
from devops_core.http.request import Request
from devops_core.observe.delete import CONTROLLER
from devops_core.requests.delete import DELETE


@http.handler
def handle(request: Request) -> responses.Response:
    """Delete the stack; `?stack=` is for clients that drop the body of a DELETE."""
    named = request.body if request.has_body else request.named
    body = DELETE.parse(named, in_query=request.query.get("stack"))
    context = request.context(CONTROLLER.kind.name, named)
    outcome = accept(request.cloud, CONTROLLER, body, context)
    outcome = proceed(request.cloud, CONTROLLER, outcome, request.wait_until)
    return responses.write(request, outcome, {"applicationName": body.application})
