"""The edge between API Gateway or EventBridge and the operations: wrappers for the handlers."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from devops_core import bootstrap
from devops_core.api.answers import Answer, failure
from devops_core.api.request import Request
from devops_core.errors import DevOpsError, trace

if TYPE_CHECKING:
    from devops_core.model import Operation
    from devops_core.ports import Cloud

Event = Mapping[str, Any]
HttpHandler = Callable[..., dict[str, Any]]


def http(serve: Callable[[Request], Answer]) -> HttpHandler:
    """Make a Lambda handler for API Gateway (proxy integration, payload format 1.0).

    Errors become answers, and every call leaves one line in the log. The handler takes a third
    argument, the `Cloud` to work on, so that tests can bring their own.
    """

    def handle(event: Event, context: Any, cloud: Cloud | None = None) -> dict[str, Any]:
        del context
        cloud = cloud or bootstrap.cloud()
        request = Request(event, cloud)
        answer = _answered(serve, request)
        cloud.log("answered", status=answer.status, **{**request.facts, **answer.facts})
        return answer.proxy_response(request.id)

    return _loaded(handle)


def background(work: Callable[[Event, Cloud], list[Operation]]) -> Callable[..., dict[str, Any]]:
    """Make a Lambda handler for EventBridge: one line in the log for every operation it moved.

    An error is raised, so that the invocation counts as failed and Lambda repeats it.
    """

    def handle(event: Event, context: Any, cloud: Cloud | None = None) -> dict[str, Any]:
        del context
        cloud = cloud or bootstrap.cloud()
        moved = _worked(work, event, cloud)
        for operation in moved:
            cloud.log(
                "reconciled",
                **operation.facts,
                status=operation.status,
                waitingFor=operation.waiting_for,
            )
        cloud.log("woken", **_cause(event), operations=len(moved))
        return {"operations": len(moved)}

    return _loaded(handle)


def _loaded(handler: HttpHandler) -> HttpHandler:
    """Begin to collect garbage, but never among what is loaded by now: it stays to the end."""
    gc.freeze()
    gc.enable()
    return handler


def _answered(serve: Callable[[Request], Answer], request: Request) -> Answer:
    try:
        return serve(request)
    except DevOpsError as error:
        if error.http_status >= 500:
            _failed(request.cloud, error, request.facts)
        return failure(request, error)
    except Exception:  # noqa: BLE001 - the caller gets an answer whatever is wrong with us
        request.cloud.log("broken", **request.facts, error=trace())
        return failure(
            request,
            DevOpsError(f"the service is at fault; its log says why under request {request.id}"),
        )


def _worked(
    work: Callable[[Event, Cloud], list[Operation]], event: Event, cloud: Cloud
) -> list[Operation]:
    try:
        return work(event, cloud)
    except Exception as error:  # noqa: BLE001 - it is raised again, without its causes
        _failed(cloud, error, _cause(event))
        # Lambda prints what is raised with all that led to it, in AWS's own words.
        told = error if isinstance(error, DevOpsError) else DevOpsError(repr(error))
        raise told from None


def _failed(cloud: Cloud, error: Exception, facts: Mapping[str, Any]) -> None:
    """Log that a call or an event has failed for the error that is being handled."""
    # Only now: a call that goes well has no use for it.
    from devops_core.operations.report import throttles

    cloud.measure("failed", throttles(error), **facts, error=trace())


def _cause(event: Event) -> dict[str, Any]:
    """Return what a line of the log says about an event."""
    from devops_core.api.wakeups import application_of

    about = {"cause": event.get("detail-type"), "applicationName": application_of(event)}
    return {name: value for name, value in about.items() if value is not None}
