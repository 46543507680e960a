"""HTTP calls to the service: signed, with time-outs, and retried where a retry is safe."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import httpx

from devops_cli import __version__, certificates, config, denials
from devops_cli.clock import Clock
from devops_cli.config import Profile
from devops_cli.failures import (
    ApiError,
    CertificateError,
    CliError,
    UnreachableError,
    UsageError,
)
from devops_cli.responses import LONGEST_PAUSE, Object, Response, error_code, retry_after

# Seconds. API Gateway ends a request after 29.
TIMEOUT = httpx.Timeout(connect=10, read=35, write=10, pool=10)
# Seconds for a complete request. The time-outs above apply to each read and write, so a server that
# sends one byte at a time could extend a request without a limit.
TOTAL_TIMEOUT = 60.0
# Bytes of a response body, the limit of API Gateway (quotas of a REST API).
_LONGEST_BODY = 10 * 1024 * 1024
# Seconds before each retry, unless the response has Retry-After.
_PAUSES = (0.5, 1, 2, 4)
ATTEMPTS = len(_PAUSES) + 1
# Statuses that are worth a retry. A write has an Idempotency-Key, so a retry does not repeat it.
_TRANSIENT = {429, 500, 502, 503, 504}
# Codes of the service with status 502 that a retry does not change. Another 502 comes from a proxy
# or from API Gateway.
PERMANENT = {"ACCESS_DENIED", "AWS_ERROR", "REFUSED"}
_UNSIGNED = (
    "The call was not signed: no AWS credentials were found.",
    "Create some with `aws configure` or `aws sso login`; select a profile with AWS_PROFILE.",
)


class _Received(NamedTuple):
    """A response with its complete body."""

    status_code: int
    content: bytes
    headers: Mapping[str, str]


class Api:
    """A client of the service.

    Args:
        address: the URL of the service, without a slash at its end.
        http: the HTTP client.
        clock: waits before a retry.
        notice: receives a line of text for each retry.
        auth: signs the requests; without it, a refusal (401, 403) mentions the missing signature.
        total_timeout: the limit for each complete request, in seconds.
        trusted: the place of the trusted certificates, for a message.

    """

    def __init__(
        self,
        address: str,
        http: httpx.Client,
        clock: Clock,
        notice: Callable[[str], None],
        *,
        auth: httpx.Auth | None,
        total_timeout: float,
        trusted: str = "",
    ) -> None:
        self.address = address
        self._http = http
        self._clock = clock
        self._notice = notice
        self._auth = auth
        self._total_timeout = total_timeout
        self._trusted = trusted

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(
        self, path: str, query: Mapping[str, Any] | None = None, *, attempts: int = ATTEMPTS
    ) -> Response:
        """Send a GET request to a path of the service, or to a complete URL.

        Raises:
            CliError: no response was received, or it is an error.

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
        wait: int = 0,
        expected: str = "",
    ) -> Response:
        """Send a request and return the response, with at most `attempts` attempts.

        `key` is the Idempotency-Key. With `wait`, the service responds at the end of the operation,
        or after that many seconds. `expected` is the ETag that must still be the present one.
        Members of `query` that are None are not sent.

        Raises:
            UnreachableError: no response was received.
            CertificateError: the certificate of the server cannot be verified.
            NotTheServiceError: the response does not come from the service.
            ApiError: the response is an error.
            UsageError: the request cannot be built.

        """
        headers = {"Idempotency-Key": key} if key else {}
        headers |= {"Prefer": f"wait={wait}"} if wait else {}
        headers |= {"If-Match": expected} if expected else {}
        request = self._request(method, path, query, body, headers)
        may_be_accepted = False
        for attempt in range(attempts - 1):
            result = self._try(request)
            pause = _retry_delay(result, attempt)
            if pause is None:
                break
            may_be_accepted = may_be_accepted or _may_be_accepted(result)
            self._notice(f"{self.address}: {_problem(result)}; retrying in {pause:g} s")
            self._clock.pause(pause)
        else:
            result = self._try(request)
        try:
            return self._to_response(result, request)
        except CliError as error:
            error.may_be_accepted = may_be_accepted or _may_be_accepted(result)
            raise

    def _try(self, request: httpx.Request) -> _Received | httpx.HTTPError:
        """Sign a request and send it; return the response or the error."""
        if self._auth:
            # Here and not in the thread below: credentials can ask the person for a code.
            request = next(self._auth.sync_auth_flow(request))
        results: list[_Received | BaseException] = []

        def exchange() -> None:
            try:
                results.append(self._exchange(request))
            except BaseException as error:  # noqa: BLE001 - raised again below
                results.append(error)

        # A daemon thread does not delay the end of the program.
        thread = threading.Thread(target=exchange, daemon=True)
        thread.start()
        thread.join(self._total_timeout)
        result = results[0] if results else httpx.ReadTimeout("timed out")
        if isinstance(result, (_Received, httpx.HTTPError)):
            return result
        raise result

    def _exchange(self, request: httpx.Request) -> _Received:
        content = b""
        try:
            response = self._http.send(request, stream=True)
        except httpx.InvalidURL as error:  # in the header Location, which httpx always parses
            raise httpx.RemoteProtocolError(f"Location: {error}") from error
        try:
            for part in response.iter_bytes():
                content += part
                if len(content) > _LONGEST_BODY:
                    raise httpx.ReadError(f"the response exceeds {_LONGEST_BODY} bytes")
        finally:
            response.close()
        return _Received(response.status_code, content, response.headers)

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: Object | None,
        headers: Mapping[str, str],
    ) -> httpx.Request:
        try:
            url = self._url(path, query)
            return self._http.build_request(method, url, json=body, headers=headers)
        except (httpx.InvalidURL, UnicodeEncodeError) as error:
            raise UsageError(f"{method} {path} cannot be sent: {error}") from error

    def _to_response(self, result: _Received | httpx.HTTPError, request: httpx.Request) -> Response:
        if isinstance(result, httpx.HTTPError):
            if invalid := certificates.find_error(result):
                raise CertificateError(
                    f"the certificate of {self.address} cannot be verified:"
                    f" {invalid.verify_message.rstrip('.')}",
                    *certificates.hints(invalid, self._trusted),
                ) from result
            message = f"no response from {self.address}: {_problem(result)}"
            raise UnreachableError(message) from result
        response = Response.parse(result.status_code, result.content, result.headers, self.address)
        if not response.is_error:
            return response
        if response.status not in (401, 403):
            raise ApiError(response)
        path = request.url.path.removeprefix(urlsplit(self.address).path)
        unsigned = () if self._auth else _UNSIGNED
        raise ApiError(response, *unsigned, *denials.hints(response, request.method, path))

    def _url(self, path: str, query: Mapping[str, Any] | None) -> str:
        url = path if "://" in path else f"{self.address}{path}"
        given = {name: value for name, value in (query or {}).items() if value is not None}
        # Signature Version 4 requires strict percent-encoding; httpx leaves some characters as is.
        return f"{url}?{urlencode(given, quote_via=quote, safe='')}" if given else url


