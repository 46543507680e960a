"""Changes of generated calls: they name existing applications and limit the load of the machine."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping, Sequence
from typing import Any
from unicodedata import is_normalized

from devops_core.model.specification import DEFAULT_ROLLOUT_MINUTES
from devops_core.model.swap_policy import (
    ALL_AT_ONCE,
    CANARY,
    JUDGED_MINUTES,
    LINEAR,
    OFF,
    SHIFT,
)
from devops_core.naming import APPLICATION_NAME, IMAGE_TAG, IMAGE_URI, TEAM_TAG
from devops_core.requests.deploy import LONGEST_REPOSITORY
from devops_core.requests.fields import LONGEST_IMAGE
from devops_core.requests.scaling import MAX_TASKS, TARGETS
from devops_core.requests.task_settings import FIXED, MAX_SECRET_BYTES
from tools.laptop.cloud import ACCOUNT

# Applications that exist during the whole run, and applications that calls create and delete.
# "Shop-dev" is a prefix of the second and the last name, but not a valid name.
PERMANENT = ("Shop", "Shop-dev-api", "Stand")
# The swaps of this one wait for an approval, so that calls can continue, finish and abort them.
WAITING = "Stand"
TEMPORARY = ("Kiosk", "Shop-dev-kiosk")
# The environments of the permanent applications; the temporary ones have only dev.
ALL_ENVIRONMENTS = {"nonProd": ["dev", "qa", "stage"], "training": True, "da": True}
# The pushed versions.
VERSIONS = ("1.0.0.0", "1.0.0.1")

_KEY = re.compile(r"[!-~]{1,240}")
# The partition and the account of the ARN of a secret.
_OWNER = re.compile(r"arn:aws[a-z-]*(:[a-z]+:[a-z0-9-]+:)[0-9]{12}(?=:)")
_WAIT = re.compile(r"wait=\d+")
_REVISION = re.compile(r'"[1-9][0-9]{0,8}"')
# The shortest time limit of a rollout, which every start must be shorter than.
_SHORTEST_ROLLOUT = 60 * DEFAULT_ROLLOUT_MINUTES
# The image of a sidecar in another registry, which has a digest.
_AGENT = f"registry.example.com/agent@sha256:{'0' * 64}"
# The port of the application in a specification without one, and the variables that a task keeps.
_DEFAULT_PORT, _MAX_VARIABLES = 80, 3
# The value that a scaling without one keeps.
_KEEPS = {"cpuPercent": 50}
# Patches that are valid for each application; the numbers select one.
PATCHES: Sequence[Mapping[str, Any]] = (
    {"service": {"environment": {"LEVEL": "debug", "OLD": None}}},
    {"overrides": {"dev": {"environment": {"LEVEL": "trace"}, "unset": ["NONE"]}}},
    {"overrides": {"prod": {"desiredCount": 2, "scaling": None}}},
    {"overrides": {"prod": {"desiredCount": 1, "scaling": None}, "dev": None}},
    {"overrides": {"prod": {"desiredCount": None, "scaling": {"min": 1, "max": 2, **_KEEPS}}}},
    {"service": {"cpu": 512, "memory": 1024}, "overrides": None},
    {"service": None, "description": "Patched"},
    {"service": {"command": ["serve"], "stopSeconds": 5, "warmup": ["/", "/a?b=c"]}},
    {"description": None, "email": "owners@example.com"},
    {"service": {"sidecars": [{"name": "agent", "image": _AGENT, "ports": [8125]}]}},
    {"service": {"sidecars": None, "ulimits": {"nofile": {"soft": 1024, "hard": 2048}}}},
    {"overrides": {"dev": {"ephemeralStorageGiB": 30, "dependsOn": {}}}},
    {"production": {"strategy": {"type": ALL_AT_ONCE}, "bakeMinutes": 0, "judge": OFF}},
    {"production": {"bakeMinutes": None, "alarms": [], "approval": None}},
    {},
)

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
        for settings in _all_settings(holder):
            _replace(settings, "desiredCount", lambda n: 0 < n <= MAX_TASKS, (1, 2), number)


def _all_settings(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the settings of all environments and of each one, as far as they are objects."""
    overrides = body.get("overrides")
    some = overrides.values() if isinstance(overrides, dict) else ()
    yield from (each for each in (body.get("service"), *some) if isinstance(each, dict))


