"""DELETE /stacks: delete an application."""

from devops_core import api
from devops_core.api import answers
from devops_core.api.request import Request
from devops_core.operations import start
from devops_core.requests.delete import DELETE


@api.http
def handle(request: Request) -> answers.Answer:
    """Delete the stack; `?stack=` serves clients that drop the body of a DELETE."""
    named = request.body if request.has_body else request.named
    body = DELETE.parse(named, in_query=request.query.get("stack"))
    outcome = start.delete(request.cloud, body, request.origin("delete", named))
    return answers.started(request, outcome, {"applicationName": body.application})
