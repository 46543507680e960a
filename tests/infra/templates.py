"""CloudFormation templates as plain Python: short tags written out, loops unrolled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
APPLICATION = ROOT / "cloudformation" / "application.yml"

# What cfn-lint says of what the deploy tool writes: the condition CreateDatastores compares two
# words that it has filled in (W8003), and a function waits for the role that it names (W3005).
WRITTEN_BY_THE_TOOL = ("W8003", "W3005")

Template = dict[str, Any]


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
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_tag)


def load(path: Path) -> Template:
    template = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 - derives from SafeLoader
    assert isinstance(template, dict)
    return template


def unroll(template: Template, parameters: Mapping[str, Sequence[str]]) -> Template:
    """Return the template as CloudFormation sees it after Fn::ForEach.

    `parameters` gives the lists that loops go over. A placeholder is replaced where CloudFormation
    replaces it: in keys of the loop, in Fn::Sub and in a Ref to it; a plain string keeps it.
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
        return {"Fn::Sub": _filled(sub, bound)}
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
                unrolled[_filled(name, inner)] = _unroll(content, inner, lists)
    return unrolled


def _filled(text: str, bound: Mapping[str, str]) -> str:
    for identifier, item in bound.items():
        text = text.replace(f"${{{identifier}}}", item)
    return text


def literal(node: Any, values: Mapping[str, str]) -> Any:
    """Return a name with the pseudo parameters filled in; what is no name comes back as it is."""
    if isinstance(node, dict) and "Fn::Sub" in node:
        return _filled(node["Fn::Sub"], values)
    if isinstance(node, dict) and "Fn::Join" in node:
        separator, parts = node["Fn::Join"]
        return separator.join(literal(part, values) for part in parts)
    if isinstance(node, dict) and "Ref" in node:
        return values[node["Ref"]]
    return _filled(node, values) if isinstance(node, str) else node


def references(node: Any) -> Iterator[str]:
    """Yield the logical names that a part of an unrolled template refers to."""
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref":
                yield literal(value, {})
            elif key == "Fn::GetAtt":
                yield literal(value[0], {})
            elif key == "Fn::Sub":
                yield from _substituted(value)
            else:
                yield from references(value)


def _substituted(value: Any) -> Iterator[str]:
    text, variables = value if isinstance(value, list) else (value, {})
    yield from references(list(variables.values()))
    for found in re.findall(r"\$\{([A-Za-z0-9:]+)", text):
        if found not in variables:
            yield found


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of all resources of a type, by logical name."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }
