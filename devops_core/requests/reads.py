"""What callers may ask: each query as a frozen value, checked when it is made.

A query with faults raises one `InvalidRequestError` that lists every fault with its parameter.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from voluptuous import Invalid, Optional

from devops_core.errors import InvalidRequestError
from devops_core.model import RowStatus
from devops_core.naming import OPERATION_ID, Environment
from devops_core.requests import fields
from devops_core.requests.check import checked

LONGEST_PAGE = 100
_USUAL_PAGE = 50
_NUMBER = re.compile(r"[1-9][0-9]{0,2}")
# A time with an offset, as everybody takes it alike (RFC 3339, "Internet Date/Time Format").
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
# Our own are shorter: a key of the log table.
_LONGEST_TOKEN = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which part of a list: at most `limit` items after the one that `after` names."""

    limit: int
    after: str | None

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> PageRequest:
        """Check a query that asks for a page and nothing else."""
        return _page(checked(_PAGE, dict(query)))


@dataclass(frozen=True, slots=True, kw_only=True)
class StacksRequest:
    """Query of `GET /stacks`; None stands for any."""

    team: str | None
    environment: Environment | None
    version: str | None
    status: RowStatus | None
    page: PageRequest

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> StacksRequest:
        """Check a query."""
        data = checked(_STACKS, dict(query))
        wanted = {name: data.get(name) for name in ("team", "environment", "version", "status")}
        return cls(**wanted, page=_page(data))


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRequest:
    """Query of `GET /stacks/{applicationName}`; `live` asks AWS how the services are."""

    live: bool

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> StackRequest:
        """Check a query."""
        return cls(live=checked(_STACK, dict(query))["live"])


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsRequest:
    """Query of `GET /events` and `GET /stacks/{applicationName}/events`: `since` <= time < `until`.

    None stands for no bound, and for any operation.
    """

    since: datetime | None
    until: datetime | None
    operation: str | None
    page: PageRequest

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> EventsRequest:
        """Check a query."""
        data = checked(_EVENTS, dict(query))
        since, until = data.get("since"), data.get("until")
        if since and until and since > until:
            raise InvalidRequestError([("until", "is before since")])
        return cls(since=since, until=until, operation=data.get("operation"), page=_page(data))


def token(key: str | None) -> str | None:
    """Return the `nextToken` for what `Page.next` says."""
    return base64.urlsafe_b64encode(key.encode()).decode() if key else None


def _page(data: Mapping[str, Any]) -> PageRequest:
    return PageRequest(limit=data["limit"], after=data.get("nextToken"))


def _token(value: Any) -> str:
    try:
        if not 0 < len(value) <= _LONGEST_TOKEN:
            raise ValueError("of no length that ours have")  # noqa: TRY301 - said once, below
        return base64.b64decode(value.encode(), b"-_", validate=True).decode()
    except ValueError as error:
        raise Invalid("is no nextToken of this service: give back one as it is") from error


def _limit(value: Any) -> int:
    if not _NUMBER.fullmatch(value) or int(value) > LONGEST_PAGE:
        raise Invalid(f"must be a whole number from 1 to {LONGEST_PAGE}")
    return int(value)


def _time(value: Any) -> datetime:
    try:
        if not _TIME.fullmatch(value):
            raise ValueError("not of the form that is told")  # noqa: TRY301 - said once, below
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid("must be a time such as 2026-01-31T12:00:00Z") from error


def _one_of(known: Mapping[str, Any]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if value not in known:
            raise Invalid(f"must be one of {', '.join(known)}")
        return known[value]

    return check


_PAGE = {Optional("limit", default=str(_USUAL_PAGE)): _limit, Optional("nextToken"): _token}
_STACKS = {
    Optional("team"): fields.REQUIRED_TAG,
    Optional("environment"): _one_of({name.lower(): name for name in Environment}),
    Optional("version"): fields.VERSION,
    Optional("status"): _one_of({status.value: status for status in RowStatus}),
    **_PAGE,
}
_STACK = {Optional("live", default="false"): _one_of({"true": True, "false": False})}
_EVENTS = {
    Optional("since"): _time,
    Optional("until"): _time,
    Optional("operation"): fields.matching(OPERATION_ID, "must be the id of an operation"),
    **_PAGE,
}
