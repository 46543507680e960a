"""The sequential specification of the service: rows, claims, documents and operations.

Each function takes the state before a step and returns the state after it, None if the step is
impossible. Only the end of an operation is specified, not its progress.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from devops_core.naming import PRODUCTION, PROMOTABLE, Environment
from tests.lab.effective import SIZES, effective_settings
from tests.lab.swap_steps import ALL
from tests.proofs.races.swap_state import NEW_SWAP, SwapState

# The application and the environment of a row.
Key = tuple[str, Environment]
_GREEN, _BLUE = Environment.PROD_GREEN, Environment.PROD_BLUE
# The kinds of operation that hold the specification of an application.
_HOLD_SPECIFICATION = ("create", "update", "upgrade", "delete")
# Settings that no task has; the size of production changes at once, without a release.
_NOT_RUNNING = ("rolloutMinutes", "warmup")


@dataclass(frozen=True, slots=True)
class Document:
    """The present revision of a specification, as JSON text."""

    revision: int
    text: str

    @classmethod
    def of(cls, revision: int, content: Mapping[str, Any]) -> Document:
        """Return a revision of a document."""
        return cls(revision, json.dumps(content, sort_keys=True))

    def settings(self, environment: Environment) -> str:
        """Return the settings that a release runs in an environment, as JSON text."""
        left_out = {*_NOT_RUNNING, *(SIZES if environment in PRODUCTION else ())}
        settings = self._effective(environment)
        kept = {name: value for name, value in settings.items() if name not in left_out}
        return json.dumps(kept, sort_keys=True)

    def size(self, environment: Environment) -> dict[str, Any]:
        """Return the task count or the scaling of an environment, if the document has one."""
        settings = self._effective(environment)
        return {name: settings[name] for name in SIZES if name in settings}

    def patched(self, patch: Mapping[str, Any]) -> Document:
        """Return the next revision after a merge patch, the same one without a change."""
        return self.replaced(_merged(json.loads(self.text), patch))

    def replaced(self, content: Mapping[str, Any]) -> Document:
        """Return the next revision with another content, the same one without a change."""
        changed = Document.of(self.revision + 1, content)
        return self if changed.text == self.text else changed

    @property
    def environments(self) -> set[Environment]:
        """The environments except production."""
        named: Mapping[str, Any] = json.loads(self.text).get("environments", {})
        others = [name for name in ("training", "da") if named.get(name)]
        return {Environment(name.upper()) for name in (*named.get("nonProd", ["dev"]), *others)}

    def _effective(self, environment: Environment) -> dict[str, Any]:
        return effective_settings(json.loads(self.text), environment)


def _merged(content: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a merge patch (RFC 7396)."""
    result = {**content}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            inner = content.get(name)
            result[name] = _merged(inner if isinstance(inner, Mapping) else {}, value)
        else:
            result[name] = value
    return result


@dataclass(frozen=True, slots=True)
class RowState:
    """An inventory row: the operation that claims it, its version and its settings.

    The settings of a release of another tool are None.
    """

    holder: str | None = None
    version: str | None = None
    settings: str | None = None


# Values by environment.
Values = tuple[tuple[Environment, str | None], ...]


@dataclass(frozen=True, slots=True)
class OperationState:
    """An operation; `versions` and `settings` are those of its releases by environment.

    `swap` is the progress of a swap. `document` is the revision that becomes the present one as
    soon as the stack has its environments, None for a change without the stack.
    """

    kind: str
    application: str
    versions: Values = ()
    settings: Values = ()
    status: str = "IN_PROGRESS"
    aborted: bool = False
    swap: SwapState = NEW_SWAP
    document: Document | None = None


