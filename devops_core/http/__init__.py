"""The interface to API Gateway and EventBridge: wrappers that make Lambda handlers."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from devops_core import bootstrap
from devops_core.errors import DevOpsError, ForbiddenError, trace
from devops_core.http.request import Request
from devops_core.http.responses import Response, failure

if TYPE_CHECKING:
    from devops_core.model.operation import Operation
    from devops_core.ports import Cloud

Event = Mapping[str, Any]
LambdaHandler = Callable[..., dict[str, Any]]


def handler(serve: Callable[[Request], Response]) -> LambdaHandler:
    """Return a Lambda handler for API Gateway (proxy integration, payload format 1.0).

    Errors become responses, and every call writes one log line. Tests pass their `Cloud` as a
    third argument.
    """

    def handle(event: Event, context: Any, cloud: Cloud | None = None) -> dict[str, Any]:
        del context
        cloud = cloud or bootstrap.cloud()
        request = Request(event, cloud)
        try:
            request.refuse_web_page()
            response = serve(request)
        except DevOpsError as error:
            if error.http_status >= 500:
                _log_failure(cloud, error, request.facts)
            if isinstance(error, ForbiddenError):
                _log_refusal(cloud, error, request.facts)
            response = failure(request, error)
        except Exception:  # noqa: BLE001 - the caller receives a response for every fault
            cloud.log("broken", **request.facts, error=trace())
            message = f"the service has a fault: its log has the cause of request {request.id}"
            response = failure(request, DevOpsError(message))
        facts = {**request.facts, **response.facts}
        cloud.log("answered", status=response.status, **facts)
        return response.proxy_response(request.id)

    return _collecting_garbage(handle)


def background(work: Callable[[Event, Cloud], list[Operation]]) -> LambdaHandler:
    """Return a Lambda handler for EventBridge, with one log line for every operation.

    Errors are raised, so that the invocation counts as failed and Lambda repeats it.
    """

    def handle(event: Event, context: Any, cloud: Cloud | None = None) -> dict[str, Any]:
        del context
        cloud = cloud or bootstrap.cloud()
        operations = _worked(work, event, cloud)
        for operation in operations:
            cloud.log(
                "reconciled",
                **operation.facts,
                status=operation.status,
                waitingFor=operation.waiting_for,
            )
        cloud.log("woken", **_trigger_facts(event), operations=len(operations))
        return {"operations": len(operations)}

    return _collecting_garbage(handle)


def _collecting_garbage(handle: LambdaHandler) -> LambdaHandler:
    """Enable the garbage collector, but exclude the imported objects: they live until the end."""
    gc.freeze()
    gc.enable()
    return handle


def _worked(
    work: Callable[[Event, Cloud], list[Operation]], event: Event, cloud: Cloud
) -> list[Operation]:
    try:
        return work(event, cloud)
    except Exception as error:  # noqa: BLE001 - it is raised again, without its causes
        _log_failure(cloud, error, _trigger_facts(event))
        # Lambda prints an error with its causes, which contain AWS's own messages.
        redacted = error if isinstance(error, DevOpsError) else DevOpsError(repr(error))
        raise redacted from None


def _log_failure(cloud: Cloud, error: Exception, facts: Mapping[str, Any]) -> None:
    """Log a failed call or event with the error that is being handled."""
    # A successful call does not need this module.
    from devops_core.engine import telemetry

    telemetry.measure(cloud, "failed", telemetry.throttles(error), **facts, error=trace())


def _log_refusal(cloud: Cloud, error: ForbiddenError, facts: Mapping[str, Any]) -> None:
    """Log and count a refused caller."""
    from devops_core.engine import telemetry

    telemetry.caller_refused(cloud, error, facts)


def _trigger_facts(event: Event) -> dict[str, Any]:
    """Return the members of a log line about an event."""
    from devops_core.http.triggers import changed_application

    facts = {"cause": event.get("detail-type"), "applicationName": changed_application(event)}
    return {name: value for name, value in facts.items() if value is not None}
