"""Responses that the contract does not allow, for a test with Hypothesis.

A response begins as a valid one. Then members, headers, the status or the bytes are replaced.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx
from hypothesis import strategies as st

from tests.lab.prepared_service import API, CALLER, OPERATION, operation, stack

# Texts that change a terminal or its reading direction, or that encoders refuse. They contain no
# code that the display of the progress uses.
CONTROLS = (
    "\x1b]0;title\x07",
    "\x1b[6n",
    "\x9b6n",
    "\u202eevil",
    "\ud800",
    "\x00",
    "\x7f\r\b",
    "é\u2028",
)
LONG_AGO, LAST = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"
TIMES = (LONG_AGO, LAST, "2026-01-31", "2026-01-31T12:00:00", "soon", "2026-01-31T12:00:00.000Z")
DATES = (
    "Sat, 31 Jan 2026 12:00:00 GMT",
    "Sat, 31 Jan 2026 12:00:00",
    "Sat, 31 Jan 2026 12:00:00 GMT, Sat, 31 Jan 2026 12:00:01 GMT",
    "Sat, 31 Jan 2026 12:00:00 +9999",
    "Sat, 31 Jan 99999 12:00:00 GMT",
    "Mon, 01 Jan 0001 00:00:00 +1400",
    "2026-01-31T12:00:00Z",
    ",",
    "",
)
_TEXT = st.one_of(
    st.text(max_size=12),
    st.sampled_from(CONTROLS),
    st.sampled_from(TIMES),
    st.sampled_from(
        ("SUCCEEDED", "FAILED", "IN_PROGRESS", "DONE", "http://[", "https://a:b/", "..")
    ),
)
_NUMBER = st.one_of(
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.sampled_from((10**4000, -(10**4000), 1e308, -0.0)),
)
_SCALAR = st.one_of(st.none(), st.booleans(), _NUMBER, _TEXT)
_VALUE = st.recursive(
    _SCALAR,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXT, inner, max_size=3)),
    max_leaves=6,
)

ENVIRONMENT = {
    "environment": "DEV", "slot": "prod-1", "live": True, "version": "1.1", "status": "ACTIVE",
    "digest": "sha256:" + "0" * 64, "url": "http://dev.example", "since": "2026-01-31T11:00:00Z",
    "by": CALLER, "image": "a/b:1", "previousVersion": "1.0", "unverified": "no", "drift": "x",
    "reason": "r", "listenerProblems": ["p"], "operation": {"id": OPERATION},
    "tasks": {"desired": 1, "running": 1, "pending": 0, "healthy": 1},
    "rollout": {"state": "IN_PROGRESS", "reason": "r"},
    "messages": [{"time": "2026-01-31T12:00:05Z", "message": "started"}],
    "taskDefinition": [{"field": "cpu", "old": 1, "new": [2]}],
}  # fmt: skip
_MEMBERS = {
    "environments": [ENVIRONMENT], "deadline": "2026-01-31T12:30:00Z", "waitingFor": "tasks",
    "endedAt": "2026-01-31T12:10:00Z", "switchedAt": "2026-01-31T12:09:00Z", "warnings": ["w"],
    "took": {"untilEnded": 12.5}, "reasons": ["r"], "abortedBy": CALLER,
    "warmup": [{"path": "/", "status": 200, "seconds": 0.1}],
}  # fmt: skip


def bodies() -> list[dict[str, Any]]:
    """Return valid bodies, also of other routes than the called one."""
    kinds = ("create", "deploy", "deploy-blue", "swap", "delete")
    operations = [
        operation(status, kind, **_MEMBERS)
        for status in ("IN_PROGRESS", "SUCCEEDED", "FAILED")
        for kind in kinds
    ]
    event = {"time": "2026-01-31T12:00:00Z", "applicationName": "Shop", "kind": "deploy",
             "environment": "DEV", "outcome": "DENIED", "version": "1.1", "caller": CALLER,
             "reason": "r", "count": 3, "lastTime": "2026-01-31T12:00:01Z"}  # fmt: skip
    plan = {"kind": "deploy", "applicationName": "Shop", "claims": ["DEV"], "message": "m",
            "production": {"live": "prod-1", "willBeLive": "prod-2"}, "parameters": {"A": "b"},
            "template": {"version": "1", "sha256": "0"}, "warnings": ["w"],
            "environments": [ENVIRONMENT]}  # fmt: skip
    error = {"errorMessage": "no", "code": "BUSY", "reasons": ["r"], "operation": operation(),
             "errors": [{"field": "f", "message": "m"}]}  # fmt: skip
    return [
        *({"operation": each, "message": "m"} for each in operations),
        {"operation": None, "message": "nothing to do"},
        {"operations": operations[:3], "nextToken": "t"},
        {"stack": stack(ENVIRONMENT)},
        {"stacks": [stack(ENVIRONMENT)], "nextToken": None},
        {"events": [event]},
        {"dryRun": True, "plan": plan},
        error,
        {"message": "Forbidden"},
    ]


class Answer(NamedTuple):
    """Status, headers and body of a response."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    content: bytes

    def response(self) -> httpx.Response:
        """Return the response as the HTTP client reads it."""
        return httpx.Response(self.status, headers=list(self.headers), content=self.content)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of each member and element of a JSON value."""
    if isinstance(value, Mapping):
        found = list(value.items())
    else:
        found = list(enumerate(value)) if isinstance(value, list) else []
    deeper = [place for name, each in found for place in _places(each, (*path, name))]
    return [*((*path, name) for name, _ in found), *deeper]


@st.composite
def _changed(draw: st.DrawFn) -> dict[str, Any]:
    """Return a valid body with some members replaced or removed."""
    body: Any = copy.deepcopy(draw(st.sampled_from(bodies())))
    for _ in range(draw(st.integers(0, 3))):
        places = _places(body)
        if not places:
            break
        *path, last = draw(st.sampled_from(places))
        parent = body
        for name in path:
            parent = parent[name]
        if draw(st.integers(0, 4)):
            parent[last] = draw(_VALUE)
        else:
            del parent[last]
    return body  # type: ignore[no-any-return]


def encoded(body: Any) -> bytes:
    """Return JSON in which control characters are not escaped, as far as JSON allows it."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")


