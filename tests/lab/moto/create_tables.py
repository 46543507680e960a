"""The four DynamoDB tables, as serverless/datastores.yml defines them."""

from __future__ import annotations

from typing import Any

from devops_core.settings import TableNames


def create_tables(client: Any, names: TableNames) -> None:
    """Create the inventory tables and the log with its sparse index."""
    for name in (names.non_production, names.production, names.training_da):
        client.create_table(**_table(name, "environment"))
    index = {
        "IndexName": "OpenOperations",
        "KeySchema": _keys("open", "entry"),
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["deadline"]},
    }
    log = _table(names.log, "entry", "open") | {"GlobalSecondaryIndexes": [index]}
    client.create_table(**log)


def _table(name: str, sort: str, *more: str) -> dict[str, Any]:
    attributes = ("applicationName", sort, *more)
    return {
        "TableName": name,
        "KeySchema": _keys("applicationName", sort),
        "AttributeDefinitions": [{"AttributeName": a, "AttributeType": "S"} for a in attributes],
        "BillingMode": "PAY_PER_REQUEST",
    }


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]
