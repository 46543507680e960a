"""POST /stacks: create an application."""

from devops_core import api
from devops_core.api import answers
from devops_core.api.request import Request
from devops_core.operations import start
from devops_core.requests.create import CREATE


@api.http
def handle(request: Request) -> answers.Answer:
    """Create an application's stack and its inventory rows."""
    settings = request.cloud.settings
    body = CREATE.parse(
        request.body, required_tags=settings.required_tags, account=settings.account
    )
    outcome = start.create(request.cloud, body, request.origin("create", request.body))
    return answers.started(request, outcome, answers.created(body))
