"""Short words for what the decisions look at, so that a case is one readable line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from devops_core import kinds
from devops_core.kinds.kind import Kind
from devops_core.model.decisions import Decision
from devops_core.model.observed import Deployment, Observed, RunningService, Stack, Template
from devops_core.model.operation import Operation, Progress, Status
from devops_core.model.service_spec import ServiceSpec
from devops_core.model.steps import Step
from devops_core.naming import Environment

START = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
NOW = START + timedelta(minutes=2)
BEFORE = START - timedelta(days=1)
ID = "01KG8Z0000000000000000TEST"
STACK_ID = "stack/MyApp/1"
TEMPLATE = Template(url="s3://bucket/key", version="v1", sha256="ab")
CONFIGURED = ServiceSpec(environment={"COLOUR": "blue"}, desired_count=2)


class Seen(NamedTuple):
    """A decision taken apart for comparing: its kind, its steps, and the reasons or the wait."""

    kind: str
    steps: tuple[Step, ...] = ()
    words: str = ""


def seen(decision: Any) -> Seen:
    """Return what a decision comes to."""
    operation = decision.operation
    words = {"Wait": operation.waiting_for or "", "Fail": "; ".join(operation.reasons)}
    kind = type(decision).__name__
    if kind == "Fail" and decision.keep_rows:
        kind = "Fail, keep rows"
    return Seen(kind, getattr(decision, "steps", ()), words.get(type(decision).__name__, ""))


def part(service: str = "dev", **changes: Any) -> Progress:
    """Return progress in a service; its environment follows from its name."""
    roles = {"prod-1": Environment.PROD_GREEN, "prod-2": Environment.PROD_BLUE}
    environment = roles.get(service) or Environment(service.upper())
    return replace(Progress(environment=environment, service=service), **changes)


def rolling(service: str = "dev", **changes: Any) -> Progress:
    """Return progress of a deploy of 1.1 over 1.0, registered and accepted by ECS."""
    facts: dict[str, Any] = {
        "wanted": "new", "previous": "old", "obsolete": "old", "version": "1.1",
        "image": "repo:1.1", "previous_version": "1.0", "asked_at": NOW, "sent": True,
    }  # fmt: skip
    return part(service, **(facts | changes))


def operation(kind: str = "deploy", *parts: Progress, **changes: Any) -> Operation:
    """Return an operation that began at START; `parts` default to one in dev.

    `changes` are members of the operation or of its kind's details.
    """
    rules = kinds.load(kind)
    own = {name: changes.pop(name) for name in _details_members(rules) if name in changes}
    details = rules.details and rules.details(**(_DETAILS.get(kind, {}) | own))
    base = Operation(
        id=ID,
        kind=kind,
        application="MyApp",
        caller="someone",
        requested_at=START,
        deadline=START + rules.limit,
        progress=parts or (part(),),
        details=details,
    )
    return replace(base, **changes)


_DETAILS: Mapping[str, Mapping[str, Any]] = {
    "create": {"service": ServiceSpec()},
    "swap": {"live": "prod-2", "idle": "prod-1"},
}


def _details_members(rules: Kind) -> tuple[str, ...]:
    return rules.details._fields if rules.details else ()


def decide(operation: Operation, observed: Observed, now: datetime) -> Decision:
    """Return the next decision of the operation's kind."""
    return kinds.load(operation.kind).decide(operation, observed, now)


def overdue(kind: str) -> datetime:
    """Return the moment at which an operation of a kind is overdue."""
    return START + kinds.load(kind).limit


def stack(status: str = "CREATE_COMPLETE", **changes: Any) -> Stack:
    """Return the operation's own stack."""
    return replace(Stack(id=STACK_ID, status=status, operation=ID), **changes)


def outputs(*services: str) -> dict[str, str]:
    """Return the outputs of a whole application; a task definition is named after its service."""
    shared = ("RepositoryUri", "ProductionListenerArn", "TestListenerArn", "ProductionUrl")
    made = dict.fromkeys((*shared, "TestUrl"), "x")
    for service in services:
        key = service.replace("-", "")
        made |= {f"{key}ServiceArn": service, f"{key}TargetGroupArn": service}
        made |= {f"{key}TaskDefinitionArn": f"{service}:1", f"{key}Url": f"http://{service}"}
    return made


def deployment(task_definition: str, state: str = "COMPLETED", **changes: Any) -> Deployment:
    """Return a primary deployment; `primary=False` for one that is on its way out."""
    return replace(
        Deployment(task_definition=task_definition, primary=True, state=state), **changes
    )


def failed(task_definition: str = "new", reason: str = "tasks failed to start.") -> Deployment:
    """Return a failed deployment that ECS still lists."""
    return deployment(task_definition, "FAILED", primary=False, reason=reason)


def service(
    *deployments: Deployment, name: str = "dev", desired: int = 1, **changes: Any
) -> RunningService:
    """Return a service in which all desired tasks run."""
    running = RunningService(
        name=name, active=True, desired=desired, running=desired, pending=0, deployments=deployments
    )
    return replace(running, **changes)


def observed(*services: RunningService, **changes: Any) -> Observed:
    """Return what was seen: these services, and what else is named."""
    return replace(Observed(services={each.name: each for each in services}), **changes)


def slot(name: str, desired: int = 1, *deployments: Deployment, **changes: Any) -> RunningService:
    """Return a production service at rest."""
    return service(*(deployments or (deployment("td"),)), name=name, desired=desired, **changes)


def production(live: str | None, test: str | None = None, **changes: Any) -> Observed:
    """Return production at rest: both slots healthy, the listeners forwarding as said."""
    seen_now = observed(
        slot("prod-1"),
        slot("prod-2"),
        production=live,
        test=test,
        healthy={"prod-1": 1, "prod-2": 1},
    )
    return replace(seen_now, **changes)


def swapping(**changes: Any) -> Operation:
    """Return a swap that makes prod-2 live."""
    parts = (part("prod-1"), part("prod-2"))
    return operation("swap", *parts, **changes)


def statuses(decision: Any) -> list[Status]:
    """Return how far each part of the decision's operation is."""
    return [each.status for each in decision.operation.progress]
