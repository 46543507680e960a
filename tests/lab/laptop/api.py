"""A caller of the service over real HTTP, with access to its tables."""

from __future__ import annotations

from typing import Any

from tools.laptop.client import Client, Response, create_body, until

__all__ = ["Api", "Response", "create_body", "until"]


class Api(Client):
    def items(self, table: str) -> list[dict[str, Any]]:
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=table)
        return [item for page in pages for item in page["Items"]]