@dataclass(frozen=True)
class State:
    """The state of the service; `keys` has body and operation by Idempotency-Key.

    `documents` are the present specifications by application. `earlier_keys` are the keys of
    requests for an earlier application, which was deleted. `upgraded` has the applications whose
    stack has the newest template.
    """

    rows: Mapping[Key, RowState] = field(default_factory=dict)
    operations: Mapping[str, OperationState] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    earlier_keys: frozenset[str] = frozenset()
    documents: Mapping[str, Document] = field(default_factory=dict)
    upgraded: frozenset[str] = frozenset()

    def __hash__(self) -> int:
        return hash((frozenset(self.rows.items()), frozenset(self.operations.items())))

    def rows_of(self, application: str) -> dict[Environment, RowState]:
        """Return the rows of an application."""
        return {name: row for (owner, name), row in self.rows.items() if owner == application}

    def holder(self, application: str) -> str | None:
        """Return the operation that holds the specification of an application."""
        for identifier, operation in self.operations.items():
            own = operation.application == application and operation.status == "IN_PROGRESS"
            if own and operation.kind in _HOLD_SPECIFICATION:
                return identifier
        return None

    def settings(
        self, application: str, environments: Iterable[Environment]
    ) -> dict[Environment, str | None]:
        """Return the present settings of environments, none without a specification."""
        document = self.documents.get(application)
        return {name: document.settings(name) for name in environments} if document else {}

    def with_rows(self, rows: Mapping[Key, RowState]) -> State:
        """Return this state with changed rows."""
        return replace(self, rows={**self.rows, **rows})

    def with_operation(self, identifier: str, operation: OperationState) -> State:
        """Return this state with a changed operation."""
        return replace(self, operations={**self.operations, identifier: operation})

    def with_document(self, application: str, document: Document | None) -> State:
        """Return this state with a changed specification; None removes it."""
        others = {name: each for name, each in self.documents.items() if name != application}
        changed = {application: document} if document else {}
        return replace(self, documents=others | changed)


Apply = Callable[[State], State | None]


@dataclass(frozen=True, slots=True)
class StartRequest:
    """A request that starts an operation; `key` is its Idempotency-Key.

    `content` is the document of a create or an update, as JSON text; with `patches` it is a merge
    patch. `expected` is the revision that an update expects.
    """

    kind: str
    body: str
    application: str
    environments: tuple[Environment, ...] = ()
    version: str | None = None
    key: str | None = None
    content: str = "{}"
    patches: bool = False
    expected: int | None = None

    def needs(self, state: State) -> Iterable[Environment]:
        """Return the environments whose rows it claims."""
        if self.kind in ("deploy", "create"):
            return self.environments
        if self.kind == "upgrade":
            return ()
        if self.kind == "update":
            return [*self._outdated(state), *self._resized(state), *self._removed(state)]
        return state.rows_of(self.application) if self.kind == "delete" else PRODUCTION

    def document(self, state: State) -> Document | None:
        """Return the specification after the request, None without an application."""
        content, present = json.loads(self.content), state.documents.get(self.application)
        if self.kind == "create":
            return Document.of(1, content)
        if self.kind != "update" or present is None:
            return present
        return present.patched(content) if self.patches else present.replaced(content)

    def pending(self, state: State) -> Document | None:
        """Return the revision that needs another stack, None for a request that needs none."""
        before, after = state.documents.get(self.application), self.document(state)
        if self.kind != "update" or before is None or after is None:
            return None
        return after if after.environments != before.environments else None

    def added(self, state: State) -> set[Environment]:
        """Return the environments that an update adds."""
        document = self.pending(state)
        return document.environments - state.rows_of(self.application).keys() if document else set()

    def _removed(self, state: State) -> set[Environment]:
        document = self.pending(state)
        if document is None:
            return set()
        return state.rows_of(self.application).keys() - document.environments - {*PRODUCTION}

    def _outdated(self, state: State) -> Iterable[Environment]:
        """Return the environments that an update rolls out."""
        document = self.document(state)
        for name, row in state.rows_of(self.application).items():
            remains = document and name in document.environments
            if document and remains and row.settings != document.settings(name):
                yield name

    def _resized(self, state: State) -> Iterable[Environment]:
        """Return production if an update changes only its task count or its scaling."""
        before, after = state.documents.get(self.application), self.document(state)
        if before is None or after is None:
            return ()
        same_settings = before.settings(_GREEN) == after.settings(_GREEN)
        return PRODUCTION if same_settings and before.size(_GREEN) != after.size(_GREEN) else ()

    def swap(self, state: State) -> SwapState:
        """Return a new swap: its policy is that of the specification with members of the body."""
        present = state.documents.get(self.application)
        policy = json.loads(present.text).get("production", {}) if present else {}
        return SwapState.of({**policy, **json.loads(self.content)})