def shorten_waits(headers: Holder, number: int) -> None:
    """Shorten the wait of a call, and give most calls a unique Idempotency-Key.

    Each eighth call keeps its key, because a key with another body must be refused. Most calls that
    expect a revision of a specification expect the present one.
    """
    if number % 4:
        _replace(headers, "If-Match", _REVISION.fullmatch, ("*",), number)
    _replace(headers, "Prefer", _WAIT.fullmatch, ("wait=1", "wait=2"), number)
    if number % 8:
        _replace(headers, "Idempotency-Key", _KEY.fullmatch, (f"key-{number}",), number)


def follow_descriptions(operation_id: str, body: Any, query: Holder) -> None:
    """Change a valid call to follow the rules that the document describes only in words."""
    named = body if isinstance(body, dict) else {}
    _use_whole_numbers(named)
    # A token must be one of the service, and `until` must follow `since`.
    query.pop("nextToken", None)
    if query.get("since", "") > query.get("until", "~"):
        query["since"], query["until"] = query["until"], query["since"]
    if not is_normalized("NFC", query.get("team", "")):
        del query["team"]
    # AWS blocks no operation here. The end of another one by force leaves AWS as it is, and the
    # promises about the inventory do not hold until the next drift check and the next release.
    if query.get("force") == "true":
        query["dryRun"] = "true"
    if operation_id == "deleteApplication":
        query["stack"] = named.get("stack") or query.get("stack") or TEMPORARY[0]
    image = str(named.get("repouri", ""))
    too_long = len(image) + len(str(named.get("version", ""))) >= LONGEST_IMAGE
    parsed = IMAGE_URI.fullmatch(image)
    restarts = named.get("restart") is True and "repouri" in named
    if restarts or too_long or (parsed and len(parsed["repository"]) > LONGEST_REPOSITORY):
        del named["repouri"]
    is_dry_run = query.get("dryRun") == "true"
    if operation_id == "swap":
        _follow_swap(named, is_dry_run=is_dry_run)
    if operation_id in ("createApplication", "replaceSpecification"):
        _follow_policy(named.get("production", {}), waits=is_dry_run)
        _follow_settings(named)
        _follow_containers(named)
    if operation_id == "createApplication":
        _follow_secrets(named)
        _compose_tags(named.get("tags", {}))


