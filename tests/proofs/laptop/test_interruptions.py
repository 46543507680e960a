"""The faults of a laptop cloud: the interrupted calls, and the times of the interruptions."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.lab.laptop.interruptions import CASES
from tests.lab.laptop.proxy import Fault, FaultyProxy, Moment, proxy
from tests.lab.laptop.workers import socket_of
from tools.bench.calls.call import Call

# The connections are one with another port, an ended one, the client's one, and the server's one.
TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 0100007F:0050 01 00000000:00000000 00:00000000 00000000     0        0 11 1 0
   1: 0100007F:1F90 0100007F:2382 06 00000000:00000000 00:00000000 00000000     0        0 0 1 0
   2: 0100007F:1F90 0100007F:2382 01 00000000:00000000 00:00000000 00000000     0        0 33 1 0
   3: 0100007F:2382 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 44 1 0
"""


class Upstream(BaseHTTPRequestHandler):
    """An emulator that records the bodies of its requests."""

    protocol_version = "HTTP/1.1"
    reached: list[str]

    def do_POST(self) -> None:
        self.reached.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(400)
        self.send_header("X-Told", "yes")
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"answer")

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def reached() -> list[str]:
    return []


@pytest.fixture
def between(reached: list[str]) -> Iterator[FaultyProxy]:
    handler = type("Handler", (Upstream,), {"reached": reached})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as upstream, proxy() as server:
        upstream.daemon_threads = True
        upstream.block_on_close = False
        thread = threading.Thread(target=upstream.serve_forever, args=(0.01,))
        thread.start()
        server.endpoint = f"http://127.0.0.1:{upstream.server_port}"
        yield server
        upstream.shutdown()
        thread.join()


def send(
    server: FaultyProxy, operation: str, body: str, invocation: str = "one"
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    headers = {"X-Amz-Target": f"Service_1.{operation}", "amz-sdk-invocation-id": invocation}
    try:
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse()
        assert answer.headers["X-Told"] == "yes"
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_fault_interrupts_all_attempts_of_one_call() -> None:
    fault = Fault("PutItem", ("Shop", "dev"), Moment.BEFORE, number=2)
    calls = [
        Call("PutItem", "Shop dev", "first"),
        Call("PutItem", "Shop qa", "other environment"),
        Call("GetItem", "Shop dev", "other operation"),
        Call("PutItem", "Shop dev", "first"),
        Call("PutItem", "Shop dev", "second"),
        Call("PutItem", "Shop dev", "second"),
        Call("PutItem", "Shop dev", "third"),
    ]
    assert [fault.hits(call) for call in calls] == [False] * 4 + [True, True, False]


def test_a_call_without_a_fault_is_forwarded_unchanged(
    between: FaultyProxy, reached: list[str]
) -> None:
    between.faults.append(Fault("PutItem", ("Shop",), Moment.BEFORE))
    assert send(between, "PutItem", "Cart") == (400, b"answer")
    assert send(between, "PutItem", "Till") == (400, b"answer")
    assert reached == ["Cart", "Till"]
    assert [call.operation for call in between.calls] == ["PutItem", "PutItem"]
    assert not between.faults[0].struck


@pytest.mark.parametrize(("moment", "effects"), [(Moment.BEFORE, []), (Moment.AFTER, ["Shop"])])
def test_a_connection_is_cut_before_or_after_the_effect(
    between: FaultyProxy, reached: list[str], moment: Moment, effects: list[str]
) -> None:
    ports: list[int] = []
    fault = Fault("PutItem", ("Shop",), moment, strike=ports.append)
    between.faults.append(fault)
    with pytest.raises((ConnectionError, http.client.BadStatusLine)):
        send(between, "PutItem", "Shop")
    assert reached == effects
    assert fault.struck == len(ports) == 1
    assert send(between, "PutItem", "Shop", "two") == (400, b"answer")


def test_the_connection_is_cut_if_the_emulator_does_not_respond(between: FaultyProxy) -> None:
    between.endpoint = "http://127.0.0.1:9"  # the port of the discard protocol, without a listener
    with pytest.raises((ConnectionError, http.client.BadStatusLine)):
        send(between, "PutItem", "Shop")


def test_a_worker_is_identified_by_both_ports_of_its_connection() -> None:
    assert socket_of(0x2382, 0x1F90, TABLE) == "socket:[33]"
    with pytest.raises(LookupError):
        socket_of(0x2382, 0x1F91, TABLE)


def test_each_kind_of_operation_is_interrupted_before_and_after_its_calls() -> None:
    interrupted = {(case.kind, case.call) for case in CASES}
    assert {
        ("deploy", "claim"), ("deploy", "register"), ("deploy", "update"), ("deploy", "close"),
        ("deploy-blue", "register"), ("deploy-blue", "update"), ("deploy-blue", "close"),
        ("swap", "move customers"), ("swap", "move testers"), ("swap", "close"),
        ("create", "claim"), ("create", "create stack"), ("create", "close"),
        ("delete", "delete stack"), ("delete", "close"),
    } <= interrupted  # fmt: skip
    both = {(call, moment) for _, call, moment in ((c.kind, c.call, c.moment) for c in CASES)}
    assert both == {(case.call, moment) for case in CASES for moment in Moment}
