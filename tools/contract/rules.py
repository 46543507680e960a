"""Derives the rules for names of the command line and of parameters.yml.

devops_cli/rules.json is for options of the command line, serverless/names.json for parameters.yml.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from devops_core.naming import ECR_HOST
from devops_core.requests import fields, schema, specification, task_settings
from devops_core.requests.reads import EVENTS, STACKS
from tools.contract.document import FILE
from tools.contract.schemas import ecma

NAMES = FILE.parents[1] / "serverless" / "names.json"
RULES = FILE.parents[1] / "devops_cli" / "rules.json"
_TYPES: dict[str, schema.Type] = {
    "name": fields.APPLICATION,
    "team": fields.TEAM,
    "version": fields.VERSION,
    "digest": fields.DIGEST,
    "deployable": fields.DEPLOYABLE_ENVIRONMENT,
    "environment": STACKS.members["environment"].type,
    "operation": EVENTS.members["operation"].type,
}
_KINDS: dict[type[schema.Type], str] = {
    schema.Integer: "number",
    schema.List: "list",
    schema.ObjectOrWord: "json or text",
    schema.Objects: "json",
    schema.Text: "text",
}
_PARAMETERS: dict[str, schema.Text] = {
    "team": fields.TEAM,
    "tagKey": fields.KEY_OF_TAG,
    "secretPrefix": fields.SECRET_PREFIX,
    "image": fields.IMAGE,
}


def text() -> str:
    """Return the text of devops_cli/rules.json."""
    return _json({name: _rule(declared) for name, declared in _TYPES.items()} | _specification())


def _specification() -> dict[str, Any]:
    """Return the members of a specification that a command can change, with their kinds."""
    members = specification.MEMBERS
    service, overrides = members["service"].type, members["overrides"].type
    assert isinstance(service, schema.Object)  # noqa: S101 - objects of the contract
    assert isinstance(overrides, schema.Object)  # noqa: S101
    policy = members["production"].type
    assert isinstance(policy, schema.Object)  # noqa: S101
    fixed = task_settings.FIXED
    settings = {name: each for name, each in service.members.items() if name not in fixed}
    texts = [name for name, member in members.items() if isinstance(member.type, schema.Text)]
    return {
        "configurable": {"values": list(overrides.members)},
        "setting": _kinds(settings),
        "policy": _kinds(policy.members),
        "fixed": {"values": list(fixed)},
        "detail": {"values": texts},
    }


def _kinds(members: Mapping[str, schema.Member]) -> dict[str, Any]:
    """Return the names of members by their kinds."""
    found: dict[str, list[str]] = {}
    for name, each in members.items():
        found.setdefault(_kind(each.type), []).append(name)
    return {"kinds": {kind: found[kind] for kind in sorted(found)}}


def _kind(declared: schema.Type) -> str:
    """Return how a command takes a value: a map of texts by the name of each."""
    if isinstance(declared, schema.Object):
        is_map = declared.others and isinstance(declared.others[1], schema.Text)
        return "map" if is_map else "json"
    return next(kind for each, kind in _KINDS.items() if isinstance(declared, each))


def names() -> str:
    """Return the text of serverless/names.json, with patterns for JavaScript."""
    found: dict[str, Any] = {"ecrHost": {"pattern": ecma(ECR_HOST.pattern)}}
    for name, declared in _PARAMETERS.items():
        found[name] = _rule(declared) | {"pattern": ecma(declared.pattern)}
    return _json(found)


def _json(rules: dict[str, Any]) -> str:
    return json.dumps(rules, indent=2, ensure_ascii=False) + "\n"


def _rule(declared: schema.Type) -> dict[str, Any]:
    if isinstance(declared, schema.Choice):
        return {"values": list(declared.values)}
    assert isinstance(declared, schema.Text)  # noqa: S101 - as in the table above
    # The command line is written in Python, too, so it can use the pattern as it is.
    rule: dict[str, Any] = {"pattern": declared.pattern, "message": declared.message}
    rule |= {} if declared.longest is None else {"longest": declared.longest}
    # A pattern cannot express this rule of `fields.composed`.
    return rule | ({"form": "NFC"} if declared.convert is fields.composed else {})
