"""A client of the service over real HTTP, with boto3 clients for the emulator behind it."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from devops_core.adapters.web import HttpHandler
from tools.laptop import deploy, images
from tools.laptop.cloud import REGION, Cloud

OPERATION_TIMEOUT = 240.0  # seconds for one operation; the longest takes 15 on an idle machine
# Seconds for one response. A response takes one or two, but on a busy machine cold starts queue up,
# and the emulator does not end requests after 29 seconds as API Gateway does.
RESPONSE_TIMEOUT = 240.0


class UnexpectedError(AssertionError):
    """The service did not behave as expected."""


@dataclass(frozen=True)
class Response:
    """An HTTP response with a JSON body."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def operation(self) -> dict[str, Any]:
        """The operation in the body."""
        operation: dict[str, Any] = self.body["operation"]
        return operation


class Client:
    """Calls the service over real HTTP; the calls are signed if `credentials` are given."""

    def __init__(self, cloud: Cloud, credentials: Credentials | None = None) -> None:
        self.cloud = cloud
        self.credentials = credentials

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        """Call a path of the service, or a complete URL, and return the response.

        `_` in the name of a header is replaced by `-`. A body that is neither text nor bytes is
        sent as JSON.
        """
        content = body.encode() if isinstance(body, str) else body
        if content is not None and not isinstance(content, bytes):
            content = json.dumps(body).encode()
        url = path if path.startswith("http") else self.cloud.api_url + path
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.credentials:
            names = signed(self.credentials, method, url, content, names)
        request = urllib.request.Request(url, content, names, method=method)  # noqa: S310 - http
        return _send(request)

    def post(self, path: str, body: Any, **headers: str) -> Response:
        """Call a path with POST."""
        return self.call("POST", path, body, **headers)

    def wait_for_end(self, response: Response) -> dict[str, Any]:
        """Wait for the end of an accepted operation and return it.

        Raises:
            UnexpectedError: the operation was not accepted, or did not end in time.

        """
        if response.status not in (200, 202):
            raise UnexpectedError(response.body)
        operation = response.operation
        deadline = time.monotonic() + OPERATION_TIMEOUT
        while operation["status"] == "IN_PROGRESS":
            if time.monotonic() >= deadline:
                raise UnexpectedError(f"still {operation}")
            operation = self.call("GET", operation["url"], Prefer="wait=10").operation
        return operation

    def succeed(self, response: Response) -> dict[str, Any]:
        """Wait for the end of an accepted operation, which must succeed, and return it.

        Raises:
            UnexpectedError: the operation failed, was not accepted, or did not end in time.

        """
        operation = self.wait_for_end(response)
        if operation["status"] != "SUCCEEDED":
            raise UnexpectedError(operation)
        return operation

    def fetch(self, url: str) -> Response:
        """Fetch a page of an application; the emulator is the HTTP proxy to its load balancers."""
        request = urllib.request.Request(url)  # noqa: S310 - http
        request.set_proxy(self.cloud.endpoint.removeprefix("http://"), "http")
        return _send(request)

    def client(self, service: str) -> Any:
        """Return a boto3 client of the laptop cloud."""
        return deploy.client(self.cloud, service)

    def push(self, application: str, version: str, behaviour: str = "") -> str:
        """Push an image to the repository of an application; return the digest."""
        return images.push(self.client("ecr"), application.lower(), version, behaviour)


def signed(
    credentials: Credentials, method: str, url: str, content: bytes | None, headers: dict[str, str]
) -> dict[str, str]:
    """Return the headers of a call with the signature added (Signature Version 4)."""
    request = AWSRequest(method, url, headers, content)
    SigV4Auth(credentials, "execute-api", REGION).add_auth(request)
    return dict(request.headers.items())


def until(
    condition: Callable[[], bool], seconds: float = OPERATION_TIMEOUT, pause: float = 0.1
) -> bool:
    """Wait until a condition is true; return whether it became true within `seconds`.

    The condition is checked every `pause` seconds.
    """
    deadline, waiting = time.monotonic() + seconds, threading.Event()
    while not condition():
        if time.monotonic() >= deadline:
            return False
        waiting.wait(pause)
    return True


def create_body(name: str, **changes: Any) -> dict[str, Any]:
    """Return the body of a create with the required members; `changes` replace or add members."""
    return {
        "applicationName": name,
        "email": "team@example.com",
        "tags": {"technicalTeam": "platform"},
    } | changes


def _send(request: urllib.request.Request) -> Response:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), HttpHandler)
    try:
        with opener.open(request, timeout=RESPONSE_TIMEOUT) as response:
            return Response(response.status, dict(response.headers), json.load(response))
    except urllib.error.HTTPError as error:
        with error:
            return Response(error.code, dict(error.headers), json.load(error))
