"""Clients of AWS with the credentials of the caller, and the names of missing permissions.

Only `devops doctor` and `devops init` call AWS; they only read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials

Clients = Mapping[str, Any]
# The prefixes of IAM actions that differ from the names of clients.
_PREFIXES = {"elbv2": "elasticloadbalancing"}
_CONFIG = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2}
)
DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
)


def action(service: str, operation: str) -> str:
    """Return the IAM action of a call."""
    return f"{_PREFIXES.get(service, service)}:{operation}"


@contextmanager
def clients(keys: ReadOnlyCredentials, region: str, names: Iterable[str]) -> Iterator[Clients]:
    """Return a client for each service, and close their connections at the end."""
    session = botocore.session.Session()
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                closing(
                    session.create_client(
                        name,
                        region_name=region,
                        aws_access_key_id=keys.access_key,
                        aws_secret_access_key=keys.secret_key,
                        aws_session_token=keys.token,
                        config=_CONFIG,
                    )
                )
            )
            for name in names
        }


def pages(client: Any, operation: str, member: str, **request: Any) -> Iterator[Any]:
    """Yield the items of all pages of a list."""
    for page in client.get_paginator(operation).paginate(**request):
        yield from page.get(member, ())
