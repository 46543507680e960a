"""The customers: a process of its own that asks both listeners and tells of every answer.

Usage: `python -m tools.bench.swaps.customers ENDPOINT HOST CONCURRENCY`. Prints a line of JSON for
each request, in the order of `records.Request`, until its standard input closes; then it waits for
the answers that are due.

On each port there are CONCURRENCY clients with one request in flight all the time. A page takes as
long to make as lets them come to RATE requests per second, so that what is measured is not how much
the emulator can bear. Beside them one watcher a port asks again and again for a page that takes no
time. Every client asks in turns on a connection that it keeps and on a new one.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import cycle

import aiohttp

from tools.bench.swaps.records import IDLE, LIVE, Request

RATE = 100.0  # requests per second on each port, of all clients together
PAUSE = 0.008  # seconds between two requests of a watcher, and after a failure
PATIENCE = aiohttp.ClientTimeout(total=30)


class Customer:
    """One client of one port.

    Args:
        endpoint: URL of the emulator, which is the load balancer.
        host: DNS name of the load balancer.
        port: of the listener.
        seconds: what a page takes to make.

    """

    def __init__(self, endpoint: str, host: str, port: int, seconds: float) -> None:
        self._url = f"{endpoint}/" + (f"?seconds={seconds}" if seconds else "")
        self._headers = {"Host": host if port == LIVE else f"{host}:{port}"}
        self._port, self._seconds = port, seconds

    async def ask(self, stop: asyncio.Event, first: float = 0) -> None:
        """Ask until it is time to stop, beginning in `first` seconds."""
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
        """Ask once. By POST, which aiohttp never repeats when a kept connection was closed."""
        begun, status, version = time.monotonic(), 0, ""
        try:
            async with session.post(self._url, headers=self._headers) as answer:
                version = str((await answer.json(content_type=None)).get("version", ""))
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            print(f"port {self._port}: {status} {error!r}", file=sys.stderr, flush=True)
        quick = not self._seconds
        return Request(self._port, begun, time.monotonic(), status, version, quick)


async def crowd(endpoint: str, host: str, concurrency: int) -> None:
    """Let all customers ask until standard input closes."""
    stop = asyncio.Event()
    seconds = round(concurrency / RATE, 3)
    async with asyncio.TaskGroup() as group:
        for port in (LIVE, IDLE):
            group.create_task(Customer(endpoint, host, port, 0).ask(stop))
            for number in range(concurrency):
                customer = Customer(endpoint, host, port, seconds)
                group.create_task(customer.ask(stop, number / RATE))
        await asyncio.to_thread(sys.stdin.read)
        stop.set()


if __name__ == "__main__":
    asyncio.run(crowd(sys.argv[1], sys.argv[2], int(sys.argv[3])))
