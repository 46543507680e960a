"""Parses HTTP requests to AWS as calls, and computes the longest sequence of calls."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

_APP = re.compile(r"(?:^| )app/(\S+)")
_ATTEMPT = re.compile(r"attempt=(\d+)")
# Operations of S3 on an object and on a bucket (Amazon S3 API Reference); others are not used.
_OBJECT = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject"}
_BUCKET = {"HEAD": "HeadBucket"}
_SCOPE = re.compile(r"Credential=[^/]*/\d*/[^/]*/([^/]*)/")


@dataclass(frozen=True)
class Call:
    """One attempt of a call; `began` and `ended` are seconds of a monotonic clock.

    All attempts of a call have the same `invocation`, an id of the SDK; `attempt` counts from 1.
    `caller` is the application id of the SDK (AWS_SDK_UA_APP_ID), or "".
    """

    operation: str
    body: str = ""
    invocation: str = ""
    service: str = ""
    caller: str = ""
    attempt: int = 1
    began: float = 0.0
    ended: float = 0.0


def parse_call(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Call:
    """Parse a request. Operations have the names of the APIs: "UpdateService", "ModifyListener".

    JSON protocols have the operation in a header, the query protocol in the form; for S3, method
    and path determine it. The service is taken from the scope of the signature.
    """
    text = body.decode(errors="replace")
    named = {name.lower(): value for name, value in headers.items()}
    target = named.get("x-amz-target", "")
    service = _found(_SCOPE, named.get("authorization", ""))
    if target:
        operation = target.rpartition(".")[2]
    elif service == "s3":
        known = _OBJECT if path.partition("?")[0].strip("/").count("/") else _BUCKET
        operation = known.get(method, f"{method} {path}")
    else:
        operation = parse_qs(text).get("Action", [f"{method} {path}"])[0]
    return Call(
        operation,
        text,
        named.get("amz-sdk-invocation-id", ""),
        service,
        _found(_APP, named.get("user-agent", "")),
        int(_found(_ATTEMPT, named.get("amz-sdk-request", "")) or 1),
    )


def depth(calls: Iterable[Call]) -> int:
    """Return the length of the longest chain of calls, each begun after the end of the previous."""
    chains: list[tuple[float, int]] = []
    for call in sorted(calls, key=lambda each: each.began):
        before = [length for ended, length in chains if ended <= call.began]
        chains.append((call.ended, 1 + max(before, default=0)))
    return max((length for _, length in chains), default=0)


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