def accepted(start: StartRequest, identifier: str, state: State) -> State | None:
    """Accept an operation, or return the known one of the Idempotency-Key."""
    if start.key is not None and start.key in state.keys:
        known = state.keys[start.key] == (start.body, identifier)
        return state if known else None
    if start.key in state.earlier_keys:
        known = identifier in state.operations and not state.rows_of(start.application)
        return state if known else None
    if _returned_swap(start, state) == identifier:
        return aborted(identifier, state)
    operation = _started_operation(start, state)
    if operation is None or identifier in state.operations:
        return None
    rows = state.rows_of(start.application)
    claimed = {
        (start.application, name): replace(rows.get(name, RowState()), holder=identifier)
        for name in (*start.needs(state), *start.added(state))
    }
    after = state.with_rows(claimed).with_operation(identifier, operation)
    if operation.document is None:
        after = after.with_document(start.application, start.document(state))
    if start.key is None:
        return after
    return replace(after, keys={**after.keys, start.key: (start.body, identifier)})


def _returned_swap(start: StartRequest, state: State) -> str | None:
    """Return the swap in progress that a request rolls back: it names the release before it."""
    rows = state.rows_of(start.application)
    if start.kind != "swap" or start.version is None or _GREEN not in rows:
        return None
    green, blue = rows[_GREEN], rows[_BLUE]
    operation = state.operations.get(green.holder or "")
    names_previous = start.version == green.version and start.version != blue.version
    swaps = operation is not None and operation.kind == "swap"
    return green.holder if swaps and names_previous else None


def _started_operation(start: StartRequest, state: State) -> OperationState | None:
    """Return the operation of a request, None if the request must be refused."""
    rows = state.rows_of(start.application)
    if start.kind == "create":
        versions: dict[Environment, str | None] = dict.fromkeys(start.environments)
        document = Document.of(1, json.loads(start.content))
        settings = {name: document.settings(name) for name in start.environments}
        return (
            None
            if _name_is_taken(start.application, state)
            else _operation(start, versions, settings)
        )
    needed = list(start.needs(state))
    if not rows or any(name not in rows or rows[name].holder for name in needed):
        return None
    if start.kind in _HOLD_SPECIFICATION and state.holder(start.application):
        return None
    if start.kind in ("delete", "upgrade"):
        return _started_change_of_stack(start, state)
    if start.kind == "update":
        return _started_update(start, needed, state)
    # A restart has no version: the present one remains.
    versions = dict.fromkeys(needed, start.version) if start.version else {}
    wanted = state.settings(start.application, needed)
    if start.kind == "swap":
        green, blue = rows[_GREEN].version, rows[_BLUE].version
        versions = {_GREEN: blue, _BLUE: green}
        wanted = {_GREEN: rows[_BLUE].settings, _BLUE: rows[_GREEN].settings}
        if start.version and (start.version == green or start.version != blue):
            return None
        return replace(_operation(start, versions, wanted), swap=start.swap(state))
    if start.kind == "deploy-blue":
        source = next((name for name in PROMOTABLE if name in rows and rows[name].version), None)
        if source is None or rows[source].holder or not _deployable(start, state):
            return None
        versions = {_BLUE: rows[source].version}
        wanted = state.settings(start.application, [_BLUE])
    return _operation(start, versions, wanted)


def _started_change_of_stack(start: StartRequest, state: State) -> OperationState | None:
    """Return the operation of a delete or an upgrade, None if the upgrade changes nothing."""
    done = start.kind == "upgrade" and start.application in state.upgraded
    return None if done else _operation(start, {}, {})


def _operation(
    start: StartRequest,
    versions: Mapping[Environment, str | None],
    settings: Mapping[Environment, str | None],
) -> OperationState:
    parts = tuple(versions.items()), tuple(settings.items())
    return OperationState(start.kind, start.application, *parts)


def _started_update(
    start: StartRequest, needed: Collection[Environment], state: State
) -> OperationState | None:
    """Return the operation of an update, None if it is refused or changes nothing."""
    document, present = start.document(state), state.documents.get(start.application)
    if document is None or present is None or (document == present and not needed):
        return None
    if start.expected not in (None, present.revision):
        return None
    wanted = {*needed, *start.added(state)} & document.environments
    settings = {name: document.settings(name) for name in wanted}
    return replace(_operation(start, {}, settings), document=start.pending(state))


