"""The clients of the customers: a separate process that sends requests to listeners.

Usage: `python -m tools.bench.swaps.clients ENDPOINT HOST CONCURRENCY PORTS [VARIABLE]`. It prints a
line of JSON for each request, with the fields of `records.Request`, until its standard input
closes; then it waits for the responses of the requests in flight. PORTS are those of the listeners,
separated by commas. Each request asks for the value of VARIABLE in the task.

Each port has CONCURRENCY clients, each with one request in flight all the time. The delay of their
pages limits them to RATE requests per second together, so that the capacity of the emulator does
not determine the results. In addition, each port has one watcher that requests a page without a
delay. Every client alternates between a persistent connection and new connections.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterable
from itertools import cycle
from urllib.parse import urlencode

import aiohttp

from tools.bench.swaps.records import LIVE, Request

RATE = 100.0  # requests per second on each port, of all clients together
PAUSE = 0.008  # seconds between two requests of a watcher, and after a failed request
PATIENCE = aiohttp.ClientTimeout(total=30)


class Customer:
    """One client of one port.

    Args:
        endpoint: the URL of the emulator, which is the load balancer.
        host: the DNS name of the load balancer.
        port: the port of the listener.
        seconds: the delay of the page.
        variable: the variable of the task that the page shows; "" for none.

    """

    def __init__(
        self, endpoint: str, host: str, port: int, seconds: float, variable: str = ""
    ) -> None:
        query = ({"seconds": seconds} if seconds else {}) | (
            {"variable": variable} if variable else {}
        )
        self._url = f"{endpoint}/" + (f"?{urlencode(query)}" if query else "")
        self._variable = variable
        self._headers = {"Host": host if port == LIVE else f"{host}:{port}"}
        self._port, self._seconds = port, seconds

    async def run(self, stop: asyncio.Event, first: float = 0) -> None:
        """Send requests until `stop` is set, beginning in `first` seconds."""
        await asyncio.sleep(first)
        kept = aiohttp.TCPConnector(limit=1)
        fresh = aiohttp.TCPConnector(limit=1, force_close=True)
        async with (
            aiohttp.ClientSession(connector=kept, timeout=PATIENCE) as keeping,
            aiohttp.ClientSession(connector=fresh, timeout=PATIENCE) as renewing,
        ):
            for session in cycle((keeping, renewing)):
                if stop.is_set():
                    return
                request = await self._request(session)
                print(json.dumps(request), flush=True)
                if request.quick or request.status != 200:
                    await asyncio.sleep(PAUSE)

    async def _request(self, session: aiohttp.ClientSession) -> Request:
        """Send one request, by POST, which aiohttp does not retry after a closed connection."""
        begun, status, version, setting = time.monotonic(), 0, "", None
        try:
            async with session.post(self._url, headers=self._headers) as response:
                page = await response.json(content_type=None)
                version = str(page.get("version", ""))
                setting = page.get("variables", {}).get(self._variable)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            print(f"port {self._port}: {status} {error!r}", file=sys.stderr, flush=True)
        quick = not self._seconds
        return Request(self._port, begun, time.monotonic(), status, version, quick, setting)


async def run_clients(
    endpoint: str, host: str, concurrency: int, ports: Iterable[int], variable: str = ""
) -> None:
    """Run all clients until standard input closes."""
    stop = asyncio.Event()
    seconds = round(concurrency / RATE, 3)
    async with asyncio.TaskGroup() as group:
        for port in ports:
            group.create_task(Customer(endpoint, host, port, 0, variable).run(stop))
            for number in range(concurrency):
                customer = Customer(endpoint, host, port, seconds, variable)
                group.create_task(customer.run(stop, number / RATE))
        await asyncio.to_thread(sys.stdin.read)
        stop.set()


if __name__ == "__main__":
    endpoint, host, concurrency, ports, *variable = sys.argv[1:]
    numbers = map(int, ports.split(","))
    asyncio.run(run_clients(endpoint, host, int(concurrency), numbers, *variable))
