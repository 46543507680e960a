"""Lists that come in pages: one page for programs, as many as it takes for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from devops_cli.answers import Answer, Object, parts, word
from devops_cli.failures import NotTheServiceError
from devops_cli.session import Session

_PAGE = 100  # the most that the service gives at once


@dataclass(frozen=True)
class Page:
    """The options of commands that show lists."""

    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="At most so many. With --json: of the one page."),
    ] = None
    next_token: Annotated[
        str | None,
        typer.Option(metavar="TOKEN", help="Go on where a page ended: its nextToken."),
    ] = None


@dataclass(frozen=True)
class Found:
    """What was read: members of all pages, the last page, and whether a limit has left some out."""

    members: list[Object]
    last: Answer
    more: bool = False

    def tell_of_more(self, session: Session) -> None:
        """Say that there is more, if there is."""
        if self.more:
            session.notice(f"There is more: --limit {2 * len(self.members)}")


def read(
    session: Session, path: str, name: str, query: Mapping[str, Any], page: Page, limit: int = 0
) -> Found:
    """Read the members of a list: all, or as many as the options say, or else `limit`.

    With --json it is the one page that the options ask for.

    Raises:
        CliError: there is no answer, or it is an error.

    """
    if session.common.as_json:
        asked = {**query, "limit": page.limit, "nextToken": page.next_token}
        return Found([], session.api.get(path, asked))
    wanted = page.limit or limit
    members: list[Object] = []
    token = page.next_token
    while True:
        size = min(wanted - len(members), _PAGE) if wanted else _PAGE
        answer = session.api.get(path, {**query, "limit": size, "nextToken": token})
        members += parts(answer.body, name)
        before, token = token, word(answer.body, "nextToken") or None
        if not token:
            return Found(members, answer)
        if token == before:
            raise NotTheServiceError("the service gives the same page again and again")
        if wanted and len(members) >= wanted:
            return Found(members, answer, more=True)
