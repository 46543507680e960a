"""What a command meets outside: terminal, environment, network, credentials, clock.

Commands get it as an argument (`obj` of Typer's context), so that tests give them another one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.text import Text

from devops_cli.clock import Clock, SystemClock

if TYPE_CHECKING:
    import httpx

    from devops_cli.config import Profile
    from devops_cli.signing import Source

# Columns of what is no terminal: programs read it, so nothing is cut off or wrapped.
_WIDE = 2000


@dataclass(frozen=True)
class World:
    """The world of one command.

    `transport` stands for the network if it is None; `session` looks for credentials. `asks` says
    whether a person can be asked. Progress is drawn anew in place on a terminal that can do so.
    """

    environment: Mapping[str, str]
    out: Console
    err: Console
    clock: Clock
    session: Callable[[Profile], Source]
    transport: httpx.BaseTransport | None = None
    asks: bool = False


def console(
    environment: Mapping[str, str],
    *,
    terminal: bool,
    stderr: bool = False,
    width: int | None = None,
) -> Console:
    """Return a console that takes text as it is: what the service says is never markup.

    `terminal` says whether a person looks at it. There are colours then, unless NO_COLOR or TERM
    of the environment forbid them. Its width is that of the terminal unless one is given.
    """
    return Console(
        stderr=stderr,
        width=width if terminal else _WIDE,
        force_terminal=terminal,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=not terminal,
        _environ=environment,
    )


def say(where: Console, what: RenderableType) -> None:
    """Print a sentence or a table; the terminal wraps sentences, so that they can be copied."""
    where.print(what, soft_wrap=isinstance(what, Text) or None)


def real() -> World:
    """Return the machine's own."""
    return World(
        environment=os.environ,
        out=console(os.environ, terminal=sys.stdout.isatty()),
        err=console(os.environ, terminal=sys.stderr.isatty(), stderr=True),
        clock=SystemClock(),
        session=_session,
        asks=sys.stdin.isatty() and sys.stderr.isatty(),
    )


def _session(profile: Profile) -> Source:
    from devops_cli import signing  # botocore is slow to import, and only calls need it

    return signing.session(profile)
