"""The runtime of a command: terminal, environment variables, network, credentials, clock.

Commands receive it as an argument (`obj` of Typer's context), so that tests can replace it.
"""

from __future__ import annotations

import io
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
    from devops_cli.signing import CredentialSource

# Columns if the output is not a terminal: wide enough that no line is cut off or wrapped.
_WIDE = 2000


@dataclass(frozen=True)
class Runtime:
    """The runtime of one command.

    `credentials` returns the credential source for a profile. `transport` replaces the network in
    tests; None uses the network. `interactive` is whether the command can ask a question.
    """

    environment: Mapping[str, str]
    out: Console
    err: Console
    clock: Clock
    credentials: Callable[[Profile], CredentialSource]
    transport: httpx.BaseTransport | None = None
    interactive: bool = False


def console(
    environment: Mapping[str, str],
    *,
    terminal: bool,
    stderr: bool = False,
    width: int | None = None,
) -> Console:
    """Return a console that does not interpret markup, because texts come from the service.

    `terminal` is whether the output is a terminal; only then are there colours, unless NO_COLOR or
    TERM disable them. `width` is in columns; None takes the width of the terminal.
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


def print_on(console: Console, item: RenderableType) -> None:
    """Print a text or a table; the terminal wraps texts, so that they can be copied."""
    console.print(item, soft_wrap=isinstance(item, Text) or None)


def system_runtime() -> Runtime:
    """Return the runtime of the machine: the standard streams, the network and the clock.

    Characters that the encoding of stdout lacks become question marks; stderr has escape sequences.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return Runtime(
        environment=os.environ,
        out=console(os.environ, terminal=sys.stdout.isatty()),
        err=console(os.environ, terminal=sys.stderr.isatty(), stderr=True),
        clock=SystemClock(),
        credentials=_credential_source,
        interactive=sys.stdin.isatty() and sys.stderr.isatty(),
    )


def _credential_source(profile: Profile) -> CredentialSource:
    from devops_cli import signing  # botocore is slow to import, and only requests need it

    return signing.credential_source(profile)
