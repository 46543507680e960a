"""Starts the clients of the customers and collects their requests."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tools.bench.swaps.records import PORTS, Request
from tools.laptop.client import Client, UnexpectedError, until
from tools.laptop.cloud import ROOT


class Load:
    """The requests of customers so far; clients continue to add requests.

    All clients of `ports` have been running since the time `full_since` (monotonic, s).
    """

    def __init__(self, ports: Sequence[int] = PORTS) -> None:
        self.ports = ports
        self.requests: list[Request] = []
        self.full_since = 0.0

    def read(self, lines: Iterator[str]) -> None:
        """Collect requests until the clients end."""
        for line in lines:
            self.requests.append(Request(*json.loads(line)))

    def wait(self, count: int) -> None:
        """Wait until `count` requests on each port have begun after now and have ended."""
        now, position = time.monotonic(), len(self.requests)

        def enough() -> bool:
            ports = [e.port for e in self.requests[position:] if e.begun >= now]
            return min(map(ports.count, self.ports)) >= count

        if not until(enough, pause=0.02):
            raise UnexpectedError("the requests of the customers get no responses")


@contextmanager
def load(
    client: Client, url: str, concurrency: int, variable: str = "", ports: Sequence[int] = PORTS
) -> Iterator[Load]:
    """Put a load on listeners of a load balancer during a `with` block.

    Args:
        client: the client of the laptop cloud.
        url: the URL of the production listener.
        concurrency: the number of clients on each port, each with a request in flight all the time.
        variable: the variable of the tasks that each request asks for; "" for none.
        ports: the ports of the listeners.

    """
    host = url.removeprefix("http://")
    with _start_clients(client.cloud.endpoint, host, concurrency, ports, variable) as process:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("Popen has opened both pipes")
        customers = Load(ports)
        reader = threading.Thread(target=customers.read, args=(iter(process.stdout),))
        reader.start()
        try:
            customers.wait(3 * concurrency)  # by then every client has received a response
            customers.full_since = time.monotonic()
            yield customers
        finally:
            process.stdin.close()
            reader.join()
    if process.returncode:
        raise UnexpectedError("the process of the clients failed")


def _start_clients(
    endpoint: str, host: str, concurrency: int, ports: Sequence[int], variable: str
) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "tools.bench.swaps.clients",
        endpoint,
        host,
        str(concurrency),
        ",".join(map(str, ports)),
        *([variable] if variable else []),
    ]
    return subprocess.Popen(  # noqa: S603 - our own program, no shell
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
