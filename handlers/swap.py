"""POST /stacks/swapProdBlueAndGreen: exchange live and idle production."""

from devops_core import api
from devops_core.api import answers
from devops_core.api.request import Request
from devops_core.operations import start
from devops_core.requests.swap import SWAP


@api.http
def handle(request: Request) -> answers.Answer:
    """Move the customers to the idle slot, once it is ready."""
    body = SWAP.parse(request.body)
    outcome = start.swap(request.cloud, body, request.origin("swap", request.body))
    return answers.started(request, outcome, {"applicationName": body.application})
