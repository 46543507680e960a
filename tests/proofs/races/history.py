"""The history of a race: its requests, responses and ends of operations as steps.

The steps are those of the specification. An accepted request has two steps: the acceptance and the
read of the operation. An aborted operation has two steps too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from devops_core.details.swap import SwapDetails
from devops_core.model.claims import Claim, Closing
from devops_core.model.inventory import Row
from devops_core.model.operation import Operation, Status
from devops_core.model.stack_change import StackChange
from devops_core.naming import PRODUCTION, Environment
from tests.lab.client import SPECIFICATION, UPGRADE, Reply
from tests.lab.fakes import Call, FakeCloud
from tests.proofs.races import specification
from tests.proofs.races.linearizable import Step, order
from tests.proofs.races.specification import (
    Apply,
    Document,
    Key,
    OperationState,
    RowState,
    StartRequest,
    State,
)  # fmt: skip
from tests.proofs.races.swap_state import SwapState

_GREEN, _BLUE = Environment.PROD_GREEN, Environment.PROD_BLUE
_OPERATION = "/stacks/{applicationName}/operations/{id}"
_KINDS: Mapping[tuple[str, str], str] = {
    ("POST", "/stacks"): "create",
    ("POST", "/stacks/deploy"): "deploy",
    ("POST", "/stacks/deploytoprodBlue"): "deploy-blue",
    ("POST", "/stacks/swapProdBlueAndGreen"): "swap",
    ("DELETE", "/stacks"): "delete",
    ("PUT", SPECIFICATION): "update",
    ("PATCH", SPECIFICATION): "update",
    ("POST", UPGRADE): "upgrade",
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
        if call.name == "tables.claim":
            self._add_claim(call.args[0])
        if call.name in ("tables.close", "tables.correct"):
            closing = call.args[0]
            self._add_instant(f"ends {closing.operation.status}", _end(self.cloud, closing))
        if call.name == "tables.save" and call.args[0].kind == "swap":
            self._add_record(call.args[0])
        if call.name == "load_balancer.switch":
            listener, _, weights = call.args
            for application in _applications_behind(self.cloud, listener):
                self._add_shift(application, weights)

    def _add_record(self, operation: Operation) -> None:
        """Add the members of the record of a swap that decide about its next step."""
        details: SwapDetails = operation.details
        flags = bool(details.awaiting_at), bool(details.returning)
        if any(flags):
            record = partial(specification.recorded, operation.id, *flags)
            self._add_instant(f"records {flags}", record)

    def _add_shift(self, application: str, weights: Mapping[str, int]) -> None:
        """Add a change of the share of the customers of the slot that becomes live."""
        claim = self.cloud.tables.rows[application, _GREEN].claim or ""
        operation = self.cloud.tables.operations.get((application, claim))
        live = operation.details.live if operation and operation.kind == "swap" else ""
        weight = weights.get(self.cloud.stacks.estate.target_group(application, live), 0)
        self._add_instant(
            f"shifts to {weight}", partial(specification.shifted, application, weight)
        )

    def _add_claim(self, claim: Claim) -> None:
        operation, name = claim.operation, claim.operation.application
        corrections = {(name, row.environment): _row_state(self.cloud, row)
                       for row in claim.corrected}  # fmt: skip
        claimed = partial(specification.claimed, name, operation.spec, corrections)
        self._add_instant(f"claims for revision {operation.spec}", claimed)

    def add_final_records(self) -> None:
        """Add the content of the tables after all operations have ended."""
        tables = self.cloud.tables
        rows = {key: _row_state(self.cloud, row) for key, row in tables.rows.items()}
        records = {
            operation.id: (operation.status.value, bool(operation.aborted_by))
            for operation in tables.operations.values()
        }
        content = rows, records, _documents(self.cloud)
        self._add_instant("final records", partial(specification.at_rest, *content))

    def _add_instant(self, name: str, apply: Apply) -> None:
        now = self.now()
        self.steps.append(Step(name, now, now, apply))

    def check(self) -> None:
        """Check that a sequential order of the steps is possible."""
        steps = "; ".join(f"{step.name} [{step.began}, {step.ended}]" for step in self.steps)
        assert order(self.steps, self.start) is not None, f"not linearizable: {steps}"


def _end(cloud: FakeCloud, closing: Closing) -> Apply:
    operation, status = closing.operation, closing.operation.status.value
    if operation.kind == "repair":
        rows = {row.environment: replace(_row_state(cloud, row), holder=None)
                for row in closing.kept}  # fmt: skip
        application = operation.application
        return partial(specification.corrected, operation.id, status, application, rows)
    succeeded = {part.environment for part in operation.progress if part.status is Status.SUCCEEDED}
    adopts = closing.specification is not None
    forced = any("ended by force" in reason for reason in operation.reasons)
    return partial(specification.ended, operation.id, status, succeeded, adopts, forced)


def initial_state(cloud: FakeCloud) -> State:
    """Return the state of an account; the version of green is the live version."""
    tables = cloud.tables
    rows = {key: _row_state(cloud, row) for key, row in tables.rows.items()}
    operations = {}
    for (application, identifier), operation in tables.operations.items():
        versions = tuple((part.environment, part.version) for part in operation.progress)
        aborted, status = bool(operation.aborted_by), operation.status.value
        operations[identifier] = OperationState(
            operation.kind,
            application,
            versions if operation.kind not in ("delete", "update") else (),
            tuple(_settings_after(cloud, operation, rows)),
            status,
            aborted,
            _swap_state(cloud, operation),
            _pending_document(cloud, operation),
        )
    existing = {name for name, _ in tables.rows}
    earlier_keys = frozenset(
        # The service adds the caller to the key of the request.
        record.key.rpartition(" ")[2]
        for record in tables.idempotency_records.values()
        if record.application not in existing
    )
    state = State(rows, operations, earlier_keys=earlier_keys, documents=_documents(cloud))
    return _with_listeners(cloud, state)


def _swap_state(cloud: FakeCloud, operation: Operation) -> SwapState:
    """Return the state of a swap; its weight is that of the listener."""
    if operation.kind != "swap":
        return SwapState()
    details: SwapDetails = operation.details
    estate, application = cloud.stacks.estate, operation.application
    weights = cloud.load_balancer.weights(estate.listener(application, "production")) or {}
    approval = details.policy.approval
    return SwapState(
        details.policy.weights,
        approval.before if approval else None,
        weights.get(estate.target_group(application, details.live), 0),
        awaiting=bool(details.awaiting_at),
        approved=bool(details.approved_by),
        finished=bool(details.finished_by),
        returning=bool(details.returning),
        expired=_is_expired(details, cloud.clock.right()),
    )


def _is_expired(details: SwapDetails, now: datetime) -> bool:
    """Return whether the time for the approval of a waiting swap has passed."""
    approval, since = details.policy.approval, details.awaiting_at
    return bool(approval and since and now - since >= timedelta(minutes=approval.timeout_minutes))


def _pending_document(cloud: FakeCloud, operation: Operation) -> Document | None:
    """Return the revision of an open update that needs another stack."""
    change = getattr(operation.details, "stack", None)
    if operation.ended or operation.spec is None or not isinstance(change, StackChange):
        return None
    if operation.kind == "upgrade":
        return None
    stored = cloud.tables.stored_revisions[operation.application][operation.spec].specification
    return Document.of(stored.revision, stored.document)


def _settings_after(
    cloud: FakeCloud, operation: Operation, rows: Mapping[Key, RowState]
) -> Iterator[tuple[Environment, str | None]]:
    """Yield the settings of the environments after the success of an open operation."""
    application = operation.application
    if operation.ended:
        return
    if operation.kind == "swap":
        yield _GREEN, rows[application, _BLUE].settings
        yield _BLUE, rows[application, _GREEN].settings
    elif operation.spec is not None:
        revision = cloud.tables.stored_revisions[application][operation.spec].specification
        document = Document.of(revision.revision, revision.document)
        for part in operation.progress:
            if part.spec_hash is not None:
                yield part.environment, document.settings(part.environment)


def _documents(cloud: FakeCloud) -> dict[str, Document]:
    """Return the present specifications by application."""
    return {
        application: Document.of(record.current, record.specification.document)
        for application, record in cloud.tables.records.items()
    }


def _row_state(cloud: FakeCloud, row: Row) -> RowState:
    """Return the state of a row; the settings of a release are those of its revision."""
    service = row.service
    if service is None:
        return RowState(row.claim)
    settings = None
    stored = cloud.tables.stored_revisions[row.application.name].get(service.spec or 0)
    # A delete removes the revisions before the rows.
    if stored is not None:
        revision = stored.specification
        document = Document.of(revision.revision, revision.document)
        settings = document.settings(row.environment)
    return RowState(row.claim, service.version, settings)


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
    if method == "POST":
        action = json.loads(event["body"])["action"]
        refusal = partial(specification.not_advanced, identifier, action, result)
        advance = partial(specification.advanced, identifier, action)
        yield step(action, advance if "status" in operation else refusal)
    elif (event["queryStringParameters"] or {}).get("force") == "true":
        # An accepted one is the end of the operation, or a repetition of it.
        if reply.status >= 400:
            yield step("force", partial(specification.not_forced, identifier, result))
    elif method == "DELETE":
        refusal = partial(specification.not_aborted, identifier, result)
        abort = partial(specification.aborted, identifier)
        yield step("abort", abort if reply.status < 400 else refusal)
    if method == "GET" or "status" in operation:
        yield step("read", partial(specification.read, identifier, operation.get("status")))


def _start_step(start: StartRequest, reply: Reply) -> Apply:
    operation = reply.body.get("operation")
    if reply.status in (409, 412, 422):
        holder = operation["id"] if operation else None
        return partial(specification.refused, start, reply.body["code"], holder)
    if operation:
        return partial(specification.accepted, start, operation["id"])
    return partial(specification.nothing_to_do, start)


def _start_request(kind: str, event: Mapping[str, Any]) -> StartRequest:
    body = json.loads(event["body"] or "{}")
    key, named = event["headers"].get("Idempotency-Key"), event["pathParameters"] or {}
    revision = event["headers"].get("If-Match", "*").strip('"')
    fixed = ("applicationName", "tags")
    return StartRequest(
        kind=kind,
        body=f"{kind} {json.dumps(body, sort_keys=True)}",
        application=named.get("applicationName") or body.get("applicationName") or body["stack"],
        environments=tuple(_environments(kind, body)),
        version=body.get("version"),
        key=key,
        content=json.dumps({name: each for name, each in body.items() if name not in fixed}),
        patches=event["httpMethod"] == "PATCH",
        expected=None if revision == "*" else int(revision),
    )


def _environments(kind: str, body: Mapping[str, Any]) -> Iterator[Environment]:
    if kind not in ("create", "deploy"):
        return
    named = body.get("environment") or body.get("environments", {}).get("nonProd") or ["dev"]
    yield from (Environment(name.upper()) for name in named)
    if kind == "create":
        yield from PRODUCTION
