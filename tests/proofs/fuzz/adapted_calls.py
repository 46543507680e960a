"""Changes of generated calls: they name existing applications and limit the load of the machine."""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any
from unicodedata import is_normalized

from devops_core.model.specification import DEFAULT_ROLLOUT_MINUTES
from devops_core.naming import APPLICATION_NAME, IMAGE_TAG, IMAGE_URI, TEAM_TAG
from devops_core.requests.deploy import LONGEST_REPOSITORY
from devops_core.requests.fields import LONGEST_IMAGE
from devops_core.requests.specification import MAX_SECRET_BYTES, MAX_TASKS
from tools.laptop.cloud import ACCOUNT

# Applications that exist during the whole run, and applications that calls create and delete.
# "Shop-dev" is a prefix of the second and the last name, but not a valid name.
PERMANENT = ("Shop", "Shop-dev-api", "Stand")
TEMPORARY = ("Kiosk", "Shop-dev-kiosk")
# The pushed versions.
VERSIONS = ("1.0.0.0", "1.0.0.1")

_KEY = re.compile(r"[!-~]{1,240}")
# The partition and the account of the ARN of a secret.
_OWNER = re.compile(r"arn:aws[a-z-]*(:[a-z]+:[a-z0-9-]+:)[0-9]{12}(?=:)")
_WAIT = re.compile(r"wait=\d+")

Holder = MutableMapping[str, Any]


def use_existing_names(holder: Any, number: int) -> None:
    """Replace the valid values of a body, a query or the parameters of a path.

    Names become those of a few applications, most versions become pushed ones, the number of tasks
    becomes 1 or 2, and most dry runs become real calls. Invalid values remain. `number` is that of
    the call, and selects the new values.
    """
    if isinstance(holder, dict):
        names = TEMPORARY if "email" in holder else (*PERMANENT, *PERMANENT, *TEMPORARY)
        _replace(holder, "applicationName", APPLICATION_NAME.fullmatch, names, number)
        _replace(holder, "stack", APPLICATION_NAME.fullmatch, TEMPORARY, number)
        if number % 4:
            _replace(holder, "version", IMAGE_TAG.fullmatch, VERSIONS, number)
        if holder.get("dryRun") == "true" and number % 4:
            holder["dryRun"] = "false"
        if isinstance(holder.get("service"), dict):
            few = (1, 2)
            _replace(holder["service"], "desiredCount", lambda n: 0 < n <= MAX_TASKS, few, number)


def shorten_waits(headers: Holder, number: int) -> None:
    """Shorten the wait of a call, and give most calls a unique Idempotency-Key.

    Each eighth call keeps its key, because a key with another body must be refused.
    """
    _replace(headers, "Prefer", _WAIT.fullmatch, ("wait=1", "wait=2"), number)
    if number % 8:
        _replace(headers, "Idempotency-Key", _KEY.fullmatch, (f"key-{number}",), number)


def follow_descriptions(operation_id: str, body: Any, query: Holder) -> None:
    """Change a valid call to follow the rules that the document describes only in words."""
    named = body if isinstance(body, dict) else {}
    # A token must be one of the service, and `until` must follow `since`.
    query.pop("nextToken", None)
    if query.get("since", "") > query.get("until", "~"):
        query["since"], query["until"] = query["until"], query["since"]
    if not is_normalized("NFC", query.get("team", "")):
        del query["team"]
    if operation_id == "deleteApplication":
        query["stack"] = named.get("stack") or query.get("stack") or TEMPORARY[0]
    image = str(named.get("repouri", ""))
    too_long = len(image) + len(str(named.get("version", ""))) >= LONGEST_IMAGE
    parsed = IMAGE_URI.fullmatch(image)
    if too_long or (parsed and len(parsed["repository"]) > LONGEST_REPOSITORY):
        del named["repouri"]
    service = named.get("service")
    if isinstance(service, dict):
        for member, value in service.items():
            service[member] = int(value) if isinstance(value, float) else value
        longest = 60 * service.get("rolloutMinutes", DEFAULT_ROLLOUT_MINUTES) - 1
        if service.get("startSeconds", 0) > longest:
            service["startSeconds"] = longest
    if operation_id == "createApplication":
        _follow_secrets(named)
        _compose_tags(named.get("tags", {}))


def _compose_tags(tags: dict[str, str]) -> None:
    """Replace the values that are not in Unicode NFC.

    Remove the keys that are not, and those that differ from another one only in case.
    """
    seen = {TEAM_TAG.lower()}
    for name, value in list(tags.items()):
        if name != TEAM_TAG and (name.lower() in seen or not is_normalized("NFC", name)):
            del tags[name]
        elif not is_normalized("NFC", value):
            tags[name] = "x"
        seen.add(name.lower())


def _follow_secrets(body: dict[str, Any]) -> None:
    """Remove overrides of missing environments, and secrets that are also variables."""
    service, chosen = body.get("service", {}), body.get("environments", {})
    created = {"prod", *(chosen.get("nonProd") or ["dev"])}
    created |= {name for name in ("training", "da") if chosen.get(name)}
    overrides = body.get("overrides", {})
    for name in overrides.keys() - created:
        del overrides[name]
    for settings in (service, *overrides.values()):
        secrets = settings.get("secrets", {})
        for name, arn in list(secrets.items()):
            secrets[name] = _OWNER.sub(rf"arn:aws\g<1>{ACCOUNT}", arn, count=1)
            if name in service.get("environment", {}):
                del secrets[name]
        # The general secrets and those of an environment are one parameter of the stack.
        while len(",".join(secrets.values())) >= MAX_SECRET_BYTES // 2:
            secrets.popitem()


def _replace(
    holder: Holder, member: str, is_valid: Callable[[Any], Any], by: Sequence[Any], number: int
) -> None:
    """Replace a valid value by one of some values."""
    value = holder.get(member)
    if type(value) not in (str, int) or value in by:
        return
    try:
        valid = is_valid(value)
    except TypeError:  # a number instead of a text, or a text instead of a number
        valid = False
    if valid:
        holder[member] = by[number % len(by)]
