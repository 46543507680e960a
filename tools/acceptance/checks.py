"""Comparisons of responses with the expected state; each returns a text for each difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from devops_cli.responses import IN_PROGRESS, Object, get_object, get_objects, get_text

DEV, LIVE, IDLE = "DEV", "PROD-GREEN", "PROD-BLUE"
_ENDS = ("SUCCEEDED", "FAILED")
_REGISTRY_REFUSED = "is in a registry that this service does not allow"


@dataclass(frozen=True)
class Image:
    """An image with a tag, which is also its version."""

    repository: str
    tag: str

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"


@dataclass(frozen=True)
class Release:
    """A version and its digest; both are empty for the first image of the installation."""

    version: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Expected:
    """The expected state of an environment; `slot` is empty outside of production."""

    release: Release
    slot: str = ""


def release_of(stack: Object, environment: str) -> Release:
    """Return the release that the inventory has for an environment."""
    found = environment_of(stack, environment)
    return Release(get_text(found, "version"), get_text(found, "digest"))


def environment_of(stack: Object, environment: str) -> Object:
    """Return an environment of an application; an empty object if it is missing."""
    environments = get_objects(stack, "environments")
    return next((e for e in environments if get_text(e, "environment") == environment), {})


def of_inventory(stack: Object, expected: Mapping[str, Expected]) -> Iterator[str]:
    """Compare the rows of an application with the expected environments."""
    names = {get_text(each, "environment") for each in get_objects(stack, "environments")}
    if names != set(expected):
        yield f"the environments are {', '.join(sorted(names)) or 'missing'}"
    for name, wanted in expected.items():
        row = environment_of(stack, name)
        members = {
            "status": ("ACTIVE", get_text(row, "status")),
            "version": (wanted.release.version, get_text(row, "version")),
            "slot": (wanted.slot, get_text(row, "slot")),
            "operation": ("", get_text(row, "operation")),
            "drift": ("", get_text(row, "drift")),
        }
        if wanted.release.version:
            members["digest"] = (wanted.release.digest, get_text(row, "digest"))
        for member, (right, actual) in members.items():
            if actual != right:
                yield f"{name}: {member} is {actual or 'missing'}, expected {right or 'none'}"


def of_tasks(stack: Object, expected: Mapping[str, Expected]) -> Iterator[str]:
    """Check that each environment has all its tasks, and that one slot is live."""
    for name in expected:
        row = environment_of(stack, name)
        tasks = get_object(row, "tasks")
        counts = [tasks.get(each) for each in ("desired", "running", "healthy")]
        numbers = [each for each in counts if isinstance(each, int)]
        if len(numbers) < len(counts):
            yield f"{name}: the state of the tasks is missing"
        elif min(numbers[1:]) < max(numbers[0], 1):
            yield f"{name}: {numbers[1]} running and {numbers[2]} healthy of {numbers[0]} tasks"
        if name in (LIVE, IDLE) and row.get("live") is not (name == LIVE):
            yield f"{name}: live is {row.get('live')}"


def of_events(events: Sequence[Object], operation: Object) -> Iterator[str]:
    """Compare the events of an operation, newest first, with its result."""
    status = get_text(operation, "status")
    ends: dict[str, list[str]] = {}
    for each in events:
        if get_text(each, "outcome") in _ENDS:
            ends.setdefault(get_text(each, "environment"), []).append(get_text(each, "outcome"))
    if get_text(events[-1] if events else None, "outcome") != "ACCEPTED":
        yield "the first event is not ACCEPTED"
    if ends.get("") != [status]:
        yield f"the log has {', '.join(ends.get('', ['no end']))}, the operation is {status}"
    for part in get_objects(operation, "environments"):
        name, result = get_text(part, "environment"), get_text(part, "status")
        if ends.get(name) != [result]:
            yield f"{name}: the log has {', '.join(ends.get(name, ['no end']))}, not {result}"


def of_operation(operation: Object, status: str) -> Iterator[str]:
    """Check that an operation ended with a status; the text has its reasons."""
    actual = get_text(operation, "status")
    if actual != status:
        yield f"the operation is {actual or 'missing'}: {reasons(operation)}"


def reasons(operation: Object) -> str:
    """Return the reasons of an operation, or the condition that it waits for."""
    found = operation.get("reasons")
    texts = [str(each) for each in found] if isinstance(found, list) else []
    if get_text(operation, "status") == IN_PROGRESS:
        texts.append(f"waiting for {get_text(operation, 'waitingFor') or 'an unknown condition'}")
    return "; ".join(texts) or "without a reason"


def with_remedy(refusal: str) -> str:
    """Return the reason of a refused deploy, with the options that help."""
    if _REGISTRY_REFUSED in refusal:
        return f"{refusal}. Use images of an allowed registry: --images FIRST SECOND"
    return refusal
