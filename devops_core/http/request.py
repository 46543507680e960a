"""An HTTP request of API Gateway."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from devops_core.access import principal
from devops_core.errors import (
    CrossSiteError,
    InvalidRequestError,
    PreconditionFailedError,
    PreconditionRequiredError,
    brief,
    printable,
)
from devops_core.naming import APPLICATION_NAME, OPERATION_ID

if TYPE_CHECKING:
    from datetime import datetime

    from devops_core.engine.run import RequestContext
    from devops_core.ports import Cloud

MAX_BODY_BYTES = 16 * 1024
# A specification can have this size (`requests.specification_rules.MAX_DOCUMENT_BYTES`).
MAX_SPECIFICATION_BYTES = 64 * 1024
_SPECIFICATION_CALLS = {
    ("POST", "/stacks"),
    ("PUT", "/stacks/{applicationName}/spec"),
    ("PATCH", "/stacks/{applicationName}/spec"),
}
# API Gateway ends a request after 29 s (Amazon API Gateway Developer Guide, quotas).
MAX_WAIT_SECONDS = 25
# A preference may have parameters; unknown ones are ignored (RFC 7240, 2).
_WAIT = re.compile(r"\s*wait\s*=\s*\"?([0-9]{1,9})\"?\s*(?:;.*)?", re.IGNORECASE)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_DRY_RUN = re.compile(r"[\W_]*dry[\W_]*run[\W_]*", re.IGNORECASE)
# The ETag of a specification: its revision.
_REVISION_TAG = re.compile(r'"([1-9][0-9]{0,7})"')
# Any entity tag (RFC 9110, 8.8.3).
_ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_FLAGS = ("true", "false")


class Request:
    """One request. The access to a malformed part raises InvalidRequestError.

    `id` is API Gateway's request id, which the log and the response contain. `route` is the route
    of API Gateway, for example "/stacks/deploy". `caller` is the IAM ARN, else the id of the API
    key, else the address. `wait_seconds` is the preferred wait (RFC 7240), at most 25 s, and
    `wait_until` its end; both are None without a preference.
    """

    def __init__(self, event: Mapping[str, Any], cloud: Cloud) -> None:
        self.cloud = cloud
        self.arrived = cloud.clock.now()
        self._event = event
        self._context: Mapping[str, Any] = event.get("requestContext") or {}
        self._headers = {
            name.lower(): value for name, value in (event.get("headers") or {}).items()
        }
        identity = self._context.get("identity") or {}
        address = f"address {identity.get('sourceIp')}"
        caller = identity.get("userArn") or identity.get("apiKeyId") or address
        preferences = str(self._headers.get("prefer", "")).split(",")
        waits = [found for preference in preferences if (found := _WAIT.fullmatch(preference))]
        self.wait_seconds = min(int(waits[0][1]), MAX_WAIT_SECONDS) if waits else None
        self.wait_until: datetime | None = None
        if self.wait_seconds is not None:
            # The preferred wait begins now, so that it includes the time of the claim.
            self.wait_until = self.arrived + timedelta(seconds=self.wait_seconds)
        self.id = printable(str(self._context.get("requestId", "")))
        self.route = printable(str(event.get("resource") or event.get("path") or ""))
        self.caller = printable(str(caller))

    def refuse_web_page(self) -> None:
        """Raise CrossSiteError for a request of a web page, if callers are not authenticated.

        A page that a person in an allowed network opens could otherwise start a write with a form
        or a script. Browsers add `Origin` to each POST and DELETE of a page, and `Sec-Fetch-Site`
        to all requests; its value is "none" for an address that a person types (Fetch Standard,
        "Origin header"; Fetch Metadata Request Headers, 2.4). No page of the API itself exists.
        """
        if self.cloud.settings.authentication != "none":
            return
        site = self._headers.get("sec-fetch-site", "none")
        if "origin" in self._headers or site != "none":
            raise CrossSiteError(
                "a web page cannot call this API, because it does not authenticate callers (auth:"
                " none): call it from a program without the headers Origin and Sec-Fetch-Site"
            )

    @property
    def facts(self) -> dict[str, Any]:
        """The members of the log lines about the request, also if it is refused."""
        method = self._event.get("httpMethod")
        facts = {"requestId": self.id, "route": f"{method} {self.route}", "caller": self.caller}
        for name, pattern, value in (
            ("applicationName", APPLICATION_NAME, self._application),
            ("operation", OPERATION_ID, self.parameters.get("id")),
        ):
            # An invalid name can have any content and any length.
            if isinstance(value, str) and pattern.fullmatch(value):
                facts[name] = value
        return facts

    @property
    def _application(self) -> Any:
        """The application of the path, the query or the body, None without one."""
        try:
            body = self.body if self.has_body else {}
            given = {**self.query, **(body if isinstance(body, dict) else {}), **self.parameters}
        except InvalidRequestError:
            given = dict(self.parameters)
        return given.get("applicationName", given.get("stack"))

    @property
    def parameters(self) -> Mapping[str, str]:
        """The parameters of the path."""
        return self._event.get("pathParameters") or {}

    @property
    def query(self) -> Mapping[str, str]:
        """The query parameters; InvalidRequestError for a repeated one."""
        several = self._event.get("multiValueQueryStringParameters") or {}
        twice = [name for name, values in several.items() if len(values) > 1]
        if twice:
            # API Gateway uses the last value, other readers the first.
            raise InvalidRequestError(
                [(brief(name), "must not occur more than once") for name in twice]
            )
        return self._event.get("queryStringParameters") or {}

    @property
    def method(self) -> str:
        """The HTTP method."""
        return str(self._event.get("httpMethod"))

    @property
    def expected_revision(self) -> int | None:
        """The revision in `If-Match` (RFC 9110, 13.1.1); None for `*`, and without it for a PATCH.

        Raises PreconditionRequiredError for a PUT without it (RFC 6585, 3), InvalidRequestError for
        another value than one entity tag, and PreconditionFailedError for a tag that no revision
        has. A weak tag never matches (RFC 9110, 8.8.3.2).
        """
        given = self._headers.get("if-match")
        if given is None and self.method == "PUT":
            raise PreconditionRequiredError(
                "a PUT needs the header If-Match with the revision that it replaces, as the ETag of"
                " a GET has it"
            )
        if given is None or given.strip() == "*":
            return None
        if not _ENTITY_TAG.fullmatch(given.strip()):
            problem = 'must be one ETag of a GET with its quotes, for example "3", or *'
            raise InvalidRequestError([("If-Match", problem)])
        found = _REVISION_TAG.fullmatch(given.strip())
        if not found:
            raise PreconditionFailedError(
                'no revision has the ETag of If-Match: send the ETag of a GET, for example "3"'
            )
        return int(found[1])

    @property
    def named(self) -> dict[str, str]:
        """The query parameters of a DELETE without a body."""
        return {name: value for name, value in self.query.items() if name != "dryRun"}

    @property
    def dry_run(self) -> bool:
        """Whether the caller requests only the plan; InvalidRequestError for an unclear value.

        A similar parameter name is refused too, because it must not start the real operation.
        """
        alike = [name for name in self.query if _DRY_RUN.fullmatch(name)]
        wrong = [name for name in alike if name != "dryRun" or self.query[name] not in _FLAGS]
        if wrong:
            problem = "must be dryRun=true or dryRun=false"
            raise InvalidRequestError([(brief(name), problem) for name in wrong])
        return self.query.get("dryRun") == "true"

    @property
    def force(self) -> bool:
        """Whether the caller ends an operation by force; InvalidRequestError for another value."""
        value = self.query.get("force", "false")
        if value not in _FLAGS:
            raise InvalidRequestError([("force", "must be true or false")])
        return value == "true"

    @property
    def base_url(self) -> str:
        """The public URL of the API, with the stage or the base path of a domain."""
        if self.cloud.settings.public_url:
            return self.cloud.settings.public_url
        # The route has the last segments of the path. The event's `path` is not enough: with a
        # custom domain it contains the base path too (powertools-lambda issue 34).
        whole = str(self._context.get("path", "")).rstrip("/")
        prefix = whole.rsplit("/", self.route.count("/"))[0]
        return f"https://{self._context.get('domainName', '')}{prefix}"

    def operation_url(self, application: str, operation_id: str) -> str:
        """Return the URL of an operation's status."""
        return f"{self.base_url}/stacks/{application}/operations/{operation_id}"

    @cached_property
    def body(self) -> Any:
        """The JSON body; InvalidRequestError if it is empty, too large or not JSON in UTF-8.

        Ambiguous JSON is refused too: repeated names, NaN, other encodings (RFC 8259, 4 and 8). A
        byte order mark at the start is ignored, because some editors and shells add it.
        """
        content = self._content()
        if not content.strip():
            raise InvalidRequestError([("body", "is empty: send a JSON object")])
        call = self._event.get("httpMethod"), self.route
        longest = MAX_SPECIFICATION_BYTES if call in _SPECIFICATION_CALLS else MAX_BODY_BYTES
        if len(content) > longest:
            size = len(content)
            raise InvalidRequestError([("body", f"has {size} bytes: send at most {longest}")])
        try:
            return json.loads(
                content.decode("utf-8-sig"), object_pairs_hook=_members, parse_constant=_no_number
            )
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise InvalidRequestError([("body", f"is not JSON: {error.msg}, {where}")]) from error
        except (ValueError, RecursionError) as error:
            raise InvalidRequestError([("body", "is not valid JSON")]) from error

    def _content(self) -> bytes:
        raw = str(self._event.get("body") or "")
        try:
            if self._event.get("isBase64Encoded"):
                return base64.b64decode(raw, validate=True)
            return raw.encode()
        except ValueError as error:
            raise InvalidRequestError([("body", "is not valid text")]) from error

    @property
    def has_body(self) -> bool:
        """Whether the request has a body: some clients drop the body of a DELETE."""
        return bool((self._event.get("body") or "").strip())

    def context(self, kind: str, body: Any) -> RequestContext:
        """Return the context of a write of a kind with a body."""
        from devops_core.engine.run import RequestContext

        key = self._headers.get("idempotency-key")
        if key is not None and not _KEY.fullmatch(key):
            problem = "must be 1 to 255 printable ASCII characters without spaces"
            raise InvalidRequestError([("Idempotency-Key", problem)])
        if self.dry_run:
            key = None
        # Keys belong to callers, because two teams may use the same key. A role's session is not
        # part of the key, because a pipeline has a new session for every attempt.
        if key:
            key = f"{principal(self.caller) or self.caller} {key}"
        canonical = json.dumps([kind, body], sort_keys=True, separators=(",", ":"))
        fingerprint = hashlib.sha256(canonical.encode()).hexdigest()
        return RequestContext(self.caller, self.arrived, key, fingerprint, self.dry_run)


def _members(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object; InvalidRequestError for a repeated name."""
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRequestError([("body", f'has the member "{brief(twice)}" more than once')])
    return members


def _no_number(name: str) -> Any:
    """Refuse NaN and Infinity, which Python reads but JSON does not define."""
    raise ValueError(f"{name} is not a JSON number")
