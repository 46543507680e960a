"""The history of a race: its requests, responses and ends of operations as steps.

The steps are those of the specification. An accepted request has two steps: the acceptance and the
read of the operation. An aborted operation has two steps too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from devops_core.model.inventory import Row
from devops_core.model.operation import Status
from devops_core.naming import PRODUCTION, Environment
from devops_core.ports import Closing
from tests.lab.client import Reply
from tests.lab.fakes import Call, FakeCloud
from tests.proofs.races import specification
from tests.proofs.races.linearizable import Step, order
from tests.proofs.races.specification import (
    Apply,
    OperationState,
    RowState,
    StartRequest,
    State,
)  # fmt: skip

_GREEN, _BLUE = Environment.PROD_GREEN, Environment.PROD_BLUE
_OPERATION = "/stacks/{applicationName}/operations/{id}"
_KINDS: Mapping[tuple[str, str], str] = {
    ("POST", "/stacks"): "create",
    ("POST", "/stacks/deploy"): "deploy",
    ("POST", "/stacks/deploytoprodBlue"): "deploy-blue",
    ("POST", "/stacks/swapProdBlueAndGreen"): "swap",
    ("DELETE", "/stacks"): "delete",
}

Steps = Iterator[Step[State]]


@dataclass(slots=True)
class History:
    """The steps of a race; `now` returns increasing numbers as times."""

    cloud: FakeCloud
    start: State
    now: Callable[[], int]
    steps: list[Step[State]] = field(default_factory=list)

    def add_response(self, event: Mapping[str, Any], began: int, reply: Reply) -> None:
        """Add a request and its response."""
        self.steps += _steps(event, began, self.now(), reply)

    def add_effect(self, call: Call) -> None:
        """Add the effect of a call; this is a hook of the wire after successful calls."""
        if call.name in ("tables.close", "tables.correct"):
            closing = call.args[0]
            self._add_instant(f"ends {closing.operation.status}", _end(closing))
        if call.name == "load_balancer.switch":
            for application in _applications_behind(self.cloud, call.args[0]):
                self._add_instant("switches", partial(specification.switched, application))

    def add_final_records(self) -> None:
        """Add the content of the tables after all operations have ended."""
        tables = self.cloud.tables
        versions = {key: _version(row) for key, row in tables.rows.items()}
        records = {
            operation.id: (operation.status.value, bool(operation.aborted_by))
            for operation in tables.operations.values()
        }
        self._add_instant("final records", partial(specification.at_rest, versions, records))

    def _add_instant(self, name: str, apply: Apply) -> None:
        now = self.now()
        self.steps.append(Step(name, now, now, apply))

    def check(self) -> None:
        """Check that a sequential order of the steps is possible."""
        steps = "; ".join(f"{step.name} [{step.began}, {step.ended}]" for step in self.steps)
        assert order(self.steps, self.start) is not None, f"not linearizable: {steps}"


def _end(closing: Closing) -> Apply:
    operation, status = closing.operation, closing.operation.status.value
    if operation.kind == "repair":
        versions = {row.environment: _version(row) for row in closing.kept}
        application = operation.application
        return partial(specification.corrected, operation.id, status, application, versions)
    succeeded = {part.environment for part in operation.progress if part.status is Status.SUCCEEDED}
    return partial(specification.ended, operation.id, status, succeeded)


def initial_state(cloud: FakeCloud) -> State:
    """Return the state of an account; the version of green is the live version."""
    tables = cloud.tables
    rows = {key: RowState(row.claim, _version(row)) for key, row in tables.rows.items()}
    operations = {}
    for (application, identifier), operation in tables.operations.items():
        versions = tuple((part.environment, part.version) for part in operation.progress)
        aborted, status = bool(operation.aborted_by), operation.status.value
        switched = operation.kind == "swap" and operation.details.live == cloud.live(application)
        operations[identifier] = OperationState(
            operation.kind, application, versions, status, aborted, switched
        )
    existing = {name for name, _ in tables.rows}
    earlier_keys = frozenset(
        # The service adds the caller to the key of the request.
        record.key.rpartition(" ")[2]
        for record in tables.idempotency_records.values()
        if record.application not in existing
    )
    return _with_listeners(cloud, State(rows, operations, earlier_keys=earlier_keys))


def _with_listeners(cloud: FakeCloud, state: State) -> State:
    """Return the state with exchanged roles if the listeners were changed by hand."""
    for application in {name for name, _ in state.rows}:
        green, blue = ((application, role) for role in (_GREEN, _BLUE))
        service = cloud.tables.inventory_of(application).service(_BLUE)
        idle = service.name if service else None
        if idle and idle == cloud.live(application) and state.rows[blue].holder is None:
            state = state.with_rows({green: state.rows[blue], blue: state.rows[green]})
    return state


def _applications_behind(cloud: FakeCloud, listener: str) -> list[str]:
    names = {name for name, _ in cloud.tables.rows}
    return [name for name in names if cloud.stacks.estate.listener(name, "production") == listener]


def _version(row: Row) -> str | None:
    return row.service.version if row.service else None


def _steps(event: Mapping[str, Any], began: int, ended: int, reply: Reply) -> Steps:
    method, resource = event["httpMethod"], event["resource"]
    operation = reply.body.get("operation") or {}
    result = operation.get("status") or reply.body.get("code") or "nothing to do"

    def step(name: str, apply: Apply) -> Step[State]:
        return Step(f"{name} {reply.status} {result}", began, ended, apply)

    if resource != _OPERATION:
        start = _start_request(_KINDS[method, resource], event)
        yield step(start.kind, _start_step(start, reply))
        if "status" in operation:
            yield step("read", partial(specification.read, operation["id"], operation["status"]))
        return
    identifier = event["pathParameters"]["id"]
    if method == "DELETE":
        refusal = partial(specification.not_aborted, identifier, result)
        abort = partial(specification.aborted, identifier)
        yield step("abort", abort if reply.status < 400 else refusal)
    if method == "GET" or reply.status < 400:
        yield step("read", partial(specification.read, identifier, operation.get("status")))


def _start_step(start: StartRequest, reply: Reply) -> Apply:
    operation = reply.body.get("operation")
    if reply.status in (409, 422):
        holder = operation["id"] if operation else None
        return partial(specification.refused, start, reply.body["code"], holder)
    if operation:
        return partial(specification.accepted, start, operation["id"])
    return partial(specification.nothing_to_do, start)


def _start_request(kind: str, event: Mapping[str, Any]) -> StartRequest:
    body = json.loads(event["body"])
    key = event["headers"].get("Idempotency-Key")
    return StartRequest(
        kind=kind,
        body=f"{kind} {json.dumps(body, sort_keys=True)}",
        application=body.get("applicationName") or body["stack"],
        environments=tuple(_environments(kind, body)),
        version=body.get("version"),
        key=key,
    )


def _environments(kind: str, body: Mapping[str, Any]) -> Iterator[Environment]:
    named = body.get("environment") or body.get("environments", {}).get("nonProd") or ["dev"]
    yield from (Environment(name.upper()) for name in named)
    if kind == "create":
        yield from PRODUCTION
