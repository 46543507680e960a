"""What an HTTP request to AWS asks for: service operation, and which SDK call it is a try of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs


@dataclass(frozen=True)
class Call:
    """One try of a call. All tries of one call have the same `invocation`, which the SDK gives."""

    operation: str
    body: str
    invocation: str = ""


def call_of(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Call:
    """Read a request. The names are those of the APIs: "UpdateService", "ModifyListener".

    JSON protocols name the operation in a header, the query protocol in the form; S3 has none of
    both, so that it is told by method and path.
    """
    text = body.decode(errors="replace")
    named = {name.lower(): value for name, value in headers.items()}
    target = named.get("x-amz-target", "")
    if target:
        operation = target.rpartition(".")[2]
    else:
        operation = parse_qs(text).get("Action", [f"{method} {path}"])[0]
    return Call(operation, text, named.get("amz-sdk-invocation-id", ""))
