"""Paged lists: one page with --json, otherwise as many pages as the limit requires."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from devops_cli.failures import NotTheServiceError
from devops_cli.responses import Object, Response, get_objects, get_text
from devops_cli.session import Session

_PAGE = 100  # entries; the maximum page size of the service


@dataclass(frozen=True)
class Page:
    """The options of commands that print lists."""

    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Maximum number of entries; with --json, per page."),
    ] = None
    next_token: Annotated[
        str | None,
        typer.Option(metavar="TOKEN", help="nextToken of the previous page."),
    ] = None


@dataclass(frozen=True)
class Listing:
    """The entries of all pages that were read.

    `last` is the response with the last page. `more` is whether the limit left out entries.
    """

    entries: list[Object]
    last: Response
    more: bool = False

    def report_more(self, session: Session) -> None:
        """Print a hint if the limit left out entries."""
        if self.more:
            session.notice(f"There is more: --limit {2 * len(self.entries)}")


def read(
    session: Session, path: str, name: str, query: Mapping[str, Any], page: Page, limit: int = 0
) -> Listing:
    """Read the list `name` from `path`.

    The number of entries is limited by the option --limit, or else by `limit`; 0 means unlimited.
    With --json exactly one page is read, and `entries` is empty.

    Raises:
        CliError: no response was received, or it is an error.

    """
    if session.common.as_json:
        one_page = {**query, "limit": page.limit, "nextToken": page.next_token}
        return Listing([], session.api.get(path, one_page))
    maximum = page.limit or limit
    entries: list[Object] = []
    token = page.next_token
    while True:
        size = min(maximum - len(entries), _PAGE) if maximum else _PAGE
        response = session.api.get(path, {**query, "limit": size, "nextToken": token})
        entries += get_objects(response.body, name)
        previous, token = token, get_text(response.body, "nextToken") or None
        if not token:
            return Listing(entries, response)
        if token == previous:
            raise NotTheServiceError("the service returned the same nextToken twice")
        if maximum and len(entries) >= maximum:
            return Listing(entries, response, more=True)
