"""The reads of the inventory, operations and events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from devops_core.http.responses import Response
from devops_core.http.views.inventory import application_view, event_view, stack_view
from devops_core.http.views.operations import operation_view
from devops_core.http.visibility import visible
from devops_core.reads import inventory
from devops_core.requests.reads import EVENTS, OPERATIONS, SPECIFICATION, STACK, STACKS, token

if TYPE_CHECKING:
    from devops_core.http.request import Request
    from devops_core.model.listing import Page


def list_stacks(request: Request) -> Response:
    """GET /stacks: all applications with their environments."""
    page = inventory.applications_page(request.cloud, STACKS.parse_query(request.query))
    views = (stack_view(each, None, request.operation_url) for each in page.items)
    return _page_response(request, "stacks", views, page)


def read_stack(request: Request) -> Response:
    """GET /stacks/{applicationName}: one application, with `live` also its state in AWS."""
    query = STACK.parse_query(request.query)
    name = request.parameters["applicationName"]
    rows = inventory.one_application(request.cloud, name)
    observed = None
    if query.live:
        # The other reads do not need this module.
        from devops_core.reads.live import observe_services

        observed = observe_services(request.cloud, name, rows)
    (stack,) = visible(request, [application_view(rows, observed, request.operation_url)])
    return Response(200, {"stack": stack})


def read_specification(request: Request) -> Response:
    """GET /stacks/{applicationName}/spec: the specification, or one of its revisions."""
    # The other reads do not need these modules.
    from devops_core.http.views.specification import revision_view, specification_view
    from devops_core.reads.specification import stored_revision, stored_specification

    query = SPECIFICATION.parse_query(request.query)
    name = request.parameters["applicationName"]
    if query.revision is not None:
        found = stored_revision(request.cloud, name, query.revision, request.caller)
        return Response(200, revision_view(*found))
    view = specification_view(stored_specification(request.cloud, name, request.caller))
    return Response(200, view, {"ETag": f'"{view["revision"]}"'})


def list_operations(request: Request) -> Response:
    """GET /stacks/{applicationName}/operations: the newest first."""
    name = request.parameters["applicationName"]
    page = inventory.operations_page(request.cloud, name, OPERATIONS.parse_query(request.query))
    views = (operation_view(each, request.operation_url(name, each.id)) for each in page.items)
    return _page_response(request, "operations", views, page)


def list_events(request: Request) -> Response:
    """GET /events and GET /stacks/{applicationName}/events: the newest first."""
    name = request.parameters.get("applicationName")
    page = inventory.events_page(request.cloud, name, EVENTS.parse_query(request.query))
    return _page_response(request, "events", map(event_view, page.items), page)


ROUTES: Mapping[str, Callable[[Request], Response]] = {
    "/stacks": list_stacks,
    "/stacks/{applicationName}": read_stack,
    "/stacks/{applicationName}/spec": read_specification,
    "/stacks/{applicationName}/operations": list_operations,
    "/stacks/{applicationName}/events": list_events,
    "/events": list_events,
}


def _page_response(
    request: Request, name: str, views: Iterable[dict[str, Any]], page: Page[Any]
) -> Response:
    following = token(page.next)
    body = {name: visible(request, views)} | ({"nextToken": following} if following else {})
    return Response(200, body)
