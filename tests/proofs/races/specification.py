"""The sequential specification of the service: rows, claims and operations.

Each function takes the state before a step and returns the state after it, None if the step is
impossible. Only the end of an operation is specified, not its progress.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from devops_core.naming import PRODUCTION, PROMOTABLE, Environment

# The application and the environment of a row.
Key = tuple[str, Environment]
_GREEN, _BLUE = Environment.PROD_GREEN, Environment.PROD_BLUE


@dataclass(frozen=True, slots=True)
class RowState:
    """An inventory row: the operation that claims it, and its version."""

    holder: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class OperationState:
    """An operation; `versions` has its versions by environment.

    `switched` means that a swap has switched the production listener.
    """

    kind: str
    application: str
    versions: tuple[tuple[Environment, str | None], ...] = ()
    status: str = "IN_PROGRESS"
    aborted: bool = False
    switched: bool = False


@dataclass(frozen=True)
class State:
    """The state of the service; `keys` has body and operation by Idempotency-Key.

    `earlier_keys` are the keys of requests for an earlier application, which was deleted.
    """

    rows: Mapping[Key, RowState] = field(default_factory=dict)
    operations: Mapping[str, OperationState] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    earlier_keys: frozenset[str] = frozenset()

    def __hash__(self) -> int:
        return hash((frozenset(self.rows.items()), frozenset(self.operations.items())))

    def rows_of(self, application: str) -> dict[Environment, RowState]:
        """Return the rows of an application."""
        return {name: row for (owner, name), row in self.rows.items() if owner == application}

    def with_rows(self, rows: Mapping[Key, RowState]) -> State:
        """Return this state with changed rows."""
        return replace(self, rows={**self.rows, **rows})

    def with_operation(self, identifier: str, operation: OperationState) -> State:
        """Return this state with a changed operation."""
        return replace(self, operations={**self.operations, identifier: operation})


Apply = Callable[[State], State | None]


@dataclass(frozen=True, slots=True)
class StartRequest:
    """A request that starts an operation; `key` is its Idempotency-Key."""

    kind: str
    body: str
    application: str
    environments: tuple[Environment, ...] = ()
    version: str | None = None
    key: str | None = None

    def needs(self, state: State) -> Iterable[Environment]:
        """Return the environments whose rows it claims."""
        if self.kind in ("deploy", "create"):
            return self.environments
        return state.rows_of(self.application) if self.kind == "delete" else PRODUCTION


def accepted(start: StartRequest, identifier: str, state: State) -> State | None:
    """Accept an operation, or return the known one of the Idempotency-Key."""
    if start.key is not None and start.key in state.keys:
        known = state.keys[start.key] == (start.body, identifier)
        return state if known else None
    if start.key in state.earlier_keys:
        known = identifier in state.operations and not state.rows_of(start.application)
        return state if known else None
    operation = _started_operation(start, state)
    if operation is None or identifier in state.operations:
        return None
    rows = state.rows_of(start.application)
    claimed = {
        (start.application, name): replace(rows.get(name, RowState()), holder=identifier)
        for name in start.needs(state)
    }
    after = state.with_rows(claimed).with_operation(identifier, operation)
    if start.key is None:
        return after
    return replace(after, keys={**after.keys, start.key: (start.body, identifier)})


def _started_operation(start: StartRequest, state: State) -> OperationState | None:
    """Return the operation of a request, None if the request must be refused."""
    rows = state.rows_of(start.application)
    if start.kind == "create":
        versions: dict[Environment, str | None] = dict.fromkeys(start.environments)
        operation = OperationState(start.kind, start.application, tuple(versions.items()))
        return None if _name_is_taken(start.application, state) else operation
    needed = list(start.needs(state))
    if not rows or any(name not in rows or rows[name].holder for name in needed):
        return None
    versions = dict.fromkeys(needed, start.version)
    if start.kind == "swap":
        green, blue = rows[_GREEN].version, rows[_BLUE].version
        versions = {_GREEN: blue, _BLUE: green}
        if start.version and (start.version == green or start.version != blue):
            return None
    if start.kind == "deploy-blue":
        source = next((name for name in PROMOTABLE if name in rows and rows[name].version), None)
        if source is None or rows[source].holder:
            return None
        versions = {_BLUE: rows[source].version}
    return OperationState(start.kind, start.application, tuple(versions.items()))


def nothing_to_do(start: StartRequest, state: State) -> State | None:
    """Respond to a swap whose version is live by the production listener."""
    rows = state.rows_of(start.application)
    if start.kind != "swap" or not rows:
        return None
    live, operation = rows[_GREEN].version, state.operations.get(rows[_GREEN].holder or "")
    if operation:
        live = dict(operation.versions)[_GREEN] if operation.switched else None
    return state if live and live == start.version else None


def refused(start: StartRequest, code: str, holder: str | None, state: State) -> State | None:
    """Refuse to start an operation; the code must be true."""
    rows = state.rows_of(start.application)
    needs = set(start.needs(state))
    consulted = needs | set(PROMOTABLE) if start.kind == "deploy-blue" else needs
    free = bool(rows) and not any(rows[name].holder for name in needs if name in rows)
    other_body = state.keys.get(start.key or "", (start.body,))[0] != start.body
    reasons = {
        "BUSY": any(rows[name].holder == holder for name in consulted if name in rows and holder),
        "ALREADY_EXISTS": start.kind == "create" and _name_is_taken(start.application, state),
        "NO_SUCH_APPLICATION": not rows,
        "NO_SUCH_ENVIRONMENT": bool(rows) and not needs <= rows.keys(),
        "NOT_DEPLOYABLE": free and not _deployable(start, state),
        "NOT_READY": free and start.kind == "swap" and rows[_BLUE].version is None,
        "IDEMPOTENCY_KEY_REUSED": other_body or (bool(rows) and start.key in state.earlier_keys),
        "CHANGED_MEANWHILE": True,
    }
    return state if reasons.get(code) else None


def _deployable(start: StartRequest, state: State) -> bool:
    """Return whether a version exists to promote, or to swap to."""
    rows = state.rows_of(start.application)
    if start.kind == "deploy-blue":
        return any(rows[name].version for name in PROMOTABLE if name in rows)
    return start.kind != "swap" or _started_operation(start, state) is not None


def _name_is_taken(application: str, state: State) -> bool:
    """Return whether an application has this name, in upper or lower case."""
    return any(name.lower() == application.lower() for name, _ in state.rows)


def aborted(identifier: str, state: State) -> State | None:
    """Record an abort; a repetition has no effect."""
    operation = state.operations.get(identifier)
    if (
        operation is None
        or operation.kind == "delete"
        or not (operation.aborted or operation.status == "IN_PROGRESS")
    ):
        return None
    return state.with_operation(identifier, replace(operation, aborted=True))


def not_aborted(identifier: str, code: str, state: State) -> State | None:
    """Refuse an abort; the code must be true."""
    operation = state.operations.get(identifier)
    over = operation is not None and operation.status != "IN_PROGRESS"
    reasons = {
        "NOT_FOUND": operation is None,
        "ALREADY_ENDED": over and operation is not None and not operation.aborted,
        "NOT_ABORTABLE": not over and operation is not None and operation.kind == "delete",
        "CHANGED_MEANWHILE": True,
    }
    return state if reasons.get(code) else None


def read(identifier: str, status: str | None, state: State) -> State | None:
    """Return the status of an operation, None for an unknown operation."""
    operation = state.operations.get(identifier)
    return state if (operation.status if operation else None) == status else None


def switched(application: str, state: State) -> State | None:
    """Switch the production listener; only a swap that claims production can do it."""
    green = state.rows_of(application).get(_GREEN)
    operation = state.operations.get(green.holder or "") if green else None
    if green is None or operation is None or operation.kind != "swap":
        return None
    return state.with_operation(green.holder or "", replace(operation, switched=True))


def ended(
    identifier: str, status: str, done: Collection[Environment], state: State
) -> State | None:
    """End an operation once; a deploy succeeded in `done`."""
    operation = state.operations.get(identifier)
    if operation is None or operation.status != "IN_PROGRESS":
        return None
    succeeded = status == "SUCCEEDED"
    if operation.aborted and operation.kind == "create" and succeeded:
        return None
    if operation.kind == "swap" and operation.switched is not succeeded:
        return None
    claimed = {key: row for key, row in state.rows.items() if row.holder == identifier}
    after = state.with_operation(identifier, replace(operation, status=status))
    if (operation.kind == "delete" and succeeded) or (operation.kind == "create" and not succeeded):
        left = {key: row for key, row in after.rows.items() if key not in claimed}
        return replace(after, rows=left)
    versions: dict[Environment, Any] = (
        dict(operation.versions) if operation.kind != "delete" else {}
    )
    free = {
        (application, name): RowState(
            version=versions[name]
            if name in versions and (succeeded or (operation.kind == "deploy" and name in done))
            else row.version
        )
        for (application, name), row in claimed.items()
    }
    return after.with_rows(free)


def corrected(
    identifier: str,
    status: str,
    application: str,
    versions: Mapping[Environment, str | None],
    state: State,
) -> State | None:
    """Correct rows that no operation claims."""
    rows = {(application, name): RowState(version=version) for name, version in versions.items()}
    if any(key not in state.rows or state.rows[key].holder for key in rows):
        return None
    return state.with_rows(rows).with_operation(
        identifier, OperationState("repair", application, status=status)
    )


def at_rest(
    versions: Mapping[Key, str | None],
    records: Mapping[str, tuple[str, bool]],
    state: State,
) -> State | None:
    """Compare the tables with this state after all operations have ended.

    `versions` has the version of each row, `records` the status of each operation and whether it
    was aborted.
    """
    rows = {key: row.version for key, row in state.rows.items()}
    operations = {
        name: (operation.status, operation.aborted) for name, operation in state.operations.items()
    }
    free = not any(row.holder for row in state.rows.values())
    return state if free and (rows, operations) == (versions, records) else None
