"""Which permissions a call of the SDK needs: actions, resources and condition keys.

The laptop cloud has the rules for ECS, CloudFormation and load balancers; this module has the
others. Source of the rules: the Service Authorization Reference, a page for each service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.lab.fakes import ACCOUNT, REGION, settings
from tests.lab.moto.backends import backend
from tests.lab.moto.transport import Call
from tests.lab.templates import APPLICATION
from tools.laptop.calls import Call as ApiCall
from tools.laptop.calls import Permission
from tools.laptop.permissions import leading_keys, required_permissions

Params = Mapping[str, Any]

_EXECUTION_ROLE = f"arn:aws:iam::{ACCOUNT}:role/devops-ecs/Shop-devExecutionRole-1"
_PREFIXES = {"elbv2": "elasticloadbalancing"}
_MACRO = f"arn:aws:cloudformation:{REGION}:aws:transform/LanguageExtensions"


def needed(call: Call) -> Iterator[Permission]:
    """Yield the permissions that a role needs for one call."""
    own = _OWN.get(call.service)
    if own:
        yield from own(call.operation, call.params)
        return
    action = f"{_PREFIXES.get(call.service, call.service)}:{call.operation}"
    asked = required_permissions(ApiCall(action, _as_sent(call), REGION, ACCOUNT, _task_roles))
    assert asked, f"what AWS asks about {call.name} is not known"
    for permission in asked:
        yield Permission(
            permission.action, permission.resource, {**permission.keys, **_tags(permission)}
        )
    if call.operation == "CreateChangeSet":
        # CloudFormation reads a template that is too large for the request; the object has a
        # version then.
        _, bucket, key = settings().template
        owner = {"s3:ResourceAccount": ACCOUNT}
        yield Permission("s3:GetObjectVersion", f"arn:aws:s3:::{bucket}/{key}", owner)
    if call.operation == "CreateStack":
        # The macro is asked for under both names, depending on how the stack is made.
        yield Permission("cloudformation:CreateStack", _MACRO)


def _task_roles(_definition: str) -> list[str]:
    return [_EXECUTION_ROLE]


def _as_sent(call: Call) -> Params:
    """Return the parameters as the API gets them, with those that moto does not get."""
    if call.operation == "RegisterTaskDefinition":
        # moto drops the role and the compute type that the template gives to each task definition.
        return {
            "executionRoleArn": _EXECUTION_ROLE,
            "requiresCompatibilities": ["FARGATE"],
            **call.params,
        }
    if call.operation in ("CreateStack", "CreateChangeSet"):
        tags = {f"Tags.member.{n}.Key": tag["Key"] for n, tag in enumerate(call.params["Tags"], 1)}
        # moto gets it with its loops unrolled, without the macro.
        return {**call.params, **tags, "TemplateBody": APPLICATION.read_text()}
    if call.operation == "ModifyListener":
        member = "DefaultActions.member.{}.AuthenticateCognitoConfig.UserPoolArn"
        pools = {
            member.format(n): action["AuthenticateCognitoConfig"]["UserPoolArn"]
            for n, action in enumerate(call.params["DefaultActions"], 1)
            if "AuthenticateCognitoConfig" in action
        }
        return {**call.params, **pools}
    return call.params


def _tags(permission: Permission) -> Mapping[str, str]:
    """Return the condition keys for the tags of a stack or of a service."""
    if permission.action == "ecs:UpdateService":
        # moto does not tag the services of a stack; tests/infra/test_application_template.py checks
        # that the template does.
        return {"aws:ResourceTag/devops:application": "Shop"}
    stacks = backend("cloudformation")
    return {
        f"aws:ResourceTag/{key}": value
        # moto deletes a stack at once; for the service it goes on for a while, or is not deleted.
        for stack in (*stacks.stacks.values(), *stacks.deleted_stacks.values())
        if stack.stack_id == permission.resource
        for key, value in stack.tags.items()
    }


def _dynamodb(operation: str, params: Params) -> Iterator[Permission]:
    if operation == "TransactWriteItems":
        for part in params["TransactItems"]:
            # A transaction needs the permissions of its parts.
            for kind, action in part.items():
                yield Permission(f"dynamodb:{kind}Item", _table(action), leading_keys(action))
    elif operation == "BatchGetItem":
        for table in params["RequestItems"]:
            yield Permission("dynamodb:BatchGetItem", _table({"TableName": table}))
    else:
        yield Permission(f"dynamodb:{operation}", _table(params), leading_keys(params))


def _s3(operation: str, params: Params) -> Iterator[Permission]:
    bucket = f"arn:aws:s3:::{params['Bucket']}"
    # Without it, S3 reports a missing object as forbidden.
    owner = {"s3:ResourceAccount": ACCOUNT}
    yield Permission("s3:ListBucket", bucket, owner)
    if operation != "HeadBucket":
        action = "s3:GetObjectVersion" if params.get("VersionId") else "s3:GetObject"
        yield Permission(action, f"{bucket}/{params['Key']}", owner)


def _ecr(operation: str, params: Params) -> Iterator[Permission]:
    name = params.get("repositoryName")
    resource = _arn("ecr", f"repository/{name}") if name else "*"
    yield Permission(f"ecr:{operation}", params.get("resourceArn", resource))


def _secretsmanager(operation: str, params: Params) -> Iterator[Permission]:
    yield Permission(f"secretsmanager:{operation}", params["SecretId"])


def _ssm(operation: str, params: Params) -> Iterator[Permission]:
    name = params["ResourceId"].removeprefix("/")
    yield Permission(f"ssm:{operation}", _arn("ssm", f"parameter/{name}"))


def _table(params: Params) -> str:
    index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
    return _arn("dynamodb", f"table/{params['TableName']}{index}")


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


_OWN: Mapping[str, Callable[[str, Params], Iterator[Permission]]] = {
    "dynamodb": _dynamodb,
    "ecr": _ecr,
    "s3": _s3,
    "secretsmanager": _secretsmanager,
    "ssm": _ssm,
}
