"""POST /stacks: create an application."""

from devops_core import http
from devops_core.engine.accept import accept
from devops_core.engine.reconcile import proceed
from devops_core.http import responses
from devops_core.http.request import Request
from devops_core.http.views.inventory import created_view
from devops_core.observe.create import CONTROLLER
from devops_core.requests.create import CREATE


@http.handler
def handle(request: Request) -> responses.Response:
    """Create an application's stack and its inventory rows."""
    settings = request.cloud.settings
    body = CREATE.parse(
        request.body,
        required_tags=settings.required_tags,
        **settings.limits,
    )
    context = request.context(CONTROLLER.kind.name, request.body)
    outcome = accept(request.cloud, CONTROLLER, body, context)
    outcome = proceed(request.cloud, CONTROLLER, outcome, request.wait_until)
    return responses.write(request, outcome, created_view(body))