_DEEP = (b"[" * 990 + b"]" * 990, b'{"a":' * 900 + b"1" + b"}" * 900)
_CONTENT = st.one_of(
    _changed().map(encoded),
    _changed().map(encoded),
    _changed().map(lambda body: json.dumps(body).encode()),
    st.tuples(_changed(), st.integers(1, 200)).map(lambda pair: encoded(pair[0])[: -pair[1]]),
    st.sampled_from(_DEEP).map(lambda deep: b'{"operation":' + deep + b"}"),
    st.sampled_from(_DEEP).flatmap(
        lambda deep: st.sampled_from(
            [
                encoded({"operation": operation(status) | {"reasons": ["?"], "took": "?"}})
                .replace(b'"?"', deep)
                for status in ("IN_PROGRESS", "SUCCEEDED", "FAILED")
            ]
            + [encoded({"plan": {"parameters": {"A": "?"}}}).replace(b'"?"', deep)]
        )
    ),
    st.sampled_from((b"", b"<html>\x1b]0;title\x07", b"\xff\xfe{", b"\xef\xbb\xbf{}", b"NaN",
                     b'{"a": NaN}', b'{"operation": 1e999}', b'{"a": ' + b"9" * 5000 + b"}")),
    st.binary(max_size=20),
)  # fmt: skip
_VALUES = {
    b"Date": st.sampled_from(DATES).map(str.encode),
    b"Retry-After": st.sampled_from(
        (b"1", b"-1", b"1.5", b"9" * 400, b"nan", b"Sat, 31 Jan 2026 12:00:00 GMT", b"\xb2", b"")
    ),
    b"Content-Type": st.sampled_from((b"text/html\x1b]0;title\x07", b"\xe9", b"application/json")),
    b"Location": st.sampled_from((b"http://[", b"//a:b", b"https:", b"\xff", API.encode())),
    b"X-Other": st.binary(max_size=8),
}
_HEADER = st.sampled_from(sorted(_VALUES)).flatmap(
    lambda name: st.tuples(st.just(name), _VALUES[name])
)
_STATUS = st.one_of(
    st.sampled_from((200, 202, 409, 424)),
    st.sampled_from((201, 204, 300, 301, 307, 400, 401, 403, 404, 408, 413, 422, 429)),
    st.sampled_from((500, 502, 503, 504, 599)),
)
ANSWERS = st.builds(Answer, _STATUS, st.lists(_HEADER, max_size=4).map(tuple), _CONTENT)

_START = st.one_of(
    _STATUS.map(lambda status: b"HTTP/1.1 %d OK" % status),
    st.sampled_from(
        (b"HTTP/1.1 100 Continue", b"HTTP/1.1 101 Switching", b"HTTP/1.1 103 Early Hints",
         b"HTTP/1.1 999 Odd", b"HTTP/1.1 0 Odd", b"HTTP/1.1 200 \xe9\x1b[2J", b"HTTP/2 200 OK",
         b"HTTP/1.1 200", b"HTTP/1.0 202 Accepted", b"ICY 200 OK", b"", b"\x16\x03\x01", b"SSH-2.0")
    ),
)  # fmt: skip
_FRAMES = st.sampled_from(
    (b"Content-Length: %d", b"Content-Length: 0%d", b"Content-Length: -%d",
     b"Content-Length: %d, %d", b"Content-Length: 1%d", b"Content-Length: \xb2",
     b"Transfer-Encoding: chunked",
     b"Transfer-Encoding: gzip, chunked", b"Content-Encoding: gzip", b"Content-Encoding: deflate",
     b"Content-Encoding: \xe9", b"Connection: close", b"Set-Cookie: a=\x1b; expires=\xe9",
     b"No colon", b": no name", b" Folded: line", b"Name : x", b"X: \x00", b"X: \x1b]0;title\x07")
)  # fmt: skip


@st.composite
def raw_answers(draw: st.DrawFn) -> bytes:
    """Return the bytes of a response: with malformed and contradictory headers, or not HTTP."""
    content = draw(_CONTENT)
    lines = [draw(_START)]
    if draw(st.booleans()):
        lines.append(b"Content-Length: %d" % len(content))
    lines += [b"%s: %s" % each for each in draw(st.lists(_HEADER, max_size=3))]
    for frame in draw(st.lists(_FRAMES, max_size=2)):
        count = frame.count(b"%d")
        lines.append(frame % ((len(content),) * count) if count else frame)
    end = draw(st.sampled_from((b"\r\n", b"\r\n", b"\n", b"\r")))
    whole = end.join([*lines, b"", content])
    return whole[: draw(st.integers(0, len(whole)))] if draw(st.integers(0, 9)) == 0 else whole