def claimed(
    application: str, revision: int | None, corrections: Mapping[Key, RowState], state: State
) -> State | None:
    """Claim an operation in the tables; a `revision` that it names must be the present one.

    `corrections` are the rows whose release another tool deployed.
    """
    documents = [state.documents.get(application)]
    documents += [each.document for each in state.operations.values()
                  if each.application == application and each.status == "IN_PROGRESS"]  # fmt: skip
    known = [None, *(each.revision for each in documents if each)]
    if revision not in known:
        return None
    return state.with_rows(
        {key: replace(row, holder=state.rows[key].holder) for key, row in corrections.items()}
    )


def nothing_to_do(start: StartRequest, state: State) -> State | None:
    """Respond to an update without effect, or to a swap whose version is live."""
    rows = state.rows_of(start.application)
    if start.kind == "update":
        document = start.document(state)
        same = document == state.documents.get(start.application) and not [*start.needs(state)]
        return state if same and state.holder(start.application) is None else None
    if start.kind == "upgrade":
        free = state.holder(start.application) is None
        return state if free and start.application in state.upgraded else None
    if start.kind != "swap" or not rows:
        return None
    live, operation = rows[_GREEN].version, state.operations.get(rows[_GREEN].holder or "")
    if operation:
        switched = operation.kind == "swap" and operation.swap.weight == ALL
        live = dict(operation.versions)[_GREEN] if switched else None
    return state if live and live == start.version else None


