"""A caller of the service over real HTTP, with access to its tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from tools.laptop.client import Client, Response, create_body, until

__all__ = ["Api", "Response", "create_body", "until", "until_ended"]

# A waiting call lasts at most 25 s. On a busy machine an operation needs more than one.
_WAITING_CALLS = 8


class Api(Client):
    def items(self, table: str) -> list[dict[str, Any]]:
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=table)
        return [item for page in pages for item in page["Items"]]


def until_ended(call: Callable[..., Response]) -> Response:
    """Repeat a waiting write until its operation has ended; return the last response.

    All repetitions have one Idempotency-Key, and so they belong to one operation.
    """
    headers = {"Prefer": "wait=25", "Idempotency_Key": str(uuid4())}
    response = call(**headers)
    for _ in range(_WAITING_CALLS - 1):
        if response.status != 202:
            break
        response = call(**headers)
    return response
