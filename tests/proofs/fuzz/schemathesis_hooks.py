"""The hooks of schemathesis, which its configuration loads: signatures and changed calls.

The environment has the access key.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from http.client import ACCEPTED
from typing import Any

import requests
import schemathesis
from botocore.credentials import Credentials
from requests.auth import AuthBase

from tests.proofs.fuzz.adapted_calls import (
    WAITING,
    follow_descriptions,
    follow_specification,
    shorten_waits,
    use_existing_names,
)
from tools.laptop.client import signed

_calls = itertools.count()
_waiting_swaps: deque[str] = deque(maxlen=1)  # the id of the last one


class Signature(AuthBase):
    """Signs requests (Signature Version 4)."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request before it is sent."""
        body: Any = request.body
        content = body.encode() if isinstance(body, str) else body
        # The signed URL has %20 for a space (AWS General Reference, "Create a canonical request").
        request.url = str(request.url).replace("+", "%20")
        method, url = str(request.method), request.url
        request.headers.update(signed(self._credentials, method, url, content, {}))
        return request


# Documented, but missing in the types of schemathesis.
schemathesis.auth.set_from_requests(  # type: ignore[attr-defined]
    Signature(
        Credentials(
            os.environ["AWS_ACCESS_KEY_ID"],
            os.environ["AWS_SECRET_ACCESS_KEY"],
            os.environ.get("AWS_SESSION_TOKEN"),
        )
    )
)


@schemathesis.hook
def before_call(context: Any, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Change a generated call (adapted_calls.py)."""
    del context, kwargs
    number = next(_calls)
    for holder in (case.body, case.query, case.path_parameters):
        use_existing_names(holder, number)
    shorten_waits(case.headers, number)
    if case.meta is not None and case.meta.generation.mode.is_positive:
        operation_id = case.operation.definition.raw["operationId"]
        follow_descriptions(operation_id, case.body, case.query)
        if operation_id == "advanceOperation" and _waiting_swaps:
            case.path_parameters.update(applicationName=WAITING, id=_waiting_swaps[0])
        application = str((case.path_parameters or {}).get("applicationName"))
        follow_specification(operation_id, application, case.headers, case.body, case.query, number)


@schemathesis.hook
def after_call(context: Any, case: schemathesis.Case[Any], response: schemathesis.Response) -> None:
    """Remember a swap that waits for an approval."""
    del context
    if case.operation.definition.raw["operationId"] == "swap" and response.status_code == ACCEPTED:
        _waiting_swaps.append(response.json()["operation"]["id"])