def refused(start: StartRequest, code: str, holder: str | None, state: State) -> State | None:
    """Refuse to start an operation; the code must be true."""
    rows = state.rows_of(start.application)
    needs = set(start.needs(state))
    consulted = needs | set(PROMOTABLE) if start.kind == "deploy-blue" else needs
    free = bool(rows) and not any(rows[name].holder for name in needs if name in rows)
    held = start.kind in _HOLD_SPECIFICATION and state.holder(start.application) == holder
    present = state.documents.get(start.application)
    other_revision = present is not None and start.expected not in (None, present.revision)
    other_body = state.keys.get(start.key or "", (start.body,))[0] != start.body
    reasons = {
        "BUSY": holder is not None
        and (held or any(rows[name].holder == holder for name in consulted if name in rows)),
        "PRECONDITION_FAILED": other_revision,
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
    """Return whether a version exists to promote, with the present settings, or to swap to."""
    rows = state.rows_of(start.application)
    if start.kind == "deploy-blue":
        source = next((name for name in PROMOTABLE if name in rows and rows[name].version), None)
        present = state.settings(start.application, [source] if source else [])
        return source is not None and present.get(source) in (None, rows[source].settings)
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


def shifted(application: str, weight: int, state: State) -> State | None:
    """Change the share of the customers of the new release; only a swap with a claim can do it."""
    green = state.rows_of(application).get(_GREEN)
    operation = state.operations.get(green.holder or "") if green else None
    if green is None or operation is None or operation.kind != "swap":
        return None
    swap = operation.swap.shifted(weight, aborted=operation.aborted)
    if swap is None:
        return None
    return state.with_operation(green.holder or "", replace(operation, swap=swap))


def recorded(identifier: str, awaiting: bool, returning: bool, state: State) -> State | None:
    """Record that a swap waits for an approval, or that all customers return.

    A return is final.
    """
    operation = state.operations.get(identifier)
    if operation is None or (operation.swap.returning and not returning):
        return None
    swap = replace(operation.swap, awaiting=awaiting, returning=returning)
    return state.with_operation(identifier, replace(operation, swap=swap))


def advanced(identifier: str, action: str, state: State) -> State | None:
    """Approve or finish a swap; a repetition has no effect, and no return is continued."""
    operation = state.operations.get(identifier)
    if operation is None or operation.kind != "swap":
        return None
    swap = operation.swap
    if operation.status != "IN_PROGRESS":
        return state if _is_repeated(action, operation) else None
    if operation.aborted or swap.returning:
        return None
    if action == "continue":
        if not (swap.approved or swap.waits_for_approval):
            return None
        swap = replace(swap, approved=True)
    else:
        finished = swap.with_finish()
        if finished is None:
            return None
        swap = finished
    return state.with_operation(identifier, replace(operation, swap=swap))


def _is_repeated(action: str, operation: OperationState) -> bool:
    """Return whether a call to continue or to finish was accepted before."""
    return operation.swap.finished if action == "finish" else operation.swap.approved


def not_advanced(identifier: str, action: str, code: str, state: State) -> State | None:
    """Refuse to approve or to finish an operation; the code must be true."""
    operation = state.operations.get(identifier)
    over = operation is not None and operation.status != "IN_PROGRESS"
    reasons = {
        "NOT_FOUND": operation is None,
        "ALREADY_ENDED": over and operation is not None and not _is_repeated(action, operation),
        "CONFLICT": not over and advanced(identifier, action, state) is None,
        "CHANGED_MEANWHILE": True,
    }
    return state if reasons.get(code) else None


def not_forced(identifier: str, code: str, state: State) -> State | None:
    """Refuse to end an operation by force; the code must be true."""
    operation = state.operations.get(identifier)
    over = operation is not None and operation.status != "IN_PROGRESS"
    reasons = {
        "NOT_FOUND": operation is None,
        "ALREADY_ENDED": over,
        "NOT_BLOCKED": not over and operation is not None and not operation.aborted,
        "CHANGED_MEANWHILE": True,
    }
    return state if reasons.get(code) else None


def ended(
    identifier: str,
    status: str,
    done: Collection[Environment],
    adopts: bool,
    forced: bool,
    state: State,
) -> State | None:
    """End an operation once; a deploy succeeded in `done`.

    `adopts` means that the revision of an update becomes the present one with its end. A swap that
    was aborted, or that has recorded a return, ends with all customers on the previous release,
    except for a `forced` end.
    """
    operation = state.operations.get(identifier)
    if operation is None or operation.status != "IN_PROGRESS":
        return None
    succeeded = status == "SUCCEEDED"
    if operation.aborted and operation.kind == "create" and succeeded:
        return None
    if operation.kind == "swap" and not _can_end(operation, succeeded=succeeded, forced=forced):
        return None
    if adopts is not (operation.document is not None) and (adopts or succeeded):
        return None
    claimed = {key: row for key, row in state.rows.items() if row.holder == identifier}
    after = state.with_operation(identifier, replace(operation, status=status))
    if operation.kind == "upgrade" and succeeded:
        return replace(after, upgraded=after.upgraded | {operation.application})
    if (operation.kind == "delete" and succeeded) or (operation.kind == "create" and not succeeded):
        left = {key: row for key, row in after.rows.items() if key not in claimed}
        return replace(after, rows=left).with_document(operation.application, None)
    versions, settings = dict(operation.versions), dict(operation.settings)
    partial = done if operation.kind in ("deploy", "update") else ()
    free = {
        (application, name): RowState(
            version=versions.get(name, row.version),
            settings=settings.get(name, row.settings),
        )
        if succeeded or name in partial
        else RowState(version=row.version, settings=row.settings)
        for (application, name), row in claimed.items()
    }
    after = after.with_rows(free)
    document = operation.document
    if document is None:
        return after
    if adopts:
        after = after.with_document(operation.application, document)
    environments = {*after.documents[operation.application].environments, *PRODUCTION}
    existing = {
        key: row
        for key, row in after.rows.items()
        if key[0] != operation.application or key[1] in environments
    }
    return replace(after, rows=existing)


def _can_end(operation: OperationState, *, succeeded: bool, forced: bool) -> bool:
    """Return whether a swap can end with its present weight."""
    if succeeded:
        return operation.swap.weight == ALL and not (operation.aborted or operation.swap.returning)
    return forced or operation.swap.weight == 0


def corrected(
    identifier: str,
    status: str,
    application: str,
    corrections: Mapping[Environment, RowState],
    state: State,
) -> State | None:
    """Correct rows that no operation claims."""
    rows = {(application, name): row for name, row in corrections.items()}
    if any(key not in state.rows or state.rows[key].holder for key in rows):
        return None
    return state.with_rows(rows).with_operation(
        identifier, OperationState("repair", application, status=status)
    )


def at_rest(
    rows: Mapping[Key, RowState],
    records: Mapping[str, tuple[str, bool]],
    documents: Mapping[str, Document],
    state: State,
) -> State | None:
    """Compare the tables with this state after all operations have ended.

    `records` has the status of each operation and whether it was aborted.
    """
    expected = dict(state.rows), dict(state.documents)
    operations = {
        name: (operation.status, operation.aborted) for name, operation in state.operations.items()
    }
    free = not any(row.holder for row in state.rows.values())
    same = expected == (rows, documents) and operations == records
    return state if free and same else None
