"""Plain HTTP: pages of an application, fetched through its load balancer."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

from devops_core.errors import UnreachableError

# A load balancer in the VPC that the function is not in does not answer at all: this long it is
# waited for, and production with it.
TIMEOUT = 3.0


class HttpWeb:
    """`ports.Web` over urllib, which botocore has imported anyway; proxies as the environment says.

    No redirect is followed: it might lead anywhere.
    """

    def __init__(self) -> None:
        self._opener = urllib.request.build_opener(_NoRedirects)

    def get(self, url: str) -> int:
        """Return the HTTP status of a page; UnreachableError without an answer within 3 s."""
        if not url.startswith(("http://", "https://")):
            raise UnreachableError(f"{url} is no URL of a page")
        try:
            with self._opener.open(url, timeout=TIMEOUT) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except (OSError, ValueError) as error:
            raise UnreachableError(f"no answer: {getattr(error, 'reason', error)}") from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Let the answer that would redirect be the answer."""
