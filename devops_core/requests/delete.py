"""Delete: the body of `DELETE /stacks`, or its query in the form of a body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from devops_core.requests import fields, schema


class DeleteRequest(NamedTuple):
    """The application to delete."""

    application: str


def _same_name(data: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[schema.Fault]:
    """Yield the fault of a body whose application is not the one `in_query`."""
    in_query = context.get("in_query")
    if in_query is not None and data["application"] not in (None, in_query):
        yield "stack", "must be the same in the query and in the body"


DELETE = schema.Object(DeleteRequest, {"stack": fields.EXISTING}, check=_same_name)
