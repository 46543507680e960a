"""Calls of the service: signed, with time-outs, and repeated where that does no harm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from devops_cli import __version__
from devops_cli.answers import Answer, Object, retry_after
from devops_cli.clock import Clock
from devops_cli.config import Profile
from devops_cli.failures import ApiError, UnreachableError, UsageError

# Seconds. API Gateway cuts an answer off after 29.
TIMEOUT = httpx.Timeout(connect=10, read=35, write=10, pool=10)
# Seconds before a call is sent again, unless the service says when.
_PAUSES = (0.5, 1, 2, 4)
ATTEMPTS = len(_PAUSES) + 1
# A longer Retry-After than this is for the person to decide on.
LONGEST_PAUSE = 60.0
# What may go away by itself. A write carries an Idempotency-Key, so that it is done once.
_PASSING = {429, 500, 503, 504}
_UNSIGNED = (
    "The call was not signed: no AWS credentials were found.",
    "`aws configure` or `aws sso login` makes some, AWS_PROFILE chooses among them.",
)


class Api:
    """The service at an address.

    Args:
        address: without a slash at its end.
        http: sends and signs.
        clock: lets time pass before a call is repeated.
        notice: is told of each call that is repeated.
        signed: whether calls are signed or have a key; what a refusal may be due to.

    """

    def __init__(
        self,
        address: str,
        http: httpx.Client,
        clock: Clock,
        notice: Callable[[str], None],
        *,
        signed: bool = True,
    ) -> None:
        self.address = address
        self._http = http
        self._clock = clock
        self._notice = notice
        self._signed = signed

    def get(
        self, path: str, query: Mapping[str, Any] | None = None, *, attempts: int = ATTEMPTS
    ) -> Answer:
        """Read a path of the service, or a whole URL of it.

        Raises:
            CliError: there is no answer, or it is an error.

        """
        return self.send("GET", path, query, attempts=attempts)

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Object | None = None,
        *,
        key: str = "",
        attempts: int = ATTEMPTS,
    ) -> Answer:
        """Call the service and return its answer, after as many attempts as are given at most.

        `key` is the Idempotency-Key; members of `query` that are None are left out.

        Raises:
            UnreachableError, NotTheServiceError, ApiError: no answer, none of the service, an
                error.

        """
        request = self._request(method, path, query, body, key)
        for attempt in range(attempts - 1):
            tried = self._try(request)
            pause = _pause(tried, attempt)
            if pause is None:
                return self._judged(tried)
            self._notice(f"{self.address}: {_trouble(tried)}; again in {pause:g} s")
            self._clock.pause(pause)
        return self._judged(self._try(request))

    def _try(self, request: httpx.Request) -> httpx.Response | httpx.HTTPError:
        try:
            return self._http.send(request)
        except httpx.HTTPError as error:
            return error

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: Object | None,
        key: str,
    ) -> httpx.Request:
        headers = {"Idempotency-Key": key} if key else {}
        try:
            url = self._url(path, query)
            return self._http.build_request(method, url, json=body, headers=headers)
        except (httpx.InvalidURL, UnicodeEncodeError) as error:
            raise UsageError(f"{method} {path} cannot be sent: {error}") from error

    def _judged(self, response: httpx.Response | httpx.HTTPError) -> Answer:
        if isinstance(response, httpx.HTTPError):
            said = f"no answer from {self.address}: {_trouble(response)}"
            raise UnreachableError(said) from response
        answer = Answer.of(response.status_code, response.content, response.headers, self.address)
        if not answer.is_error:
            return answer
        unsigned = answer.status in (401, 403) and not self._signed
        raise ApiError(answer, *(_UNSIGNED if unsigned else ()))

    def _url(self, path: str, query: Mapping[str, Any] | None) -> str:
        url = path if "://" in path else f"{self.address}{path}"
        given = {name: value for name, value in (query or {}).items() if value is not None}
        # A signature is of the strictest encoding, which httpx does not use of itself.
        return f"{url}?{urlencode(given, quote_via=quote, safe='')}" if given else url


def _pause(tried: httpx.Response | httpx.HTTPError, attempt: int) -> float | None:
    """Return after how many seconds a call is to be repeated; None if it is not."""
    if isinstance(tried, httpx.HTTPError):
        return _PAUSES[attempt]
    if tried.status_code not in _PASSING:
        return None
    asked = retry_after(tried.headers)
    pause = _PAUSES[attempt] if asked is None else asked
    return pause if pause <= LONGEST_PAUSE else None


def _trouble(tried: httpx.Response | httpx.HTTPError) -> str:
    if isinstance(tried, httpx.HTTPError):
        return str(tried) or type(tried).__name__
    return f"it answered {tried.status_code}"


def connect(
    profile: Profile,
    auth: httpx.Auth | None,
    transport: httpx.BaseTransport | None,
    clock: Clock,
    notice: Callable[[str], None],
) -> Api:
    """Return the service of a profile; without a transport it is called over the network."""
    headers = {"User-Agent": f"devops-cli/{__version__}", "Accept": "application/json"}
    if profile.api_key:
        headers["x-api-key"] = profile.api_key
    try:
        http = httpx.Client(auth=auth, headers=headers, timeout=TIMEOUT, transport=transport)
    except (ValueError, OSError, httpx.InvalidURL) as error:
        raise UsageError(
            f"no call can be made: {error}",
            "HTTP_PROXY, HTTPS_PROXY, NO_PROXY or SSL_CERT_FILE may be wrong.",
        ) from error
    return Api(profile.api, http, clock, notice, signed=auth is not None)
