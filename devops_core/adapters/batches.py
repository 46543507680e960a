"""DynamoDB: many items in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from devops_core.adapters.attributes import Item
from devops_core.adapters.translate import translated
from devops_core.errors import ThrottledError

# How many keys one call takes (DynamoDB API, BatchGetItem).
MAX_KEYS = 100
# How often keys that BatchGetItem did not get to are asked for.
_MAX_READS = 4


@translated()
def read(client: Any, keys: Mapping[str, Sequence[Item]]) -> dict[str, list[Any]]:
    """Return the items of at most 100 keys by table, as they are now; what is not there is missing.

    Raises ThrottledError when DynamoDB leaves some of them out again and again.
    """
    wanted = {table: {"Keys": some, "ConsistentRead": True} for table, some in keys.items()}
    found: dict[str, list[Any]] = {}
    for _ in range(_MAX_READS):
        answer = client.batch_get_item(RequestItems=wanted)
        for table, items in answer["Responses"].items():
            found.setdefault(table, []).extend(items)
        wanted = answer.get("UnprocessedKeys")
        if not wanted:
            return found
    raise ThrottledError("AWS throttles BatchGetItem")
