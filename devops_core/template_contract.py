"""The contract of an application template: it names only the application's own resources.

The service trusts the outputs of a stack: swaps change these listeners, deploys these services. So
a create checks them against the names that docs/custom-template.md requires, before the stack
exists as far as the text of the template shows them, and afterwards completely.

CloudFormation has one role for the stacks of all applications, and IAM has no condition that
separates them: PutRolePolicy has no tags of the request. So a create refuses a template that writes
a policy into a role of another stack. All roles of stacks have generated names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from devops_core.naming import ECR_DOMAIN, SLOTS, family, output_key, repository_name

# The outputs of each service of the stack.
SERVICE_OUTPUTS = ("ServiceArn", "TaskDefinitionArn", "TargetGroupArn")
APPLICATION_OUTPUTS = (
    "RepositoryUri", "ProductionListenerArn", "TestListenerArn", "ProductionUrl", "TestUrl",
)  # fmt: skip
# Functions whose results the text of a template does not show.
_UNKNOWN = re.compile(r"Fn::Transform|AWS::Include|AWS::Serverless")
# A key of a YAML mapping in block style, also the first one in an item of a list.
_KEY = re.compile(r"(?P<indent> *(?:- )?)[\"']?(?P<key>[^\s\"'#]+?)[\"']?:(?:\s|$)")
_PLACEHOLDER = re.compile(r"\\[$&]\\\{\w+\\\}")
# The value of an output that is a complete ARN, or that of another stack. Functions can have a part
# of an ARN, and descriptions and comments can have any text.
_LITERAL_ARN = re.compile(
    r"\bValue[\"']?:\s*(?:!Sub\s+)?[\"']?(?P<arn>arn:[^\s\"',\]}$]+)[\"']?\s*(?:[,}#\n]|\Z)"
)
_IMPORTED = re.compile(r"\bValue[\"']?:\s*(?:!ImportValue\b|[{\s\"']*Fn::ImportValue\b)")
# The only types of IAM resources; the others can change the permissions of existing principals.
_IAM_TYPE = re.compile(r"AWS::IAM::(?!(?:Role|RolePolicy)\b)")
_ROLE_POLICY = re.compile(r"AWS::IAM::RolePolicy\b")
_ROLE_TYPE = re.compile(r"\bType[\"']?: *[\"']?AWS::IAM::Role\b(?!\w)")
_ROLE_NAME = re.compile(r"\bRoleName[\"']?\s*:")
# A Ref to one resource, in each style of YAML; in a loop with Fn::Sub.
_REFERENCE = re.compile(
    r"\s*(?:!Ref\s+|\{?\s*[\"']?Ref[\"']?:\s*(?:!Sub\s+|\{?\s*[\"']?Fn::Sub[\"']?:\s*)?)"
    r"[\"']?(?P<id>(?:[A-Za-z0-9]|[$&]\{\w+\})+)[\"']?\s*(?:[,}\n#]|\Z)"
)
# The name of a role of the stack, with Fn::Sub or Fn::Join. No name of an application has an
# underscore, and generated names continue with a hyphen, so roles of other stacks cannot have this
# name.
_OWN_NAME = re.compile(
    r"\s*(?:(?:!Sub\s+|\{?\s*[\"']?Fn::Sub[\"']?:\s*)[\"']?\$\{AWS::StackName\}_[^\s\"',}]"
    r"|(?:!Join\s+|\{?\s*[\"']?Fn::Join[\"']?:\s*)\[\s*[\"']?_[\"']?\s*,\s*\[\s*"
    r"(?:!Ref\s+|\{\s*[\"']?Ref[\"']?:\s*)[\"']?AWS::StackName[\"']?\s*\}?\s*,)"
)
_LOOP_VARIABLE = re.compile(r"Fn::ForEach::\w+[\"']?:\s*[-\[]\s*[\"']?(\w+)")
_VARIABLE_TYPE = re.compile(r"\bType[\"']?\s*:[^\n,}]*\$\{")
# Escapes of YAML in double quotes that can hide letters.
_ESCAPE = re.compile(r"\\[xuU][0-9A-Fa-f]{2}")
_CONTINUATION = re.compile(r"\\\r?\n\s*")
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)

_UNNAMED = (
    "each RoleName must be the Ref of a role of the template; a role with a name requires"
    " namedroles in parameters.yml"
)
_NAMED = (
    "each RoleName must be the Ref of a role of the template, or the Fn::Sub or Fn::Join of the"
    " stack's name, an underscore and further characters"
)


class Account(NamedTuple):
    """The partition, the region and the account of a stack."""

    partition: str
    region: str
    number: str

    @classmethod
    def of_stack(cls, stack_id: str) -> Account:
        """Return the account of a stack id, which is an ARN."""
        _, partition, _, region, number, _ = stack_id.split(":", 5)
        return cls(partition, region, number)


def required_outputs(services: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the required outputs, in order."""
    own = (output_key(name, output) for name in services for output in SERVICE_OUTPUTS)
    return (*APPLICATION_OUTPUTS, *own)


