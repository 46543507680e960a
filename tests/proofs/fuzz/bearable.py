"""Makes what is generated mean something, on a laptop that can bear it."""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from devops_core.naming import APPLICATION_NAME, IMAGE_TAG
from devops_core.requests.create import MAX_TASKS
from devops_core.requests.deploy import LONGEST_IMAGE
from tools.laptop.cloud import ACCOUNT

# Applications that are there from the beginning to the end, and those that are created and deleted.
THERE = ("Shop", "Store", "Stand")
COME_AND_GO = ("Kiosk", "Booth")
# Versions that are pushed.
VERSIONS = ("1.0.0.0", "1.0.0.1")

_KEY = re.compile(r"[!-~]{1,240}")
_ACCOUNT = re.compile(":[0-9]{12}:")
_WAIT = re.compile(r"wait=\d+")

Holder = MutableMapping[str, Any]


def lead(holder: Any, number: int) -> None:
    """Lead a body, a query or the parameters of a path to what is there, each call to another.

    Valid names become those of few applications, most versions those that were pushed, many tasks
    few, and most dry runs real calls. What is not valid is left alone. `number` counts the calls.
    """
    if isinstance(holder, dict):
        names = COME_AND_GO if "email" in holder else (*THERE, *THERE, *COME_AND_GO)
        _replace(holder, "applicationName", APPLICATION_NAME.fullmatch, names, number)
        _replace(holder, "stack", APPLICATION_NAME.fullmatch, COME_AND_GO, number)
        if number % 4:
            _replace(holder, "version", IMAGE_TAG.fullmatch, VERSIONS, number)
        if holder.get("dryRun") == "true" and number % 4:
            holder["dryRun"] = "false"
        if isinstance(holder.get("service"), dict):
            few = range(1, 3)
            _replace(holder["service"], "desiredCount", lambda n: 0 < n <= MAX_TASKS, few, number)


def hurry(headers: Holder, number: int) -> None:
    """Let nobody wait for long, and give most calls an Idempotency-Key of their own.

    The same key with another body is refused, which one call in eight sees.
    """
    _replace(headers, "Prefer", _WAIT.fullmatch, ("wait=1", "wait=2"), number)
    if number % 8:
        _replace(headers, "Idempotency-Key", _KEY.fullmatch, (f"key-{number}",), number)


def keep_to_the_words(operation_id: str, body: Any, query: Holder) -> None:
    """Hold a valid call to what the contract says in words, because no schema can say it."""
    named = body if isinstance(body, dict) else {}
    # Only what the service gave out goes on, and only a time that is not before the other.
    query.pop("nextToken", None)
    if query.get("since", "") > query.get("until", "~"):
        query["since"], query["until"] = query["until"], query["since"]
    if operation_id == "deleteApplication":
        query["stack"] = named.get("stack") or query.get("stack") or COME_AND_GO[0]
    if len(str(named.get("repouri", ""))) + len(str(named.get("version", ""))) >= LONGEST_IMAGE:
        del named["repouri"]
    service = named.get("service")
    if isinstance(service, dict):
        for member, value in service.items():
            service[member] = int(value) if isinstance(value, float) else value
        variables, secrets = service.get("environment", {}), service.get("secrets", {})
        for name, arn in list(secrets.items()):
            secrets[name] = _ACCOUNT.sub(f":{ACCOUNT}:", arn, 1)
            if name in variables:
                del secrets[name]


def _replace(
    holder: Holder, member: str, is_valid: Callable[[Any], Any], by: Sequence[Any], number: int
) -> None:
    """Put one of some values in place of a valid one."""
    value = holder.get(member)
    if type(value) not in (str, int) or value in by:
        return
    try:
        valid = is_valid(value)
    except TypeError:  # a number where a text belongs, or the other way round
        valid = False
    if valid:
        holder[member] = by[number % len(by)]
