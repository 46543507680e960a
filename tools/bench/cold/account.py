"""A fake AWS account in memory with one application, Shop, whose blue slot is ready.

It implements only the calls of the handlers in the rows of this benchmark, with minimal work, so
that it does not affect the measurements. Only the listeners have a state.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from devops_core.adapters.dynamodb import items
from devops_core.naming import SLOTS
from tools.bench.cold.shop import (
    APPLICATION,
    DIGEST,
    ECS,
    NOW,
    OPERATION,
    RECORD,
    STACK,
    TABLES,
    VERSIONS,
    ended_operation,
    listener,
    row,
    running,
    target_group,
)
from tools.security.templates import ROOT

PreparedResponse = tuple[int, str, bytes]
_JSON, _XML = "application/x-amz-json-1.0", "text/xml"
_TEMPLATE = (ROOT / "cloudformation" / "application.yml").read_bytes()


class Account:
    """The fake account; `reset` restores its initial state."""

    def __init__(self) -> None:
        self._items = {
            (items.table_of(name, TABLES), name.value): items.row_item(row(name))
            for name in VERSIONS
        }
        record = items.record_item(APPLICATION, RECORD)
        self._items[TABLES.log, items.RECORD] = record
        self._operation = items.operation_item(ended_operation(), "1")
        self.reset()

    def reset(self) -> None:
        """Forward the production listener to prod-1 and the test listener to prod-2."""
        self._forwards = {
            listener("production"): target_group("prod-1"),
            listener("test"): target_group("prod-2"),
        }
        self.calls: list[str] = []

    def respond(self, operation: str, body: str) -> PreparedResponse:
        """Return status, content type and content for a call; 501 for an unknown operation."""
        self.calls.append(operation)
        handlers: Mapping[str, Callable[[str], PreparedResponse]] = {
            "HeadBucket": _exists,
            "HeadObject": _exists,
            "GetObject": _template,
            "BatchGetItem": self._rows,
            "GetItem": self._record,
            "PutItem": _empty,
            "TransactWriteItems": _empty,
            "DescribeServices": _services,
            "DescribeImages": _image,
            "RegisterTaskDefinition": _registered,
            "UpdateService": _updated,
            "DescribeRules": self._rules_of,
            "ModifyListener": self._modified,
            "DescribeTargetHealth": _healthy,
            "CreateStack": _stack_begun,
            "DescribeStacks": _stack_described,
            "UpdateTerminationProtection": _stack_unprotected,
            "DeleteStack": _stack_deleted,
        }
        if operation in handlers:
            return handlers[operation](body)
        return 501, "text/plain", f"not implemented: {operation}".encode()

    def _rows(self, body: str) -> PreparedResponse:
        found: dict[str, list[Any]] = {}
        for table, keys in json.loads(body)["RequestItems"].items():
            names = [key.get("environment", key.get("entry"))["S"] for key in keys["Keys"]]
            stored = (self._items.get((table, name)) for name in names)
            found[table] = [item for item in stored if item]
        return _json({"Responses": found, "UnprocessedKeys": {}})

    def _record(self, body: str) -> PreparedResponse:
        entry = json.loads(body)["Key"].get("entry", {}).get("S", "")
        return _json({"Item": self._operation} if OPERATION in entry else {})

    def _rules_of(self, body: str) -> PreparedResponse:
        actions = self._actions(dict(parse_qsl(body))["ListenerArn"])
        rule = (
            f"<Priority>default</Priority><IsDefault>true</IsDefault><Actions>{actions}</Actions>"
        )
        return _xml("DescribeRules", f"<Rules><member>{rule}</member></Rules>")

    def _modified(self, body: str) -> PreparedResponse:
        given = dict(parse_qsl(body))
        arn = given["ListenerArn"]
        groups = "DefaultActions.member.1.ForwardConfig.TargetGroups.member"
        self._forwards[arn] = given[f"{groups}.1.TargetGroupArn"]
        actions = f"<DefaultActions>{self._actions(arn)}</DefaultActions>"
        listener = f"<ListenerArn>{arn}</ListenerArn>{actions}"
        return _xml("ModifyListener", f"<Listeners><member>{listener}</member></Listeners>")

    def _actions(self, arn: str) -> str:
        """Return the default actions of a listener, which forwards to one of both slots."""
        live = self._forwards[arn]
        groups = "".join(
            f"<member><TargetGroupArn>{group}</TargetGroupArn>"
            f"<Weight>{100 if group == live else 0}</Weight></member>"
            for group in map(target_group, SLOTS)
        )
        config = f"<ForwardConfig><TargetGroups>{groups}</TargetGroups></ForwardConfig>"
        return f"<member><Type>forward</Type>{config}</member>"


def _json(content: Mapping[str, Any]) -> PreparedResponse:
    return 200, _JSON, json.dumps(content).encode()


def _xml(operation: str, content: str) -> PreparedResponse:
    result = f"<{operation}Result>{content}</{operation}Result>"
    return 200, _XML, f"<{operation}Response>{result}</{operation}Response>".encode()


def _empty(body: str) -> PreparedResponse:
    del body
    return _json({})


def _exists(body: str) -> PreparedResponse:
    del body
    return 200, "", b""


def _template(body: str) -> PreparedResponse:
    del body
    return 200, "application/yaml", _TEMPLATE


def _services(body: str) -> PreparedResponse:
    names = json.loads(body)["services"]
    return _json({"services": [running(name) for name in names], "failures": []})


def _image(body: str) -> PreparedResponse:
    """Return the image of a digest, or of any tag."""
    (named,) = json.loads(body)["imageIds"]
    digest = named.get("imageDigest", DIGEST)
    return _json({"imageDetails": [{"imageDigest": digest, "imageTags": ["1.0"]}]})


def _registered(body: str) -> PreparedResponse:
    family = json.loads(body)["family"]
    arn = f"{ECS}:task-definition/{family}:2"
    return _json({"taskDefinition": {"taskDefinitionArn": arn, "family": family}})


def _updated(body: str) -> PreparedResponse:
    request = json.loads(body)
    service = running(request["service"], request.get("taskDefinition"))
    return _json({"service": service})


def _healthy(body: str) -> PreparedResponse:
    del body
    target = "<member><TargetHealth><State>healthy</State></TargetHealth></member>"
    found = f"<TargetHealthDescriptions>{target}</TargetHealthDescriptions>"
    return _xml("DescribeTargetHealth", found)


def _stack_begun(body: str) -> PreparedResponse:
    del body
    return _xml("CreateStack", f"<StackId>{STACK}</StackId>")


def _stack_unprotected(body: str) -> PreparedResponse:
    del body
    return _xml("UpdateTerminationProtection", f"<StackId>{STACK}</StackId>")


def _stack_deleted(body: str) -> PreparedResponse:
    del body
    return _xml("DeleteStack", "")


def _stack_described(body: str) -> PreparedResponse:
    tags = f"<Tags><member><Key>devops:operation</Key><Value>{OPERATION}</Value></member></Tags>"
    stack = (
        f"<StackId>{STACK}</StackId><StackName>{APPLICATION}</StackName>"
        f"<CreationTime>{NOW.isoformat()}</CreationTime>"
        f"<StackStatus>CREATE_COMPLETE</StackStatus>{tags}"
    )
    del body
    return _xml("DescribeStacks", f"<Stacks><member>{stack}</member></Stacks>")
