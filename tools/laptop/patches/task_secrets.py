"""Amazon ECS: a task receives only the secrets that its execution role can read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs, iam, kms, secretsmanager, ssm

Policies = list[list[iam_evaluator.ParsedStatement]]

_VARIABLE = re.compile(r"\$\{([^}]+)\}")


class Access(NamedTuple):
    """An access that a task needs: an action, its resource, and the condition keys of the call."""

    action: str
    arn: str
    keys: Mapping[str, str]


def require_access(definition: Mapping[str, Any]) -> None:
    """Raise the error of a failed start if the execution role cannot read a secret of a task.

    Gap: the emulator reads the secrets of a task without permissions. ECS reads them with the
    execution role, which must be able to use the customer managed keys of the secrets (ECS
    Developer Guide, "Amazon ECS task execution IAM role"). A secret that does not exist has its own
    error.
    """
    role = iam._roles.get(str(definition.get("executionRoleArn")).rpartition("/")[2])
    for container in definition.get("containerDefinitions", ()):
        for secret in container.get("secrets", ()):
            for access in _accesses(secret["valueFrom"]):
                if not (role and _allowed(role, access)):
                    raise ecs._SecretResolutionError(
                        f"AccessDeniedException: {definition.get('executionRoleArn')} is not"
                        f" authorized to perform: {access.action} on resource: {access.arn}"
                    )


def _accesses(value_from: str) -> Iterator[Access]:
    """Yield the accesses that read a secret, none for a secret that does not exist."""
    if ":secretsmanager:" in value_from:
        service, action = "secretsmanager", "secretsmanager:GetSecretValue"
        _, found = secretsmanager._resolve(":".join(value_from.split(":")[:7]), use_arn_scope=True)
        stored = found or {}
        key = stored.get("KmsKeyId")
        tags = {tag["Key"]: tag["Value"] for tag in stored.get("Tags") or ()}
    else:
        service, action = "ssm", "ssm:GetParameters"
        _, found = ssm._lookup_parameter(value_from, allow_arn_region=True, flexible_name=True)
        stored = found or {}
        key = stored.get("KeyId")
        tags = dict(ssm._tags.get(stored.get("ARN")) or {})
    if not stored.get("ARN"):
        return
    yield Access(
        action, stored["ARN"], {f"aws:resourcetag/{each.lower()}": tags[each] for each in tags}
    )
    # The policy of a key of AWS allows its use to all principals of the account.
    if key and not key.removeprefix("alias/").startswith("aws/"):
        via = {"kms:viaservice": f"{service}.{get_region()}.amazonaws.com"}
        yield Access("kms:Decrypt", (kms._resolve_key(key) or {}).get("Arn", key), via)


def _allowed(role: Mapping[str, Any], access: Access) -> bool:
    """Evaluate the policies and the permissions boundary of a role."""
    account, name = get_account_id(), role["RoleName"]
    principal = {f"aws:principaltag/{tag['Key'].lower()}": tag["Value"] for tag in role["Tags"]}
    context = iam_evaluator.EvalContext(
        principal_arn=role["Arn"],
        principal_type="AssumedRole",
        principal_account=account,
        action=access.action,
        resource_arn=access.arn,
        region=get_region(),
        principal_keys=principal,
        service_context=dict(access.keys),
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
