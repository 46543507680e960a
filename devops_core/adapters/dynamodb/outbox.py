"""The outbox: notifications that are not sent, as items of DevOpsLogsTable."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from devops_core.adapters.aws.errors import translated
from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.attributes import Item, encode
from devops_core.model.listing import Page
from devops_core.model.notification import Notification, OutboxKey
from devops_core.model.times import timestamp

# Keys in one read of the index, about 30 KB.
_PAGE = 200
# Sorts after the "#" that follows the time in an entry.
_LAST = "\x7f"


class DynamoOutbox:
    """`ports.notifications.Outbox` over the log table; `transactions` writes its items."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    @translated()
    def due(self, now: datetime, after: str | None = None) -> Page[OutboxKey]:
        """Return a page of notifications up to `now`, the oldest first; eventually consistent."""
        bounds = {":low": items.DUE, ":high": f"{items.DUE}{timestamp(now)}{_LAST}"}
        response = self._client.query(
            TableName=self._table,
            IndexName=items.INDEX,
            KeyConditionExpression="#open = :open AND #entry BETWEEN :low AND :high",
            ExpressionAttributeNames={"#open": "open", "#entry": "entry"},
            ExpressionAttributeValues=encode({":open": "1", **bounds}),
            Limit=_PAGE,
            **({"ExclusiveStartKey": _start(after)} if after else {}),
        )
        last = response.get("LastEvaluatedKey")
        found = tuple(map(items.outbox_key_of, response["Items"]))
        return Page(found, items.outbox_key_of(last).position if last else None)

    @translated()
    def read(self, key: OutboxKey) -> Notification | None:
        """Return a notification, None if it was removed; consistent."""
        response = self._client.get_item(
            TableName=self._table, Key=_item_key(key), ConsistentRead=True
        )
        return items.notification_of(response["Item"]) if "Item" in response else None

    @translated()
    def remove(self, key: OutboxKey) -> None:
        """Remove a notification; no error if it does not exist."""
        self._client.delete_item(TableName=self._table, Key=_item_key(key))


def _item_key(key: OutboxKey) -> Item:
    return encode({"applicationName": key.application, "entry": key.entry})


def _start(position: str) -> Item:
    """Return the key of the index after which a page begins."""
    entry, _, application = position.partition(" ")
    return _item_key(OutboxKey(application, entry)) | encode({"open": "1"})
