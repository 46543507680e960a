"""Starts the customers and collects what they tell."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tools.bench.swaps.records import IDLE, LIVE, Request
from tools.laptop.client import Client, UnexpectedError, until
from tools.laptop.cloud import ROOT


class Load:
    """The requests of customers so far, while they go on.

    All clients are at work since the moment `full` (monotonic, s).
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.full = 0.0

    def read(self, lines: Iterator[str]) -> None:
        """Collect until the customers have gone."""
        for line in lines:
            self.requests.append(Request(*json.loads(line)))

    def wait(self, count: int) -> None:
        """Wait until so many requests on each port have begun after now and ended."""
        now, position = time.monotonic(), len(self.requests)

        def enough() -> bool:
            ports = [e.port for e in self.requests[position:] if e.begun >= now]
            return min(ports.count(LIVE), ports.count(IDLE)) >= count

        if not until(enough, pause=0.02):
            raise UnexpectedError("the customers get no answers")


@contextmanager
def load(client: Client, url: str, concurrency: int) -> Iterator[Load]:
    """Put a load on both listeners of a load balancer for the length of a `with` block.

    Args:
        client: of the laptop cloud.
        url: of the production listener.
        concurrency: clients with a request in flight all the time, on each port.

    """
    with _customers(client.cloud.endpoint, url.removeprefix("http://"), concurrency) as process:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("Popen has opened both pipes")
        there = Load()
        reader = threading.Thread(target=there.read, args=(iter(process.stdout),))
        reader.start()
        try:
            there.wait(3 * concurrency)  # by then every client has been answered
            there.full = time.monotonic()
            yield there
        finally:
            process.stdin.close()
            reader.join()
    if process.returncode:
        raise UnexpectedError("the customers have broken down")


def _customers(endpoint: str, host: str, concurrency: int) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "tools.bench.swaps.customers",
        endpoint,
        host,
        str(concurrency),
    ]
    return subprocess.Popen(  # noqa: S603 - our own program, no shell
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
