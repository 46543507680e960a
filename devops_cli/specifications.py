"""Changes of a specification: single settings, merge patches and differences; no requests."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from devops_cli import rules
from devops_cli.failures import UsageError
from devops_cli.responses import Object

# A variable and a secret of the same name exclude each other in one part of a specification.
_SOURCES = ("environment", "secrets")
_OTHER = dict(zip(_SOURCES, reversed(_SOURCES), strict=True))
# A task count and scaling replace each other.
_REPLACED = {"desiredCount": "scaling", "scaling": "desiredCount"}
# The member of a document with the policy of swaps.
_POLICY = "production"


@dataclass(frozen=True)
class Setting:
    """A setting, for example `cpu` or the variable `LEVEL` of `environment`.

    `detail` is whether it describes the application, as `email` does, and `policy` whether it is a
    member of the policy of swaps. Neither `service` nor an override has such a setting.
    """

    member: str
    name: str = ""
    detail: bool = False
    policy: bool = False

    def __str__(self) -> str:
        path = (_POLICY if self.policy else "", self.member, self.name)
        return ".".join(filter(None, path))

    @property
    def kind(self) -> str:
        """How a command takes its value (`rules.kinds`)."""
        return "text" if self.detail else _kinds(policy=self.policy)[self.member]


def _kinds(*, policy: bool) -> dict[str, str]:
    return rules.kinds("policy" if policy else "setting")


def parse_setting(text: str, environments: list[str]) -> Setting:
    """Return the setting that a text names.

    Raises:
        UsageError: there is no such setting, or no command can change it.

    """
    member, dot, name = text.partition(".")
    kinds = rules.kinds("setting")
    if member in rules.values("detail") and not dot:
        if environments:
            raise UsageError(f"{member} is the same in all environments: remove --env")
        return Setting(member, detail=True)
    if member in rules.values("fixed"):
        raise UsageError(f"{member} is fixed since the create, and cannot change")
    if member == _POLICY:
        return _parse_policy(name, environments)
    if member not in kinds:
        known = ", ".join([*kinds, *rules.values("detail"), _POLICY])
        raise UsageError(f"{text!r} is not one of {known}", *_remedy(text))
    if kinds[member] == "map" and not name:
        raise UsageError(f"{member} has several values: name one of them, as {member}.NAME")
    if kinds[member] == "json" and dot:
        remedy = ("Or use devops scale.",) if member == "scaling" else ()
        message = f"{member} is set as a whole, as JSON: write it without {dot}{name}"
        raise UsageError(message, *remedy)
    if kinds[member] != "map" and dot:
        raise UsageError(f"{member} is a single setting: write it without {dot}{name}")
    return Setting(member, name)


def _parse_policy(name: str, environments: list[str]) -> Setting:
    """Return the member of the policy of swaps that a name after `production.` names."""
    member, dot, inner = name.partition(".")
    kinds = _kinds(policy=True)
    if environments:
        raise UsageError(f"{_POLICY} is the same in all environments: remove --env")
    if member not in kinds:
        known = ", ".join(f"{_POLICY}.{each}" for each in sorted(kinds))
        raise UsageError(f"{_POLICY} has several values: name one of {known}")
    if dot:
        raise UsageError(f"{_POLICY}.{member} is set as a whole: write it without .{inner}")
    return Setting(member, policy=True)


def _remedy(text: str) -> tuple[str, ...]:
    """Return a hint for the name of a variable, or for a member of the whole document."""
    if re.fullmatch("[A-Z][A-Z0-9_]*", text):
        return (f"For the variable {text}, write environment.{text}.",)
    if text.partition(".")[0] in ("environments", "overrides", "service", "tags"):
        return (
            "Settings are named without service, and --env selects an override. For all other"
            " changes, use devops apply.",
        )
    return ()


def parse_assignment(text: str, environments: list[str]) -> tuple[Setting, Any]:
    """Return the setting and the JSON value of SETTING=VALUE.

    Raises:
        UsageError: it has no value, or no valid one.

    """
    left, sign, value = text.partition("=")
    if not sign:
        raise UsageError(f"{text!r} has no value: write it as {left}=VALUE")
    setting = parse_setting(left, environments)
    kind = setting.kind
    if kind == "number":
        if not re.fullmatch("-?(?:0|[1-9][0-9]{0,17})", value):
            raise UsageError(f"{setting} must be a whole number, not {value!r}")
        return setting, int(value)
    if kind == "list":
        return setting, _list(setting, value)
    if kind == "json" or (kind == "json or text" and value.lstrip().startswith("{")):
        return setting, _json(setting, value)
    return setting, value


def _list(setting: Setting, value: str) -> list[Any]:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise UsageError(f'{setting} must be a JSON list, as in {setting}=\'["first", "second"]\'')
    return found


def _json(setting: Setting, value: str) -> Any:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list | dict):
        raise UsageError(f"{setting} must be JSON: a list or an object")
    return found


def with_setting(document: Object, setting: Setting, value: Any, environments: list[str]) -> Object:
    """Return a document in which a setting has a value: in all environments, or in some."""
    changed = copy.deepcopy(dict(document))
    for part in _parts(changed, setting, environments):
        if not setting.name:
            part[setting.member] = value
            part.pop(_REPLACED.get(setting.member, ""), None)
            continue
        _map(part, setting.member)[setting.name] = value
        _map(part, _OTHER[setting.member]).pop(setting.name, None)
        if setting.name in (unset := _names(part)):
            part["unset"] = [each for each in unset if each != setting.name]
    return _without_empty(changed)


def with_scaling(
    document: Object, limits: Mapping[str, int], targets: Mapping[str, int], environments: list[str]
) -> Object:
    """Return a document with other scaling: in all environments, or in some.

    `limits` are added to the present scaling of each environment; `targets` replace its targets,
    unless they are empty.

    Raises:
        UsageError: a limit, or all targets, are missing.

    """
    own = {"min", "max"}
    for name in environments or [""]:
        present = _scaling(document, name)
        kept = {key: value for key, value in present.items() if key in own or not targets}
        scaling = {**kept, **limits, **targets}
        missing = [f"--{each}" for each in sorted(own - scaling.keys())]
        if scaling.keys() <= own:
            missing.append("one of --cpu, --memory and --requests")
        if missing:
            of_name = f" of {name}" if name else ""
            raise UsageError(f"new scaling{of_name} also requires {' and '.join(missing)}")
        chosen = [name] if name else []
        document = with_setting(document, Setting("scaling"), scaling, chosen)
    return document


def _scaling(document: Object, environment: str) -> dict[str, int]:
    """Return the scaling of `service`, or that of an environment."""
    override = document.get("overrides", {}).get(environment, {})
    part = override if override.keys() & _REPLACED.keys() else document.get("service", {})
    found: dict[str, int] = part.get("scaling", {})
    return found


def without_setting(document: Object, setting: Setting, environments: list[str]) -> Object:
    """Return a document without a setting: in all environments, or in some.

    An environment loses its own value, so that it has the one of `service` again. A variable or a
    secret that only `service` has becomes one of the names that the environment does not receive.
    """
    changed = copy.deepcopy(dict(document))
    inherited = changed.get("service", {}).get(setting.member, {})
    for part in _parts(changed, setting, environments):
        if not setting.name:
            part.pop(setting.member, None)
        elif setting.name in part.get(setting.member, {}):
            part[setting.member].pop(setting.name)
        elif environments and setting.name in inherited:
            hidden = {*_names(part), *part.get(_OTHER[setting.member], {})}
            part["unset"] = [*_names(part), *([] if setting.name in hidden else [setting.name])]
    return _without_empty(changed)


def _parts(document: dict[str, Any], setting: Setting, names: list[str]) -> list[dict[str, Any]]:
    """Return the parts of a document that have the setting, which are added if they are missing."""
    if setting.detail:
        return [document]
    if setting.policy:
        return [_map(document, _POLICY)]
    if not names:
        return [_map(document, "service")]
    return [_map(_map(document, "overrides"), name) for name in names]


def _map(parent: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = parent.setdefault(name, {})
    return found


def _names(part: Mapping[str, Any]) -> list[str]:
    return list(part.get("unset", ()))


def _without_empty(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document whose parts have no empty maps and lists, and no empty overrides."""
    overrides = {
        name: kept
        for name, part in document.get("overrides", {}).items()
        if (kept := _filled(part))
    }
    service = _filled(document.get("service", {}))
    rest = {
        name: each
        for name, each in document.items()
        if name not in ("service", "overrides") and (each or name != _POLICY)
    }
    return {
        **rest,
        **({"service": service} if service else {}),
        **({"overrides": overrides} if overrides else {}),
    }


