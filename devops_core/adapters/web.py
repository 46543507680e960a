"""HTTP: requests for pages of an application, through its load balancer."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

from devops_core.errors import UnreachableError

# Seconds until a request fails. A function outside the VPC gets no response from an internal load
# balancer, and the swap waits for this timeout.
TIMEOUT = 3.0


class HttpWeb:
    """`ports.Web` over urllib, which botocore imports anyway; uses the environment's proxies.

    It does not follow redirects, because they can lead to any host.
    """

    def __init__(self) -> None:
        self._opener = urllib.request.build_opener(_NoRedirects)

    def get(self, url: str) -> int:
        """Return the HTTP status of a page; UnreachableError without a response within 3 s."""
        if not url.startswith(("http://", "https://")):
            raise UnreachableError(f"{url} is not an HTTP URL")
        try:
            with self._opener.open(url, timeout=TIMEOUT) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except (OSError, ValueError) as error:
            raise UnreachableError(f"no response: {getattr(error, 'reason', error)}") from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Return the redirect itself as the response."""