def follow_specification(
    operation_id: str, application: str, headers: Holder, body: Any, query: Holder, number: int
) -> None:
    """Change a valid change of a specification to follow the rules in words.

    It keeps the environments, the fixed settings and the tags of the create, and grants no secrets.
    Most of the calls are dry runs, because each other call replaces tasks. Half of the patches
    become valid ones; the others are probably not, because a patch can be any object.
    """
    if operation_id not in ("replaceSpecification", "patchSpecification"):
        return
    query.pop("remove", None)
    if number % 4:
        query["dryRun"] = "true"
    if operation_id == "patchSpecification":
        if number % 2:
            body.clear()
            body.update(copy.deepcopy(PATCHES[number // 2 % len(PATCHES)]))
        return
    headers.setdefault("If-Match", "*")
    for member in ("applicationName", "tags"):
        body.pop(member, None)
    chosen = ALL_ENVIRONMENTS if application in PERMANENT else {"nonProd": ["dev"]}
    body["environments"] = dict(chosen)
    overrides = body.get("overrides", {})
    for name in overrides.keys() - ({*_names(chosen)}):
        del overrides[name]
    for settings in _all_settings(body):
        for member in (*FIXED, "secrets"):
            settings.pop(member, None)


def _names(chosen: Mapping[str, Any]) -> set[str]:
    """Return the environments of a document, with production."""
    others = {name for name in ("training", "da") if chosen.get(name)}
    return {"prod", *(chosen.get("nonProd") or ["dev"]), *others}


def _use_whole_numbers(holder: Holder, but: Collection[str] = ()) -> None:
    """Replace numbers such as 328.0, which are integers for a schema, but not for the service."""
    for member, value in holder.items():
        if isinstance(value, float) and member not in but:
            holder[member] = int(value)


def _follow_swap(body: dict[str, Any], *, is_dry_run: bool) -> None:
    """Give the policy of a swap valid members.

    A swap ends at once, because a waiting one holds its application. That of WAITING waits for a
    call, and after an approval a minute for its last step.
    """
    if not is_dry_run and body.get("applicationName") == WAITING:
        body["strategy"] = {"type": CANARY, "percent": 10, "stepMinutes": 1}
        body["approval"] = {"before": SHIFT, "timeoutMinutes": 600}
        body.update(bakeMinutes=0, judge=OFF)
        for name in ("version", "digest", "spec", "alarms", "ignoreAlarms"):
            body.pop(name, None)
        return
    _follow_policy(body, waits=is_dry_run)


def _follow_policy(policy: dict[str, Any], *, waits: bool) -> None:
    """Give a policy valid steps and waits; without `waits` a swap ends at once."""
    strategy, judge = policy.get("strategy", {}), policy.get("judge", OFF)
    for part in (policy, *(policy.get(name) for name in ("strategy", "approval", "judge"))):
        if isinstance(part, dict):
            _use_whole_numbers(part, but=("errorRatePercent",))
    if not waits:
        kept = {"strategy": {"type": ALL_AT_ONCE}, "bakeMinutes": 0, "judge": OFF}
        policy.update({name: kept[name] for name in kept if name in policy})
        policy.pop("approval", None)
        return
    if strategy.get("type") == ALL_AT_ONCE:
        strategy.pop("percent", None)
        strategy.pop("stepMinutes", None)
    # 99 steps of 100 minutes last less than a week.
    if strategy.get("type") == LINEAR and "stepMinutes" in strategy:
        strategy["stepMinutes"] = min(strategy["stepMinutes"], 100)
    if judge != OFF:
        for part, name in ((strategy, "stepMinutes"), (policy, "bakeMinutes")):
            if name in part:
                part[name] = max(part[name], JUDGED_MINUTES)


def _follow_settings(body: dict[str, Any]) -> None:
    """Give each environment a valid size, and a start that is shorter than a rollout.

    Without a list of roles, the installation allows no role of tasks.
    """
    for settings in _all_settings(body):
        _use_whole_numbers(settings)
        _follow_scaling(settings)
        settings.pop("taskRole", None)
        if not {"cpu", "memory"} <= settings.keys():
            settings.pop("cpu", None)
            settings.pop("memory", None)
        if settings.get("startSeconds", 0) >= _SHORTEST_ROLLOUT:
            settings["startSeconds"] = _SHORTEST_ROLLOUT - 1
        names = {*settings.get("environment", {}), *settings.get("secrets", {})}
        if "unset" in settings:
            settings["unset"] = [each for each in settings["unset"] if each not in names]


def _follow_scaling(settings: dict[str, Any]) -> None:
    """Give scaling limits in order and a value to keep, and remove a count beside it.

    A service has at most two tasks, to limit the load.
    """
    if scaling := settings.get("scaling"):
        settings.pop("desiredCount", None)
        _use_whole_numbers(scaling)
        scaling["max"] = min(max(scaling["min"], scaling["max"]), 2)
        scaling["min"] = min(scaling["min"], scaling["max"])
        if not scaling.keys() & {*TARGETS}:
            scaling.update(_KEEPS)


def _follow_containers(body: dict[str, Any]) -> None:
    """Give the containers of each environment valid names, ports, images and conditions.

    A task has at most two sidecars, to limit the load. They are not essential, wait for nothing and
    need no permissions; the tests of the contract have the other settings.
    """
    port = body.get("service", {}).get("containerPort", _DEFAULT_PORT)
    for settings in _all_settings(body):
        for limits in settings.get("ulimits", {}).values():
            _use_whole_numbers(limits)
            limits["soft"] = min(limits["soft"], limits["hard"])
        settings.pop("registryCredentials", None)
        settings.pop("dependsOn", None)
        if "logs" in settings:
            settings["logs"] = {"driver": "awslogs"}
        if "sidecars" in settings:
            found = {each["name"]: each for each in settings["sidecars"]}
            some = list(found.values())[:2]
            settings["sidecars"] = [
                _valid_sidecar(each, port + n) for n, each in enumerate(some, 1)
            ]
    service = body.get("service", {})
    if service.get("sidecars") and not body.get("overrides"):
        service["dependsOn"] = {service["sidecars"][0]["name"]: "START"}


def _valid_sidecar(sidecar: dict[str, Any], port: int) -> dict[str, Any]:
    """Return a sidecar with an image that exists, and a port of its own if it has ports."""
    variables = dict(list(sidecar.get("environment", {}).items())[:_MAX_VARIABLES])
    ports = {"ports": [port % 65536 or 1]} if sidecar.get("ports") else {}
    kept: dict[str, Any] = {name: sidecar[name] for name in ("name", "command") if name in sidecar}
    return {**kept, **ports, "image": _AGENT, "essential": False, "environment": variables}


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
    service, overrides = body.get("service", {}), body.get("overrides", {})
    for name in overrides.keys() - _names(body.get("environments", {})):
        del overrides[name]
    for settings in (service, *overrides.values()):
        secrets = settings.get("secrets", {})
        for name, arn in list(secrets.items()):
            secrets[name] = _OWNER.sub(rf"arn:aws\g<1>{ACCOUNT}", arn, count=1)
            if name in {**service.get("environment", {}), **settings.get("environment", {})}:
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