def _filled(part: Mapping[str, Any]) -> dict[str, Any]:
    emptied = ("environment", "secrets", "unset")
    return {name: value for name, value in part.items() if name not in emptied or value}


def merge_patch(old: Object, new: Object) -> dict[str, Any]:
    """Return the merge patch (RFC 7396) that changes one document into another."""
    patch: dict[str, Any] = dict.fromkeys(name for name in old if name not in new)
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            if inner := merge_patch(before, value):
                patch[name] = inner
        elif name not in old or before != value:
            patch[name] = value
    return patch


def completed(document: Object, present: Object) -> Object:
    """Return a document with the members that it can omit, as the present one has them."""
    general = {name: present[name] for name in ("applicationName", "tags") if name in present}
    own, service = document.get("service", {}), present.get("service", {})
    fixed = {name: service[name] for name in rules.values("fixed") if name in service}
    filled = {**fixed, **own} if isinstance(own, dict) else own
    return {**general, **document, "service": filled}


def differences(old: Object, new: Object, prefix: str = "") -> Iterator[Object]:
    """Yield the differences between two documents, with the members of a difference of a plan."""
    for name in sorted({*old, *new}):
        field = f"{prefix}{name}"
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from differences(before, after, f"{field}.")
        elif name not in new:
            yield {"field": field, "old": before}
        elif name not in old:
            yield {"field": field, "new": after}
        elif before != after:
            yield {"field": field, "old": before, "new": after}
