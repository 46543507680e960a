"""What tests ask of a template."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tools.security.templates import APPLICATION, ROOT, Template, load, substitute, unroll

__all__ = [
    "APPLICATION",
    "ROOT",
    "SMALL",
    "Template",
    "literal",
    "load",
    "of_type",
    "references",
    "unroll",
]


# The smallest text that the service accepts as a template: it declares every output.
SMALL = """\
Resources: {}
Outputs:
  RepositoryUri: {Value: !GetAtt Repository.RepositoryUri}
  ProductionListenerArn: {Value: !Ref ProductionListener}
  TestListenerArn: {Value: !Ref TestListener}
  ProductionUrl: {Value: !Sub "http://${Balancer.DNSName}"}
  TestUrl: {Value: !Sub "http://${Balancer.DNSName}:8080"}
  Fn::ForEach::Services:
    - Service
    - !Ref Services
    - ${Service}ServiceArn: {Value: !Ref Service}
      ${Service}TaskDefinitionArn: {Value: !Ref TaskDefinition}
      ${Service}TargetGroupArn: {Value: !Ref TargetGroup}
"""


def literal(node: Any, values: Mapping[str, str]) -> Any:
    """Return a name with its pseudo parameters replaced; other nodes are unchanged."""
    if isinstance(node, dict) and "Fn::Sub" in node:
        return substitute(node["Fn::Sub"], values)
    if isinstance(node, dict) and "Fn::Join" in node:
        separator, parts = node["Fn::Join"]
        return separator.join(literal(part, values) for part in parts)
    if isinstance(node, dict) and "Ref" in node:
        return values[node["Ref"]]
    return substitute(node, values) if isinstance(node, str) else node


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
