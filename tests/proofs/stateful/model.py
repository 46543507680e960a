"""A small reference model of the responses that callers receive.

It knows the requests, their operations, and the live slots. It returns the allowed responses of a
request, and checks that ended operations do not change.
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
from tests.proofs.stateful.asks import Ask
from tests.proofs.stateful.hands import live

_ACCEPTED = frozenset({200, 202, 424})
_REFUSED = frozenset({409})
_EITHER = _ACCEPTED | _REFUSED
_REUSED = frozenset({422})
# The further allowed responses during faults of AWS.
_TROUBLE = frozenset({502, 503})
# An Idempotency-Key is valid for 24 h; near this limit the response depends on jumps of the clocks.
_STANDS = timedelta(hours=24)
_JUMPS = timedelta(hours=2)


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
        self._unanswered: list[Ask] = []
        self._keys: dict[str, tuple[Ask, str, datetime]] = {}
        self._ended: dict[tuple[str, str], Operation] = {}
        self._switches = 0
        self.accepted: dict[str, Ask] = {}
        self.by_hand: set[str] = set()
        self.live = self._production()
        # In the initial applications both slots have been in use.
        self._filled = {(name, slot) for name in self.live for slot in SLOTS}

    # --- before a request ---

    def allowed(self, ask: Ask) -> Allowed:
        """Return the allowed responses of a request without faults of AWS."""
        used = self._keys.get(ask.key or "")
        age = self._cloud.clock.now() - used[2] if used else _STANDS + _JUMPS
        if used and age < _STANDS - _JUMPS:
            same = used[0].body == ask.body
            return Allowed(_ACCEPTED, {used[1]}) if same else Allowed(_REUSED)
        if used and age < _STANDS + _JUMPS:
            return Allowed(_EITHER | _REUSED)
        inventory = self._cloud.tables.inventory_of(ask.application)
        if ask.kind == "create":
            return Allowed(_REFUSED if inventory.rows else _ACCEPTED)
        if not inventory.rows:
            return Allowed(_REFUSED)
        if ask.application in self.by_hand:
            return Allowed(_EITHER)
        holders = self._holders(ask, inventory)
        return Allowed(_REFUSED, holders) if holders else self._free(ask, inventory)

    def _holders(self, ask: Ask, inventory: Inventory) -> Collection[str]:
        """Return the open operations that hold rows of a request."""
        if ask.kind != "delete" and not ask.needs <= set(inventory.rows):
            return ()
        return {
            identifier
            for application, identifier in self._cloud.tables.in_progress()
            if application == ask.application
            if ask.needs & self.accepted[identifier].needs & set(inventory.rows)
        }

    def _free(self, ask: Ask, inventory: Inventory) -> Allowed:
        if ask.kind == "delete":
            return Allowed(_ACCEPTED)
        rows = [inventory.rows.get(environment) for environment in ask.needs]
        if any(not row or row.status is not RowStatus.ACTIVE for row in rows):
            return Allowed(_REFUSED)
        if ask.kind == "deploy":
            return Allowed(_ACCEPTED)
        if ask.kind == "deploy-blue":
            source = _source(ask, inventory)
            row = inventory.rows[source] if source else None
            return Allowed(_ACCEPTED if row and not row.claim else _REFUSED)
        return Allowed(_EITHER)

    # --- after a request ---

    def answered(self, ask: Ask, allowed: Allowed, reply: Reply | None, *, calm: bool) -> None:
        """Check a response; it is None after a crash of the worker."""
        if reply is None or reply.status in _TROUBLE:
            # AWS refuses calls for resources that were deleted by hand.
            assert not calm or ask.application in self.by_hand, f"{ask} got {reply}"
            self._unanswered.append(ask)
            return
        message = f"{ask} got {reply.status} {reply.body}"
        sure = (allowed.statuses <= _ACCEPTED and allowed.operations) or allowed.statuses == _REUSED
        statuses = allowed.statuses if calm or sure else _EITHER | _REUSED
        assert reply.status in statuses, message
        named = reply.body.get("operation")
        if named and calm and allowed.operations is not None:
            assert named["id"] in allowed.operations, f"{message}, not {allowed.operations}"
        if named and reply.status in _ACCEPTED:
            assert self.accepted[named["id"]].body == ask.body, f"{message}, of another request"
            assert ask.key is None or self._keys[ask.key][1] == named["id"], message
        if ask.kind == "swap" and reply.status in _REFUSED:
            self._hold_refusal(ask, reply)

    def _hold_refusal(self, ask: Ask, reply: Reply) -> None:
        """Check that a slot that was live is not refused as never deployed."""
        live_now = self.live.get(ask.application)
        idle = next((slot for slot in SLOTS if slot != live_now), "")
        if (ask.application, idle) in self._filled and ask.application not in self.by_hand:
            why = " ".join(reply.body.get("reasons", ()))
            assert "nothing was deployed" not in why, f"{idle} of {ask.application} was in use"

    def learn(self, ask: Ask | None) -> None:
        """Add new operations: each belongs to this request, or to one without a response."""
        records = self._cloud.tables.idempotency_records
        keys = {each.operation: key.rpartition(" ")[2] for key, each in records.items()}
        for (_, identifier), operation in list(self._cloud.tables.operations.items()):
            if identifier in self.accepted or operation.kind == "repair":
                continue
            key = keys.get(identifier)
            may_be = [each for each in (ask, *self._unanswered) if each and each.key == key]
            came_of = next((each for each in may_be if each.made(operation)), None)
            assert came_of, f"no request for {operation.kind} {identifier} with key {key}"
            self.accepted[identifier] = came_of
            if key is not None:
                self._use(key, came_of, operation)

    def _use(self, key: str, ask: Ask, operation: Operation) -> None:
        before = self._keys.get(key)
        age = operation.requested_at - before[2] if before else _STANDS
        assert age >= _STANDS - _JUMPS, f"key {key} has two operations"
        self._keys[key] = ask, operation.id, operation.requested_at

    # --- after each step ---

    def hold(self) -> None:
        """Check that ended operations do not change, and that only swaps move customers."""
        for key, operation in self._cloud.tables.operations.items():
            before = self._ended.get(key)
            assert before is None or before == operation, f"{key} has changed after its end"
            if operation.ended:
                self._ended[key] = operation
                self._fill(operation)
        switches = self._watcher.switches[self._switches :]
        self._switches += len(switches)
        movers = {self.accepted[each].application for each in switches}
        now = self._production()
        for application in self.live.keys() & now.keys():
            moved = now[application] != self.live[application]
            assert not moved or application in movers, f"production of {application} has moved"
        self.live = now
        self._filled |= {(name, slot) for name, slot in now.items() if slot}
        self._filled = {each for each in self._filled if each[0] in now}

    def _fill(self, operation: Operation) -> None:
        if operation.kind == "deploy-blue" and operation.status == "SUCCEEDED":
            self._filled.add((operation.application, operation.progress[0].service))

    def changed_by_hand(self, application: str) -> None:
        """Record that an application was changed by hand."""
        self.by_hand.add(application)
        self.live = self._production()

    def _production(self) -> dict[str, str | None]:
        """Return the live slot of each application."""
        clusters = {cluster for cluster, _ in self._cloud.containers.services_}
        return {cluster: live(self._cloud, cluster) for cluster in clusters}


def _source(ask: Ask, inventory: Inventory) -> Environment | None:
    """Return the source environment of a promotion."""
    given = dict(ask.members).get("environment")
    named = [each for each in PROMOTABLE if given in (None, each.value.lower())]
    services = ((each, inventory.service(each)) for each in named)
    return next((each for each, service in services if service and service.version), None)
