"""Call the reads that change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.lab.client import Client, Reply

STACKS, STACK = "/stacks", "/stacks/{applicationName}"
OPERATIONS, EVENTS, SPEC = f"{STACK}/operations", f"{STACK}/events", f"{STACK}/spec"
NAMED = (STACK, OPERATIONS, EVENTS, SPEC)
READS = (STACKS, "/events", *NAMED)


def get(api: Client, resource: str, application: str | None = None, **query: str) -> Reply:
    parameters = {"applicationName": application} if application else None
    return api.send("GET", resource, parameters=parameters, query=query)


def pages(
    api: Client, resource: str, application: str | None = None, **query: str
) -> Iterator[Any]:
    """Yield the items of each page."""
    while True:
        reply = get(api, resource, application, **query)
        assert reply.status == 200, reply.body
        token = reply.body.pop("nextToken", None)
        yield next(iter(reply.body.values()))
        if token is None:
            return
        query["nextToken"] = token


def rows(stack: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["environment"]: row for row in stack["environments"]}
