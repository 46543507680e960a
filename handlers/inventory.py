"""GET the inventory, operations and events."""

from devops_core import http
from devops_core.http import reads, responses
from devops_core.http.request import Request


@http.handler
def handle(request: Request) -> responses.Response:
    """Return one page, or one application."""
    return reads.ROUTES[request.route](request)