def missing_outputs(outputs: Mapping[str, str], services: Iterable[str]) -> tuple[str, ...]:
    """Return the required outputs that a stack does not have, in order."""
    return tuple(key for key in required_outputs(services) if not outputs.get(key))


def foreign_outputs(
    application: str, services: Iterable[str], account: Account, outputs: Mapping[str, str]
) -> tuple[str, ...]:
    """Return a fault for each output that does not name a resource of the application.

    An absent output has no fault. The messages do not contain the values, which can be ARNs.
    """
    rules = _rules(application, services, account)
    faults = [
        f"{key} must be {rule.text}"
        for key, rule in rules.items()
        if key in outputs and not re.fullmatch(rule.pattern, outputs[key])
    ]
    listeners = [outputs.get(key) for key in ("ProductionListenerArn", "TestListenerArn")]
    if listeners[0] and listeners[0] == listeners[1]:
        faults.append("TestListenerArn must differ from ProductionListenerArn")
    return tuple(faults)


def template_faults(
    template: str, application: str, services: Iterable[str], account: Account
) -> tuple[str, ...]:
    """Return the faults of the outputs as far as the text of a template shows them.

    These are missing outputs, values of other stacks (Fn::ImportValue) and literal ARNs of other
    resources. Values that a macro adds are not known.
    """
    declared = _declared_outputs(template)
    if declared is None:
        return ()
    names = tuple(services)
    rules, faults, missing = _rules(application, names, account), [], []
    for key in required_outputs(names):
        values = [value for pattern, value in declared if pattern.fullmatch(key)]
        if not values:
            missing.append(key)
        elif any(map(_IMPORTED.search, values)):
            faults.append(f"{key} must not be the value of another stack (Fn::ImportValue)")
        elif any(not re.fullmatch(rules[key].pattern, arn) for arn in _literal_arns(values)):
            faults.append(f"{key} must be {rules[key].text}")
    if missing:
        faults.insert(0, f"it lacks the outputs {', '.join(missing)}")
    return tuple(faults)


def policy_faults(template: str, *, named_roles: bool = False) -> tuple[str, ...]:
    """Return the faults of a template that can write policies into roles of other stacks.

    A type or a role that the text does not show is a fault too. With `named_roles` a role can have
    a name that begins with that of its stack.
    """
    escaped = False
    if template.lstrip().startswith("{"):
        try:
            document = json.loads(template)
            roles, others = _json_roles(document)
        except (ValueError, AttributeError, LookupError, TypeError, RecursionError):
            # CloudFormation describes the fault.
            return ()
        text = json.dumps(document, ensure_ascii=False)
    else:
        text = _COMMENT.sub("", template)
        roles, others = _yaml_roles(text.splitlines())
        escaped = _ESCAPE.search(text) is not None
        text = _CONTINUATION.sub("", text)
    others |= set(_LOOP_VARIABLE.findall(text))
    own = {role for role in roles if not any(map(_name_pattern(role).fullmatch, others))}
    ends = [found.end() for found in _ROLE_NAME.finditer(text)]
    references = [found for end in ends if (found := _REFERENCE.match(text, end))]
    own_names = [end for end in ends if named_roles and _OWN_NAME.match(text, end)]
    faults = []
    if escaped or _VARIABLE_TYPE.search(text):
        faults.append("each Type must be a text without escapes and variables")
    if _IAM_TYPE.search(text):
        faults.append("IAM resources must have the type AWS::IAM::Role or AWS::IAM::RolePolicy")
    if (
        len(references) < len(_ROLE_POLICY.findall(text))
        or len(references) + len(own_names) < len(ends)
        or not all(reference["id"] in own for reference in references)
    ):
        faults.append(_NAMED if named_roles else _UNNAMED)
    return tuple(faults)


