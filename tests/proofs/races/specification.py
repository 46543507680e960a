"""The sequential specification of the service: rows, claims and operations.

Each function takes the state before a step and returns the state after it, None if the step is
impossible. Only the end of an operation is specified, not its progress.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from devops_core.naming import PRODUCTION, PROMOTABLE, Environment

# Application and environment.
Key = tuple[str, Environment]
_GREEN, _BLUE = Environment.PROD_GREEN, Environment.PROD_BLUE


@dataclass(frozen=True, slots=True)
class Place:
    """An inventory row: the operation that holds it, and its version."""

    holder: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
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
    """The state of the service; `keys` has body and operation by Idempotency-Key."""

    places: Mapping[Key, Place] = field(default_factory=dict)
    jobs: Mapping[str, Job] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((frozenset(self.places.items()), frozenset(self.jobs.items())))

    def of(self, application: str) -> dict[Environment, Place]:
        """Return the rows of an application."""
        return {name: place for (owner, name), place in self.places.items() if owner == application}

    def placed(self, places: Mapping[Key, Place]) -> State:
        """Return the state with changed rows."""
        return replace(self, places={**self.places, **places})

    def changed(self, identifier: str, job: Job) -> State:
        """Return the state with a changed operation."""
        return replace(self, jobs={**self.jobs, identifier: job})


Apply = Callable[[State], State | None]


@dataclass(frozen=True, slots=True)
class Start:
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
        return state.of(self.application) if self.kind == "delete" else PRODUCTION


def accepted(start: Start, identifier: str, state: State) -> State | None:
    """Accept an operation, or return the known one of the Idempotency-Key."""
    if start.key is not None and start.key in state.keys:
        known = state.keys[start.key] == (start.body, identifier)
        return state if known else None
    job = _job(start, state)
    if job is None or identifier in state.jobs:
        return None
    there = state.of(start.application)
    held = {
        (start.application, name): replace(there.get(name, Place()), holder=identifier)
        for name in start.needs(state)
    }
    after = state.placed(held).changed(identifier, job)
    if start.key is None:
        return after
    return replace(after, keys={**after.keys, start.key: (start.body, identifier)})


def _job(start: Start, state: State) -> Job | None:
    """Return the operation of a request, None if the request must be refused."""
    there = state.of(start.application)
    if start.kind == "create":
        versions: dict[Environment, str | None] = dict.fromkeys(start.environments)
        job = Job(start.kind, start.application, tuple(versions.items()))
        return None if _named(start.application, state) else job
    needed = list(start.needs(state))
    if not there or any(name not in there or there[name].holder for name in needed):
        return None
    versions = dict.fromkeys(needed, start.version)
    if start.kind == "swap":
        green, blue = there[_GREEN].version, there[_BLUE].version
        versions = {_GREEN: blue, _BLUE: green}
        if start.version and (start.version == green or start.version != blue):
            return None
    if start.kind == "deploy-blue":
        source = next((name for name in PROMOTABLE if name in there and there[name].version), None)
        if source is None or there[source].holder:
            return None
        versions = {_BLUE: there[source].version}
    return Job(start.kind, start.application, tuple(versions.items()))


def nothing_to_do(start: Start, state: State) -> State | None:
    """Respond to a swap whose version is live already, by the production listener."""
    there = state.of(start.application)
    if start.kind != "swap" or not there:
        return None
    live, job = there[_GREEN].version, state.jobs.get(there[_GREEN].holder or "")
    if job:
        live = dict(job.versions)[_GREEN] if job.switched else None
    return state if live and live == start.version else None


def refused(start: Start, code: str, holder: str | None, state: State) -> State | None:
    """Refuse to start an operation for a true reason."""
    there = state.of(start.application)
    needs = set(start.needs(state))
    looks_at = needs | set(PROMOTABLE) if start.kind == "deploy-blue" else needs
    free = bool(there) and not any(there[name].holder for name in needs if name in there)
    reasons = {
        "BUSY": any(there[name].holder == holder for name in looks_at if name in there and holder),
        "ALREADY_EXISTS": start.kind == "create" and _named(start.application, state),
        "NO_SUCH_APPLICATION": not there,
        "NO_SUCH_ENVIRONMENT": bool(there) and not needs <= there.keys(),
        "NOT_DEPLOYABLE": free and not _deployable(start, state),
        "NOT_READY": free and start.kind == "swap" and there[_BLUE].version is None,
        "IDEMPOTENCY_KEY_REUSED": state.keys.get(start.key or "", (start.body,))[0] != start.body,
        "CHANGED_MEANWHILE": True,
    }
    return state if reasons.get(code) else None


def _deployable(start: Start, state: State) -> bool:
    """Return whether a version exists to promote, or to swap to."""
    there = state.of(start.application)
    if start.kind == "deploy-blue":
        return any(there[name].version for name in PROMOTABLE if name in there)
    return start.kind != "swap" or _job(start, state) is not None


def _named(application: str, state: State) -> bool:
    """Return whether an application has this name, in upper or lower case."""
    return any(name.lower() == application.lower() for name, _ in state.places)


def aborted(identifier: str, state: State) -> State | None:
    """Record an abort; a repetition changes nothing."""
    job = state.jobs.get(identifier)
    if job is None or job.kind == "delete" or not (job.aborted or job.status == "IN_PROGRESS"):
        return None
    return state.changed(identifier, replace(job, aborted=True))


def not_aborted(identifier: str, code: str, state: State) -> State | None:
    """Refuse an abort for a true reason."""
    job = state.jobs.get(identifier)
    over = job is not None and job.status != "IN_PROGRESS"
    reasons = {
        "NOT_FOUND": job is None,
        "ALREADY_ENDED": over and job is not None and not job.aborted,
        "NOT_ABORTABLE": not over and job is not None and job.kind == "delete",
        "CHANGED_MEANWHILE": True,
    }
    return state if reasons.get(code) else None


def read(identifier: str, status: str | None, state: State) -> State | None:
    """Return the status of an operation, None for an unknown operation."""
    job = state.jobs.get(identifier)
    return state if (job.status if job else None) == status else None


def switched(application: str, state: State) -> State | None:
    """Switch production; only a swap that holds production does this."""
    green = state.of(application).get(_GREEN)
    job = state.jobs.get(green.holder or "") if green else None
    if green is None or job is None or job.kind != "swap":
        return None
    return state.changed(green.holder or "", replace(job, switched=True))


def ended(
    identifier: str, status: str, done: Collection[Environment], state: State
) -> State | None:
    """End an operation, once only; `done` has the environments in which a deploy succeeded."""
    job = state.jobs.get(identifier)
    if job is None or job.status != "IN_PROGRESS":
        return None
    succeeded = status == "SUCCEEDED"
    if job.aborted and job.kind == "create" and succeeded:
        return None
    if job.kind == "swap" and job.switched is not succeeded:
        return None
    held = {key: place for key, place in state.places.items() if place.holder == identifier}
    after = state.changed(identifier, replace(job, status=status))
    if (job.kind == "delete" and succeeded) or (job.kind == "create" and not succeeded):
        left = {key: place for key, place in after.places.items() if key not in held}
        return replace(after, places=left)
    versions: dict[Environment, Any] = dict(job.versions) if job.kind != "delete" else {}
    free = {
        (application, name): Place(
            version=versions[name]
            if name in versions and (succeeded or (job.kind == "deploy" and name in done))
            else place.version
        )
        for (application, name), place in held.items()
    }
    return after.placed(free)


def corrected(
    identifier: str,
    status: str,
    application: str,
    versions: Mapping[Environment, str | None],
    state: State,
) -> State | None:
    """Correct free rows."""
    places = {(application, name): Place(version=version) for name, version in versions.items()}
    if any(key not in state.places or state.places[key].holder for key in places):
        return None
    return state.placed(places).changed(identifier, Job("repair", application, status=status))


def at_rest(
    versions: Mapping[Key, str | None],
    records: Mapping[str, tuple[str, bool]],
    state: State,
) -> State | None:
    """Compare the records after all operations have ended.

    They are the version of each row, and for each operation its status and whether it was aborted.
    """
    there = {key: place.version for key, place in state.places.items()}
    jobs = {name: (job.status, job.aborted) for name, job in state.jobs.items()}
    free = not any(place.holder for place in state.places.values())
    return state if free and (there, jobs) == (versions, records) else None
