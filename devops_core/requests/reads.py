"""Reads: the queries of the calls that change nothing."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from devops_core.model.inventory import RowStatus
from devops_core.naming import OPERATION_ID, Environment
from devops_core.requests import fields, schema

LONGEST_PAGE = 100
# The token of this service is the key of a log record, which is shorter.
_LONGEST_TOKEN = 400


class PageRequest(NamedTuple):
    """A part of a list: at most `limit` items after the one whose key is `after`."""

    limit: int
    after: str | None


class StacksRequest(NamedTuple):
    """Query of `GET /stacks`; None stands for any."""

    team: str | None
    environment: Environment | None
    version: str | None
    status: RowStatus | None
    page: PageRequest


class StackRequest(NamedTuple):
    """Query of `GET /stacks/{applicationName}`; `live` asks AWS for the state of the services."""

    live: bool


class SpecificationRequest(NamedTuple):
    """Query of `GET /stacks/{applicationName}/spec`; None stands for the present revision."""

    revision: int | None


class EventsRequest(NamedTuple):
    """Query of `GET /events` and `GET /stacks/{applicationName}/events`: `since` <= time < `until`.

    None stands for no bound, and for any operation.
    """

    since: datetime | None
    until: datetime | None
    operation: str | None
    page: PageRequest


def token(key: str | None) -> str | None:
    """Return the `nextToken` of the key in `Page.next`."""
    return base64.urlsafe_b64encode(key.encode()).decode() if key else None


def _decoded_key(text: str) -> str:
    return base64.b64decode(text.encode(), b"-_", validate=True).decode()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.upper()).astimezone(UTC)


def _paged(make: Callable[..., schema.T]) -> Callable[..., schema.T]:
    """Return a function that makes a request whose `page` has the limit and the token."""

    def made(limit: int, after: str | None, **others: Any) -> schema.T:
        return make(**others, page=PageRequest(limit, after))

    return made


def _order(data: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[schema.Fault]:
    """Yield the fault of bounds in the wrong order."""
    del context
    if data["since"] and data["until"] and data["since"] > data["until"]:
        yield "until", "must not be before since"


# A time with an offset, which all readers understand alike (RFC 3339, "Internet Date/Time Format").
_TIME = schema.Text(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?"
    "([Zz]|[+-][0-9]{2}:[0-9]{2})",
    "must be a time such as 2026-01-31T12:00:00Z",
    convert=_time,
    format="date-time",
)
_OPERATION = schema.Text(
    OPERATION_ID.pattern,
    "must be the id of an operation",
    name="OperationId",
    description="A ULID; ids sort by time.",
)
_TOKEN = schema.Text(
    "[A-Za-z0-9_=-]+",
    "must be the unchanged nextToken of an earlier page",
    _LONGEST_TOKEN,
    convert=_decoded_key,
)

_PAGE = {
    "limit": schema.Member(
        schema.Integer(range(1, LONGEST_PAGE + 1)),
        "The maximum number of items of a [page](inventory.md#pages). The default is 50.",
        default=50,
        example=20,
    ),
    "nextToken": schema.Member(
        _TOKEN,
        "The unchanged `nextToken` of the previous page of the same call.",
        attribute="after",
    ),
}
STACKS = schema.Object(
    _paged(StacksRequest),
    {
        "team": schema.Member(
            fields.TEAM, "The tag `technicalTeam` of the applications.", example="payments"
        ),
        "environment": schema.Member(
            schema.Choice({name.lower(): name for name in Environment}),
            "The environment. `prod-green` is the live slot, `prod-blue` the idle slot.",
            example="prod-green",
        ),
        "version": schema.Member(
            fields.VERSION, "The running version of the environment.", example="1.0.0.0"
        ),
        "status": schema.Member(
            schema.Choice({status.value: status for status in RowStatus}, name="RowStatus"),
            "The status of the environment.",
            example="ACTIVE",
        ),
        **_PAGE,
    },
)
STACK = schema.Object(
    StackRequest,
    {
        "live": schema.Member(
            schema.Boolean(),
            "`true` adds the present state in AWS: `tasks`, `rollout` and `messages` of each "
            "environment, and the slot that the production listener forwards to.",
            default=False,
            example=True,
        )
    },
)
SPECIFICATION = schema.Object(
    SpecificationRequest,
    {
        "revision": schema.Member(
            fields.REVISION,
            "A revision. The default is the present one.",
            example=1,
        )
    },
)
OPERATIONS = schema.Object(PageRequest, _PAGE)
EVENTS = schema.Object(
    _paged(EventsRequest),
    {
        "since": schema.Member(
            _TIME,
            "Only events at or after this time (RFC 3339, with an offset).",
            example="2025-03-01T09:00:00Z",
        ),
        "until": schema.Member(
            _TIME,
            "Only events before this time, which must not be before `since`.",
            example="2025-03-01T10:00:00Z",
        ),
        "operation": schema.Member(_OPERATION, "Only events of this operation."),
        **_PAGE,
    },
    check=_order,
)
