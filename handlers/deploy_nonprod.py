"""POST /stacks/deploy: deploy an image to non-production environments."""

from devops_core import api
from devops_core.api import answers
from devops_core.api.request import Request
from devops_core.operations import start
from devops_core.requests.deploy import DEPLOY


@api.http
def handle(request: Request) -> answers.Answer:
    """Give every named environment the image and follow the rollouts."""
    body = DEPLOY.parse(request.body)
    outcome = start.deploy(request.cloud, body, request.origin("deploy", request.body))
    return answers.started(request, outcome, {"applicationName": body.application})
