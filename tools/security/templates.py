"""CloudFormation templates as plain Python: short tags written out, loops unrolled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
APPLICATION = ROOT / "cloudformation" / "application.yml"

Template = dict[str, Any]


def load(path: Path) -> Template:
    """Return a template as it is written, with Fn::ForEach and all."""
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
        raise TypeError(f"a node of an unknown kind: {node}")
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_tag)


def unroll(template: Template, parameters: Mapping[str, Sequence[str]]) -> Template:
    """Return the template as CloudFormation sees it after Fn::ForEach.

    `parameters` gives the lists that loops go over. A placeholder is replaced where CloudFormation
    replaces it: in keys of the loop, in Fn::Sub and in a Ref to it; a plain string keeps it. A
    Fn::Sub that has nothing left to replace becomes its text.
    """
    return {
        section: _unroll(content, {}, parameters)
        if section in {"Resources", "Outputs"}
        else content
        for section, content in template.items()
    }


def _unroll(node: Any, bound: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> Any:
    if isinstance(node, list):
        return [_unroll(item, bound, lists) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(sub := node.get("Fn::Sub"), str):
        text = filled(sub, bound)
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
                unrolled[filled(name, inner)] = _unroll(content, inner, lists)
    return unrolled


def filled(text: str, bound: Mapping[str, str]) -> str:
    """Return a text with the placeholders replaced for which there is a value."""
    for identifier, item in bound.items():
        text = text.replace(f"${{{identifier}}}", item)
    return text