def _json_roles(document: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """Return the logical ids of the roles, and the names of the parameters."""
    resources = {
        key: json.loads(text) for key, text in _json_members(document.get("Resources", {}))
    }
    roles = {key for key, resource in resources.items() if resource["Type"] == "AWS::IAM::Role"}
    return roles, set(document.get("Parameters", {}))


def _yaml_roles(lines: list[str]) -> tuple[set[str], set[str]]:
    """Return the logical ids of the roles, and the keys of the parameters.

    Both are empty without these two sections in block style.
    """
    resources, parameters = _section(lines, "Resources"), _section(lines, "Parameters")
    if resources is None or parameters is None:
        return set(), set()
    roles = set()
    for number, line in enumerate(resources):
        found = _ROLE_TYPE.search(line)
        if not found:
            continue
        keys = [_KEY.match(each) for each in reversed(resources[: number + 1])]
        level = found.start()
        above = (key for key in keys if key and len(key["indent"]) < level)
        roles |= {key["key"] for key in [next(above, None)] if key}
    return roles, {key["key"] for key in map(_KEY.match, parameters) if key}


def _name_pattern(key: str) -> re.Pattern[str]:
    """Return a pattern for the names of a key, which has a placeholder in a loop."""
    return re.compile(_PLACEHOLDER.sub(r"\\w+", re.escape(key)))


def container_faults(
    service: str,
    blueprint: Mapping[str, Any],
    container: str | None,
    sidecars: Collection[str] = (),
) -> tuple[str, ...]:
    """Return the fault of a service whose load balancer entry names no container of its tasks.

    The container must not have the name of one of the `sidecars` of the specification.
    """
    if container is None:
        return (f"the service {service} has no load balancer entry for its target group",)
    if container not in [each["name"] for each in blueprint["containerDefinitions"]]:
        return (f"the task definition of {service} has no container {container}",)
    if container in sidecars:
        return (f"the container {container} of {service} has the name of a sidecar",)
    return ()


class _Rule(NamedTuple):
    """A regular expression for the value of an output, and its description."""

    pattern: str
    text: str


def _rules(application: str, services: Iterable[str], account: Account) -> dict[str, _Rule]:
    at = rf"{account.region}:{account.number}"
    ecs = rf"arn:{account.partition}:ecs:{at}"
    elb = rf"arn:{account.partition}:elasticloadbalancing:{at}"
    registry = rf"{account.number}\.dkr\.ecr\.{account.region}\.{ECR_DOMAIN}"
    balancer, repository = f"{application}-prod", repository_name(application)
    listener = _Rule(
        rf"{elb}:listener/app/{balancer}/[^/]+/[^/]+", f"a listener of the load balancer {balancer}"
    )
    url = _Rule(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?", "a URL without a path")
    rules = {
        "ClusterName": _Rule(application, f"the cluster {application}"),
        "RepositoryUri": _Rule(rf"{registry}/{repository}", f"the ECR repository {repository}"),
        "ProductionListenerArn": listener,
        "TestListenerArn": listener,
        "ProductionUrl": url,
        "TestUrl": url,
    }
    for name in services:
        own = family(application, name)
        rules |= {
            output_key(name, "ServiceArn"): _Rule(
                f"{ecs}:service/{application}/{name}",
                f"the service {name} of the cluster {application}",
            ),
            output_key(name, "TaskDefinitionArn"): _Rule(
                f"{ecs}:task-definition/{own}:[0-9]+", f"a task definition of the family {own}"
            ),
            output_key(name, "TargetGroupArn"): _Rule(
                f"{elb}:targetgroup/{own}/[^/]+", f"the target group {own}"
            ),
        }
        if name not in SLOTS:
            rules[output_key(name, "Url")] = url
    return rules


def _literal_arns(values: Iterable[str]) -> Iterator[str]:
    for value in values:
        yield from (found["arn"] for found in _LITERAL_ARN.finditer(value))


def _declared_outputs(template: str) -> list[tuple[re.Pattern[str], str]] | None:
    """Return a pattern for the names of each declared output, and the text of its value.

    The name in a loop has a placeholder, so it matches several names. None means that the text does
    not show all outputs.
    """
    if _UNKNOWN.search(template):
        return None
    if template.lstrip().startswith("{"):
        try:
            found = dict(_json_members(json.loads(template).get("Outputs", {})))
        except (ValueError, AttributeError, LookupError, TypeError, RecursionError):
            # CloudFormation describes the fault.
            return None
    else:
        lines = _section(template.splitlines(), "Outputs")
        if lines is None:
            return None if re.search(r"\bOutputs\b", template) else []
        found = dict(_yaml_members(lines))
    return [(_name_pattern(key), found[key]) for key in found]


def _json_members(outputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in outputs.items():
        if key.startswith("Fn::ForEach"):
            yield from _json_members(value[2])
        else:
            yield key, json.dumps(value)


def _section(lines: list[str], name: str) -> list[str] | None:
    """Return the lines of a top-level section in block style, None without one."""
    starts = [n for n, line in enumerate(lines) if re.fullmatch(rf"[\"']?{name}[\"']?:\s*", line)]
    if not starts:
        return None
    rest = lines[starts[0] + 1 :]
    ends = (n for n, line in enumerate(rest) if line.strip() and line[0] not in " #")
    return rest[: next(ends, len(rest))]


def _yaml_members(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each key of a section in block style, with the text until the next key of its level."""
    keys = [(n, found) for n, line in enumerate(lines) if (found := _KEY.match(line))]
    for n, found in keys:
        level = len(found["indent"])
        ends = (m for m, other in keys if m > n and len(other["indent"]) <= level)
        yield found["key"], "\n".join(lines[n : next(ends, len(lines))])
