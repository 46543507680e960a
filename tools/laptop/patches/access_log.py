"""API Gateway: the access log of a stage, and the address of a caller."""

from __future__ import annotations

import re
import time
from contextvars import ContextVar
from typing import Any

from ministack import app
from ministack.core import iam_evaluator
from ministack.core.responses import request_scope
from ministack.services import apigateway_v1, cloudwatch_logs
from ministack.services.cloudformation import provisioners

from tools.laptop.emulator import clock

_KIND = "AWS::ApiGateway::Stage"
_MISSING = "-"  # API Gateway writes a hyphen for a variable without a value
_VARIABLE = re.compile(r"\$context\.([A-Za-z.]+)")
_STREAM = "access"

_handle_execute_api_request = app._handle_execute_api_request
_gateway_error_response = apigateway_v1._gateway_error_response
_stage_create = provisioners._RESOURCE_HANDLERS[_KIND]["create"]
# The type of the gateway response to the present request.
_response_type: ContextVar[list[str]] = ContextVar("response_type")


def apply() -> None:
    """Apply the corrections."""
    provisioners._RESOURCE_HANDLERS[_KIND]["create"] = create_stage
    apigateway_v1._gateway_error_response = gateway_error_response
    app._handle_execute_api_request = handle_execute_api_request


def create_stage(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
    """Create a stage with its access log. Gap: the emulator drops the setting."""
    created = _stage_create(logical_id, props, stack_name)
    setting = props.get("AccessLogSetting")
    if setting:
        stage = apigateway_v1._stages_v1[props["RestApiId"]][props["StageName"]]
        stage["accessLogSettings"] = {
            "destinationArn": setting["DestinationArn"],
            "format": setting["Format"],
        }
    return created


def gateway_error_response(error: Any, request: Any) -> Any:
    """Return the response, and keep its type for the access log."""
    _response_type.get([]).append(error.response_type)
    return _gateway_error_response(error, request)


async def handle_execute_api_request(
    host: str, path: str, method: str, headers: Any, body: bytes, query: Any, **options: Any
) -> Any:
    """Answer a call of an API and write a line to the access log of its stage.

    Gap: the emulator has no access logs. It also trusts the header X-Forwarded-For of a caller; in
    API Gateway the address is that of the connection.
    """
    parsed = app._parse_execute_api_url(host, path)
    handle = _handle_execute_api_request
    if parsed is None:
        return await handle(host, path, method, headers, body, query, **options)
    address = str(iam_evaluator._request_origin.get()[0])
    own = {**headers, "x-forwarded-for": address}
    types: list[str] = []
    token = _response_type.set(types)
    started = time.monotonic()
    try:
        response = await handle(host, path, method, own, body, query, **options)
    finally:
        _response_type.reset(token)
    api_id, stage_name, execute_path = parsed
    scope = apigateway_v1.find_api_scope(api_id)
    if response and scope is not None:
        with request_scope(*scope):
            values = _values(api_id, execute_path, own, query, response, types)
            values |= {
                "identity.sourceIp": address,
                "httpMethod": method,
                "stage": stage_name,
                "responseLatency": str(round(1000 * (time.monotonic() - started))),
            }
            _write(api_id, stage_name, values)
    return response


def _values(
    api_id: str, path: str, headers: Any, query: Any, response: Any, types: list[str]
) -> dict[str, str]:
    """Return the variables of `$context` for a request and its response."""
    status, answered, _ = response
    resource, _ = apigateway_v1._match_resource_tree(api_id, [s for s in path.split("/") if s])
    # The caller is known only with a valid signature.
    denied = types[:1] and types[0] != "ACCESS_DENIED" and status == 403
    identity = {} if denied else apigateway_v1._iam_caller_identity(headers, query) or {}
    ids = [value for name, value in answered.items() if name.lower() == "x-amzn-requestid"]
    ids += [value for name, value in answered.items() if name.lower() == "x-request-id"]
    return {
        "requestId": ids[0] if ids else "",
        "extendedRequestId": ids[0] if ids else "",
        "requestTime": clock().now().strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "identity.userArn": identity.get("userArn") or "",
        "resourcePath": (resource or {}).get("path", ""),
        "status": str(status),
        "error.responseType": types[0] if types else "",
    }


def _write(api_id: str, stage_name: str, values: dict[str, str]) -> None:
    """Add a line to the log group of a stage, if the stage has one."""
    setting = apigateway_v1._stages_v1.get(api_id, {}).get(stage_name, {}).get("accessLogSettings")
    group = str((setting or {}).get("destinationArn", "")).partition(":log-group:")[2]
    name = group.removesuffix(":*")
    if name not in cloudwatch_logs._log_groups:
        return
    line = _VARIABLE.sub(lambda found: values.get(found[1]) or _MISSING, setting["format"])
    streams = cloudwatch_logs._log_groups[name]["streams"]
    if _STREAM not in streams:
        cloudwatch_logs._create_log_stream({"logGroupName": name, "logStreamName": _STREAM})
    now = int(clock().time() * 1000)
    event = {"timestamp": now, "message": line, "ingestionTime": now}
    cloudwatch_logs._append_log_events(streams[_STREAM], [event])
