"""A reference model of the responses: it has the requests, their operations and the live slots.

It returns the allowed responses of a request, and checks that ended operations do not change.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from devops_core.model.inventory import Inventory, RowStatus
from devops_core.model.operation import Operation
from devops_core.naming import PROMOTABLE, SLOTS, Environment
from tests.lab.client import Reply
from tests.lab.fakes import FakeCloud
from tests.lab.promises import Watch
from tests.proofs.stateful.caller_requests import CallerRequest
from tests.proofs.stateful.specifications import Specifications

_ACCEPTED = frozenset({200, 202, 424})
_REFUSED = frozenset({409})
_ACCEPTED_OR_REFUSED = _ACCEPTED | _REFUSED
_REUSED = frozenset({422})
_ROLES = (Environment.PROD_GREEN, Environment.PROD_BLUE)
# A faulty document, and another revision than the expected one.
_FAULTY, _OTHER_REVISION = frozenset({400}), frozenset({412})
# The kinds of operation that hold the specification of an application.
_HOLD_SPECIFICATION = ("create", "update", "upgrade", "delete")
# The additional allowed statuses during faults of AWS.
_UNAVAILABLE = frozenset({502, 503})
# An Idempotency-Key is valid until 24 h after the deadline of its operation; near this limit the
# response depends on jumps of the clocks.
_KEY_VALIDITY = timedelta(hours=24)
_CLOCK_JUMPS = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Allowed:
    """The allowed statuses of a response, and its allowed operations."""

    statuses: frozenset[int]
    operations: Collection[str] | None = None


class Model:
    """The model of one account."""

    def __init__(self, cloud: FakeCloud, watcher: Watch) -> None:
        self._cloud = cloud
        self._watcher = watcher
        self._unanswered: list[CallerRequest] = []
        self._keys: dict[str, tuple[CallerRequest, str, datetime]] = {}
        self._ended: dict[tuple[str, str], Operation] = {}
        self._switches = 0
        self.accepted: dict[str, CallerRequest] = {}
        self.changed_manually: set[str] = set()
        self.live = self._production()
        self.specifications = Specifications(cloud)
        # In the initial applications both slots have a release.
        self._deployed_slots = {(name, slot) for name in self.live for slot in SLOTS}

    # --- before a request ---

    def allowed(self, request: CallerRequest) -> Allowed:
        """Return the allowed responses of a request without faults of AWS."""
        used = self._keys.get(request.key or "")
        age = self._cloud.clock.now() - used[2] if used else _KEY_VALIDITY + _CLOCK_JUMPS
        if used and age < _KEY_VALIDITY - _CLOCK_JUMPS:
            if used[0].body != request.body or self._is_recreated(request.application, used[1]):
                return Allowed(_REUSED)
            gone = (
                request.kind == "create"
                and not self._cloud.tables.inventory_of(request.application).rows
            )
            return Allowed(_ACCEPTED | _REUSED if gone else _ACCEPTED, {used[1]})
        if (used and age < _KEY_VALIDITY + _CLOCK_JUMPS) or self._has_rolled_back(request.key):
            return Allowed(_ACCEPTED_OR_REFUSED | _REUSED)
        inventory = self._cloud.tables.inventory_of(request.application)
        if request.kind == "create":
            return Allowed(_REFUSED if inventory.rows else _ACCEPTED)
        if not inventory.rows:
            return Allowed(_REFUSED)
        if request.kind == "update":
            return self._allowed_update(request, inventory)
        if request.kind == "upgrade":
            claim = self._cloud.tables.records[request.application].claim
            # CloudFormation cannot update each stack.
            return Allowed(_REFUSED, {claim}) if claim else Allowed(_ACCEPTED_OR_REFUSED)
        if returned := self._returned_swap(request, inventory):
            return Allowed(_ACCEPTED, {returned})
        if request.application in self.changed_manually:
            return Allowed(_ACCEPTED_OR_REFUSED)
        holders = self._holders(request, inventory)
        return Allowed(_REFUSED, holders) if holders else self._free(request, inventory)

    def _returned_swap(self, request: CallerRequest, inventory: Inventory) -> str | None:
        """Return the open swap that a request rolls back: it names the release before this swap."""
        green, blue = (inventory.rows.get(role) for role in _ROLES)
        if request.kind != "swap" or not green or not blue:
            return None
        operation = self._cloud.tables.operations.get((request.application, green.claim or ""))
        if operation is None or operation.kind != "swap" or operation.ended:
            return None
        # The roles of the rows can be older than a change by hand.
        named = [slot for slot, each in inventory.slots.items() if request.names(each)]
        return green.claim if named == [operation.details.idle] else None

    def _is_recreated(self, application: str, operation: str) -> bool:
        """Return whether an existing application is newer than an operation.

        The operations are in the order of their acceptance; their times depend on the clocks.
        """
        inventory = self._cloud.tables.inventory_of(application)
        own = [
            each
            for each in self._cloud.tables.operations.values()
            if each.application == application
        ]
        position = [each.id for each in own].index(operation)
        return bool(inventory.rows) and any(each.kind == "create" for each in own[position + 1 :])

    def _allowed_update(self, request: CallerRequest, inventory: Inventory) -> Allowed:
        """Return the allowed responses of an update of an existing application."""
        application = request.application
        record = self._cloud.tables.records[application]
        if record.claim:
            return Allowed(_REFUSED, {record.claim})
        if request.revision not in (None, self.specifications.current[application]):
            return Allowed(_OTHER_REVISION)
        if self.specifications.are_faulty(request):
            return Allowed(_FAULTY)
        rows = inventory.rows.values()
        free = all(row.status is RowStatus.ACTIVE and row.claim is None for row in rows)
        certain = free and application not in self.changed_manually
        # CloudFormation cannot update each stack.
        certain = certain and not self.specifications.needs_stack(request)
        return Allowed(_ACCEPTED if certain else _ACCEPTED_OR_REFUSED)

    def _holders(self, request: CallerRequest, inventory: Inventory) -> Collection[str]:
        """Return the open operations that check rows of a request."""
        if request.kind != "delete" and not request.claims <= set(inventory.rows):
            return ()
        return {
            operation.id
            for operation in self._cloud.tables.operations.values()
            if operation.application == request.application and not operation.ended
            if self._is_held(request, operation, inventory)
        }

    def _is_held(self, request: CallerRequest, operation: Operation, inventory: Inventory) -> bool:
        """Return whether an open operation excludes a request."""
        held = self.accepted[operation.id].claims
        if operation.kind == "update":
            held = frozenset(part.environment for part in operation.progress)
        holds_specification = operation.kind in _HOLD_SPECIFICATION
        if holds_specification and request.kind in _HOLD_SPECIFICATION:
            return True
        return bool(request.claims & held & set(inventory.rows))

    def _free(self, request: CallerRequest, inventory: Inventory) -> Allowed:
        if request.kind == "delete":
            return Allowed(_ACCEPTED)
        rows = [inventory.rows.get(environment) for environment in request.claims]
        if any(not row or row.status is not RowStatus.ACTIVE for row in rows):
            return Allowed(_REFUSED)
        if request.kind == "deploy":
            return Allowed(_ACCEPTED)
        if request.kind == "deploy-blue":
            source = _source(request, inventory)
            row = inventory.rows[source] if source else None
            expected = dict(request.members).get("spec")
            same = expected in (None, self.specifications.current[request.application])
            tested = source and self.specifications.tested(request.application, source)
            free = row is not None and row.claim is None
            return Allowed(_ACCEPTED if free and same and tested else _REFUSED)
        return Allowed(_ACCEPTED_OR_REFUSED)

    def _has_rolled_back(self, key: str | None) -> bool:
        """Return whether a swap that rolled another one back has used a key."""
        records = self._cloud.tables.idempotency_records
        return any(name.rpartition(" ")[2] == key and each.aborts for name, each in records.items())

    # --- after a request ---

    def check_response(
        self, request: CallerRequest, allowed: Allowed, reply: Reply | None, *, undisturbed: bool
    ) -> None:
        """Check a response; it is None after a crash of the worker."""
        if reply is None or reply.status in _UNAVAILABLE:
            # AWS refuses calls for resources that were deleted manually.
            expected = not undisturbed or request.application in self.changed_manually
            assert expected, f"{request} got {reply}"
            self._unanswered.append(request)
            return
        message = f"{request} got {reply.status} {reply.body}"
        certain = (
            allowed.statuses <= _ACCEPTED and allowed.operations
        ) or allowed.statuses == _REUSED
        disturbed = _ACCEPTED_OR_REFUSED | _REUSED
        if request.kind == "update":
            disturbed |= _FAULTY | _OTHER_REVISION
        statuses = allowed.statuses if undisturbed or certain else disturbed
        assert reply.status in statuses, message
        operation = reply.body.get("operation")
        if operation and undisturbed and allowed.operations is not None:
            assert operation["id"] in allowed.operations, f"{message}, not {allowed.operations}"
        if operation and reply.status in _ACCEPTED and "abortedBy" not in operation:
            assert self.accepted[operation["id"]].body == request.body, (
                f"{message}, but its request was another one"
            )
            assert request.key is None or self._keys[request.key][1] == operation["id"], message
        if request.kind == "swap" and reply.status in _REFUSED:
            self._check_refusal(request, reply)

    def _check_refusal(self, request: CallerRequest, reply: Reply) -> None:
        """Check that a swap to a slot with a release is not refused because the slot is empty."""
        live_now = self.live.get(request.application)
        idle = next((slot for slot in SLOTS if slot != live_now), "")
        if request.application in self.changed_manually:
            return
        if (request.application, idle) in self._deployed_slots:
            reasons = " ".join(reply.body.get("reasons", ()))
            assert "has no promoted version" not in reasons, f"{idle} has a release: {request}"

    def add_new_operations(self, request: CallerRequest | None) -> None:
        """Add new operations: each belongs to this request, or to one without a response."""
        records = self._cloud.tables.idempotency_records
        keys = {each.operation: key.rpartition(" ")[2] for key, each in records.items()}
        for (_, identifier), operation in list(self._cloud.tables.operations.items()):
            if identifier in self.accepted or operation.kind == "repair":
                continue
            key = keys.get(identifier)
            candidates = [each for each in (request, *self._unanswered) if each and each.key == key]
            # An operation can end and the next one can start in one step.
            self._record_ends()
            causes = (each for each in candidates if each.can_start(operation))
            cause = next((c for c in causes if self.specifications.explains(operation, c)), None)
            assert cause, f"no request for {operation.kind} {identifier} with key {key}"
            self.accepted[identifier] = cause
            self.specifications.record_start(operation, cause)
            if key is not None:
                self._record_key(key, cause, operation)

    def _record_key(self, key: str, request: CallerRequest, operation: Operation) -> None:
        before = self._keys.get(key)
        age = operation.requested_at - before[2] if before else _KEY_VALIDITY
        assert age >= _KEY_VALIDITY - _CLOCK_JUMPS, f"key {key} has two operations"
        self._keys[key] = request, operation.id, operation.deadline

    # --- after each step ---

    def check(self) -> None:
        """Check that ended operations do not change, and that only swaps switch production."""
        for key, operation in self._cloud.tables.operations.items():
            before = self._ended.get(key)
            assert before is None or before == operation, f"{key} has changed after its end"
        self._record_ends()
        self.specifications.check()
        switches = self._watcher.switches[self._switches :]
        self._switches += len(switches)
        swapped = {self.accepted[each].application for each in switches}
        now = self._production()
        for application in self.live.keys() & now.keys():
            moved = now[application] != self.live[application]
            assert not moved or application in swapped, (
                f"production of {application} was switched without a swap"
            )
        self.live = now
        self._deployed_slots |= {(name, slot) for name, slot in now.items() if slot}
        self._deployed_slots = {each for each in self._deployed_slots if each[0] in now}

    def _record_ends(self) -> None:
        """Record the operations that have ended since the last step."""
        for key, operation in self._cloud.tables.operations.items():
            recorded = key[1] in self.accepted or operation.kind == "repair"
            if operation.ended and recorded and key not in self._ended:
                self._ended[key] = operation
                self._record_deployed_slot(operation)
                self.specifications.record_end(operation)

    def _record_deployed_slot(self, operation: Operation) -> None:
        if operation.kind == "deploy-blue" and operation.status == "SUCCEEDED":
            self._deployed_slots.add((operation.application, operation.progress[0].service))

    def record_manual_change(self, application: str) -> None:
        """Record that an application was changed manually."""
        self.changed_manually.add(application)
        self.live = self._production()

    def _production(self) -> dict[str, str | None]:
        """Return the live slot of each application."""
        clusters = {cluster for cluster, _ in self._cloud.containers.services_}
        return {cluster: self._cloud.live(cluster) for cluster in clusters}


def _source(request: CallerRequest, inventory: Inventory) -> Environment | None:
    """Return the source environment of a promotion."""
    given = dict(request.members).get("environment")
    candidates = [each for each in PROMOTABLE if given in (None, each.value.lower())]
    services = ((each, inventory.service(each)) for each in candidates)
    return next((each for each, service in services if service and service.version), None)
