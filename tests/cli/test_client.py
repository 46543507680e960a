"""Calls over HTTP: the requests, the repeats, and the errors without a response."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator

import httpx
import pytest

from devops_cli import __version__, client
from devops_cli.config import Profile
from devops_cli.failures import ApiError, NotTheServiceError, UnreachableError, UsageError
from devops_core import errors
from tests.lab.dripping import dripping
from tests.lab.prepared_service import API, Clock, Service, answer
from tests.lab.surface import subclasses

LOST = httpx.ReadTimeout("timed out")


def api(
    service: Service, clock: Clock | None = None, notices: list[str] | None = None
) -> client.Api:
    told = notices if notices is not None else []
    profile = Profile(api=API, api_key="sesame")
    return client.connect(
        profile, None, httpx.MockTransport(service), clock or Clock(), told.append
    )


def test_a_write_carries_its_body_and_key() -> None:
    service = Service()
    service.on("POST", "/stacks", answer(202, ok=True))
    assert api(service).send("POST", "/stacks", body={"a": "ü"}, key="build-1").body == {"ok": True}
    sent = service.sent("POST")
    assert json.loads(sent.content) == {"a": "ü"}
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["idempotency-key"] == "build-1"
    assert sent.headers["x-api-key"] == "sesame"
    assert sent.headers["user-agent"] == f"devops-cli/{__version__}"


def test_a_read_carries_no_key_and_no_body() -> None:
    service = Service()
    service.on("GET", "/stacks", answer())
    api(service).get("/stacks")
    assert "idempotency-key" not in service.sent("GET").headers
    assert service.sent("GET").content == b""


def test_a_query_is_encoded_as_signatures_have_it() -> None:
    service = Service()
    service.on("GET", "/events", answer())
    api(service).get(
        "/events", {"since": "2026-01-31T12:00:00+02:00", "nextToken": None, "q": "a b"}
    )
    assert service.sent("GET").url.query == b"since=2026-01-31T12%3A00%3A00%2B02%3A00&q=a%20b"


@pytest.mark.parametrize("status", [429, 500, 503, 504])
def test_what_passes_is_sent_again_with_the_same_key(status: int) -> None:
    service, clock, notices = Service(), Clock(), list[str]()
    html = httpx.Response(status, text="<html>")
    service.on("POST", "/stacks", LOST, html, answer(status, errorMessage="x"), answer(202))
    assert api(service, clock, notices).send("POST", "/stacks", key="k").status == 202
    assert [each.headers["idempotency-key"] for each in service.requests] == ["k"] * 4
    assert clock.pauses == [0.5, 1, 2]
    assert notices == [
        f"{API}: timed out; retrying in 0.5 s",
        f"{API}: status {status}; retrying in 1 s",
        f"{API}: status {status}; retrying in 2 s",
    ]


def test_the_service_says_when_to_send_again() -> None:
    service, clock = Service(), Clock()
    service.on("GET", "/stacks", answer(503, {"Retry-After": "7"}), answer())
    api(service, clock).get("/stacks")
    assert clock.pauses == [7]


def test_a_longer_pause_is_left_to_the_person() -> None:
    service, clock = Service(), Clock()
    service.on("GET", "/stacks", answer(503, {"Retry-After": "61"}, errorMessage="throttled"))
    with pytest.raises(ApiError, match="throttled"):
        api(service, clock).get("/stacks")
    assert clock.pauses == []


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 424])
def test_what_does_not_pass_is_not_sent_again(status: int) -> None:
    service = Service()
    service.on("GET", "/stacks", answer(status, errorMessage="no"))
    with pytest.raises(ApiError, match="no"):
        api(service).get("/stacks")
    assert len(service.requests) == 1


@pytest.mark.parametrize("code", sorted(client.PERMANENT))
def test_a_permanent_error_of_the_service_is_not_sent_again(code: str) -> None:
    service = Service()
    service.on("GET", "/stacks", answer(502, errorMessage="no", code=code))
    with pytest.raises(ApiError, match="no"):
        api(service).get("/stacks")
    assert len(service.requests) == 1


def test_the_permanent_errors_are_those_of_the_service() -> None:
    own = {each.code for each in subclasses(errors.DevOpsError) if each.http_status == 502}
    assert own == client.PERMANENT


@pytest.mark.parametrize(
    "first",
    [
        httpx.Response(502, html="<h1>Bad gateway</h1>"),
        httpx.Response(502, content=b"[" * 100_000),
        answer(502, errorMessage="Internal server error", code="DEFAULT_5XX"),
    ],
)
def test_the_502_of_a_proxy_is_sent_again(first: httpx.Response) -> None:
    service = Service()
    service.on("GET", "/stacks", first, answer(stacks=[]))
    assert api(service).get("/stacks").body == {"stacks": []}
    assert len(service.requests) == 2


def test_it_gives_up_in_the_end() -> None:
    service, clock = Service(), Clock()
    service.on("GET", "/stacks", answer(503, errorMessage="throttled"))
    with pytest.raises(ApiError, match="throttled"):
        api(service, clock).get("/stacks")
    assert len(service.requests) == client.ATTEMPTS
    assert clock.pauses == [0.5, 1, 2, 4]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (httpx.ConnectError("[Errno 111] Connection refused"), "Connection refused"),
        (httpx.ReadError(""), "ReadError"),
        (httpx.RemoteProtocolError("peer closed connection"), "peer closed"),
        (httpx.DecodingError("not gzip"), "not gzip"),
    ],
)
def test_no_answer_is_told_in_a_sentence(fault: Exception, said: str) -> None:
    service = Service()
    service.on("GET", "/stacks", fault)
    with pytest.raises(UnreachableError, match=f"no response from {API}: .*{said}"):
        api(service).get("/stacks", attempts=1)
    assert len(service.requests) == 1


def test_the_page_of_a_proxy_is_no_answer_of_the_service() -> None:
    service = Service()
    service.on("GET", "/stacks", httpx.Response(502, html="<h1>Bad gateway</h1>"))
    with pytest.raises(NotTheServiceError, match="answered 502"):
        api(service).get("/stacks")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_says_that_the_call_was_not_signed(status: int) -> None:
    service = Service()
    service.on("GET", "/stacks", answer(status, message="Missing Authentication Token"))
    with pytest.raises(ApiError) as told:
        api(service).get("/stacks")
    assert "not signed" in told.value.hints[0]


def test_a_refusal_of_a_signed_call_does_not() -> None:
    service = Service()
    service.on("GET", "/stacks", answer(403, message="Forbidden"))
    signed = httpx.Auth()
    transport = httpx.MockTransport(service)
    with pytest.raises(ApiError) as told:
        client.connect(Profile(api=API), signed, transport, Clock(), print).get("/stacks")
    assert "not signed" not in " ".join(told.value.hints)


def test_time_outs_are_explicit() -> None:
    service = Service()
    service.on("GET", "/stacks", answer())
    api(service).get("/stacks")
    assert service.sent("GET").extensions["timeout"] == {
        "connect": 10,
        "read": 35,
        "write": 10,
        "pool": 10,
    }


@pytest.mark.parametrize(
    ("start", "part"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{", b" "),
    ],
)
def test_a_server_that_drips_its_response_is_unreachable_after_the_total_time_out(
    start: bytes, part: bytes
) -> None:
    finished = threading.Event()

    def get(port: int) -> None:
        profile = Profile(api=f"http://127.0.0.1:{port}")
        slow = client.connect(profile, None, None, Clock(), print, total_timeout=0.3)
        with pytest.raises(UnreachableError, match="timed out"):
            slow.get("/stacks", attempts=1)
        finished.set()

    with dripping(start, itertools.repeat(part)) as port:
        # A thread, so that the test fails instead of waiting without end.
        threading.Thread(target=get, args=(port,), daemon=True).start()
        assert finished.wait(30)


def test_a_response_longer_than_the_limit_of_api_gateway_is_not_read() -> None:
    parts = itertools.repeat(b" " * 2**20, 12)
    read: list[bytes] = []

    def body() -> Iterator[bytes]:
        for part in parts:
            read.append(part)
            yield part

    service = Service()
    service.on("GET", "/stacks", httpx.Response(200, content=body()))
    with pytest.raises(UnreachableError, match="the response exceeds 10485760 bytes"):
        api(service).get("/stacks", attempts=1)
    assert len(read) == 11


def test_a_call_of_this_machine_does_not_pass_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy would receive the API key without encryption."""
    # The client keeps a connection open unless the response ends it.
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 12\r\n\r\n"
    response = head + b'{"ok": true}'
    with dripping(response, ()) as port:
        for name in ("http_proxy", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")  # a port without a server
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        profile = Profile(api=f"http://127.0.0.1:{port}", api_key="sesame")
        found = client.connect(profile, None, None, Clock(), print)
        assert found.get("/stacks", attempts=1).body == {"ok": True}


def test_a_redirection_is_not_followed() -> None:
    service = Service()
    service.on("GET", "/stacks", answer(307, {"Location": "https://elsewhere/"}))
    with pytest.raises(NotTheServiceError):
        api(service).get("/stacks")
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("path", "query", "body"),
    [
        ("https://exa mple:port/", {}, None),
        ("/stacks", {"team": "\udcff"}, None),
        ("/stacks", {}, {"description": "\udcff"}),  # bytes of the shell that are not UTF-8
    ],
)
def test_what_cannot_be_sent_is_told(
    path: str, query: dict[str, str], body: dict[str, str] | None
) -> None:
    with pytest.raises(UsageError, match=f"POST {path} cannot be sent"):
        api(Service()).send("POST", path, query, body)
