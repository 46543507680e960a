"""The models of AWS requests: a fake refuses the requests that the SDK refuses."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.validate import ParamValidator


@cache
def _input_shape(service: str, operation: str) -> Any:
    model = botocore.session.get_session().get_service_model(service)
    return model.operation_model(operation).input_shape


def check_request(service: str, operation: str, request: Mapping[str, Any]) -> None:
    """Check a request like the SDK before it sends the request."""
    report = ParamValidator().validate(request, _input_shape(service, operation))
    assert not report.has_errors(), f"{operation}: {report.generate_report()}"
