"""POST /stacks/deploytoprodBlue: promote to the idle production slot."""

from devops_core import api
from devops_core.api import answers
from devops_core.api.request import Request
from devops_core.operations import start
from devops_core.requests.promote import PROMOTE


@api.http
def handle(request: Request) -> answers.Answer:
    """Give the idle slot the digest that non-production runs."""
    body = PROMOTE.parse(request.body)
    outcome = start.promote(request.cloud, body, request.origin("promote", request.body))
    return answers.started(request, outcome, {"applicationName": body.application})
