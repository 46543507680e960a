"""A caller of the service over real HTTP, with a look at what is behind it."""

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

from tools.laptop import deploy, images
from tools.laptop.cloud import REGION, Cloud

PATIENCE = 90.0  # seconds for one operation; the longest takes about fifteen
# Seconds for one answer. It takes one or two, but cold starts stand in line on a busy machine, and
# there is no API Gateway that would cut them off.
ANSWER = 240.0


class UnexpectedError(AssertionError):
    """The service did something else than it was expected to."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer with a JSON body."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def operation(self) -> dict[str, Any]:
        """The operation that the answer is about."""
        operation: dict[str, Any] = self.body["operation"]
        return operation


class Client:
    """The service over real HTTP; calls are signed if there are credentials to sign with."""

    def __init__(self, cloud: Cloud, credentials: Credentials | None = None) -> None:
        self.cloud = cloud
        self.credentials = credentials

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Call a path of the service, or a whole URL; `_` in the name of a header stands for `-`.

        A body that is neither text nor bytes is sent as JSON.
        """
        content = body.encode() if isinstance(body, str) else body
        if content is not None and not isinstance(content, bytes):
            content = json.dumps(body).encode()
        url = path if path.startswith("http") else self.cloud.api_url + path
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.credentials:
            names = signed(self.credentials, method, url, content, names)
        request = urllib.request.Request(url, content, names, method=method)  # noqa: S310 - http
        return _answer(request)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        """Call with POST."""
        return self.call("POST", path, body, **headers)

    def end(self, answer: Answer) -> dict[str, Any]:
        """Follow an accepted operation to its end.

        Raises:
            UnexpectedError: it was not accepted, or does not end.

        """
        if answer.status not in (200, 202):
            raise UnexpectedError(answer.body)
        operation = answer.operation
        deadline = time.monotonic() + PATIENCE
        while operation["status"] == "IN_PROGRESS":
            if time.monotonic() >= deadline:
                raise UnexpectedError(f"still {operation}")
            operation = self.call("GET", operation["url"], Prefer="wait=10").operation
        return operation

    def succeed(self, answer: Answer) -> dict[str, Any]:
        """Follow an accepted operation to its end, which must be a success."""
        operation = self.end(answer)
        if operation["status"] != "SUCCEEDED":
            raise UnexpectedError(operation)
        return operation

    def fetch(self, url: str) -> Answer:
        """Fetch a page of an application: the emulator is the proxy to its load balancers."""
        request = urllib.request.Request(url)  # noqa: S310 - http
        request.set_proxy(self.cloud.endpoint.removeprefix("http://"), "http")
        return _answer(request)

    def client(self, service: str) -> Any:
        """Return a boto3 client."""
        return deploy.client(self.cloud, service)

    def push(self, application: str, version: str, behaviour: str = "") -> str:
        """Push an image of an application; return its digest."""
        return images.push(self.client("ecr"), application.lower(), version, behaviour)


def signed(
    credentials: Credentials, method: str, url: str, content: bytes | None, headers: dict[str, str]
) -> dict[str, str]:
    """Return the headers of a call of the service with its signature (Signature Version 4)."""
    request = AWSRequest(method, url, headers, content)
    SigV4Auth(credentials, "execute-api", REGION).add_auth(request)
    return dict(request.headers.items())


def until(condition: Callable[[], bool], seconds: float = PATIENCE, pause: float = 0.1) -> bool:
    """Wait for a condition, looked at every `pause` seconds; say whether it came true in time."""
    deadline, waiting = time.monotonic() + seconds, threading.Event()
    while not condition():
        if time.monotonic() >= deadline:
            return False
        waiting.wait(pause)
    return True


def create_body(name: str, **changes: Any) -> dict[str, Any]:
    """Return the body of a create with what is required, and what is given in its place."""
    return {
        "applicationName": name,
        "email": "team@example.com",
        "tags": {"technicalTeam": "platform"},
    } | changes


def _answer(request: urllib.request.Request) -> Answer:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=ANSWER) as response:
            return Answer(response.status, dict(response.headers), json.load(response))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers), json.load(error))
