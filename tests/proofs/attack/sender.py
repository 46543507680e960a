"""Sends the calls over HTTP, byte by byte as generated, with good and bad signatures."""

from __future__ import annotations

import base64
import http.client
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from botocore.credentials import Credentials

from tests.proofs.attack.calls import SIGNED, Call
from tests.proofs.attack.rights import PRINCIPALS
from tools.laptop.client import signed
from tools.laptop.cloud import Cloud

_PLACEHOLDER = re.compile(rb"<(operation|path|swap|token|digest|secret):([^<>]*)>")
_UNKNOWN = Credentials("AKIAIOSFODNN7EXAMPLE", "unknown")
_LIMIT = 60.0  # seconds for one call


class Exchange(NamedTuple):
    """A call with its placeholders replaced, and the bytes of the response."""

    call: Call
    path: str
    body: bytes | None
    status: int
    headers: Sequence[tuple[str, str]]
    content: bytes

    @property
    def raw(self) -> bytes:
        """The headers and the body of the response."""
        lines = [f"{name}: {value}\n" for name, value in self.headers]
        return "".join(lines).encode("utf-8", "surrogateescape") + self.content

    def header(self, name: str) -> str:
        """Return a header of the response; an empty text without it."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def __str__(self) -> str:
        """Return the call as a command line of curl, and the status."""
        call, start = self.call, ""
        words = ["curl", "-X", call.method, f"$API_URL{self.path}"]
        for name, value in call.headers.items():
            words += ["-H", f"{name}: {value}"]
        if self.body is not None:
            text = self.body.decode("ascii", "replace")
            if not self.body.isascii() or not text.isprintable():
                start = f"base64 -d <<< {base64.b64encode(self.body).decode()} | "
                text = "@-"
            words += ["--data-binary", text]
        line = start + shlex.join(words).replace("'$API_URL", '"$API_URL"\'')
        who = f"{call.principal.name}, {call.signature}"
        return f"call {call.number} ({call.attack}; {who}) -> {self.status}\n    {line}"


@dataclass
class Known:
    """The values for the placeholders: collected during the set-up and the run.

    `operations` has the paths of operations, `swaps` those of swaps that waited for an approval.
    """

    operations: list[str] = field(default_factory=list)
    swaps: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    def fill(self, text: bytes) -> bytes:
        """Replace the placeholders."""
        return _PLACEHOLDER.sub(self._value, text)

    def _value(self, found: re.Match[bytes]) -> bytes:
        kind, key = found[1].decode(), found[2].decode("utf-8", "replace")
        if kind in ("operation", "path", "swap", "token"):
            values = {"token": self.tokens, "swap": self.swaps}.get(kind, self.operations)
            value = values[int(key) % len(values)] if values else "none"
            return (value.rpartition("/")[2] if kind == "operation" else value).encode()
        names: Mapping[str, str] = {"digest": self.digests, "secret": self.secrets}[kind]
        return names.get(key, "sha256:" + "1" * 64).encode()


class Sender:
    """Sends calls to the service with the credentials of the principals."""

    def __init__(self, cloud: Cloud, credentials: Mapping[str, Credentials], known: Known) -> None:
        self._base = urlsplit(cloud.api_url)
        self._credentials = credentials
        self._known = known

    def send(self, call: Call) -> Exchange:
        """Send a call and return its response."""
        path = self._known.fill(call.path.encode()).decode()
        body = None if call.body is None else self._known.fill(call.body)
        target = self._base.path + path
        headers = self._signed(call, path, body)
        connection = http.client.HTTPConnection(self._base.netloc, timeout=_LIMIT)
        try:
            connection.putrequest(call.method, target, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            content = response.read()
            return Exchange(call, path, body, response.status, response.getheaders(), content)
        finally:
            connection.close()

    def _signed(self, call: Call, path: str, body: bytes | None) -> dict[str, str]:
        credentials = self._credentials[call.principal.name]
        url, method, content = self._url(path), call.method, body
        match call.signature:
            case "unsigned":
                return call.headers
            case "wrong secret":
                credentials = Credentials(credentials.access_key, "wrong")
            case "unknown key":
                credentials = _UNKNOWN
            case "key of another principal":
                other = next(each for each in PRINCIPALS if each is not call.principal)
                key = self._credentials[other.name].access_key
                credentials = Credentials(key, credentials.secret_key)
            case "for another path":
                url = self._url("/stacks/another")
            case "for another body":
                content = b'{"another": 1}'
            case "for another method":
                method = "PUT"
            case "for another host":
                url = url.replace(self._base.netloc, "another.example")
            case _:
                assert call.signature == SIGNED
        # Only some headers are signed, as by the command line; the others could be added later.
        own = {k: v for k, v in call.headers.items() if k in ("Content-Type", "Idempotency-Key")}
        return call.headers | signed(credentials, method, url, content, own)

    def _url(self, path: str) -> str:
        return self._base.geturl() + path
