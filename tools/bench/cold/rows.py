"""The rows of the table: a request for each measured handler."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools.bench.cold.shop import APPLICATION, CALLER, OPERATION
from tools.laptop.gateway import http_event


@dataclass(frozen=True, slots=True)
class Row:
    """A request: the module of the handler, and the event of API Gateway.

    `limit` is the maximum ratio of its CPU to that of the script; None means unlimited.
    """

    name: str
    module: str
    event: Mapping[str, Any]
    limit: float | None


def _event(
    method: str, resource: str, body: Mapping[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    return http_event(method, resource, json.dumps(body) if body else None, caller=CALLER, **more)


_SHOP = {"applicationName": APPLICATION}
_NEW = {
    "applicationName": "Depot",
    "email": "depot@example.com",
    "environments": {"nonProd": ["dev", "qa", "stage"]},
    "tags": {"technicalTeam": "web"},
}
_DEPLOY = {**_SHOP, "environment": ["dev"], "version": "4.0"}
_SPEC = "/stacks/{applicationName}/spec"
_CHANGE = {"overrides": {"dev": {"environment": {"LEVEL": "debug"}}}}
_STATUS = "/stacks/{applicationName}/operations/{id}"
_ONE = {**_SHOP, "id": OPERATION}

ROWS = (
    Row("swap", "swap", _event("POST", "/stacks/swapProdBlueAndGreen", _SHOP), 0.75),
    Row("deploy", "deploy_nonprod", _event("POST", "/stacks/deploy", _DEPLOY), 0.75),
    Row("create", "create", _event("POST", "/stacks", _NEW), 0.75),
    Row("promote", "deploy_prod_blue", _event("POST", "/stacks/deploytoprodBlue", _SHOP), None),
    Row("update", "update", _event("PATCH", _SPEC, _CHANGE, parameters=_SHOP), None),
    Row("delete", "delete", _event("DELETE", "/stacks", {"stack": APPLICATION}), None),
    Row("status", "query", _event("GET", _STATUS, parameters=_ONE), 0.65),
    Row("health", "query", _event("GET", "/health"), 0.65),
)
