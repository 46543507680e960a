"""Amazon ECS: a task receives only the secrets that its execution role can read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs, iam, secretsmanager, ssm

Policies = list[list[iam_evaluator.ParsedStatement]]

_VARIABLE = re.compile(r"\$\{([^}]+)\}")


def require_access(definition: Mapping[str, Any]) -> None:
    """Raise the error of a failed start if the execution role cannot read a secret of a task.

    Gap: the emulator reads the secrets of a task without permissions. ECS reads them with the
    execution role (ECS Developer Guide, "Amazon ECS task execution IAM role"). A secret that does
    not exist has its own error.
    """
    role = iam._roles.get(str(definition.get("executionRoleArn")).rpartition("/")[2])
    for container in definition.get("containerDefinitions", ()):
        for secret in container.get("secrets", ()):
            action, arn, tags = _stored(secret["valueFrom"])
            if arn and not (role and _allowed(role, action, arn, tags)):
                raise ecs._SecretResolutionError(
                    f"AccessDeniedException: {definition.get('executionRoleArn')} is not authorized"
                    f" to perform: {action} on resource: {arn}"
                )


def _stored(value_from: str) -> tuple[str, str, dict[str, str]]:
    """Return the action that reads a secret, its complete ARN and its tags; "" without a secret."""
    if ":secretsmanager:" in value_from:
        arn = ":".join(value_from.split(":")[:7])
        _, secret = secretsmanager._resolve(arn, use_arn_scope=True)
        tags = {tag["Key"]: tag["Value"] for tag in (secret or {}).get("Tags") or ()}
        return "secretsmanager:GetSecretValue", (secret or {}).get("ARN", ""), tags
    _, parameter = ssm._lookup_parameter(value_from, allow_arn_region=True, flexible_name=True)
    arn = (parameter or {}).get("ARN", "")
    return "ssm:GetParameters", arn, dict(ssm._tags.get(arn) or {})


def _allowed(role: Mapping[str, Any], action: str, arn: str, tags: Mapping[str, str]) -> bool:
    """Evaluate the policies and the permissions boundary of a role."""
    account, name = get_account_id(), role["RoleName"]
    principal = {f"aws:principaltag/{tag['Key'].lower()}": tag["Value"] for tag in role["Tags"]}
    context = iam_evaluator.EvalContext(
        principal_arn=role["Arn"],
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=arn,
        region=get_region(),
        principal_keys=principal,
        service_context={f"aws:resourcetag/{key.lower()}": tags[key] for key in tags},
    )
    policies = iam_evaluator._gather_role_policies(name, account)
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    filled = [_filled(each, principal) for each in (policies, *limits)]
    return bool(iam_evaluator.evaluate(context, *filled).decision == "Allow")


def _filled(policies: Policies, keys: Mapping[str, str]) -> Policies:
    """Return policies with the values of policy variables in their conditions.

    Gap: the emulator compares the text of the variable. A variable without a value matches nothing
    (IAM User Guide, "Policy variables with no value").
    """
    return [list(_statements(statements, keys)) for statements in policies]


def _statements(
    statements: list[iam_evaluator.ParsedStatement], keys: Mapping[str, str]
) -> Iterator[iam_evaluator.ParsedStatement]:
    for statement in statements:
        names = {name.lower() for name in _VARIABLE.findall(str(statement.conditions))}
        if names <= keys.keys():
            yield replace(statement, conditions=_with_values(statement.conditions, keys))


def _with_values(node: Any, keys: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _with_values(each, keys) for key, each in node.items()}
    if isinstance(node, list):
        return [_with_values(each, keys) for each in node]
    return _VARIABLE.sub(lambda found: keys[found[1].lower()], str(node))
