"""What schemathesis loads beside its configuration; nothing else imports it.

Calls are signed with the access key of the environment.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

import requests
import schemathesis
from botocore.credentials import Credentials
from requests.auth import AuthBase

from tests.proofs.fuzz.bearable import hurry, keep_to_the_words, lead
from tools.laptop.client import signed

_calls = itertools.count()


class Signature(AuthBase):
    """Signs requests (Signature Version 4)."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request as it is sent."""
        body: Any = request.body
        content = body.encode() if isinstance(body, str) else body
        # A space is %20 in what is signed, whatever is sent (AWS General Reference, "Create a
        # canonical request").
        request.url = str(request.url).replace("+", "%20")
        method, url = str(request.method), request.url
        request.headers.update(signed(self._credentials, method, url, content, {}))
        return request


# The types of schemathesis do not know it, its documentation does.
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
    """Change a case so that it means something and a laptop can bear it."""
    del context, kwargs
    number = next(_calls)
    for holder in (case.body, case.query, case.path_parameters):
        lead(holder, number)
    hurry(case.headers, number)
    if case.meta is not None and case.meta.generation.mode.is_positive:
        keep_to_the_words(case.operation.definition.raw["operationId"], case.body, case.query)
