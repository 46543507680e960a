"""The promises (docs/reliability.md), as far as they are visible in AWS.

`Watch` checks the promises at each outgoing write (reads change nothing), and `hold_at_end` checks
them after all operations have ended. A broken promise is an AssertionError with its number; the
watcher raises `Broken`, which the service does not catch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devops_core.model.inventory import Service
from devops_core.model.operation import Operation, Status
from devops_core.naming import OPERATION_TAG, SLOTS, Environment, Image
from tests.lab.moto import look
from tests.lab.moto.account import Account
from tests.lab.moto.look import Records, Seen
from tests.lab.moto.transport import Call
from tests.lab.promises import Broken, hold_log, hold_refusals

APPLICATION = "Shop"
# The kinds that can change a stack or a listener. A service must belong to the operation.
_KINDS: Mapping[str, tuple[str, ...]] = {
    "CreateStack": ("create",),
    "DeleteStack": ("create", "delete"),
    "ModifyListener": ("swap",),
}
_ROLES = {look.PRODUCTION: Environment.PROD_GREEN, look.TEST: Environment.PROD_BLUE}


class Watch:
    """Checks of the calls on the wire of an account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._switches: dict[int, str] = {}
        account.wire.watchers.append(self)

    def __call__(self, call: Call) -> None:
        """Check the promises before a write takes effect."""
        if not call.writes:
            return
        try:
            records = look.recorded(self._account.settings.tables)
            hold_always(records)
            if call.changes_aws:
                self._hold_at_change(call, records)
        except Exception as error:
            # The service must not treat any error of this check as an error of AWS.
            raise Broken(f"at {call.name}: {error}") from error

    def hold_at_end(self, *, tidy: bool = True) -> None:
        """Check the promises for the time after all operations have ended.

        Without `tidy`, task definitions may remain that the delete of the application finds.
        """
        seen = look.around(self._account)
        records = seen.records
        hold_always(records)
        assert not records.open, "7: every operation ends"
        assert not [row for row in records.rows if row.claim], "8: no claim is left"
        _hold_inventory(seen)
        _hold_no_stack_left(self._account, records)
        if tidy:
            _hold_no_definition_left(records)
        done = self._account.wire.done
        moved = {each for number, each in self._switches.items() if number in done}
        for operation in records.operations.values():
            failed = operation.status is Status.FAILED and not getattr(
                operation.details, "switched_at", None
            )
            assert not (failed and operation.id in moved), (
                "10: a swap that failed before its switch has not changed production"
            )

    def _hold_at_change(self, call: Call, records: Records) -> None:
        operation = self._acting(call, records)
        if call.operation == "ModifyListener":
            self._hold_at_switch(call, operation)
        if call.operation == "UpdateService" and call.params["service"] in SLOTS:
            self._hold_at_slot(call, operation)

    def _acting(self, call: Call, records: Records) -> Operation:
        """Return the operation that makes a change: in progress, with a claim and a lease."""
        now = self._account.clock.now()
        claims = {row.claim for row in records.rows}
        acting = [each for each in records.open if each.leased(now) and each.id in claims]
        assert acting, f"3: {call.name} without a held claim and lease"
        mine = [each for each in acting if _concerns(each, call)]
        assert mine, f"3: {call.name} does not belong to {acting[0].kind} {acting[0].id}"
        return mine[0]

    def _hold_at_switch(self, call: Call, operation: Operation) -> None:
        seen = look.around(self._account)
        rows = [row for row in seen.records.rows if row.service]
        if call.params["ListenerArn"] != rows[0].application.production_listener:
            return
        (action,) = call.params["DefaultActions"]
        groups = {row.service.target_group: row.service.name for row in rows if row.service}
        slot, now = groups[action["TargetGroupArn"]], seen.listeners[look.PRODUCTION]
        ready, needed = seen.services[slot], seen.services[now]["runningCount"] if now else 1
        state = ready["deployments"][0]["rolloutState"]
        assert state == "COMPLETED", f"2: {slot} is still rolling out"
        assert ready["runningCount"] >= max(1, needed), f"2: {slot} is smaller than {now}"
        if now != slot:
            self._switches[call.number] = operation.id

    def _hold_at_slot(self, call: Call, operation: Operation) -> None:
        slot = call.params["service"]
        if "taskDefinition" not in call.params or operation.kind == "create":
            return
        live = look.around(self._account).listeners[look.PRODUCTION]
        assert operation.kind == "deploy-blue", f"5: a {operation.kind} changes {slot}"
        assert live != slot, f"10: {slot} is live"


def hold_always(records: Records) -> None:
    """Check promises 7 and 8, which are true at any time."""
    for operation in records.operations.values():
        hold_log(operation, records.events[operation.id])
    hold_refusals(
        event for identity in records.events.keys() - records.operations.keys()
        for event in records.events[identity]
    )  # fmt: skip
    for row in records.rows:
        holder = records.operations.get(row.claim or "")
        over = holder and holder.ended
        assert not over, f"8: the claim on {row.environment} outlives its operation"


def _concerns(operation: Operation, call: Call) -> bool:
    if call.operation in _KINDS:
        return operation.kind in _KINDS[call.operation]
    return _service(call.params) in {part.service for part in operation.progress}


def _service(params: Mapping[str, Any]) -> str:
    """Return the service of a call of ECS; the name of a family contains it."""
    if "service" in params:
        return str(params["service"])
    family = params.get("family") or params["taskDefinition"].rpartition("/")[2].split(":")[0]
    return str(family).partition("-")[2]


def _hold_inventory(seen: Seen) -> None:
    rows = {row.environment: row for row in seen.records.rows}
    for row in rows.values():
        if row.service and row.service.name in seen.services:
            _hold_row(row.environment, row.service, seen.services)
    for port, slot in seen.listeners.items():
        row = rows[_ROLES[port]]
        known = row.service.name if row.service else None
        follows = slot == known or row.drift
        assert follows, f"6: {row.environment} is {known}, its listener forwards to {slot}"
    assert seen.listeners.get(look.PRODUCTION, "-"), "1: production forwards to one slot"


def _hold_row(environment: Environment, service: Service, services: Mapping[str, Any]) -> None:
    name, running = service.task_definition, services[service.name]["taskDefinition"]
    assert running == name, f"6: {environment} runs {running}, its row has {name}"
    definition = look.task_definitions()[name]
    assert definition.status == "ACTIVE", f"9: {environment} runs a deregistered task definition"
    image = Image.parse(service.image)
    wanted = Image(image.repository, image.tag, service.digest).pinned
    found = definition.container_definitions[0]["image"]
    assert found == wanted, f"6: {environment} runs {found}, its row has {wanted}"


def _hold_no_definition_left(records: Records) -> None:
    services = [row.service for row in records.rows if row.service]
    known = {arn for each in services for arn in (each.task_definition, each.registered)}
    for arn, definition in look.task_definitions().items():
        tagged = any(tag["key"] == OPERATION_TAG for tag in definition.tags)
        left = tagged and definition.status == "ACTIVE" and arn not in known
        assert not left, f"9: {arn} remains without a record"


def _hold_no_stack_left(account: Account, records: Records) -> None:
    stacks = {row.application.stack_id for row in records.rows}
    for stack in look.stacks(account):
        assert stack["StackId"] in stacks, f"9: stack {stack['StackName']} remains"
