"""An HTTP request as API Gateway hands it over, taken apart."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from devops_core.access import principal
from devops_core.errors import InvalidRequestError, brief, printable
from devops_core.naming import APPLICATION_NAME, OPERATION_ID
from devops_core.operations.origin import Origin, fingerprint

if TYPE_CHECKING:
    from devops_core.ports import Cloud

MAX_BODY_BYTES = 16 * 1024
# API Gateway ends a request after 29 s (Amazon API Gateway Developer Guide, quotas).
MAX_WAIT_SECONDS = 25
# A preference may bring parameters; those that are not known are passed over (RFC 7240, 2).
_WAIT = re.compile(r"\s*wait\s*=\s*\"?([0-9]{1,9})\"?\s*(?:;.*)?", re.IGNORECASE)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_DRY_RUN = re.compile(r"[\W_]*dry[\W_]*run[\W_]*", re.IGNORECASE)
_FLAGS = ("true", "false")


class Request:
    """One request: who, what, and what it may wait for. Reading a broken part raises 400."""

    def __init__(self, event: Mapping[str, Any], cloud: Cloud) -> None:
        self.cloud = cloud
        # What a caller waits for ends 25 s from now, however long the claim takes.
        self.arrived = cloud.clock.now()
        self._event = event
        self._context: Mapping[str, Any] = event.get("requestContext") or {}
        self._headers = {
            name.lower(): value for name, value in (event.get("headers") or {}).items()
        }

    @property
    def id(self) -> str:
        """API Gateway's request id: the correlation id of log and answer."""
        return printable(str(self._context.get("requestId", "")))

    @property
    def route(self) -> str:
        """The route as API Gateway knows it ("/stacks/deploy")."""
        return printable(str(self._event.get("resource") or self._event.get("path") or ""))

    @property
    def caller(self) -> str:
        """Who calls: the IAM ARN, else the API key's id, else the address."""
        identity = self._context.get("identity") or {}
        names = (identity.get("userArn"), identity.get("apiKeyId"))
        who = next((name for name in names if name), f"address {identity.get('sourceIp')}")
        return printable(str(who))

    @property
    def facts(self) -> dict[str, Any]:
        """What the log lines say about the request, also when it is refused."""
        method = self._event.get("httpMethod")
        facts = {"requestId": self.id, "route": f"{method} {self.route}", "caller": self.caller}
        for name, pattern, value in (
            ("applicationName", APPLICATION_NAME, self._application),
            ("operation", OPERATION_ID, self.parameters.get("id")),
        ):
            # What is no name may be anything, and of any length.
            if isinstance(value, str) and pattern.fullmatch(value):
                facts[name] = value
        return facts

    @property
    def _application(self) -> Any:
        """What the path, the query or the body gives as the application; None without it."""
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
        """The query parameters; InvalidRequestError when one is there several times."""
        several = self._event.get("multiValueQueryStringParameters") or {}
        twice = [name for name, values in several.items() if len(values) > 1]
        if twice:
            # API Gateway would take the last one, another reader the first.
            raise InvalidRequestError([(brief(name), "is there more than once") for name in twice])
        return self._event.get("queryStringParameters") or {}

    @property
    def named(self) -> dict[str, str]:
        """The query parameters that say what the request is about."""
        return {name: value for name, value in self.query.items() if name != "dryRun"}

    @property
    def dry_run(self) -> bool:
        """Whether only the plan is wanted; InvalidRequestError for what is neither true nor false.

        So is a name that is nearly right: it must not become the real call.
        """
        alike = [name for name in self.query if _DRY_RUN.fullmatch(name)]
        wrong = [name for name in alike if name != "dryRun" or self.query[name] not in _FLAGS]
        if wrong:
            problem = "must be dryRun=true or dryRun=false"
            raise InvalidRequestError([(brief(name), problem) for name in wrong])
        return self.query.get("dryRun") == "true"

    @property
    def wait_seconds(self) -> int | None:
        """How long the caller prefers to wait (RFC 7240), cut to 25 s; None without preference."""
        preferences = str(self._headers.get("prefer", "")).split(",")
        waits = [found for preference in preferences if (found := _WAIT.fullmatch(preference))]
        return min(int(waits[0][1]), MAX_WAIT_SECONDS) if waits else None

    @property
    def base_url(self) -> str:
        """The API's address as callers see it, with the stage or the base path of a domain."""
        if self.cloud.settings.public_url:
            return self.cloud.settings.public_url
        # As many segments as the route has are its own. The event's `path` would not tell: on a
        # domain of its own it has the base path, too (powertools-lambda issue 34).
        whole = str(self._context.get("path", "")).rstrip("/")
        prefix = whole.rsplit("/", self.route.count("/"))[0]
        return f"https://{self._context.get('domainName', '')}{prefix}"

    def operation_url(self, application: str, operation_id: str) -> str:
        """Where an operation's status is."""
        return f"{self.base_url}/stacks/{application}/operations/{operation_id}"

    @cached_property
    def body(self) -> Any:
        """The JSON body; InvalidRequestError when it is empty, too large or no JSON in UTF-8.

        JSON that two readers may take differently (RFC 8259, 4 and 8) is none here.
        """
        content = self._content()
        if not content.strip():
            raise InvalidRequestError([("body", "is empty: send a JSON object")])
        if len(content) > MAX_BODY_BYTES:
            size = len(content)
            raise InvalidRequestError([("body", f"has {size} bytes; at most {MAX_BODY_BYTES}")])
        try:
            return json.loads(
                content.decode(), object_pairs_hook=_members, parse_constant=_no_number
            )
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise InvalidRequestError([("body", f"is not JSON: {error.msg}, {where}")]) from error
        except (ValueError, RecursionError) as error:
            raise InvalidRequestError([("body", "is not JSON that can be read")]) from error

    def _content(self) -> bytes:
        raw = str(self._event.get("body") or "")
        try:
            if self._event.get("isBase64Encoded"):
                return base64.b64decode(raw, validate=True)
            return raw.encode()
        except ValueError as error:
            raise InvalidRequestError([("body", "is not text that can be read")]) from error

    @property
    def has_body(self) -> bool:
        """Whether there is a body at all: some clients drop that of a DELETE."""
        return bool((self._event.get("body") or "").strip())

    def origin(self, kind: str, body: Any) -> Origin:
        """Return who asks for `body` and how a repeat of it is told."""
        key = self._headers.get("idempotency-key")
        if key is not None and not _KEY.fullmatch(key):
            problem = "must be 1 to 255 printable ASCII characters without spaces"
            raise InvalidRequestError([("Idempotency-Key", problem)])
        if self.dry_run:
            key = None
        # Keys are the caller's own: two teams may both call theirs "build-1". The session of a
        # role is not part of it, because a pipeline has a new one for every attempt.
        own = f"{principal(self.caller) or self.caller} {key}" if key else None
        return Origin(
            caller=self.caller,
            asked_at=self.arrived,
            key=own,
            fingerprint=fingerprint(kind, body),
            dry_run=self.dry_run,
        )


def _members(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object, each of which is there once."""
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRequestError([("body", f'has "{brief(twice)}" twice')])
    return members


def _no_number(name: str) -> Any:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(f"{name} is no number")
