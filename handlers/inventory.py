"""GET the inventory, operations and events: what runs where, since when, and who did what."""

from devops_core import api
from devops_core.api import answers, inventory
from devops_core.api.request import Request


@api.http
def handle(request: Request) -> answers.Answer:
    """Answer one of the reads that change nothing."""
    return inventory.READS[request.route](request)
