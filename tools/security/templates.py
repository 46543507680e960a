"""Loads CloudFormation templates as Python objects, with expanded short tags and loops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
APPLICATION = ROOT / "cloudformation" / "application.yml"

Template = dict[str, Any]


def load(path: Path) -> Template:
    """Return a template as written, including Fn::ForEach."""
    template = yaml.load(path.read_text(), Loader=_Loader)  # nosec B506 # noqa: S506 - derives from SafeLoader
    if not isinstance(template, dict):
        raise TypeError(f"{path} is not a template")
    return template


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags: `!Sub x` becomes `{"Fn::Sub": x}`."""


def _short_tag(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        raise TypeError(f"unknown type of node: {node}")
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_tag)


def unroll(template: Template, parameters: Mapping[str, Sequence[str]]) -> Template:
    """Return the template after the expansion of Fn::ForEach.

    `parameters` contains the lists of the loops. A placeholder is replaced where CloudFormation
    replaces it: in the keys of the loop, in Fn::Sub and in a Ref to it; not in a plain string. A
    Fn::Sub without remaining placeholders becomes a plain string.
    """
    return {
        section: _unroll(content, {}, parameters)
        if section in {"Conditions", "Resources", "Outputs"}
        else content
        for section, content in template.items()
    }


def _unroll(node: Any, bound: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> Any:
    if isinstance(node, list):
        return [_unroll(item, bound, lists) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(sub := node.get("Fn::Sub"), str):
        text = substitute(sub, bound)
        return {"Fn::Sub": text} if "${" in text else text
    if isinstance(reference := node.get("Ref"), str) and reference in bound:
        return bound[reference]
    unrolled: dict[str, Any] = {}
    for key, value in node.items():
        if not key.startswith("Fn::ForEach::"):
            unrolled[key] = _unroll(value, bound, lists)
            continue
        identifier, collection, fragment = value
        items = lists[collection["Ref"]] if isinstance(collection, dict) else collection
        for item in items:
            inner = {**bound, identifier: item}
            for name, content in fragment.items():
                unrolled[substitute(name, inner)] = _unroll(content, inner, lists)
    return unrolled


def substitute(text: str, bound: Mapping[str, str]) -> str:
    """Replace the placeholders in a text for which `bound` has a value."""
    for identifier, item in bound.items():
        text = text.replace(f"${{{identifier}}}", item)
    return text