def _retry_delay(result: _Received | httpx.HTTPError, attempt: int) -> float | None:
    """Return the seconds to wait before a retry; None if the call must not be retried."""
    if isinstance(result, httpx.HTTPError):
        return None if certificates.find_error(result) else _PAUSES[attempt]
    if result.status_code not in _TRANSIENT:
        return None
    if _is_refusal(result):
        return None
    requested = retry_after(result.headers)
    pause = _PAUSES[attempt] if requested is None else requested
    # After a longer pause the person decides about a retry.
    return pause if pause <= LONGEST_PAUSE else None


def _may_be_accepted(result: _Received | httpx.HTTPError) -> bool:
    """Return whether the service may have accepted a request with this result."""
    if isinstance(result, httpx.HTTPError):
        return certificates.find_error(result) is None
    if _is_refusal(result):
        return False
    return result.status_code < 400 or result.status_code in (408, 424) or result.status_code >= 500


def _is_refusal(result: _Received) -> bool:
    """Return whether a status 502 comes from the service, and not from a proxy."""
    return result.status_code == 502 and error_code(result.content) in PERMANENT


def _problem(result: _Received | httpx.HTTPError) -> str:
    if isinstance(result, httpx.HTTPError):
        return str(result) or type(result).__name__
    return f"status {result.status_code}"


def connect(
    profile: Profile,
    auth: httpx.Auth | None,
    transport: httpx.BaseTransport | None,
    clock: Clock,
    notice: Callable[[str], None],
    total_timeout: float = TOTAL_TIMEOUT,
    trust: certificates.Trust | None = None,
) -> Api:
    """Return a client for the service of a profile.

    `transport` replaces the network in tests; None uses the network. It uses the proxies of the
    environment, but not for an http address of this machine: the API key and the signature would
    leave the machine without encryption. `trust` has the trusted certificates; None is the default.

    Raises:
        UsageError: the proxy settings of the environment are not valid.

    """
    trust = trust or certificates.load({})
    return Api(
        profile.api,
        _http_client(profile, transport, trust),
        clock,
        notice,
        auth=auth,
        total_timeout=total_timeout,
        trusted=trust.source,
    )


def _http_client(
    profile: Profile, transport: httpx.BaseTransport | None, trust: certificates.Trust
) -> httpx.Client:
    headers = {"User-Agent": f"devops-cli/{__version__}", "Accept": "application/json"}
    if profile.api_key:
        headers["x-api-key"] = profile.api_key
    direct = urlsplit(profile.api).scheme == "http" and config.is_loopback(profile.api)
    mounts = {"http://": None} if direct else {}
    try:
        return httpx.Client(
            headers=headers,
            timeout=TIMEOUT,
            transport=transport,
            mounts=mounts,
            verify=trust.context,
        )
    except (ValueError, OSError, httpx.InvalidURL) as error:
        raise UsageError(
            f"the HTTP client cannot be set up: {error}",
            "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY.",
        ) from error
