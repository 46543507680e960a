"""The hostile calls: their sequence depends only on the seed.

A call can contain placeholders such as `<operation:7>`, because ids and digests are not known
before the run. `sender` replaces them.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from tests.proofs.attack.rights import (
    APPLICATIONS,
    NEW_NAMES,
    PRINCIPALS,
    TEAMS,
    VERSIONS,
    Principal,
)
from tools.laptop.cloud import ACCOUNT, REGION

_REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
_ENVIRONMENTS = ("dev", "qa", "stage", "training", "da", "prod")
_WRITES = {
    "create": ("POST", "/stacks"),
    "deploy": ("POST", "/stacks/deploy"),
    "promote": ("POST", "/stacks/deploytoprodBlue"),
    "swap": ("POST", "/stacks/swapProdBlueAndGreen"),
    "delete": ("DELETE", "/stacks"),
    "abort": ("DELETE", "<path:{number}>"),
    "update": ("PATCH", "/stacks/{name}/spec"),
    "replace": ("PUT", "/stacks/{name}/spec"),
}
# Calls that replace some swaps and aborts, so that all other calls of a seed stay as they are.
_FURTHER_WRITES = {
    "upgrade": ("POST", "/stacks/{name}/upgrade"),
    "advance": ("POST", "<swap:{number}>"),
    "force": ("DELETE", "<path:{number}>?force=true"),
}
_REPLACED = {("swap", 0): "upgrade", ("abort", 0): "force", ("abort", 1): "advance"}
# The calls about an operation.
_OF_OPERATIONS = ("abort", "force", "advance")
_READS = (
    "/stacks",
    "/stacks/{name}",
    "/stacks/{name}?live=true",
    "/stacks/{name}/operations",
    "/stacks/{name}/operations?nextToken=<token:{number}>&limit=1",
    "/stacks/{name}/operations/<operation:{number}>",
    "<path:{number}>",
    "/stacks/{name}/operations/01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "/stacks/{name}/events?limit=2",
    "/stacks/{name}/events?nextToken=<token:{number}>",
    "/events?limit=2",
    "/events?nextToken=<token:{number}>",
    "/events?team={team}",
    "/stacks?team={team}&limit=1",
    "/stacks?nextToken=<token:{number}>",
    "/stacks/{name}/spec",
    "/stacks/{name}/spec?revision=1",
    "/stacks/{name}/spec?revision={revision}",
    "/health",
)
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")
# How a call is signed; `sender` implements them. Most calls have a valid signature.
SIGNED = "signed"
BAD_SIGNATURES = (
    "unsigned", "wrong secret", "unknown key", "key of another principal", "for another path",
    "for another body", "for another method", "for another host",
)  # fmt: skip
_HEADERS: tuple[dict[str, str], ...] = (
    {"X-Forwarded-For": "127.0.0.1, 10.0.0.1"},
    {"X-Forwarded-Host": "evil.example", "X-Original-URL": "/dev/health"},
    {"X-Rewrite-URL": "/dev/stacks/deploy"},
    {"X-HTTP-Method-Override": "DELETE"},
    {"X-HTTP-Method": "DELETE", "X-Method-Override": "DELETE"},
    {"x-amzn-requestid": "forged", "X-Request-Id": "forged"},
    {"X-Amzn-Apigateway-Api-Id": "devops", "x-amzn-Identity": "{other}"},
    {"x-amz-user-arn": "{other}", "userArn": "{other}", "X-Caller": "{other}"},
    {"X-Api-Key": "forged"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Cookie": "session=admin", "Referer": "https://evil.example"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "text/plain; charset=utf-16"},
    {"Content-Type": "multipart/form-data; boundary=x"},
    {"Content-Encoding": "gzip"},
    {"Accept": "application/vnd.evil+json", "Accept-Encoding": "br"},
    {"Prefer": "wait=1, wait=99999999"},
    {"Prefer": "respond-async; wait=-1"},
    {"Idempotency-Key": "a b\tc"},
    {"Idempotency-Key": "{other} key-1"},
    {"Range": "bytes=0-10", "If-Match": "*", "Expect": ""},
)
_PATHS: tuple[Callable[[str], str], ...] = (
    lambda path: path.replace("/", "//"),
    lambda path: "/x/%2e%2e" + path,
    lambda path: "/stacks/Loot/../.." + path,
    lambda path: path.replace("/stacks", "/stacks/%2e"),
    lambda path: path.replace("/stacks", "/STACKS"),
    lambda path: path.replace("/stacks", "/%73tacks"),
    lambda path: path + "/",
    lambda path: path + "%00",
    lambda path: path + "%0d%0aX-Injected:%20y",
    lambda path: path + ";x=y",
    lambda path: path + ("&" if "?" in path else "?") + "dryRun=false&dryRun=true",
    lambda path: path + ("&" if "?" in path else "?") + "dryrun=true",
    lambda path: path + ("&" if "?" in path else "?") + "applicationName=Find&stack=Find",
    lambda path: path.replace("/stacks/", "/stacks/..%2f..%2f"),
    lambda path: "/dev" + path,
)


class Call(NamedTuple):
    """One call. `attack` names its tricks; with `together` the next call is sent meanwhile."""

    number: int
    attack: str
    principal: Principal
    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None
    signature: str
    together: bool


def calls(seed: int, count: int) -> Iterator[Call]:
    """Yield the calls of a seed."""
    for number in range(1, count + 1):
        # Its own generator, so that a change of one kind of call does not change all later calls.
        yield _call(random.Random(f"{seed}/{number}"), number)  # noqa: S311 - not for security


def _call(chance: random.Random, number: int) -> Call:
    principal = chance.choice(PRINCIPALS)
    tricks: list[str] = []
    headers: dict[str, str] = {}
    body: bytes | None = None
    if chance.random() < 0.3:
        kind, method = "read", "GET"
        path = _path(chance, chance.choice(_READS), _name(chance, tricks))
    else:
        kind = chance.choice([*_WRITES, "deploy", "deploy", "promote", "swap", "abort", "update"])
        kind = _REPLACED.get((kind, number % 3), kind)
        method, path, body = _write(chance, kind, principal, headers, tricks)
    signature = SIGNED
    trick = chance.random()
    if trick < 0.12:
        headers |= _forged(chance, principal)
        tricks.append("header")
    elif trick < 0.24:
        path = chance.choice(_PATHS)(path)
        tricks.append("path")
    elif trick < 0.34:
        signature = chance.choice(BAD_SIGNATURES)
        tricks.append(signature)
    elif trick < 0.38:
        method = chance.choice(_METHODS)
        tricks.append("method")
    if body is not None:
        headers = {"Content-Type": "application/json", **headers}
    attack, together = ", ".join([kind, *tricks]), chance.random() < 0.05
    return Call(number, attack, principal, method, path, headers, body, signature, together)


def _write(
    chance: random.Random,
    kind: str,
    principal: Principal,
    headers: dict[str, str],
    tricks: list[str],
) -> tuple[str, str, bytes | None]:
    """Return the method, the path and the body of a write."""
    method, path = {**_WRITES, **_FURTHER_WRITES}[kind]
    name = _name(chance, tricks)
    body: bytes | None = None
    if kind == "delete" and principal.may(kind, APPLICATIONS.get(name, "")):
        name = chance.choice(NEW_NAMES)  # the applications must last until the end
    if kind in _OF_OPERATIONS and chance.random() < 0.3:
        path = re.sub(r"<\w+:{number}>", "/stacks/{name}/operations/<operation:{number}>", path)
    path = _path(chance, path, name)
    if kind not in ("abort", "force"):
        body, path = _body(chance, kind, name, path, tricks)
    if kind in ("update", "replace") and chance.random() < 0.7:
        headers["If-Match"] = chance.choice(["*", '"1"', '"2"', '"99"', "W/*"])
    _write_options(chance, headers, tricks)
    if chance.random() < 0.3:
        path += ("&" if "?" in path else "?") + "dryRun=true"
        tricks.append("dry run")
    return method, path, body


def _path(chance: random.Random, path: str, name: str) -> str:
    # A percent sign remains, because some names are tricks with encodings.
    safe = quote(name, safe="-.~%")
    # The last operation can still be in progress.
    number = -1 if chance.random() < 0.4 else chance.randrange(1000)
    team = chance.choice(TEAMS)
    path = path.replace("{revision}", str(chance.randrange(5)))
    return path.replace("{name}", safe).replace("{number}", str(number)).replace("{team}", team)


def _write_options(chance: random.Random, headers: dict[str, str], tricks: list[str]) -> None:
    if chance.random() < 0.4:
        # All principals use the same few keys.
        headers["Idempotency-Key"] = f"key-{chance.randrange(12)}"
        tricks.append("shared key")
    if chance.random() < 0.1:
        headers["Prefer"] = f"wait={chance.randrange(3)}"


def _forged(chance: random.Random, principal: Principal) -> dict[str, str]:
    other = chance.choice([each for each in PRINCIPALS if each is not principal])
    chosen = chance.choice(_HEADERS)
    return {name: value.replace("{other}", other.arn) for name, value in chosen.items()}


def _name(chance: random.Random, tricks: list[str]) -> str:
    """Return the name of an application, sometimes with a trick."""
    name = chance.choice([*APPLICATIONS, *APPLICATIONS, *NEW_NAMES])
    if chance.random() < 0.85:
        return name
    tricks.append("name")
    return chance.choice(
        [
            name.lower(), name.upper(), f"{name} ", f" {name}", f"{name}\0", f"{name}-idle",
            f"{name}-dev", f"{name}\u200b", name.replace("i", "\u0456"), f"{name}/../Find",
            f"..%2f{name}", f"{name}%00", "internal", "deploy", "*", "", "EVENT#", f"{name}#1",
            f"{name}\nFind", "A" * 300,
        ]
    )  # fmt: skip


def _image(chance: random.Random, name: str) -> dict[str, Any]:
    """Return the version and the repository of a deploy."""
    version = chance.choice([*VERSIONS, "1.0", "missing"])
    own = f"{_REGISTRY}/{name.lower()}"
    other = chance.choice([*APPLICATIONS])
    foreign = f"{_REGISTRY}/{other.lower()}"
    tag = chance.choice(VERSIONS)
    digest = f"<digest:{chance.choice([name, other])}:{tag}>"
    unknown = "sha256:" + "0" * 64
    tagged = chance.random() < 0.5
    chosen = chance.choice(
        [
            None, None, own, f"{own}:{tag}", f"{own}:{version}@{digest}", f"{own}@{digest}",
            f"{own}:{tag}@{unknown}", foreign, f"{foreign}:{tag}", f"{foreign}@{digest}",
            f"{own.upper()}", own.replace(".amazonaws.com", ".amazonaws.com:443") + f":{tag}",
            f"{ACCOUNT}.dkr-ecr.{REGION}.on.aws/{name.lower()}:{tag}",
            f"123456789012.dkr.ecr.{REGION}.amazonaws.com/{name.lower()}",
            own.replace("amazonaws", "\u0430mazonaws"), f"{own}/../{other.lower()}:{tag}",
            f"https://{own}", f"{own}:{tag}:{tag}", f"{own}?x=y",
        ]
    )  # fmt: skip
    image: dict[str, Any] = {"version": version}
    if chosen is not None and (tagged or ":" not in chosen):
        image["repouri"] = chosen
    return image


def _body(
    chance: random.Random, kind: str, name: str, path: str, tricks: list[str]
) -> tuple[bytes | None, str]:
    """Return the body of a write, sometimes with a trick, and its path."""
    members = _members(chance, kind, name)
    if kind == "delete":
        if chance.random() < 0.4 and name.isascii() and name.isalnum():
            return None, f"{path}?stack={name}"
        members = {"stack": name}
    if chance.random() < 0.1:
        extra = {"technicalTeam": "search", "team": "search", "caller": "admin", "force": True,
                 "admins": ["*"], "approved": True, "__proto__": {"team": "search"}}  # fmt: skip
        member = chance.choice([*extra])
        members[member] = extra[member]
        tricks.append("extra member")
    content = json.dumps(members, ensure_ascii=chance.random() < 0.5)
    body = content.encode("utf-8", "surrogatepass")
    if chance.random() < 0.12:
        tricks.append("body")
        body = _broken(chance, members, body)
    return body, path


def _members(chance: random.Random, kind: str, name: str) -> dict[str, Any]:
    """Return the members of the body of a write."""
    members: dict[str, Any] = {"applicationName": name}
    if kind == "create":
        members |= _create(chance)
    elif kind == "deploy":
        few = chance.sample(_ENVIRONMENTS, chance.choice([1, 1, 1, 2]))
        few = ["dev"] if chance.random() < 0.6 else few
        members |= {"environment": few} | _image(chance, name)
        if chance.random() < 0.15:
            members = {"applicationName": name, "environment": few, "restart": True}
    elif kind == "upgrade":
        members = {}
    elif kind == "advance":
        members = {"action": chance.choice(["continue", "finish", "finish", "abort", "FINISH"])}
    elif kind in ("update", "replace"):
        members = _specification(chance, name, whole=kind == "replace")
    elif kind == "promote" and chance.random() < 0.6:
        members["environment"] = chance.choice(_ENVIRONMENTS)
    elif kind == "swap" and chance.random() < 0.6:
        members["version"] = chance.choice(VERSIONS)
    elif kind == "swap":
        # It stays open until a call approves, finishes or aborts it.
        members |= {"strategy": {"type": "canary"}, "approval": {"before": "shift"}}
    return members


def _create(chance: random.Random) -> dict[str, Any]:
    team = chance.choice([*TEAMS, *TEAMS, "Payments", "payments ", "admins", "", "*"])
    members: dict[str, Any] = {
        "email": "team@example.com",
        "tags": {"technicalTeam": team},
        "environments": {"nonProd": ["dev"]},
    }
    if chance.random() < 0.5:
        owner = chance.choice(TEAMS)
        secrets = {"TOKEN": f"<secret:{owner}>"}
        service = chance.choice(
            [
                {"secrets": secrets},
                {"environment": {"A": "b"}},
                {"secrets": {"TOKEN": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/*"}},
            ]
        )
        place = {"overrides": {"dev": {"secrets": secrets}}}
        members |= {"service": service} if chance.random() < 0.5 else place
    return members


def _specification(chance: random.Random, name: str, *, whole: bool) -> dict[str, Any]:
    """Return a patch of a specification, or with `whole` a document."""
    owner = chance.choice(TEAMS)
    level = {"environment": {"LEVEL": f"level-{chance.randrange(5)}"}}
    secrets = {"secrets": {"TOKEN": f"<secret:{owner}>"}}
    role = {"taskRole": f"arn:aws:iam::{ACCOUNT}:role/{chance.choice(['admin', 'devops-ecs/x'])}"}
    harmful: list[dict[str, Any]] = [
        {"service": secrets}, {"overrides": {"prod": secrets}}, {"service": role},
        {"tags": {"technicalTeam": owner}}, {"applicationName": chance.choice([*APPLICATIONS])},
        {"environments": {"nonProd": ["dev", "qa"]}}, {"environments": None}, {"email": None},
        {"overrides": {"prod": {"cpu": 16384, "memory": 122880, "desiredCount": 100}}},
        {"service": {"environment": {"ENVIRONMENT": "prod", "APPLICATION": "Find"}}},
    ]  # fmt: skip
    usual: list[dict[str, Any]] = [
        {"overrides": {"dev": level}}, {"overrides": {"dev": level}}, {"service": level},
        {"overrides": {"prod": level}},
        {"overrides": {"prod": {"desiredCount": chance.choice([1, 2])}}},
        {"overrides": {"dev": {"unset": ["LEVEL"]}}}, {"description": f"of {name}"}, {},
    ]  # fmt: skip
    change = chance.choice([*usual, *usual, *harmful])
    if not whole:
        return change
    return {"email": "team@example.com", "environments": {"nonProd": ["dev"]}} | change


def _broken(chance: random.Random, members: dict[str, Any], body: bytes) -> bytes:
    """Return a body that different parsers could read differently."""
    first = json.dumps(next(iter(members), "email"))
    return chance.choice(
        [
            b"\xef\xbb\xbf" + body,
            body[:-1] + f', {first}: "Find"}}'.encode(),
            f'{{{first}: "Find", '.encode() + body[1:],
            body.decode("utf-8", "replace").encode("utf-16"),
            b"[" * 5000,
            b'{"a":' * 5000 + b"1" + b"}" * 5000,
            body[:-1] + b', "n": 1' + b"0" * 5000 + b"}",
            body[:-1] + b', "n": 1e999999}',
            body[:-1] + b', "n": NaN}',
            body + body,
            b"[" + body + b"]",
            b"applicationName=Find&environment=dev&version=1.0",
            body.replace(b"a", b"\\u0061", 1),
            b"\x1f\x8b" + body,
            b" " * 17_000 + body,
            b"null",
        ]
    )
