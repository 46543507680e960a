"""The history of a race as steps of the specification: requests, responses, ends of operations.

A start has two steps: the acceptance, and the read of the operation. An abort has two steps too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from devops_core.model.inventory import Row
from devops_core.model.operation import Status
from devops_core.naming import PRODUCTION, SLOTS, Environment
from devops_core.ports import Closing
from tests.lab.client import Reply
from tests.lab.fakes import Call, FakeCloud
from tests.proofs.races import specification
from tests.proofs.races.linearizable import Step, order
from tests.proofs.races.specification import Apply, Job, Place, Start, State

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

    def answered(self, event: Mapping[str, Any], began: int, reply: Reply) -> None:
        """Add a request and its response."""
        self.steps += _steps(event, began, self.now(), reply)

    def moved(self, call: Call) -> None:
        """Add the effect of a call; a hook of the wire after successful calls."""
        if call.name in ("tables.close", "tables.correct"):
            closing = call.args[0]
            self._at_once(f"ends {closing.operation.status}", _end(closing))
        if call.name == "load_balancer.switch":
            for application in _production_behind(self.cloud, call.args[0]):
                self._at_once("switches", partial(specification.switched, application))

    def seen(self) -> None:
        """Add the records after all operations have ended."""
        tables = self.cloud.tables
        versions = {key: _version(row) for key, row in tables.rows.items()}
        records = {
            operation.id: (operation.status.value, bool(operation.aborted_by))
            for operation in tables.operations.values()
        }
        self._at_once("on record", partial(specification.at_rest, versions, records))

    def _at_once(self, name: str, apply: Apply) -> None:
        now = self.now()
        self.steps.append(Step(name, now, now, apply))

    def hold(self) -> None:
        """Check that the steps are possible in some sequential order."""
        steps = "; ".join(f"{step.name} [{step.began}, {step.ended}]" for step in self.steps)
        assert order(self.steps, self.start) is not None, f"not linearizable: {steps}"


def _end(closing: Closing) -> Apply:
    operation, status = closing.operation, closing.operation.status.value
    if operation.kind == "repair":
        versions = {row.environment: _version(row) for row in closing.kept}
        application = operation.application
        return partial(specification.corrected, operation.id, status, application, versions)
    done = {part.environment for part in operation.progress if part.status is Status.SUCCEEDED}
    return partial(specification.ended, operation.id, status, done)


def state(cloud: FakeCloud) -> State:
    """Return the state of an account for the specification: the live version is in green."""
    tables = cloud.tables
    places = {key: Place(row.claim, _version(row)) for key, row in tables.rows.items()}
    jobs = {}
    for (application, identifier), operation in tables.operations.items():
        versions = tuple((part.environment, part.version) for part in operation.progress)
        aborted, status = bool(operation.aborted_by), operation.status.value
        switched = operation.kind == "swap" and operation.details.live == _live(cloud, application)
        jobs[identifier] = Job(operation.kind, application, versions, status, aborted, switched)
    return _following_the_listeners(cloud, State(places, jobs))


def _following_the_listeners(cloud: FakeCloud, now: State) -> State:
    """Return the state with the roles exchanged where the listeners were changed by hand."""
    for application in {name for name, _ in now.places}:
        inventory, live = cloud.tables.inventory_of(application), _live(cloud, application)
        green, blue = ((application, role) for role in (_GREEN, _BLUE))
        service = inventory.service(_BLUE)
        if now.places[blue].holder is None and service and service.name == live:
            exchanged = {green: now.places[blue], blue: now.places[green]}
            now = now.placed(exchanged)
    return now


def _live(cloud: FakeCloud, application: str) -> str | None:
    """Return the live slot."""
    estate = cloud.stacks.estate
    groups = cloud.load_balancer.listeners.get(estate.listener(application, "production"))
    return next(
        (slot for slot in SLOTS if groups == [estate.target_group(application, slot)]), None
    )


def _production_behind(cloud: FakeCloud, listener: str) -> list[str]:
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
        start = _start(_KINDS[method, resource], event)
        yield step(start.kind, _started(start, reply))
        if "status" in operation:
            yield step("of it", partial(specification.read, operation["id"], operation["status"]))
        return
    identifier = event["pathParameters"]["id"]
    if method == "DELETE":
        refusal = partial(specification.not_aborted, identifier, result)
        abort = partial(specification.aborted, identifier)
        yield step("abort", abort if reply.status < 400 else refusal)
    if method == "GET" or reply.status < 400:
        yield step("read", partial(specification.read, identifier, operation.get("status")))


def _started(start: Start, reply: Reply) -> Apply:
    operation = reply.body.get("operation")
    if reply.status in (409, 422):
        holder = operation["id"] if operation else None
        return partial(specification.refused, start, reply.body["code"], holder)
    if operation:
        return partial(specification.accepted, start, operation["id"])
    return partial(specification.nothing_to_do, start)


def _start(kind: str, event: Mapping[str, Any]) -> Start:
    body = json.loads(event["body"])
    key = event["headers"].get("Idempotency-Key")
    return Start(
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
